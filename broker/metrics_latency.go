package broker

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// latencyBuckets is how many powers of two of a microsecond have a bucket: up to 16 seconds, and one for what is longer.
const latencyBuckets = 26

// latency counts durations. Its buckets are finer than those that are shown, so that quantiles can be told from them.
type latency struct {
	buckets [latencyBuckets]atomic.Uint64
	nanos   atomic.Int64
}

func (l *latency) observe(d time.Duration) {
	n := max(d.Nanoseconds(), 1)
	l.buckets[min(bits.Len64(uint64(n-1)/1000), latencyBuckets-1)].Add(1)
	l.nanos.Add(n)
}

// latencySnapshot is a latency at one time.
type latencySnapshot struct {
	counts [latencyBuckets]uint64
	count  uint64
	sum    time.Duration
}

func (l *latency) snapshot() (s latencySnapshot) {
	s.sum = time.Duration(l.nanos.Load())
	for i := range l.buckets {
		s.counts[i] = l.buckets[i].Load()
		s.count += s.counts[i]
	}
	return s
}

// bound is the longest duration of a bucket, in seconds.
func bound(bucket int) float64 { return math.Ldexp(1e-6, bucket) }

// histogram shows every second bucket from 64 microseconds on.
func (s *latencySnapshot) histogram(d *prometheus.Desc, labels ...string) prometheus.Metric {
	shown := make(map[float64]uint64)
	below := uint64(0)
	for i := range latencyBuckets - 1 {
		if below += s.counts[i]; i >= 6 && i%2 == 0 {
			shown[bound(i)] = below
		}
	}
	return prometheus.MustNewConstHistogram(d, s.count, s.sum.Seconds(), shown, labels...)
}

// summary shows quantiles in milliseconds.
func (s *latencySnapshot) summary(d *prometheus.Desc, labels ...string) prometheus.Metric {
	quantiles := map[float64]float64{}
	for _, q := range []float64{0.5, 0.75, 0.95, 0.98, 0.99, 0.999} {
		quantiles[q] = 1e3 * s.quantile(q)
	}
	return prometheus.MustNewConstSummary(d, s.count, 1e3*s.sum.Seconds(), quantiles, labels...)
}

// quantile is about the duration in seconds that a part q of all did not exceed.
func (s *latencySnapshot) quantile(q float64) float64 {
	rank := q * float64(s.count)
	below := 0.0
	for i, n := range s.counts {
		if below += float64(n); n == 0 || below < rank {
			continue
		}
		lower := 0.0
		if i > 0 {
			lower = bound(i - 1)
		}
		return lower + (bound(i)-lower)*(1-(below-rank)/float64(n))
	}
	return 0
}
