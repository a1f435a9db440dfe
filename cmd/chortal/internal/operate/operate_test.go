package operate

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

func TestISODuration(t *testing.T) {
	f := func(text string, want time.Duration) {
		t.Helper()
		if got, err := ParseISODuration(text); err != nil || got != want {
			t.Errorf("%s is %v, %v, want %v", text, got, err, want)
		}
	}
	f("PT1H", time.Hour)
	f("P1DT2H3M4.5S", 26*time.Hour+3*time.Minute+4500*time.Millisecond)
	f("p2d", 48*time.Hour)
	f("PT0S", 0)
	for _, bad := range []string{"", "P", "PT", "1H", "PT1D", "P1H", "PT1S2M", "PT1.5H", "PTxS", "P1DT", "PT-", "P99999999999999999999D"} {
		if got, err := ParseISODuration(bad); err == nil {
			t.Errorf("%q is taken as %v", bad, got)
		}
	}
}

func TestReadOffsets(t *testing.T) {
	got, err := ReadOffsets(strings.NewReader("ventas,0,5\n caja, ventas, 1, 7\n"))
	if err != nil {
		t.Fatal(err)
	}
	if o, _ := got[""].Lookup("ventas", 0); o.At != 5 {
		t.Errorf("offsets of no group: %v", got[""])
	}
	if o, _ := got["caja"].Lookup("ventas", 1); o.At != 7 {
		t.Errorf("offsets of caja: %v", got["caja"])
	}
	for bad, want := range map[string]string{"ventas,0": "line 1", "a,0,1\nventas,x,1": "line 2", "ventas,0,-1": "line 1", "a,b,c,0,1": "line 1"} {
		if _, err := ReadOffsets(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", bad, err, want)
		}
	}
}

func TestRules(t *testing.T) {
	f := func(s ACLSet, want ...string) {
		t.Helper()
		rules, err := s.Rules()
		var got []string
		for _, r := range rules {
			got = append(got, strings.Join([]string{*r.Principal, r.Permission.String(), r.Operation.String(), r.Type.String(), *r.Name, *r.Host}, " "))
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%+v is\n%s\nwant\n%s", s, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	ana := []string{"User:ana"}
	f(ACLSet{Topics: []string{"t"}, Allow: ana}, "User:ana ALLOW ALL TOPIC t *")
	f(ACLSet{Topics: []string{"t"}, Deny: ana, DenyHosts: []string{"h"}, Operations: []string{"Read", "describe_configs"}},
		"User:ana DENY READ TOPIC t h", "User:ana DENY DESCRIBE_CONFIGS TOPIC t h")
	f(ACLSet{Topics: []string{"t"}, TransactionalIDs: []string{"x"}, Allow: ana, Producer: true, Idempotent: true},
		"User:ana ALLOW WRITE TOPIC t *", "User:ana ALLOW CREATE TOPIC t *", "User:ana ALLOW DESCRIBE TOPIC t *",
		"User:ana ALLOW WRITE TRANSACTIONAL_ID x *", "User:ana ALLOW DESCRIBE TRANSACTIONAL_ID x *", "User:ana ALLOW IDEMPOTENT_WRITE CLUSTER kafka-cluster *")
	f(ACLSet{Topics: []string{"t"}, Groups: []string{"g"}, Allow: ana, Consumer: true},
		"User:ana ALLOW READ TOPIC t *", "User:ana ALLOW DESCRIBE TOPIC t *", "User:ana ALLOW READ GROUP g *")
	f(ACLSet{Topics: []string{"t"}, Allow: ana, Pattern: "any"}, `resource pattern type "any": a rule is literal or prefixed`)
	f(ACLSet{Topics: []string{"t"}, Allow: ana, AllowHosts: []string{"h"}, DenyHosts: []string{"h"}}, "a host needs a principal of the same kind")
}

func TestTarget(t *testing.T) {
	n := func(v int64) *int64 { return &v }
	at := time.UnixMilli(1)
	since := kadm.ListedOffsets{"t": {0: {Offset: 6}}}
	f := func(r Reset, now, want int64) {
		t.Helper()
		if got, err := r.target(TopicPartition{"t", 0}, now, 2, 9, since); err != nil || got != want {
			t.Errorf("%+v from %d is %d, %v, want %d", r, now, got, err, want)
		}
	}
	f(Reset{Earliest: true}, 5, 2)
	f(Reset{Latest: true}, 5, 9)
	f(Reset{Current: true}, 5, 5)
	f(Reset{Current: true}, -1, 9)
	f(Reset{Offset: n(99)}, 5, 99)
	f(Reset{Shift: n(-3)}, 5, 2)
	f(Reset{Since: &at}, 5, 6)
	if _, err := (Reset{Shift: n(1)}).target(TopicPartition{"t", 0}, -1, 2, 9, nil); err == nil {
		t.Error("an offset that was never committed is shifted")
	}
}
