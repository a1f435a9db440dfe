package commitlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chortal/chortal/broker/internal/commitlog"
	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/internal/recordbatch"
	"pgregory.net/rapid"
)

// row is a record as a test sees it.
type row struct {
	offset, timestamp int64
	key               string
	value             string // "-" is a tombstone
	control           bool
}

// rows reads the whole log.
func rows(t fataler, l *commitlog.Log) (list []row) {
	t.Helper()
	for b, err := range recordbatch.Split(contents(t, l, 1<<20)) {
		must(t, err)
		for r, err := range b.Records(0) {
			must(t, err)
			v := "-"
			if r.Value != nil {
				v = string(r.Value)
			}
			list = append(list, row{r.Offset, r.Timestamp, string(r.Key), v, b.IsControl()})
		}
	}
	return list
}

// keyed makes a batch of "key=value" records; "key=-" is a tombstone.
func keyed(t fataler, o recordbatch.Options, at int64, records ...string) recordbatch.Batch {
	t.Helper()
	b := recordbatch.NewBuilder(o)
	for i, r := range records {
		k, v, _ := strings.Cut(r, "=")
		value := []byte(v)
		if v == "-" {
			value = nil
		}
		b.Append(at+int64(i), []byte(k), value, recordbatch.Header{Key: "h", Value: []byte("w")})
	}
	out, err := b.Build()
	must(t, err)
	return bytes.Clone(out)
}

func appendAll(t fataler, l *commitlog.Log, batches ...recordbatch.Batch) {
	t.Helper()
	for _, b := range batches {
		_, err := l.Append(b, 0)
		must(t, err)
	}
}

// clean cleans all sealed segments from an offset on.
func clean(t fataler, l *commitlog.Log, from int64, change ...func(*commitlog.CleanOptions)) commitlog.Cleaned {
	t.Helper()
	_, err := l.Flush()
	must(t, err)
	d, err := l.Dirt(from, l.End(), 0, -1)
	must(t, err)
	o := commitlog.CleanOptions{From: from, UpTo: d.UpTo, DeleteRetention: time.Hour, Map: commitlog.NewOffsetMap(1<<20, 0.9)}
	for _, c := range change {
		c(&o)
	}
	done, err := l.Clean(context.Background(), o)
	must(t, err)
	return done
}

// roll begins a new segment, so that all before it may be cleaned.
func roll(t fataler, l *commitlog.Log) {
	t.Helper()
	c := small()
	c.SegmentBytes = 1
	l.Configure(c)
	appendAll(t, l, keyed(t, recordbatch.Options{}, start, "roller=1"))
	c.SegmentBytes = 1000
	l.Configure(c)
}

func keysAndValues(list []row) (text []string) {
	for _, r := range list {
		if r.control {
			text = append(text, fmt.Sprintf("%d marker", r.offset))
		} else if r.key != "roller" {
			text = append(text, fmt.Sprintf("%d %s=%s", r.offset, r.key, r.value))
		}
	}
	return text
}

