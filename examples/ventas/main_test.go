package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
	"github.com/chortal/chortal/streams/streamstest"
)

// The topology over the whole sample must equal a plain loop over the file, on
// one partition and on four.
func TestTotalsOfTheSample(t *testing.T) {
	lines, want := sample(t)
	for _, partitions := range []int32{1, 4} {
		d, err := streamstest.New(topology(), streamstest.Config{
			Partitions:      map[string]int32{"ventas": partitions},
			Deserialization: streamstest.LogAndContinue,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		for i, line := range lines {
			if err := d.Pipe("ventas", int32(i)%partitions, processor.RawRecord{Value: []byte(line), Timestamp: int64(i)}); err != nil {
				t.Fatal(err)
			}
		}
		out := streamstest.NewOutput(d, "ventas-por-dia", streams.WindowedSerde(serde.String, 24*time.Hour), serde.JSON[Total]())
		results, err := out.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, r := range results {
			got[r.Key.Key+" "+time.UnixMilli(r.Key.Start).UTC().Format(time.DateOnly)] = show(r.Value)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%d partitions: %d windows, want %d", partitions, len(got), len(want))
			for _, k := range slices.Sorted(maps.Keys(want)) {
				if got[k] != want[k] {
					t.Fatalf("%s: %s, want %s", k, got[k], want[k])
				}
			}
		}
	}
}

// The golden file holds the first and last days of the sample.
func TestGoldenTotals(t *testing.T) {
	_, totals := sample(t)
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(totals)) {
		if strings.HasSuffix(k, "-01-01") || strings.HasSuffix(k, "-03-01") {
			fmt.Fprintf(&b, "%s %s\n", k, totals[k])
		}
	}
	want, err := os.ReadFile("testdata/totals.golden")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("totals are\n%swant\n%s", &b, want)
	}
}

// sample returns the lines of the file and, by a plain loop, what was sold of
// each product on each day.
func sample(t *testing.T) (lines []string, totals map[string]string) {
	t.Helper()
	f, err := os.Open("../../testdata/ventas.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sums := map[string]Total{}
	for scan := bufio.NewScanner(f); scan.Scan(); {
		lines = append(lines, scan.Text())
		var v Venta
		if json.Unmarshal(scan.Bytes(), &v) != nil {
			continue
		}
		k := v.Que + " " + v.Dia
		sums[k] = Total{N: sums[k].N + 1, Importe: sums[k].Importe + v.Precio}
	}
	totals = map[string]string{}
	for k, v := range sums {
		totals[k] = show(v)
	}
	return lines, totals
}

// show rounds to cents: partitions add up in another order than the loop.
func show(v Total) string { return fmt.Sprintf("%d %.2f", v.N, math.Round(v.Importe*100)/100) }
