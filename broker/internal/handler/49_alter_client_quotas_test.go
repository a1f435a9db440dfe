package handler_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// quotaEntry is an entry of AlterClientQuotas: "user=a,client-id" and "key=1" or "-key". A part without a name is the default.
func quotaEntry(entity string, ops ...string) kmsg.AlterClientQuotasRequestEntry {
	e := kmsg.NewAlterClientQuotasRequestEntry()
	for part := range strings.SplitSeq(entity, ",") {
		if entity == "" {
			break
		}
		p := kmsg.NewAlterClientQuotasRequestEntryEntity()
		typ, name, named := strings.Cut(part, "=")
		if p.Type = typ; named {
			p.Name = &name
		}
		e.Entity = append(e.Entity, p)
	}
	for _, text := range ops {
		op := kmsg.NewAlterClientQuotasRequestEntryOp()
		key, value, set := strings.Cut(text, "=")
		op.Key, op.Remove = strings.TrimPrefix(key, "-"), !set
		if set {
			if _, err := fmt.Sscan(value, &op.Value); err != nil {
				panic(err)
			}
		}
		e.Ops = append(e.Ops, op)
	}
	return e
}

// alterQuotas returns an answer's entries as "entity: CODE message".
func (c *client) alterQuotas(validateOnly bool, entries ...kmsg.AlterClientQuotasRequestEntry) []string {
	c.t.Helper()
	req := kmsg.NewPtrAlterClientQuotasRequest()
	req.Version, req.Entries, req.ValidateOnly = 1, entries, validateOnly
	var out []string
	for _, e := range do[*kmsg.AlterClientQuotasResponse](c, req).Entries {
		var parts []string
		for _, p := range e.Entity {
			parts = append(parts, quotaPartText(p.Type, p.Name))
		}
		slices.Sort(parts)
		text := strings.Join(parts, ",") + ": " + codeName(e.ErrorCode)
		if e.ErrorMessage != nil {
			text += " " + *e.ErrorMessage
		}
		out = append(out, text)
	}
	return out
}

func quotaPartText(typ string, name *string) string {
	if name == nil {
		return typ
	}
	return typ + "=" + *name
}

func codeName(code int16) string {
	if err := kerr.TypedErrorForCode(code); err != nil {
		return err.Message
	}
	return "NONE"
}

// quotas returns all quotas as "entity: key=value ...".
func (c *client) quotas(strict bool, components ...kmsg.DescribeClientQuotasRequestComponent) []string {
	c.t.Helper()
	req := kmsg.NewPtrDescribeClientQuotasRequest()
	req.Version, req.Components, req.Strict = 1, components, strict
	resp := do[*kmsg.DescribeClientQuotasResponse](c, req)
	if resp.ErrorCode != 0 {
		if resp.Entries != nil {
			c.t.Error("an error with entries")
		}
		return []string{codeName(resp.ErrorCode) + " " + *resp.ErrorMessage}
	}
	out := []string{}
	for _, e := range resp.Entries {
		var parts, values []string
		for _, p := range e.Entity {
			parts = append(parts, quotaPartText(p.Type, p.Name))
		}
		for _, v := range e.Values {
			values = append(values, fmt.Sprintf("%s=%v", v.Key, v.Value))
		}
		slices.Sort(parts)
		out = append(out, strings.Join(parts, ",")+": "+strings.Join(values, " "))
	}
	slices.Sort(out)
	return out
}

func component(typ string, match kmsg.QuotasMatchType, name ...string) kmsg.DescribeClientQuotasRequestComponent {
	c := kmsg.NewDescribeClientQuotasRequestComponent()
	c.EntityType, c.MatchType = typ, match
	if len(name) > 0 {
		c.Match = &name[0]
	}
	return c
}

