package partition_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/partition"
)

// descriptors counts the open files of the process; -1 where the system does not tell.
func descriptors() int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(names)
}

// Partitions that nobody uses have neither goroutine nor open file: new ones, and those that lie there at the start.
// To look at them opens none.
func TestIdlePartitionsHoldNothing(t *testing.T) {
	f := func(n int, fsys fs.FS) {
		t.Helper()
		goroutines, files := runtime.NumGoroutine(), descriptors()
		check := func(when string, b *broker) {
			t.Helper()
			for i, p := range b.Partitions() {
				if n > 1000 && i%1000 > 0 { // to list a folder in memory takes as long as there are files in all
					continue
				}
				if e, ok := p.Extent(); !ok || e.End != 0 {
					t.Fatalf("%s: %v is %+v, %v", when, p.TopicPartition(), e, ok)
				}
			}
			if n <= 1000 && len(b.Dirs()[0].Partitions) != n {
				t.Errorf("%s: not all of %d partitions are shown", when, n)
			}
			if got := runtime.NumGoroutine() - goroutines; got > 50 {
				t.Errorf("%s: %d partitions have %d goroutines", when, n, got)
			}
			if got := descriptors() - files; got > 50 {
				t.Errorf("%s: %d partitions have %d open files", when, n, got)
			}
		}
		c := memConfig(fsys)
		b := open(t, c)
		for i := range n {
			_, err := b.Create(idleSpec(i))
			must(t, err)
		}
		check("new", b)
		must(t, b.stop())
		b = open(t, c)
		for i := range n {
			_, err := b.Create(idleSpec(i))
			must(t, err)
		}
		check("after a restart", b)
		must(t, b.stop())
	}
	f(10_000, fs.NewMem())
	disk, err := fs.NewOS(t.TempDir())
	must(t, err)
	f(100, disk)
}

func idleSpec(i int) partition.Spec {
	return partition.Spec{Topic: fmt.Sprintf("t%d", i/100), TopicID: [16]byte{1, byte(i / 100), byte(i / 25600)}, Index: int32(i % 100), Config: partition.DefaultTopicConfig()}
}
