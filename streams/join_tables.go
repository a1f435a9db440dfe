package streams

import (
	"github.com/chortal/chortal/streams/internal/graph"
	"github.com/chortal/chortal/streams/internal/node"
	"github.com/chortal/chortal/streams/processor"
)

// JoinTables joins two tables with the same key: the result has a row where both have one, and changes with either.
func JoinTables[K, V, V2, VO any](left *Table[K, V], right *Table[K, V2], join func(k K, v V, v2 V2) VO, opts ...Option) *Table[K, VO] {
	return TryJoinTables(left, right, func(k K, v *V, v2 *V2) (VO, error) { return join(k, *v, *v2), nil }, Inner, opts...)
}

// LeftJoinTables joins two tables with the same key: the result has a row where the left table has one; join gets nil
// where the right one has none.
func LeftJoinTables[K, V, V2, VO any](left *Table[K, V], right *Table[K, V2], join func(k K, v V, v2 *V2) VO, opts ...Option) *Table[K, VO] {
	return TryJoinTables(left, right, func(k K, v *V, v2 *V2) (VO, error) { return join(k, *v, v2), nil }, Left, opts...)
}

// OuterJoinTables joins two tables with the same key: the result has a row where either has one; join gets nil for the
// other.
func OuterJoinTables[K, V, V2, VO any](left *Table[K, V], right *Table[K, V2], join func(k K, v *V, v2 *V2) VO, opts ...Option) *Table[K, VO] {
	return TryJoinTables(left, right, func(k K, v *V, v2 *V2) (VO, error) { return join(k, v, v2), nil }, Outer, opts...)
}

// JoinKind says which rows a join has.
type JoinKind int

const (
	// Inner joins have results only where both sides match.
	Inner JoinKind = iota
	// Left joins have results for all of the left side.
	Left
	// Outer joins have results for all of both sides.
	Outer
)

// TryJoinTables joins two tables with a function that may fail: the error goes to the processing exception handler.
func TryJoinTables[K, V, V2, VO any](left *Table[K, V], right *Table[K, V2], join func(k K, v *V, v2 *V2) (VO, error), kind JoinKind, opts ...Option) *Table[K, VO] {
	b, o := left.b, optionsOf(opts)
	m := &materialized[K, VO]{b: b, o: &o.store, oldValues: new(bool), key: left.key}
	if o.store.given {
		m = materialize[K, VO](b, o, "KTABLE-MERGE-", left.key, nil).named()
	}
	merge := b.name(o.name, "KTABLE-MERGE-")
	sources := union(left.sources, right.sources)
	b.g.Copartition(sources)
	if kind != Inner {
		left.source.wantOld(true)
	}
	if kind == Outer {
		right.source.wantOld(true)
	}
	this := b.suffixed(o.name, "-join-this", "KTABLE-JOINTHIS-")
	other := b.suffixed(o.name, "-join-other", "KTABLE-JOINOTHER-")
	isNil := processor.NilOf[VO]()
	joined := func(k K, v *V, v2 *V2) (VO, bool, error) {
		vo, err := join(k, v, v2)
		return vo, !isNil.Is(&vo), err
	}
	w := &tableJoin[K, V, V2, VO]{
		m: m, left: left, right: right, kind: kind, join: joined, leftView: left.source.view(), rightView: right.source.view(),
		this: this, other: other, merge: merge,
	}
	n := &graph.Node{Name: merge, Write: w.write}
	b.g.Add(n, left.node, right.node)
	return &Table[K, VO]{b: b, name: merge, key: m.key, value: m.value, sources: sources, node: n, store: m.storeName(), source: w}
}

// tableJoin is a join of two tables: what writes it, and the tableSource of the result.
type tableJoin[K, V, V2, VO any] struct {
	m                  *materialized[K, VO]
	left               *Table[K, V]
	right              *Table[K, V2]
	kind               JoinKind
	join               func(K, *V, *V2) (VO, bool, error)
	leftView           node.View[K, V]
	rightView          node.View[K, V2]
	this, other, merge string
}

func (w *tableJoin[K, V, V2, VO]) wantOld(bool) bool {
	w.left.source.wantOld(true)
	w.right.source.wantOld(true)
	*w.m.oldValues = true
	return true
}

func (w *tableJoin[K, V, V2, VO]) view() node.View[K, VO] {
	if w.m.name != "" {
		return node.StoreView[K, VO](w.m.name)
	}
	return node.JoinView(w.leftView, w.rightView, w.kind != Inner, w.kind == Outer, w.join)
}

func (w *tableJoin[K, V, V2, VO]) write(t *processor.Topology, _ []string) error {
	if w.m.b.err != nil {
		return w.m.b.err
	}
	err := processor.AddProcessor(t, w.this, func() processor.Processor[K, node.Change[V], K, node.Change[VO]] {
		return &node.TableJoin[K, V, V2, VO]{
			Other: w.rightView, Join: w.join, OldValues: w.m.oldValues,
			NeedsOther: w.kind == Inner, JoinsNothing: w.kind == Outer,
		}
	}, w.left.name)
	if err != nil {
		return err
	}
	reverse := func(k K, own *V2, other *V) (VO, bool, error) { return w.join(k, other, own) }
	err = processor.AddProcessor(t, w.other, func() processor.Processor[K, node.Change[V2], K, node.Change[VO]] {
		return &node.TableJoin[K, V2, V, VO]{
			Other: w.leftView, Join: reverse, OldValues: w.m.oldValues,
			NeedsOther: w.kind != Outer, JoinsNothing: w.kind != Inner,
		}
	}, w.right.name)
	if err != nil {
		return err
	}
	err = processor.AddProcessor(t, w.merge, func() processor.Processor[K, node.Change[VO], K, node.Change[VO]] {
		return &node.TableMerge[K, VO]{Store: w.m.name, OldValues: w.m.oldValues}
	}, w.this, w.other)
	if err != nil {
		return err
	}
	if err := t.ConnectProcessorAndStateStores(w.this, w.rightView.Stores...); err != nil {
		return err
	}
	if err := t.ConnectProcessorAndStateStores(w.other, w.leftView.Stores...); err != nil || w.m.name == "" {
		return err
	}
	return w.m.b.addStore(t, w.m.keyValue(), w.merge)
}
