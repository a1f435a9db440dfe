package quota

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The arithmetic is Kafka's, step by step.
func TestKafkaRates(t *testing.T) {
	f, err := os.Open("testdata/kafka-rates.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var w window
	var limit float64
	var r rate
	var b bucket
	steps := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		var seconds, at, over, wait int64
		var value, want float64
		verb, rest, _ := strings.Cut(line, " ")
		record := verb == "record"
		switch {
		case verb == "#":
			continue
		case verb == "rate" || verb == "bucket":
			scan(t, rest, "samples=%d window=%d limit=%g", &w.samples, &seconds, &limit)
			w.lengthMs, r, b = 1000*seconds, rate{}, bucket{}
			continue
		case strings.Contains(line, "over="):
			scan(t, rest, "at=%d value=%g -> %g over=%d wait=%d", &at, &value, &want, &over, &wait)
			if record {
				r.record(w, value, at)
			}
			got, gotOver := r.measure(w, at)
			if !near(got, want) || gotOver != over || r.wait(w, limit, at) != wait {
				t.Fatalf("%s: %v over %d, wait %d", line, got, gotOver, r.wait(w, limit, at))
			}
		default:
			scan(t, rest, "at=%d value=%g -> %g wait=%d", &at, &value, &want, &wait)
			if record {
				b.take(w, limit, value, at)
			}
			if got := b.wait(w, limit, at); got != wait || !near(b.tokens, want) {
				t.Fatalf("%s: %v, wait %d", line, b.tokens, got)
			}
		}
		steps++
	}
	if steps < 500 {
		t.Errorf("%d steps only", steps)
	}
}

func scan(t *testing.T, text, format string, into ...any) {
	t.Helper()
	if _, err := fmt.Sscanf(text, format, into...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// A client that waits as it is told uses no more than its limit and what one burst allows. Kafka's rates hold that only
// for requests that a window has room for: of a larger one they forgive what the window spans.
func TestObedientClientsStayWithinTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := window{samples: rapid.IntRange(2, 12).Draw(t, "samples"), lengthMs: rapid.Int64Range(100, 3000).Draw(t, "window")}
		limit := rapid.Float64Range(1, 1e6).Draw(t, "limit")
		tokens := rapid.Bool().Draw(t, "tokens")
		table := newTable[string](w, tokens)
		var nowMs int64
		used, largest := 0.0, 0.0
		for range rapid.IntRange(1, 60).Draw(t, "requests") {
			n := rapid.Float64Range(0, limit*w.seconds(1)).Draw(t, "n")
			if tokens {
				n *= 10
			}
			if tokens {
				if wait := table.take("c", limit, n, true, nowMs); wait > 0 {
					nowMs += wait
					continue
				}
				used += n
			} else {
				used += n
				nowMs += table.use("c", limit, n, nowMs)
			}
			largest = max(largest, n)
			nowMs += rapid.Int64Range(0, 2*w.lengthMs).Draw(t, "pause")
		}
		// What all samples have room for may come at once, and a request is let through whole.
		allowed := limit*float64(nowMs+2*w.spanMs())/1000 + largest
		if used > allowed*1.001 {
			t.Fatalf("used %v in %d ms, limit %v allows %v", used, nowMs, limit, allowed)
		}
	})
}

// What the measure of an idle client says, a new one would say: it can be dropped.
func TestIdleMeasuresSayNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := window{samples: rapid.IntRange(1, 12).Draw(t, "samples"), lengthMs: 1000}
		limit := rapid.Float64Range(1, 100).Draw(t, "limit")
		var r rate
		var b bucket
		var nowMs int64
		for range rapid.IntRange(1, 30).Draw(t, "records") {
			nowMs += rapid.Int64Range(0, 3000).Draw(t, "pause")
			n := rapid.Float64Range(0, 500).Draw(t, "n")
			r.record(w, n, nowMs)
			b.take(w, limit, n, nowMs)
		}
		nowMs += rapid.Int64Range(0, 20_000).Draw(t, "idle")
		n := rapid.Float64Range(0, 5000).Draw(t, "next")
		if r.idle(w, nowMs) {
			var fresh rate
			r.record(w, n, nowMs)
			fresh.record(w, n, nowMs)
			if r.wait(w, limit, nowMs) != fresh.wait(w, limit, nowMs) {
				t.Fatal("an idle rate is not as a new one")
			}
		}
		if b.idle(w, limit, nowMs) {
			var fresh bucket
			b.take(w, limit, n, nowMs)
			fresh.take(w, limit, n, nowMs)
			if b.wait(w, limit, nowMs) != fresh.wait(w, limit, nowMs) {
				t.Fatal("an idle bucket is not as a new one")
			}
		}
	})
}

// No time is longer than an answer can say.
func TestLongestWait(t *testing.T) {
	w := window{samples: 11, lengthMs: 1000}
	var r rate
	r.record(w, 1e18, 1)
	if got := r.wait(w, 1e-9, 1); got != math.MaxInt32 {
		t.Errorf("rate: %d", got)
	}
	var b bucket
	b.take(w, 1e-9, 1e18, 1)
	if got := b.wait(w, 1e-9, 1); got != math.MaxInt32 {
		t.Errorf("bucket: %d", got)
	}
}
