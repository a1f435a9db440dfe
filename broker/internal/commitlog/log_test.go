package commitlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chortal/chortal/broker/internal/commitlog"
	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const dir = "ventas-0"

// fataler is a test or a check of rapid.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func must(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// small has segments of a few batches and an index entry for nearly each.
func small() commitlog.Config {
	c := commitlog.DefaultConfig()
	c.SegmentBytes, c.IndexInterval = 1000, 100
	return c
}

func options(fsys fs.FS, c commitlog.Config) commitlog.Options {
	return commitlog.Options{FS: fsys, Dir: dir, Config: c, MaxEpoch: -1, Cache: commitlog.NewCache(1 << 20)}
}

// start is the time of the first record in ms.
const start = int64(1_700_000_000_000)

// numbered makes a batch of n records with recognisable values.
func numbered(t fataler, n, number int) recordbatch.Batch {
	t.Helper()
	b := recordbatch.NewBuilder(recordbatch.Options{})
	for i := range n {
		b.Append(start+int64(number*10+i), nil, fmt.Appendf(nil, "record %d.%d %s", number, i, strings.Repeat("x", number%50)))
	}
	out, err := b.Build()
	must(t, err)
	return append(recordbatch.Batch(nil), out...)
}

// disk is a file system that can lose power, with the partition's folder on it for good.
func disk(t fataler) *fs.Mem {
	t.Helper()
	fsys := fs.NewCrashMem()
	must(t, fsys.MkdirAll(dir))
	must(t, fsys.SyncDir("."))
	return fsys
}

// contents reads the whole log through Read, in pieces of at most max bytes.
func contents(t fataler, l *commitlog.Log, max int32) (data []byte) {
	t.Helper()
	from := l.Start()
	for {
		s, more, err := l.Read(from, max, l.End(), true)
		must(t, err)
		if s == nil {
			if from < l.End() || more {
				t.Fatalf("nothing at offset %d of [%d, %d)", from, l.Start(), l.End())
			}
			return data
		}
		was := len(data)
		data, err = s.AppendTo(data)
		must(t, err)
		if int64(len(data)-was) != s.Len() {
			t.Fatalf("slice of %d bytes gave %d", s.Len(), len(data)-was)
		}
		if pieces, ok := s.Buffers(nil); ok && !bytes.Equal(bytes.Join(pieces, nil), data[was:]) {
			t.Fatal("pieces differ from the copy")
		}
		var sent bytes.Buffer
		_, err = s.WriteTo(&sent)
		must(t, err)
		if !bytes.Equal(sent.Bytes(), data[was:]) {
			t.Fatal("WriteTo differs from AppendTo")
		}
		s.Release()
		for b, err := range recordbatch.Split(data[was:]) {
			must(t, err)
			must(t, recordbatch.CheckCRC(b))
			from = b.NextOffset()
		}
	}
}

// TestTranscripts runs the stories in testdata/transcripts.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, file string) {
		s := &story{t: t, fsys: disk(t), now: time.UnixMilli(start)}
		datadriven.RunTest(t, file, s.run)
	})
}

// story is the state of a transcript.
type story struct {
	t      *testing.T
	fsys   *fs.Mem
	log    *commitlog.Log
	config commitlog.Config
	number int
	epoch  int32
	point  int64 // recovery point
	start  int64
	now    time.Time
}

func (s *story) run(t *testing.T, d *datadriven.TestData) string {
	var out strings.Builder
	if err := s.command(&out, d); err != nil {
		fmt.Fprintf(&out, "error: %v\n", err)
	}
	return out.String()
}

