package streams

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/chortal/chortal/streams/internal/graph"
	"github.com/chortal/chortal/streams/internal/node"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// Stream is a stream of records with keys of type K and values of type V. Operators that keep the types are methods,
// operators that introduce a type are functions with the stream first.
type Stream[K, V any] struct {
	b     *Builder
	name  string
	key   serde.Serde[K] // nil if not known
	value serde.Serde[V] // nil if not known
	// sources are the topology's source nodes that the records come from, since the last repartition.
	sources []string
	// rekeyed says that keys may have changed: what needs equal keys together must repartition first.
	rekeyed bool
	node    *graph.Node
	// shared is the repartition that joins of this stream have in common.
	shared *graph.Node
}

// sourceGroup is what one set of topics is read for.
type sourceGroup struct {
	topics  []string
	pattern string
	node    *graph.Node
	table   bool
	reset   processor.OffsetReset
	// into is the source that reads the topics, if it is another one.
	into *sourceGroup
}

// From reads a topic.
func From[K, V any](b *Builder, topic string, key serde.Serde[K], value serde.Serde[V], opts ...Option) *Stream[K, V] {
	return FromTopics(b, []string{topic}, key, value, opts...)
}

// FromTopics reads several topics as one stream, without an order between them.
func FromTopics[K, V any](b *Builder, topics []string, key serde.Serde[K], value serde.Serde[V], opts ...Option) *Stream[K, V] {
	if len(topics) == 0 {
		b.fail(fmt.Errorf("invalid topology: a stream reads no topic"))
	}
	return from(b, slices.Clone(topics), nil, key, value, opts)
}

// FromPattern reads all topics whose whole name matches.
func FromPattern[K, V any](b *Builder, pattern *regexp.Regexp, key serde.Serde[K], value serde.Serde[V], opts ...Option) *Stream[K, V] {
	return from(b, nil, pattern, key, value, opts)
}

func from[K, V any](b *Builder, topics []string, pattern *regexp.Regexp, key serde.Serde[K], value serde.Serde[V], opts []Option) *Stream[K, V] {
	o := optionsOf(opts)
	name := b.name(o.name, "KSTREAM-SOURCE-")
	cfg := processor.SourceConfig[K, V]{
		Topics: topics, Pattern: pattern, Reset: o.reset,
		Key: keySerde(b, "source "+name, key), Value: valueSerde(b, "source "+name, value),
		Extractor: extractor[K, V](b, o),
	}
	n := &graph.Node{Name: name, Write: func(t *processor.Topology, _ []string) error {
		return processor.AddSource(t, name, cfg)
	}}
	b.addSource(&sourceGroup{topics: topics, pattern: patternText(pattern), node: n, reset: o.reset})
	b.g.Add(n, b.g.Root())
	return &Stream[K, V]{b: b, name: name, key: key, value: value, sources: []string{name}, node: n}
}

func patternText(p *regexp.Regexp) string {
	if p == nil {
		return ""
	}
	return p.String()
}

// extractor returns the timestamp extractor that the options ask for.
func extractor[K, V any](b *Builder, o *options) processor.TimestampExtractor[K, V] {
	if o.extractor != nil {
		return typed[processor.TimestampExtractor[K, V]](b, "Timestamps", o.extractor)
	}
	if f := o.defaultTime; f != nil {
		return func(r *processor.Record[K, V], _ processor.RecordMetadata, partitionTime int64) (int64, error) {
			return f(r.Timestamp, partitionTime)
		}
	}
	return nil
}

func (b *Builder) addSource(s *sourceGroup) { b.sources = append(b.sources, s) }

// mergeSources makes one source of streams over the same topics. Topics that overlap in another way are refused when the
// topology is written.
func (b *Builder) mergeSources() error {
	for i, s := range b.sources {
		for _, first := range b.sources[:i] {
			if first.table || s.table || first.pattern != s.pattern || !sameTopics(first.topics, s.topics) || first.into != nil {
				continue
			}
			if first.reset != s.reset {
				return fmt.Errorf("invalid topology: %s and %s read the same topics with different offset resets", first.node.Name, s.node.Name)
			}
			b.g.MergeInto(s.node, first.node)
			s.into = first
			break
		}
	}
	return nil
}

