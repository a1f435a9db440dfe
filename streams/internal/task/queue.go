package task

import (
	"container/heap"
	"errors"
	"fmt"

	"github.com/chortal/chortal/streams/processor"
)

// queue holds the records of one topic. Its first record is decoded, since only then its timestamp is known.
type queue struct {
	topic         string
	head          processor.Head
	headTime      int64
	loaded        bool
	empty         bool // known to be so since the last inspect
	records       []processor.RawRecord
	at            int // index of the first record in records
	partitionTime int64
	consumed      int64 // next offset to read
	moved         bool  // consumed changed since the last flush
	next          int64 // next offset to be added
	end           int64 // end of the partition on the broker, -1 if unknown
}

func (q *queue) record() *processor.RawRecord { return &q.records[q.at] }
func (q *queue) len() int                     { return len(q.records) - q.at }

func (t *Task) addQueue(topic, source string) *queue {
	q := &queue{topic: topic, head: t.built.Sources[source].NewHead(), partitionTime: -1, end: -1, empty: true}
	t.stale = true
	t.queues[topic] = q
	t.only = nil
	if len(t.queues) == 1 {
		t.only = q
	}
	return q
}

// queueOf returns the queue of a topic; one of a pattern is made when it is first asked for.
func (t *Task) queueOf(topic string) *queue {
	if q := t.queues[topic]; q != nil {
		return q
	}
	for _, src := range t.cfg.Subtopology.Sources {
		if src.Pattern != nil && src.Matches(topic) {
			return t.addQueue(topic, src.Node)
		}
	}
	return nil
}

// Add queues records of a topic, in the order of their offsets. The task keeps the records' bytes until they are
// processed.
func (t *Task) Add(topic string, records []processor.RawRecord) error {
	q := t.queueOf(topic)
	if q == nil {
		return fmt.Errorf("task %v does not read topic %s", t.cfg.ID, topic)
	}
	if len(records) == 0 {
		return nil
	}
	if q.at > 0 && q.at == len(q.records) {
		q.records, q.at = q.records[:0], 0
	} else if q.at > 1024 && q.at > len(q.records)/2 {
		n := copy(q.records, q.records[q.at:])
		clear(q.records[n:])
		q.records, q.at = q.records[:n], 0
	}
	q.records = append(q.records, records...)
	q.next = records[len(records)-1].Offset + 1
	if q.loaded {
		return nil
	}
	return t.load(q)
}

// Queued returns the number of queued records of a topic.
func (t *Task) Queued(topic string) int {
	if q := t.queues[topic]; q != nil {
		return q.len()
	}
	return 0
}

// next takes the queue with the smallest head timestamp.
func (t *Task) next() *queue {
	if t.only != nil {
		if t.only.loaded {
			return t.only
		}
		return nil
	}
	if len(t.heads) == 0 {
		return nil
	}
	return heap.Pop(&t.heads).(*queue)
}

// advance drops the head of q and loads the next record.
func (t *Task) advance(q *queue) error {
	q.records[q.at] = processor.RawRecord{}
	q.at++
	q.loaded = false
	return t.load(q)
}

// load decodes the first record of q, passing over those that are to be dropped.
func (t *Task) load(q *queue) error {
	for ; q.len() > 0; q.at++ {
		raw := q.record()
		meta := processor.RecordMetadata{Topic: q.topic, Partition: t.cfg.ID.Partition, Offset: raw.Offset}
		ts, err := q.head.Load(raw, meta, q.partitionTime)
		if err != nil {
			if err = t.undecodable(raw, meta, err); err != nil {
				return err
			}
			t.skip(q, raw)
			continue
		}
		if ts < 0 {
			t.cfg.Logger.Warn("record dropped: negative timestamp", "topic", meta.Topic, "partition", meta.Partition, "offset", meta.Offset)
			t.env.Dropped++
			t.skip(q, raw)
			continue
		}
		q.headTime, q.loaded = ts, true
		if q.empty {
			q.empty, t.stale = false, true
		}
		if t.only == nil {
			heap.Push(&t.heads, q)
		}
		return nil
	}
	q.empty, t.stale = true, true
	return nil
}

// skip moves the committed offset over a dropped record.
func (t *Task) skip(q *queue, raw *processor.RawRecord) {
	q.consumed, q.moved, t.dirty = raw.Offset+1, true, true
}

// undecodable asks the deserialization handler about a record.
func (t *Task) undecodable(raw *processor.RawRecord, meta processor.RecordMetadata, err error) error {
	var d *processor.DecodeError
	if !errors.As(err, &d) {
		return &processor.FatalError{Err: err}
	}
	f := &Failure{Task: t.cfg.ID, Node: d.Node, Meta: meta, Raw: raw, Err: err}
	if e := t.ask(t.cfg.Deserialization, f, raw.Timestamp, raw.Headers); e != nil {
		return e
	}
	t.env.Dropped++
	return nil
}

// SetEnd tells the task the end of a topic's partition on the broker: an empty queue that has read up to it need not be
// waited for.
func (t *Task) SetEnd(topic string, end int64) {
	if q := t.queueOf(topic); q != nil {
		q.end = end
		t.stale = true
	}
}

// SetPosition tells the task the offset of the next record that will be added for a topic.
func (t *Task) SetPosition(topic string, next int64) {
	if q := t.queueOf(topic); q != nil && q.len() == 0 {
		q.next = next
		t.stale = true
	}
}

// Ready says whether Step may choose a record, by the rules of max.task.idle.ms: an empty queue whose partition has more
// records on the broker, or of which that is not known, is waited for.
func (t *Task) Ready(now int64) bool {
	if t.only != nil {
		return t.only.loaded
	}
	if len(t.heads) == 0 {
		t.waiting = -1
		return false
	}
	if t.cfg.MaxTaskIdle < 0 {
		return true
	}
	if t.stale {
		t.inspect()
	}
	switch {
	case t.behind:
		t.waiting = -1
		return false
	case !t.idle || t.cfg.MaxTaskIdle == 0:
		t.waiting = -1
		return true
	case t.waiting < 0:
		t.waiting = now
		return false
	default:
		return now-t.waiting >= t.cfg.MaxTaskIdle
	}
}

// inspect finds out whether there are empty queues, and whether the broker has more for them.
func (t *Task) inspect() {
	t.idle, t.behind, t.stale = false, false, false
	for _, q := range t.queues {
		switch {
		case q.loaded:
		case q.end < 0 || q.next < q.end:
			t.behind = true
		default:
			t.idle = true
		}
	}
}

// headHeap orders queues by the timestamp of their first record.
type headHeap []*queue

func (h headHeap) Len() int           { return len(h) }
func (h headHeap) Less(i, j int) bool { return h[i].headTime < h[j].headTime }
func (h headHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *headHeap) Push(x any)        { *h = append(*h, x.(*queue)) }
func (h *headHeap) Pop() any {
	old := *h
	q := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return q
}
