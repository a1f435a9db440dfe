package node

import (
	"github.com/chortal/chortal/streams/processor"
)

// Filter forwards the records for which Keep is true.
type Filter[K, V any] struct {
	noClose
	Keep func(k K, v V) (bool, error)
	Not  bool
	// NullValues says that Keep can be called with the nil of V.
	nilV processor.Nil[V]
	ctx  *processor.Context[K, V]
}

// Init implements processor.Processor.
func (n *Filter[K, V]) Init(c *processor.Context[K, V]) error {
	n.ctx, n.nilV = c, processor.NilOf[V]()
	return nil
}

// Process implements processor.Processor.
func (n *Filter[K, V]) Process(r *processor.Record[K, V]) error {
	keep := false
	if !r.ValueNull || n.nilV.Possible() {
		var err error
		if keep, err = n.Keep(r.Key, r.Value); err != nil {
			return err
		}
	}
	if keep == n.Not {
		return nil
	}
	return n.ctx.Forward(r)
}

// KeyFilter drops records without a key, in front of a repartition topic.
type KeyFilter[K, V any] struct {
	noClose
	// Off lets all records through.
	Off bool
	ctx *processor.Context[K, V]
}

// Init implements processor.Processor.
func (n *KeyFilter[K, V]) Init(c *processor.Context[K, V]) error {
	n.ctx = c
	return nil
}

// Process implements processor.Processor.
func (n *KeyFilter[K, V]) Process(r *processor.Record[K, V]) error {
	if r.KeyNull && !n.Off {
		return nil
	}
	return n.ctx.Forward(r)
}

// MapValues gives every record a new value.
type MapValues[K, V, V2 any] struct {
	noClose
	Map   func(k K, v V) (V2, error)
	nilV  processor.Nil[V]
	nilV2 processor.Nil[V2]
	ctx   *processor.Context[K, V2]
	out   processor.Record[K, V2]
}

// Init implements processor.Processor.
func (n *MapValues[K, V, V2]) Init(c *processor.Context[K, V2]) error {
	n.ctx, n.nilV, n.nilV2 = c, processor.NilOf[V](), processor.NilOf[V2]()
	return nil
}

// Process implements processor.Processor.
func (n *MapValues[K, V, V2]) Process(r *processor.Record[K, V]) (err error) {
	o := &n.out
	o.Key, o.KeyNull, o.Timestamp, o.Headers = r.Key, r.KeyNull, r.Timestamp, r.Headers
	if r.ValueNull && !n.nilV.Possible() {
		var zero V2
		o.Value, o.ValueNull = zero, true
		return n.ctx.Forward(o)
	}
	if o.Value, err = n.Map(r.Key, r.Value); err != nil {
		return err
	}
	o.ValueNull = n.nilV2.Is(&o.Value)
	return n.ctx.Forward(o)
}

// Map gives every record a new key and a new value.
type Map[K, V, K2, V2 any] struct {
	noClose
	Map   func(k K, v V) (K2, V2, error)
	nilV  processor.Nil[V]
	nilK2 processor.Nil[K2]
	nilV2 processor.Nil[V2]
	ctx   *processor.Context[K2, V2]
	out   processor.Record[K2, V2]
}

// Init implements processor.Processor.
func (n *Map[K, V, K2, V2]) Init(c *processor.Context[K2, V2]) error {
	n.ctx, n.nilV, n.nilK2, n.nilV2 = c, processor.NilOf[V](), processor.NilOf[K2](), processor.NilOf[V2]()
	return nil
}

// Process implements processor.Processor.
func (n *Map[K, V, K2, V2]) Process(r *processor.Record[K, V]) (err error) {
	if r.ValueNull && !n.nilV.Possible() {
		n.ctx.Drop()
		return nil
	}
	o := &n.out
	if o.Key, o.Value, err = n.Map(r.Key, r.Value); err != nil {
		return err
	}
	o.KeyNull, o.ValueNull = n.nilK2.Is(&o.Key), n.nilV2.Is(&o.Value)
	o.Timestamp, o.Headers = r.Timestamp, r.Headers
	return n.ctx.Forward(o)
}

// Rekey gives every record a new key.
type Rekey[K, V, K2 any] struct {
	noClose
	Map   func(k K, v V) (K2, error)
	nilV  processor.Nil[V]
	nilK2 processor.Nil[K2]
	ctx   *processor.Context[K2, V]
	out   processor.Record[K2, V]
}

// Init implements processor.Processor.
func (n *Rekey[K, V, K2]) Init(c *processor.Context[K2, V]) error {
	n.ctx, n.nilV, n.nilK2 = c, processor.NilOf[V](), processor.NilOf[K2]()
	return nil
}

// Process implements processor.Processor.
func (n *Rekey[K, V, K2]) Process(r *processor.Record[K, V]) (err error) {
	if r.ValueNull && !n.nilV.Possible() {
		n.ctx.Drop()
		return nil
	}
	o := &n.out
	if o.Key, err = n.Map(r.Key, r.Value); err != nil {
		return err
	}
	o.KeyNull = n.nilK2.Is(&o.Key)
	o.Value, o.ValueNull, o.Timestamp, o.Headers = r.Value, r.ValueNull, r.Timestamp, r.Headers
	return n.ctx.Forward(o)
}

