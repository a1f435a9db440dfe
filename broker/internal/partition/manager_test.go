package partition_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
)

func TestTopicLife(t *testing.T) {
	fsys := fs.NewMem()
	b := open(t, memConfig(fsys))
	if b.Unclean() {
		t.Error("an empty log dir is not unclean")
	}
	spec := partition.Spec{Topic: "ventas", TopicID: [16]byte{1}, Config: partition.DefaultTopicConfig()}
	spec.Config.FileDeleteDelay = 0
	p, err := b.Create(spec)
	must(t, err)
	produce(t, p, "old")
	again, err := b.Create(spec)
	must(t, err)
	if again != p {
		t.Error("creating twice makes two")
	}
	if _, err := b.Get("ventas", 1); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Error(err)
	}
	must(t, b.Delete("ventas", 0))
	must(t, b.Delete("ventas", 0))
	if _, err := b.Get("ventas", 0); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Error(err)
	}
	if _, err := p.Append(batch(t, recordbatch.Options{}, "x"), partition.AppendOptions{}, nil); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Error(err)
	}
	spec.TopicID = [16]byte{2}
	p, err = b.Create(spec)
	must(t, err)
	produce(t, p, "new")
	must(t, b.Close()) // as kill -9

	// The folder belongs to topic id 2: under id 3 the topic is another one.
	b = open(t, memConfig(fsys))
	if !b.Unclean() {
		t.Error("a kill went unnoticed")
	}
	p, err = b.Create(spec)
	must(t, err)
	if d := cmp.Diff([]string{"0:new"}, read(t, p, 0)); d != "" {
		t.Error(d)
	}
	must(t, b.stop())
	b = open(t, memConfig(fsys))
	if b.Unclean() {
		t.Error("a clean shutdown went unnoticed")
	}
	spec.TopicID = [16]byte{3}
	p, err = b.Create(spec)
	must(t, err)
	if got := read(t, p, 0); got != nil {
		t.Error(got)
	}
	b.create(t, "otra")
	must(t, b.stop())

	b = open(t, memConfig(fsys))
	_, err = b.Create(spec)
	must(t, err)
	must(t, b.DeleteStrays())
	if info := b.Dirs(); len(info) != 1 || len(info[0].Partitions) != 1 || info[0].Path != "/mem" {
		t.Errorf("%+v", info)
	}
	if _, err := fsys.Stat("otra-0"); err == nil {
		t.Error("a stray is still there")
	}
	for _, bad := range []string{"", "..", "a/b", "ñ"} {
		spec.Topic = bad
		if _, err := b.Create(spec); !errors.Is(err, kerr.InvalidTopicException) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestForeignLogDirIsRefused(t *testing.T) {
	fsys := fs.NewMem()
	b := open(t, memConfig(fsys))
	if _, err := partition.Open(memConfig(fsys)); !errors.Is(err, fs.ErrLocked) {
		t.Error(err)
	}
	must(t, b.stop())
	c := memConfig(fsys)
	c.NodeID = 2
	if _, err := partition.Open(c); err == nil {
		t.Error("opened as another node")
	}
	c = memConfig(fsys)
	c.ClusterID = "other"
	if _, err := partition.Open(c); err == nil {
		t.Error("opened as another cluster")
	}
	must(t, open(t, memConfig(fsys)).stop())
}

// TestRetention lets a topic shrink by size while it runs.
func TestRetention(t *testing.T) {
	fsys := fs.NewMem()
	c := memConfig(fsys)
	c.RetentionCheckInterval = time.Millisecond
	b := open(t, c)
	p := b.create(t, "ventas", func(c *partition.TopicConfig) { c.SegmentBytes, c.RetentionBytes = 500, 1000 })
	for i := range 50 {
		produce(t, p, fmt.Sprint(i))
	}
	waitFor(t, func() bool { return p.Size() < 2000 })
	first := p.LogStartOffset()
	if got := read(t, p, first); len(got) != int(50-first) || first == 0 {
		t.Fatalf("log start %d, %d records", first, len(got))
	}
	must(t, b.Close())
	b = open(t, memConfig(fsys))
	if p = b.create(t, "ventas"); p.LogStartOffset() < first {
		t.Fatalf("log start went back from %d to %d", first, p.LogStartOffset())
	}
}

// TestCrashEnumeration runs producers over a disk that may lose power before any operation, and looks at what would
// be left: every acknowledged record at its offset, nothing that readers saw undone, a retry recognised.
func TestCrashEnumeration(t *testing.T) {
	fsys := fs.NewCrashMem()
	rng := rand.New(rand.NewPCG(3, 4))
	var mu sync.Mutex
	var p *partition.Partition
	sent := map[int64]string{} // by offset, all that was tried
	acked := int64(0)          // everything below was acknowledged
	seen := int64(0)           // the high watermark that readers saw
	states, skip := 0, 0
	busy := atomic.Bool{}
	fsys.OnChange(func(what string) {
		mu.Lock()
		defer mu.Unlock()
		if p == nil || !busy.CompareAndSwap(false, true) {
			return
		}
		defer busy.Store(false)
		if skip++; skip%3 != 0 {
			return // a third of them keeps the test quick
		}
		for i, choose := range []func(int) int{func(int) int { return 0 }, func(n int) int { return n - 1 }, rng.IntN} {
			states++
			checkAfterCrash(t, fmt.Sprintf("before %s, outcome %d", what, i), fsys.Crash(choose), sent, max(acked, seen))
		}
	})
	c := memConfig(fsys)
	c.RecoveryPointInterval, c.HighWatermarkInterval = 2*time.Millisecond, time.Millisecond
	b := open(t, c)
	q := b.create(t, "ventas", func(c *partition.TopicConfig) { c.SegmentBytes, c.IndexInterval = 600, 100 })
	mu.Lock()
	p = q
	mu.Unlock()
	for i := range int32(40) {
		value := fmt.Sprint("value ", i)
		mu.Lock()
		sent[int64(i)] = value
		mu.Unlock()
		x := batch(t, recordbatch.Options{HasProducer: true, ProducerID: 7, BaseSequence: i}, value)
		_, err := q.AppendWait(t.Context(), x, partition.AppendOptions{Acks: -1})
		must(t, err)
		hw := q.HighWatermark()
		mu.Lock()
		acked, seen = int64(i)+1, hw
		mu.Unlock()
	}
	must(t, b.stop())
	mu.Lock()
	defer mu.Unlock()
	if states < 200 {
		t.Fatalf("only %d states", states)
	}
	t.Logf("%d states", states)
}

func checkAfterCrash(t *testing.T, place string, left *fs.Mem, sent map[int64]string, durable int64) {
	t.Helper()
	c := memConfig(left)
	m, err := partition.Open(c)
	if err != nil {
		t.Errorf("%s: %v", place, err)
		return
	}
	defer m.Close()
	config := partition.DefaultTopicConfig()
	config.SegmentBytes, config.IndexInterval = 600, 100
	p, err := m.Create(partition.Spec{Topic: "ventas", TopicID: [16]byte{1}, Config: config})
	if err != nil {
		t.Errorf("%s: %v", place, err)
		return
	}
	end := p.LogEndOffset()
	if end < durable {
		t.Errorf("%s: log ends at %d, %d were acknowledged or seen", place, end, durable)
		return
	}
	got := read(t, p, 0)
	for i := range end {
		if want := fmt.Sprintf("%d:%s", i, sent[i]); int(i) >= len(got) || got[i] != want {
			t.Errorf("%s: offset %d of %d is not %q", place, i, end, want)
			return
		}
	}
	for i := max(0, end-5); i < end; i++ {
		x := batch(t, recordbatch.Options{HasProducer: true, ProducerID: 7, BaseSequence: int32(i)}, sent[i])
		if a, err := p.Append(x, partition.AppendOptions{Acks: 1}, nil); err != nil || !a.Duplicate || a.BaseOffset != i {
			t.Errorf("%s: retry of sequence %d: %+v %v", place, i, a, err)
		}
	}
}

// TestDiskFails breaks the n-th sync or write: nothing that was not durable is acknowledged, the log dir goes
// offline, others do not wait for ever.
func TestDiskFails(t *testing.T) {
	failures := 0
	for _, kind := range []fs.Op{fs.OpSync, fs.OpWrite, fs.OpSyncDir} {
		for n := int64(3); n < 30; n += 4 {
			mem := fs.NewCrashMem()
			b := open(t, memConfig(fs.NewFaulty(mem, fs.FailNth(n, syscall.EIO, kind))))
			p, err := b.Create(partition.Spec{Topic: "ventas", TopicID: [16]byte{1}, Config: partition.DefaultTopicConfig()})
			if err != nil {
				continue
			}
			acked := int64(0)
			var failed error
			for range 30 {
				a, err := p.AppendWait(t.Context(), batch(t, recordbatch.Options{}, "x"), partition.AppendOptions{Acks: -1})
				if err != nil {
					failed = err
					break
				}
				acked = a.LastOffset + 1
			}
			if failed == nil {
				_ = b.stop()
				continue // so many operations there were not
			}
			failures++
			if !errors.Is(failed, kerr.KafkaStorageError) {
				t.Errorf("%s #%d: %v", kind, n, failed)
			}
			if _, err := b.Get("ventas", 0); !errors.Is(err, kerr.KafkaStorageError) {
				t.Errorf("%s #%d: offline partition: %v", kind, n, err)
			}
			if d := b.Dirs(); d[0].Err == nil {
				t.Errorf("%s #%d: the dir is not offline", kind, n)
			}
			_ = b.stop()
			m, err := partition.Open(memConfig(mem.Crash(func(int) int { return 0 })))
			must(t, err)
			if acked > 0 && !m.Unclean() {
				t.Errorf("%s #%d: a broken disk was shut down cleanly", kind, n)
			}
			p, err = m.Create(partition.Spec{Topic: "ventas", TopicID: [16]byte{1}, Config: partition.DefaultTopicConfig()})
			must(t, err)
			if p.LogEndOffset() < acked {
				t.Errorf("%s #%d: end %d, acked %d", kind, n, p.LogEndOffset(), acked)
			}
			must(t, m.Close())
		}
	}
	if failures < 10 {
		t.Errorf("only %d runs failed", failures)
	}
}

// TestFullDisk fills the disk and frees it again: produce fails with an error that clients retry, reads go on,
// nothing restarts.
func TestFullDisk(t *testing.T) {
	var full atomic.Bool
	fsys := fs.NewFaulty(fs.NewMem(), func(op fs.Op, _ string) error {
		if full.Load() && (op == fs.OpWrite || op == fs.OpCreate) {
			return syscall.ENOSPC
		}
		return nil
	})
	b := open(t, memConfig(fsys))
	p := b.create(t, "ventas")
	produce(t, p, "before")
	full.Store(true)
	_, err := p.Append(batch(t, recordbatch.Options{}, "lost"), partition.AppendOptions{Acks: -1}, nil)
	if !errors.Is(err, kerr.KafkaStorageError) {
		t.Fatal(err)
	}
	if _, err := b.Get("ventas", 0); err != nil {
		t.Fatal(err)
	}
	full.Store(false)
	produce(t, p, "after")
	if d := cmp.Diff([]string{"0:before", "1:after"}, read(t, p, 0)); d != "" {
		t.Fatal(d)
	}
}

// TestFullDiskAtCheckpoint has no room for snapshots of producers. The checkpoints that fail are made again, and the
// partition goes on meanwhile.
func TestFullDiskAtCheckpoint(t *testing.T) {
	var full atomic.Bool
	full.Store(true)
	refused := make(chan struct{}, 2)
	fsys := fs.NewFaulty(fs.NewMem(), func(op fs.Op, name string) error {
		if !full.Load() || !strings.Contains(name, ".snapshot") || op != fs.OpWrite && op != fs.OpCreate {
			return nil
		}
		select {
		case refused <- struct{}{}:
		default:
		}
		return syscall.ENOSPC
	})
	c := memConfig(fsys)
	c.RecoveryPointInterval = time.Millisecond
	b := open(t, c)
	p := b.create(t, "ventas")
	produce(t, p, "before")
	for range 2 { // the first one, and the one that was made again after it
		select {
		case <-refused:
		case <-time.After(time.Minute):
			t.Fatal("no checkpoint wrote a snapshot")
		}
	}
	produce(t, p, "meanwhile")
	full.Store(false)
	produce(t, p, "after")
	if d := cmp.Diff([]string{"0:before", "1:meanwhile", "2:after"}, read(t, p, 0)); d != "" {
		t.Fatal(d)
	}
}

// TestDamagedPartition flips a byte of a durable batch: that partition is offline, the others work, also after a restart.
func TestDamagedPartition(t *testing.T) {
	fsys := fs.NewMem()
	b := open(t, memConfig(fsys))
	p, sound := b.create(t, "ventas"), b.create(t, "otra")
	produce(t, p, "x")
	produce(t, sound, "x")
	must(t, b.stop())
	must(t, fsys.Remove(".kafka_cleanshutdown"))
	f, err := fsys.OpenReadWrite("ventas-0/00000000000000000000.log")
	must(t, err)
	_, err = f.WriteAt([]byte{0}, 50)
	must(t, err)
	for range 2 {
		b = open(t, memConfig(fsys))
		p, sound = b.create(t, "ventas"), b.create(t, "otra")
		_, err = p.Read(partition.ReadOptions{MaxBytes: 1000, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1})
		if !errors.Is(err, kerr.KafkaStorageError) {
			t.Fatal(err)
		}
		produce(t, sound, "y")
		if err := b.stop(); err == nil {
			t.Fatal("a damaged partition was shut down cleanly")
		}
	}
}

// TestManyProducers appends from many goroutines while others read: offsets are dense, each record is there once.
func TestManyProducers(t *testing.T) {
	disk, err := fs.NewOS(t.TempDir())
	must(t, err)
	b := open(t, memConfig(disk))
	const producers, each = 8, 25
	p := b.create(t, "ventas", func(c *partition.TopicConfig) { c.SegmentBytes = 5000 })
	var wg sync.WaitGroup
	for i := range producers {
		wg.Go(func() {
			for j := range each {
				produce(t, p, fmt.Sprint(i, "/", j))
			}
		})
	}
	stop := make(chan struct{})
	wg.Go(func() {
		for from := int64(0); from < producers*each; {
			r, err := p.Read(partition.ReadOptions{Offset: from, MaxBytes: 3000, AtLeastOne: true, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1})
			if err != nil {
				t.Error(err)
				return
			}
			if r.Slice == nil {
				f := newFetch(1)
				f.Watch(p, r.Mark, partition.ReadUncommitted)
				select {
				case <-f.woken:
				case <-stop:
				case <-time.After(20 * time.Second):
					t.Error("not woken")
				}
				f.Stop()
				continue
			}
			var data bytes.Buffer
			_, err = r.Slice.WriteTo(&data)
			r.Slice.Release()
			if err != nil {
				t.Error(err)
				return
			}
			for x, err := range recordbatch.Split(data.Bytes()) {
				if err != nil || recordbatch.CheckCRC(x) != nil || x.BaseOffset() != from {
					t.Errorf("%v at %d: %v", x, from, err)
					return
				}
				from = x.NextOffset()
			}
			if from > r.HighWatermark {
				t.Errorf("read up to %d, high watermark %d", from, r.HighWatermark)
			}
		}
	})
	wg.Wait()
	close(stop)
	seen := map[string]bool{}
	for _, v := range read(t, p, 0) {
		_, value, _ := bytes.Cut([]byte(v), []byte(":"))
		seen[string(value)] = true
	}
	if len(seen) != producers*each || p.LogEndOffset() != producers*each {
		t.Fatalf("%d records, end %d", len(seen), p.LogEndOffset())
	}
}
