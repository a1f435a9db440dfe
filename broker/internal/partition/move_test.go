package partition_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/internal/recordbatch"
)

// twoDirs are the log dirs /a and /b.
func twoDirs(a, b fs.FS) partition.Config {
	return partition.Config{Dirs: []partition.Dir{{Path: "/a", FS: a}, {Path: "/b", FS: b}}, NodeID: 1}
}

// small makes many segments of few records.
func small(c *partition.TopicConfig) {
	c.SegmentBytes, c.IndexInterval, c.FileDeleteDelay = 600, 100, 0
}

// lies lists the dirs in which a topic's partition 0 is, with a + where it is being moved to.
func (b *broker) lies(topic string) (in []string) {
	for _, d := range b.Dirs() {
		for _, p := range d.Partitions {
			switch {
			case p.TopicPartition.Topic != topic:
			case p.Future:
				in = append(in, d.Path+"+")
			default:
				in = append(in, d.Path)
			}
		}
	}
	return in
}

func (b *broker) wantIn(t testing.TB, topic, dir string) {
	t.Helper()
	waitFor(t, func() bool { return cmp.Equal(b.lies(topic), []string{dir}) })
}

var ventas = partition.TopicPartition{Topic: "ventas"}

// A partition is moved there and back while it is written and read.
func TestMove(t *testing.T) {
	disks := []fs.FS{fs.NewMem(), fs.NewMem()}
	b := open(t, twoDirs(disks[0], disks[1]))
	p := b.create(t, "ventas", small)
	for i := range 50 {
		produce(t, p, fmt.Sprint("value ", i))
	}
	_, err := p.DeleteRecordsBefore(7)
	must(t, err)
	open1 := batch(t, recordbatch.Options{HasProducer: true, Transactional: true, ProducerID: 9, BaseSequence: 0}, "in a transaction")
	appendTxn(t, p, open1)
	stable := p.LastStableOffset()

	var writing sync.WaitGroup
	var stop atomic.Bool
	n := int32(0)
	writing.Go(func() {
		for ; !stop.Load() && n < 5000; n++ {
			x := batch(t, recordbatch.Options{HasProducer: true, ProducerID: 7, BaseSequence: n}, fmt.Sprint("moving ", n))
			a, err := p.AppendWait(t.Context(), x, partition.AppendOptions{Acks: -1})
			if err != nil || a.BaseOffset != int64(51+n) {
				t.Errorf("append %d: %+v, %v", n, a, err)
				return
			}
		}
	})
	for i := range 6 {
		to := []string{"/b", "/a"}[i%2]
		must(t, b.Move(ventas, to))
		must(t, b.Move(ventas, to)) // twice is once
		for !cmp.Equal(b.lies("ventas"), []string{to}) {
			if got := read(t, p, 20); len(got) < 30 || got[0] != "20:value 20" {
				t.Fatalf("read %d records, the first is %q", len(got), got[0])
			}
		}
	}
	stop.Store(true)
	writing.Wait()
	if p.LogStartOffset() != 7 || p.LastStableOffset() != stable || p.LogEndOffset() != int64(51+n) {
		t.Errorf("start %d, stable %d, end %d", p.LogStartOffset(), p.LastStableOffset(), p.LogEndOffset())
	}
	must(t, b.Move(ventas, "/b"))
	b.wantIn(t, "ventas", "/b")
	want := read(t, p, 7)
	for _, how := range []string{"clean", "kill"} {
		if how == "clean" {
			must(t, b.stop())
		} else {
			must(t, b.Close())
		}
		b = open(t, twoDirs(disks[0], disks[1]))
		p = b.create(t, "ventas", small)
		b.wantIn(t, "ventas", "/b")
		if d := cmp.Diff(want, read(t, p, 7)); d != "" {
			t.Errorf("%s restart: %s", how, d)
		}
		if p.LogStartOffset() != 7 || p.LastStableOffset() != stable {
			t.Errorf("%s restart: start %d, stable %d", how, p.LogStartOffset(), p.LastStableOffset())
		}
	}
	last := n - 1
	x := batch(t, recordbatch.Options{HasProducer: true, ProducerID: 7, BaseSequence: last}, fmt.Sprint("moving ", last))
	if a, err := p.Append(x, partition.AppendOptions{Acks: 1}, nil); err != nil || !a.Duplicate {
		t.Errorf("a retry after the moves: %+v, %v", a, err)
	}
}

func TestMoveIsRefused(t *testing.T) {
	b := open(t, twoDirs(fs.NewMem(), fs.NewMem()))
	p := b.create(t, "ventas")
	produce(t, p, "x")
	f := func(topic, dir string, want error) {
		t.Helper()
		if err := b.Move(partition.TopicPartition{Topic: topic}, dir); !errors.Is(err, want) {
			t.Errorf("move %s to %s: %v", topic, dir, err)
		}
	}
	f("ventas", "/c", kerr.LogDirNotFound)
	f("ventas", "/b/", kerr.LogDirNotFound)
	f("nope", "/c", kerr.LogDirNotFound)
	f("ventas", "/a", nil)
	f("later", "/a", kerr.UnknownTopicOrPartition) // and is made there, though /b has fewer
	produce(t, b.create(t, "later"), "x")
	b.wantIn(t, "later", "/a")
	produce(t, b.create(t, "other"), "x")
	b.wantIn(t, "other", "/b")
}

