package processor_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// The values are those of Kafka's own tests of Utils.murmur2, as partitions among 2^31-1.
func TestPartitionOf(t *testing.T) {
	f := func(key string, murmur int32) {
		t.Helper()
		const n = 1<<31 - 1
		want := (murmur & 0x7fffffff) % n
		if got := processor.PartitionOf([]byte(key), n); got != want {
			t.Errorf("partition of %q is %d, want %d", key, got, want)
		}
	}
	f("21", -973932308)
	f("foobar", -790332482)
	f("a-little-bit-long-string", -985981536)
	f("a-little-bit-longer-string", -1486304829)
	f("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)
	f("abc", 479470107)
}

type id struct {
	ctx *processor.Context[string, string]
}

func (p *id) Init(c *processor.Context[string, string]) error    { p.ctx = c; return nil }
func (p *id) Process(r *processor.Record[string, string]) error  { return p.ctx.Forward(r) }
func (p *id) Close() error                                       { return nil }
func newID() processor.Processor[string, string, string, string] { return &id{} }
func source(topics ...string) processor.SourceConfig[string, string] {
	return processor.SourceConfig[string, string]{Topics: topics, Key: serde.String, Value: serde.String}
}

func sink(topic string) processor.SinkConfig[string, string] {
	return processor.SinkConfig[string, string]{Topic: topic, Key: serde.String, Value: serde.String}
}

func kvSpec(name string) *processor.StoreSpec {
	return processor.KeyValueSpec(processor.StoreSpec{Name: name, Logging: true},
		processor.KeyValueOptions[string, string]{Key: serde.String, Value: serde.String})
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestDescribe(t *testing.T) {
	top := processor.NewTopology()
	must(t,
		processor.AddSource(top, "one", source("a", "b")),
		processor.AddProcessor(top, "p", newID, "one"),
		processor.AddSink(top, "out", sink("c"), "p"),
		processor.AddSource(top, "two", source("d")),
		processor.AddProcessor(top, "q", newID, "two"),
		processor.AddSource(top, "three", source("e")),
		top.AddStateStore(kvSpec("shared"), "p", "q"),
	)
	want := `Topologies:
   Sub-topology: 0
    Source: one (topics: [a, b])
      --> p
    Processor: p (stores: [shared])
      --> out
      <-- one
    Source: two (topics: [d])
      --> q
    Sink: out (topic: c)
      <-- p
    Processor: q (stores: [shared])
      --> none
      <-- two

  Sub-topology: 1
    Source: three (topics: [e])
      --> none

`
	if got := top.Describe(); got != want {
		t.Errorf("description is\n%s\nwant\n%s", got, want)
	}
}

func TestTopologiesThatCannotBe(t *testing.T) {
	top := processor.NewTopology()
	must(t, processor.AddSource(top, "s", source("a")), processor.AddSink(top, "out", sink("b"), "s"))
	for text, err := range map[string]error{
		"already there":         processor.AddSource(top, "s", source("x")),
		"already read":          processor.AddSource(top, "s2", source("a")),
		"is not there":          processor.AddProcessor(top, "p", newID, "nobody"),
		"has no parent":         processor.AddProcessor(top, "p", newID),
		"cannot be the parent":  processor.AddProcessor(top, "p", newID, "out"),
		"neither topics nor":    processor.AddSource(top, "s3", source()),
		"node x is not there":   top.AddStateStore(kvSpec("st"), "x"),
		"other than letters":    top.AddStateStore(kvSpec("no spaces")),
		"needs a key and a val": processor.AddSink(top, "k", processor.SinkConfig[string, string]{Topic: "t"}, "s"),
	} {
		var e *processor.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), text) {
			t.Errorf("error is %v, want one about %q", err, text)
		}
	}
}

func TestPlan(t *testing.T) {
	top := processor.NewTopology()
	top.AddInternalTopic("r", processor.InternalTopicProperties{})
	must(t,
		processor.AddSource(top, "s", source("a")),
		processor.AddSink(top, "rs", sink("r"), "s"),
		processor.AddSource(top, "rr", source("r")),
		processor.AddProcessor(top, "p", newID, "rr"),
		top.AddStateStore(kvSpec("st"), "p"),
	)
	plan, err := top.Plan(processor.PlanConfig{ApplicationID: "app"})
	must(t, err)
	topics, tasks, err := plan.PartitionCounts(func(topic string) int32 { return map[string]int32{"a": 6}[topic] })
	must(t, err)
	if topics["app-r"] != 6 || topics["app-st-changelog"] != 6 || tasks[0] != 6 || tasks[1] != 6 {
		t.Errorf("topics %v tasks %v", topics, tasks)
	}
	if _, _, err := plan.PartitionCounts(func(string) int32 { return 0 }); err == nil {
		t.Error("a source topic that does not exist is no error")
	}
	if got := plan.Subtopologies[1].Changelogs[0].Config["cleanup.policy"]; got != "compact" {
		t.Errorf("cleanup policy of the changelog is %s", got)
	}
}

func TestHeadersAreCopiedOnWrite(t *testing.T) {
	a := processor.NewHeaders(processor.Header{Key: "x"})
	b := a
	b.Add("y", nil)
	a.Add("z", nil)
	if _, ok := a.Last("y"); ok || a.Len() != 2 || b.Len() != 2 {
		t.Errorf("headers share memory: %v %v", a, b)
	}
	a.Remove("x")
	if _, ok := b.Last("x"); !ok {
		t.Error("a removal in one went to the other")
	}
}

func TestNil(t *testing.T) {
	p := new(int)
	var none *int
	if n := processor.NilOf[*int](); n.Is(&p) || !n.Is(&none) {
		t.Error("pointers")
	}
	var a, b any = 0, nil
	if n := processor.NilOf[any](); n.Is(&a) || !n.Is(&b) {
		t.Error("interfaces")
	}
	s, empty := []byte(nil), []byte{}
	if n := processor.NilOf[[]byte](); !n.Is(&s) || n.Is(&empty) {
		t.Error("slices")
	}
	zero := 0
	if n := processor.NilOf[int](); n.Is(&zero) || n.Possible() {
		t.Error("numbers")
	}
}
