package commitlog

import (
	"hash/maphash"
	"math/bits"
)

// OffsetMap holds the latest offset of every key of the part of a log that is cleaned. Keys are told apart by 128 bits
// of hash under a random seed. Its memory is one slice without pointers, made as large as a cleaning needs and no
// larger than the budget. It is used by one goroutine at a time.
type OffsetMap struct {
	budget int64
	load   float64
	seeds  [2]maphash.Seed
	slots  []slot
	count  int
	most   int
}

// slot is free if next is 0.
type slot struct {
	hash [2]uint64
	next int64 // offset + 1
}

const (
	slotBytes = 24
	minSlots  = 1 << 10
)

// NewOffsetMap makes a map that takes at most budget bytes and is filled at most to the load factor (0 to 1) of them:
// log.cleaner.dedupe.buffer.size and log.cleaner.io.buffer.load.factor.
func NewOffsetMap(budget int64, load float64) *OffsetMap {
	if load <= 0 || load >= 1 {
		load = 0.9
	}
	return &OffsetMap{budget: budget, load: load, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

// reset empties the map and makes room for as many keys, if the budget allows.
func (m *OffsetMap) reset(keys int64) {
	limit := max(m.budget/slotBytes, minSlots)
	want := int(min(max(2*min(keys, limit), minSlots), limit))
	if len(m.slots) < want || len(m.slots) > 8*want {
		m.slots = nil // before the new one is made
		m.slots = make([]slot, want)
	} else {
		clear(m.slots)
	}
	m.count, m.most = 0, int(float64(len(m.slots))*m.load)
}

// Shrink lets go of the memory.
func (m *OffsetMap) Shrink() { m.slots, m.count, m.most = nil, 0, 0 }

// find gives the key's slot, or the free one where it belongs.
func (m *OffsetMap) find(key []byte) (*slot, [2]uint64) {
	h := [2]uint64{maphash.Bytes(m.seeds[0], key), maphash.Bytes(m.seeds[1], key)}
	at, _ := bits.Mul64(h[0], uint64(len(m.slots)))
	i := int(at)
	for {
		s := &m.slots[i]
		if s.next == 0 || s.hash == h {
			return s, h
		}
		if i++; i == len(m.slots) {
			i = 0
		}
	}
}

// put notes an offset, which is larger than any before. It reports false if the map is full.
func (m *OffsetMap) put(key []byte, offset int64) bool {
	s, h := m.find(key)
	if s.next == 0 {
		if m.count >= m.most {
			return false
		}
		s.hash = h
		m.count++
	}
	s.next = offset + 1
	return true
}

// get is the key's latest offset, -1 if it is unknown.
func (m *OffsetMap) get(key []byte) int64 {
	s, _ := m.find(key)
	return s.next - 1
}
