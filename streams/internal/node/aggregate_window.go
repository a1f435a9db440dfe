package node

import (
	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/processor"
)

// WindowAggregate folds the records of a stream by key and window. A window takes records until stream time, as this node
// sees it, passes its end and the grace period.
type WindowAggregate[K, V, A any] struct {
	noClose
	Store   string
	Windows Windows
	// First makes the first aggregate of a key and window; nil where the fold starts without one (reduce).
	First     func() (A, error)
	Fold      Folder[K, V, A]
	OldValues *bool
	// OnClose holds results back until their window is closed.
	OnClose bool

	store  *processor.WindowStore[K, A]
	nilV   processor.Nil[V]
	nilA   processor.Nil[A]
	direct bool
	time   int64 // largest timestamp seen
	closer closer
	forward[Windowed[K], Change[A]]
}

// Init implements processor.Processor.
func (n *WindowAggregate[K, V, A]) Init(c *processor.Context[Windowed[K], Change[A]]) (err error) {
	n.ctx, n.nilV, n.nilA, n.time = c, processor.NilOf[V](), processor.NilOf[A](), -1
	if n.store, err = processor.StoreOf[*processor.WindowStore[K, A]](c, n.Store); err != nil {
		return err
	}
	n.direct = !n.store.Caching() && !n.OnClose
	if n.OnClose {
		n.closer.init(c.Env(), c.Node())
		n.keep()
		return nil
	}
	n.store.OnChange(func(ch *statestore.Change[statestore.WindowKey[K], A]) error {
		key := Windowed[K]{Key: ch.Key.Key, Start: ch.Key.Start, End: n.Windows.End(ch.Key.Start)}
		return flushChange(&n.forward, key, ch.New, ch.HasNew, ch.Old, ch.HasOld && *n.OldValues, ch.Timestamp)
	})
	return nil
}

// Process implements processor.Processor.
func (n *WindowAggregate[K, V, A]) Process(r *processor.Record[K, V]) error {
	if r.KeyNull || r.ValueNull && !n.nilV.Possible() {
		n.ctx.Drop()
		return nil
	}
	n.time = max(n.time, r.Timestamp)
	closed := n.time - n.Windows.Grace()
	if n.OnClose {
		// Before the put: it may move the store's time past what is to be emitted.
		if err := n.emit(r, closed); err != nil {
			return err
		}
	}
	start, ok := n.Windows.First(r.Timestamp)
	for ; ok; start, ok = n.Windows.Next(start, r.Timestamp) {
		end := n.Windows.End(start)
		if end <= closed {
			n.ctx.Drop()
			n.ctx.Env().Late++
			continue
		}
		if err := n.update(r, start, end); err != nil {
			return err
		}
	}
	return nil
}

func (n *WindowAggregate[K, V, A]) update(r *processor.Record[K, V], start, end int64) error {
	old, ts, has, err := n.store.Get(r.Key, start)
	if err != nil {
		return err
	}
	ts = max(ts, r.Timestamp)
	if !has {
		ts = r.Timestamp
		if n.First != nil {
			if old, err = n.First(); err != nil {
				return err
			}
			has = !n.nilA.Is(&old)
		}
	}
	next, ok, err := n.Fold(r.Key, r.Value, r.ValueNull, old, has)
	if err != nil {
		return err
	}
	if ok {
		err = n.store.Put(r.Key, start, next, ts)
	} else {
		err = n.store.Delete(r.Key, start, r.Timestamp)
	}
	if err != nil || !n.direct {
		return err
	}
	hasOld := has && *n.OldValues
	return n.send(Windowed[K]{Key: r.Key, Start: start, End: end},
		Change[A]{New: next, HasNew: ok, Old: maybe(old, hasOld), HasOld: hasOld}, ts, r.Headers)
}

// emit forwards the windows that closed since the last emission, oldest first.
func (n *WindowAggregate[K, V, A]) emit(r *processor.Record[K, V], closed int64) error {
	from, to, ok := n.closer.due(closed, n.Windows.Size())
	if !ok {
		return nil
	}
	for e, err := range n.store.Closed(from, to) {
		if err != nil {
			return err
		}
		key := Windowed[K]{Key: e.Key, Start: e.Start, End: n.Windows.End(e.Start)}
		if err := n.send(key, Change[A]{New: e.Value, HasNew: true}, e.Timestamp, r.Headers); err != nil {
			return err
		}
	}
	n.closer.done(closed)
	n.keep()
	return nil
}

// keep tells the store which windows are still to be emitted.
func (n *WindowAggregate[K, V, A]) keep() {
	if n.closer.last < 0 {
		n.store.KeepFrom(0)
		return
	}
	n.store.KeepFrom(max(0, n.closer.last-n.Windows.Size()+1))
}

// closer decides when closed windows are emitted: not more often than the emit interval of wall-clock time, and only if
// the close time has moved. The close time is kept with the committed offsets.
type closer struct {
	env    *processor.Env
	node   string
	last   int64 // close time of the last emission, -1 if none
	nextAt int64 // wall-clock time before which nothing is emitted
}

func (c *closer) init(env *processor.Env, node string) {
	c.env, c.node, c.last = env, node, -1
	if at, ok := env.Runtime.Emitted(node); ok {
		c.last = at
	}
	c.nextAt = env.WallTime + env.EmitInterval
}

// due returns the starts of the first and the last window to emit.
func (c *closer) due(closed, size int64) (from, to int64, ok bool) {
	if c.env.WallTime < c.nextAt {
		return 0, 0, false
	}
	c.nextAt = c.env.WallTime + c.env.EmitInterval
	to = closed - size
	if to < 0 || c.last >= 0 && c.last >= closed {
		return 0, 0, false
	}
	if c.last >= 0 {
		from = max(0, c.last-size+1)
	}
	return from, to, true
}

func (c *closer) done(closed int64) {
	c.last = closed
	c.env.Runtime.SetEmitted(c.node, closed)
}
