package node

import (
	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/processor"
)

// Folder folds the value of a record into an aggregate. has says whether there is an aggregate, on the way in and out;
// valueNull that the record has no value, which only windowed aggregations see.
type Folder[K, V, A any] func(k K, v V, valueNull bool, agg A, has bool) (next A, ok bool, err error)

// Aggregate folds the records of a stream by key.
type Aggregate[K, V, A any] struct {
	noClose
	Store string
	// First makes the first aggregate of a key; nil where the fold starts without one (reduce).
	First func() (A, error)
	Fold  Folder[K, V, A]
	// OldValues sends the old value along.
	OldValues *bool

	store  *processor.KeyValueStore[K, A]
	nilA   processor.Nil[A]
	direct bool // no cache: forward at once
	forward[K, Change[A]]
}

// Init implements processor.Processor.
func (n *Aggregate[K, V, A]) Init(c *processor.Context[K, Change[A]]) (err error) {
	n.ctx, n.nilA = c, processor.NilOf[A]()
	if n.store, err = processor.StoreOf[*processor.KeyValueStore[K, A]](c, n.Store); err != nil {
		return err
	}
	n.direct = !n.store.Caching()
	n.store.OnChange(func(ch *statestore.Change[K, A]) error {
		return flushChange(&n.forward, ch.Key, ch.New, ch.HasNew, ch.Old, ch.HasOld && *n.OldValues, ch.Timestamp)
	})
	return nil
}

// flushChange forwards a change that a cache held back.
func flushChange[K, V any](f *forward[K, Change[V]], k K, now V, hasNew bool, old V, hasOld bool, ts int64) error {
	return f.send(k, Change[V]{New: now, HasNew: hasNew, Old: maybe(old, hasOld), HasOld: hasOld}, ts, f.ctx.Env().Headers)
}

// Process implements processor.Processor.
func (n *Aggregate[K, V, A]) Process(r *processor.Record[K, V]) error {
	if r.KeyNull || r.ValueNull {
		n.ctx.Drop()
		return nil
	}
	old, ts, has, err := n.store.Get(r.Key)
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
	next, ok, err := n.Fold(r.Key, r.Value, false, old, has)
	if err != nil {
		return err
	}
	if err := put(n.store, r.Key, next, ok, ts, r.Timestamp); err != nil || !n.direct {
		return err
	}
	hasOld := has && *n.OldValues
	return n.send(r.Key, Change[A]{New: next, HasNew: ok, Old: maybe(old, hasOld), HasOld: hasOld}, ts, r.Headers)
}

// put sets the value with its timestamp ts, or deletes it at the time of the record.
func put[K, V any](s *processor.KeyValueStore[K, V], k K, v V, has bool, ts, recordTs int64) error {
	if !has {
		return s.Delete(k, recordTs)
	}
	return s.Put(k, v, ts)
}
