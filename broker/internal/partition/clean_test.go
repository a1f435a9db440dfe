package partition_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/twmb/franz-go/pkg/kerr"
)

// keyed makes a batch of "key=value" records; "key=-" is a tombstone.
func keyed(t testing.TB, o recordbatch.Options, records ...string) recordbatch.Batch {
	t.Helper()
	b := recordbatch.NewBuilder(o)
	for i, r := range records {
		k, v, _ := strings.Cut(r, "=")
		value := []byte(v)
		if v == "-" {
			value = nil
		}
		b.Append(time.Now().UnixMilli()+int64(i), []byte(k), value)
	}
	out, err := b.Build()
	must(t, err)
	return bytes.Clone(out)
}

func put(t testing.TB, p *partition.Partition, b recordbatch.Batch) partition.Appended {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	a, err := p.AppendWait(ctx, b, partition.AppendOptions{Acks: -1, Origin: partition.Internal})
	must(t, err)
	return a
}

func compacted(c *partition.TopicConfig) {
	c.Compact, c.Delete = true, false
	c.SegmentBytes, c.IndexInterval, c.MinCleanableRatio = 500, 100, 0.1
}

func compactConfig(fsys fs.FS) partition.Config {
	c := memConfig(fsys)
	c.Cleaner.Backoff = time.Millisecond
	return c
}

func TestCompaction(t *testing.T) {
	fsys := fs.NewMem()
	b := open(t, compactConfig(fsys))
	p := b.create(t, "estado", compacted)
	producer := recordbatch.Options{HasProducer: true, ProducerID: 9}
	for i := range int32(5) {
		producer.BaseSequence = i
		put(t, p, keyed(t, producer, fmt.Sprintf("once=%d", i)))
	}
	for i := range 60 {
		put(t, p, keyed(t, recordbatch.Options{}, fmt.Sprintf("once=later%d", i), fmt.Sprintf("k%d=%d", i%3, i)))
	}
	size := p.Size()
	waitFor(t, func() bool { return len(read(t, p, 0)) < 20 })
	if p.Size() >= size {
		t.Errorf("%d bytes, %d before", p.Size(), size)
	}
	check := func(p *partition.Partition) {
		t.Helper()
		got := read(t, p, 0)
		if last := got[len(got)-2:]; !slices.Equal(last, []string{"123:later59", "124:59"}) {
			t.Errorf("the log ends with %v", last)
		}
		// The producer's last batch is known although its record is gone, and the next one fits.
		producer.BaseSequence = 4
		a, err := p.Append(keyed(t, producer, "once=4"), partition.AppendOptions{Acks: 1}, nil)
		if err != nil || !a.Duplicate || a.BaseOffset != 4 {
			t.Errorf("retry: %+v %v", a, err)
		}
	}
	check(p)
	must(t, b.stop())
	text, err := fs.ReadFile(fsys, "cleaner-offset-checkpoint", 1<<20)
	must(t, err)
	if !strings.HasPrefix(string(text), "0\n1\nestado 0 ") {
		t.Errorf("cleaner-offset-checkpoint: %q", text)
	}

	// Without snapshots and checkpoints all is found in the log.
	names, err := fsys.List("estado-0")
	must(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, ".snapshot") {
			must(t, fsys.Remove("estado-0/"+name))
		}
	}
	b = open(t, compactConfig(fsys))
	p = b.create(t, "estado", compacted)
	check(p)
	must(t, b.Delete("estado", 0))
	must(t, b.stop())
}

func TestConfigureCleaner(t *testing.T) {
	c := compactConfig(fs.NewMem())
	c.Cleaner = partition.CleanerConfig{Disabled: true, Backoff: time.Hour}
	b := open(t, c)
	p := b.create(t, "estado", compacted)
	for i := range 40 {
		put(t, p, keyed(t, recordbatch.Options{}, fmt.Sprintf("k=%d", i)))
	}
	if n := len(read(t, p, 0)); n != 40 {
		t.Fatalf("%d records although the cleaner is off", n)
	}
	b.ConfigureCleaner(partition.CleanerConfig{Threads: 2, Backoff: time.Millisecond})
	waitFor(t, func() bool { return len(read(t, p, 0)) < 20 })
	must(t, b.stop())
}

// TestRecreatedTopicForgetsItsCheckpoints: what the files said of a deleted topic must not be taken for the new one.
func TestRecreatedTopicForgetsItsCheckpoints(t *testing.T) {
	for _, restart := range []bool{false, true} {
		fsys := fs.NewMem()
		b := open(t, memConfig(fsys))
		spec := partition.Spec{Topic: "ventas", TopicID: [16]byte{1}, Config: partition.DefaultTopicConfig()}
		p, err := b.Create(spec)
		must(t, err)
		for range 20 {
			produce(t, p, "old")
		}
		must(t, b.stop())
		b = open(t, memConfig(fsys))
		_, err = b.Create(spec)
		must(t, err)
		must(t, b.Delete("ventas", 0))
		if restart {
			must(t, b.Close())
			b = open(t, memConfig(fsys))
		}
		spec.TopicID = [16]byte{2}
		p, err = b.Create(spec)
		must(t, err)
		produce(t, p, "new")
		left := fsys
		must(t, b.Close()) // kill -9
		b = open(t, memConfig(left))
		p, err = b.Create(spec)
		must(t, err)
		if got := read(t, p, 0); !slices.Equal(got, []string{"0:new"}) {
			t.Errorf("restart %v: %v", restart, got)
		}
		must(t, b.stop())
	}
}

