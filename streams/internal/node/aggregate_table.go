package node

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// TableGroup gives the changes of a table new keys and values, so that an aggregation of the new table can subtract the
// old pair and add the new one.
type TableGroup[K, V, K2, V2 any] struct {
	noClose
	// Map returns the new pair, with a false for each null.
	Map func(k K, v V) (k2 K2, hasKey bool, v2 V2, hasValue bool, err error)
	// Same compares new keys.
	Same func(a, b K2) (bool, error)
	forward[K2, Change[V2]]
}

// Init implements processor.Processor.
func (n *TableGroup[K, V, K2, V2]) Init(c *processor.Context[K2, Change[V2]]) error {
	n.ctx = c
	return nil
}

type pair[K, V any] struct {
	k K
	v V
	// has says that neither is null.
	has bool
}

func (n *TableGroup[K, V, K2, V2]) pair(k K, v V, has bool) (p pair[K2, V2], err error) {
	if !has {
		return p, nil
	}
	hasKey, hasValue := false, false
	p.k, hasKey, p.v, hasValue, err = n.Map(k, v)
	p.has = hasKey && hasValue
	return p, err
}

// Process implements processor.Processor.
func (n *TableGroup[K, V, K2, V2]) Process(r *processor.Record[K, Change[V]]) error {
	if r.KeyNull {
		return errors.New("a record of a grouped table has no key")
	}
	if r.Value.Stale {
		n.ctx.Drop()
		return nil
	}
	now, err := n.pair(r.Key, r.Value.New, r.Value.HasNew)
	if err != nil {
		return err
	}
	old, err := n.pair(r.Key, r.Value.Old, r.Value.HasOld)
	if err != nil {
		return err
	}
	if old.has && now.has {
		same, err := n.Same(old.k, now.k)
		if err != nil {
			return err
		}
		if same {
			return n.send(now.k, Change[V2]{New: now.v, HasNew: true, Old: old.v, HasOld: true}, r.Timestamp, r.Headers)
		}
	}
	if old.has {
		if err := n.send(old.k, Change[V2]{Old: old.v, HasOld: true}, r.Timestamp, r.Headers); err != nil {
			return err
		}
	}
	if now.has {
		return n.send(now.k, Change[V2]{New: now.v, HasNew: true}, r.Timestamp, r.Headers)
	}
	return nil
}

// TableAggregate folds the changes of a grouped table: the old value of a row is subtracted, the new one added.
type TableAggregate[K, V, A any] struct {
	noClose
	Store string
	// First makes an aggregate to add to; nil where the first value becomes the aggregate (reduce).
	First     func() (A, error)
	Add       Folder[K, V, A]
	Subtract  Folder[K, V, A]
	OldValues *bool
	store     *processor.KeyValueStore[K, A]
	nilA      processor.Nil[A]
	direct    bool
	forward[K, Change[A]]
}

// Init implements processor.Processor.
func (n *TableAggregate[K, V, A]) Init(c *processor.Context[K, Change[A]]) (err error) {
	n.ctx, n.nilA = c, processor.NilOf[A]()
	if n.store, err = processor.StoreOf[*processor.KeyValueStore[K, A]](c, n.Store); err != nil {
		return err
	}
	n.direct = listen(&n.forward, n.store, n.OldValues)
	return nil
}

// Process implements processor.Processor.
func (n *TableAggregate[K, V, A]) Process(r *processor.Record[K, Change[V]]) error {
	if r.KeyNull {
		return errors.New("a record of a grouped table has no key")
	}
	old, oldTs, hasOld, err := n.store.Get(r.Key)
	if err != nil {
		return err
	}
	ts := r.Timestamp
	next, has := old, hasOld
	if r.Value.HasOld && hasOld {
		if next, has, err = n.Subtract(r.Key, r.Value.Old, false, old, true); err != nil {
			return err
		}
		ts = max(ts, oldTs)
	}
	if r.Value.HasNew {
		if !has && n.First != nil {
			if next, err = n.First(); err != nil {
				return err
			}
			has = !n.nilA.Is(&next)
		}
		if next, has, err = n.Add(r.Key, r.Value.New, false, next, has); err != nil {
			return err
		}
		if hasOld {
			ts = max(ts, oldTs)
		}
	}
	if err := put(n.store, r.Key, next, has, ts, r.Timestamp); err != nil || !n.direct {
		return err
	}
	hasOld = hasOld && *n.OldValues
	return n.send(r.Key, Change[A]{New: next, HasNew: has, Old: maybe(old, hasOld), HasOld: hasOld}, ts, r.Headers)
}

// ChangeSerde writes changes on repartition topics as Kafka Streams does: the old or the new value with a 0 or 1 behind
// it, or the length of the new value, both values, and a 2.
type ChangeSerde[V any] struct{ Value serde.Serde[V] }

var errNoChange = errors.New("a change has neither an old nor a new value")

// Append implements serde.Serde.
func (s ChangeSerde[V]) Append(dst []byte, c Change[V]) (_ []byte, err error) {
	switch {
	case c.HasNew && c.HasOld:
		now, err := s.Value.Append(nil, c.New)
		if err != nil {
			return dst, err
		}
		dst = binary.AppendVarint(dst, int64(len(now)))
		dst = append(dst, now...)
		if dst, err = s.Value.Append(dst, c.Old); err != nil {
			return dst, err
		}
		return append(dst, 2), nil
	case c.HasNew:
		if dst, err = s.Value.Append(dst, c.New); err != nil {
			return dst, err
		}
		return append(dst, 1), nil
	case c.HasOld:
		if dst, err = s.Value.Append(dst, c.Old); err != nil {
			return dst, err
		}
		return append(dst, 0), nil
	default:
		return dst, errNoChange
	}
}

// Decode implements serde.Serde.
func (s ChangeSerde[V]) Decode(b []byte) (c Change[V], err error) {
	if len(b) == 0 {
		return c, errNoChange
	}
	flag, body := b[len(b)-1], b[:len(b)-1]
	switch flag {
	case 0:
		c.HasOld = true
		c.Old, err = s.Value.Decode(body)
	case 1:
		c.HasNew = true
		c.New, err = s.Value.Decode(body)
	case 2:
		n, size := binary.Varint(body)
		if size <= 0 || n < 0 || n > int64(len(body)-size) {
			return c, fmt.Errorf("decode change of %d bytes: bad length of the new value", len(b))
		}
		body = body[size:]
		c.HasNew, c.HasOld = true, true
		if c.New, err = s.Value.Decode(body[:n]); err == nil {
			c.Old, err = s.Value.Decode(body[n:])
		}
	default:
		err = fmt.Errorf("decode change of %d bytes: unknown flag %d", len(b), flag)
	}
	return c, err
}
