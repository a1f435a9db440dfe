package processor

import (
	"fmt"

	"github.com/chortal/chortal/streams/serde"
)

// Partitioner chooses the partitions of a record among n. ok false leaves the choice to the default: Kafka's hash of the
// key. An empty list drops the record.
type Partitioner[K, V any] func(topic string, r *Record[K, V], n int32) (to []int32, ok bool)

// SinkConfig describes a sink. Key, Value and one of Topic and TopicOf are required.
type SinkConfig[K, V any] struct {
	Topic string
	// TopicOf gives the topic of each record; the topics must exist.
	TopicOf func(r *Record[K, V], m RecordMetadata) (string, error)
	// TopicText stands for TopicOf in Describe.
	TopicText   string
	Key         serde.Serde[K]
	Value       serde.Serde[V]
	Partitioner Partitioner[K, V]
}

// BaseKeySerde is a key serde whose keys are partitioned by a part of their bytes: windowed keys go where their plain key
// goes.
type BaseKeySerde[K any] interface {
	// AppendBase appends the part of the key's bytes that decides on the partition.
	AppendBase(dst []byte, k K) ([]byte, error)
}

type sinkNode[K, V any] struct {
	env   *Env
	node  string
	topic string // resolved name, empty with TopicOf
	cfg   *SinkConfig[K, V]
	base  BaseKeySerde[K]
	out   OutRecord
}

func (n *sinkNode[K, V]) Connect(name string, _ Instance) error {
	return fmt.Errorf("sink %s cannot have the child %s", n.node, name)
}
func (n *sinkNode[K, V]) Init() error  { return nil }
func (n *sinkNode[K, V]) Close() error { return nil }

// Process serializes r and sends it. Errors in the functions that choose the topic and the partition end the task; what
// cannot be serialized is up to the production handler.
func (n *sinkNode[K, V]) Process(r *Record[K, V]) (err error) {
	defer n.recover(&err)
	return n.send(r)
}

func (n *sinkNode[K, V]) recover(err *error) {
	if p := recover(); p != nil {
		*err = &FatalError{fmt.Errorf("send in %s: %w", n.node, Recovered(p))}
	}
}

func (n *sinkNode[K, V]) send(r *Record[K, V]) (err error) {
	topic := n.topic
	if n.cfg.TopicOf != nil {
		if topic, err = n.cfg.TopicOf(r, n.env.Meta); err != nil {
			return &FatalError{fmt.Errorf("topic of a record in %s: %w", n.node, err)}
		}
	}
	if r.Timestamp < 0 {
		return &FatalError{fmt.Errorf("send to %s in %s: invalid timestamp %d", topic, n.node, r.Timestamp)}
	}
	o := &n.out
	o.Topic, o.Node, o.Timestamp, o.Headers = topic, n.node, r.Timestamp, r.Headers.List()
	var partitions []int32
	chosen := false
	if n.cfg.Partitioner != nil {
		count, err := n.env.Runtime.Partitions(topic)
		if err != nil {
			return &FatalError{fmt.Errorf("partitions of %s for %s: %w", topic, n.node, err)}
		}
		if partitions, chosen = n.cfg.Partitioner(topic, r, count); chosen && len(partitions) == 0 {
			n.env.Dropped++
			return nil
		}
	}
	if err := n.serialize(r); err != nil {
		return n.unsent(r, topic, err)
	}
	if !chosen {
		return n.sendDefault(r)
	}
	for _, p := range partitions {
		o.Partition = p
		if err := n.env.Runtime.Send(o); err != nil {
			return &FatalError{err}
		}
	}
	return nil
}

// SerializeError says that a key or value could not be turned into bytes.
type SerializeError struct {
	// Key says that the key is at fault, not the value.
	Key bool
	Err error
}

// Error implements error.
func (e *SerializeError) Error() string {
	if e.Key {
		return fmt.Sprintf("serialize key: %v", e.Err)
	}
	return fmt.Sprintf("serialize value: %v", e.Err)
}

// Unwrap returns the cause.
func (e *SerializeError) Unwrap() error { return e.Err }

// serialize fills the key and value of n.out. The buffers are the task's: Send copies them before any other node runs.
func (n *sinkNode[K, V]) serialize(r *Record[K, V]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &SerializeError{Err: Recovered(p)}
		}
	}()
	n.out.Key, n.out.Value = nil, nil
	if !r.KeyNull {
		b, err := n.cfg.Key.Append(n.env.key[:0], r.Key)
		if err != nil {
			return &SerializeError{Key: true, Err: err}
		}
		n.env.key, n.out.Key = b, notNil(b)
	}
	if !r.ValueNull {
		b, err := n.cfg.Value.Append(n.env.value[:0], r.Value)
		if err != nil {
			return &SerializeError{Err: err}
		}
		n.env.value, n.out.Value = b, notNil(b)
	}
	return nil
}

// unsent asks the production handler about a record that does not serialize.
func (n *sinkNode[K, V]) unsent(r *Record[K, V], topic string, err error) error {
	ts, headers := n.env.Timestamp, n.env.Headers
	n.env.Timestamp, n.env.Headers = r.Timestamp, r.Headers
	err = n.env.Runtime.Unsent(n.node, topic, err)
	n.env.Timestamp, n.env.Headers = ts, headers
	return err
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (n *sinkNode[K, V]) sendDefault(r *Record[K, V]) error {
	o := &n.out
	o.Partition = AnyPartition
	if !r.KeyNull {
		count, err := n.env.Runtime.Partitions(o.Topic)
		if err != nil {
			return &FatalError{fmt.Errorf("partitions of %s for %s: %w", o.Topic, n.node, err)}
		}
		hashed := o.Key
		if n.base != nil {
			if hashed, err = n.base.AppendBase(nil, r.Key); err != nil {
				return n.unsent(r, o.Topic, &SerializeError{Key: true, Err: err})
			}
		}
		o.Partition = PartitionOf(hashed, count)
	}
	if err := n.env.Runtime.Send(o); err != nil {
		return &FatalError{err}
	}
	return nil
}

// PartitionOf returns the partition of a key among n, as Kafka's default partitioner chooses it.
func PartitionOf(key []byte, n int32) int32 {
	if n <= 1 {
		return 0
	}
	return int32(murmur2(key)&0x7fffffff) % n
}

// murmur2 is Kafka's variant of the 32-bit MurmurHash2.
func murmur2(b []byte) uint32 {
	const m, seed = 0x5bd1e995, 0x9747b28c
	h := uint32(seed) ^ uint32(len(b))
	for len(b) >= 4 {
		k := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		k *= m
		k ^= k >> 24
		k *= m
		h = h*m ^ k
		b = b[4:]
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(b[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
