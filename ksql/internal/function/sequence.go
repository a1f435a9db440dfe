package function

import "sync/atomic"

// newSequence returns growing numbers, which start at the clock's microseconds.
func newSequence(e Env) func() int64 {
	var next atomic.Int64
	next.Store(e.now().UnixMicro())
	return func() int64 { return next.Add(1) }
}
