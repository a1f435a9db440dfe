package task_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/statestore/memstore"
	"github.com/chortal/chortal/streams/internal/task"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// collector keeps what a task sends as topic key=value@timestamp.
type collector struct {
	sent []string
	fail error
}

func (c *collector) Partitions(string) (int32, error) { return 1, nil }
func (c *collector) Send(r *processor.OutRecord) error {
	c.sent = append(c.sent, fmt.Sprintf("%s %s=%s@%d", r.Topic, r.Key, r.Value, r.Timestamp))
	return c.fail
}

// drain returns what was sent since the last call.
func (c *collector) drain() []string {
	list := c.sent
	c.sent = nil
	return list
}

// appender appends each value to what a store has for its key, and ticks every 10 ms of stream time.
type appender struct {
	ctx   *processor.Context[string, string]
	store *processor.KeyValueStore[string, string]
}

func (p *appender) Init(c *processor.Context[string, string]) (err error) {
	p.ctx = c
	if p.store, err = processor.StoreOf[*processor.KeyValueStore[string, string]](c, "st"); err != nil {
		return err
	}
	_, err = c.Schedule(10e6, processor.StreamTime, func(now int64) error {
		return c.Forward(&processor.Record[string, string]{Key: "tick", Value: "", Timestamp: now})
	})
	return err
}

func (p *appender) Process(r *processor.Record[string, string]) error {
	if r.Value == "bad" {
		return errors.New("bad value")
	}
	old, _, _, err := p.store.Get(r.Key)
	if err != nil {
		return err
	}
	if err := p.store.Put(r.Key, old+r.Value, r.Timestamp); err != nil {
		return err
	}
	return p.ctx.Forward(&processor.Record[string, string]{Key: r.Key, Value: old + r.Value, Timestamp: r.Timestamp})
}

func (p *appender) Close() error { return nil }

// open starts a task that reads the topics a and b and writes out.
func open(t *testing.T, c *collector, engine statestore.Engine, cfg task.Config) *task.Task {
	t.Helper()
	top := processor.NewTopology()
	source := func(topic string) processor.SourceConfig[string, string] {
		return processor.SourceConfig[string, string]{Topics: []string{topic}, Key: serde.String, Value: serde.String}
	}
	spec := processor.KeyValueSpec(processor.StoreSpec{Name: "st", Logging: true},
		processor.KeyValueOptions[string, string]{Key: serde.String, Value: serde.String})
	err := errors.Join(
		processor.AddSource(top, "a", source("a")),
		processor.AddSource(top, "b", source("b")),
		processor.AddProcessor(top, "p", func() processor.Processor[string, string, string, string] { return &appender{} }, "a", "b"),
		processor.AddSink(top, "out", processor.SinkConfig[string, string]{Topic: "out", Key: serde.String, Value: serde.String}, "p"),
		top.AddStateStore(spec, "p"),
	)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := top.Plan(processor.PlanConfig{ApplicationID: "app"})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Subtopology, cfg.Collector = plan.Subtopologies[0], c
	cfg.OpenEngine = func(bool) (statestore.Engine, error) { return engine, nil }
	tk, err := task.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tk
}

func start(t *testing.T, tk *task.Task, s task.State) *task.Task {
	t.Helper()
	if err := tk.Start(s, 0); err != nil {
		t.Fatal(err)
	}
	return tk
}

func add(t *testing.T, tk *task.Task, topic string, offset, ts int64, value string) {
	t.Helper()
	err := tk.Add(topic, []processor.RawRecord{{Key: []byte("k"), Value: []byte(value), Offset: offset, Timestamp: ts}})
	if err != nil {
		t.Fatal(err)
	}
}