func (s *story) command(out *strings.Builder, d *datadriven.TestData) error {
	switch d.Cmd {
	case "open":
		return s.open(out, d, false)
	case "append":
		return s.append(out, d)
	case "flush":
		durable, err := s.log.Flush()
		fmt.Fprintf(out, "durable=%d\n", durable)
		return err
	case "checkpoint":
		err := s.log.Checkpoint()
		s.point, s.start = s.log.Durable(), s.log.Start()
		fmt.Fprintf(out, "recovery-point=%d\n", s.point)
		return err
	case "crash":
		return s.crash(out, d)
	case "restart":
		if err := s.log.Close(); err != nil {
			return err
		}
		s.point, s.start = s.log.Durable(), s.log.Start()
		return s.open(out, d, true)
	case "read":
		return s.read(out, d)
	case "files":
		return s.files(out)
	case "damage":
		return s.damage(d)
	case "remove":
		var file string
		d.ScanArgs(s.t, "file", &file)
		return s.fsys.Remove(path.Join(dir, file))
	case "retain":
		return s.retain(out, d)
	case "delete-before":
		var offset int64
		d.ScanArgs(s.t, "offset", &offset)
		err := s.log.DeleteBefore(offset)
		s.start = s.log.Start()
		fmt.Fprintf(out, "start=%d segments=%v\n", s.log.Start(), s.log.Segments())
		return err
	case "truncate":
		var to int64
		d.ScanArgs(s.t, "to", &to)
		err := s.log.Truncate(to)
		s.point = min(s.point, to)
		fmt.Fprintf(out, "end=%d segments=%v\n", s.log.End(), s.log.Segments())
		return err
	case "time":
		return s.time(out, d)
	case "epochs":
		return s.epochs(out, d)
	}
	s.t.Fatalf("unknown command %s", d.Cmd)
	return nil
}

func (s *story) open(out *strings.Builder, d *datadriven.TestData, clean bool) error {
	if s.config == (commitlog.Config{}) {
		s.config = small()
		d.MaybeScanArgs(s.t, "segment-bytes", &s.config.SegmentBytes)
	}
	o := options(s.fsys, s.config)
	o.RecoveryPoint, o.Start, o.Clean = s.point, s.start, clean
	o.Now = func() time.Time { return s.now }
	l, err := commitlog.Open(o)
	if err != nil {
		return err
	}
	s.log = l
	fmt.Fprintf(out, "start=%d end=%d truncated-bytes=%d\n", l.Start(), l.End(), l.TruncatedBytes())
	return nil
}

func (s *story) append(out *strings.Builder, d *datadriven.TestData) error {
	records, batches := 1, 1
	d.MaybeScanArgs(s.t, "records", &records)
	d.MaybeScanArgs(s.t, "batches", &batches)
	d.MaybeScanArgs(s.t, "epoch", &s.epoch)
	for range batches {
		s.number++
		a, err := s.log.Append(numbered(s.t, records, s.number), s.epoch)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "base=%d last=%d\n", a.BaseOffset, a.LastOffset)
	}
	return nil
}

func (s *story) crash(out *strings.Builder, d *datadriven.TestData) error {
	unsynced := map[string]int{"drop": 0, "keep": 1, "tear": 2}
	var how string
	d.ScanArgs(s.t, "unsynced", &how)
	s.fsys = s.fsys.Crash(func(n int) int { return min(unsynced[how], n-1) })
	return s.open(out, d, false)
}

func (s *story) read(out *strings.Builder, d *datadriven.TestData) error {
	var from int64
	maxBytes := int32(1 << 20)
	upTo := s.log.End()
	atLeastOne := d.HasArg("at-least-one")
	d.ScanArgs(s.t, "from", &from)
	d.MaybeScanArgs(s.t, "max-bytes", &maxBytes)
	d.MaybeScanArgs(s.t, "up-to", &upTo)
	slice, more, err := s.log.Read(from, maxBytes, upTo, atLeastOne)
	if err != nil {
		return err
	}
	if slice == nil {
		fmt.Fprintf(out, "nothing more=%v\n", more)
		return nil
	}
	defer slice.Release()
	data, err := slice.AppendTo(nil)
	if err != nil {
		return err
	}
	for b, err := range recordbatch.Split(data) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "[%d, %d] epoch %d\n", b.BaseOffset(), b.LastOffset(), b.LeaderEpoch())
	}
	fmt.Fprintf(out, "more=%v\n", more)
	return nil
}

func (s *story) files(out *strings.Builder) error {
	names, err := s.fsys.List(dir)
	for _, name := range names {
		info, serr := s.fsys.Stat(path.Join(dir, name))
		err = errors.Join(err, serr)
		fmt.Fprintf(out, "%s %d\n", name, info.Size)
	}
	return err
}

// damage flips a byte.
func (s *story) damage(d *datadriven.TestData) error {
	var file string
	var at int64
	d.ScanArgs(s.t, "file", &file)
	d.ScanArgs(s.t, "at", &at)
	f, err := s.fsys.OpenReadWrite(path.Join(dir, file))
	if err != nil {
		return err
	}
	var p [1]byte
	if _, err := f.ReadAt(p[:], at); err != nil {
		return err
	}
	p[0] ^= 0x40
	_, err = f.WriteAt(p[:], at)
	return errors.Join(err, f.Sync())
}

