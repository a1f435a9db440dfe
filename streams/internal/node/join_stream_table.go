package node

import "github.com/chortal/chortal/streams/processor"

// StreamTableJoin looks up each record of a stream in a table. Updates of the table send nothing.
type StreamTableJoin[K, V, TK, TV, VO any] struct {
	noClose
	Left bool
	View View[TK, TV]
	// Key gives the key in the table; has is false for a null.
	Key func(r *processor.Record[K, V]) (k TK, has bool, err error)
	// Join gets nil where a left join finds nothing.
	Join  func(k K, v V, t *TV) (VO, error)
	table Getter[TK, TV]
	nilVO processor.Nil[VO]
	found TV
	ctx   *processor.Context[K, VO]
	out   processor.Record[K, VO]
}

// Init implements processor.Processor.
func (n *StreamTableJoin[K, V, TK, TV, VO]) Init(c *processor.Context[K, VO]) (err error) {
	n.ctx, n.nilVO = c, processor.NilOf[VO]()
	n.table, err = n.View.Open(c.Store)
	return err
}

// Process implements processor.Processor.
func (n *StreamTableJoin[K, V, TK, TV, VO]) Process(r *processor.Record[K, V]) error {
	key, has, err := n.Key(r)
	if err != nil {
		return err
	}
	if r.ValueNull || !has && !n.Left {
		n.ctx.Drop()
		return nil
	}
	var found *TV
	if has {
		var ok bool
		if n.found, _, ok, err = n.table.Get(key); err != nil {
			return err
		}
		if ok {
			found = &n.found
		}
	}
	if found == nil && !n.Left {
		return nil
	}
	o := &n.out
	if o.Value, err = n.Join(r.Key, r.Value, found); err != nil {
		return err
	}
	o.ValueNull = n.nilVO.Is(&o.Value)
	o.Key, o.KeyNull, o.Timestamp, o.Headers = r.Key, r.KeyNull, r.Timestamp, r.Headers
	return n.ctx.Forward(o)
}

// OwnKey is the Key of joins with a table of the same key.
func OwnKey[K, V any](r *processor.Record[K, V]) (K, bool, error) { return r.Key, !r.KeyNull, nil }
