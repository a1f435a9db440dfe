package runtime

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/internal/task"
	"github.com/chortal/chortal/streams/processor"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// restorePollRecords bounds the changelog records that are applied at once.
const restorePollRecords = 10000

// open makes the task, restores its state and lets its partitions be fetched.
func (w *worker) open(ctx context.Context) (err error) {
	if w.task, err = w.newTask(); err != nil {
		return err
	}
	if err := w.restore(ctx); err != nil {
		return err
	}
	positions, state, err := w.begin(ctx)
	if err != nil {
		return err
	}
	if err := w.task.Start(state, w.rt.nowMs()); err != nil {
		return err
	}
	for topic, p := range positions {
		w.task.SetPosition(topic, p.next)
		w.task.SetEnd(topic, p.end)
	}
	w.mu.Lock()
	clear(w.positions)
	for topic, p := range positions {
		w.positions[topic] = p.next
	}
	w.mu.Unlock()
	return w.rt.fetchFrom(ctx, w, positions)
}

func (w *worker) newTask() (*task.Task, error) {
	c := &w.rt.cfg
	return task.New(task.Config{
		ApplicationID: c.ApplicationID, ID: w.id, Subtopology: w.sub, Collector: w.out,
		OpenEngine: func(inMemory bool) (statestore.Engine, error) { return w.rt.openEngine(w.id, inMemory) },
		Caching:    c.Caching, StoreBytes: w.rt.storeBytes(), Extractor: c.Extractor, MaxTaskIdle: c.maxTaskIdleMs(),
		EmitInterval:    emitInterval.Milliseconds(),
		Deserialization: c.Deserialization, Processing: c.Processing, Production: c.Production,
		DeadLetterTopic: c.DeadLetterTopic, Logger: w.rt.log, // which the task adds its id to
	})
}

// emitInterval throttles results that are emitted when windows close, Kafka's default.
const emitInterval = time.Second

// position is where a source partition is read on from, and where it ends.
type position struct{ next, end int64 }

