package node

import "github.com/chortal/chortal/streams/processor"

// TableJoin is one side of the join of two tables with the same key: a change of its own table is joined with the current
// row of the other one.
type TableJoin[K, V, V2, VO any] struct {
	noClose
	Other View[K, V2]
	// Join gets nil for a row that is not there; it returns false for a null.
	Join func(k K, own *V, other *V2) (VO, bool, error)
	// NeedsOther sends nothing where the other table has no row: both sides of an inner join, the right one of a left join.
	NeedsOther bool
	// JoinsNothing calls Join with a missing row of this table, if the other has one: the right side of a left join, both
	// of an outer one.
	JoinsNothing bool
	OldValues    *bool
	other        Getter[K, V2]
	row          V2
	forward[K, Change[VO]]
}

// Init implements processor.Processor.
func (n *TableJoin[K, V, V2, VO]) Init(c *processor.Context[K, Change[VO]]) (err error) {
	n.ctx = c
	n.other, err = n.Other.Open(c.Store)
	return err
}

// Process implements processor.Processor.
func (n *TableJoin[K, V, V2, VO]) Process(r *processor.Record[K, Change[V]]) error {
	if r.KeyNull || r.Value.Stale {
		n.ctx.Drop()
		return nil
	}
	row, ts, has, err := n.other.Get(r.Key)
	if err != nil {
		return err
	}
	var other *V2
	if has {
		n.row = row
		other = &n.row
		ts = max(ts, r.Timestamp)
	} else {
		if n.NeedsOther || !r.Value.HasNew && !r.Value.HasOld {
			return nil
		}
		ts = r.Timestamp
	}
	c := Change[VO]{}
	if c.New, c.HasNew, err = n.join(r.Key, &r.Value.New, r.Value.HasNew, other); err != nil {
		return err
	}
	if *n.OldValues {
		if c.Old, c.HasOld, err = n.join(r.Key, &r.Value.Old, r.Value.HasOld, other); err != nil {
			return err
		}
	}
	return n.send(r.Key, c, ts, r.Headers)
}

func (n *TableJoin[K, V, V2, VO]) join(k K, own *V, has bool, other *V2) (vo VO, ok bool, err error) {
	switch {
	case has:
		return n.Join(k, own, other)
	case n.JoinsNothing && other != nil:
		return n.Join(k, nil, other)
	default:
		return vo, false, nil
	}
}

// TableMerge brings the two sides of a join together, and keeps the result if it is materialized.
type TableMerge[K, V any] struct {
	noClose
	// Store keeps the result; empty if it is not materialized.
	Store     string
	OldValues *bool
	store     *processor.KeyValueStore[K, V]
	direct    bool
	forward[K, Change[V]]
}

// Init implements processor.Processor.
func (n *TableMerge[K, V]) Init(c *processor.Context[K, Change[V]]) (err error) {
	n.ctx, n.direct = c, true
	if n.Store == "" {
		return nil
	}
	if n.store, err = processor.StoreOf[*processor.KeyValueStore[K, V]](c, n.Store); err != nil {
		return err
	}
	n.direct = listen(&n.forward, n.store, n.OldValues)
	return nil
}

// Process implements processor.Processor.
func (n *TableMerge[K, V]) Process(r *processor.Record[K, Change[V]]) error {
	if n.store != nil {
		err := put(n.store, r.Key, r.Value.New, r.Value.HasNew, r.Timestamp, r.Timestamp)
		if err != nil || !n.direct {
			return err
		}
	}
	return n.ctx.Forward(r)
}

// JoinView reads the join of two tables without keeping it.
func JoinView[K, V, V2, VO any](left View[K, V], right View[K, V2], leftOuter, rightOuter bool, join func(K, *V, *V2) (VO, bool, error)) View[K, VO] {
	return View[K, VO]{
		Stores: append(append([]string(nil), left.Stores...), right.Stores...),
		Open: func(store func(string) (any, error)) (Getter[K, VO], error) {
			l, err := left.Open(store)
			if err != nil {
				return nil, err
			}
			r, err := right.Open(store)
			return joinGetter[K, V, V2, VO]{l, r, leftOuter, rightOuter, join}, err
		},
	}
}

type joinGetter[K, V, V2, VO any] struct {
	left                  Getter[K, V]
	right                 Getter[K, V2]
	leftOuter, rightOuter bool
	join                  func(K, *V, *V2) (VO, bool, error)
}

func (g joinGetter[K, V, V2, VO]) Get(k K) (vo VO, ts int64, has bool, err error) {
	l, lts, hasL, err := g.left.Get(k)
	if err != nil || !hasL && !g.rightOuter {
		return vo, 0, false, err
	}
	r, rts, hasR, err := g.right.Get(k)
	if err != nil || !hasR && (!g.leftOuter || !hasL) {
		return vo, 0, false, err
	}
	lp, rp := &l, &r
	ts = max(lts, rts)
	if !hasL {
		lp, ts = nil, rts
	}
	if !hasR {
		rp, ts = nil, lts
	}
	vo, has, err = g.join(k, lp, rp)
	return vo, ts, has, err
}
