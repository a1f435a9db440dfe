package statestore

import "bytes"

// Flush implements Store.
func (t *table[K, V]) Flush() error {
	for t.dirtyHead >= 0 {
		if err := t.send(t.dirtyHead); err != nil {
			return err
		}
	}
	return nil
}

// send sends the change of a dirty entry: first to the changelog, then downstream, which may come back to other stores.
func (t *table[K, V]) send(slot int32) error {
	e := t.slab.at(slot)
	s, err := t.takeSide(slot, e)
	if err != nil {
		return err
	}
	has := e.state&present != 0
	if !has && !s.hasOld && t.cfg.OnChange != nil {
		return nil // put and deleted again: nobody saw it
	}
	c := Change[K, V]{New: e.value, HasNew: has, Timestamp: e.ts, Context: s.context}
	if t.cfg.Log != nil {
		if has {
			if err := t.encode(e.value, e.ts); err != nil {
				return err
			}
		}
		if err := t.log(e); err != nil {
			return err
		}
	}
	if t.cfg.OnChange == nil {
		return nil
	}
	if c.Key, err = t.schema.decodeKey(bytes.Clone(t.slab.key(e))); err != nil {
		return err
	}
	if t.cfg.OldValues {
		c.Old, c.HasOld = s.old, s.hasOld
	}
	return t.cfg.OnChange(c)
}

// markDirty puts an entry that is about to change at the end of the dirty list, and keeps its old value when it gets
// there.
func (t *table[K, V]) markDirty(slot int32, e *entry[V], known bool) {
	if e.state&dirty != 0 {
		t.unlink(slot, e)
	} else {
		e.side = t.newSide()
		s := &t.sides[e.side]
		s.known, s.hasOld = known, e.state&present != 0
		if s.hasOld {
			s.old = e.value
		}
		e.state |= dirty
		t.dirtyCount++
	}
	e.prev, e.next = t.dirtyTail, -1
	if t.dirtyTail >= 0 {
		t.slab.at(t.dirtyTail).next = slot
	} else {
		t.dirtyHead = slot
	}
	t.dirtyTail = slot
	if t.cfg.Context != nil {
		t.sides[e.side].context = t.cfg.Context()
	}
}

func (t *table[K, V]) unlink(slot int32, e *entry[V]) {
	if e.prev >= 0 {
		t.slab.at(e.prev).next = e.next
	} else {
		t.dirtyHead = e.next
	}
	if e.next >= 0 {
		t.slab.at(e.next).prev = e.prev
	} else {
		t.dirtyTail = e.prev
	}
}

func (t *table[K, V]) newSide() int32 {
	if n := len(t.freeSides); n > 0 {
		i := t.freeSides[n-1]
		t.freeSides = t.freeSides[:n-1]
		return i
	}
	t.sides = append(t.sides, side[V]{})
	return int32(len(t.sides) - 1)
}

// takeSide takes an entry off the dirty list and returns its side, with the old value looked up if that is needed.
func (t *table[K, V]) takeSide(slot int32, e *entry[V]) (side[V], error) {
	s := t.sides[e.side]
	if !s.known && e.state&present == 0 && t.cfg.OnChange != nil {
		t.engineKey = t.schema.appendEngineKey(t.engineKey[:0], t.slab.key(e))
		_, ok, err := t.cfg.Engine.Get(t.engineKey)
		if err != nil {
			return s, err
		}
		s.hasOld = ok
	}
	t.sides[e.side] = side[V]{}
	t.freeSides = append(t.freeSides, e.side)
	t.unlink(slot, e)
	e.side, e.prev, e.next = -1, -1, -1
	e.state &^= dirty
	t.dirtyCount--
	return s, nil
}

