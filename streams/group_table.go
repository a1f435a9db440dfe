package streams

import (
	"bytes"

	"github.com/chortal/chortal/streams/internal/graph"
	"github.com/chortal/chortal/streams/internal/node"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// GroupedTable is a table grouped by a new key. Aggregations of it subtract what a row was and add what it is.
type GroupedTable[K, V any] struct {
	b      *Builder
	name   string
	topic  string
	key    serde.Serde[K]
	value  serde.Serde[V]
	node   *graph.Node
	shared *graph.Node
}

// GroupTable groups the rows of a table by the key and value that f gives; rows with a null key or value are left out.
func GroupTable[K, V, K2, V2 any](t *Table[K, V], f func(K, V) (K2, V2), key serde.Serde[K2], value serde.Serde[V2], opts ...Option) *GroupedTable[K2, V2] {
	return TryGroupTable(t, func(k K, v V) (K2, V2, error) {
		k2, v2 := f(k, v)
		return k2, v2, nil
	}, key, value, opts...)
}

// TryGroupTable is GroupTable with a function that may fail: the error goes to the processing exception handler.
func TryGroupTable[K, V, K2, V2 any](t *Table[K, V], f func(K, V) (K2, V2, error), key serde.Serde[K2], value serde.Serde[V2], opts ...Option) *GroupedTable[K2, V2] {
	b, o := t.b, optionsOf(opts)
	name := b.name(o.name, "KTABLE-SELECT-")
	key = keySerde(b, "grouped table "+name, firstSerde(key, optKey[K2](b, o)))
	value = valueSerde(b, "grouped table "+name, firstSerde(value, optValue[V2](b, o)))
	nilK, nilV := processor.NilOf[K2](), processor.NilOf[V2]()
	mapped := func(k K, v V) (K2, bool, V2, bool, error) {
		k2, v2, err := f(k, v)
		return k2, !nilK.Is(&k2), v2, !nilV.Is(&v2), err
	}
	t.source.wantOld(true)
	n := add(b, name, func() processor.Processor[K, node.Change[V], K2, node.Change[V2]] {
		return &node.TableGroup[K, V, K2, V2]{Map: mapped, Same: sameBytes(key)}
	}, t.node)
	return &GroupedTable[K2, V2]{b: b, name: name, topic: o.name, key: key, value: value, node: n}
}

// sameBytes compares keys by their bytes.
func sameBytes[K any](s serde.Serde[K]) func(a, b K) (bool, error) {
	var bufA, bufB []byte
	return func(a, b K) (same bool, err error) {
		if bufA, err = s.Append(bufA[:0], a); err != nil {
			return false, err
		}
		if bufB, err = s.Append(bufB[:0], b); err != nil {
			return false, err
		}
		return bytes.Equal(bufA, bufB), nil
	}
}

// Count counts the rows of each group.
func (g *GroupedTable[K, V]) Count(opts ...Option) *Table[K, int64] {
	return aggregateTable(g, zeroCount, countFold[K, V](), func(_ K, _ V, _ bool, n int64, _ bool) (int64, bool, error) { return n - 1, true, nil },
		"KTABLE-AGGREGATE-", opts, serde.Int64)
}

// Reduce folds the values of each group; subtract undoes what add did.
func (g *GroupedTable[K, V]) Reduce(add, subtract func(agg, v V) V, opts ...Option) *Table[K, V] {
	return g.TryReduce(func(agg, v V) (V, error) { return add(agg, v), nil }, func(agg, v V) (V, error) { return subtract(agg, v), nil }, opts...)
}

// TryReduce is Reduce with functions that may fail: the error goes to the processing exception handler.
func (g *GroupedTable[K, V]) TryReduce(add, subtract func(agg, v V) (V, error), opts ...Option) *Table[K, V] {
	return aggregateTable(g, nil, reduceFold[K](add), reduceFold[K](subtract), "KTABLE-REDUCE-", opts, g.value)
}

// AggregateTable folds the rows of each group into an aggregate that begins as first(); subtract undoes what add did.
func AggregateTable[K, V, A any](g *GroupedTable[K, V], first func() A, add, subtract func(k K, v V, agg A) A, opts ...Option) *Table[K, A] {
	return TryAggregateTable(g, func() (A, error) { return first(), nil },
		func(k K, v V, agg A) (A, error) { return add(k, v, agg), nil },
		func(k K, v V, agg A) (A, error) { return subtract(k, v, agg), nil }, opts...)
}

// TryAggregateTable is AggregateTable with functions that may fail: the error goes to the processing exception handler.
func TryAggregateTable[K, V, A any](g *GroupedTable[K, V], first func() (A, error), add, subtract func(k K, v V, agg A) (A, error), opts ...Option) *Table[K, A] {
	return aggregateTable(g, first, aggregateFold(add), aggregateFold(subtract), "KTABLE-AGGREGATE-", opts, nil)
}

func aggregateTable[K, V, A any](g *GroupedTable[K, V], first func() (A, error), add, subtract node.Folder[K, V, A], prefix string, opts []Option, value serde.Serde[A]) *Table[K, A] {
	b, o := g.b, optionsOf(opts)
	m := materialize(b, o, "KTABLE-AGGREGATE-", g.key, value).named()
	rn, source := g.repartition(o.name, m.name, m.generated)
	name := b.name(o.name, prefix)
	if rn != nil {
		b.g.Add(rn, g.node)
	}
	n := &graph.Node{Name: name, Write: func(t *processor.Topology, parents []string) error {
		err := processor.AddProcessor(t, name, func() processor.Processor[K, node.Change[V], K, node.Change[A]] {
			return &node.TableAggregate[K, V, A]{Store: m.name, First: first, Add: add, Subtract: subtract, OldValues: m.oldValues}
		}, parents...)
		if err != nil {
			return err
		}
		return b.addStore(t, m.keyValue(), name)
	}}
	b.g.Add(n, g.shared)
	return &Table[K, A]{
		b: b, name: name, key: m.key, value: m.value, sources: []string{source}, node: n, store: m.storeName(),
		source: stored(m.oldValues, node.StoreView[K, A](m.name)),
	}
}

// repartition makes the topic that brings the rows of a group together, or returns the one there is if the user named it.
func (g *GroupedTable[K, V]) repartition(name, store string, generated bool) (n *graph.Node, source string) {
	topic := g.topic
	if topic == "" {
		topic = store
		if generated {
			g.b.unnamed = append(g.b.unnamed, topic+repartitionSuffix)
		}
	}
	topic += repartitionSuffix
	sink, source := g.b.suffixed(name, "-sink", "KSTREAM-SINK-"), g.b.suffixed(name, "-source", "KSTREAM-SOURCE-")
	if g.shared != nil && g.topic != "" {
		return nil, g.shared.Name
	}
	value := node.ChangeSerde[V]{Value: g.value}
	g.shared = &graph.Node{Name: source, Write: func(t *processor.Topology, parents []string) error {
		t.AddInternalTopic(topic, processor.InternalTopicProperties{})
		err := processor.AddSink(t, sink, processor.SinkConfig[K, node.Change[V]]{Topic: topic, Key: plainKey[K]{g.key}, Value: value}, parents...)
		if err != nil {
			return err
		}
		return processor.AddSource(t, source, processor.SourceConfig[K, node.Change[V]]{
			Topics: []string{topic}, Key: g.key, Value: value, Extractor: topicTime[K, node.Change[V]],
		})
	}}
	return g.shared, source
}
