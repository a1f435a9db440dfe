package configdef_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chortal/chortal/broker/internal/configdef"
)

func TestRowsAreWhole(t *testing.T) {
	for _, s := range []configdef.Scope{configdef.Broker, configdef.Topic, configdef.Group} {
		n := 0
		for k := range configdef.Keys(s) {
			n++
			if k.Doc == "" || !strings.HasSuffix(k.Doc, ".") || len(k.Doc) < 10 {
				t.Errorf("%s: text %q", k.Name, k.Doc)
			}
			if k.Synonym != "" {
				if _, ok := configdef.Lookup(configdef.Broker, k.Synonym); !ok {
					t.Errorf("%s: synonym %s is unknown", k.Name, k.Synonym)
				}
			}
			if k.HasDefault && k.Default != "" {
				if err := k.Check(k.Default); err != nil {
					t.Errorf("default is invalid: %v", err)
				}
			}
			if got, ok := configdef.Lookup(s, k.Name); !ok || got != k {
				t.Errorf("%s is not found", k.Name)
			}
		}
		if n < 15 {
			t.Errorf("scope %d has %d keys", s, n)
		}
	}
}

// A topic key and its synonym agree on the default, so that it does not matter which one is shown.
func TestDefaultsOfSynonymsAgree(t *testing.T) {
	for k := range configdef.Keys(configdef.Topic) {
		b, ok := configdef.Lookup(configdef.Broker, k.Synonym)
		if ok && b.HasDefault && b.Default != k.Default {
			t.Errorf("%s is %s, %s is %s", k.Name, k.Default, b.Name, b.Default)
		}
	}
}

func TestCheck(t *testing.T) {
	f := func(s configdef.Scope, name, value, want string) {
		t.Helper()
		got := ""
		if err := configdef.Check(s, name, value); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s=%s: %q, want %q", name, value, got, want)
		}
	}
	topic := configdef.Topic
	f(topic, "retention.ms", "-1", "")
	f(topic, "retention.ms", " 5 ", "")
	f(topic, "retention.ms", "9223372036854775807", "")
	f(topic, "retention.ms", "-2", "Invalid value -2 for configuration retention.ms: Value must be at least -1")
	f(topic, "retention.ms", "soon", "Invalid value soon for configuration retention.ms: Not a number of type LONG")
	f(topic, "min.insync.replicas", "2147483648", "Invalid value 2147483648 for configuration min.insync.replicas: Not a number of type INT")
	f(topic, "min.cleanable.dirty.ratio", "0.3", "")
	f(topic, "min.cleanable.dirty.ratio", "1.1", "Invalid value 1.1 for configuration min.cleanable.dirty.ratio: Value must be no more than 1")
	f(topic, "cleanup.policy", "compact,delete", "")
	f(topic, "cleanup.policy", "shred", "Invalid value shred for configuration cleanup.policy: String must be one of: compact, delete")
	f(topic, "compression.type", "zstd", "")
	f(topic, "compression.type", "rar", "Invalid value rar for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer")
	f(topic, "preallocate", "TRUE", "")
	f(topic, "preallocate", "yes", "Invalid value yes for configuration preallocate: Expected value to be either true or false")
	f(topic, "compression.gzip.level", "-1", "")
	f(topic, "leader.replication.throttled.replicas", "0:1,2:3", "")
	f(topic, "leader.replication.throttled.replicas", "*", "")
	f(topic, "no.such.key", "1", "Unknown topic config name: no.such.key")
	f(configdef.Group, "share.auto.offset.reset", "by_duration:PT5M", "")
	f(configdef.Broker, "group.consumer.migration.policy", "Upgrade", "")
	f(configdef.Broker, "process.roles", "", "Invalid value  for configuration process.roles: Configuration must not be empty. Valid values include: [broker, controller, sql]")

	for name, value := range map[string]string{
		"compression.gzip.level": "0", "leader.replication.throttled.replicas": "0", "segment.bytes": "13", "cleanup.policy": "delete,delete",
	} {
		if configdef.Check(topic, name, value) == nil {
			t.Errorf("%s=%s is accepted", name, value)
		}
	}
	_, unknown := errors.AsType[*configdef.UnknownError](configdef.Check(configdef.Group, "x", "1"))
	if !unknown {
		t.Error("an unknown key gives another error")
	}
}

