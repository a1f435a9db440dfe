package metadata_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/metadata"
)

func named(name string) metadata.QuotaName {
	return metadata.QuotaName{Scope: metadata.QuotaNamed, Name: name}
}

// Quotas are there after a restart, from the log and from a snapshot, and images do not change.
func TestQuotaRecordsSurvive(t *testing.T) {
	alice := metadata.QuotaEntity{User: named("alice")}
	app := metadata.QuotaEntity{User: named("alice"), ClientID: metadata.QuotaName{Scope: metadata.QuotaDefault}}
	ip := metadata.QuotaEntity{IP: metadata.QuotaName{Scope: metadata.QuotaDefault}}
	for _, compact := range []int64{0, 1} {
		fsys := fs.NewMem()
		l, err := metadata.Open(fsys, ".", metadata.Options{CompactBytes: compact})
		if err != nil {
			t.Fatal(err)
		}
		set := func(e metadata.QuotaEntity, key string, value float64) *metadata.QuotaRecord {
			return &metadata.QuotaRecord{Entity: e, Key: key, Value: value}
		}
		var before *metadata.Quotas
		for i, recs := range [][]metadata.Record{
			{set(alice, "producer_byte_rate", 10), set(alice, "consumer_byte_rate", 20), set(app, "request_percentage", 1.5)},
			{set(alice, "producer_byte_rate", 30), set(ip, "connection_creation_rate", 5)},
			{&metadata.QuotaRecord{Entity: app, Key: "request_percentage", Remove: true}, &metadata.QuotaRecord{Entity: ip, Key: "none", Remove: true}},
			{&metadata.QuotaRecord{Entity: ip, Key: "connection_creation_rate", Remove: true}, set(ip, "connection_creation_rate", 7)},
		} {
			if _, err := l.Propose(recs); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				before = l.Image().Quotas()
			}
		}
		if diff := cmp.Diff(map[string]float64{"producer_byte_rate": 10, "consumer_byte_rate": 20}, before.Of(alice)); diff != "" {
			t.Error("an image changed: " + diff)
		}
		for _, e := range []metadata.QuotaEntity{{}, {User: named("")}, {User: named("a"), IP: named("::1")}, {User: metadata.QuotaName{Scope: 3, Name: "a"}}} {
			if _, err := l.Propose([]metadata.Record{set(e, "k", 1)}); !errors.Is(err, kerr.InvalidRequest) {
				t.Errorf("%+v: %v", e, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if l, err = metadata.Open(fsys, ".", metadata.Options{}); err != nil {
			t.Fatal(err)
		}
		got := map[metadata.QuotaEntity]map[string]float64{}
		for _, e := range l.Image().Quotas().Entities() {
			got[e] = l.Image().Quotas().Of(e)
		}
		if diff := cmp.Diff(map[metadata.QuotaEntity]map[string]float64{
			alice: {"producer_byte_rate": 30, "consumer_byte_rate": 20}, ip: {"connection_creation_rate": 7},
		}, got); diff != "" {
			t.Error(diff)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
