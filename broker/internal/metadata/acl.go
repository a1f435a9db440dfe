package metadata

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ClusterName is the name of the one resource of type CLUSTER.
const ClusterName = "kafka-cluster"

// MaxACLs bounds the ACLs of a cluster: all of them are in memory, and are
// looked through when they are described.
const MaxACLs = 1_000_000

// ACL is one rule: principal is allowed or denied an operation, from a host,
// on the resources that a pattern matches. It is comparable: two equal ones
// are one and the same rule.
type ACL struct {
	Resource   kmsg.ACLResourceType
	Name       string // of the resource, a prefix of names, or * for all
	Pattern    kmsg.ACLResourcePatternType
	Principal  string // User:alice, or User:* for everyone
	Host       string // an address, or * for all
	Operation  kmsg.ACLOperation
	Permission kmsg.ACLPermissionType
}

func (a ACL) compare(b ACL) int {
	return cmp.Or(
		cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Host, b.Host),
		cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Permission, b.Permission),
	)
}

// ACLs is the set of all ACLs at one time. It is immutable, and another one
// after each change: who derives something of it can compare the pointers.
type ACLs struct{ set map[ACL]struct{} }

var noACLs = new(ACLs)

// Len counts the ACLs.
func (s *ACLs) Len() int { return len(s.set) }

// Has tells whether a is in the set.
func (s *ACLs) Has(a ACL) bool {
	_, ok := s.set[a]
	return ok
}

// Sorted lists the ACLs in a fixed order.
func (s *ACLs) Sorted() []ACL { return slices.SortedFunc(maps.Keys(s.set), ACL.compare) }

// ACLs returns the ACLs of the image, never nil.
func (i *Image) ACLs() *ACLs {
	if i.acls == nil {
		return noACLs
	}
	return i.acls
}

// ACLRecord adds an ACL. One that exists stays as it is.
type ACLRecord struct{ ACL ACL }

// RemoveACLRecord removes an ACL. RESOURCE_NOT_FOUND if there is none such.
type RemoveACLRecord struct{ ACL ACL }

func (*ACLRecord) kind() kind       { return kindACL }
func (*RemoveACLRecord) kind() kind { return kindRemoveACL }

func (m *ACLRecord) append(dst []byte) []byte       { return m.ACL.append(dst) }
func (m *ACLRecord) read(r *kbin.Reader)            { m.ACL.read(r) }
func (m *RemoveACLRecord) append(dst []byte) []byte { return m.ACL.append(dst) }
func (m *RemoveACLRecord) read(r *kbin.Reader)      { m.ACL.read(r) }

func (a *ACL) append(dst []byte) []byte {
	dst = kbin.AppendInt8(dst, int8(a.Resource))
	dst = kbin.AppendInt8(dst, int8(a.Pattern))
	dst = kbin.AppendInt8(dst, int8(a.Operation))
	dst = kbin.AppendInt8(dst, int8(a.Permission))
	dst = kbin.AppendCompactString(dst, a.Name)
	dst = kbin.AppendCompactString(dst, a.Principal)
	return kbin.AppendCompactString(dst, a.Host)
}

func (a *ACL) read(r *kbin.Reader) {
	a.Resource = kmsg.ACLResourceType(r.Int8())
	a.Pattern = kmsg.ACLResourcePatternType(r.Int8())
	a.Operation = kmsg.ACLOperation(r.Int8())
	a.Permission = kmsg.ACLPermissionType(r.Int8())
	a.Name = r.CompactString()
	a.Principal = r.CompactString()
	a.Host = r.CompactString()
}

// ownACLs returns the set of the next image for writing.
func (b *builder) ownACLs() map[ACL]struct{} {
	if b.next.acls == b.prev.acls {
		b.next.acls = &ACLs{set: cloned(b.prev.ACLs().set)}
	}
	return b.next.acls.set
}

func (m *ACLRecord) apply(b *builder) error {
	set := b.ownACLs()
	if _, ok := set[m.ACL]; !ok && len(set) >= MaxACLs {
		return fmt.Errorf("there are %d ACLs already: %w", len(set), kerr.PolicyViolation)
	}
	set[m.ACL] = struct{}{}
	return nil
}

func (m *RemoveACLRecord) apply(b *builder) error {
	set := b.ownACLs()
	if _, ok := set[m.ACL]; !ok {
		return fmt.Errorf("acl of %q on %q: %w", m.ACL.Principal, m.ACL.Name, kerr.ResourceNotFound)
	}
	delete(set, m.ACL)
	return nil
}