func expect(t *testing.T, l *commitlog.Log, want ...string) {
	t.Helper()
	if got := keysAndValues(rows(t, l)); !slices.Equal(got, want) {
		t.Errorf("log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCleanKeepsTheLatest(t *testing.T) {
	for _, codec := range []recordbatch.Codec{recordbatch.None, recordbatch.LZ4, recordbatch.Zstd, recordbatch.Gzip, recordbatch.Snappy} {
		o := options(disk(t), small())
		l, err := commitlog.Open(o)
		must(t, err)
		bo := recordbatch.Options{Codec: codec}
		whole := keyed(t, bo, start+20, "d=4", "e=5")
		appendAll(t, l, keyed(t, bo, start, "a=1", "b=1", "c=1"), keyed(t, bo, start+10, "a=2", "b=2"), whole, keyed(t, bo, start+30, "a=3"))
		roll(t, l)
		appendAll(t, l, keyed(t, bo, start+50, "b=9"))
		done := clean(t, l, 0)
		if done.Next != 8 || done.Into != 1 {
			t.Errorf("%+v", done)
		}
		expect(t, l, "2 c=1", "4 b=2", "5 d=4", "6 e=5", "7 a=3", "9 b=9")
		if !bytes.Contains(contents(t, l, 1<<20), whole[12:]) {
			t.Error("a batch that stays whole changed its bytes")
		}
		got := rows(t, l)
		if got[0].timestamp != start+2 || got[1].timestamp != start+11 {
			t.Errorf("times changed: %+v", got)
		}
		// The readers of offsets that are gone go on behind them.
		for from := range l.End() {
			s, _, err := l.Read(from, 1<<20, l.End(), true)
			must(t, err)
			if s == nil {
				t.Fatalf("nothing at %d", from)
			}
			s.Release()
		}
		must(t, l.Close())
		o.Start, o.RecoveryPoint, o.Clean = l.Start(), l.End(), true
		l, err = commitlog.Open(o)
		must(t, err)
		expect(t, l, "2 c=1", "4 b=2", "5 d=4", "6 e=5", "7 a=3", "9 b=9")
		must(t, l.Close())
	}
}

func TestTombstonesStayForTheirTime(t *testing.T) {
	now := time.UnixMilli(start)
	o := options(disk(t), small())
	o.Now = func() time.Time { return now }
	l, err := commitlog.Open(o)
	must(t, err)
	appendAll(t, l, keyed(t, recordbatch.Options{}, start, "a=1", "b=1"), keyed(t, recordbatch.Options{}, start+7, "a=-", "c=1"))
	roll(t, l)
	clean(t, l, 0)
	want := []string{"1 b=1", "2 a=-", "3 c=1"}
	expect(t, l, want...)
	if got := rows(t, l)[1]; got.timestamp != start+7 {
		t.Errorf("the delete horizon changed the time of a record to %d", got.timestamp)
	}
	now = now.Add(time.Hour - time.Millisecond)
	clean(t, l, 0)
	expect(t, l, want...)
	now = now.Add(2 * time.Millisecond)
	clean(t, l, 0)
	expect(t, l, "1 b=1", "3 c=1")
	must(t, l.Close())
}

func transaction(t fataler, l *commitlog.Log, id int64, kind recordbatch.ControlType, records ...string) {
	first := l.End()
	o := recordbatch.Options{HasProducer: true, ProducerID: id, Transactional: true}
	appendAll(t, l, keyed(t, o, start, records...))
	end(t, l, id, kind, first)
}

func end(t fataler, l *commitlog.Log, id int64, kind recordbatch.ControlType, first int64) {
	m := recordbatch.EndTxnMarker(kind, id, 0, 0, start)
	appendAll(t, l, m)
	if kind == recordbatch.Abort {
		must(t, l.AppendAborted(commitlog.AbortedTxn{ProducerID: id, FirstOffset: first, LastOffset: m.LastOffset(), LastStableOffset: l.End()}))
	}
}

func TestCleanTransactions(t *testing.T) {
	now := time.UnixMilli(start)
	o := options(disk(t), small())
	o.Now = func() time.Time { return now }
	l, err := commitlog.Open(o)
	must(t, err)
	appendAll(t, l, keyed(t, recordbatch.Options{}, start, "a=1", "b=1"))
	transaction(t, l, 7, recordbatch.Abort, "a=2", "x=2")  // 2, 3, marker 4
	transaction(t, l, 8, recordbatch.Commit, "b=2", "c=2") // 5, 6, marker 7
	transaction(t, l, 8, recordbatch.Commit, "c=3")        // 8, marker 9
	roll(t, l)
	producers := map[int64]commitlog.LastBatch{7: {Offset: 3}, 8: {Offset: 8}}
	with := func(c *commitlog.CleanOptions) { c.Producers = producers }
	clean(t, l, 0, with)
	// The aborted records are gone; the empty batch still tells 7's sequence, so its marker and the index entry stay.
	expect(t, l, "0 a=1", "4 marker", "5 b=2", "7 marker", "8 c=3", "9 marker")
	aborted, err := l.Aborted(0, l.End())
	must(t, err)
	if len(aborted) != 1 || aborted[0].LastOffset != 4 {
		t.Errorf("aborted: %+v", aborted)
	}
	producers = map[int64]commitlog.LastBatch{}
	clean(t, l, 0, with)
	expect(t, l, "0 a=1", "4 marker", "5 b=2", "7 marker", "8 c=3", "9 marker")
	clean(t, l, 0, with) // now the aborted transaction has no batch: its marker's time begins
	if aborted, err = l.Aborted(0, l.End()); err != nil || len(aborted) != 0 {
		t.Errorf("aborted: %+v %v", aborted, err)
	}
	now = now.Add(time.Hour + time.Millisecond)
	clean(t, l, 0, with)
	expect(t, l, "0 a=1", "5 b=2", "7 marker", "8 c=3", "9 marker")
	must(t, l.Close())
}

func TestSmallMapCleansInSteps(t *testing.T) {
	c := small()
	c.SegmentBytes = 20_000
	o := options(disk(t), c)
	l, err := commitlog.Open(o)
	must(t, err)
	for i := range 4000 {
		appendAll(t, l, keyed(t, recordbatch.Options{}, start, fmt.Sprintf("k%d=%d", i%2000, i)))
	}
	m := commitlog.NewOffsetMap(1, 0.9) // the least: 1,024 slots
	next, rounds := int64(0), 0
	for rounds = 0; rounds < 20; rounds++ {
		done := clean(t, l, next, func(c *commitlog.CleanOptions) { c.Map = m })
		if done.Next == next {
			break
		}
		next = done.Next
	}
	if rounds < 4 {
		t.Errorf("%d rounds", rounds)
	}
	seen := map[string]int{}
	for _, r := range rows(t, l) {
		if r.offset < next {
			seen[r.key]++
		}
	}
	for k, n := range seen {
		if n > 1 {
			t.Fatalf("%s is there %d times", k, n)
		}
	}
	must(t, l.Close())
}

func TestCleanRefusesDamage(t *testing.T) {
	fsys := disk(t)
	l, err := commitlog.Open(options(fsys, small()))
	must(t, err)
	appendAll(t, l, keyed(t, recordbatch.Options{}, start, "a=1"), keyed(t, recordbatch.Options{}, start, "a=2"))
	roll(t, l)
	_, err = l.Flush()
	must(t, err)
	f, err := fsys.OpenReadWrite(dir + "/00000000000000000000.log")
	must(t, err)
	_, err = f.WriteAt([]byte("!"), 70)
	must(t, err)
	_, err = l.Clean(context.Background(), commitlog.CleanOptions{UpTo: 2, Map: commitlog.NewOffsetMap(1<<16, 0.9)})
	if !errors.Is(err, commitlog.ErrCorrupt) {
		t.Error(err)
	}
	must(t, l.Close())
}

// crashStates is how many states an enumeration looks at: few in a plain go test, CHORTAL_CRASH_STATES in CI.
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

// TestCleanCrashEnumeration loses power before every operation of appends, flushes, cleanings, retention and
// DeleteRecords (B13): whatever survives, every record has its bytes of old, no aborted one is readable, nothing above
// the dirty point is missing, and the latest record of each key below it is there.
func TestCleanCrashEnumeration(t *testing.T) {
	for states, seed := 0, uint64(1); states < crashStates(t, 2000); seed++ {
		states += crashLife(t, seed)
	}
}

// crashLog is what is known of a log under power losses.
type crashLog struct {
	all      map[int64]row // every record ever appended
	aborted  map[int64]bool
	markers  map[int64]bool
	durable  int64
	point    int64
	cleaned  int64 // up to where gaps may be
	logStart int64
}

func crashLife(t *testing.T, seed uint64) (states int) {
	rng := rand.New(rand.NewPCG(seed, 7))
	fsys := disk(t)
	k := crashLog{all: map[int64]row{}, aborted: map[int64]bool{}, markers: map[int64]bool{}}
	choosers := []func(int) int{
		func(int) int { return 0 }, func(int) int { return 1 }, func(n int) int { return n - 1 },
		func(n int) int { return rng.IntN(n) }, func(n int) int { return rng.IntN(n) },
	}
	fsys.OnChange(func(what string) {
		for i, choose := range choosers {
			states++
			o := options(fsys.Crash(choose), small())
			o.RecoveryPoint, o.Start, o.Cleaned = k.point, k.logStart, k.cleaned
			for round := range 2 {
				k.verify(t, fmt.Sprintf("seed %d, before %s, outcome %d, round %d", seed, what, i, round), o)
			}
		}
	})
	now := time.UnixMilli(start)
	o := options(fsys, small())
	o.Now = func() time.Time { return now }
	l, err := commitlog.Open(o)
	must(t, err)
	for i := range 60 {
		k.append(t, l, rng, i)
		if i%7 == 6 {
			k.durable, err = l.Flush()
			must(t, err)
		}
		if i%15 == 14 {
			must(t, l.Checkpoint())
			k.durable, k.point = l.Durable(), l.Durable()
			d, err := l.Dirt(0, k.point, 0, -1)
			must(t, err)
			k.cleaned = max(k.cleaned, d.UpTo)
			now = now.Add(40 * time.Minute)
			_, err = l.Clean(context.Background(), commitlog.CleanOptions{
				From: 0, UpTo: d.UpTo, DeleteRetention: time.Hour, Map: commitlog.NewOffsetMap(1<<16, 0.9),
			})
			must(t, err)
		}
		if i == 50 {
			must(t, l.DeleteBefore(k.durable/4))
			k.logStart = l.Start()
			must(t, l.Reap())
			now = now.Add(2 * time.Minute)
			must(t, l.Reap())
		}
	}
	must(t, l.Close())
	return states
}

// append writes a batch, a tombstone or a transaction and notes it before it is on disk.
func (k *crashLog) append(t *testing.T, l *commitlog.Log, rng *rand.Rand, i int) {
	note := func(b recordbatch.Batch, aborted bool) {
		b.SetBaseOffset(l.End())
		for r, err := range b.Records(0) {
			must(t, err)
			v := "-"
			if r.Value != nil {
				v = string(r.Value)
			}
			k.all[r.Offset] = row{r.Offset, r.Timestamp, string(r.Key), v, b.IsControl()}
			k.aborted[r.Offset] = aborted
			k.markers[r.Offset] = b.IsControl()
		}
		appendAll(t, l, b)
	}
	var records []string
	for j := range 1 + rng.IntN(3) {
		value := fmt.Sprintf("%d.%d", i, j)
		if rng.IntN(6) == 0 {
			value = "-"
		}
		records = append(records, fmt.Sprintf("k%d=%s", rng.IntN(6), value))
	}
	if rng.IntN(4) > 0 {
		note(keyed(t, recordbatch.Options{}, start+int64(i), records...), false)
		return
	}
	kind, first := recordbatch.ControlType(rng.IntN(2)), l.End()
	o := recordbatch.Options{HasProducer: true, ProducerID: int64(rng.IntN(3)), Transactional: true}
	note(keyed(t, o, start+int64(i), records...), kind == recordbatch.Abort)
	note(recordbatch.EndTxnMarker(kind, o.ProducerID, 0, 0, start), false)
	if kind == recordbatch.Abort {
		must(t, l.AppendAborted(commitlog.AbortedTxn{ProducerID: o.ProducerID, FirstOffset: first, LastOffset: l.End() - 1, LastStableOffset: l.End()}))
	}
}

func (k *crashLog) verify(t *testing.T, place string, o commitlog.Options) {
	t.Helper()
	l, err := commitlog.Open(o)
	if err != nil {
		t.Fatalf("%s: %v", place, err)
	}
	defer l.CloseDirty()
	if l.End() < k.durable || l.Start() < k.logStart {
		t.Fatalf("%s: log is [%d, %d), durable was %d, start %d", place, l.Start(), l.End(), k.durable, k.logStart)
	}
	aborted, err := l.Aborted(l.Start(), l.End())
	must(t, err)
	got := map[int64]bool{}
	latest, found := map[string]int64{}, map[string]int64{}
	var prev int64 = -1
	data := contents(t, l, 1<<20)
	if !bytes.Equal(data, contents(t, l, 1)) {
		t.Fatalf("%s: batch by batch the log reads differently", place)
	}
	for b, err := range recordbatch.Split(data) {
		must(t, err)
		for r, err := range b.Records(0) {
			must(t, err)
			v := "-"
			if r.Value != nil {
				v = string(r.Value)
			}
			have := row{r.Offset, r.Timestamp, string(r.Key), v, b.IsControl()}
			if have != k.all[r.Offset] || r.Offset <= prev {
				t.Fatalf("%s: offset %d (after %d) is %+v, was %+v", place, r.Offset, prev, have, k.all[r.Offset])
			}
			prev, got[r.Offset] = r.Offset, true
			if k.aborted[r.Offset] && r.Offset < k.point && !covered(aborted, b.ProducerID(), r.Offset) {
				t.Fatalf("%s: the aborted record %d is readable", place, r.Offset)
			}
			if !b.IsControl() && !k.aborted[r.Offset] {
				found[have.key] = r.Offset
			}
		}
	}
	for offset := l.Start(); offset < l.End(); offset++ {
		r := k.all[offset]
		if offset >= k.cleaned && !got[offset] {
			t.Fatalf("%s: offset %d, above the dirty point %d, is gone", place, offset, k.cleaned)
		}
		if !r.control && !k.aborted[offset] {
			latest[r.key] = offset
		}
	}
	for key, offset := range latest {
		if found[key] != offset && k.all[offset].value != "-" {
			t.Fatalf("%s: the latest of %s is %d, found %d", place, key, offset, found[key])
		}
		if found[key] > offset {
			t.Fatalf("%s: %s is back at %d", place, key, found[key])
		}
	}
	for key, offset := range found {
		if offset < latest[key] && k.all[latest[key]].value == "-" && offset < k.cleaned && !got[latest[key]] {
			t.Fatalf("%s: the tombstone %d of %s went before record %d", place, latest[key], key, offset)
		}
	}
}

func covered(aborted []commitlog.AbortedTxn, id, offset int64) bool {
	return slices.ContainsFunc(aborted, func(a commitlog.AbortedTxn) bool {
		return a.ProducerID == id && a.FirstOffset <= offset && offset <= a.LastOffset
	})
}

// TestCleanModel cleans random logs in random steps: what is left is the latest of each key, in order.
func TestCleanModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := small()
		c.SegmentBytes = rapid.Int64Range(150, 3000).Draw(rt, "segment")
		o := options(disk(rt), c)
		l, err := commitlog.Open(o)
		must(rt, err)
		var all []row
		next := int64(0)
		m := commitlog.NewOffsetMap(1<<20, 0.9)
		for i := range rapid.IntRange(1, 80).Draw(rt, "steps") {
			switch rapid.IntRange(0, 12).Draw(rt, "step") {
			case 0:
				next = clean(rt, l, next, func(o *commitlog.CleanOptions) { o.Map = m }).Next
			case 1:
				must(rt, l.Close())
				o.Start, o.RecoveryPoint, o.Cleaned, o.Clean = l.Start(), l.End(), next, rapid.Bool().Draw(rt, "clean")
				l, err = commitlog.Open(o)
				must(rt, err)
			default:
				b := keyed(rt, recordbatch.Options{Codec: recordbatch.Codec(rapid.IntRange(0, 4).Draw(rt, "codec"))}, start+int64(i),
					rapid.SliceOfN(rapid.StringMatching(`[a-e]=[0-9]{1,40}`), 1, 5).Draw(rt, "records")...)
				appendAll(rt, l, b)
				for r, err := range b.Records(0) {
					must(rt, err)
					all = append(all, row{r.Offset, r.Timestamp, string(r.Key), string(r.Value), false})
				}
			}
		}
		got := rows(rt, l)
		at := 0
		last := map[string]int64{}
		for _, r := range all {
			if r.offset < next {
				last[r.key] = r.offset
			}
		}
		for _, r := range all {
			if r.offset < next && last[r.key] != r.offset {
				continue
			}
			if at >= len(got) || got[at] != r {
				rt.Fatalf("record %+v is missing, log has %+v (clean up to %d)", r, got, next)
			}
			at++
		}
		if at != len(got) {
			rt.Fatalf("more than expected: %+v", got[at:])
		}
		must(rt, l.Close())
	})
}

