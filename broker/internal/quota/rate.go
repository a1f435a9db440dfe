package quota

import "math"

// window is what rates are measured over: so many samples of a length.
type window struct {
	samples  int
	lengthMs int64
}

// spanMs is the time after which a sample says nothing any more.
func (w window) spanMs() int64 {
	if int64(w.samples) > math.MaxInt64/w.lengthMs {
		return math.MaxInt64
	}
	return int64(w.samples) * w.lengthMs
}

// seconds is the time of n samples.
func (w window) seconds(n int) float64 { return float64(n) * float64(w.lengthMs) / 1000 }

// rate is what was recorded in a second on average. Its zero value has
// recorded nothing.
type rate struct {
	samples []sample // one more than the window has, so that an old one may overlap it
	current int
}

type sample struct {
	startMs, lastMs int64
	sum             float64
}

// record adds value, which may be negative to take back what was recorded.
func (r *rate) record(w window, value float64, nowMs int64) {
	r.begin(nowMs)
	if nowMs-r.samples[r.current].startMs >= w.lengthMs {
		r.advance(w, nowMs)
	}
	s := &r.samples[r.current]
	s.sum += value
	s.lastMs = nowMs
}

// begin makes the first sample.
func (r *rate) begin(nowMs int64) {
	if len(r.samples) == 0 {
		r.samples = append(r.samples, sample{startMs: nowMs, lastMs: nowMs})
	}
}

// advance begins a new sample, in the place of the oldest if all are taken.
func (r *rate) advance(w window, nowMs int64) {
	r.current++
	if r.current > w.samples {
		r.current = 0
	}
	if r.current == len(r.samples) {
		r.samples = append(r.samples, sample{})
	}
	r.samples[r.current] = sample{startMs: nowMs}
}

// measure returns the rate, and the time that it was measured over: at least
// all samples but the one that is not full.
func (r *rate) measure(w window, nowMs int64) (perSecond float64, overMs int64) {
	r.begin(nowMs)
	oldest, sum := nowMs, 0.0
	for i := range r.samples {
		s := &r.samples[i]
		if nowMs-s.lastMs >= w.spanMs() {
			*s = sample{startMs: nowMs, lastMs: nowMs}
		}
		oldest = min(oldest, s.startMs)
		sum += s.sum
	}
	overMs = nowMs - oldest
	if full := overMs / w.lengthMs; full < int64(w.samples-1) {
		overMs += (int64(w.samples-1) - full) * w.lengthMs
	}
	overMs = max(overMs, 1)
	return sum / (float64(overMs) / 1000), overMs
}

// wait returns the time after which the rate is back at the limit if nothing
// more is recorded, 0 if it is not over it.
func (r *rate) wait(w window, limit float64, nowMs int64) (waitMs int64) {
	perSecond, overMs := r.measure(w, nowMs)
	if perSecond <= limit {
		return 0
	}
	return rounded((perSecond - limit) / limit * float64(overMs))
}

// idle tells whether a new rate would be the same.
func (r *rate) idle(w window, nowMs int64) bool {
	for i := range r.samples {
		if nowMs-r.samples[i].lastMs < w.spanMs() {
			return false
		}
	}
	return true
}

// maxWaitMs is the longest time that an answer can say.
const maxWaitMs = math.MaxInt32

// rounded is a time in whole milliseconds, as Java rounds.
func rounded(ms float64) int64 {
	if !(ms < maxWaitMs) { //nolint:staticcheck // not the same for what is no number
		return maxWaitMs
	}
	return int64(math.Floor(ms + 0.5))
}