// FlatMap turns each record into any number of records, which Map hands to emit.
type FlatMap[K, V, K2, V2 any] struct {
	noClose
	Map   func(k K, v V, emit func(K2, V2) error) error
	nilV  processor.Nil[V]
	nilK2 processor.Nil[K2]
	nilV2 processor.Nil[V2]
	ctx   *processor.Context[K2, V2]
	out   processor.Record[K2, V2]
	emit  func(K2, V2) error
}

// Init implements processor.Processor.
func (n *FlatMap[K, V, K2, V2]) Init(c *processor.Context[K2, V2]) error {
	n.ctx, n.nilV, n.nilK2, n.nilV2 = c, processor.NilOf[V](), processor.NilOf[K2](), processor.NilOf[V2]()
	n.emit = func(k K2, v V2) error {
		o := &n.out
		o.Key, o.Value = k, v
		o.KeyNull, o.ValueNull = n.nilK2.Is(&k), n.nilV2.Is(&v)
		return n.ctx.Forward(o)
	}
	return nil
}

// Process implements processor.Processor.
func (n *FlatMap[K, V, K2, V2]) Process(r *processor.Record[K, V]) error {
	if r.ValueNull && !n.nilV.Possible() {
		n.ctx.Drop()
		return nil
	}
	n.out.Timestamp, n.out.Headers = r.Timestamp, r.Headers
	return n.Map(r.Key, r.Value, n.emit)
}

// FlatMapValues turns each value into any number of values under the same key.
type FlatMapValues[K, V, V2 any] struct {
	noClose
	Map   func(k K, v V, emit func(V2) error) error
	nilV  processor.Nil[V]
	nilV2 processor.Nil[V2]
	ctx   *processor.Context[K, V2]
	out   processor.Record[K, V2]
	emit  func(V2) error
}

// Init implements processor.Processor.
func (n *FlatMapValues[K, V, V2]) Init(c *processor.Context[K, V2]) error {
	n.ctx, n.nilV, n.nilV2 = c, processor.NilOf[V](), processor.NilOf[V2]()
	n.emit = func(v V2) error {
		n.out.Value, n.out.ValueNull = v, n.nilV2.Is(&v)
		return n.ctx.Forward(&n.out)
	}
	return nil
}

// Process implements processor.Processor.
func (n *FlatMapValues[K, V, V2]) Process(r *processor.Record[K, V]) error {
	if r.ValueNull && !n.nilV.Possible() {
		n.ctx.Drop()
		return nil
	}
	o := &n.out
	o.Key, o.KeyNull, o.Timestamp, o.Headers = r.Key, r.KeyNull, r.Timestamp, r.Headers
	return n.Map(r.Key, r.Value, n.emit)
}

// Peek calls Do for every record and forwards it.
type Peek[K, V any] struct {
	noClose
	Do   func(k K, v V) error
	nilV processor.Nil[V]
	ctx  *processor.Context[K, V]
}

// Init implements processor.Processor.
func (n *Peek[K, V]) Init(c *processor.Context[K, V]) error {
	n.ctx, n.nilV = c, processor.NilOf[V]()
	return nil
}

// Process implements processor.Processor.
func (n *Peek[K, V]) Process(r *processor.Record[K, V]) error {
	if !r.ValueNull || n.nilV.Possible() {
		if err := n.Do(r.Key, r.Value); err != nil {
			return err
		}
	}
	return n.ctx.Forward(r)
}

// PassThrough forwards every record.
type PassThrough[K, V any] struct {
	noClose
	ctx *processor.Context[K, V]
}

// Init implements processor.Processor.
func (n *PassThrough[K, V]) Init(c *processor.Context[K, V]) error {
	n.ctx = c
	return nil
}

// Process implements processor.Processor.
func (n *PassThrough[K, V]) Process(r *processor.Record[K, V]) error { return n.ctx.Forward(r) }

// Case is one branch of a split: the predicate, nil for the default branch, and the node that gets the records.
type Case[K, V any] struct {
	When  func(k K, v V) (bool, error)
	Child string
}

// Split sends each record to the first branch whose predicate is true.
type Split[K, V any] struct {
	noClose
	Cases []Case[K, V]
	nilV  processor.Nil[V]
	ctx   *processor.Context[K, V]
}

// Init implements processor.Processor.
func (n *Split[K, V]) Init(c *processor.Context[K, V]) error {
	n.ctx, n.nilV = c, processor.NilOf[V]()
	return nil
}

// Process implements processor.Processor.
func (n *Split[K, V]) Process(r *processor.Record[K, V]) error {
	for i := range n.Cases {
		c := &n.Cases[i]
		hit := c.When == nil
		if !hit && (!r.ValueNull || n.nilV.Possible()) {
			var err error
			if hit, err = c.When(r.Key, r.Value); err != nil {
				return err
			}
		}
		if hit {
			return n.ctx.ForwardTo(c.Child, r)
		}
	}
	return nil
}