func benchmarkClean(b *testing.B, valueBytes, keys int) {
	const total = 128 << 20
	fsys := fs.NewMem()
	must(b, fsys.MkdirAll(dir))
	c := commitlog.DefaultConfig()
	c.SegmentBytes = 32 << 20
	value := bytes.Repeat([]byte("v"), valueBytes)
	builder := recordbatch.NewBuilder(recordbatch.Options{})
	rng := rand.New(rand.NewPCG(1, 1))
	b.StopTimer()
	for range b.N {
		must(b, fsys.RemoveAll(dir))
		l, err := commitlog.Open(options(fsys, c))
		must(b, err)
		for l.Size() < total {
			builder.Reset(recordbatch.Options{})
			for builder.Size() < 64<<10 {
				builder.Append(start, fmt.Appendf(nil, "key-%012d", rng.IntN(keys)), value)
			}
			batch, err := builder.Build()
			must(b, err)
			_, err = l.Append(batch, 0)
			must(b, err)
		}
		_, err = l.Flush()
		must(b, err)
		d, err := l.Dirt(0, l.End(), 0, -1)
		must(b, err)
		b.SetBytes(d.DirtyBytes)
		b.StartTimer()
		_, err = l.Clean(context.Background(), commitlog.CleanOptions{UpTo: d.UpTo, Map: commitlog.NewOffsetMap(128<<20, 0.9)})
		b.StopTimer()
		must(b, err)
		must(b, l.Close())
	}
}

