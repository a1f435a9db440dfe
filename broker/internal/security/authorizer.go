package security

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// StandardAuthorizer is the one value of authorizer.class.name that turns ACLs on.
const StandardAuthorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"

// Internal is the principal of clients in the broker's own process. It may do everything, and no login gives it: the
// principals of clients from outside begin with "User:".
const Internal = "Internal:chortal"

const (
	everyone = "User:*"
	anything = "*" // as host or as name of a resource
)

// AuthorizerConfig configures an Authorizer.
type AuthorizerConfig struct {
	// SuperUsers are principals who may do everything: super.users.
	SuperUsers []string
	// AllowWithoutACL allows what is done to a resource that no ACL speaks of: allow.everyone.if.no.acl.found.
	AllowWithoutACL bool
}

// Authorizer decides who may do what, by the rules of Kafka's StandardAuthorizer: super users may everything; a DENY
// that matches beats every ALLOW; what nothing allows is denied.
type Authorizer struct {
	super   map[string]bool
	allow   bool
	current atomic.Pointer[Rules]
}

// NewAuthorizer makes an authorizer.
func NewAuthorizer(c AuthorizerConfig) *Authorizer {
	a := &Authorizer{super: map[string]bool{Internal: true}, allow: c.AllowWithoutACL}
	for _, p := range c.SuperUsers {
		a.super[p] = true
	}
	return a
}

// ParseSuperUsers splits super.users at its semicolons.
func ParseSuperUsers(text string) []string {
	var all []string
	for p := range strings.SplitSeq(text, ";") {
		if p = strings.TrimSpace(p); p != "" {
			all = append(all, p)
		}
	}
	return all
}

// At returns the rules of an image. They are indexed once for each change of the ACLs.
func (a *Authorizer) At(img *metadata.Image) *Rules {
	acls := img.ACLs()
	if r := a.current.Load(); r != nil && r.of == acls {
		return r
	}
	r := newRules(a, acls)
	a.current.Store(r)
	return r
}

// Rules are the ACLs at one time, indexed. They are immutable.
type Rules struct {
	authorizer *Authorizer
	of         *metadata.ACLs
	resources  map[kmsg.ACLResourceType]*patterns
}

// patterns are the ACLs of one type of resource.
type patterns struct {
	literal map[string][]metadata.ACL
	prefix  map[string][]metadata.ACL
	lengths []int // of the prefixes, ascending
}

func newRules(a *Authorizer, acls *metadata.ACLs) *Rules {
	r := &Rules{authorizer: a, of: acls, resources: map[kmsg.ACLResourceType]*patterns{}}
	for _, acl := range acls.Sorted() {
		p := r.resources[acl.Resource]
		if p == nil {
			p = &patterns{literal: map[string][]metadata.ACL{}, prefix: map[string][]metadata.ACL{}}
			r.resources[acl.Resource] = p
		}
		if acl.Pattern == kmsg.ACLResourcePatternTypePrefixed {
			p.prefix[acl.Name] = append(p.prefix[acl.Name], acl)
			p.lengths = append(p.lengths, len(acl.Name))
			continue
		}
		p.literal[acl.Name] = append(p.literal[acl.Name], acl)
	}
	for _, p := range r.resources {
		slices.Sort(p.lengths)
		p.lengths = slices.Compact(p.lengths)
	}
	return r
}

// Allows tells whether principal, at host (an address without port), may do op to the resource.
func (r *Rules) Allows(principal, host string, op kmsg.ACLOperation, typ kmsg.ACLResourceType, name string) bool {
	if r.authorizer.super[principal] {
		return true
	}
	var found verdict
	if p := r.resources[typ]; p != nil {
		found.weigh(p.literal[name], principal, host, op)
		if name != anything {
			found.weigh(p.literal[anything], principal, host, op)
		}
		for _, n := range p.lengths {
			if n > len(name) {
				break
			}
			found.weigh(p.prefix[name[:n]], principal, host, op)
		}
	}
	switch {
	case found.deny:
		return false
	case found.allow:
		return true
	}
	return !found.any && r.authorizer.allow
}

// verdict is what the ACLs of a resource say.
type verdict struct{ any, deny, allow bool }

func (v *verdict) weigh(acls []metadata.ACL, principal, host string, op kmsg.ACLOperation) {
	for i := range acls {
		acl := &acls[i]
		v.any = true
		if !concerns(acl, principal, host) || !covers(acl, op) {
			continue
		}
		if acl.Permission == kmsg.ACLPermissionTypeDeny {
			v.deny = true
			return
		}
		v.allow = true
	}
}

func concerns(acl *metadata.ACL, principal, host string) bool {
	return (acl.Principal == principal || acl.Principal == everyone && strings.HasPrefix(principal, "User:")) &&
		(acl.Host == anything || acl.Host == host)
}

// covers tells whether an ACL speaks of an operation. Who is allowed to read, write, delete or alter may describe as
// well, and who may alter configs may see them; a DENY speaks of its own operation alone.
func covers(acl *metadata.ACL, op kmsg.ACLOperation) bool {
	if acl.Operation == op || acl.Operation == kmsg.ACLOperationAll {
		return true
	}
	if acl.Permission != kmsg.ACLPermissionTypeAllow {
		return false
	}
	switch op {
	case kmsg.ACLOperationDescribe:
		switch acl.Operation {
		case kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDelete, kmsg.ACLOperationAlter:
			return true
		}
	case kmsg.ACLOperationDescribeConfigs:
		return acl.Operation == kmsg.ACLOperationAlterConfigs
	}
	return false
}

// AllowsAny tells whether principal may do op to at least one resource of the type, whether that exists or not: an
// ALLOW that no DENY takes away wholly (KIP-679).
func (r *Rules) AllowsAny(principal, host string, op kmsg.ACLOperation, typ kmsg.ACLResourceType) bool {
	// A name that nobody uses: super users, and everyone where no ACL is needed.
	if r.Allows(principal, host, op, typ, "hardcode") {
		return true
	}
	p := r.resources[typ]
	if p == nil {
		return false
	}
	speaks := func(acls []metadata.ACL, permission kmsg.ACLPermissionType) bool {
		return slices.ContainsFunc(acls, func(acl metadata.ACL) bool {
			return acl.Permission == permission && concerns(&acl, principal, host) &&
				(acl.Operation == op || acl.Operation == kmsg.ACLOperationAll)
		})
	}
	if speaks(p.literal[anything], kmsg.ACLPermissionTypeDeny) {
		return false
	}
	if speaks(p.literal[anything], kmsg.ACLPermissionTypeAllow) {
		return true
	}
	denied := func(name string) bool { // by a prefix of the name, or by the whole of it
		return slices.ContainsFunc(p.lengths, func(n int) bool {
			return n <= len(name) && speaks(p.prefix[name[:n]], kmsg.ACLPermissionTypeDeny)
		})
	}
	for name, acls := range p.prefix {
		if speaks(acls, kmsg.ACLPermissionTypeAllow) && !denied(name) {
			return true
		}
	}
	for name, acls := range p.literal {
		if speaks(acls, kmsg.ACLPermissionTypeAllow) && !denied(name) && !speaks(acls, kmsg.ACLPermissionTypeDeny) {
			return true
		}
	}
	return false
}
