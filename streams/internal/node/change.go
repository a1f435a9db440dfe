package node

import "github.com/chortal/chortal/streams/processor"

// Change is a record of a table: the new value of a key and, if somebody below asked for it, the old one.
type Change[V any] struct {
	New, Old       V
	HasNew, HasOld bool
	// Stale says that the update is older than what a versioned table holds.
	Stale bool
}

// Windowed is a key in a window.
type Windowed[K any] struct {
	Key K
	// Start and End of the window in milliseconds. The end is exclusive for time windows and inclusive for session windows.
	Start, End int64
}

// maybe returns v, or the zero value if it is not there.
func maybe[V any](v V, has bool) V {
	if has {
		return v
	}
	var zero V
	return zero
}

// noClose is the Close of processors that have nothing to close.
type noClose struct{}

func (noClose) Close() error { return nil }

// forward is a context and the record that a processor sends through it.
type forward[K, V any] struct {
	ctx *processor.Context[K, V]
	out processor.Record[K, V]
}

// send forwards key and value with the time and headers of the current record.
func (f *forward[K, V]) send(key K, value V, ts int64, h processor.Headers) error {
	f.out.Key, f.out.Value, f.out.Timestamp, f.out.Headers = key, value, ts, h
	f.out.KeyNull, f.out.ValueNull = false, false
	return f.ctx.Forward(&f.out)
}