func TestFlushInterval(t *testing.T) {
	var mu sync.Mutex
	synced := map[string]time.Time{}
	fsys := fs.NewFaulty(fs.NewMem(), func(op fs.Op, name string) error {
		mu.Lock()
		defer mu.Unlock()
		if op == fs.OpSync {
			synced[name] = time.Now()
		}
		return nil
	})
	c := memConfig(fsys)
	c.Durability = partition.None
	b := open(t, c)
	p := b.create(t, "ventas", func(c *partition.TopicConfig) { c.FlushInterval = 30 * time.Millisecond })
	began := time.Now()
	put(t, p, keyed(t, recordbatch.Options{}, "k=1"))
	var at time.Time
	waitFor(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		at = synced["ventas-0/00000000000000000000.log"]
		return !at.IsZero()
	})
	if d := at.Sub(began); d < 30*time.Millisecond {
		t.Errorf("synced after %v", d)
	}
	must(t, b.stop())
}

func TestTimestampsOfEachRecord(t *testing.T) {
	b := open(t, memConfig(fs.NewMem()))
	now := time.Now().UnixMilli()
	build := recordbatch.NewBuilder(recordbatch.Options{})
	for _, ts := range []int64{now, now - 7_200_000, now + 60_000} {
		build.Append(ts, []byte("k"), []byte("v"))
	}
	x, err := build.Build()
	must(t, err)
	for _, full := range []bool{false, true} {
		p := b.create(t, fmt.Sprint("t", full), func(c *partition.TopicConfig) {
			c.TimestampBeforeMax, c.ValidateFull = time.Hour, full
		})
		_, err := p.Append(bytes.Clone(x), partition.AppendOptions{Acks: 1}, nil)
		var bad *partition.RecordErrors
		switch {
		case !full && err != nil:
			t.Error(err)
		case full && (!errors.As(err, &bad) || bad.Err != kerr.InvalidTimestamp || len(bad.Records) != 1 || bad.Records[0].Index != 1):
			t.Errorf("%v %+v", err, bad)
		}
	}
	must(t, b.stop())
}

func crashStates(t testing.TB, usual int) int {
	t.Helper()
	text := os.Getenv("CHORTAL_CRASH_STATES")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CHORTAL_CRASH_STATES=%q is no number of states", text)
	}
	return n
}

// TestCrashStates runs a whole broker's worth of logs (a compacted topic, one with retention, one that is created and
// deleted) over a disk that may lose power before any operation: appends, rolls, flushes, checkpoints, retention,
// DeleteRecords, compaction, topic creation and deletion. CHORTAL_CRASH_STATES says how many states are looked at.
func TestCrashStates(t *testing.T) {
	want := crashStates(t, 400)
	states, every := 0, 4
	if want < 2000 {
		every = 16 // a life has thousands of moments
	}
	for seed := uint64(1); states < want && !t.Failed(); seed++ {
		states += (&crashWorld{t: t, rng: rand.New(rand.NewPCG(seed, 5)), seed: seed, every: every}).life()
	}
	t.Logf("%d states", states)
}

// crashTopic is what the test knows of a topic; the metadata, so to say, and what was promised.
type crashTopic struct {
	spec  partition.Spec
	sent  map[int64]string // offset to "key=value", noted before the append
	acked int64            // all below was acknowledged
	start int64            // the log start that was durable
	part  *partition.Partition
}

type crashWorld struct {
	t    *testing.T
	rng  *rand.Rand
	seed uint64
	// every says which part of the operations is looked at.
	every int

	mu     sync.Mutex
	topics []*crashTopic
	states int
	ops    int
}

func (w *crashWorld) life() int {
	fsys := fs.NewCrashMem()
	fsys.OnChange(func(what string) { w.look(fsys, what) })
	c := w.config(fsys)
	c.RecoveryPointInterval, c.HighWatermarkInterval, c.RetentionCheckInterval = 5*time.Millisecond, 7*time.Millisecond, 6*time.Millisecond
	b := open(w.t, c)
	state := w.create(b, "estado", 1, compacted)
	ventas := w.create(b, "ventas", 1, func(c *partition.TopicConfig) {
		c.SegmentBytes, c.IndexInterval, c.RetentionBytes, c.FileDeleteDelay = 500, 100, 1500, 0
	})
	var temp *crashTopic
	for i := range 70 {
		w.put(state, fmt.Sprintf("k%d=%d", w.random(4), i))
		w.put(ventas, fmt.Sprintf("v=%d", i))
		switch i % 20 {
		case 3:
			temp = w.create(b, "temporal", byte(10+i), compacted)
		case 4, 5, 6, 7, 8, 9, 10, 11:
			w.put(temp, fmt.Sprintf("t%d=%d", i%2, i))
		case 15:
			w.forget(b, temp)
		case 17:
			low, err := ventas.part.DeleteRecordsBefore(ventas.acked - 3)
			must(w.t, err)
			w.mu.Lock()
			ventas.start = low
			w.mu.Unlock()
		}
	}
	must(w.t, b.stop())
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.states
}

