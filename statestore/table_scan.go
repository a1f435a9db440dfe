package statestore

import (
	"bytes"
	"slices"
)

// row is an entry met by a scan; its key is a cache key.
type row[V any] struct {
	key   []byte
	value V
	ts    int64
}

// overlaid is a pending entry, which hides what the engine has under its key.
type overlaid[V any] struct {
	key     []byte // engine key
	value   V
	ts      int64
	present bool
}

// scan walks the entries with from <= engine key < to, cached or not, in the order of their engine keys, until visit
// returns false.
func (t *table[K, V]) scan(from, to []byte, order Order, visit func(row[V]) bool) error {
	overlay := t.overlay(from, to, order)
	for e, err := range t.cfg.Engine.Scan(from, to, order) {
		if err != nil {
			return err
		}
		n, same := 0, false
		for n < len(overlay) && !same {
			c := bytes.Compare(overlay[n].key, e.Key)
			if order == Descending {
				c = -c
			}
			if c > 0 {
				break
			}
			same = c == 0
			n++
		}
		if more, err := t.visitOverlay(overlay[:n], visit); err != nil || !more {
			return err
		}
		overlay = overlay[n:]
		if same {
			continue
		}
		if more, err := t.visitStored(e, visit); err != nil || !more {
			return err
		}
	}
	_, err := t.visitOverlay(overlay, visit)
	return err
}

func (t *table[K, V]) visitOverlay(overlay []overlaid[V], visit func(row[V]) bool) (more bool, err error) {
	for _, o := range overlay {
		if !o.present {
			continue
		}
		key, err := t.schema.cacheKey(nil, o.key)
		if err != nil {
			return false, err
		}
		if !visit(row[V]{key: key, value: o.value, ts: o.ts}) {
			return false, nil
		}
	}
	return true, nil
}

func (t *table[K, V]) visitStored(e Entry, visit func(row[V]) bool) (more bool, err error) {
	key, err := t.schema.cacheKey(nil, e.Key)
	if err != nil {
		return false, &CorruptionError{Key: bytes.Clone(e.Key), Err: err}
	}
	t.engineKey = append(t.engineKey[:0], e.Key...)
	v, ts, err := t.decode(bytes.Clone(e.Value))
	if err != nil {
		return false, err
	}
	return visit(row[V]{key: key, value: v, ts: ts}), nil
}

// overlay returns the pending entries in a range of engine keys, in order.
func (t *table[K, V]) overlay(from, to []byte, order Order) []overlaid[V] {
	var found []overlaid[V]
	for _, slot := range t.pending {
		e := t.slab.at(slot)
		t.engineKey = t.schema.appendEngineKey(t.engineKey[:0], t.slab.key(e))
		if from != nil && bytes.Compare(t.engineKey, from) < 0 || to != nil && bytes.Compare(t.engineKey, to) >= 0 {
			continue
		}
		found = append(found, overlaid[V]{
			key: bytes.Clone(t.engineKey), value: e.value, ts: e.ts, present: e.state&present != 0,
		})
	}
	slices.SortFunc(found, func(x, y overlaid[V]) int {
		if order == Descending {
			x, y = y, x
		}
		return bytes.Compare(x.key, y.key)
	})
	return found
}