func (s *story) retain(out *strings.Builder, d *datadriven.TestData) error {
	hw := s.log.End()
	var after time.Duration
	d.MaybeScanArgs(s.t, "high-watermark", &hw)
	d.MaybeScanArgs(s.t, "bytes", &s.config.RetentionBytes)
	if d.HasArg("after") {
		var text string
		d.ScanArgs(s.t, "after", &text)
		after, _ = time.ParseDuration(text)
	}
	s.now = s.now.Add(after)
	s.log.Configure(s.config)
	n, err := s.log.Retain(hw)
	s.start = s.log.Start()
	err = errors.Join(err, s.log.Reap())
	fmt.Fprintf(out, "deleted=%d start=%d segments=%v\n", n, s.log.Start(), s.log.Segments())
	return err
}

func (s *story) time(out *strings.Builder, d *datadriven.TestData) error {
	var ms int64
	upTo := s.log.End()
	d.MaybeScanArgs(s.t, "up-to", &upTo)
	var found commitlog.Found
	var ok bool
	var err error
	if d.HasArg("max") {
		found, ok, err = s.log.MaxTimestamp(upTo)
	} else {
		d.ScanArgs(s.t, "ms", &ms)
		found, ok, err = s.log.OffsetForTime(start+ms, upTo)
	}
	if err == nil && !ok {
		fmt.Fprintln(out, "none")
		return nil
	}
	fmt.Fprintf(out, "offset=%d ms=%d\n", found.Offset, found.Timestamp-start)
	return err
}

func (s *story) epochs(out *strings.Builder, d *datadriven.TestData) error {
	for epoch := int32(0); epoch <= s.epoch+1; epoch++ {
		e, end := s.log.EndOffsetForEpoch(epoch)
		fmt.Fprintf(out, "%d: epoch %d ends at %d\n", epoch, e, end)
	}
	return nil
}

// TestCrashEnumeration runs a life of a log and, before every operation on the file system, looks at what a power
// loss would leave: never less than what was durable, never a byte that was not appended, and a second start finds
// the same.
func TestCrashEnumeration(t *testing.T) {
	fsys := disk(t)
	var appended [][]byte // batches as stored
	var durable, point, logStart int64
	states := 0
	rng := rand.New(rand.NewPCG(1, 2))
	choosers := []func(int) int{
		func(int) int { return 0 },
		func(int) int { return 1 },
		func(n int) int { return n - 1 },
		func(n int) int { return rng.IntN(n) },
		func(n int) int { return rng.IntN(n) },
	}
	fsys.OnChange(func(what string) {
		for i, choose := range choosers {
			states++
			o := options(fsys.Crash(choose), small())
			o.RecoveryPoint, o.Start = point, logStart
			verifyCrash(t, fmt.Sprintf("before %s, outcome %d", what, i), o, appended, durable, logStart)
		}
	})
	o := options(fsys, small())
	l, err := commitlog.Open(o)
	must(t, err)
	for i := range 40 {
		b := numbered(t, 1+i%3, i)
		// The batch may be on disk before Append returns.
		b.SetBaseOffset(l.End())
		b.SetLeaderEpoch(int32(i / 15))
		appended = append(appended, bytes.Clone(b))
		_, err := l.Append(b, int32(i/15))
		must(t, err)
		switch {
		case i%9 == 8:
			must(t, l.Checkpoint())
			durable, point = l.Durable(), l.Durable()
		case i%4 == 3:
			durable, err = l.Flush()
			must(t, err)
		case i == 25:
			must(t, l.DeleteBefore(l.Durable()-2))
			logStart = l.Start()
			must(t, l.Reap())
		}
	}
	must(t, l.Close())
	if states < 500 {
		t.Fatalf("only %d states were looked at", states)
	}
	t.Logf("%d states", states)
}

