package task

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/processor"
)

// Task runs one partition of one subtopology. It belongs to one goroutine.
type Task struct {
	cfg   Config
	env   processor.Env
	built *processor.Built

	engines [2]statestore.Engine // on disk, in memory
	stores  []store
	byName  map[string]statestore.Store

	queues map[string]*queue
	heads  headHeap // queues with a record
	only   *queue   // the queue, if the task has one topic
	// What Ready knows of the empty queues: whether there are any that have all, and any that have not; stale if it must
	// look again.
	idle, behind, stale bool
	waiting             int64 // wall time since which Ready waits for an empty queue, -1 if it does not

	schedules [2][]*processor.Schedule // by PunctuationType
	emitted   map[string]int64
	requested bool
	dirty     bool // something happened since the last flush
	batch     statestore.Batch
}

// store is a store with its changelog.
type store struct {
	statestore.Store
	info   processor.StoreInfo
	engine statestore.Engine
}

// New opens the engines and stores of a task.
func New(cfg Config) (*Task, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Task{cfg: cfg, byName: make(map[string]statestore.Store), queues: make(map[string]*queue), waiting: -1, emitted: make(map[string]int64)}
	t.env = processor.Env{
		ApplicationID: cfg.ApplicationID, TaskID: cfg.ID, StreamTime: -1,
		DefaultExtractor: cfg.Extractor, EmitInterval: cfg.EmitInterval, Runtime: (*host)(t),
	}
	if t.env.DefaultExtractor == nil {
		t.env.DefaultExtractor = processor.FailOnInvalidTimestamp
	}
	for _, info := range cfg.Subtopology.Stores {
		if err := t.open(info); err != nil {
			return nil, errors.Join(err, t.Close())
		}
	}
	return t, nil
}

func (t *Task) open(info processor.StoreInfo) error {
	kind := 0
	if info.Spec.InMemory {
		kind = 1
	}
	if t.engines[kind] == nil {
		e, err := t.cfg.OpenEngine(info.Spec.InMemory)
		if err != nil {
			return fmt.Errorf("open state of task %v: %w", t.cfg.ID, err)
		}
		t.engines[kind] = e
	}
	c := processor.StoreContext{
		Env: &t.env, Name: info.Spec.Name, Engine: t.engines[kind], Caching: t.cfg.Caching, MaxBytes: t.cfg.StoreBytes,
	}
	if info.OwnChangelog {
		c.Log = t.logger(info.Changelog)
	}
	s, err := info.Spec.Open(c)
	if err != nil {
		return err
	}
	t.stores = append(t.stores, store{Store: s, info: info, engine: t.engines[kind]})
	t.byName[info.Spec.Name] = s
	return nil
}

// logger returns what sends the records of one changelog.
func (t *Task) logger(topic string) func(statestore.ChangelogRecord) error {
	out := processor.OutRecord{Topic: topic, Partition: t.cfg.ID.Partition}
	return func(r statestore.ChangelogRecord) error {
		out.Key, out.Value, out.Timestamp, out.Headers = r.Key, r.Value, r.Timestamp, nil
		for _, h := range r.Headers {
			out.Headers = append(out.Headers, processor.Header(h))
		}
		if err := t.cfg.Collector.Send(&out); err != nil {
			return &processor.FatalError{Err: err}
		}
		return nil
	}
}

// ID returns the task's id.
func (t *Task) ID() processor.TaskID { return t.cfg.ID }

// Store returns a store by its name, nil if the task has none of that name.
func (t *Task) Store(name string) statestore.Store { return t.byName[name] }

// Changelogs lists what the stores must be restored from before Start.
func (t *Task) Changelogs() ([]Changelog, error) {
	var list []Changelog
	for _, s := range t.stores {
		if s.info.Changelog == "" {
			continue
		}
		offsets, err := s.engine.Checkpoint()
		if err != nil {
			return nil, fmt.Errorf("read checkpoint of task %v: %w", t.cfg.ID, err)
		}
		c := Changelog{Store: s.Name(), Topic: s.info.Changelog, Partition: t.cfg.ID.Partition, Source: !s.info.OwnChangelog}
		c.Checkpoint, c.Known = offsets[statestore.TopicPartition{Topic: c.Topic, Partition: c.Partition}]
		list = append(list, c)
	}
	return list, nil
}

