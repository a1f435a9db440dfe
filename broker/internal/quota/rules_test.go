package quota

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// entity reads "user=a client" and the like: a part without a name is the default.
func entity(text string) (e metadata.QuotaEntity) {
	for part := range strings.FieldsSeq(text) {
		typ, name, isNamed := strings.Cut(part, "=")
		n := defaultName
		if isNamed {
			n = named(name)
		}
		switch typ {
		case "user":
			e.User = n
		case "client":
			e.ClientID = n
		case "ip":
			e.IP = n
		default:
			panic(text)
		}
	}
	return e
}

// quotas makes an image's quotas of "entity: key limit" lines, on top of before.
func change(before *metadata.Image, lines ...string) metadata.Delta {
	var recs []metadata.Record
	for _, line := range lines {
		who, limit, _ := strings.Cut(line, ":")
		rec := &metadata.QuotaRecord{Entity: entity(who)}
		if n, _ := fmt.Sscan(limit, &rec.Key, &rec.Value); n < 2 {
			rec.Remove = true
		}
		recs = append(recs, rec)
	}
	d, err := metadata.Apply(before, before.Offset()+1, recs...)
	if err != nil {
		panic(err)
	}
	return d
}

// levels from the strongest to the weakest, for user u and client id c.
var precedence = []string{"user=u client=c", "user=u client", "user=u", "user client=c", "user client", "user", "client=c", "client"}

// whom says who shares the measure of the client with the level's quota.
var whom = []Client{{"u", "c"}, {"u", "c"}, {User: "u"}, {"u", "c"}, {"u", "c"}, {User: "u"}, {ClientID: "c"}, {ClientID: "c"}}

// Of any set of quotas, the strongest one that matches counts.
func TestPrecedence(t *testing.T) {
	others := []string{"user=x", "client=x", "user=u client=x", "user=x client=c", "user client=x", "user=x client"}
	for set := range 1 << len(precedence) {
		for _, other := range append([]string{""}, others...) {
			var lines []string
			strongest := -1
			for i, level := range precedence {
				if set&(1<<i) == 0 {
					continue
				}
				lines = append(lines, fmt.Sprintf("%s: producer_byte_rate %d", level, i+1))
				if strongest < 0 {
					strongest = i
				}
			}
			if other != "" {
				lines = append(lines, other+": producer_byte_rate 100")
			}
			if len(lines) == 0 {
				continue
			}
			r := newRules(change(metadata.Empty(), lines...).Next.Quotas(), nil)
			who, limit, limited := r.kinds[produce].of("u", "c")
			switch {
			case strongest < 0 && limited:
				t.Errorf("%q: %v has limit %v", lines, who, limit)
			case strongest >= 0 && (!limited || limit != float64(strongest+1) || who != whom[strongest]):
				t.Errorf("%q: %v has limit %v, want that of %q", lines, who, limit, precedence[strongest])
			}
			if _, _, limited := r.kinds[fetch].of("u", "c"); limited {
				t.Errorf("%q: limits what is fetched", lines)
			}
		}
	}
}

// A client without an id has the quotas of its user only.
func TestClientsWithoutAnID(t *testing.T) {
	for _, test := range []struct {
		quotas string
		limit  float64
	}{
		{"client", 0}, {"user client", 0}, {"user=u client", 0}, {"user", 1}, {"user=u", 1},
	} {
		r := newRules(change(metadata.Empty(), test.quotas+": request_percentage 1").Next.Quotas(), nil)
		if _, limit, limited := r.kinds[request].of("u", ""); limit != test.limit || limited != (test.limit > 0) {
			t.Errorf("%s: %v, %v", test.quotas, limit, limited)
		}
	}
}

// Two clients share a measure only if they have the same limit.
func TestSharedMeasuresHaveOneLimit(t *testing.T) {
	names := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		for i := range rapid.IntRange(1, 8).Draw(t, "quotas") {
			part := func(typ string) string {
				return rapid.SampledFrom([]string{"", typ, typ + "=a", typ + "=b"}).Draw(t, typ)
			}
			who := part("user") + " " + part("client")
			if who == " " {
				who = "user"
			}
			lines = append(lines, fmt.Sprintf("%s: consumer_byte_rate %d", who, i+1))
		}
		r := newRules(change(metadata.Empty(), lines...).Next.Quotas(), nil)
		limits := map[Client]float64{}
		for _, user := range names {
			for _, id := range names {
				who, limit, limited := r.kinds[fetch].of(user, id)
				if !limited {
					continue
				}
				if other, ok := limits[who]; ok && other != limit {
					t.Fatalf("%q: %v has limits %v and %v", lines, who, other, limit)
				}
				limits[who] = limit
			}
		}
	})
}
