package security

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/chortal/chortal/broker/internal/metadata"
)

const (
	topicType = kmsg.ACLResourceTypeTopic
	literal   = kmsg.ACLResourcePatternTypeLiteral
	prefixed  = kmsg.ACLResourcePatternTypePrefixed
	allow     = kmsg.ACLPermissionTypeAllow
	deny      = kmsg.ACLPermissionTypeDeny
)

func rulesOf(t testing.TB, c AuthorizerConfig, acls ...metadata.ACL) *Rules {
	t.Helper()
	var recs []metadata.Record
	for _, a := range acls {
		recs = append(recs, &metadata.ACLRecord{ACL: a})
	}
	d, err := metadata.Apply(metadata.Empty(), 0, recs...)
	if err != nil {
		t.Fatal(err)
	}
	return NewAuthorizer(c).At(d.Next)
}

func acl(kind kmsg.ACLResourcePatternType, name, principal, host string, op kmsg.ACLOperation, p kmsg.ACLPermissionType) metadata.ACL {
	return metadata.ACL{Resource: topicType, Name: name, Pattern: kind, Principal: principal, Host: host, Operation: op, Permission: p}
}

func TestAuthorizer(t *testing.T) {
	const read, write, describe = kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe
	a := "User:a"
	for name, c := range map[string]struct {
		acls []metadata.ACL
		op   kmsg.ACLOperation
		want bool
		open bool // with allow.everyone.if.no.acl.found
	}{
		"none":                    {nil, read, false, true},
		"literal":                 {[]metadata.ACL{acl(literal, "tea", a, "*", read, allow)}, read, true, true},
		"other name":              {[]metadata.ACL{acl(literal, "te", a, "*", read, allow)}, read, false, true},
		"prefix":                  {[]metadata.ACL{acl(prefixed, "te", a, "*", read, allow)}, read, true, true},
		"whole prefix":            {[]metadata.ACL{acl(prefixed, "tea", a, "*", read, allow)}, read, true, true},
		"longer prefix":           {[]metadata.ACL{acl(prefixed, "teas", a, "*", read, allow)}, read, false, true},
		"star":                    {[]metadata.ACL{acl(literal, "*", a, "*", read, allow)}, read, true, true},
		"star prefix":             {[]metadata.ACL{acl(prefixed, "*", a, "*", read, allow)}, read, false, true},
		"everyone":                {[]metadata.ACL{acl(literal, "tea", "User:*", "*", read, allow)}, read, true, true},
		"somebody else":           {[]metadata.ACL{acl(literal, "tea", "User:b", "*", read, allow)}, read, false, false},
		"host":                    {[]metadata.ACL{acl(literal, "tea", a, "10.0.0.1", read, allow)}, read, true, true},
		"other host":              {[]metadata.ACL{acl(literal, "tea", a, "10.0.0.2", read, allow)}, read, false, false},
		"other operation":         {[]metadata.ACL{acl(literal, "tea", a, "*", write, allow)}, read, false, false},
		"all":                     {[]metadata.ACL{acl(literal, "tea", a, "*", kmsg.ACLOperationAll, allow)}, read, true, true},
		"read implies describe":   {[]metadata.ACL{acl(literal, "tea", a, "*", read, allow)}, describe, true, true},
		"delete implies describe": {[]metadata.ACL{acl(literal, "tea", a, "*", kmsg.ACLOperationDelete, allow)}, describe, true, true},
		"create does not":         {[]metadata.ACL{acl(literal, "tea", a, "*", kmsg.ACLOperationCreate, allow)}, describe, false, false},
		"alter configs implies":   {[]metadata.ACL{acl(literal, "tea", a, "*", kmsg.ACLOperationAlterConfigs, allow)}, kmsg.ACLOperationDescribeConfigs, true, true},
		"a deny implies nothing":  {[]metadata.ACL{acl(literal, "tea", a, "*", read, deny), acl(literal, "tea", a, "*", write, allow)}, describe, true, true},
		"deny over allow":         {[]metadata.ACL{acl(literal, "*", a, "*", read, allow), acl(literal, "tea", a, "*", read, deny)}, read, false, false},
		"wide deny":               {[]metadata.ACL{acl(literal, "tea", a, "*", read, allow), acl(literal, "*", a, "*", kmsg.ACLOperationAll, deny)}, read, false, false},
		"prefixed deny":           {[]metadata.ACL{acl(literal, "tea", a, "*", read, allow), acl(prefixed, "t", "User:*", "*", read, deny)}, read, false, false},
		"deny elsewhere":          {[]metadata.ACL{acl(literal, "tea", a, "*", read, allow), acl(prefixed, "t", "User:*", "10.0.0.9", read, deny)}, read, true, true},
	} {
		for _, open := range []bool{false, true} {
			r := rulesOf(t, AuthorizerConfig{SuperUsers: ParseSuperUsers("User:root; User:x"), AllowWithoutACL: open}, c.acls...)
			want := c.want
			if open {
				want = c.open
			}
			if got := r.Allows(a, "10.0.0.1", c.op, topicType, "tea"); got != want {
				t.Errorf("%s (open %v): %v", name, open, got)
			}
			if !r.Allows("User:root", "10.0.0.1", c.op, topicType, "tea") || !r.Allows(Internal, "", c.op, topicType, "tea") {
				t.Errorf("%s: a super user is denied", name)
			}
		}
	}
}