func verifyCrash(t *testing.T, place string, o commitlog.Options, appended [][]byte, durable, logStart int64) {
	t.Helper()
	for round := range 2 {
		l, err := commitlog.Open(o)
		if err != nil {
			t.Fatalf("%s, round %d: %v", place, round, err)
		}
		if l.End() < durable || l.Start() < logStart {
			t.Fatalf("%s, round %d: log is [%d, %d), durable was %d, start %d", place, round, l.Start(), l.End(), durable, logStart)
		}
		var want []byte
		for _, b := range appended {
			if next := recordbatch.Batch(b).NextOffset(); next > l.Start() && next <= l.End() {
				want = append(want, b...)
			}
		}
		if got := contents(t, l, 1<<20); !bytes.Equal(got, want) {
			t.Fatalf("%s, round %d: %d bytes in [%d, %d) differ from the %d appended", place, round, len(got), l.Start(), l.End(), len(want))
		}
		l.CloseDirty()
	}
}

// TestModel compares the log with a slice under random operations.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fsys := disk(rt)
		c := small()
		c.SegmentBytes = rapid.Int64Range(200, 3000).Draw(rt, "segment")
		var l *commitlog.Log
		var batches [][]byte
		var first, point int64
		number := 0
		open := func(clean bool) {
			o := options(fsys, c)
			o.RecoveryPoint, o.Start, o.Clean = point, first, clean
			var err error
			l, err = commitlog.Open(o)
			must(rt, err)
		}
		open(false)
		trim := func() {
			batches = slices.DeleteFunc(batches, func(b []byte) bool { return recordbatch.Batch(b).NextOffset() > l.End() })
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				number++
				b := numbered(rt, rapid.IntRange(1, 5).Draw(rt, "records"), number)
				_, err := l.Append(b, 0)
				must(rt, err)
				batches = append(batches, bytes.Clone(b))
			},
			"flush": func(*rapid.T) {
				_, err := l.Flush()
				must(rt, err)
			},
			"checkpoint": func(*rapid.T) {
				must(rt, l.Checkpoint())
				point = l.Durable()
			},
			"restart": func(*rapid.T) {
				must(rt, l.Close())
				point = l.Durable()
				open(true)
			},
			"kill": func(*rapid.T) {
				l.CloseDirty()
				open(false)
			},
			"powerloss": func(rt *rapid.T) {
				durable := l.Durable()
				seed := rapid.Uint64().Draw(rt, "seed")
				rng := rand.New(rand.NewPCG(seed, 1))
				fsys = fsys.Crash(rng.IntN)
				open(false)
				if l.End() < durable {
					rt.Fatalf("end %d, durable was %d", l.End(), durable)
				}
				trim()
			},
			"deleteBefore": func(rt *rapid.T) {
				to := rapid.Int64Range(l.Start(), l.Durable()).Draw(rt, "to")
				must(rt, l.DeleteBefore(to))
				first = l.Start()
				must(rt, l.Reap())
			},
			"truncate": func(rt *rapid.T) {
				to := rapid.Int64Range(l.Start(), l.End()).Draw(rt, "to")
				must(rt, l.Truncate(to))
				point, first = min(point, l.End()), min(first, l.Start())
				trim()
			},
			"": func(rt *rapid.T) {
				var want []byte
				for _, b := range batches {
					if recordbatch.Batch(b).NextOffset() > l.Start() {
						want = append(want, b...)
					}
				}
				if got := contents(rt, l, rapid.SampledFrom([]int32{1, 150, 1 << 20}).Draw(rt, "max")); !bytes.Equal(got, want) {
					rt.Fatalf("log of %d bytes, model of %d", len(got), len(want))
				}
			},
		})
	})
}

// TestMutation flips a bit in every byte of every file of a closed log, and cuts the log at every byte: it is
// refused, or what it serves is what was written.
func TestMutation(t *testing.T) {
	fsys := fs.NewMem()
	c := small()
	l, err := commitlog.Open(options(fsys, c))
	must(t, err)
	for i := range 16 {
		_, err := l.Append(numbered(t, 2, i), 3)
		must(t, err)
	}
	want := contents(t, l, 1<<20)
	end := l.End()
	must(t, l.Close())
	names, err := fsys.List(dir)
	must(t, err)
	refused, repaired := 0, 0
	check := func(what string, damaged fs.FS) {
		o := options(damaged, c)
		o.RecoveryPoint, o.MaxEpoch = end, 3
		l, err := commitlog.Open(o)
		if err != nil {
			if !errors.Is(err, commitlog.ErrCorrupt) {
				t.Fatalf("%s: %v", what, err)
			}
			refused++
			return
		}
		defer l.CloseDirty()
		if got, err := tryContents(l); err == nil && !bytes.Equal(got, want) {
			// What lies in sealed segments is checked by whoever reads: the batch's CRC.
			if !crcFinds(got, want) {
				t.Fatalf("%s: other bytes are served", what)
			}
			refused++
			return
		}
		repaired++
	}
	for _, name := range names {
		full := path.Join(dir, name)
		data, err := fs.ReadFile(fsys, full, 1<<20)
		must(t, err)
		for i := range data {
			check(fmt.Sprintf("%s byte %d flipped", name, i), with(t, fsys, full, flip(data, i)))
		}
		if strings.HasSuffix(name, ".log") && name == names[len(names)-1] {
			continue
		}
		check(name+" emptied", with(t, fsys, full, nil))
	}
	t.Logf("%d refused or detected, %d repaired", refused, repaired)
	if refused == 0 || repaired == 0 {
		t.Fatal("the damage did nothing")
	}
}