// Prepare implements Store.
func (t *table[K, V]) Prepare(b *Batch) error {
	for _, slot := range t.pending {
		e := t.slab.at(slot)
		if e.state&dirty != 0 {
			continue
		}
		t.engineKey = t.schema.appendEngineKey(t.engineKey[:0], t.slab.key(e))
		if e.state&present == 0 {
			b.Delete(t.engineKey)
		} else {
			if err := t.encode(e.value, e.ts); err != nil {
				return err
			}
			b.Put(t.engineKey, t.value)
			t.recharge(e)
		}
		e.state |= prepared
	}
	return nil
}

// recharge replaces the estimate of what e's value holds by the length of t.value.
func (t *table[K, V]) recharge(e *entry[V]) {
	if !t.indirect {
		return
	}
	extra := uint32(len(t.value))
	if e.keyLen > inlineKeyBytes {
		extra += e.keyLen + 24
	}
	t.cachedBytes += int64(extra) - int64(e.extra)
	e.extra = extra
}

// Applied implements Store.
func (t *table[K, V]) Applied() error {
	kept := t.pending[:0]
	for _, slot := range t.pending {
		e := t.slab.at(slot)
		switch {
		case e.state&prepared == 0:
			kept = append(kept, slot)
		case e.state&present == 0:
			t.remove(slot)
		default:
			e.state &^= pending | prepared
		}
	}
	t.pending = kept
	t.resumeSweep = 0
	if t.cachedBytes > t.cfg.MaxBytes {
		if err := t.evict(); err != nil {
			return err
		}
	}
	t.shrink()
	return nil
}

// shrink gives memory back if most slots are empty: a sweep has to look at all of them.
func (t *table[K, V]) shrink() {
	const fewSlots = 4 * slabChunkLen
	if len(t.pending) == 0 && t.dirtyCount == 0 && t.slab.next > fewSlots && 8*t.slab.len() < int(t.slab.next) {
		t.slab.compact()
		t.sweepHand = 0
	}
}

// Restore implements Store.
func (t *table[K, V]) Restore(b *Batch, r ChangelogRecord) (err error) {
	if t.key, err = t.schema.fromTopic(t.key[:0], r.Key); err != nil {
		return err
	}
	t.engineKey = t.schema.appendEngineKey(t.engineKey[:0], t.key)
	if r.Value == nil {
		b.Delete(t.engineKey)
		return nil
	}
	t.value = append(appendValueHeader(t.value[:0], r.Timestamp), r.Value...)
	b.Put(t.engineKey, t.value)
	t.noteInEngine(t.key)
	return nil
}

// evict makes room: entries that are in the engine go, those first that were not used for a while. If too many wait to be
// sent, all of them are, as Kafka Streams does; they stay in memory until the commit.
func (t *table[K, V]) evict() error {
	target := t.cfg.MaxBytes - t.cfg.MaxBytes/16
	if t.cachedBytes > t.resumeSweep && t.slab.len() > len(t.pending) {
		t.sweep(target)
	}
	if t.cachedBytes <= t.cfg.MaxBytes {
		return nil
	}
	t.resumeSweep = t.cachedBytes + t.cfg.MaxBytes/16
	const smallCache = 64 << 10 // one that holds a few entries behaves as Kafka's does
	if t.dirtyCount == 0 || t.cfg.MaxBytes > smallCache && int64(t.dirtyCount)*t.slotBytes < t.cfg.MaxBytes/8 {
		return nil
	}
	return t.Flush()
}

// sweep lets clean entries go until target is reached. Its hand goes round all slots at most twice.
func (t *table[K, V]) sweep(target int64) {
	for range 2 * int(t.slab.next) {
		if t.cachedBytes <= target {
			return
		}
		slot := t.sweepHand
		if t.sweepHand++; t.sweepHand >= t.slab.next {
			t.sweepHand = 0
		}
		e := t.slab.at(slot)
		switch {
		case e.state&inUse == 0 || e.state&(pending|dirty) != 0:
		case e.state&touched != 0:
			e.state &^= touched
		default:
			t.noteInEngine(t.slab.key(e))
			t.remove(slot)
		}
	}
}
