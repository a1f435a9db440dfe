package streams

import (
	"github.com/chortal/chortal/streams/internal/graph"
	"github.com/chortal/chortal/streams/internal/node"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// Join looks each record of a stream up in a table with the same key and sends join's result; records without a partner
// are dropped. Updates of the table send nothing.
func Join[K, V, TV, VO any](s *Stream[K, V], t *Table[K, TV], join func(k K, v V, tv TV) VO, opts ...Option) *Stream[K, VO] {
	return TryJoin(s, t, func(k K, v V, tv TV) (VO, error) { return join(k, v, tv), nil }, opts...)
}

// TryJoin is Join with a function that may fail: the error goes to the processing exception handler.
func TryJoin[K, V, TV, VO any](s *Stream[K, V], t *Table[K, TV], join func(k K, v V, tv TV) (VO, error), opts ...Option) *Stream[K, VO] {
	return streamTable(s, t, func(k K, v V, tv *TV) (VO, error) { return join(k, v, *tv) }, false, "KSTREAM-JOIN-", opts)
}

// LeftJoin is Join for all records: join gets nil where the table has no row.
func LeftJoin[K, V, TV, VO any](s *Stream[K, V], t *Table[K, TV], join func(k K, v V, tv *TV) VO, opts ...Option) *Stream[K, VO] {
	return TryLeftJoin(s, t, func(k K, v V, tv *TV) (VO, error) { return join(k, v, tv), nil }, opts...)
}

// TryLeftJoin is LeftJoin with a function that may fail: the error goes to the processing exception handler.
func TryLeftJoin[K, V, TV, VO any](s *Stream[K, V], t *Table[K, TV], join func(k K, v V, tv *TV) (VO, error), opts ...Option) *Stream[K, VO] {
	return streamTable(s, t, join, true, "KSTREAM-LEFTJOIN-", opts)
}

func streamTable[K, V, TV, VO any](s *Stream[K, V], t *Table[K, TV], join func(K, V, *TV) (VO, error), left bool, prefix string, opts []Option) *Stream[K, VO] {
	b, o := s.b, optionsOf(opts)
	s = forJoin(s, o.name, optKey[K](b, o), optValue[V](b, o))
	sources := union(s.sources, t.sources)
	b.g.Copartition(sources)
	name := b.name(o.name, prefix)
	view := t.source.view()
	n := &graph.Node{Name: name, RelaxedNullKey: left, Write: func(top *processor.Topology, parents []string) error {
		err := processor.AddProcessor(top, name, func() processor.Processor[K, V, K, VO] {
			return &node.StreamTableJoin[K, V, K, TV, VO]{Left: left, View: view, Key: node.OwnKey[K, V], Join: join}
		}, parents[:1]...)
		if err != nil {
			return err
		}
		return top.ConnectProcessorAndStateStores(name, view.Stores...)
	}}
	b.g.AddAfter(n, s.node, t.node)
	return &Stream[K, VO]{b: b, name: name, key: firstSerde(optKey[K](b, o), s.key), sources: sources, node: n}
}

// forJoin returns the stream behind the repartition that a join needs if keys may have changed. Joins of one stream that
// are not named share it.
func forJoin[K, V any](s *Stream[K, V], name string, key serde.Serde[K], value serde.Serde[V]) *Stream[K, V] {
	if !s.rekeyed {
		r := *s
		r.key, r.value = firstSerde(key, s.key), firstSerde(value, s.value)
		return &r
	}
	prefix := name
	if name == "" {
		prefix = s.name
		s.b.unnamed = append(s.b.unnamed, prefix+repartitionSuffix)
	}
	n, r := repartition(s, prefix, repartitionOptions[K, V]{key: key, value: value, optimizable: true})
	if s.shared == nil || prefix != s.name {
		s.shared = n
		s.b.g.Add(n, s.node)
	}
	r.node = s.shared
	return r
}

// GlobalTable is a table that every instance holds whole.
type GlobalTable[K, V any] struct {
	b     *Builder
	store string
	// View reads it.
	view node.View[K, V]
}

// GlobalTableFrom reads all partitions of a topic into every instance, before anything else is processed. Joins with it
// need no repartition. Records without a key are left out.
func GlobalTableFrom[K, V any](b *Builder, topic string, key serde.Serde[K], value serde.Serde[V], opts ...Option) *GlobalTable[K, V] {
	o := optionsOf(opts)
	m := materialize(b, o, topic+"-", key, value)
	source := b.suffixed(o.name, "-source", "KSTREAM-SOURCE-")
	name := b.name(o.name, "KTABLE-SOURCE-")
	cfg := processor.SourceConfig[K, V]{
		Topics: []string{topic}, Key: keySerde(b, "global table "+topic, key), Value: valueSerde(b, "global table "+topic, value),
	}
	off := false
	m.o.logging, m.o.caching = &off, &off
	n := &graph.Node{Name: name, Write: func(t *processor.Topology, _ []string) error {
		spec := m.keyValue()
		if b.err != nil {
			return b.err
		}
		return processor.AddGlobalStore(t, spec, source, name, cfg, func() processor.Processor[K, V, K, node.Change[V]] {
			return &node.TableSource[K, V]{Store: m.name, OldValues: m.oldValues}
		})
	}}
	b.addSource(&sourceGroup{topics: []string{topic}, node: n, table: true})
	b.g.Add(n, b.g.Root())
	return &GlobalTable[K, V]{b: b, store: m.storeName(), view: node.StoreView[K, V](m.name)}
}

// StoreName returns the name of the table's store if it was given one, and else nothing.
func (t *GlobalTable[K, V]) StoreName() string { return t.store }

// JoinGlobal looks each record of a stream up in a global table by the key that keyOf gives; records without a partner
// are dropped.
func JoinGlobal[K, V, GK, GV, VO any](s *Stream[K, V], t *GlobalTable[GK, GV], keyOf func(K, V) GK, join func(k K, v V, gv GV) VO, opts ...Option) *Stream[K, VO] {
	return TryJoinGlobal(s, t, func(k K, v V) (GK, error) { return keyOf(k, v), nil },
		func(k K, v V, gv *GV) (VO, error) { return join(k, v, *gv), nil }, false, opts...)
}

// LeftJoinGlobal is JoinGlobal for all records: join gets nil where the table has no row.
func LeftJoinGlobal[K, V, GK, GV, VO any](s *Stream[K, V], t *GlobalTable[GK, GV], keyOf func(K, V) GK, join func(k K, v V, gv *GV) VO, opts ...Option) *Stream[K, VO] {
	return TryJoinGlobal(s, t, func(k K, v V) (GK, error) { return keyOf(k, v), nil },
		func(k K, v V, gv *GV) (VO, error) { return join(k, v, gv), nil }, true, opts...)
}

// TryJoinGlobal is JoinGlobal, or with left LeftJoinGlobal, with functions that may fail: the error goes to the processing
// exception handler.
func TryJoinGlobal[K, V, GK, GV, VO any](s *Stream[K, V], t *GlobalTable[GK, GV], keyOf func(K, V) (GK, error), join func(k K, v V, gv *GV) (VO, error), left bool, opts ...Option) *Stream[K, VO] {
	name := s.b.name(optionsOf(opts).name, "KSTREAM-LEFTJOIN-") // Kafka's name for inner joins as well
	isNil, noValue := processor.NilOf[GK](), !processor.NilOf[V]().Possible()
	key := func(r *processor.Record[K, V]) (GK, bool, error) {
		if r.ValueNull && noValue {
			var zero GK
			return zero, false, nil
		}
		k, err := keyOf(r.Key, r.Value)
		return k, !isNil.Is(&k), err
	}
	n := add(s.b, name, func() processor.Processor[K, V, K, VO] {
		return &node.StreamTableJoin[K, V, GK, GV, VO]{Left: left, View: t.view, Key: key, Join: join}
	}, s.node)
	n.RelaxedNullKey = left
	return next[K, V, K, VO](s, n, s.key, nil)
}