func tryContents(l *commitlog.Log) (data []byte, err error) {
	for from := l.Start(); from < l.End(); {
		s, _, err := l.Read(from, 1<<20, l.End(), true)
		if err != nil {
			return nil, err
		}
		if s == nil {
			return data, nil
		}
		was := len(data)
		data, err = s.AppendTo(data)
		s.Release()
		if err != nil {
			return nil, err
		}
		for b, err := range recordbatch.Split(data[was:]) {
			if err != nil {
				return nil, err
			}
			from = max(from+1, b.NextOffset())
		}
	}
	return data, nil
}

// crcFinds reports whether the CRC or the offsets of the first other batch tell that it is damaged.
func crcFinds(got, want []byte) bool {
	next := int64(0)
	for b, err := range recordbatch.Split(got) {
		if err != nil || recordbatch.CheckCRC(b) != nil || b.BaseOffset() != next || b.LeaderEpoch() != 3 {
			return true
		}
		next = b.NextOffset()
	}
	return len(got) < len(want)
}

func flip(data []byte, i int) []byte {
	c := bytes.Clone(data)
	c[i] ^= 1 << (i % 8)
	return c
}

// with copies a file system and replaces one file.
func with(t testing.TB, fsys *fs.Mem, name string, data []byte) fs.FS {
	t.Helper()
	c := fs.NewMem()
	must(t, c.MkdirAll(dir))
	names, err := fsys.List(dir)
	must(t, err)
	for _, n := range names {
		full := path.Join(dir, n)
		content, err := fs.ReadFile(fsys, full, 1<<20)
		must(t, err)
		if full == name {
			content = data
		}
		f, err := c.Create(full)
		must(t, err)
		_, err = f.WriteAt(content, 0)
		must(t, err)
	}
	return c
}

// TestDiskErrors lets every operation of a kind fail in turn: nothing is lost that was durable, a full disk passes.
func TestDiskErrors(t *testing.T) {
	for _, fault := range []struct {
		err  error
		kind fs.Op
	}{{syscall.EIO, fs.OpWrite}, {syscall.EIO, fs.OpSync}, {syscall.ENOSPC, fs.OpWrite}, {syscall.EIO, fs.OpSyncDir}, {syscall.EIO, fs.OpCreate}, {syscall.EIO, fs.OpOpen}} {
		for n := int64(1); n < 40; n++ {
			testDiskError(t, fault.err, fault.kind, n)
		}
	}
}

func testDiskError(t *testing.T, fault error, kind fs.Op, n int64) {
	t.Helper()
	mem := disk(t)
	broken := true
	inject := fs.FailNth(n, fault, kind)
	fsys := fs.NewFaulty(mem, func(op fs.Op, name string) error {
		if !broken {
			return nil
		}
		return inject(op, name)
	})
	l, err := commitlog.Open(options(fsys, small()))
	if err != nil {
		return
	}
	var durable, failedAt int64 = 0, -1
	for i := range 30 {
		if _, err := l.Append(numbered(t, 1, i), 0); err != nil && failedAt < 0 {
			failedAt = l.End()
		}
		if i%3 == 0 {
			if d, err := l.Flush(); err == nil {
				durable = d
			}
		}
	}
	broken = false
	_, err = l.Append(numbered(t, 1, 99), 0)
	if failedAt >= 0 && fault == syscall.ENOSPC && err != nil {
		t.Fatalf("%v #%d: a full disk broke the log for good: %v", kind, n, err)
	}
	if failedAt >= 0 && fault == syscall.EIO && kind != fs.OpOpen && err == nil {
		t.Fatalf("%v #%d: the log goes on after %v", kind, n, fault)
	}
	l.CloseDirty()
	o := options(mem.Crash(func(int) int { return 0 }), small())
	l, err = commitlog.Open(o)
	must(t, err)
	if l.End() < durable {
		t.Fatalf("%v #%d: end %d, durable was %d", kind, n, l.End(), durable)
	}
	contents(t, l, 1<<20)
}