// What is not moved when the broker ends is moved after its next start; what is deleted is not.
func TestMoveGoesOn(t *testing.T) {
	disks := []fs.FS{fs.NewMem(), fs.NewMem()}
	m, err := partition.Open(twoDirs(disks[0], disks[1]))
	must(t, err)
	b := &broker{Manager: m}
	p := b.create(t, "ventas", small)
	for i := range 20 {
		_, err := p.Append(batch(t, recordbatch.Options{}, fmt.Sprint(i)), partition.AppendOptions{Acks: 1}, nil)
		must(t, err)
	}
	must(t, disks[1].MkdirAll("ventas-0.0123456789abcdef-future")) // as a killed broker left it
	must(t, b.Move(ventas, "/b"))
	if d := cmp.Diff([]string{"/a", "/b+"}, b.lies("ventas")); d != "" { // nobody runs
		t.Error(d)
	}
	must(t, b.Close())
	b = open(t, twoDirs(disks[0], disks[1]))
	p = b.create(t, "ventas", small)
	b.wantIn(t, "ventas", "/b")
	if got := read(t, p, 0); len(got) != 20 {
		t.Errorf("%d records", len(got))
	}
	must(t, b.Move(ventas, "/a"))
	must(t, b.Delete("ventas", 0))
	waitFor(t, func() bool {
		for _, d := range disks {
			if has(d, ".", "-future") {
				return false
			}
		}
		return len(b.lies("ventas")) == 0
	})
}

// TestMoveCrash loses power before every operation of a move, on both disks at once: nothing is lost.
func TestMoveCrash(t *testing.T) {
	disks := [2]*fs.Mem{fs.NewCrashMem(), fs.NewCrashMem()}
	rng := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	var want []string
	states := 0
	busy := atomic.Bool{}
	for i := range disks {
		disks[i].OnChange(func(what string) {
			mu.Lock()
			defer mu.Unlock()
			if want == nil || !busy.CompareAndSwap(false, true) {
				return
			}
			defer busy.Store(false)
			for j, choose := range []func(int) int{func(int) int { return 0 }, func(n int) int { return n - 1 }, rng.IntN} {
				states++
				place := fmt.Sprintf("disk %d before %s, outcome %d", i, what, j)
				m, err := partition.Open(twoDirs(disks[0].Crash(choose), disks[1].Crash(choose)))
				if err != nil {
					t.Errorf("%s: %v", place, err)
					return
				}
				left := &broker{Manager: m}
				p := left.create(t, "ventas", small)
				must(t, left.DeleteStrays())
				if d := cmp.Diff(want, read(t, p, 5)); d != "" || p.LogStartOffset() != 5 {
					t.Errorf("%s: start %d, %s", place, p.LogStartOffset(), d)
				}
				must(t, left.Close())
			}
		})
	}
	b := open(t, twoDirs(disks[0], disks[1]))
	p := b.create(t, "ventas", small)
	for i := range 30 {
		produce(t, p, fmt.Sprint("value ", i))
	}
	_, err := p.DeleteRecordsBefore(5)
	must(t, err)
	got := read(t, p, 5)
	mu.Lock()
	want = got
	mu.Unlock()
	must(t, b.Move(ventas, "/b"))
	b.wantIn(t, "ventas", "/b")
	must(t, b.Move(ventas, "/a"))
	b.wantIn(t, "ventas", "/a")
	mu.Lock()
	want = nil
	mu.Unlock()
	must(t, b.stop())
	if states < 100 {
		t.Errorf("only %d states", states)
	}
	t.Logf("%d states", states)
}

// A full disk ends a move and nothing else.
func TestMoveToFullDisk(t *testing.T) {
	b := open(t, twoDirs(fs.NewMem(), fullDisk{fs.NewMem()}))
	p := b.create(t, "ventas", small)
	for i := range 20 {
		produce(t, p, fmt.Sprint(i))
	}
	must(t, b.Move(ventas, "/b"))
	b.wantIn(t, "ventas", "/a")
	produce(t, p, "goes on")
	if got := read(t, p, 0); len(got) != 21 {
		t.Errorf("%d records", len(got))
	}
}

// fullDisk has no room in the folders of moves.
type fullDisk struct{ fs.FS }

func (d fullDisk) OpenReadWrite(name string) (fs.File, error) {
	f, err := d.FS.OpenReadWrite(name)
	if err != nil {
		return nil, err
	}
	return fullFile{f}, nil
}

type fullFile struct{ fs.File }

func (fullFile) WriteAt([]byte, int64) (int, error) { return 0, errors.New("no space left on device") }
