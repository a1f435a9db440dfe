package metadata

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
)

// MaxQuotaEntities bounds the entities that have quotas: all of them are in
// memory, and are looked through when they are described.
const MaxQuotaEntities = 1_000_000

// QuotaEntity says whom a quota is for: a user, a client id, the clients with
// an id of one user, or an address. It is comparable.
type QuotaEntity struct {
	User     QuotaName
	ClientID QuotaName
	IP       QuotaName
}

// QuotaName is one part of a [QuotaEntity].
type QuotaName struct {
	Scope QuotaScope
	Name  string // of QuotaNamed
}

// QuotaScope says what a part of an entity stands for.
type QuotaScope int8

// The scopes.
const (
	QuotaAny     QuotaScope = iota // the entity does not have this part
	QuotaDefault                   // all names that have no quota of their own
	QuotaNamed                     // one name
)

func (n QuotaName) compare(o QuotaName) int {
	return cmp.Or(cmp.Compare(n.Scope, o.Scope), cmp.Compare(n.Name, o.Name))
}

func (e QuotaEntity) compare(o QuotaEntity) int {
	return cmp.Or(e.IP.compare(o.IP), e.User.compare(o.User), e.ClientID.compare(o.ClientID))
}

// Quotas are all quotas of clients at one time: for each entity its limits by
// Kafka's keys, such as producer_byte_rate. They are immutable, and others
// after each change: who derives something of them can compare the pointers.
type Quotas struct {
	set map[QuotaEntity]map[string]float64
}

var noQuotas = new(Quotas)

// Len counts the entities that have quotas.
func (q *Quotas) Len() int { return len(q.set) }

// Of returns the limits of an entity, nil if it has none. The map must not be
// changed.
func (q *Quotas) Of(e QuotaEntity) map[string]float64 { return q.set[e] }

// Entities lists the entities that have quotas in a fixed order.
func (q *Quotas) Entities() []QuotaEntity {
	return slices.SortedFunc(maps.Keys(q.set), QuotaEntity.compare)
}

// Quotas returns the quotas of the image, never nil.
func (i *Image) Quotas() *Quotas {
	if i.quotas == nil {
		return noQuotas
	}
	return i.quotas
}

// QuotaRecord sets one limit of an entity, or removes it. To remove what is
// not there changes nothing.
type QuotaRecord struct {
	Entity QuotaEntity
	Key    string
	Value  float64
	Remove bool
}

func (*QuotaRecord) kind() kind { return kindQuota }

func (m *QuotaRecord) append(dst []byte) []byte {
	for _, n := range []QuotaName{m.Entity.User, m.Entity.ClientID, m.Entity.IP} {
		dst = kbin.AppendInt8(dst, int8(n.Scope))
		dst = kbin.AppendCompactString(dst, n.Name)
	}
	dst = kbin.AppendCompactString(dst, m.Key)
	dst = kbin.AppendFloat64(dst, m.Value)
	return kbin.AppendBool(dst, m.Remove)
}

func (m *QuotaRecord) read(r *kbin.Reader) {
	for _, n := range []*QuotaName{&m.Entity.User, &m.Entity.ClientID, &m.Entity.IP} {
		n.Scope = QuotaScope(r.Int8())
		n.Name = r.CompactString()
	}
	m.Key = r.CompactString()
	m.Value = r.Float64()
	m.Remove = r.Bool()
}

// ownQuotas returns the quotas of the next image for writing.
func (b *builder) ownQuotas() map[QuotaEntity]map[string]float64 {
	if b.next.quotas == b.prev.quotas {
		b.next.quotas = &Quotas{set: cloned(b.prev.Quotas().set)}
		b.quotas = map[QuotaEntity]bool{}
	}
	return b.next.quotas.set
}

func (m *QuotaRecord) apply(b *builder) error {
	if m.Key == "" || !m.Entity.valid() {
		return fmt.Errorf("quota %q of %+v: %w", m.Key, m.Entity, kerr.InvalidRequest)
	}
	set := b.ownQuotas()
	limits, ok := set[m.Entity]
	if !ok && !m.Remove && len(set) >= MaxQuotaEntities {
		return fmt.Errorf("there are quotas of %d entities already: %w", len(set), kerr.PolicyViolation)
	}
	if !b.quotas[m.Entity] {
		b.quotas[m.Entity] = true
		limits = cloned(limits)
		set[m.Entity] = limits
	}
	if m.Remove {
		delete(limits, m.Key)
	} else {
		limits[m.Key] = m.Value
	}
	if len(limits) == 0 {
		delete(set, m.Entity)
		delete(b.quotas, m.Entity) // a further change begins with a new map
	}
	return nil
}

// valid tells whether e is an entity: a user, a client id, both, or an address.
func (e QuotaEntity) valid() bool {
	for _, n := range []QuotaName{e.User, e.ClientID, e.IP} {
		if n.Scope < QuotaAny || n.Scope > QuotaNamed || (n.Scope == QuotaNamed) != (n.Name != "") {
			return false
		}
	}
	client := e.User.Scope != QuotaAny || e.ClientID.Scope != QuotaAny
	return client != (e.IP.Scope != QuotaAny)
}
