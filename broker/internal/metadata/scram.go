package metadata

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
)

// ScramMechanism is one of the two hashes of SCRAM. The numbers are Kafka's.
type ScramMechanism int8

// The mechanisms of SCRAM that Kafka knows.
const (
	ScramSHA256 ScramMechanism = 1
	ScramSHA512 ScramMechanism = 2
)

// String is the mechanism's name in SASL.
func (m ScramMechanism) String() string {
	switch m {
	case ScramSHA256:
		return "SCRAM-SHA-256"
	case ScramSHA512:
		return "SCRAM-SHA-512"
	}
	return fmt.Sprintf("SCRAM mechanism %d", int8(m))
}

// ScramUser names a credential: a user has one for each mechanism at most.
type ScramUser struct {
	Name      string
	Mechanism ScramMechanism
}

// ScramCredential is what a server keeps of a password: from none of it the
// password can be computed, nor what a client needs to log in.
type ScramCredential struct {
	Salt       []byte
	StoredKey  []byte
	ServerKey  []byte
	Iterations int32
}

// ScramCredential returns a user's credential.
func (i *Image) ScramCredential(u ScramUser) (ScramCredential, bool) {
	c, ok := i.scram[u]
	return c, ok
}

// ScramUsers lists all credentials, ordered by user and mechanism.
func (i *Image) ScramUsers() []ScramUser {
	return slices.SortedFunc(maps.Keys(i.scram), func(a, b ScramUser) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Mechanism, b.Mechanism))
	})
}

// ScramCredentialRecord sets a user's credential.
type ScramCredentialRecord struct {
	User       ScramUser
	Credential ScramCredential
}

// RemoveScramCredentialRecord removes one. RESOURCE_NOT_FOUND if there is none.
type RemoveScramCredentialRecord struct{ User ScramUser }

func (*ScramCredentialRecord) kind() kind       { return kindScramCredential }
func (*RemoveScramCredentialRecord) kind() kind { return kindRemoveScramCredential }

func (m *ScramCredentialRecord) append(dst []byte) []byte {
	dst = m.User.append(dst)
	dst = kbin.AppendCompactBytes(dst, m.Credential.Salt)
	dst = kbin.AppendCompactBytes(dst, m.Credential.StoredKey)
	dst = kbin.AppendCompactBytes(dst, m.Credential.ServerKey)
	return kbin.AppendInt32(dst, m.Credential.Iterations)
}

func (m *ScramCredentialRecord) read(r *kbin.Reader) {
	m.User.read(r)
	m.Credential.Salt = slices.Clone(r.CompactBytes())
	m.Credential.StoredKey = slices.Clone(r.CompactBytes())
	m.Credential.ServerKey = slices.Clone(r.CompactBytes())
	m.Credential.Iterations = r.Int32()
}

func (m *RemoveScramCredentialRecord) append(dst []byte) []byte { return m.User.append(dst) }
func (m *RemoveScramCredentialRecord) read(r *kbin.Reader)      { m.User.read(r) }

func (u *ScramUser) append(dst []byte) []byte {
	return kbin.AppendInt8(kbin.AppendCompactString(dst, u.Name), int8(u.Mechanism))
}

func (u *ScramUser) read(r *kbin.Reader) {
	u.Name = r.CompactString()
	u.Mechanism = ScramMechanism(r.Int8())
}

func (m *ScramCredentialRecord) apply(b *builder) error {
	c := &m.Credential
	if m.User.Name == "" || len(c.Salt) == 0 || len(c.StoredKey) == 0 || len(c.ServerKey) == 0 || c.Iterations <= 0 {
		return fmt.Errorf("credential of user %q: %w", m.User.Name, kerr.UnacceptableCredential)
	}
	b.next.scram = cloned(b.next.scram)
	b.next.scram[m.User] = *c
	return nil
}

func (m *RemoveScramCredentialRecord) apply(b *builder) error {
	if _, ok := b.next.scram[m.User]; !ok {
		return fmt.Errorf("credential of user %q: %w", m.User.Name, kerr.ResourceNotFound)
	}
	b.next.scram = cloned(b.next.scram)
	delete(b.next.scram, m.User)
	return nil
}