// TestReadersKeepDeletedSegments reads a slice after its segment is gone, on disk.
func TestReadersKeepDeletedSegments(t *testing.T) {
	fsys, err := fs.NewOS(t.TempDir())
	must(t, err)
	c := small()
	c.FileDeleteDelay = 0
	o := options(fsys, c)
	o.Cache = nil
	l, err := commitlog.Open(o)
	must(t, err)
	for i := range 30 {
		_, err := l.Append(numbered(t, 1, i), 0)
		must(t, err)
	}
	s, _, err := l.Read(0, 1<<20, l.End(), true)
	must(t, err)
	want, err := s.AppendTo(nil)
	must(t, err)
	must(t, l.DeleteBefore(l.End()))
	must(t, l.Reap())
	must(t, l.Reap())
	names, err := fsys.List(dir)
	must(t, err)
	if slices.Contains(names, "00000000000000000000.log") || slices.Contains(names, "00000000000000000000.log.deleted") {
		t.Fatal(names)
	}
	got, err := s.AppendTo(nil)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Fatal("the slice changed")
	}
	s.Release()
	if _, _, err := l.Read(0, 1, l.End(), true); !errors.Is(err, commitlog.ErrOutOfRange) {
		t.Fatal(err)
	}
	must(t, l.Close())
}

// TestTailCacheIsBounded fills far more than the budget from many logs while a reader holds on.
func TestTailCacheIsBounded(t *testing.T) {
	cache := commitlog.NewCache(512 << 10)
	fsys := fs.NewMem()
	var logs []*commitlog.Log
	for i := range 8 {
		o := options(fsys, commitlog.DefaultConfig())
		o.Dir, o.Cache = fmt.Sprintf("t-%d", i), cache
		l, err := commitlog.Open(o)
		must(t, err)
		logs = append(logs, l)
	}
	value := bytes.Repeat([]byte("y"), 10_000)
	var held []commitlog.Slice
	for i := range 200 {
		l := logs[i%len(logs)]
		b := recordbatch.NewBuilder(recordbatch.Options{})
		b.Append(start, nil, value)
		batch, err := b.Build()
		must(t, err)
		_, err = l.Append(batch, 0)
		must(t, err)
		if i%10 == 0 {
			s, _, err := l.Read(l.End()-1, 1<<20, l.End(), true)
			must(t, err)
			held = append(held, s)
		}
		if cache.Used() > 512<<10 {
			t.Fatalf("%d bytes used", cache.Used())
		}
	}
	for i, s := range held {
		data, err := s.AppendTo(nil)
		must(t, err)
		for b, err := range recordbatch.Split(data) {
			must(t, err)
			if err := recordbatch.CheckCRC(b); err != nil {
				t.Fatalf("slice %d: %v", i, err)
			}
		}
		s.Release()
	}
	for _, l := range logs {
		if d := cmp.Diff(25, bytes.Count(contents(t, l, 1<<20), value)); d != "" {
			t.Fatal(d)
		}
	}
}

// With preallocate the first batch takes the disk of the whole segment, once; a small log takes none without it.
func TestPreallocate(t *testing.T) {
	for _, whole := range []bool{false, true} {
		reserved := 0
		fsys := fs.NewFaulty(fs.NewMem(), func(op fs.Op, _ string) error {
			if op == fs.OpPreallocate {
				reserved++
			}
			return nil
		})
		must(t, fsys.MkdirAll(dir))
		c := commitlog.DefaultConfig()
		c.Preallocate = whole
		l, err := commitlog.Open(options(fsys, c))
		must(t, err)
		for i := range 10 {
			_, err := l.Append(numbered(t, 3, i), 0)
			must(t, err)
		}
		if want := map[bool]int{true: 1}[whole]; reserved != want {
			t.Errorf("preallocate=%v: reserved %d times, want %d", whole, reserved, want)
		}
		l.CloseDirty()
	}
}