func steps(t *testing.T, tk *task.Task) {
	t.Helper()
	for {
		ok, err := tk.Step(0)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return
		}
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// outputs are the records that went to the topic out.
func outputs(c *collector) []string {
	var list []string
	for _, s := range c.drain() {
		if s[:4] == "out " {
			list = append(list, s[4:])
		}
	}
	return list
}

func TestSmallestTimestampFirst(t *testing.T) {
	c := &collector{}
	tk := start(t, open(t, c, memstore.New(), task.Config{}), task.State{})
	add(t, tk, "a", 0, 5, "1")
	add(t, tk, "a", 1, 1, "2") // behind its predecessor, though older
	add(t, tk, "b", 0, 3, "3")
	add(t, tk, "b", 1, 6, "4")
	steps(t, tk)
	same(t, "output", outputs(c), []string{"k=3@3", "tick=@3", "k=31@5", "k=312@1", "k=3124@6"})
}

func TestStreamTimePunctuation(t *testing.T) {
	c := &collector{}
	tk := start(t, open(t, c, memstore.New(), task.Config{}), task.State{})
	for offset, ts := range []int64{0, 9, 10, 45, 44, 50} {
		add(t, tk, "a", int64(offset), ts, "")
	}
	steps(t, tk)
	same(t, "output", outputs(c), []string{"k=@0", "tick=@0", "k=@9", "k=@10", "tick=@10", "k=@45", "tick=@45", "k=@44", "k=@50", "tick=@50"})
}

func TestWaitsForEmptyQueues(t *testing.T) {
	c := &collector{}
	tk := start(t, open(t, c, memstore.New(), task.Config{MaxTaskIdle: 100}), task.State{})
	f := func(now int64, want bool, why string) {
		t.Helper()
		if got := tk.Ready(now); got != want {
			t.Errorf("ready at %d is %v: %s", now, got, why)
		}
	}
	f(0, false, "nothing is queued")
	add(t, tk, "a", 0, 5, "1")
	f(0, false, "it is not known what b has")
	tk.SetPosition("b", 7)
	tk.SetEnd("b", 8)
	f(1000, false, "b has one more record on the broker")
	tk.SetEnd("b", 7)
	f(2000, false, "b is empty, but may get a record soon")
	f(2099, false, "it is waited for 100 ms")
	f(2100, true, "long enough")
	add(t, tk, "b", 7, 1, "2")
	f(2100, true, "all queues have a record")
}

func TestRestoreFromTheChangelog(t *testing.T) {
	c := &collector{}
	engine := memstore.New()
	tk := start(t, open(t, c, engine, task.Config{}), task.State{})
	add(t, tk, "a", 0, 1, "x")
	add(t, tk, "b", 4, 2, "y")
	steps(t, tk)
	commit, err := tk.Flush(0)
	if err != nil {
		t.Fatal(err)
	}
	if commit.Offsets["a"] != 1 || commit.Offsets["b"] != 5 || commit.State.PartitionTimes["b"] != 2 {
		t.Errorf("commit is %+v", commit)
	}
	changelog := statestore.TopicPartition{Topic: "app-st-changelog"}
	if err := tk.Committed(statestore.Offsets{changelog: {Next: 2}}); err != nil {
		t.Fatal(err)
	}
	offsets, err := engine.Checkpoint()
	if err != nil || offsets[changelog].Next != 2 {
		t.Errorf("checkpoint is %v (%v)", offsets, err)
	}
	c.drain()

	other := open(t, c, memstore.New(), task.Config{})
	list, err := other.Changelogs()
	if err != nil || len(list) != 1 || list[0].Topic != "app-st-changelog" || list[0].Known {
		t.Fatalf("changelogs are %+v (%v)", list, err)
	}
	err = other.Restore("st", []statestore.ChangelogRecord{
		{Key: []byte("k"), Value: []byte("x"), Timestamp: 1}, {Key: []byte("k"), Value: []byte("xy"), Timestamp: 2},
	}, statestore.Offset{Next: 2})
	if err != nil {
		t.Fatal(err)
	}
	start(t, other, commit.State)
	add(t, other, "a", 1, 3, "z")
	steps(t, other)
	same(t, "output", outputs(c), []string{"k=xyz@3", "tick=@3"})
}

func TestHandlers(t *testing.T) {
	c := &collector{}
	var asked []string
	handler := func(r task.Response) task.Handler {
		return func(f *task.Failure) task.Response {
			asked = append(asked, fmt.Sprintf("%s %s-%d@%d: %v", f.Node, f.Meta.Topic, f.Meta.Partition, f.Meta.Offset, f.Err))
			return r
		}
	}
	tk := start(t, open(t, c, memstore.New(), task.Config{Processing: handler(task.Continue)}), task.State{})
	add(t, tk, "a", 3, 1, "bad")
	steps(t, tk)
	same(t, "asked", asked, []string{"p a-0@3: bad value"})
	if tk.Dropped() != 1 {
		t.Errorf("dropped %d", tk.Dropped())
	}

	tk = start(t, open(t, c, memstore.New(), task.Config{Processing: handler(task.Fail)}), task.State{})
	add(t, tk, "a", 3, 1, "bad")
	_, err := tk.Step(0)
	var p *processor.ProcessingError
	if !errors.As(err, &p) || p.Node != "p" || p.Meta.Offset != 3 {
		t.Errorf("error is %v", err)
	}
}

func TestABrokenProducerIsNotUpToTheHandler(t *testing.T) {
	c := &collector{fail: errors.New("producer is fenced")}
	never := func(*task.Failure) task.Response {
		t.Error("the handler was asked")
		return task.Continue
	}
	tk := start(t, open(t, c, memstore.New(), task.Config{Processing: never, Production: never}), task.State{})
	add(t, tk, "a", 0, 1, "x")
	if _, err := tk.Step(0); !errors.Is(err, c.fail) {
		t.Errorf("error is %v", err)
	}
}
