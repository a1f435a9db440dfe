package handler

// AlterClientQuotas (key 49): versions 0-1 (KIP-546). v1 is flexible.

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/quota"
	"github.com/chortal/chortal/broker/internal/server"
)

// maxQuotaChanges is the most limits that one request may change, as in Kafka.
const maxQuotaChanges = 10_000

// quotaLookupTimeout bounds the search for the address of a host whose
// connections are to be limited.
const quotaLookupTimeout = 2 * time.Second

// quotaAlteration is what a request wants of one entity.
type quotaAlteration struct {
	parts map[string]*string
	err   error
}

// alterClientQuotas changes all entities that the request is right about at
// once. Each entity is answered once.
func (h *Handlers) alterClientQuotas(ctx context.Context, c *server.Conn, req *kmsg.AlterClientQuotasRequest) (*kmsg.AlterClientQuotasResponse, error) {
	quotas := h.metadata.Image().Quotas()
	answered := map[string]*quotaAlteration{}
	var order []*quotaAlteration
	var recs []metadata.Record
	for i := range req.Entries {
		in := &req.Entries[i]
		parts := make(map[string]*string, len(in.Entity))
		for _, p := range in.Entity {
			parts[p.Type] = p.Name // the last one counts
		}
		key := quotaKey(parts)
		ops, distinct := quotaOps(in)
		a, again := answered[key]
		if !again {
			a = &quotaAlteration{parts: parts}
			answered[key] = a
			order = append(order, a)
		}
		if again || !distinct {
			// What an earlier mention of the entity changes stays, as in Kafka.
			a.err = invalidQuota("Ignoring duplicate entity %s", quotaText(parts))
			continue
		}
		var changes []metadata.Record
		if changes, a.err = alterQuotas(ctx, quotas, parts, ops); a.err == nil {
			recs = append(recs, changes...)
		}
	}
	if err := h.proposeQuotas(recs, req.ValidateOnly); err != nil {
		for _, a := range order {
			a.err = err
		}
	}
	resp := kmsg.NewPtrAlterClientQuotasResponse()
	resp.Entries = make([]kmsg.AlterClientQuotasResponseEntry, 0, len(order))
	for _, a := range order {
		resp.Entries = append(resp.Entries, a.answer(h.code(ctx, c, "AlterClientQuotas", a.err)))
		if a.err == nil && !req.ValidateOnly {
			h.log.InfoContext(ctx, "alter client quotas", "entity", quotaText(a.parts), "principal", c.Principal())
		}
	}
	return resp, nil
}

func (h *Handlers) proposeQuotas(recs []metadata.Record, validateOnly bool) error {
	if len(recs) > maxQuotaChanges {
		return fmt.Errorf("Unable to perform excessively large batch operation.: %w", kerr.PolicyViolation) //nolint:staticcheck // Kafka's text
	}
	if len(recs) == 0 || validateOnly {
		return nil
	}
	_, err := h.metadata.Propose(recs)
	return err
}

func (a *quotaAlteration) answer(code int16) kmsg.AlterClientQuotasResponseEntry {
	out := kmsg.NewAlterClientQuotasResponseEntry()
	out.ErrorCode, out.ErrorMessage = code, message(a.err)
	for _, typ := range slices.Sorted(maps.Keys(a.parts)) {
		part := kmsg.NewAlterClientQuotasResponseEntryEntity()
		part.Type, part.Name = typ, a.parts[typ]
		out.Entity = append(out.Entity, part)
	}
	return out
}

// quotaKey is a text that is equal for equal entities only.
func quotaKey(parts map[string]*string) string {
	var b strings.Builder
	for _, typ := range slices.Sorted(maps.Keys(parts)) {
		if name := parts[typ]; name == nil {
			fmt.Fprintf(&b, "%q,", typ)
		} else {
			fmt.Fprintf(&b, "%q=%q,", typ, *name)
		}
	}
	return b.String()
}

// quotaOps returns the changes of an entry by key, nil for a removal, and
// whether each key is named once.
func quotaOps(in *kmsg.AlterClientQuotasRequestEntry) (ops map[string]*float64, distinct bool) {
	ops = make(map[string]*float64, len(in.Ops))
	for i := range in.Ops {
		op := &in.Ops[i]
		if _, twice := ops[op.Key]; twice {
			return nil, false
		}
		if ops[op.Key] = &op.Value; op.Remove {
			ops[op.Key] = nil
		}
	}
	return ops, true
}

// alterQuotas checks what is wanted of one entity, and returns what there is
// to change.
func alterQuotas(ctx context.Context, quotas *metadata.Quotas, parts map[string]*string, ops map[string]*float64) ([]metadata.Record, error) {
	entity, err := checkedEntity(ctx, parts)
	if err != nil {
		return nil, err
	}
	current := quotas.Of(entity)
	var recs []metadata.Record
	for _, key := range slices.Sorted(maps.Keys(ops)) {
		old, set := current[key]
		value := ops[key]
		if value == nil {
			if set {
				recs = append(recs, &metadata.QuotaRecord{Entity: entity, Key: key, Remove: true})
			}
			continue
		}
		if err := checkQuota(entity, key, *value); err != nil {
			return nil, err
		}
		if !set || old != *value {
			recs = append(recs, &metadata.QuotaRecord{Entity: entity, Key: key, Value: *value})
		}
	}
	return recs, nil
}

// checkedEntity makes an entity of its parts on the wire.
func checkedEntity(ctx context.Context, parts map[string]*string) (e metadata.QuotaEntity, err error) {
	if len(parts) == 0 {
		return e, invalidQuota("Invalid empty client quota entity")
	}
	for _, typ := range slices.Sorted(maps.Keys(parts)) {
		part := quotaPart(&e, typ)
		switch name := parts[typ]; {
		case part == nil:
			return e, invalidQuota("Unhandled client quota entity type: %s", typ)
		case name != nil && *name == "":
			return e, invalidQuota("Empty %s not supported", typ)
		default:
			*part = quotaName(name)
		}
	}
	switch {
	case e.IP.Scope == metadata.QuotaAny:
		return e, nil
	case e.User.Scope != metadata.QuotaAny || e.ClientID.Scope != metadata.QuotaAny:
		return e, invalidQuota("Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId")
	case e.IP.Scope == metadata.QuotaNamed && !resolves(ctx, e.IP.Name):
		return e, invalidQuota("%s is not a valid IP or resolvable host.", e.IP.Name)
	}
	return e, nil
}

// resolves tells whether host is an address, or the name of one.
func resolves(ctx context.Context, host string) bool {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, quotaLookupTimeout)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	return err == nil && len(found) > 0
}

// checkQuota checks one limit. What is no number is refused, which Kafka takes.
func checkQuota(e metadata.QuotaEntity, key string, value float64) error {
	k, known := quota.KeyOf(e, key)
	switch {
	case !known:
		return invalidQuota("Invalid configuration key %s", key)
	case !(value > 0): //nolint:staticcheck // not the same for what is no number
		return invalidQuota("Quota %s must be greater than 0", key)
	case k.Fraction:
		return nil
	case value > k.Max:
		return invalidQuota("Proposed value for %s is too large for %s.", key, k.Type)
	case math.Abs(math.Mod(value, 1)) > 1e-6:
		return invalidQuota("%s cannot be a fractional value.", key)
	}
	return nil
}
