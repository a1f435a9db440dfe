package streamstest

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/statestore/memstore"
	"github.com/chortal/chortal/streams/internal/task"
	"github.com/chortal/chortal/streams/processor"
)

// Config describes a driver. The zero value is a single partition of everything and a commit after every record.
type Config struct {
	// ApplicationID is the prefix of internal topics; empty means "app".
	ApplicationID string
	// Partitions are the numbers of partitions of topics; those not named have one.
	Partitions map[string]int32
	// OneTask runs all subtopologies as one task with one stream time, as Kafka's TopologyTestDriver does. All topics have
	// one partition then.
	OneTask bool
	// Now is the wall-clock time at the start; the zero Time is the epoch.
	Now time.Time
	// Caching holds results of caching stores back until a commit.
	Caching bool
	// StoreBytes is the memory budget of each store; zero is the default.
	StoreBytes int64
	// ManualCommit leaves commits to Driver.Commit.
	ManualCommit bool
	// Discard drops output records of topics for which it is true, instead of keeping them to be read. Nil keeps all.
	Discard func(topic string) bool
	// OpenEngine opens the engine of a task; nil keeps state in memory.
	OpenEngine func(id processor.TaskID, inMemory bool) (statestore.Engine, error)
	// Extractor is the default timestamp extractor; nil is processor.FailOnInvalidTimestamp.
	Extractor processor.DefaultExtractor
	// EmitInterval is how often, in wall-clock time, results of closed windows are emitted; zero is always.
	EmitInterval time.Duration
	// TopicConfig are properties of internal topics.
	TopicConfig map[string]string
	// AdditionalRetention is added to the retention of windowed changelogs; zero is a day.
	AdditionalRetention time.Duration

	Deserialization, Processing, Production Handler
	// DeadLetterTopic gets the records that the handlers are asked about; empty for none.
	DeadLetterTopic string
	// Logger, nil for none.
	Logger *slog.Logger
}

// Handler decides what happens to a record that fails.
type Handler = task.Handler

// Failure is what a handler is asked about.
type Failure = task.Failure

// LogAndContinue drops the record and goes on.
func LogAndContinue(*Failure) task.Response { return task.Continue }

// LogAndFail ends the application; it is the default.
func LogAndFail(*Failure) task.Response { return task.Fail }

// Driver runs a topology in memory. It belongs to one goroutine.
type Driver struct {
	cfg        Config
	plan       *processor.Plan
	partitions map[string]int32
	topics     map[string]*topic
	tasks      []*running
	global     *running
	pending    []*topic // with records that their readers have not got yet
	now        int64
	dropped    int64 // by tasks that were closed
	broken     error
}

// topic is a topic in memory.
type topic struct {
	name       string
	partitions [][]processor.RawRecord
	produced   []Produced // what the topology wrote, in order
	read       int        // of produced
	next       int32      // partition for the next record without a key
	readers    []*reader
	pending    bool
	discard    bool
}

// reader is how far a task has got the records of a topic, by partition.
type reader struct {
	*running
	next []int64
}

// running is a task with its place in the driver.
type running struct {
	d     *Driver
	id    processor.TaskID
	sub   *processor.Subtopology
	task  *task.Task
	state task.State
	// committed are the next offsets to read by topic.
	committed map[string]int64
	changelog statestore.Offsets
}

