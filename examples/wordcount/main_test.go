package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chortal/chortal/streams/serde"
	"github.com/chortal/chortal/streams/streamstest"
)

func TestCountsOfWords(t *testing.T) {
	d, err := streamstest.New(topology(), streamstest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	in := streamstest.NewInput(d, "lines", serde.String, serde.String)
	for i, line := range []string{"Pan con pan", "comida de tontos", "", "al pan, pan; y al vino, vino"} {
		if err := in.Pipe("", line, int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	results, err := streamstest.NewOutput(d, "words", serde.String, serde.Int64).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "%s %d\n", r.Key, r.Value)
	}
	want, err := os.ReadFile("testdata/words.golden")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("words are\n%swant\n%s", &b, want)
	}
}