func sameTopics(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// next returns the stream below n.
func next[K, V, K2, V2 any](s *Stream[K, V], n *graph.Node, key serde.Serde[K2], value serde.Serde[V2]) *Stream[K2, V2] {
	return &Stream[K2, V2]{b: s.b, name: n.Name, key: key, value: value, sources: s.sources, rekeyed: s.rekeyed, node: n}
}

// add enters a processor below parents.
func add[KI, VI, KO, VO any](b *Builder, name string, supplier processor.Supplier[KI, VI, KO, VO], parents ...*graph.Node) *graph.Node {
	n := &graph.Node{Name: name, Write: func(t *processor.Topology, p []string) error {
		return processor.AddProcessor(t, name, supplier, p...)
	}}
	return b.g.Add(n, parents...)
}

// Filter keeps the records for which keep is true.
func (s *Stream[K, V]) Filter(keep func(K, V) bool, opts ...Option) *Stream[K, V] {
	return filter(s, func(k K, v V) (bool, error) { return keep(k, v), nil }, false, opts)
}

// FilterNot keeps the records for which drop is false.
func (s *Stream[K, V]) FilterNot(drop func(K, V) bool, opts ...Option) *Stream[K, V] {
	return filter(s, func(k K, v V) (bool, error) { return drop(k, v), nil }, true, opts)
}

// TryFilter is Filter with a function that may fail: the error goes to the processing exception handler.
func (s *Stream[K, V]) TryFilter(keep func(K, V) (bool, error), opts ...Option) *Stream[K, V] {
	return filter(s, keep, false, opts)
}

func filter[K, V any](s *Stream[K, V], keep func(K, V) (bool, error), not bool, opts []Option) *Stream[K, V] {
	name := s.b.name(optionsOf(opts).name, "KSTREAM-FILTER-")
	n := add(s.b, name, func() processor.Processor[K, V, K, V] { return &node.Filter[K, V]{Keep: keep, Not: not} }, s.node)
	return next(s, n, s.key, s.value)
}

// Peek calls do for every record and passes the record on.
func (s *Stream[K, V]) Peek(do func(K, V), opts ...Option) *Stream[K, V] {
	return peek(s, func(k K, v V) error { do(k, v); return nil }, "KSTREAM-PEEK-", opts)
}

// ForEach calls do for every record.
func (s *Stream[K, V]) ForEach(do func(K, V), opts ...Option) {
	peek(s, func(k K, v V) error { do(k, v); return nil }, "KSTREAM-FOREACH-", opts)
}

// TryForEach is ForEach with a function that may fail: the error goes to the processing exception handler.
func (s *Stream[K, V]) TryForEach(do func(K, V) error, opts ...Option) {
	peek(s, do, "KSTREAM-FOREACH-", opts)
}

// Print calls do for every record, for debugging; in the topology it is Kafka's print.
func (s *Stream[K, V]) Print(do func(K, V), opts ...Option) {
	peek(s, func(k K, v V) error { do(k, v); return nil }, "KSTREAM-PRINTER-", opts)
}

func peek[K, V any](s *Stream[K, V], do func(K, V) error, prefix string, opts []Option) *Stream[K, V] {
	name := s.b.name(optionsOf(opts).name, prefix)
	n := add(s.b, name, func() processor.Processor[K, V, K, V] { return &node.Peek[K, V]{Do: do} }, s.node)
	return next(s, n, s.key, s.value)
}

// Merge puts the records of both streams into one, without an order between them.
func (s *Stream[K, V]) Merge(other *Stream[K, V], opts ...Option) *Stream[K, V] {
	name := s.b.name(optionsOf(opts).name, "KSTREAM-MERGE-")
	n := add(s.b, name, func() processor.Processor[K, V, K, V] { return &node.PassThrough[K, V]{} }, s.node, other.node)
	n.Merge = true
	m := next(s, n, firstSerde(s.key, other.key), firstSerde(s.value, other.value))
	m.sources = union(s.sources, other.sources)
	m.rekeyed = s.rekeyed || other.rekeyed
	return m
}

func firstSerde[T any](list ...serde.Serde[T]) serde.Serde[T] {
	for _, s := range list {
		if s != nil {
			return s
		}
	}
	return nil
}

func union(a, b []string) []string {
	u := slices.Concat(a, b)
	slices.Sort(u)
	return slices.Compact(u)
}

// To writes the stream to a topic, which must exist.
func (s *Stream[K, V]) To(topic string, opts ...Option) { to(s, topic, nil, opts) }

// ToDynamic writes each record to the topic that topicOf names; the topics must exist.
func (s *Stream[K, V]) ToDynamic(topicOf func(r *processor.Record[K, V], m processor.RecordMetadata) (string, error), opts ...Option) {
	to(s, "", topicOf, opts)
}

// TopicText is what Describe shows for the topic of ToDynamic.
func TopicText(s string) Option { return func(o *options) { o.topicText = s } }

func to[K, V any](s *Stream[K, V], topic string, topicOf func(*processor.Record[K, V], processor.RecordMetadata) (string, error), opts []Option) {
	b, o := s.b, optionsOf(opts)
	name := b.name(o.name, "KSTREAM-SINK-")
	cfg := processor.SinkConfig[K, V]{
		Topic: topic, TopicOf: topicOf, TopicText: cmp.Or(o.topicText, "function"),
		Key:         keySerde(b, "sink "+name, optKey[K](b, o), s.key),
		Value:       valueSerde(b, "sink "+name, optValue[V](b, o), s.value),
		Partitioner: typed[processor.Partitioner[K, V]](b, "PartitionBy", o.partitioner),
	}
	b.g.Add(&graph.Node{Name: name, Write: func(t *processor.Topology, parents []string) error {
		return processor.AddSink(t, name, cfg, parents...)
	}}, s.node)
}

// Repartition sends the stream through a topic, so that records of equal keys meet in one task. Partitions and
// PartitionBy say how.
func (s *Stream[K, V]) Repartition(opts ...Option) *Stream[K, V] {
	b, o := s.b, optionsOf(opts)
	name := o.name
	if name == "" {
		name = b.g.NewName("KSTREAM-REPARTITION-")
		b.unnamed = append(b.unnamed, name+repartitionSuffix)
	}
	b.fail(processor.CheckName(name))
	n, r := repartition(s, name, repartitionOptions[K, V]{
		key: optKey[K](b, o), value: optValue[V](b, o), partitions: o.partitions,
		partitioner: typed[processor.Partitioner[K, V]](b, "PartitionBy", o.partitioner),
	})
	b.g.Add(n, s.node)
	return r
}
