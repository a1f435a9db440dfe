package broker

import (
	"math"
	"testing"
	"time"
)

func TestQuantilesOfLatencies(t *testing.T) {
	var l latency
	for i := range 1000 {
		l.observe(time.Duration(i+1) * time.Millisecond)
	}
	s := l.snapshot()
	if s.count != 1000 || s.sum != 500500*time.Millisecond {
		t.Errorf("%d, %v", s.count, s.sum)
	}
	for q, want := range map[float64]float64{0.5: 0.5, 0.95: 0.95, 0.99: 0.99} {
		if got := s.quantile(q); math.Abs(got-want) > want/4 {
			t.Errorf("quantile %v is %v s, want about %v", q, got, want)
		}
	}
}

func TestBoundsOfLatencies(t *testing.T) {
	f := func(d time.Duration, bucket int) {
		t.Helper()
		var l latency
		l.observe(d)
		if l.buckets[bucket].Load() != 1 {
			t.Errorf("%v is not in bucket %d", d, bucket)
		}
	}
	f(-time.Second, 0) // a clock that was set back
	f(0, 0)
	f(time.Microsecond, 0) // a bound belongs to its bucket
	f(time.Microsecond+1, 1)
	f(64*time.Microsecond, 6)
	f(64*time.Microsecond+1, 7)
	f(time.Hour, latencyBuckets-1)
}