// A key that the broker's code names is in use.
func TestKeysInUseAreNotMarkedUnused(t *testing.T) {
	literal := regexp.MustCompile(`"[a-z][a-z0-9]*(\.[a-z0-9]+)+"`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == "configdef" {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		for _, name := range literal.FindAllString(string(src), -1) {
			if k, ok := configdef.Lookup(configdef.Broker, strings.Trim(name, `"`)); ok && k.Unused {
				t.Errorf("%s uses %s, which is marked unused", path, name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSecretsAreNotInErrors(t *testing.T) {
	for k := range configdef.Keys(configdef.Broker) {
		if k.Type == configdef.Password != k.Sensitive {
			t.Errorf("%s: type %s, sensitive %v", k.Name, k.Type, k.Sensitive)
		}
	}
}

func TestLayers(t *testing.T) {
	type m = map[string]string
	f := func(l configdef.Layers, name, want string) {
		t.Helper()
		if got := l.Text(configdef.Topic, name); got != want {
			t.Errorf("%+v: %s is %q, want %q", l, name, got, want)
		}
		e, ok := l.Entry(configdef.Topic, name)
		if !ok || e.Value != want {
			t.Errorf("%+v: entry of %s is %+v", l, name, e)
		}
	}
	f(configdef.Layers{}, "retention.ms", "604800000")
	f(configdef.Layers{Static: m{"log.retention.hours": "24"}}, "retention.ms", "86400000")
	f(configdef.Layers{Static: m{"log.retention.hours": "24", "log.retention.minutes": "30"}}, "retention.ms", "1800000")
	f(configdef.Layers{Static: m{"log.retention.hours": "24", "log.retention.minutes": "30", "log.retention.ms": "5"}}, "retention.ms", "5")
	f(configdef.Layers{Static: m{"log.retention.hours": "-1"}}, "retention.ms", "-1")
	f(configdef.Layers{Static: m{"log.roll.hours": "9223372036854775807"}}, "segment.ms", "9223372036854775807")
	f(configdef.Layers{Static: m{"log.retention.ms": "5"}, DynamicDefault: m{"log.retention.ms": "6"}}, "retention.ms", "6")
	f(configdef.Layers{DynamicBroker: m{"log.retention.ms": "7"}, DynamicDefault: m{"log.retention.ms": "6"}}, "retention.ms", "7")
	f(configdef.Layers{DynamicBroker: m{"log.retention.ms": "7"}, Override: m{"retention.ms": "8"}}, "retention.ms", "8")
	f(configdef.Layers{Static: m{"message.max.bytes": "100"}}, "max.message.bytes", "100")
	f(configdef.Layers{Static: m{"min.insync.replicas": "2"}}, "min.insync.replicas", "2")
	f(configdef.Layers{Static: m{"validate.records": "full"}}, "validate.records", "full")

	l := configdef.Layers{Static: m{"num.partitions": " 7 ", "log.dirs": "a, b,,c", "auto.create.topics.enable": "FALSE"}}
	if n := l.Int64(configdef.Broker, "num.partitions"); n != 7 {
		t.Errorf("num.partitions is %d", n)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, l.List(configdef.Broker, "log.dirs")); diff != "" {
		t.Error(diff)
	}
	if l.Bool(configdef.Broker, "auto.create.topics.enable") {
		t.Error("FALSE is true")
	}
	if r := l.Float64(configdef.Topic, "min.cleanable.dirty.ratio"); r != 0.5 {
		t.Errorf("ratio %v", r)
	}
	if n := l.Int64(configdef.Broker, "log.flush.interval.ms"); n != -1 {
		t.Errorf("what has no default is %d", n)
	}
}

func TestEntries(t *testing.T) {
	type m = map[string]string
	l := configdef.Layers{
		Override: m{"segment.bytes": "1"}, DynamicBroker: m{"log.segment.bytes": "2"},
		DynamicDefault: m{"log.segment.bytes": "3"}, Static: m{"log.segment.bytes": "4"},
	}
	type line struct {
		Name, Value string
		Source      configdef.Source
	}
	lines := func(e configdef.Entry) (all []line) {
		for _, s := range e.Synonyms {
			all = append(all, line{s.Name, s.Value, s.Source})
		}
		return all
	}
	e, _ := l.Entry(configdef.Topic, "segment.bytes")
	want := []line{
		{"segment.bytes", "1", configdef.SourceTopic},
		{"log.segment.bytes", "2", configdef.SourceDynamicBroker},
		{"log.segment.bytes", "3", configdef.SourceDynamicDefault},
		{"log.segment.bytes", "4", configdef.SourceStatic},
		{"log.segment.bytes", "1073741824", configdef.SourceDefault},
	}
	if diff := cmp.Diff(want, lines(e)); diff != "" || e.Source != configdef.SourceTopic || e.ReadOnly() {
		t.Error(diff, e)
	}
	e, _ = l.Entry(configdef.Broker, "log.segment.bytes")
	if diff := cmp.Diff(want[1:], lines(e)); diff != "" || e.Source != configdef.SourceDynamicBroker || e.ReadOnly() {
		t.Error(diff, e)
	}
	if e, _ = l.Entry(configdef.Broker, "num.partitions"); !e.ReadOnly() || e.Source != configdef.SourceDefault || e.Value != "1" {
		t.Error(e)
	}
	if e, _ = l.Entry(configdef.Broker, "broker.rack"); !e.Null {
		t.Error(e)
	}
	group := configdef.Layers{Override: m{"consumer.session.timeout.ms": "50000"}}
	if e, _ = group.Entry(configdef.Group, "consumer.session.timeout.ms"); e.Source != configdef.SourceGroup || len(e.Synonyms) != 2 {
		t.Error(e)
	}
	if _, ok := l.Entry(configdef.Topic, "no.such.key"); ok {
		t.Error("an entry of nothing")
	}
}
