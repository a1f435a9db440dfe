package broker

import (
	"testing"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/partition"
)

func TestSameBoot(t *testing.T) {
	a, b := partition.Dir{Path: "a", FS: fs.NewMem()}, partition.Dir{Path: "b", FS: fs.NewMem()}
	for i, c := range []struct {
		dirs []partition.Dir
		id   string
		want bool
	}{
		{nil, "1", false},
		{[]partition.Dir{a}, "1", false}, // the first start
		{[]partition.Dir{a}, "1", true},
		{[]partition.Dir{a}, "", false},
		{[]partition.Dir{a, b}, "1", false}, // b may come from another machine
		{[]partition.Dir{a, b}, "1", true},
		{[]partition.Dir{a, b}, "2", false},
		{[]partition.Dir{b}, "2", true},
	} {
		if got := sameBoot(c.dirs, c.id); got != c.want {
			t.Errorf("step %d: %v, want %v", i, got, c.want)
		}
	}
}
