package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMapping(t *testing.T) {
	for _, c := range []struct {
		line string
		want mapping
		ok   bool
	}{
		{"00400000-01a2b000 r-xp 00000000 fe:00 131      /usr/bin/chortal", mapping{0x400000, 0x1a2b000, false, "/usr/bin/chortal"}, true},
		{"7f00000000-7f00001000 rw-p 00000000 00:00 0 ", mapping{0x7f00000000, 0x7f00001000, true, ""}, true},
		{"01a2b000-01a2c000 r--p 00000000 fe:00 131 /a b/chortal (deleted)", mapping{0x1a2b000, 0x1a2c000, false, "/a b/chortal (deleted)"}, true},
		{"Anonymous:             0 kB", mapping{}, false},
		{"VmFlags: rd ex mr mw me sd", mapping{}, false},
		{"", mapping{}, false},
	} {
		got, ok := parseMapping(c.line)
		if ok != c.ok || !cmp.Equal(got, c.want, cmp.AllowUnexported(mapping{})) {
			t.Errorf("%q: %+v, %v", c.line, got, ok)
		}
	}
}

// The process goes on after its code was dropped: whatever runs is read again.
func TestReleaseCode(t *testing.T) {
	for range 3 {
		if err := releaseCode(); err != nil {
			t.Fatal(err)
		}
	}
}
