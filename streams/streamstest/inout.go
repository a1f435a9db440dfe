package streamstest

import (
	"fmt"

	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// Produced is a record that the topology wrote.
type Produced struct {
	Partition int32
	processor.RawRecord
}

// Drain returns the records that the topology wrote to a topic since the last Drain or Read, in the order in which they
// were written.
func (d *Driver) Drain(topic string) []Produced {
	t := d.topics[topic]
	if t == nil {
		return nil
	}
	list := t.produced[t.read:]
	t.read = len(t.produced)
	return list
}

// Input writes typed records to a topic.
type Input[K, V any] struct {
	d     *Driver
	topic string
	key   serde.Serde[K]
	value serde.Serde[V]
}

// NewInput returns an input for a topic that the topology reads.
func NewInput[K, V any](d *Driver, topic string, key serde.Serde[K], value serde.Serde[V]) *Input[K, V] {
	return &Input[K, V]{d: d, topic: topic, key: key, value: value}
}

// Pipe writes a record with a timestamp in milliseconds and processes all that follows from it.
func (in *Input[K, V]) Pipe(key K, value V, ts int64, headers ...processor.Header) error {
	k, err := in.key.Append([]byte{}, key)
	if err != nil {
		return fmt.Errorf("pipe to %s: %w", in.topic, err)
	}
	v, err := in.value.Append([]byte{}, value)
	if err != nil {
		return fmt.Errorf("pipe to %s: %w", in.topic, err)
	}
	return in.d.Pipe(in.topic, processor.AnyPartition, processor.RawRecord{Key: k, Value: v, Timestamp: ts, Headers: headers})
}

// PipeNull writes a record with a null value: a deletion, for a table.
func (in *Input[K, V]) PipeNull(key K, ts int64) error {
	k, err := in.key.Append([]byte{}, key)
	if err != nil {
		return fmt.Errorf("pipe to %s: %w", in.topic, err)
	}
	return in.d.Pipe(in.topic, processor.AnyPartition, processor.RawRecord{Key: k, Timestamp: ts})
}

// Result is a typed record of an output topic.
type Result[K, V any] struct {
	Key       K
	Value     V
	Timestamp int64
	// KeyNull and ValueNull are Kafka's nulls.
	KeyNull, ValueNull bool
	Partition          int32
	Headers            []processor.Header
}

// Output reads typed records from a topic that the topology writes.
type Output[K, V any] struct {
	d     *Driver
	topic string
	key   serde.Serde[K]
	value serde.Serde[V]
}

// NewOutput returns an output for a topic that the topology writes.
func NewOutput[K, V any](d *Driver, topic string, key serde.Serde[K], value serde.Serde[V]) *Output[K, V] {
	return &Output[K, V]{d: d, topic: topic, key: key, value: value}
}

// ReadAll returns the records since the last call.
func (out *Output[K, V]) ReadAll() ([]Result[K, V], error) {
	var list []Result[K, V]
	for _, p := range out.d.Drain(out.topic) {
		r := Result[K, V]{
			Timestamp: p.Timestamp, KeyNull: p.Key == nil, ValueNull: p.Value == nil, Partition: p.Partition, Headers: p.Headers,
		}
		var err error
		if !r.KeyNull {
			if r.Key, err = out.key.Decode(p.Key); err != nil {
				return list, fmt.Errorf("read key from %s: %w", out.topic, err)
			}
		}
		if !r.ValueNull {
			if r.Value, err = out.value.Decode(p.Value); err != nil {
				return list, fmt.Errorf("read value from %s: %w", out.topic, err)
			}
		}
		list = append(list, r)
	}
	return list, nil
}
