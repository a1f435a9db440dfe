package node

import (
	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/processor"
)

// Getter reads the current value of a table.
type Getter[K, V any] interface {
	Get(k K) (v V, ts int64, has bool, err error)
}

// View opens a Getter in a task; Stores are the stores that it reads.
type View[K, V any] struct {
	Stores []string
	Open   func(store func(name string) (any, error)) (Getter[K, V], error)
}

// StoreView reads a key-value store.
func StoreView[K, V any](name string) View[K, V] {
	return View[K, V]{
		Stores: []string{name},
		Open: func(store func(string) (any, error)) (Getter[K, V], error) {
			return openStore[*processor.KeyValueStore[K, V]](store, name)
		},
	}
}

func openStore[S any](store func(string) (any, error), name string) (s S, err error) {
	a, err := store(name)
	if err != nil {
		return s, err
	}
	s, ok := a.(S)
	if !ok {
		return s, &processor.FatalError{Err: &storeTypeError{name, a}}
	}
	return s, nil
}

type storeTypeError struct {
	name  string
	store any
}

func (e *storeTypeError) Error() string {
	return "store " + e.name + " has another type than the table that reads it"
}

// WindowStoreView reads a window store by windowed keys.
func WindowStoreView[K, V any](name string) View[Windowed[K], V] {
	return View[Windowed[K], V]{
		Stores: []string{name},
		Open: func(store func(string) (any, error)) (Getter[Windowed[K], V], error) {
			s, err := openStore[*processor.WindowStore[K, V]](store, name)
			return windowGetter[K, V]{s}, err
		},
	}
}

type windowGetter[K, V any] struct{ store *processor.WindowStore[K, V] }

func (g windowGetter[K, V]) Get(k Windowed[K]) (V, int64, bool, error) {
	return g.store.Get(k.Key, k.Start)
}

// MappedView reads view through a filter or a mapping.
func MappedView[K, V, V2 any](view View[K, V], fn func(k K, v V) (V2, bool, error)) View[K, V2] {
	return View[K, V2]{
		Stores: view.Stores,
		Open: func(store func(string) (any, error)) (Getter[K, V2], error) {
			g, err := view.Open(store)
			return mappedGetter[K, V, V2]{g, fn}, err
		},
	}
}

type mappedGetter[K, V, V2 any] struct {
	from Getter[K, V]
	fn   func(k K, v V) (V2, bool, error)
}

func (g mappedGetter[K, V, V2]) Get(k K) (v2 V2, ts int64, has bool, err error) {
	v, ts, has, err := g.from.Get(k)
	if err != nil || !has {
		return v2, ts, false, err
	}
	v2, has, err = g.fn(k, v)
	return v2, ts, has, err
}

// TableSource turns the records of a topic into the changes of a table.
type TableSource[K, V any] struct {
	noClose
	// Store keeps the table; empty if nobody needs it.
	Store     string
	OldValues *bool
	store     *processor.KeyValueStore[K, V]
	direct    bool
	forward[K, Change[V]]
}

