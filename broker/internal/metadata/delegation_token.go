package metadata

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
)

// MaxDelegationTokens bounds the delegation tokens of a cluster: they are in memory, and looked through by every renewal.
const MaxDelegationTokens = 10_000

// DelegationToken lets whoever has it log in as its owner. What proves that one has it is computed from the id and a secret
// that the metadata does not hold.
type DelegationToken struct {
	ID        string
	Owner     string // User:alice
	Requester string // who made it; the owner if nobody else is named
	Renewers  []string
	Issued    time.Time
	Expires   time.Time
	Max       time.Time // it cannot be renewed beyond
}

// Expired tells whether the token is of no use any more.
func (t *DelegationToken) Expired(now time.Time) bool {
	return t.Expires.Before(now) || t.Max.Before(now)
}

// OwnerOrRenewer tells whether a principal may renew the token and end it.
func (t *DelegationToken) OwnerOrRenewer(principal string) bool {
	return t.Owner == principal || t.Requester == principal || slices.Contains(t.Renewers, principal)
}

// DelegationToken returns the token of an id. It must not be changed.
func (i *Image) DelegationToken(id string) (*DelegationToken, bool) {
	t, ok := i.tokens[id]
	return t, ok
}

// DelegationTokens lists all tokens, ordered by id.
func (i *Image) DelegationTokens() []*DelegationToken {
	return slices.SortedFunc(maps.Values(i.tokens), func(a, b *DelegationToken) int { return strings.Compare(a.ID, b.ID) })
}

// DelegationTokenRecord adds a token, or changes when it expires.
type DelegationTokenRecord struct{ Token DelegationToken }

// RemoveDelegationTokenRecord removes one. DELEGATION_TOKEN_NOT_FOUND if there is none.
type RemoveDelegationTokenRecord struct{ ID string }

func (*DelegationTokenRecord) kind() kind       { return kindDelegationToken }
func (*RemoveDelegationTokenRecord) kind() kind { return kindRemoveDelegationToken }

func (m *DelegationTokenRecord) append(dst []byte) []byte {
	t := &m.Token
	dst = kbin.AppendCompactString(dst, t.ID)
	dst = kbin.AppendCompactString(dst, t.Owner)
	dst = kbin.AppendCompactString(dst, t.Requester)
	dst = kbin.AppendCompactArrayLen(dst, len(t.Renewers))
	for _, r := range t.Renewers {
		dst = kbin.AppendCompactString(dst, r)
	}
	for _, at := range []time.Time{t.Issued, t.Expires, t.Max} {
		dst = kbin.AppendInt64(dst, at.UnixMilli())
	}
	return dst
}

func (m *DelegationTokenRecord) read(r *kbin.Reader) {
	t := &m.Token
	t.ID, t.Owner, t.Requester = r.CompactString(), r.CompactString(), r.CompactString()
	for range arrayLen(r) {
		t.Renewers = append(t.Renewers, r.CompactString())
	}
	t.Issued, t.Expires, t.Max = time.UnixMilli(r.Int64()), time.UnixMilli(r.Int64()), time.UnixMilli(r.Int64())
}

func (m *RemoveDelegationTokenRecord) append(dst []byte) []byte {
	return kbin.AppendCompactString(dst, m.ID)
}
func (m *RemoveDelegationTokenRecord) read(r *kbin.Reader) { m.ID = r.CompactString() }

func (m *DelegationTokenRecord) apply(b *builder) error {
	if m.Token.ID == "" || m.Token.Owner == "" {
		return fmt.Errorf("delegation token %q of %q: %w", m.Token.ID, m.Token.Owner, kerr.InvalidRequest)
	}
	if _, ok := b.next.tokens[m.Token.ID]; !ok && len(b.next.tokens) >= MaxDelegationTokens {
		return fmt.Errorf("there are %d delegation tokens already: %w", MaxDelegationTokens, kerr.PolicyViolation)
	}
	b.next.tokens = cloned(b.next.tokens)
	b.next.tokens[m.Token.ID] = &m.Token
	return nil
}

func (m *RemoveDelegationTokenRecord) apply(b *builder) error {
	if _, ok := b.next.tokens[m.ID]; !ok {
		return fmt.Errorf("delegation token %q: %w", m.ID, kerr.DelegationTokenNotFound)
	}
	b.next.tokens = cloned(b.next.tokens)
	delete(b.next.tokens, m.ID)
	return nil
}