// What is refused, in the words of Apache Kafka 4.3.1.
func TestAlterClientQuotasRefusals(t *testing.T) {
	c := newBroker(t, nil).client()
	for _, test := range []struct {
		entry kmsg.AlterClientQuotasRequestEntry
		want  string
	}{
		{quotaEntry("", "producer_byte_rate=1"), ": INVALID_REQUEST Invalid empty client quota entity"},
		{quotaEntry("group=g", "producer_byte_rate=1"), "group=g: INVALID_REQUEST Unhandled client quota entity type: group"},
		{quotaEntry("user=", "producer_byte_rate=1"), "user=: INVALID_REQUEST Empty user not supported"},
		{quotaEntry("client-id=", "producer_byte_rate=1"), "client-id=: INVALID_REQUEST Empty client-id not supported"},
		{quotaEntry("ip=", "connection_creation_rate=1"), "ip=: INVALID_REQUEST Empty ip not supported"},
		{quotaEntry("ip=1.2.3.4,user=a", "connection_creation_rate=1"), "ip=1.2.3.4,user=a: INVALID_REQUEST Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId"},
		{quotaEntry("ip=not an address", "connection_creation_rate=1"), "ip=not an address: INVALID_REQUEST not an address is not a valid IP or resolvable host."},
		{quotaEntry("user=a", "connection_creation_rate=1"), "user=a: INVALID_REQUEST Invalid configuration key connection_creation_rate"},
		{quotaEntry("ip", "producer_byte_rate=1"), "ip: INVALID_REQUEST Invalid configuration key producer_byte_rate"},
		{quotaEntry("user=a", "bytes=1"), "user=a: INVALID_REQUEST Invalid configuration key bytes"},
		{quotaEntry("user=a", "producer_byte_rate=0"), "user=a: INVALID_REQUEST Quota producer_byte_rate must be greater than 0"},
		{quotaEntry("user=a", "request_percentage=-1"), "user=a: INVALID_REQUEST Quota request_percentage must be greater than 0"},
		{quotaEntry("user=a", "producer_byte_rate=1.5"), "user=a: INVALID_REQUEST producer_byte_rate cannot be a fractional value."},
		{quotaEntry("user=a", "consumer_byte_rate=1e19"), "user=a: INVALID_REQUEST Proposed value for consumer_byte_rate is too large for a LONG."},
		{quotaEntry("ip", "connection_creation_rate=2147483648"), "ip: INVALID_REQUEST Proposed value for connection_creation_rate is too large for an INT."},
		{quotaEntry("user=a", "producer_byte_rate=1", "producer_byte_rate=2"), "user=a: INVALID_REQUEST Ignoring duplicate entity ClientQuotaEntity(entries={user=a})"},
		// One wrong key, and none of the entity's is set.
		{quotaEntry("user=a", "consumer_byte_rate=1", "producer_byte_rate=-2"), "user=a: INVALID_REQUEST Quota producer_byte_rate must be greater than 0"},
	} {
		if diff := cmp.Diff([]string{test.want}, c.alterQuotas(false, test.entry)); diff != "" {
			t.Error(diff)
		}
	}
	notANumber := quotaEntry("user=a", "request_percentage=1")
	notANumber.Ops[0].Value = math.NaN()
	if diff := cmp.Diff([]string{"user=a: INVALID_REQUEST Quota request_percentage must be greater than 0"}, c.alterQuotas(false, notANumber)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{}, c.quotas(false)); diff != "" {
		t.Error("something was set: " + diff)
	}
}

