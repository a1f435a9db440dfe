package quota

// bucket is a token bucket: so many tokens come in a second, up to what comes
// in all samples of the window. Who finds less than none has to wait. Its zero
// value is full.
type bucket struct {
	used   bool
	tokens float64
	lastMs int64
}

// refill adds what has come since the last call.
func (b *bucket) refill(w window, limit float64, nowMs int64) {
	burst := w.seconds(w.samples) * limit
	if !b.used {
		b.used, b.tokens = true, burst
	}
	b.tokens = min(burst, b.tokens+limit*float64(nowMs-b.lastMs)/1000)
	b.lastMs = nowMs
}

// take takes n tokens, whether they are there or not.
func (b *bucket) take(w window, limit, n float64, nowMs int64) {
	b.refill(w, limit, nowMs)
	b.tokens -= n
}

// wait returns the time after which no token is missing.
func (b *bucket) wait(w window, limit float64, nowMs int64) (waitMs int64) {
	b.refill(w, limit, nowMs)
	if b.tokens >= 0 {
		return 0
	}
	return rounded(-b.tokens / limit * 1000)
}

// idle tells whether a new bucket would be the same.
func (b *bucket) idle(w window, limit float64, nowMs int64) bool {
	b.refill(w, limit, nowMs)
	return b.tokens >= w.seconds(w.samples)*limit
}