// New starts the tasks of a topology.
func New(t *processor.Topology, c Config) (*Driver, error) {
	if c.ApplicationID == "" {
		c.ApplicationID = "app"
	}
	d := &Driver{cfg: c, topics: make(map[string]*topic)}
	if !c.Now.IsZero() {
		d.now = c.Now.UnixMilli()
	}
	var err error
	d.plan, err = t.Plan(processor.PlanConfig{
		ApplicationID: c.ApplicationID, TopicConfig: c.TopicConfig, AdditionalRetention: c.AdditionalRetention.Milliseconds(),
	})
	if err != nil {
		return nil, err
	}
	if err := d.place(); err != nil {
		return nil, err
	}
	if err := d.start(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Plan returns the topology's subtopologies and internal topics.
func (d *Driver) Plan() *processor.Plan { return d.plan }

// place decides which tasks there are.
func (d *Driver) place() error {
	if d.plan.Global != nil {
		d.global = &running{d: d, id: processor.TaskID{Subtopology: -1}, sub: d.plan.Global}
	}
	if d.cfg.OneTask {
		d.partitions = make(map[string]int32)
		if whole := d.plan.Whole(); len(whole.Sources) > 0 {
			d.tasks = []*running{{d: d, sub: whole}}
		}
		return nil
	}
	count := func(topic string) int32 { return max(1, d.cfg.Partitions[topic]) }
	topics, tasks, err := d.plan.PartitionCounts(count)
	if err != nil {
		return err
	}
	d.partitions = topics
	for _, sub := range d.plan.Subtopologies {
		for p := range max(1, tasks[sub.ID]) {
			d.tasks = append(d.tasks, &running{d: d, id: processor.TaskID{Subtopology: sub.ID, Partition: p}, sub: sub})
		}
	}
	return nil
}

// partitionCount returns the number of partitions of a topic.
func (d *Driver) partitionCount(topic string) int32 {
	if d.cfg.OneTask {
		return 1
	}
	if n := d.partitions[topic]; n > 0 {
		return n
	}
	return max(1, d.cfg.Partitions[topic])
}

func (d *Driver) topic(name string) *topic {
	t := d.topics[name]
	if t == nil {
		t = &topic{name: name, partitions: make([][]processor.RawRecord, d.partitionCount(name))}
		t.discard = d.cfg.Discard != nil && d.cfg.Discard(name)
		d.topics[name] = t
		for _, r := range d.all() {
			for _, s := range r.sub.Sources {
				if slices.Contains(s.Topics, name) || s.Matches(name) {
					t.readers = append(t.readers, &reader{r, make([]int64, len(t.partitions))})
				}
			}
		}
	}
	return t
}

// all returns the tasks, the global one first.
func (d *Driver) all() []*running {
	if d.global == nil {
		return d.tasks
	}
	return append([]*running{d.global}, d.tasks...)
}

// start opens, restores and starts all tasks.
func (d *Driver) start() error {
	if d.global != nil {
		if err := d.global.start(nil); err != nil {
			return err
		}
	}
	for _, r := range d.tasks {
		if err := r.start(d.globalStores()); err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) globalStores() map[string]statestore.Store {
	if d.global == nil {
		return nil
	}
	stores := make(map[string]statestore.Store)
	for _, s := range d.global.sub.Stores {
		stores[s.Spec.Name] = d.global.task.Store(s.Spec.Name)
	}
	return stores
}

func (r *running) start(global map[string]statestore.Store) (err error) {
	c := &r.d.cfg
	cfg := task.Config{
		ApplicationID: c.ApplicationID, ID: r.id, Subtopology: r.sub, Collector: r, Caching: c.Caching, StoreBytes: c.StoreBytes, Global: global,
		OpenEngine: func(inMemory bool) (statestore.Engine, error) {
			if c.OpenEngine != nil {
				return c.OpenEngine(r.id, inMemory)
			}
			return memstore.New(), nil
		},
		Extractor: c.Extractor, EmitInterval: c.EmitInterval.Milliseconds(), MaxTaskIdle: -1,
		Deserialization: c.Deserialization, Processing: c.Processing, Production: c.Production,
		DeadLetterTopic: c.DeadLetterTopic, Logger: c.Logger,
	}
	if r.changelog == nil {
		r.changelog = make(statestore.Offsets)
	}
	if r.committed == nil {
		r.committed = make(map[string]int64)
	}
	if r.task, err = task.New(cfg); err != nil {
		return err
	}
	if r != r.d.global {
		if err := r.restore(); err != nil {
			return err
		}
	}
	return r.task.Start(r.state, r.d.now)
}

// restore replays the changelogs behind the engines' checkpoints.
func (r *running) restore() error {
	list, err := r.task.Changelogs()
	if err != nil {
		return err
	}
	for _, c := range list {
		t := r.d.topic(c.Topic)
		log := t.partitions[r.id.Partition]
		if c.Source {
			log = log[:min(int64(len(log)), r.committed[c.Topic])]
		}
		from := int64(0)
		if c.Known {
			from = min(c.Checkpoint.Next, int64(len(log)))
		}
		var records []statestore.ChangelogRecord
		for _, rec := range log[from:] {
			x := statestore.ChangelogRecord{Key: rec.Key, Value: rec.Value, Timestamp: rec.Timestamp}
			for _, h := range rec.Headers {
				x.Headers = append(x.Headers, statestore.Header(h))
			}
			records = append(records, x)
		}
		if len(records) == 0 {
			continue
		}
		if err := r.task.Restore(c.Store, records, statestore.Offset{Next: int64(len(log)), LeaderEpoch: -1}); err != nil {
			return err
		}
	}
	return nil
}

// Partitions implements task.Collector.
func (r *running) Partitions(topic string) (int32, error) { return r.d.partitionCount(topic), nil }

// Send implements task.Collector.
func (r *running) Send(o *processor.OutRecord) error {
	t := r.d.topic(o.Topic)
	p := o.Partition
	if p == processor.AnyPartition {
		p = t.next
		t.next = (t.next + 1) % int32(len(t.partitions))
	}
	if p < 0 || int(p) >= len(t.partitions) {
		return fmt.Errorf("send to %s-%d: it has %d partitions", o.Topic, p, len(t.partitions))
	}
	if t.discard && len(t.readers) == 0 {
		return nil
	}
	raw := processor.RawRecord{
		Key: slices.Clone(o.Key), Value: slices.Clone(o.Value), Timestamp: o.Timestamp,
		Headers: slices.Clone(o.Headers), Offset: int64(len(t.partitions[p])),
	}
	t.partitions[p] = append(t.partitions[p], raw)
	if len(t.readers) > 0 && !t.pending {
		t.pending = true
		r.d.pending = append(r.d.pending, t)
	}
	if !t.discard {
		t.produced = append(t.produced, Produced{Partition: p, RawRecord: raw})
	}
	if o.Node == "" {
		r.changelog[statestore.TopicPartition{Topic: o.Topic, Partition: p}] = statestore.Offset{Next: raw.Offset + 1, LeaderEpoch: -1}
	}
	return nil
}

// Pipe gives one record to the topology and processes all that follows from it. Partition AnyPartition chooses by the
// key, as a producer does. The record's offset is set by the driver.
func (d *Driver) Pipe(topic string, partition int32, r processor.RawRecord) error {
	if d.broken != nil {
		return fmt.Errorf("pipe to %s: the application has ended: %w", topic, d.broken)
	}
	d.broken = d.pipe(topic, partition, r)
	return d.broken
}

func (d *Driver) pipe(name string, partition int32, r processor.RawRecord) error {
	t := d.topic(name)
	if len(t.readers) == 0 {
		return fmt.Errorf("pipe to %s: the topology does not read it", name)
	}
	if partition == processor.AnyPartition {
		partition = 0
		if r.Key != nil {
			partition = processor.PartitionOf(r.Key, int32(len(t.partitions)))
		}
	}
	if int(partition) >= len(t.partitions) {
		return fmt.Errorf("pipe to %s-%d: it has %d partitions", name, partition, len(t.partitions))
	}
	r.Offset = int64(len(t.partitions[partition]))
	t.partitions[partition] = append(t.partitions[partition], r)
	if err := d.deliver(t); err != nil {
		return err
	}
	return d.settle()
}

// PipeBatch gives several records of one partition to the topology and processes all that follows from them. It is Pipe
// for benchmarks: the records' offsets go on from the last batch, and the driver keeps no copy of them.
func (d *Driver) PipeBatch(topic string, partition int32, records []processor.RawRecord) error {
	if d.broken != nil {
		return fmt.Errorf("pipe to %s: the application has ended: %w", topic, d.broken)
	}
	d.broken = d.pipeBatch(topic, partition, records)
	return d.broken
}

func (d *Driver) pipeBatch(name string, partition int32, records []processor.RawRecord) error {
	t := d.topic(name)
	for _, r := range t.readers {
		if r.id.Partition != partition && r.running != d.global {
			continue
		}
		for i := range records {
			records[i].Offset = r.next[partition] + int64(i)
		}
		r.next[partition] += int64(len(records))
		if err := r.task.Add(name, records); err != nil {
			return err
		}
	}
	return d.settle()
}

// deliver queues what the readers of a topic have not got yet.
func (d *Driver) deliver(t *topic) error {
	for _, r := range t.readers {
		if r.running != d.global {
			if int(r.id.Partition) < len(t.partitions) {
				if err := r.feed(t, r.id.Partition); err != nil {
					return err
				}
			}
			continue
		}
		for p := range t.partitions {
			if err := r.feed(t, int32(p)); err != nil {
				return err
			}
		}
		if err := r.drain(); err != nil {
			return err
		}
	}
	return nil
}

// feed queues the new records of one partition.
func (r *reader) feed(t *topic, partition int32) error {
	if r.next[partition] >= int64(len(t.partitions[partition])) {
		return nil
	}
	records := t.partitions[partition][r.next[partition]:]
	r.next[partition] += int64(len(records))
	return r.task.Add(t.name, records)
}

// drain processes all that is queued; it is for the global task, which has no changelog to commit.
func (r *running) drain() error {
	for {
		ok, err := r.task.Step(r.d.now)
		if err != nil || !ok {
			return err
		}
		if err := r.commit(); err != nil {
			return err
		}
	}
}

// settle processes records until none is left, one of each task in turn.
func (d *Driver) settle() error {
	for {
		any := false
		for _, r := range d.tasks {
			ok, err := r.task.Step(d.now)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			any = true
			if !d.cfg.ManualCommit {
				if err := r.commit(); err != nil {
					return err
				}
			}
			if err := d.loop(); err != nil {
				return err
			}
		}
		if !any {
			return nil
		}
	}
}

// loop queues what was written to topics that the topology reads, in the order of production.
func (d *Driver) loop() error {
	for len(d.pending) > 0 {
		list := d.pending
		d.pending = nil
		for _, t := range list {
			t.pending = false
			if err := d.deliver(t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *running) commit() error {
	c, err := r.task.Flush(r.d.now)
	if err != nil {
		return err
	}
	r.state.Emitted = maps.Clone(c.State.Emitted)
	r.state.PartitionTimes = c.State.PartitionTimes
	maps.Copy(r.committed, c.Offsets)
	err = r.task.Committed(r.changelog)
	clear(r.changelog)
	return err
}
