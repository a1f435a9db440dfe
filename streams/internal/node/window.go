package node

import "math"

// Windows say in which windows a timestamp lies.
type Windows interface {
	// First returns the start of the first window of ts; ok is false if there is none.
	First(ts int64) (start int64, ok bool)
	// Next returns the start of the window behind the one that begins at start, if ts lies in it.
	Next(start, ts int64) (next int64, ok bool)
	// End returns the exclusive end of the window that begins at start.
	End(start int64) int64
	// Size is the length of a window in milliseconds, and Grace how long after its end it takes late records.
	Size() int64
	Grace() int64
}

// TimeWindows are windows of a fixed size that begin every Advance, aligned to the epoch.
type TimeWindows struct{ SizeMs, AdvanceMs, GraceMs int64 }

// First implements Windows.
func (w TimeWindows) First(ts int64) (int64, bool) {
	return max(0, ts-w.SizeMs+w.AdvanceMs) / w.AdvanceMs * w.AdvanceMs, true
}

// Next implements Windows.
func (w TimeWindows) Next(start, ts int64) (int64, bool) {
	next := start + w.AdvanceMs
	return next, next <= ts && next > start
}

// End implements Windows.
func (w TimeWindows) End(start int64) int64 {
	if end := start + w.SizeMs; end >= start {
		return end
	}
	return math.MaxInt64
}

// Size implements Windows.
func (w TimeWindows) Size() int64 { return w.SizeMs }

// Grace implements Windows.
func (w TimeWindows) Grace() int64 { return w.GraceMs }

// UnlimitedWindows is one window from StartMs on.
type UnlimitedWindows struct{ StartMs int64 }

// First implements Windows.
func (w UnlimitedWindows) First(ts int64) (int64, bool) { return w.StartMs, ts >= w.StartMs }

// Next implements Windows.
func (w UnlimitedWindows) Next(int64, int64) (int64, bool) { return 0, false }

// End implements Windows.
func (w UnlimitedWindows) End(int64) int64 { return math.MaxInt64 }

// Size implements Windows.
func (w UnlimitedWindows) Size() int64 { return math.MaxInt64 }

// Grace implements Windows.
func (w UnlimitedWindows) Grace() int64 { return 0 }
