package main

import (
	"os"
	"path/filepath"
	"testing"
)

// recorded is where the recorded cases lie that this library must answer like Kafka Streams.
const recorded = "../../testdata/oracle"

func TestRecordedCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recorded, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded cases in %s (%v)", recorded, err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			cases, err := parseCases(b)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				a := answer(c)
				if why, is := a["unsupported"]; is {
					t.Errorf("%s: unsupported: %v", c.ID, why)
					continue
				}
				for _, d := range diff(c, a) {
					t.Errorf("%s: %s", c.ID, d)
				}
			}
		})
	}
}

// A comparison that finds nothing would make the test above worthless.
func TestDifferencesAreFound(t *testing.T) {
	c := &caseSpec{Expect: roundTrip(map[string]any{
		"describe": "a --> b, c", "steps": []any{[]any{map[string]any{"k": "x", "v": 1, "t": nil}}}, "dropped": 1, "error": nil,
	})}
	same := map[string]any{
		"describe": "a --> c, b", "steps": []any{[]any{map[string]any{"k": "x", "v": 1.0, "t": 7}}}, "dropped": 1, "error": nil,
	}
	if d := diff(c, same); len(d) > 0 {
		t.Errorf("equal answers differ: %v", d)
	}
	for aspect, v := range map[string]any{
		"describe": "a --> b", "steps": []any{[]any{map[string]any{"k": "x", "v": 2, "t": 7}}}, "dropped": 2, "error": "X",
	} {
		other := roundTrip(same)
		other[aspect] = v
		if d := diff(c, other); len(d) != 1 {
			t.Errorf("another %s: differences %v", aspect, d)
		}
	}
}
