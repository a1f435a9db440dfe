package quota

import (
	"math"
	"net/netip"
	"strings"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// Client is who is measured together: a user, a client id, or a client id of a
// user. What does not matter is empty.
type Client struct{ User, ClientID string }

// rules are the quotas of one image, arranged to be looked up. They are
// immutable.
type rules struct {
	quotas *metadata.Quotas
	kinds  [numKinds]kindRules

	ips       map[netip.Addr]float64
	hosts     map[string]float64 // by names that are not addresses
	defaultIP float64            // infinite if there is none
}

// kindRules are the limits of one kind.
type kindRules struct {
	limits map[parts]float64
	levels levels
}

// parts are those of an entity that is a client.
type parts struct{ user, clientID metadata.QuotaName }

// levels says which entities have limits.
type levels uint8

const (
	byClientID levels = 1 << iota
	byUser
	byBoth
)

// newRules arranges quotas. found has the addresses of hosts. It returns nil
// if nothing is limited.
func newRules(q *metadata.Quotas, found map[string][]netip.Addr) *rules {
	if q.Len() == 0 {
		return nil
	}
	r := &rules{quotas: q, ips: map[netip.Addr]float64{}, hosts: map[string]float64{}, defaultIP: math.Inf(1)}
	for _, e := range q.Entities() {
		for name, limit := range q.Of(e) {
			key, known := KeyOf(e, name)
			switch {
			case !known: // of a newer version
			case key.ip:
				r.limitIP(e.IP, limit, found)
			default:
				r.kinds[key.kind].set(parts{e.User, e.ClientID}, limit)
			}
		}
	}
	return r
}

func (r *rules) limitIP(n metadata.QuotaName, limit float64, found map[string][]netip.Addr) {
	if n.Scope == metadata.QuotaDefault {
		r.defaultIP = limit
		return
	}
	if addr, err := netip.ParseAddr(strings.Trim(n.Name, "[]")); err == nil {
		r.ips[addr.Unmap()] = limit
		return
	}
	r.hosts[n.Name] = limit
	for _, addr := range found[n.Name] {
		if _, own := r.ips[addr]; !own {
			r.ips[addr] = limit
		}
	}
}

// ip is the limit of an address, infinite if it has none.
func (r *rules) ip(addr netip.Addr) float64 {
	if limit, ok := r.ips[addr]; ok {
		return limit
	}
	return r.defaultIP
}

func (k *kindRules) set(p parts, limit float64) {
	if k.limits == nil {
		k.limits = map[parts]float64{}
	}
	k.limits[p] = limit
	switch {
	case p.user.Scope == metadata.QuotaAny:
		k.levels |= byClientID
	case p.clientID.Scope == metadata.QuotaAny:
		k.levels |= byUser
	default:
		k.levels |= byBoth
	}
}

// of returns whom a client is measured with, and the limit; false if there is
// none.
func (k *kindRules) of(user, clientID string) (Client, float64, bool) {
	if k.limits == nil {
		return Client{}, 0, false
	}
	who := k.client(user, clientID)
	limit, ok := k.limit(who)
	return who, limit, ok
}

var (
	anyName     = metadata.QuotaName{}
	defaultName = metadata.QuotaName{Scope: metadata.QuotaDefault}
)

func named(name string) metadata.QuotaName {
	return metadata.QuotaName{Scope: metadata.QuotaNamed, Name: name}
}

func (k *kindRules) has(user, clientID metadata.QuotaName) bool {
	_, ok := k.limits[parts{user, clientID}]
	return ok
}

// client decides which parts of a client matter.
func (k *kindRules) client(user, clientID string) Client {
	both, userOnly, idOnly := Client{user, clientID}, Client{User: user}, Client{ClientID: clientID}
	switch k.levels {
	case byClientID:
		return idOnly
	case byUser:
		return userOnly
	case byBoth:
		return both
	}
	u, c := named(user), named(clientID)
	switch {
	case k.has(u, c), k.has(u, defaultName):
		return both
	case k.has(u, anyName):
		return userOnly
	case k.has(defaultName, c), k.has(defaultName, defaultName):
		return both
	case k.has(defaultName, anyName):
		return userOnly
	}
	return idOnly
}

// limit finds the limit of those who are measured together. A client without
// an id has no quota of client ids, not even the default.
func (k *kindRules) limit(who Client) (float64, bool) {
	u, c := named(who.User), named(who.ClientID)
	var order []parts
	switch {
	case who.User != "" && who.ClientID != "":
		order = []parts{{u, c}, {u, defaultName}, {defaultName, c}, {defaultName, defaultName}}
	case who.User != "":
		order = []parts{{u, anyName}, {defaultName, anyName}}
	case who.ClientID != "":
		order = []parts{{anyName, c}, {anyName, defaultName}}
	}
	for _, p := range order {
		if limit, ok := k.limits[p]; ok {
			return limit, true
		}
	}
	return 0, false
}
