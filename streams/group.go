package streams

import (
	"github.com/chortal/chortal/streams/internal/graph"
	"github.com/chortal/chortal/streams/internal/node"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// Grouped is a stream grouped by its key, to be aggregated. The repartition that it may need is made by the aggregation.
type Grouped[K, V any] struct {
	from *Stream[K, V]
	// topic is the name that the user gave the repartition topic.
	topic  string
	shared *graph.Node
}

// GroupByKey groups by the key as it is. Name names the repartition topic, if one is needed.
func (s *Stream[K, V]) GroupByKey(opts ...Option) *Grouped[K, V] {
	o := optionsOf(opts)
	g := *s
	g.key, g.value = firstSerde(optKey[K](s.b, o), s.key), firstSerde(optValue[V](s.b, o), s.value)
	return &Grouped[K, V]{from: &g, topic: o.name}
}

// GroupBy groups by a new key. Records with a null key or value are dropped.
func GroupBy[K, V, K2 any](s *Stream[K, V], f func(K, V) K2, key serde.Serde[K2], opts ...Option) *Grouped[K2, V] {
	return TryGroupBy(s, func(k K, v V) (K2, error) { return f(k, v), nil }, key, opts...)
}

// TryGroupBy is GroupBy with a function that may fail: the error goes to the processing exception handler.
func TryGroupBy[K, V, K2 any](s *Stream[K, V], f func(K, V) (K2, error), key serde.Serde[K2], opts ...Option) *Grouped[K2, V] {
	o := optionsOf(opts)
	r := rekey(s, f, s.b.name(o.name, "KSTREAM-KEY-SELECT-"), key)
	r.value = firstSerde(optValue[V](s.b, o), s.value)
	return &Grouped[K2, V]{from: r, topic: o.name}
}

// ready returns the stream that an aggregation with that store reads: behind a repartition, if keys may have changed.
func (g *Grouped[K, V]) ready(store string, generated bool) *Stream[K, V] {
	if !g.from.rekeyed {
		return g.from
	}
	topic := g.topic
	if topic == "" {
		topic = store
		if generated {
			g.from.b.unnamed = append(g.from.b.unnamed, topic+repartitionSuffix)
		}
	}
	n, s := repartition(g.from, topic, repartitionOptions[K, V]{optimizable: true})
	if g.shared == nil || g.topic == "" {
		g.shared = n
		g.from.b.g.Add(n, g.from.node)
	}
	s.node = g.shared
	return s
}

// materialized is the store of an aggregation or a table.
type materialized[K, V any] struct {
	b         *Builder
	o         *storeOptions
	name      string
	generated bool
	key       serde.Serde[K]
	value     serde.Serde[V]
	oldValues *bool
	spec      *processor.StoreSpec
}

// materialize resolves the store options; a generated name draws an index.
func materialize[K, V any](b *Builder, o *options, prefix string, key serde.Serde[K], value serde.Serde[V]) *materialized[K, V] {
	m := &materialized[K, V]{
		b: b, o: &o.store, name: o.store.name, oldValues: new(bool),
		key: firstSerde(storeKey[K](b, o), key), value: firstSerde(storeValue[V](b, o), value),
	}
	if m.name == "" {
		m.name, m.generated = b.g.NewStoreName(prefix), true
	}
	b.fail(processor.CheckName(m.name))
	return m
}

// named says that the store's name appears in the cluster, so that the explicit mode asks for one.
func (m *materialized[K, V]) named() *materialized[K, V] {
	if m.generated {
		m.b.unnamed = append(m.b.unnamed, m.name)
	}
	return m
}

func (m *materialized[K, V]) storeSpec() processor.StoreSpec {
	return processor.StoreSpec{
		Name: m.name, InMemory: m.o.memory(m.b), Logging: m.o.logged(), TopicConfig: m.o.config,
	}
}

func (m *materialized[K, V]) caching() bool { return m.o.caching == nil || *m.o.caching }

// keyValue returns the description of the store as a key-value store. It is called when the topology is written, when it
// is known who wants old values.
func (m *materialized[K, V]) keyValue() *processor.StoreSpec {
	if m.spec == nil {
		m.spec = processor.KeyValueSpec(m.storeSpec(), processor.KeyValueOptions[K, V]{
			Key: keySerde(m.b, "store "+m.name, m.key), Value: valueSerde(m.b, "store "+m.name, m.value),
			Caching: m.caching(), OldValues: func() bool { return *m.oldValues },
		})
	}
	return m.spec
}

// window returns the description of the store as a window store.
func (m *materialized[K, V]) window(size, grace int64, timeOrdered bool) *processor.StoreSpec {
	retention := addMillis(size, grace)
	if m.o.retention > 0 {
		retention = m.o.retention.Milliseconds()
		if retention < addMillis(size, grace) {
			m.b.fail(errRetention(m.name, retention, size, grace))
		}
	}
	spec := m.storeSpec()
	spec.Retention, spec.Cleanup = retention, processor.CleanupCompactDelete
	return processor.WindowSpec(spec, processor.WindowOptions[K, V]{TimeOrdered: timeOrdered, KeyValueOptions: processor.KeyValueOptions[K, V]{
		Key: keySerde(m.b, "store "+m.name, m.key), Value: valueSerde(m.b, "store "+m.name, m.value),
		Caching: m.caching(), OldValues: func() bool { return *m.oldValues },
	}})
}

// Count counts the records of each key.
func (g *Grouped[K, V]) Count(opts ...Option) *Table[K, int64] {
	return aggregateGrouped(g, zeroCount, countFold[K, V](), "KSTREAM-AGGREGATE-", opts, serde.Int64)
}

func zeroCount() (int64, error) { return 0, nil }

func countFold[K, V any]() node.Folder[K, V, int64] {
	return func(_ K, _ V, _ bool, n int64, _ bool) (int64, bool, error) { return n + 1, true, nil }
}

// Reduce folds the values of each key into one; the first is taken as it is.
func (g *Grouped[K, V]) Reduce(f func(agg, v V) V, opts ...Option) *Table[K, V] {
	return g.TryReduce(func(agg, v V) (V, error) { return f(agg, v), nil }, opts...)
}

// TryReduce is Reduce with a function that may fail: the error goes to the processing exception handler.
func (g *Grouped[K, V]) TryReduce(f func(agg, v V) (V, error), opts ...Option) *Table[K, V] {
	return aggregateGrouped(g, nil, reduceFold[K](f), "KSTREAM-REDUCE-", opts, g.from.value)
}

// reduceFold makes a fold that starts with the first value.
func reduceFold[K, V any](f func(agg, v V) (V, error)) node.Folder[K, V, V] {
	isNil := processor.NilOf[V]()
	return func(_ K, v V, null bool, agg V, has bool) (V, bool, error) {
		if !has {
			return v, !null, nil
		}
		next, err := f(agg, v)
		return next, !isNil.Is(&next), err
	}
}

// aggregateFold makes a fold of an aggregator.
func aggregateFold[K, V, A any](f func(K, V, A) (A, error)) node.Folder[K, V, A] {
	isNil := processor.NilOf[A]()
	return func(k K, v V, _ bool, agg A, _ bool) (A, bool, error) {
		next, err := f(k, v, agg)
		return next, !isNil.Is(&next), err
	}
}

// aggregateGrouped adds an aggregation by key. value is the serde of the aggregate if the options give none.
func aggregateGrouped[K, V, A any](g *Grouped[K, V], first func() (A, error), fold node.Folder[K, V, A], prefix string, opts []Option, value serde.Serde[A]) *Table[K, A] {
	b, o := g.from.b, optionsOf(opts)
	m := materialize(b, o, prefix, g.from.key, value).named()
	name := b.name(o.name, prefix)
	s := g.ready(m.name, m.generated)
	n := &graph.Node{Name: name, Write: func(t *processor.Topology, parents []string) error {
		err := processor.AddProcessor(t, name, func() processor.Processor[K, V, K, node.Change[A]] {
			return &node.Aggregate[K, V, A]{Store: m.name, First: first, Fold: fold, OldValues: m.oldValues}
		}, parents...)
		if err != nil {
			return err
		}
		return b.addStore(t, m.keyValue(), name)
	}}
	b.g.Add(n, s.node)
	return &Table[K, A]{
		b: b, name: name, key: m.key, value: m.value, sources: s.sources, node: n, store: m.storeName(),
		source: stored(m.oldValues, node.StoreView[K, A](m.name)),
	}
}

// storeName returns the name if it was given by the user: only such stores can be queried by name.
func (m *materialized[K, V]) storeName() string {
	if m.generated {
		return ""
	}
	return m.name
}

// addStore adds a store to a topology, unless the builder has an error.
func (b *Builder) addStore(t *processor.Topology, spec *processor.StoreSpec, processors ...string) error {
	if b.err != nil {
		return b.err
	}
	return t.AddStateStore(spec, processors...)
}