// The index decides as a look at every ACL does.
func TestAuthorizerModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"*", "a", "ab", "abc", "b", "ba"})
		principal := rapid.SampledFrom([]string{"User:*", "User:a", "User:b"})
		host := rapid.SampledFrom([]string{"*", "h1", "h2"})
		op := rapid.SampledFrom([]kmsg.ACLOperation{2, 3, 4, 6, 7, 8, 10, 11})
		var acls []metadata.ACL
		for range rapid.IntRange(0, 8).Draw(t, "acls") {
			acls = append(acls, acl(rapid.SampledFrom([]kmsg.ACLResourcePatternType{literal, prefixed}).Draw(t, "kind"),
				name.Draw(t, "name"), principal.Draw(t, "principal"), host.Draw(t, "host"), op.Draw(t, "op"),
				rapid.SampledFrom([]kmsg.ACLPermissionType{allow, deny}).Draw(t, "permission")))
		}
		var recs []metadata.Record
		for _, a := range acls {
			recs = append(recs, &metadata.ACLRecord{ACL: a})
		}
		d, err := metadata.Apply(metadata.Empty(), 0, recs...)
		if err != nil {
			t.Fatal(err)
		}
		r := NewAuthorizer(AuthorizerConfig{}).At(d.Next)
		who, where := rapid.SampledFrom([]string{"User:a", "User:b"}).Draw(t, "who"), rapid.SampledFrom([]string{"h1", "h2"}).Draw(t, "where")
		what, topic := rapid.SampledFrom([]kmsg.ACLOperation{3, 4, 6, 7, 8, 10, 11}).Draw(t, "what"), rapid.SampledFrom([]string{"a", "ab", "abc", "b", "bac"}).Draw(t, "topic")
		if got, want := r.Allows(who, where, what, topicType, topic), modelAllows(acls, who, where, what, topic); got != want {
			t.Fatalf("%s %v %s from %s: %v", who, what, topic, where, got)
		}
		any := false
		for _, t := range []string{"a", "ab", "abc", "b", "ba", "bac", "abd", "c"} {
			any = any || modelAllowsExactly(acls, who, where, what, t)
		}
		if got := r.AllowsAny(who, where, what, topicType); any && !got {
			t.Fatalf("%s may %v something, but is told that it may not", who, what)
		}
	})
}

