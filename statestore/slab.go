package statestore

import (
	"bytes"
	"hash/maphash"
	"unsafe"
)

// slab holds the cached entries of a store: fixed-size slots in chunks that never move, found by the hash of their key.
// If V has no pointers, nothing in it has, and the garbage collector does not look inside.
type slab[V any] struct {
	chunks [][]entry[V]
	free   []int32
	next   int32 // the first slot that was never used
	index  index
	seed   maphash.Seed
	long   longKeys
	last   int32 // the slot that was found last, or -1: a Put follows a Get of the same key
}

// entry is a cached value with its key. The dirty list is in the order of the last update.
type entry[V any] struct {
	value      V
	ts         int64
	key        [inlineKeyBytes]byte // the key, or, if it is longer, its number in longKeys
	keyLen     uint32
	extra      uint32 // estimated bytes outside the slot that the value refers to
	prev, next int32  // neighbours in the dirty list, -1 at its ends
	side       int32  // slot in table.sides while dirty, else -1
	state      entryState
}

type entryState uint8

const (
	inUse    entryState = 1 << iota // the slot holds an entry
	present                         // the key has a value; without it, it is deleted
	dirty                           // the last update was not sent downstream and to the changelog
	pending                         // the engine does not have the last update
	prepared                        // Prepare has added the last update to a batch
	touched                         // used since the evicting hand came by
)

// inlineKeyBytes is room for a key of 16 bytes and the start of a window.
const (
	inlineKeyBytes = 24
	slabChunkLen   = 1 << slabChunkLog
	slabChunkLog   = 9
)

func newSlab[V any]() slab[V] { return slab[V]{seed: maphash.MakeSeed(), last: -1} }

func (s *slab[V]) hash(key []byte) uint64 { return maphash.Bytes(s.seed, key) }

// at returns the entry of a slot.
func (s *slab[V]) at(slot int32) *entry[V] {
	return &s.chunks[slot>>slabChunkLog][slot&(slabChunkLen-1)]
}

// key returns the key of e. It is valid until the slot is freed.
func (s *slab[V]) key(e *entry[V]) []byte {
	if e.keyLen <= inlineKeyBytes {
		return e.key[:e.keyLen:e.keyLen]
	}
	return s.long.get(e.key[:])
}

// isLast says whether key is that of the slot that was found last.
func (s *slab[V]) isLast(key []byte) bool {
	if s.last < 0 {
		return false
	}
	e := s.at(s.last)
	return int(e.keyLen) == len(key) && bytes.Equal(s.key(e), key)
}

// find returns the slot of key, whose hash is h, or -1.
func (s *slab[V]) find(key []byte, h uint64) int32 {
	x := &s.index
	if len(x.cells) == 0 {
		return -1
	}
	t, mask := tag(h), uint32(len(x.cells)-1)
	for i := t & mask; ; i = (i + 1) & mask {
		cell := x.cells[i]
		if cell == 0 {
			return -1
		}
		if uint32(cell>>32) != t {
			continue
		}
		slot := int32(uint32(cell) - 1)
		e := s.at(slot)
		if int(e.keyLen) == len(key) && bytes.Equal(s.key(e), key) {
			s.last = slot
			return slot
		}
	}
}

// insert makes an entry for key, which has none.
func (s *slab[V]) insert(key []byte, h uint64) int32 {
	slot := s.slot()
	e := s.at(slot)
	e.keyLen, e.side, e.prev, e.next, e.state = uint32(len(key)), -1, -1, -1, inUse|touched
	if len(key) <= inlineKeyBytes {
		copy(e.key[:], key)
	} else {
		s.long.put(e.key[:], key)
	}
	s.index.add(tag(h), slot)
	s.last = slot
	return slot
}

func (s *slab[V]) slot() int32 {
	if n := len(s.free); n > 0 {
		slot := s.free[n-1]
		s.free = s.free[:n-1]
		return slot
	}
	if int(s.next)>>slabChunkLog == len(s.chunks) {
		s.chunks = append(s.chunks, make([]entry[V], slabChunkLen))
	}
	s.next++
	return s.next - 1
}

// remove frees a slot.
func (s *slab[V]) remove(slot int32) {
	e := s.at(slot)
	key := s.key(e)
	s.index.remove(tag(s.hash(key)), slot)
	if e.keyLen > inlineKeyBytes {
		s.long.remove(e.key[:])
	}
	*e = entry[V]{side: -1, prev: -1, next: -1}
	s.free = append(s.free, slot)
	if s.last == slot {
		s.last = -1
	}
}

// compact moves all entries to the front and gives the memory behind them back. Slots change: nobody may hold one.
func (s *slab[V]) compact() {
	fresh := slab[V]{seed: s.seed, last: -1}
	for slot := range s.next {
		e := s.at(slot)
		if e.state&inUse == 0 {
			continue
		}
		key := s.key(e)
		to := fresh.at(fresh.insert(key, s.hash(key)))
		to.value, to.ts, to.extra, to.state = e.value, e.ts, e.extra, e.state
	}
	fresh.last = -1
	*s = fresh
}

// len returns the number of entries.
func (s *slab[V]) len() int { return s.index.used }

// entryBytes is the memory of one slot and its share of the index.
func entryBytes[V any]() int64 { return int64(unsafe.Sizeof(entry[V]{})) + 16 }

// longKeys keeps the keys that do not fit into an entry.
type longKeys struct {
	keys [][]byte
	free []uint32
}

func (l *longKeys) put(ref, key []byte) {
	var n uint32
	if len(l.free) > 0 {
		n = l.free[len(l.free)-1]
		l.free = l.free[:len(l.free)-1]
	} else {
		n = uint32(len(l.keys))
		l.keys = append(l.keys, nil)
	}
	l.keys[n] = bytes.Clone(key)
	putRef(ref, n)
}

func (l *longKeys) get(ref []byte) []byte { return l.keys[getRef(ref)] }

func (l *longKeys) remove(ref []byte) {
	n := getRef(ref)
	l.keys[n] = nil
	l.free = append(l.free, n)
}

func putRef(b []byte, n uint32) {
	b[0], b[1], b[2], b[3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
}

func getRef(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}
