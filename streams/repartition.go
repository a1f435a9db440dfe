package streams

import (
	"strings"

	"github.com/chortal/chortal/streams/internal/graph"
	"github.com/chortal/chortal/streams/internal/node"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

type repartitionOptions[K, V any] struct {
	key         serde.Serde[K] // nil: the stream's
	value       serde.Serde[V]
	partitions  int32
	partitioner processor.Partitioner[K, V]
	optimizable bool
}

// repartition returns a repartition of s, which the caller enters into the graph, and the stream behind it. Its indices
// are drawn even if the caller does not use it.
func repartition[K, V any](s *Stream[K, V], prefix string, o repartitionOptions[K, V]) (*graph.Node, *Stream[K, V]) {
	b := s.b
	topic := prefix
	if !strings.HasSuffix(topic, repartitionSuffix) {
		topic += repartitionSuffix
	}
	o.key, o.value = firstSerde(o.key, s.key), firstSerde(o.value, s.value)
	sink, filter, source := b.g.RepartitionNames(prefix)
	if topic != prefix && source == prefix+"-source" {
		sink, filter, source = topic+"-sink", topic+"-filter", topic+"-source"
	}
	r := repartitioner[K, V]{b: b, topic: topic, o: o}
	n := r.node(sink, filter, source)
	return n, &Stream[K, V]{b: b, name: source, key: o.key, value: o.value, sources: []string{source}, node: n}
}

type repartitioner[K, V any] struct {
	b     *Builder
	topic string
	o     repartitionOptions[K, V]
}

// node makes the graph node: it writes a filter for null keys, a sink and a source.
func (r repartitioner[K, V]) node(sink, filter, source string) *graph.Node {
	info := &graph.Repartition{Topic: r.topic, Optimizable: r.o.optimizable, Again: r.node}
	n := &graph.Node{Name: source, Repartition: info}
	n.Write = func(t *processor.Topology, parents []string) error {
		key := keySerde(r.b, "repartition topic "+r.topic, r.o.key)
		value := valueSerde(r.b, "repartition topic "+r.topic, r.o.value)
		if r.b.err != nil {
			return r.b.err
		}
		t.AddInternalTopic(r.topic, processor.InternalTopicProperties{Partitions: r.o.partitions})
		err := processor.AddProcessor(t, filter, func() processor.Processor[K, V, K, V] {
			return &node.KeyFilter[K, V]{Off: info.KeepNullKeys}
		}, parents...)
		if err != nil {
			return err
		}
		err = processor.AddSink(t, sink, processor.SinkConfig[K, V]{
			Topic: r.topic, Key: plainKey[K]{key}, Value: value, Partitioner: r.o.partitioner,
		}, filter)
		if err != nil {
			return err
		}
		return processor.AddSource(t, source, processor.SourceConfig[K, V]{
			Topics: []string{r.topic}, Key: key, Value: value, Extractor: topicTime[K, V],
		})
	}
	return n
}

// topicTime takes the timestamps of an internal topic as they are.
func topicTime[K, V any](r *processor.Record[K, V], _ processor.RecordMetadata, partitionTime int64) (int64, error) {
	return processor.FailOnInvalidTimestamp(r.Timestamp, partitionTime)
}

// plainKey hides that a serde partitions by a part of the key: repartition topics use all of it.
type plainKey[K any] struct{ s serde.Serde[K] }

func (p plainKey[K]) Append(dst []byte, k K) ([]byte, error) { return p.s.Append(dst, k) }
func (p plainKey[K]) Decode(b []byte) (K, error)             { return p.s.Decode(b) }