func modelAllows(acls []metadata.ACL, who, where string, op kmsg.ACLOperation, topic string) bool {
	return modelDecides(acls, who, where, topic, func(a metadata.ACL) bool {
		implied := map[kmsg.ACLOperation]string{kmsg.ACLOperationDescribe: " 3 4 6 7 8 ", kmsg.ACLOperationDescribeConfigs: " 10 11 "}[op]
		return a.Operation == op || a.Operation == kmsg.ACLOperationAll ||
			a.Permission == allow && strings.Contains(implied, fmt.Sprintf(" %d ", int8(a.Operation)))
	})
}

func modelAllowsExactly(acls []metadata.ACL, who, where string, op kmsg.ACLOperation, topic string) bool {
	return modelDecides(acls, who, where, topic, func(a metadata.ACL) bool {
		return a.Operation == op || a.Operation == kmsg.ACLOperationAll
	})
}

func modelDecides(acls []metadata.ACL, who, where, topic string, speaks func(metadata.ACL) bool) bool {
	allowed := false
	for _, a := range acls {
		matches := a.Name == topic || a.Pattern == literal && a.Name == "*" || a.Pattern == prefixed && strings.HasPrefix(topic, a.Name)
		if !matches || a.Principal != who && a.Principal != "User:*" || a.Host != where && a.Host != "*" || !speaks(a) {
			continue
		}
		if a.Permission == deny {
			return false
		}
		allowed = true
	}
	return allowed
}

func TestACLFilter(t *testing.T) {
	name, star := "tea", "*"
	for what, c := range map[string]struct {
		f    ACLFilter
		want string
	}{
		"all":      {ACLFilter{Resource: 1, Pattern: 1, Operation: 1, Permission: 1}, "tea te* * t*other"},
		"match":    {ACLFilter{Resource: 1, Pattern: 2, Operation: 1, Permission: 1, Name: &name}, "tea te* *"},
		"literal":  {ACLFilter{Resource: 2, Pattern: 3, Operation: 1, Permission: 1, Name: &name}, "tea"},
		"prefixed": {ACLFilter{Resource: 2, Pattern: 4, Operation: 1, Permission: 1}, "te* t*other"},
		"star":     {ACLFilter{Resource: 2, Pattern: 3, Operation: 1, Permission: 1, Name: &star}, "*"},
		"any name": {ACLFilter{Resource: 2, Pattern: 1, Operation: 1, Permission: 1, Name: &name}, "tea"},
		"other":    {ACLFilter{Resource: 3, Pattern: 1, Operation: 1, Permission: 1}, ""},
		"deny":     {ACLFilter{Resource: 1, Pattern: 1, Operation: 1, Permission: 2}, ""},
	} {
		var got []string
		for shown, a := range map[string]metadata.ACL{
			"tea": acl(literal, "tea", "User:a", "*", 3, allow), "te*": acl(prefixed, "te", "User:a", "*", 3, allow),
			"*": acl(literal, "*", "User:a", "*", 3, allow), "t*other": acl(prefixed, "teapot", "User:a", "*", 3, allow),
		} {
			if c.f.Matches(a) {
				got = append(got, shown)
			}
		}
		if len(got) != len(strings.Fields(c.want)) {
			t.Errorf("%s: %v, want %s", what, got, c.want)
		}
		for _, g := range got {
			if !strings.Contains(c.want, g) {
				t.Errorf("%s: %v, want %s", what, got, c.want)
			}
		}
	}
}

func BenchmarkAllows(b *testing.B) {
	var acls []metadata.ACL
	for i := range 10_000 {
		acls = append(acls, acl(prefixed, fmt.Sprintf("topic-%05d-", i), "User:a", "*", 3, allow))
	}
	r := rulesOf(b, AuthorizerConfig{}, acls...)
	b.ReportAllocs()
	for b.Loop() {
		if !r.Allows("User:a", "10.0.0.1", 3, topicType, "topic-07777-x") {
			b.Fatal("denied")
		}
	}
}