// begin reads the committed offsets of the task's partitions and what was committed with them.
func (w *worker) begin(ctx context.Context) (map[string]position, task.State, error) {
	state := task.State{PartitionTimes: make(map[string]int64), Emitted: make(map[string]int64)}
	var starts, ends kadm.ListedOffsets
	var committed kadm.OffsetResponses
	err := w.rt.retry(ctx, "look up committed offsets", func() (err error) {
		if starts, err = w.rt.admin.ListStartOffsets(ctx, w.topics...); err == nil {
			ends, err = w.rt.admin.ListEndOffsets(ctx, w.topics...)
		}
		if err == nil {
			committed, err = w.rt.admin.FetchOffsetsForTopics(ctx, w.rt.cfg.ApplicationID, w.topics...)
		}
		if err != nil {
			return err
		}
		for _, topic := range w.topics {
			start, _ := starts.Lookup(topic, w.id.Partition)
			end, _ := ends.Lookup(topic, w.id.Partition)
			at, _ := committed.Lookup(topic, w.id.Partition)
			if err := errors.Join(start.Err, end.Err, at.Err); err != nil {
				return fmt.Errorf("%s-%d: %w", topic, w.id.Partition, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, state, fmt.Errorf("look up committed offsets: %w", err)
	}
	positions := make(map[string]position, len(w.topics))
	for _, topic := range w.topics {
		start, _ := starts.Lookup(topic, w.id.Partition)
		end, _ := ends.Lookup(topic, w.id.Partition)
		at, ok := committed.Lookup(topic, w.id.Partition)
		if !ok {
			at.At = -1
		}
		m := w.metadataOf(topic, at.Metadata)
		from := startOf(start.Offset, end.Offset, at.At, m.isOf(w.rt.topicID(topic)), w.rt.resets[topic])
		if from.reason != "" {
			w.log.Warn("committed offset is not used", "topic", topic, "partition", w.id.Partition, "offset", at.At, "reason", from.reason)
		}
		if from.committed {
			addState(&state, topic, m)
		}
		positions[topic] = position{next: from.next, end: end.Offset}
	}
	return positions, state, nil
}

// startAt is where a partition is read from.
type startAt struct {
	next      int64
	committed bool   // it is the committed offset
	reason    string // why a committed offset was not used
}

// startOf chooses it. committed is -1 if nothing is; ours says that it was committed for this topic, and not for one of the
// same name that was deleted. All records of a topic that has taken another's place are new.
func startOf(start, end, committed int64, ours bool, reset processor.OffsetReset) startAt {
	from := startAt{next: start}
	switch {
	case committed >= 0 && !ours:
		from.reason = "it is of a topic of that name that was deleted"
		return from
	case committed >= 0 && committed <= end:
		from.next, from.committed = max(committed, start), true
		return from
	case committed > end:
		from.reason = "the partition ends before it"
	}
	if reset == processor.ResetLatest {
		from.next = end
	}
	return from
}

// metadataOf decodes what was committed with the offset of a topic. What does not decode is from another program.
func (w *worker) metadataOf(topic, metadata string) offsetMetadata {
	m, err := decodeOffsetMetadata(metadata)
	if err != nil {
		w.log.Warn("committed offset has foreign metadata", "topic", topic, "partition", w.id.Partition, "err", err)
		return offsetMetadata{partitionTime: -1}
	}
	return m
}

// addState adds what was committed with the offset of a topic.
func addState(s *task.State, topic string, m offsetMetadata) {
	if m.partitionTime >= 0 {
		s.PartitionTimes[topic] = m.partitionTime
	}
	for node, at := range m.emitted {
		s.Emitted[node] = max(s.Emitted[node], at)
	}
}

// restore brings the stores up to the ends of their changelogs.
func (w *worker) restore(ctx context.Context) error {
	logs, err := w.task.Changelogs()
	if err != nil || len(logs) == 0 {
		return err
	}
	release, err := w.rt.acquireRestore(ctx)
	if err != nil {
		return err
	}
	defer release()
	bounds, err := w.changelogBounds(ctx, logs)
	if err != nil {
		return err
	}
	if reason := staleState(logs, bounds, w.rt.cfg.Now()); reason != "" {
		w.log.Warn("local state is wiped and restored from the beginning", "reason", reason)
		if err := w.wipe(ctx); err != nil {
			return err
		}
		if w.task, err = w.newTask(); err != nil {
			return err
		}
		if logs, err = w.task.Changelogs(); err != nil {
			return err
		}
	}
	return w.replay(ctx, logs, bounds)
}

// changelogBound is what the brokers say of a changelog partition.
type changelogBound struct {
	start, end int64
	topicID    [16]byte
	// deletes says that old records are deleted, not only overwritten ones.
	deletes bool
	// tombstones is for how long deletions stay in the log.
	tombstones time.Duration
}

func (w *worker) changelogBounds(ctx context.Context, logs []task.Changelog) (map[string]changelogBound, error) {
	var topics []string
	for _, l := range logs {
		topics = append(topics, l.Topic)
	}
	bounds := make(map[string]changelogBound, len(logs))
	err := w.rt.retry(ctx, "look up changelogs", func() error {
		starts, err := w.rt.admin.ListStartOffsets(ctx, topics...)
		if err != nil {
			return err
		}
		ends, err := w.rt.admin.ListEndOffsets(ctx, topics...)
		if err != nil {
			return err
		}
		configs, err := w.rt.admin.DescribeTopicConfigs(ctx, topics...)
		if err != nil {
			return err
		}
		committed, err := w.rt.admin.FetchOffsetsForTopics(ctx, w.rt.cfg.ApplicationID, topics...)
		if err != nil {
			return err
		}
		for _, l := range logs {
			start, _ := starts.Lookup(l.Topic, l.Partition)
			end, _ := ends.Lookup(l.Topic, l.Partition)
			if err := errors.Join(start.Err, end.Err); err != nil {
				return fmt.Errorf("%s-%d: %w", l.Topic, l.Partition, err)
			}
			b := changelogBound{start: start.Offset, end: end.Offset, topicID: w.rt.topicID(l.Topic)}
			b.readConfig(configs, l.Topic)
			if l.Source { // what is not processed yet must not be in the store
				at, _ := committed.Lookup(l.Topic, l.Partition)
				if at.Err != nil {
					return fmt.Errorf("%s-%d: %w", l.Topic, l.Partition, at.Err)
				}
				if !w.metadataOf(l.Topic, at.Metadata).isOf(b.topicID) {
					at.At = -1
				}
				b.end = max(min(b.end, at.At), b.start)
			}
			bounds[l.Topic] = b
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up changelogs: %w", err)
	}
	return bounds, nil
}

const defaultDeleteRetention = 24 * time.Hour

func (b *changelogBound) readConfig(configs kadm.ResourceConfigs, topic string) {
	b.tombstones = defaultDeleteRetention
	c, err := configs.On(topic, nil)
	if err != nil || c.Err != nil {
		return
	}
	for _, entry := range c.Configs {
		switch entry.Key {
		case "cleanup.policy":
			b.deletes = strings.Contains(entry.MaybeValue(), "delete")
		case "delete.retention.ms":
			if ms, err := strconv.ParseInt(entry.MaybeValue(), 10, 64); err == nil {
				b.tombstones = time.Duration(ms) * time.Millisecond
			}
		}
	}
}

// staleState says why local state must not be used, or "".
func staleState(logs []task.Changelog, bounds map[string]changelogBound, now time.Time) string {
	for _, l := range logs {
		b, at := bounds[l.Topic], l.Checkpoint
		if !l.Known {
			continue
		}
		switch age := now.Sub(at.At); {
		case at.TopicID != b.topicID && at.TopicID != [16]byte{} && b.topicID != [16]byte{}:
			return fmt.Sprintf("%s is another topic than the one that the state is from", l.Topic)
		case at.Next > b.end:
			return fmt.Sprintf("state is at offset %d of %s-%d, which ends at %d", at.Next, l.Topic, l.Partition, b.end)
		case at.Next < b.start && !b.deletes:
			return fmt.Sprintf("state is at offset %d of %s-%d, which begins at %d", at.Next, l.Topic, l.Partition, b.start)
		case age > b.tombstones-b.tombstones/10 && at.Next < b.end:
			return fmt.Sprintf("state is %v old, and %s keeps deletions for %v", age, l.Topic, b.tombstones)
		}
	}
	return ""
}

// replay reads the changelogs from the checkpoints to the ends.
func (w *worker) replay(ctx context.Context, logs []task.Changelog, bounds map[string]changelogBound) error {
	began, records := w.rt.cfg.Now(), int64(0)
	r := restorer{w: w, stores: make(map[string]string), next: make(map[string]int64), bounds: bounds}
	from := make(map[string]map[int32]kgo.Offset)
	for _, l := range logs {
		b := bounds[l.Topic]
		next := b.start
		if l.Known {
			next = max(l.Checkpoint.Next, b.start)
		}
		if own := w.out.changelogs[l.Topic]; own != nil {
			own.Store(max(next, b.end))
		}
		if next >= b.end {
			continue
		}
		r.stores[l.Topic], r.next[l.Topic] = l.Store, next
		from[l.Topic] = map[int32]kgo.Offset{l.Partition: kgo.NewOffset().At(next)}
		records += b.end - next
	}
	if len(from) == 0 {
		return nil
	}
	w.log.Info("restoring state", "offsets", records)
	client, err := w.rt.newClient(
		kgo.ConsumePartitions(from), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer client.Close()
	for len(r.next) > 0 {
		if err := r.poll(ctx, client); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	w.log.Info("state is restored", "records", w.restored.Load(), "took", w.rt.cfg.Now().Sub(began))
	return nil
}

// restorer reads changelogs into a task.
type restorer struct {
	w      *worker
	stores map[string]string // store by topic
	next   map[string]int64  // by topic that is not at its end
	bounds map[string]changelogBound
	batch  []statestore.ChangelogRecord
	errors fetchErrors
}

func (r *restorer) poll(ctx context.Context, client *kgo.Client) error {
	fetches := client.PollRecords(ctx, restorePollRecords)
	if err := ctx.Err(); err != nil {
		return err
	}
	onlyErrors, failed := r.take(fetches)
	if failed == nil && onlyErrors {
		sleep(ctx, fetchErrorPause)
	}
	return failed
}

// take applies what was fetched, and says whether there were errors and no records.
func (r *restorer) take(fetches kgo.Fetches) (onlyErrors bool, failed error) {
	fetches.EachError(func(topic string, partition int32, err error) {
		onlyErrors = true
		if isFatal(err) {
			failed = errors.Join(failed, fmt.Errorf("fetch %s-%d: %w", topic, partition, err))
			return
		}
		failed = errors.Join(failed, r.w.rt.fetchFailed(&r.errors, topic, partition, err))
	})
	if failed != nil {
		return onlyErrors, failed
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if failed == nil && len(p.Records) > 0 {
			onlyErrors = false
			r.errors.sound(p.Topic)
			failed = r.apply(p.Topic, p.Records)
		}
	})
	return onlyErrors, failed
}

// apply gives the records of one changelog to its store.
func (r *restorer) apply(topic string, records []*kgo.Record) error {
	store, ok := r.stores[topic]
	if _, open := r.next[topic]; !ok || !open {
		return nil
	}
	end := r.bounds[topic].end
	r.batch = r.batch[:0]
	at := statestore.Offset{TopicID: r.bounds[topic].topicID, At: r.w.rt.cfg.Now()}
	for _, rec := range records {
		if rec.Offset >= end {
			break
		}
		at.Next, at.LeaderEpoch = rec.Offset+1, rec.LeaderEpoch
		if rec.Attrs.IsControl() || rec.Key == nil {
			continue
		}
		one := statestore.ChangelogRecord{Key: rec.Key, Value: rec.Value, Timestamp: rec.Timestamp.UnixMilli()}
		for _, h := range rec.Headers {
			one.Headers = append(one.Headers, statestore.Header{Key: h.Key, Value: h.Value})
		}
		r.batch = append(r.batch, one)
	}
	last := records[len(records)-1].Offset + 1
	if at.Next == 0 { // all are beyond the end
		at.Next = min(last, end)
	}
	if err := r.w.task.Restore(store, r.batch, at); err != nil {
		return err
	}
	r.w.restored.Add(int64(len(r.batch)))
	if r.next[topic] = last; last >= end {
		delete(r.next, topic)
	}
	return nil
}