// BenchmarkClean counts the bytes of the log that is cleaned; each is read twice, to fill the map and to copy.
func BenchmarkClean(b *testing.B) {
	for _, size := range []int{100, 1000} {
		for _, keys := range []int{10_000, 1_000_000} {
			b.Run(fmt.Sprintf("value=%d/keys=%d", size, keys), func(b *testing.B) { benchmarkClean(b, size, keys) })
		}
	}
}

// TestKafkaReadsCleanedSegments has Kafka's own DumpLogSegments read what compaction writes. CHORTAL_KAFKA_LIB is the
// folder of Kafka's jars.
func TestKafkaReadsCleanedSegments(t *testing.T) {
	lib := os.Getenv("CHORTAL_KAFKA_LIB")
	if lib == "" {
		t.Skip("CHORTAL_KAFKA_LIB is not set")
	}
	root := t.TempDir()
	fsys, err := fs.NewOS(root)
	must(t, err)
	now := time.UnixMilli(start)
	o := options(fsys, small())
	o.Now = func() time.Time { return now }
	l, err := commitlog.Open(o)
	must(t, err)
	for i := range 30 {
		codec := recordbatch.Options{Codec: recordbatch.Codec(i % 5)}
		appendAll(t, l, keyed(t, codec, start+int64(i), fmt.Sprintf("a%d=%d", i%7, i), "b=-", fmt.Sprintf("c%d=%d", i, i)))
	}
	transaction(t, l, 7, recordbatch.Abort, "a1=x", "y=2")
	transaction(t, l, 8, recordbatch.Commit, "b=2", "c=2")
	transaction(t, l, 8, recordbatch.Abort, "b=2", "c=2")
	roll(t, l)
	last := func(c *commitlog.CleanOptions) { c.Producers = map[int64]commitlog.LastBatch{7: {Offset: 91}} }
	clean(t, l, 0, last)
	clean(t, l, 0, last)
	must(t, l.Close())
	names, err := fsys.List(dir)
	must(t, err)
	for suffix, check := range map[string]string{".log": "isvalid: true", ".index": "passed sanity check", ".timeindex": "passed sanity check", ".txnindex": "producerId: 7"} {
		var files []string
		for _, name := range names {
			if strings.HasSuffix(name, suffix) {
				files = append(files, root+"/"+dir+"/"+name)
			}
		}
		args := []string{"-cp", lib + "/*", "org.apache.kafka.tools.DumpLogSegments", "--deep-iteration", "--print-data-log", "--files", strings.Join(files, ",")}
		if check == "passed sanity check" {
			args = append(args, "--index-sanity-check")
		}
		out, err := exec.CommandContext(t.Context(), "java", args...).CombinedOutput()
		text := string(out)
		if err != nil || strings.Contains(text, "isvalid: false") || strings.Contains(text, "Found") || strings.Contains(text, "xception") ||
			!strings.Contains(text, check) {
			t.Errorf("%v: %v\n%s", files, err, text)
		}
		if testing.Verbose() {
			t.Logf("%v\n%s", files, text)
		}
	}
}
