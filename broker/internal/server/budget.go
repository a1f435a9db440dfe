package server

import (
	"context"
	"sync"
)

// budget is a number of bytes that many connections share. Who finds too few left waits in line, so that a large
// request is not overtaken for ever by small ones.
type budget struct {
	mu    sync.Mutex
	total int64
	free  int64       // guarded by mu
	line  []*borrower // guarded by mu
}

type borrower struct {
	n     int64
	ready chan struct{}
}

func newBudget(total int64) *budget { return &budget{total: total, free: total} }

// clamp bounds a wish: a request larger than the whole budget gets all of it, and is then alone.
func (b *budget) clamp(n int64) int64 { return min(n, b.total) }

// try takes n bytes if nobody waits and they are there.
func (b *budget) try(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.line) > 0 || b.free < n {
		return false
	}
	b.free -= n
	return true
}

// take waits for n bytes, at most the whole budget.
func (b *budget) take(ctx context.Context, n int64) error {
	b.mu.Lock()
	if len(b.line) == 0 && b.free >= n {
		b.free -= n
		b.mu.Unlock()
		return nil
	}
	w := &borrower{n: n, ready: make(chan struct{})}
	b.line = append(b.line, w)
	b.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		b.leave(w)
		return ctx.Err()
	}
}

// leave takes w out of the line, or gives back what it just got.
func (b *budget) leave(w *borrower) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, other := range b.line {
		if other == w {
			b.line = append(b.line[:i], b.line[i+1:]...)
			b.grant()
			return
		}
	}
	b.free += w.n
	b.grant()
}

// give returns n bytes.
func (b *budget) give(n int64) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	b.free += n
	b.grant()
	b.mu.Unlock()
}

func (b *budget) grant() {
	for len(b.line) > 0 && b.line[0].n <= b.free {
		w := b.line[0]
		b.line = b.line[1:]
		b.free -= w.n
		close(w.ready)
	}
}
