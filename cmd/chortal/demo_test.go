package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chortal/chortal/internal/ventas"
)

// The demo's totals, per product and per product and day, are those of a plain
// loop over the sample.
func TestDemoTotalsEqualTheFile(t *testing.T) {
	perDay, perProduct := loop(t)
	var out, errs bytes.Buffer
	s := &settings{terminal: terminal{out: &out, err: &errs}, quiet: true}
	d, err := s.demo(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	for w, want := range perDay {
		got := d.windows[w]
		if got.sales != want.sales || math.Abs(got.sum-want.sum) > 0.001 {
			t.Errorf("%s on %s: %d sales for %.2f, want %d for %.2f", w.product, time.UnixMilli(w.start).UTC().Format(time.DateOnly), got.sales, got.sum, want.sales, want.sum)
		}
	}
	if len(d.windows) != len(perDay) {
		t.Errorf("%d windows, want %d", len(d.windows), len(perDay))
	}
	printed := map[string]float64{}
	for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\n"), "\n") {
		product, text, _ := strings.Cut(line, " ")
		if _, decimals, _ := strings.Cut(text, "."); len(decimals) > 2 {
			t.Errorf("line %q has more than two decimals", line)
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		printed[product] = v
	}
	if fmt.Sprint(printed) != fmt.Sprint(perProduct) {
		t.Errorf("printed %v, want %v", printed, perProduct)
	}
	// Every broken line was named in the log, with its place.
	if n := strings.Count(errs.String(), "topic=ventas"); n < brokenLines(t) {
		t.Errorf("%d of %d broken lines were logged:\n%s", n, brokenLines(t), errs.String())
	}
}

func loop(t *testing.T) (perDay map[demoWindow]demoTotal, perProduct map[string]float64) {
	t.Helper()
	lines, err := sampleLines()
	if err != nil {
		t.Fatal(err)
	}
	perDay, perProduct = map[demoWindow]demoTotal{}, map[string]float64{}
	for _, line := range lines {
		var v ventas.Sale
		if json.Unmarshal(line, &v) != nil {
			continue
		}
		day, err := time.Parse(time.DateOnly, v.Dia)
		if err != nil {
			t.Fatal(err)
		}
		w := demoWindow{v.Que, day.UnixMilli()}
		perDay[w] = demoTotal{perDay[w].sum + v.Precio, perDay[w].sales + 1}
		perProduct[v.Que] += v.Precio
	}
	for p, v := range perProduct {
		perProduct[p] = math.Round(v*100) / 100
	}
	return perDay, perProduct
}

func brokenLines(t *testing.T) int {
	t.Helper()
	want, err := validSales()
	if err != nil {
		t.Fatal(err)
	}
	return ventas.SampleSales - want
}