// Init implements processor.Processor.
func (n *TableSource[K, V]) Init(c *processor.Context[K, Change[V]]) (err error) {
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

// listen forwards what the store's cache holds back, and says whether there is no cache.
func listen[K, V any](f *forward[K, Change[V]], s *processor.KeyValueStore[K, V], oldValues *bool) (direct bool) {
	s.OnChange(func(ch *statestore.Change[K, V]) error {
		return flushChange(f, ch.Key, ch.New, ch.HasNew, ch.Old, ch.HasOld && *oldValues, ch.Timestamp)
	})
	return !s.Caching()
}

// Process implements processor.Processor.
func (n *TableSource[K, V]) Process(r *processor.Record[K, V]) (err error) {
	if r.KeyNull {
		n.ctx.Drop()
		return nil
	}
	c := Change[V]{New: r.Value, HasNew: !r.ValueNull}
	if n.store != nil {
		if *n.OldValues && n.direct {
			if c.Old, _, c.HasOld, err = n.store.Get(r.Key); err != nil {
				return err
			}
		}
		if err := put(n.store, r.Key, r.Value, c.HasNew, r.Timestamp, r.Timestamp); err != nil || !n.direct {
			return err
		}
	}
	return n.send(r.Key, c, r.Timestamp, r.Headers)
}

// TableMap filters a table, or gives it other values: Map returns false for what is not in the result.
type TableMap[K, V, V2 any] struct {
	noClose
	// Store keeps the result; empty if it is not materialized.
	Store     string
	Map       func(k K, v V) (V2, bool, error)
	OldValues *bool
	// SkipNothing leaves out changes from nothing to nothing, where old values are known.
	SkipNothing bool
	store       *processor.KeyValueStore[K, V2]
	direct      bool
	forward[K, Change[V2]]
}

// Init implements processor.Processor.
func (n *TableMap[K, V, V2]) Init(c *processor.Context[K, Change[V2]]) (err error) {
	n.ctx, n.direct = c, true
	if n.Store == "" {
		return nil
	}
	if n.store, err = processor.StoreOf[*processor.KeyValueStore[K, V2]](c, n.Store); err != nil {
		return err
	}
	n.direct = listen(&n.forward, n.store, n.OldValues)
	return nil
}

// Process implements processor.Processor.
func (n *TableMap[K, V, V2]) Process(r *processor.Record[K, Change[V]]) (err error) {
	in := &r.Value
	c := Change[V2]{Stale: in.Stale}
	if in.HasNew {
		if c.New, c.HasNew, err = n.Map(r.Key, in.New); err != nil {
			return err
		}
	}
	if *n.OldValues {
		if n.store != nil {
			c.Old, _, c.HasOld, err = n.store.Get(r.Key)
		} else if in.HasOld {
			c.Old, c.HasOld, err = n.Map(r.Key, in.Old)
		}
		if err != nil {
			return err
		}
		if n.SkipNothing && !c.HasOld && !c.HasNew {
			return nil
		}
	}
	if n.store != nil {
		if err := put(n.store, r.Key, c.New, c.HasNew, r.Timestamp, r.Timestamp); err != nil || !n.direct {
			return err
		}
	}
	return n.send(r.Key, c, r.Timestamp, r.Headers)
}

// TableToStream turns the changes of a table into a stream of its new values; a deletion is a null value.
type TableToStream[K, V any] struct {
	noClose
	ctx *processor.Context[K, V]
	out processor.Record[K, V]
}

// Init implements processor.Processor.
func (n *TableToStream[K, V]) Init(c *processor.Context[K, V]) error {
	n.ctx = c
	return nil
}

// Process implements processor.Processor.
func (n *TableToStream[K, V]) Process(r *processor.Record[K, Change[V]]) error {
	o := &n.out
	o.Key, o.KeyNull, o.Timestamp, o.Headers = r.Key, r.KeyNull, r.Timestamp, r.Headers
	o.Value, o.ValueNull = maybe(r.Value.New, r.Value.HasNew), !r.Value.HasNew
	return n.ctx.Forward(o)
}

// TableTransform gives a table other values; Map also sees deletions.
type TableTransform[K, V, V2 any] struct {
	noClose
	// Store keeps the result; empty if it is not materialized.
	Store     string
	Map       func(k K, v V, has bool) (V2, bool, error)
	OldValues *bool
	store     *processor.KeyValueStore[K, V2]
	direct    bool
	forward[K, Change[V2]]
}

// Init implements processor.Processor.
func (n *TableTransform[K, V, V2]) Init(c *processor.Context[K, Change[V2]]) (err error) {
	n.ctx, n.direct = c, true
	if n.Store == "" {
		return nil
	}
	if n.store, err = processor.StoreOf[*processor.KeyValueStore[K, V2]](c, n.Store); err != nil {
		return err
	}
	n.direct = listen(&n.forward, n.store, n.OldValues)
	return nil
}

// Process implements processor.Processor.
func (n *TableTransform[K, V, V2]) Process(r *processor.Record[K, Change[V]]) (err error) {
	c := Change[V2]{Stale: r.Value.Stale}
	if c.New, c.HasNew, err = n.Map(r.Key, r.Value.New, r.Value.HasNew); err != nil {
		return err
	}
	if n.store == nil {
		if *n.OldValues {
			if c.Old, c.HasOld, err = n.Map(r.Key, r.Value.Old, r.Value.HasOld); err != nil {
				return err
			}
		}
		return n.send(r.Key, c, r.Timestamp, r.Headers)
	}
	if *n.OldValues {
		if c.Old, _, c.HasOld, err = n.store.Get(r.Key); err != nil {
			return err
		}
	}
	if err := put(n.store, r.Key, c.New, c.HasNew, r.Timestamp, r.Timestamp); err != nil || !n.direct {
		return err
	}
	return n.send(r.Key, c, r.Timestamp, r.Headers)
}
