package node

import (
	"math"
	"slices"
	"testing"

	"github.com/chortal/chortal/streams/serde"
)

func TestWindowsOfATimestamp(t *testing.T) {
	f := func(w Windows, ts int64, want ...int64) {
		t.Helper()
		var got []int64
		for start, ok := w.First(ts); ok; start, ok = w.Next(start, ts) {
			got = append(got, start)
		}
		if !slices.Equal(got, want) {
			t.Errorf("windows of %d in %+v begin at %v, want %v", ts, w, got, want)
		}
	}
	tumbling := TimeWindows{SizeMs: 10, AdvanceMs: 10}
	f(tumbling, 0, 0)
	f(tumbling, 9, 0)
	f(tumbling, 10, 10)
	hopping := TimeWindows{SizeMs: 10, AdvanceMs: 3}
	f(hopping, 2, 0)
	f(hopping, 9, 0, 3, 6, 9)
	f(hopping, 10, 3, 6, 9)
	f(hopping, 12, 3, 6, 9, 12)
	f(TimeWindows{SizeMs: 10, AdvanceMs: 9}, 9, 0, 9)
	f(UnlimitedWindows{StartMs: 5}, 4)
	f(UnlimitedWindows{StartMs: 5}, 1000, 5)
}

func TestWindowEndDoesNotOverflow(t *testing.T) {
	w := TimeWindows{SizeMs: math.MaxInt64, AdvanceMs: 1}
	if got := w.End(10); got != math.MaxInt64 {
		t.Errorf("end is %d", got)
	}
}

func TestChangeBytes(t *testing.T) {
	s := ChangeSerde[string]{Value: serde.String}
	f := func(c Change[string], want string) {
		t.Helper()
		b, err := s.Append(nil, c)
		if err != nil || string(b) != want {
			t.Errorf("%+v is %x (%v), want %x", c, b, err, want)
		}
		back, err := s.Decode(b)
		if err != nil || back != c {
			t.Errorf("%x is %+v (%v), want %+v", b, back, err, c)
		}
	}
	f(Change[string]{Old: "a", HasOld: true}, "a\x00")
	f(Change[string]{New: "bc", HasNew: true}, "bc\x01")
	f(Change[string]{New: "bc", HasNew: true, Old: "a", HasOld: true}, "\x04bca\x02")
	if _, err := s.Append(nil, Change[string]{}); err == nil {
		t.Error("a change of nothing has bytes")
	}
}

func FuzzChange(f *testing.F) {
	f.Add([]byte("\x04bca\x02"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02"))
	s := ChangeSerde[string]{Value: serde.String}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := s.Decode(b)
		if err != nil {
			return
		}
		again, err := s.Append(nil, c)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := s.Decode(again); err != nil || back != c {
			t.Errorf("%x is %+v, %x is %+v (%v)", b, c, again, back, err)
		}
	})
}

func FuzzWindowedKey(f *testing.F) {
	f.Add([]byte("k\x00\x00\x00\x00\x00\x00\x00\x05"))
	s, session := TimeWindowedSerde[string]{Key: serde.String, Size: 10}, SessionWindowedSerde[string]{Key: serde.String}
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, err := s.Decode(b); err == nil {
			if again, err := s.Append(nil, w); err != nil || string(again) != string(b) {
				t.Errorf("%x became %x (%v)", b, again, err)
			}
		}
		if w, err := session.Decode(b); err == nil {
			if again, err := session.Append(nil, w); err != nil || string(again) != string(b) {
				t.Errorf("%x became %x (%v)", b, again, err)
			}
		}
	})
}
