package group

import (
	"container/heap"
	"time"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// timer is something due at a time. Sessions are prolonged far more often than they
// expire, so a later deadline leaves the timer where it is in the queue: it is put back
// when its turn comes.
type timer struct {
	deadline time.Time
	at       time.Time // place in the queue, never after deadline
	index    int       // in the queue; -1 outside
	fire     func(now time.Time, out *coordinator.Out)
}

func newTimer(fire func(time.Time, *coordinator.Out)) *timer { return &timer{index: -1, fire: fire} }

// timers is a queue of timers by time.
type timers struct{ heap timerHeap }

// set has t fire at deadline, and not at any time it was set to before.
func (q *timers) set(t *timer, deadline time.Time) {
	t.deadline = deadline
	switch {
	case t.index < 0:
		t.at = deadline
		heap.Push(&q.heap, t)
	case deadline.Before(t.at):
		t.at = deadline
		heap.Fix(&q.heap, t.index)
	}
}

func (q *timers) cancel(t *timer) {
	if t != nil && t.index >= 0 {
		heap.Remove(&q.heap, t.index)
	}
}

// expire fires all timers due at now, in order of time.
func (q *timers) expire(now time.Time, out *coordinator.Out) {
	for len(q.heap) > 0 && !q.heap[0].at.After(now) {
		t := q.heap[0]
		if t.deadline.After(now) {
			t.at = t.deadline
			heap.Fix(&q.heap, 0)
			continue
		}
		heap.Pop(&q.heap)
		t.fire(now, out)
	}
}

// next is when expire has something to do, or the zero time.
func (q *timers) next() time.Time {
	if len(q.heap) == 0 {
		return time.Time{}
	}
	return q.heap[0].at
}

type timerHeap []*timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = -1
	return t
}
