package server

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeBytes is what one direction of a pipe holds before its writer waits, like the buffers of a socket.
const pipeBytes = 256 << 10

// pipe is one end of a connection in memory. Unlike net.Pipe it holds bytes on their way, so that neither side waits
// for each write to be read.
type pipe struct {
	in, out       *stream
	local, remote net.Addr
}

// newPipe makes both ends. The client's address is a.
func newPipe(a, b net.Addr) (client, server *pipe) {
	up, down := newStream(), newStream()
	return &pipe{in: down, out: up, local: a, remote: b}, &pipe{in: up, out: down, local: b, remote: a}
}

// Read takes bytes that the other end wrote.
func (p *pipe) Read(b []byte) (int, error) { return p.in.read(b) }

// Write hands bytes to the other end.
func (p *pipe) Write(b []byte) (int, error) { return p.out.write(b) }

// Close ends both directions. The other end reads what is on its way, then io.EOF.
func (p *pipe) Close() error {
	p.out.closeWrite()
	p.in.closeRead()
	return nil
}

// LocalAddr and RemoteAddr are the addresses of the ends.
func (p *pipe) LocalAddr() net.Addr { return p.local }

// RemoteAddr is the address of the other end.
func (p *pipe) RemoteAddr() net.Addr { return p.remote }

// SetDeadline sets both deadlines.
func (p *pipe) SetDeadline(t time.Time) error {
	p.in.readers.set(t)
	p.out.writers.set(t)
	return nil
}

// SetReadDeadline ends reads at t.
func (p *pipe) SetReadDeadline(t time.Time) error { p.in.readers.set(t); return nil }

// SetWriteDeadline ends writes at t.
func (p *pipe) SetWriteDeadline(t time.Time) error { p.out.writers.set(t); return nil }

// stream is one direction: a ring of bytes.
type stream struct {
	mu      sync.Mutex
	ring    []byte // guarded by mu; grows to pipeBytes, freed when empty for long
	at, n   int    // guarded by mu: first byte and number of bytes
	noMore  bool   // guarded by mu: the writer closed
	gone    bool   // guarded by mu: the reader closed
	readers waiters
	writers waiters
}

// waiters is one side of a stream: a condition and a deadline.
type waiters struct {
	mu    *sync.Mutex
	cond  *sync.Cond
	timer *time.Timer // guarded by mu
	past  bool        // guarded by mu: the deadline passed
}

func newStream() *stream {
	s := &stream{}
	s.readers = waiters{mu: &s.mu, cond: sync.NewCond(&s.mu)}
	s.writers = waiters{mu: &s.mu, cond: sync.NewCond(&s.mu)}
	return s
}

// set replaces the deadline; the zero time means none.
func (w *waiters) set(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	w.past = false
	if t.IsZero() {
		return
	}
	d := time.Until(t)
	if d <= 0 {
		w.past = true
		w.cond.Broadcast()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.timer == timer {
			w.past = true
			w.cond.Broadcast()
		}
	})
	w.timer = timer
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.gone:
			return 0, net.ErrClosed
		case s.readers.past:
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case s.n > 0:
			n := s.take(b)
			s.writers.cond.Signal()
			return n, nil
		case s.noMore:
			return 0, io.EOF
		}
		s.readers.cond.Wait()
	}
}

// take moves bytes out of the ring.
func (s *stream) take(b []byte) int {
	n := 0
	for n < len(b) && s.n > 0 {
		end := min(s.at+s.n, len(s.ring))
		m := copy(b[n:], s.ring[s.at:end])
		s.at = (s.at + m) % len(s.ring)
		s.n -= m
		n += m
	}
	if s.n == 0 {
		s.at = 0
	}
	return n
}

func (s *stream) write(b []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.noMore:
			return n, net.ErrClosed
		case s.gone:
			return n, io.ErrClosedPipe
		case s.writers.past:
			return n, os.ErrDeadlineExceeded
		case n == len(b):
			return n, nil
		case s.n < pipeBytes:
			n += s.give(b[n:])
			s.readers.cond.Signal()
			continue
		}
		s.writers.cond.Wait()
	}
}

// give moves bytes into the ring, which grows as far as it may.
func (s *stream) give(b []byte) int {
	if want := min(s.n+len(b), pipeBytes); want > len(s.ring) {
		size := max(len(s.ring), 4<<10)
		for size < want {
			size *= 2
		}
		grown := make([]byte, size)
		have := s.n
		s.take(grown)
		s.ring, s.at, s.n = grown, 0, have
	}
	n := 0
	for n < len(b) && s.n < len(s.ring) {
		from := (s.at + s.n) % len(s.ring)
		end := len(s.ring)
		if from < s.at {
			end = s.at
		}
		m := copy(s.ring[from:end], b[n:])
		s.n += m
		n += m
	}
	return n
}

func (s *stream) closeWrite() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noMore = true
	s.readers.cond.Broadcast()
	s.writers.cond.Broadcast()
}

func (s *stream) closeRead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.ring, s.at, s.n = nil, 0, 0
	s.readers.cond.Broadcast()
	s.writers.cond.Broadcast()
	for _, w := range []*waiters{&s.readers, &s.writers} {
		if w.timer != nil {
			w.timer.Stop()
		}
	}
}