// A request changes what is right in it, and answers each entity once.
func TestAlterClientQuotas(t *testing.T) {
	c := newBroker(t, nil).client()
	got := c.alterQuotas(
		true,
		quotaEntry("user=a", "producer_byte_rate=1"), quotaEntry("user=b", "producer_byte_rate=0"),
	)
	if diff := cmp.Diff([]string{"user=a: NONE", "user=b: INVALID_REQUEST Quota producer_byte_rate must be greater than 0"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{}, c.quotas(false)); diff != "" {
		t.Error("validate only: " + diff)
	}
	got = c.alterQuotas(
		false,
		quotaEntry("user=a", "producer_byte_rate=1", "request_percentage=0.5", "-consumer_byte_rate"), quotaEntry("user=b", "producer_byte_rate=0"),
		quotaEntry("user=a,client-id", "controller_mutation_rate=2.5"), quotaEntry("ip=::1", "connection_creation_rate=2147483647"),
		quotaEntry("client-id,user=a", "controller_mutation_rate=3"),
	)
	want := []string{
		"user=a: NONE", "user=b: INVALID_REQUEST Quota producer_byte_rate must be greater than 0",
		"client-id,user=a: INVALID_REQUEST Ignoring duplicate entity ClientQuotaEntity(entries={client-id=null, user=a})", "ip=::1: NONE",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	want = []string{
		"client-id,user=a: controller_mutation_rate=2.5", // the first mention stays, as in Kafka
		"ip=::1: connection_creation_rate=2.147483647e+09", "user=a: producer_byte_rate=1 request_percentage=0.5",
	}
	if diff := cmp.Diff(want, c.quotas(false)); diff != "" {
		t.Error(diff)
	}
	got = c.alterQuotas(false, quotaEntry("user=a", "-producer_byte_rate", "-request_percentage"), quotaEntry("user=a,client-id", "controller_mutation_rate=4"))
	if diff := cmp.Diff([]string{"user=a: NONE", "client-id,user=a: NONE"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"client-id,user=a: controller_mutation_rate=4", "ip=::1: connection_creation_rate=2.147483647e+09"}, c.quotas(false)); diff != "" {
		t.Error(diff)
	}
}

// Filters match by name, default or type, and strictly or not.
func TestDescribeClientQuotas(t *testing.T) {
	c := newBroker(t, nil).client()
	for _, e := range []string{"user=a", "user", "user=a,client-id=x", "user=a,client-id", "user,client-id=x", "client-id=x", "client-id", "ip=1.2.3.4", "ip"} {
		key := "producer_byte_rate=1"
		if strings.HasPrefix(e, "ip") {
			key = "connection_creation_rate=1"
		}
		if got := c.alterQuotas(false, quotaEntry(e, key)); !strings.HasSuffix(got[0], ": NONE") {
			t.Fatal(got)
		}
	}
	const exact, byDefault, specified = kmsg.QuotasMatchTypeExact, kmsg.QuotasMatchTypeDefault, kmsg.QuotasMatchTypeAny
	type components = []kmsg.DescribeClientQuotasRequestComponent
	for _, test := range []struct {
		components components
		strict     bool
		want       string
	}{
		{nil, false, "client-id client-id,user=a client-id=x client-id=x,user client-id=x,user=a ip ip=1.2.3.4 user user=a"},
		{nil, true, ""},
		{components{component("user", exact, "a")}, false, "client-id,user=a client-id=x,user=a user=a"},
		{components{component("user", exact, "a")}, true, "user=a"},
		{components{component("user", byDefault)}, false, "client-id=x,user user"},
		{components{component("user", specified)}, true, "user user=a"},
		{components{component("user", specified), component("client-id", exact, "x")}, true, "client-id=x,user client-id=x,user=a"},
		{components{component("user", exact, "a"), component("client-id", byDefault)}, true, "client-id,user=a"},
		{components{component("client-id", specified)}, true, "client-id client-id=x"},
		{components{component("ip", specified)}, true, "ip ip=1.2.3.4"},
		{components{component("ip", exact, "::1")}, false, ""},

		{components{component("", exact, "a")}, false, "INVALID_REQUEST Invalid empty entity type."},
		{components{component("user", exact, "a"), component("user", specified)}, false, "INVALID_REQUEST Entity type user cannot appear more than once in the filter."},
		{components{component("group", exact, "a")}, false, "UNSUPPORTED_VERSION Unsupported entity type group"},
		{components{component("user", exact)}, false, "INVALID_REQUEST Request specified MATCH_TYPE_EXACT, but set match string to null."},
		{components{component("user", byDefault, "a")}, false, "INVALID_REQUEST Request specified MATCH_TYPE_DEFAULT, but also specified a match string."},
		{components{component("user", specified, "a")}, false, "INVALID_REQUEST Request specified MATCH_TYPE_SPECIFIED, but also specified a match string."},
		{components{component("user", 3)}, false, "INVALID_REQUEST Unknown match type 3"},
		{components{component("ip", specified), component("user", specified)}, false, "INVALID_REQUEST Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component."},
	} {
		var got []string
		for _, line := range c.quotas(test.strict, test.components...) {
			entity, _, _ := strings.Cut(line, ": ")
			got = append(got, entity)
		}
		slices.Sort(got)
		if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%+v strict=%v: %s", test.components, test.strict, diff)
		}
	}
}
