package commitlog

import "sync"

// cacheChunk is the unit in which the tail cache holds memory.
const cacheChunk = 32 << 10

// Cache is the tail cache of many logs: what was appended last lies in memory as it is stored, in chunks from one
// budget. When the budget is used up the oldest chunk goes, whosever it is.
type Cache struct {
	budget int64

	mu   sync.Mutex
	used int64    // guarded by mu; bytes of all chunks, also of evicted ones that a reader still holds
	fifo []*chunk // guarded by mu; oldest first
	free []*chunk // guarded by mu
}

// NewCache makes a cache of at most budget bytes, nil (no cache) if that is less than a few chunks.
func NewCache(budget int64) *Cache {
	if budget < 4*cacheChunk {
		return nil
	}
	return &Cache{budget: budget}
}

// chunk is a piece of a segment's tail.
type chunk struct {
	data    [cacheChunk]byte
	owner   *tail // guarded by Cache.mu; nil once evicted
	queued  bool  // guarded by Cache.mu; in fifo
	readers int   // guarded by Cache.mu; slices and the writer that use data
}

// tail is the cached end of one segment: the bytes from start to end of its file, chunk by chunk.
type tail struct {
	start, end int64    // guarded by Cache.mu
	chunks     []*chunk // guarded by Cache.mu
	pinned     []*chunk // the writer's, between reserve and commit
}

// append adds bytes that were just written at pos. Only one goroutine appends to a tail. A batch so long that the kernel
// sends it from the file is left out: the copy would cost more than a reader saves.
func (c *Cache) append(t *tail, pos int64, b []byte) {
	if c == nil || len(b) >= sendfileMin {
		return
	}
	chunks, skip, ok := c.reserve(t, pos, len(b))
	if !ok {
		return
	}
	end := pos + int64(len(b))
	for _, k := range chunks {
		n := copy(k.data[skip:], b)
		b, skip = b[n:], 0
	}
	c.commit(t, chunks, end)
}

// reserve pins the chunks that take n bytes at pos and gives where in the first one they begin.
func (c *Cache) reserve(t *tail, pos int64, n int) (pinned []*chunk, skip int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if int64(n) > c.budget/4 {
		c.dropLocked(t)
		return nil, 0, false
	}
	if len(t.chunks) == 0 || t.end != pos {
		c.dropLocked(t)
		t.start, t.end = pos, pos
	}
	for end := pos + int64(n); t.start+int64(len(t.chunks))*cacheChunk < end; {
		k := c.allocLocked()
		if k == nil {
			c.dropLocked(t)
			return nil, 0, false
		}
		if len(t.chunks) == 0 {
			// What was there before has been evicted while we made room.
			t.start, t.end = pos, pos
		}
		k.owner, k.queued = t, true
		t.chunks = append(t.chunks, k)
		c.fifo = append(c.fifo, k)
	}
	first := int((pos - t.start) / cacheChunk)
	if pos < t.start {
		// Our own older chunks were evicted beyond pos: begin again at the next append.
		c.dropLocked(t)
		return nil, 0, false
	}
	t.pinned = append(t.pinned[:0], t.chunks[first:]...)
	for _, k := range t.pinned {
		k.readers++
	}
	return t.pinned, int((pos - t.start) % cacheChunk), true
}

// commit lets readers see the bytes up to end, unless the chunks were evicted meanwhile.
func (c *Cache) commit(t *tail, pinned []*chunk, end int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := pinned[len(pinned)-1]
	if last.owner == t {
		t.end = end
	}
	for _, k := range pinned {
		c.unpinLocked(k)
	}
	clear(pinned)
}

// slice gives the bytes between two positions of the segment, or nil if not all of them are cached.
func (c *Cache) slice(t *tail, from, to int64) *memSlice {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(t.chunks) == 0 || from < t.start || to > t.end || from >= to {
		return nil
	}
	first, last := int((from-t.start)/cacheChunk), int((to-1-t.start)/cacheChunk)
	s := &memSlice{cache: c, chunks: append([]*chunk(nil), t.chunks[first:last+1]...), skip: int((from - t.start) % cacheChunk), length: to - from}
	for _, k := range s.chunks {
		k.readers++
	}
	return s
}

// forget drops a segment's tail, when the segment is cut or deleted.
func (c *Cache) forget(t *tail) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropLocked(t)
}

func (c *Cache) release(chunks []*chunk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range chunks {
		c.unpinLocked(k)
	}
}

// allocLocked takes a chunk, evicting the oldest ones as the budget asks; nil if all memory is held by readers.
func (c *Cache) allocLocked() *chunk {
	for c.used+cacheChunk > c.budget && len(c.free) == 0 && len(c.fifo) > 0 {
		c.evictOldestLocked()
	}
	if n := len(c.free); n > 0 {
		k := c.free[n-1]
		c.free = c.free[:n-1]
		return k
	}
	if c.used+cacheChunk > c.budget {
		return nil
	}
	c.used += cacheChunk
	return new(chunk)
}

func (c *Cache) evictOldestLocked() {
	k := c.fifo[0]
	c.fifo[0] = nil
	c.fifo = c.fifo[1:]
	k.queued = false
	if t := k.owner; t != nil {
		// The oldest chunk of all is the first of its tail.
		t.chunks[0] = nil
		t.chunks = t.chunks[1:]
		t.start += cacheChunk
		k.owner = nil
	}
	if k.readers == 0 {
		c.free = append(c.free, k)
	}
}

// dropLocked forgets a tail. Its chunks stay in the queue without an owner and come back when their turn is there.
func (c *Cache) dropLocked(t *tail) {
	for _, k := range t.chunks {
		k.owner = nil
	}
	t.chunks = nil
	t.start, t.end = 0, 0
}

func (c *Cache) unpinLocked(k *chunk) {
	k.readers--
	if k.readers == 0 && !k.queued {
		c.free = append(c.free, k)
	}
}

// Used is how many bytes the cache holds.
func (c *Cache) Used() int64 {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used
}