// Restore applies changelog records to a store; at is the offset behind the last of them.
func (t *Task) Restore(name string, records []statestore.ChangelogRecord, at statestore.Offset) error {
	for _, s := range t.stores {
		if s.Name() != name {
			continue
		}
		t.batch.Reset()
		for _, r := range records {
			if r.Key == nil {
				continue // a source topic that serves as changelog may have such
			}
			if err := s.Restore(&t.batch, r); err != nil {
				return fmt.Errorf("restore store %s of task %v: %w", name, t.cfg.ID, err)
			}
		}
		t.batch.SetOffset(statestore.TopicPartition{Topic: s.info.Changelog, Partition: t.cfg.ID.Partition}, at)
		if err := s.engine.Apply(&t.batch); err != nil {
			return fmt.Errorf("restore store %s of task %v: %w", name, t.cfg.ID, err)
		}
		return nil
	}
	return fmt.Errorf("restore store %s of task %v: no such store", name, t.cfg.ID)
}

// Start builds the nodes. state is what was committed with the offsets that the task goes on from; now is the wall-clock
// time in milliseconds.
func (t *Task) Start(state State, now int64) error {
	t.env.WallTime = now
	for node, at := range state.Emitted {
		t.emitted[node] = at
	}
	var err error
	if t.built, err = t.cfg.Subtopology.Build(&t.env, t.byName, t.cfg.Global); err != nil {
		return err
	}
	for _, src := range t.cfg.Subtopology.Sources {
		for _, topic := range src.Topics {
			t.addQueue(topic, src.Node)
		}
	}
	for topic, at := range state.PartitionTimes {
		if q := t.queueOf(topic); q != nil {
			q.partitionTime = at
		}
	}
	return t.built.Init()
}

// Step processes the record with the smallest timestamp, and what stream time makes due. It returns false if no record is
// queued.
func (t *Task) Step(now int64) (bool, error) {
	q := t.next()
	if q == nil {
		return false, nil
	}
	t.env.WallTime = now
	if err := t.process(q); err != nil {
		return true, err
	}
	return true, t.punctuate(processor.StreamTime, t.env.StreamTime)
}

func (t *Task) process(q *queue) error {
	e := &t.env
	raw := q.record()
	e.Raw = raw
	e.Meta = processor.RecordMetadata{Topic: q.topic, Partition: t.cfg.ID.Partition, Offset: raw.Offset}
	e.HasMeta = true
	e.Timestamp = q.headTime
	e.Headers = processor.NewHeaders(raw.Headers...)
	e.StreamTime = max(e.StreamTime, q.headTime)
	q.partitionTime = max(q.partitionTime, q.headTime)
	err := q.head.Process()
	q.consumed = raw.Offset + 1
	q.moved = true
	t.dirty = true
	e.Raw, e.HasMeta = nil, false
	if err != nil {
		return err
	}
	return t.advance(q)
}

// PunctuateWall calls the wall-clock punctuators that are due and says whether there were any.
func (t *Task) PunctuateWall(now int64) (bool, error) {
	t.env.WallTime = now
	before := t.dirty
	t.dirty = false
	err := t.punctuate(processor.WallClockTime, now)
	fired := t.dirty
	t.dirty = t.dirty || before
	return fired, err
}

func (t *Task) punctuate(kind processor.PunctuationType, now int64) error {
	if len(t.schedules[kind]) == 0 || now < 0 {
		return nil
	}
	kept := t.schedules[kind][:0:0]
	list := t.schedules[kind]
	for i := range list {
		s := list[i]
		if !s.Cancelled && s.Next <= now {
			if err := t.call(s, now); err != nil {
				return err
			}
			s.Next += ((now-s.Next)/s.Interval + 1) * s.Interval
		}
		if !s.Cancelled {
			kept = append(kept, s)
		}
	}
	// Punctuators may have scheduled others.
	t.schedules[kind] = append(kept, t.schedules[kind][len(list):]...)
	return nil
}

