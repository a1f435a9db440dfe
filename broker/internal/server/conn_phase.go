package server

import (
	"sync/atomic"
	"time"
)

// phase says what a connection has been waiting for, and since when. The server's sweeper reads it, so that no
// connection needs a timer.
type phase struct {
	reading atomic.Int64 // unix nanoseconds: waiting for a request since, 0 if not
	frame   atomic.Int64 // waiting for the rest of a request since
	writing atomic.Int64 // waiting for the client to take an answer since
}

func (p *phase) set(which *atomic.Int64) { which.Store(time.Now().UnixNano()) }

// touch restarts the clock of an idle connection, after an answer.
func (p *phase) touch() {
	if old := p.reading.Load(); old != 0 {
		p.reading.CompareAndSwap(old, time.Now().UnixNano())
	}
}

func (p *phase) clear(which *atomic.Int64) { which.Store(0) }

// overdue names the limit that the connection broke, if it did.
func (p *phase) overdue(now time.Time, idle, frame, stall time.Duration) (reason string, ok bool) {
	over := func(since *atomic.Int64, limit time.Duration) bool {
		at := since.Load()
		return at != 0 && limit > 0 && now.UnixNano()-at > int64(limit)
	}
	switch {
	case over(&p.writing, stall):
		return "stalled", true
	case over(&p.frame, frame):
		return "slow_frame", true
	case over(&p.reading, idle):
		return "idle", true
	}
	return "", false
}

// stalledFor is how long the client has not taken any part of an answer.
func (p *phase) stalledFor(now time.Time) time.Duration {
	since := p.writing.Load()
	if since == 0 {
		return 0
	}
	return time.Duration(now.UnixNano() - since)
}
