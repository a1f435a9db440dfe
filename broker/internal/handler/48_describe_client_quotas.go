package handler

// DescribeClientQuotas (key 48): versions 0-1 (KIP-546). v1 is flexible; user
// names are no longer percent-encoded by clients.

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

func (h *Handlers) describeClientQuotas(_ context.Context, _ *server.Conn, req *kmsg.DescribeClientQuotasRequest) (*kmsg.DescribeClientQuotasResponse, error) {
	resp := kmsg.NewPtrDescribeClientQuotasResponse()
	filter, err := newQuotaFilter(req)
	if err != nil {
		resp.ErrorCode, resp.ErrorMessage = code(err), message(err)
		return resp, nil // the list of entries stays null
	}
	resp.Entries = []kmsg.DescribeClientQuotasResponseEntry{}
	quotas := h.metadata.Image().Quotas()
	for _, e := range quotas.Entities() {
		if filter.matches(e) {
			resp.Entries = append(resp.Entries, describedQuotas(e, quotas.Of(e)))
		}
	}
	return resp, nil
}

func describedQuotas(e metadata.QuotaEntity, limits map[string]float64) kmsg.DescribeClientQuotasResponseEntry {
	out := kmsg.NewDescribeClientQuotasResponseEntry()
	quotaParts(e, func(typ string, name *string) {
		part := kmsg.NewDescribeClientQuotasResponseEntryEntity()
		part.Type, part.Name = typ, name
		out.Entity = append(out.Entity, part)
	})
	for _, key := range slices.Sorted(maps.Keys(limits)) {
		value := kmsg.NewDescribeClientQuotasResponseEntryValue()
		value.Key, value.Value = key, limits[key]
		out.Values = append(out.Values, value)
	}
	return out
}

// quotaFilter is what a request asks for: for each type that it names, one
// name, the default, or whatever has the type.
type quotaFilter struct {
	exact  map[string]metadata.QuotaName
	any    map[string]bool
	strict bool // entities have no part that is not named here
}

func newQuotaFilter(req *kmsg.DescribeClientQuotasRequest) (*quotaFilter, error) {
	f := &quotaFilter{exact: map[string]metadata.QuotaName{}, any: map[string]bool{}, strict: req.Strict}
	for i := range req.Components {
		if err := f.add(&req.Components[i]); err != nil {
			return nil, err
		}
	}
	if f.has(quotaIP) && (f.has(quotaUser) || f.has(quotaClientID)) {
		return nil, invalidQuota("Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.")
	}
	return f, nil
}

func (f *quotaFilter) has(typ string) bool {
	_, exact := f.exact[typ]
	return exact || f.any[typ]
}

func (f *quotaFilter) add(c *kmsg.DescribeClientQuotasRequestComponent) error {
	typ := c.EntityType
	switch {
	case typ == "":
		return invalidQuota("Invalid empty entity type.")
	case f.has(typ):
		return invalidQuota("Entity type %s cannot appear more than once in the filter.", typ)
	case quotaPart(&metadata.QuotaEntity{}, typ) == nil:
		return fmt.Errorf("Unsupported entity type %s: %w", typ, kerr.UnsupportedVersion) //nolint:staticcheck // Kafka's text
	}
	switch c.MatchType {
	case kmsg.QuotasMatchTypeExact:
		if c.Match == nil {
			return invalidQuota("Request specified MATCH_TYPE_EXACT, but set match string to null.")
		}
		f.exact[typ] = quotaName(c.Match)
	case kmsg.QuotasMatchTypeDefault:
		if c.Match != nil {
			return invalidQuota("Request specified MATCH_TYPE_DEFAULT, but also specified a match string.")
		}
		f.exact[typ] = quotaName(nil)
	case kmsg.QuotasMatchTypeAny:
		if c.Match != nil {
			return invalidQuota("Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.")
		}
		f.any[typ] = true
	default:
		return invalidQuota("Unknown match type %d", c.MatchType)
	}
	return nil
}

func (f *quotaFilter) matches(e metadata.QuotaEntity) bool {
	for _, typ := range quotaTypes {
		part := *quotaPart(&e, typ)
		exact, isExact := f.exact[typ]
		switch {
		case isExact && part != exact:
			return false
		case f.any[typ] && part.Scope == metadata.QuotaAny:
			return false
		case f.strict && part.Scope != metadata.QuotaAny && !f.has(typ):
			return false
		}
	}
	return true
}
