package streamstest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/processor"
)

// Advance moves the wall clock: punctuators and throttled results that are due come, and all that follows from them.
func (d *Driver) Advance(by time.Duration) error {
	if d.broken != nil {
		return fmt.Errorf("advance: the application has ended: %w", d.broken)
	}
	d.now += by.Milliseconds()
	d.broken = d.advance()
	return d.broken
}

func (d *Driver) advance() error {
	for _, r := range d.tasks {
		if _, err := r.task.PunctuateWall(d.now); err != nil {
			return err
		}
		if !d.cfg.ManualCommit {
			if err := r.commit(); err != nil {
				return err
			}
		}
	}
	if err := d.loop(); err != nil {
		return err
	}
	return d.settle()
}

// Now returns the wall-clock time.
func (d *Driver) Now() time.Time { return time.UnixMilli(d.now) }

// Commit commits all tasks, with ManualCommit: what caches hold back goes downstream and is processed.
func (d *Driver) Commit() error {
	if d.broken != nil {
		return fmt.Errorf("commit: the application has ended: %w", d.broken)
	}
	for _, r := range d.tasks {
		if d.broken = r.commit(); d.broken != nil {
			return d.broken
		}
	}
	if d.broken = d.loop(); d.broken == nil {
		d.broken = d.settle()
	}
	return d.broken
}

// Restart stops all tasks without a commit and starts them again: what was committed is restored from the changelogs, or,
// where OpenEngine opens an engine that kept its content, from the end of what it knows. Records since the last commit are
// processed again.
func (d *Driver) Restart() error {
	for _, r := range d.all() {
		if r.task == nil {
			continue
		}
		d.dropped += r.task.Dropped()
		err := r.task.Close()
		r.task, r.changelog = nil, nil
		if err != nil {
			return fmt.Errorf("restart: %w", err)
		}
	}
	d.broken, d.pending = nil, nil
	for _, t := range d.topics {
		t.pending = false
		for _, rd := range t.readers {
			for p := range rd.next {
				rd.next[p] = 0
			}
			if rd.running != d.global && int(rd.id.Partition) < len(rd.next) {
				rd.next[rd.id.Partition] = rd.committed[t.name]
			}
		}
	}
	d.broken = d.restart()
	return d.broken
}

func (d *Driver) restart() error {
	if err := d.start(); err != nil {
		return err
	}
	names := d.Topics()
	for _, global := range []bool{true, false} {
		for _, name := range names {
			t := d.topics[name]
			if len(t.readers) > 0 && (t.readers[0].running == d.global) == global {
				if err := d.deliver(t); err != nil {
					return err
				}
			}
		}
	}
	return d.settle()
}

// Close ends all tasks.
func (d *Driver) Close() error {
	var errs []error
	for _, r := range d.all() {
		if r.task != nil {
			errs = append(errs, r.task.Close())
			r.task = nil
		}
	}
	return errors.Join(errs...)
}

// Dropped returns how many records were dropped, as Kafka's metric dropped-records-total.
func (d *Driver) Dropped() int64 {
	n := d.dropped
	for _, r := range d.all() {
		if r.task != nil && r != d.global {
			n += r.task.Dropped()
		}
	}
	if d.global != nil && d.global.task != nil {
		n += d.global.task.Dropped()
	}
	return n
}

// Topics returns the names of all topics that have or had a record, sorted.
func (d *Driver) Topics() []string {
	names := make([]string, 0, len(d.topics))
	for name := range d.topics {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Log returns all records of a partition of a topic, piped in or produced.
func (d *Driver) Log(topic string, partition int32) []processor.RawRecord {
	t := d.topics[topic]
	if t == nil || int(partition) >= len(t.partitions) {
		return nil
	}
	return t.partitions[partition]
}

// Store returns the store of that name in the task that reads the given partition, nil if there is none. Global stores
// have partition 0.
func (d *Driver) Store(name string, partition int32) statestore.Store {
	for _, r := range d.all() {
		if r.task == nil || r.id.Partition != partition {
			continue
		}
		if s := r.task.Store(name); s != nil {
			return s
		}
	}
	return nil
}

// StoreNames returns the names of all stores, sorted.
func (d *Driver) StoreNames() []string {
	var names []string
	for _, r := range d.all() {
		for _, s := range r.sub.Stores {
			names = append(names, s.Spec.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// KeyValue returns a key-value store of a partition. It panics if there is none of that name and type: that is a mistake
// of the test.
func KeyValue[K, V any](d *Driver, name string, partition int32) *processor.KeyValueStore[K, V] {
	s, ok := d.Store(name, partition).(*processor.KeyValueStore[K, V])
	if !ok {
		panic(fmt.Sprintf("streamstest: store %s of partition %d is a %T", name, partition, d.Store(name, partition)))
	}
	return s
}

// Window returns a window store of a partition. It panics if there is none of that name and type.
func Window[K, V any](d *Driver, name string, partition int32) *processor.WindowStore[K, V] {
	s, ok := d.Store(name, partition).(*processor.WindowStore[K, V])
	if !ok {
		panic(fmt.Sprintf("streamstest: store %s of partition %d is a %T", name, partition, d.Store(name, partition)))
	}
	return s
}
