package commitlog

import (
	"hash/maphash"
	"math/bits"
)

// OffsetMap holds the latest offset of every key of the part of a log that is cleaned. Keys are told apart by 128 bits
// of hash under a random seed. Its memory is one slice without pointers, made as large as the keys need and no
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
	// firstSlots is where growth begins: a log of few keys finds its map in the processor's cache.
	firstSlots = 1 << 13
	growth     = 4
)

// NewOffsetMap makes a map that takes at most budget bytes and is filled at most to the load factor (0 to 1) of them:
// log.cleaner.dedupe.buffer.size and log.cleaner.io.buffer.load.factor. It begins small and grows.
func NewOffsetMap(budget int64, load float64) *OffsetMap {
	if load <= 0 || load >= 1 {
		load = 0.9
	}
	return &OffsetMap{budget: budget, load: load, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

// limit is the most slots: while the map grows to it, the one before, a quarter as large, is there too.
func (m *OffsetMap) limit() int {
	return max(int(m.budget/slotBytes*growth/(growth+1)), minSlots)
}

// reset empties the map.
func (m *OffsetMap) reset() {
	m.count = 0
	m.resize(min(firstSlots, m.limit()))
}

func (m *OffsetMap) resize(n int) {
	if len(m.slots) == n {
		clear(m.slots)
	} else {
		m.slots = make([]slot, n)
	}
	load := 0.5
	if n == m.limit() {
		load = m.load
	}
	m.most = int(float64(n) * load)
}

// grow makes room; it reports false if the budget is used up.
func (m *OffsetMap) grow() bool {
	n := min(len(m.slots)*growth, m.limit())
	if n == len(m.slots) {
		return false
	}
	old := m.slots
	m.resize(n)
	for i := range old {
		if old[i].next != 0 {
			*m.at(old[i].hash) = old[i]
		}
	}
	return true
}

// find gives the key's slot, or the free one where it belongs.
func (m *OffsetMap) find(key []byte) (*slot, [2]uint64) {
	h := [2]uint64{maphash.Bytes(m.seeds[0], key), maphash.Bytes(m.seeds[1], key)}
	return m.at(h), h
}

func (m *OffsetMap) at(h [2]uint64) *slot {
	first, _ := bits.Mul64(h[0], uint64(len(m.slots)))
	i := int(first)
	for {
		s := &m.slots[i]
		if s.next == 0 || s.hash == h {
			return s
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
			if !m.grow() {
				return false
			}
			s = m.at(h)
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
