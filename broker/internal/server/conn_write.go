package server

import (
	"io"
	"net"
	"time"
)

// maxWrite is the most bytes of memory that go into one writev.
const maxWrite = 256 << 10

// maxCopied is the most bytes of pieces that are put together before they are written.
const maxCopied = 16 << 10

// enqueue puts a request at the end of the line, before its route is called.
func (c *Conn) enqueue(a *answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awake = true
	if c.tail == nil {
		c.head = a
	} else {
		c.tail.next = a
	}
	c.tail = a
	c.pending++
	if a.route.waits() {
		c.waiting++
	}
}

// answered notes that a is encoded, and starts a writer if nobody else will write it.
func (c *Conn) answered(a *answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a.ready = true
	c.pending--
	if a.route.waits() {
		c.waiting--
	}
	c.signal()
	if c.awake || c.writing || !c.head.ready {
		return
	}
	c.startWriter()
}

// startWriter makes a goroutine write what is ready. c.mu is held.
func (c *Conn) startWriter() {
	c.writing = true
	if c.ended {
		c.mu.Unlock()
		c.write() // frees the answers, nothing is sent
		c.mu.Lock()
		return
	}
	c.writers.Add(1)
	go func() {
		defer c.writers.Done()
		c.write()
	}()
}

// onlyPipelined tells whether nothing but Produce requests is on its way.
func (c *Conn) onlyPipelined() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tail == nil || c.tail.route.pipelined()
}

// sleep is called by the reader before it blocks: it writes what is ready, and from then on others do.
func (c *Conn) sleep() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return net.ErrClosed
	}
	if c.writing || c.head == nil || !c.head.ready {
		c.awake = false
		c.mu.Unlock()
		return nil
	}
	c.writing = true
	c.mu.Unlock()
	c.write()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awake = false
	if c.closed {
		return net.ErrClosed
	}
	if !c.writing && c.head != nil && c.head.ready {
		c.startWriter() // an answer came between the last look of write and the lock
	}
	return nil
}

// await sleeps until at most limit requests are not answered.
func (c *Conn) await(limit int) error {
	c.mu.Lock()
	if c.pending <= limit && (limit > 0 || c.head == nil) {
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	if err := c.sleep(); err != nil {
		return err
	}
	c.mu.Lock()
	if c.pending > limit && !c.closed {
		c.limit = limit
		c.mu.Unlock()
		<-c.wake
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	return nil
}

// write sends the answers at the head of the line until one is not ready. The caller has set c.writing.
func (c *Conn) write() {
	for {
		c.mu.Lock()
		c.batch = c.batch[:0]
		for c.head != nil && c.head.ready {
			c.batch = append(c.batch, c.head)
			if c.head = c.head.next; c.head == nil {
				c.tail = nil
			}
		}
		if len(c.batch) == 0 {
			c.writing = false
			c.phase.touch()
			c.mu.Unlock()
			return
		}
		closed := c.closed
		c.mu.Unlock()
		if !closed {
			if err := c.send(); err != nil {
				c.close()
			}
		}
		for i, a := range c.batch {
			if a.size > 0 {
				c.server.hooks.Answered(a.route.key, time.Since(a.read), a.given.Sub(a.read), a.size)
			}
			a.releaseAnswer()
			c.batch[i] = nil
		}
	}
}

// send writes the answers of c.batch: bytes in memory together, files one by one.
func (c *Conn) send() error {
	c.phase.set(&c.phase.writing)
	defer c.phase.clear(&c.phase.writing)
	defer c.unpin()
	held := 0
	for _, a := range c.batch {
		at := 0
		for _, cut := range a.cuts {
			held += c.gather(a.head.b[at:cut.at])
			at = cut.at
			if n, ok := c.gatherSlice(cut.slice); ok {
				held += n
			} else {
				if err := c.sendSlice(cut.slice); err != nil {
					return err
				}
				held = 0
			}
			if held >= maxWrite {
				if err := c.flush(); err != nil {
					return err
				}
				held = 0
			}
		}
		if a.head != nil {
			held += c.gather(a.head.b[at:])
		}
	}
	return c.flush()
}

// gatherSlice takes a slice whose bytes lie in memory into the next writev.
func (c *Conn) gatherSlice(s Slice) (n int, ok bool) {
	m, ok := s.(interface {
		Buffers(dst [][]byte) ([][]byte, bool)
	})
	if !ok {
		return 0, false
	}
	if c.segments, ok = m.Buffers(c.segments); !ok {
		return 0, false
	}
	c.pin(s.Len())
	return int(s.Len()), true
}

// pin counts memory of the tail cache that stays taken until the client has read it.
func (c *Conn) pin(n int64) {
	c.pinned.Add(n)
	c.server.pinned.Add(n)
}

func (c *Conn) unpin() { c.server.pinned.Add(-c.pinned.Swap(0)) }

// sendSlice writes a slice from its file, after what was gathered.
func (c *Conn) sendSlice(s Slice) error {
	if err := c.flush(); err != nil {
		return err
	}
	c.phase.set(&c.phase.writing)
	n, err := s.WriteTo(c.nc)
	if err == nil && n != s.Len() {
		err = io.ErrShortWrite // the frame announced more: the client cannot go on
	}
	return err
}

func (c *Conn) gather(b []byte) int {
	if len(b) > 0 {
		c.segments = append(c.segments, b)
	}
	return len(b)
}

// flush writes what was gathered.
func (c *Conn) flush() error {
	if len(c.segments) == 0 {
		return nil
	}
	c.phase.set(&c.phase.writing)
	var err error
	switch n := sum(c.segments); {
	case c.out != nil && n <= maxCopied && len(c.segments) == 1:
		err = c.out.write(c.segments[0])
	case c.out != nil && n <= maxCopied:
		// A copy in the cache costs less than a writev of which the scheduler hears.
		buf := c.server.pool.get(n)
		buf.b = buf.b[:0]
		for _, b := range c.segments {
			buf.b = append(buf.b, b...)
		}
		err = c.out.write(buf.b)
		c.server.pool.put(buf)
	case len(c.segments) == 1:
		_, err = c.nc.Write(c.segments[0])
	default:
		c.sending = c.segments
		_, err = c.sending.WriteTo(c.nc)
	}
	clear(c.segments)
	c.segments = c.segments[:0]
	return err
}

func sum(pieces [][]byte) (n int) {
	for _, p := range pieces {
		n += len(p)
	}
	return n
}

// abandon frees the answers that nobody will write any more. Later ones free themselves.
func (c *Conn) abandon() {
	c.mu.Lock()
	c.awake = false
	if !c.writing && c.head != nil && c.head.ready {
		c.startWriter()
	}
	c.ended = true
	c.mu.Unlock()
	c.writers.Wait()
}