// call runs one punctuator, with an empty record context.
func (t *Task) call(s *processor.Schedule, now int64) (err error) {
	e := &t.env
	e.Meta, e.HasMeta, e.Raw, e.Timestamp = processor.RecordMetadata{Partition: -1, Offset: -1}, true, nil, now
	e.Headers = processor.Headers{}
	t.dirty = true
	defer func() {
		e.HasMeta = false
		if p := recover(); p != nil {
			err = e.Failed(s.Node, processor.Recovered(p))
		}
	}()
	if err = s.Call(now); err != nil {
		err = e.Failed(s.Node, err)
	}
	return err
}

// CommitRequested says whether a processor has asked for a commit since the last one.
func (t *Task) CommitRequested() bool { return t.requested }

// Dirty says whether anything happened since the last Flush.
func (t *Task) Dirty() bool { return t.dirty }

// Dropped returns how many records were dropped, as Kafka's dropped-records-total.
func (t *Task) Dropped() int64 { return t.env.Dropped }

// StreamTime returns the largest timestamp seen, -1 if none.
func (t *Task) StreamTime() int64 { return t.env.StreamTime }

// UncommittedBytes estimates the memory that only a commit can free.
func (t *Task) UncommittedBytes() int64 {
	n := int64(0)
	for _, s := range t.stores {
		n += s.UncommittedBytes()
	}
	return n
}

// Flush sends what stores hold back to the nodes below them and to the changelogs, store by store in the order of the
// topology, and returns what is to be committed when the Collector's records are acknowledged.
func (t *Task) Flush(now int64) (Commit, error) {
	t.env.WallTime = now
	for _, s := range t.stores {
		if err := s.Flush(); err != nil {
			return Commit{}, fmt.Errorf("flush store %s of task %v: %w", s.Name(), t.cfg.ID, err)
		}
	}
	c := Commit{Offsets: make(map[string]int64), State: State{PartitionTimes: make(map[string]int64), Emitted: t.emitted}}
	for topic, q := range t.queues {
		if q.moved {
			c.Offsets[topic] = q.consumed
			q.moved = false
		}
		if q.partitionTime >= 0 {
			c.State.PartitionTimes[topic] = q.partitionTime
		}
	}
	t.requested, t.dirty = false, false
	return c, nil
}

// Committed tells the task that the last Flush is committed. The engines take the changes, with the changelog offsets that
// the producer reported, by topic-partition.
func (t *Task) Committed(changelog statestore.Offsets) error {
	for i, e := range t.engines {
		if e == nil {
			continue
		}
		t.batch.Reset()
		for _, s := range t.stores {
			if s.engine != e {
				continue
			}
			if err := s.Prepare(&t.batch); err != nil {
				return fmt.Errorf("prepare store %s of task %v: %w", s.Name(), t.cfg.ID, err)
			}
			tp := statestore.TopicPartition{Topic: s.info.Changelog, Partition: t.cfg.ID.Partition}
			if at, ok := changelog[tp]; ok {
				t.batch.SetOffset(tp, at)
			}
		}
		if t.batch.Len() > 0 || len(t.batch.Offsets()) > 0 {
			if err := e.Apply(&t.batch); err != nil {
				return fmt.Errorf("write state %d of task %v: %w", i, t.cfg.ID, err)
			}
		}
	}
	for _, s := range t.stores {
		if err := s.Applied(); err != nil {
			return fmt.Errorf("settle store %s of task %v: %w", s.Name(), t.cfg.ID, err)
		}
	}
	return nil
}

// Close closes the nodes, the stores and the engines. What was not committed is lost.
func (t *Task) Close() error {
	var errs []error
	if t.built != nil {
		errs = append(errs, t.built.Close())
		t.built = nil
	}
	for _, s := range t.stores {
		errs = append(errs, s.Close())
	}
	t.stores = nil
	for i, e := range t.engines {
		if e != nil {
			errs = append(errs, e.Close())
			t.engines[i] = nil
		}
	}
	return errors.Join(errs...)
}