func (w *crashWorld) config(fsys fs.FS) partition.Config { return compactConfig(fsys) }

func (w *crashWorld) random(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

// create makes a topic: from now on the metadata has it.
func (w *crashWorld) create(b *broker, name string, id byte, change func(*partition.TopicConfig)) *crashTopic {
	config := partition.DefaultTopicConfig()
	change(&config)
	x := &crashTopic{spec: partition.Spec{Topic: name, TopicID: [16]byte{id}, Config: config}, sent: map[int64]string{}}
	w.mu.Lock()
	w.topics = append(w.topics, x)
	w.mu.Unlock()
	var err error
	x.part, err = b.Create(x.spec)
	must(w.t, err)
	return x
}

// forget deletes a topic, which the metadata has forgotten before.
func (w *crashWorld) forget(b *broker, x *crashTopic) {
	w.mu.Lock()
	w.topics = slices.DeleteFunc(w.topics, func(o *crashTopic) bool { return o == x })
	w.mu.Unlock()
	must(w.t, b.Delete(x.spec.Topic, 0))
}

func (w *crashWorld) put(x *crashTopic, record string) {
	w.mu.Lock()
	offset := int64(len(x.sent))
	x.sent[offset] = record
	w.mu.Unlock()
	a := put(w.t, x.part, keyed(w.t, recordbatch.Options{HasProducer: true, ProducerID: 3, BaseSequence: int32(offset)}, record))
	if a.BaseOffset != offset {
		w.t.Errorf("record %d of %s went to %d", offset, x.spec.Topic, a.BaseOffset)
	}
	w.mu.Lock()
	x.acked = offset + 1
	w.mu.Unlock()
}

// look checks what a power loss would leave at this moment; every few operations, so that more lives are seen.
func (w *crashWorld) look(fsys *fs.Mem, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ops++; w.ops%w.every != int(w.seed)%w.every || w.t.Failed() {
		return
	}
	for i, choose := range []func(int) int{func(int) int { return 0 }, func(n int) int { return n - 1 }, w.rng.IntN} {
		w.states++
		w.verify(fmt.Sprintf("seed %d, before %s, outcome %d", w.seed, what, i), fsys.Crash(choose))
	}
}

func (w *crashWorld) verify(place string, left *fs.Mem) {
	t := w.t
	for round := range 2 {
		m, err := partition.Open(w.config(left))
		if err != nil {
			t.Errorf("%s, round %d: %v", place, round, err)
			return
		}
		for _, x := range w.topics {
			p, err := m.Create(x.spec)
			if err != nil {
				t.Errorf("%s, round %d: create %s: %v", place, round, x.spec.Topic, err)
				continue
			}
			x.verify(t, fmt.Sprintf("%s, round %d: %s", place, round, x.spec.Topic), p)
		}
		if err := m.DeleteStrays(); err != nil {
			t.Errorf("%s: %v", place, err)
		}
		must(t, m.Close())
	}
}

func (x *crashTopic) verify(t *testing.T, place string, p *partition.Partition) {
	t.Helper()
	first, end := p.LogStartOffset(), p.LogEndOffset()
	if end < x.acked || first < x.start {
		t.Errorf("%s: log is [%d, %d), acknowledged were %d, start %d", place, first, end, x.acked, x.start)
		return
	}
	got := map[int64]bool{}
	last := map[string]int64{}
	for _, r := range read(t, p, first) {
		text, value, _ := strings.Cut(r, ":")
		offset, err := strconv.ParseInt(text, 10, 64)
		must(t, err)
		key, want, _ := strings.Cut(x.sent[offset], "=")
		if value != want {
			t.Errorf("%s: offset %d is %q, was %q", place, offset, value, x.sent[offset])
			return
		}
		got[offset], last[key] = true, offset
	}
	for offset := first; offset < end; offset++ {
		key, _, _ := strings.Cut(x.sent[offset], "=")
		if !got[offset] && (!x.spec.Config.Compact || last[key] <= offset) {
			t.Errorf("%s: offset %d (%s) of [%d, %d) is gone", place, offset, x.sent[offset], first, end)
			return
		}
	}
	// The producer's last batch is known, however much of it is left.
	if end > first {
		b := keyed(t, recordbatch.Options{HasProducer: true, ProducerID: 3, BaseSequence: int32(end - 1)}, x.sent[end-1])
		if a, err := p.Append(b, partition.AppendOptions{Acks: 1}, nil); err != nil || !a.Duplicate || a.BaseOffset != end-1 {
			t.Errorf("%s: retry of %d: %+v %v", place, end-1, a, err)
		}
	}
}
