package partition

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Mark is how far a read saw: waiting from it counts every byte that became visible since.
type Mark struct {
	visible    int64 // see Partition.appended
	generation uint32
	more       bool // the read ended before the visible end
}

// More reports whether the read left out something that is visible already: a fetch must not wait then.
func (m Mark) More() bool { return m.more }

// Waiter is one long-poll fetch over any number of partitions. Use: read all partitions; if too little came, make a
// Waiter, Watch each partition with the Mark of its read, and read again when wake is called or the time is up, after
// Stop.
type Waiter struct {
	missing atomic.Int64
	fired   atomic.Bool
	wake    func()

	mu      sync.Mutex
	watched []*watch // guarded by mu
	stopped bool     // guarded by mu
}

// watch is a waiter on one partition.
type watch struct {
	w    *Waiter
	p    *Partition
	iso  Isolation
	seen int64 // guarded by p.mu; visible bytes that were counted
}

// NewWaiter calls wake once when minBytes more have become visible on the watched partitions, or when something
// happened that the fetch must answer to (leadership, epoch, truncation, deletion). minBytes is what is still
// missing. wake is called at most once, from any goroutine, possibly inside Watch; it must not block.
func NewWaiter(minBytes int64, wake func()) *Waiter {
	w := &Waiter{wake: wake}
	w.missing.Store(minBytes)
	return w
}

// Watch adds a partition. What became visible since the mark counts at once, so nothing is missed between read and
// Watch.
func (w *Waiter) Watch(p *Partition, m Mark, iso Isolation) {
	n := &watch{w: w, p: p, iso: iso, seen: m.visible}
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return
	}
	w.watched = append(w.watched, n)
	w.mu.Unlock()

	p.mu.Lock()
	due := m.more || m.generation != p.generation || n.count()
	if !due {
		p.watches = append(p.watches, n)
	}
	p.mu.Unlock()
	if due {
		w.fire()
	}
}

// count takes what became visible since the last look; true if that is enough. p.mu is held.
func (n *watch) count() bool {
	visible := n.p.visible
	if n.iso == ReadCommitted {
		visible = n.p.stable
	}
	if visible == n.seen {
		return false
	}
	more := visible - n.seen
	n.seen = visible
	return n.w.missing.Add(-more) <= 0
}

func (w *Waiter) fire() {
	if w.fired.CompareAndSwap(false, true) {
		w.wake()
	}
}

// Stop leaves all partitions. After it wake is not called any more (a call under way may still end). It may be called
// several times.
func (w *Waiter) Stop() {
	w.fired.Store(true)
	w.mu.Lock()
	watched := w.watched
	w.watched, w.stopped = nil, true
	w.mu.Unlock()
	for _, n := range watched {
		n.p.unwatch(n)
	}
}

func (p *Partition) unwatch(n *watch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.watches, n); i >= 0 {
		last := len(p.watches) - 1
		p.watches[i] = p.watches[last]
		p.watches[last] = nil
		p.watches = p.watches[:last]
	}
}

// dueWatches gives the waiters that have waited long enough. mu is held; fire them after it is released.
func (p *Partition) dueWatches() (due []*Waiter) {
	for _, n := range p.watches {
		if n.count() {
			due = append(due, n.w)
		}
	}
	return due
}

// allWatches gives all waiters, because of something that each must answer to. mu is held.
func (p *Partition) allWatches() (due []*Waiter) {
	p.generation++
	for _, n := range p.watches {
		due = append(due, n.w)
	}
	return due
}

func fireAll(due []*Waiter) {
	for _, w := range due {
		w.fire()
	}
}
