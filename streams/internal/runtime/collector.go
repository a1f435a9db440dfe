package runtime

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chortal/chortal/streams/internal/task"
	"github.com/chortal/chortal/streams/processor"

	"github.com/twmb/franz-go/pkg/kgo"
)

// collector takes what one task produces. Send and Partitions belong to the task's goroutine; acknowledgements come in
// the client's.
type collector struct {
	rt         *Runtime
	ctx        context.Context // of the worker, from its start on
	id         processor.TaskID
	partitions map[string]int32
	changelogs map[string]*atomic.Int64 // next offset by changelog topic; the map is fixed
	failed     atomic.Pointer[error]    // the first record that could not be produced
	skipped    atomic.Int64             // records that the production handler let go
}

var _ task.Collector = (*collector)(nil)

func newCollector(rt *Runtime, id processor.TaskID, changelogs []string) *collector {
	c := &collector{rt: rt, id: id, partitions: make(map[string]int32), changelogs: make(map[string]*atomic.Int64)}
	for _, topic := range changelogs {
		c.changelogs[topic] = &atomic.Int64{}
	}
	return c
}

// Send implements task.Collector. It waits if too many records are on their way.
func (c *collector) Send(r *processor.OutRecord) error {
	if err := c.err(); err != nil {
		return err
	}
	if r.Partition < 0 {
		if _, err := c.Partitions(r.Topic); err != nil { // which creates the topic if need be
			return err
		}
	}
	p := c.rt.outgoing.Get().(*outgoing)
	p.fill(c, r)
	c.rt.client.Produce(c.ctx, &p.record, p.promise)
	return nil
}

// Partitions implements task.Collector.
func (c *collector) Partitions(topic string) (int32, error) {
	if n, ok := c.partitions[topic]; ok {
		return n, nil
	}
	n, err := c.rt.partitionCount(c.ctx, topic)
	if err == nil {
		c.partitions[topic] = n
	}
	return n, err
}

// err returns why the task cannot go on producing.
func (c *collector) err() error {
	if err := c.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// acknowledged is called for every record, in the order of their offsets within a partition.
func (c *collector) acknowledged(r *kgo.Record, node string, err error) {
	if err != nil {
		c.lost(r, node, err)
		return
	}
	if next := c.changelogs[r.Topic]; next != nil {
		next.Store(r.Offset + 1)
	}
}

// lost asks the production handler about a record that the brokers did not take. Changelog records cannot be let go.
func (c *collector) lost(r *kgo.Record, node string, err error) {
	err = fmt.Errorf("produce to %s-%d: %w", r.Topic, r.Partition, err)
	f := &task.Failure{Task: c.id, Node: node, Topic: r.Topic, Err: err, Meta: processor.RecordMetadata{Partition: -1, Offset: -1}}
	changelog := c.changelogs[r.Topic] != nil
	if h := c.rt.cfg.Production; !changelog && h != nil && produceErrorIsOfRecord(err) && h(f) == task.Continue {
		c.skipped.Add(1)
		c.rt.log.Warn("record dropped by production handler", "task", c.id, "topic", r.Topic, "err", err)
		return
	}
	c.failed.CompareAndSwap(nil, &err)
}

// outgoing is a record on its way with the memory that it refers to. It goes back to the pool when it is acknowledged.
type outgoing struct {
	record  kgo.Record
	buf     []byte
	headers []kgo.RecordHeader
	owner   *collector
	node    string
	promise func(*kgo.Record, error)
	pool    *sync.Pool
}

func newOutgoing(pool *sync.Pool) *outgoing {
	p := &outgoing{pool: pool}
	p.promise = p.done
	return p
}

// maxPooledBytes bounds the memory that a pooled record keeps.
const maxPooledBytes = 64 << 10

func (p *outgoing) fill(owner *collector, r *processor.OutRecord) {
	p.owner, p.node = owner, r.Node
	size := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Value)
	}
	p.buf = slices.Grow(p.buf[:0], size)
	p.record = kgo.Record{Topic: r.Topic, Partition: r.Partition, Timestamp: time.UnixMilli(r.Timestamp)}
	p.record.Key, p.record.Value = p.copy(r.Key), p.copy(r.Value)
	if len(r.Headers) == 0 {
		return
	}
	p.headers = p.headers[:0]
	for _, h := range r.Headers {
		p.headers = append(p.headers, kgo.RecordHeader{Key: h.Key, Value: p.copy(h.Value)})
	}
	p.record.Headers = p.headers
}

// copy copies b into p's buffer, which has room for it.
func (p *outgoing) copy(b []byte) []byte {
	if b == nil {
		return nil
	}
	n := len(p.buf)
	p.buf = append(p.buf, b...)
	return p.buf[n:len(p.buf):len(p.buf)]
}

func (p *outgoing) done(r *kgo.Record, err error) {
	p.owner.acknowledged(r, p.node, err)
	p.owner = nil
	if cap(p.buf) > maxPooledBytes {
		p.buf = nil
	}
	p.pool.Put(p)
}

// partitioner leaves records where the sinks have put them, and sends those without a partition to one at a time.
type partitioner struct{ keyless kgo.Partitioner }

// ForTopic implements kgo.Partitioner.
func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{p.keyless.ForTopic(topic)}
}

type topicPartitioner struct{ keyless kgo.TopicPartitioner }

// RequiresConsistency implements kgo.TopicPartitioner.
func (p topicPartitioner) RequiresConsistency(r *kgo.Record) bool { return r.Partition >= 0 }

// Partition implements kgo.TopicPartitioner.
func (p topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return p.keyless.Partition(r, n)
}

// OnNewBatch implements kgo.TopicPartitionerOnNewBatch.
func (p topicPartitioner) OnNewBatch() {
	if k, ok := p.keyless.(kgo.TopicPartitionerOnNewBatch); ok {
		k.OnNewBatch()
	}
}

var _ kgo.TopicPartitionerOnNewBatch = topicPartitioner{}

// flush waits until everything sent so far is acknowledged, and returns the first failure of the tasks given.
func (rt *Runtime) flush(ctx context.Context, workers []*worker) error {
	if err := rt.client.Flush(ctx); err != nil { // there was not time enough
		return fmt.Errorf("%w: flush producer: %w", errNotCommitted, err)
	}
	for _, w := range workers {
		if err := w.out.err(); err != nil {
			return fmt.Errorf("task %v: %w", w.id, err)
		}
	}
	return nil
}
