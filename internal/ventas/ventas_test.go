package ventas_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/chortal/chortal/internal/ventas"
)

func TestSampleFileIsWhatTheGeneratorWrites(t *testing.T) {
	var want bytes.Buffer
	if err := ventas.WriteSample(&want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../testdata/ventas.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Fatal("testdata/ventas.jsonl differs from the generator: run `make generate`")
	}
}

func TestSampleHasLateAndBrokenLines(t *testing.T) {
	var b bytes.Buffer
	if err := ventas.WriteSample(&b); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(b.Bytes(), []byte("\n")), []byte("\n"))
	var broken, late int
	var last time.Time
	days := map[string]bool{}
	for _, line := range lines {
		var s ventas.Sale
		if json.Unmarshal(line, &s) != nil {
			broken++
			continue
		}
		if again := s.AppendJSON(nil); !bytes.Equal(again, line) {
			t.Fatalf("sale %s is written back as %s", line, again)
		}
		day, err := time.Parse(time.DateOnly, s.Dia)
		if err != nil {
			t.Fatal(err)
		}
		if gap := last.Sub(day); gap > 0 {
			late++
			if gap > 3*24*time.Hour {
				t.Errorf("sale %s is %v late, more than 3 days", line, gap)
			}
		}
		last = day
		days[s.Dia] = true
	}
	if len(lines) < 10_000 || broken < 4 || late < 100 || len(days) != ventas.SampleDays {
		t.Errorf("%d lines, %d broken, %d late, %d days", len(lines), broken, late, len(days))
	}
}
