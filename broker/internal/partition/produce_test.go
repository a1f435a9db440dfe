package partition_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
)

// send is a batch of one idempotent producer.
func send(t testing.TB, p *partition.Partition, epoch int16, sequence int32, n int) (partition.Appended, error) {
	t.Helper()
	values := make([]string, n)
	b := batch(t, recordbatch.Options{HasProducer: true, ProducerID: 7, ProducerEpoch: epoch, BaseSequence: sequence}, values...)
	return p.AppendWait(t.Context(), b, partition.AppendOptions{Acks: -1})
}

// idempotence sends (epoch, sequence, records) and states the answer.
func TestIdempotence(t *testing.T) {
	b := open(t, memConfig(fs.NewMem()))
	p := b.create(t, "ventas")
	f := func(epoch int16, sequence int32, n int, wantBase int64, wantDup bool, wantErr error) {
		t.Helper()
		a, err := send(t, p, epoch, sequence, n)
		if !errors.Is(err, wantErr) || err == nil && (a.BaseOffset != wantBase || a.Duplicate != wantDup) {
			t.Errorf("epoch %d sequence %d: base %d, duplicate %v, %v", epoch, sequence, a.BaseOffset, a.Duplicate, err)
		}
	}
	f(0, 41, 1, 0, false, nil) // an unknown producer may begin anywhere
	f(0, 42, 2, 1, false, nil)
	f(0, 42, 2, 1, true, nil)
	f(0, 46, 1, 0, false, kerr.OutOfOrderSequenceNumber)
	f(0, 42, 1, 0, false, kerr.OutOfOrderSequenceNumber) // another batch of the same sequence
	for i := range int32(4) {
		f(0, 44+i, 1, int64(3+i), false, nil)
	}
	f(0, 42, 2, 1, true, nil)                            // the fifth last
	f(0, 41, 1, 0, false, kerr.OutOfOrderSequenceNumber) // the sixth last is forgotten
	f(1, 48, 1, 0, false, kerr.OutOfOrderSequenceNumber) // a new epoch begins at 0
	f(1, 0, 1, 7, false, nil)
	f(0, 48, 1, 0, false, kerr.InvalidProducerEpoch)
	f(2, math.MaxInt32, 1, 0, false, kerr.OutOfOrderSequenceNumber)
	want := []partition.ProducerState{{ProducerID: 7, ProducerEpoch: 1, CoordinatorEpoch: -1, CurrentTxnStartOffset: -1}}
	got := p.Producers()
	got[0].LastTimestamp = 0
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSequencesWrap(t *testing.T) {
	b := open(t, memConfig(fs.NewMem()))
	p := b.create(t, "ventas")
	for i, sequence := range []int32{math.MaxInt32 - 1, 2, 3} {
		if _, err := send(t, p, 0, sequence, 4); i < 2 && err != nil || i == 2 && !errors.Is(err, kerr.OutOfOrderSequenceNumber) {
			t.Errorf("sequence %d: %v", sequence, err)
		}
	}
	if a, err := send(t, p, 0, math.MaxInt32-1, 4); err != nil || !a.Duplicate {
		t.Error(a, err)
	}
}

// TestProducersSurvive kills and restarts: all five last batches are known again, with and without a snapshot on the way.
func TestProducersSurvive(t *testing.T) {
	for _, how := range []string{"clean", "kill", "kill after roll", "kill after checkpoint"} {
		t.Run(how, func(t *testing.T) {
			fsys := fs.NewMem()
			c := memConfig(fsys)
			if how == "kill after checkpoint" {
				c.RecoveryPointInterval = time.Millisecond
			}
			b := open(t, c)
			small := func(c *partition.TopicConfig) {
				if how == "kill after roll" {
					c.SegmentBytes = 200
				}
			}
			p := b.create(t, "ventas", small)
			for i := range int32(8) {
				_, err := send(t, p, 0, i, 1)
				must(t, err)
				if how == "kill after checkpoint" && i == 5 {
					waitFor(t, func() bool { return has(fsys, "ventas-0", ".snapshot") })
				}
			}
			if how == "clean" {
				must(t, b.stop())
			} else {
				must(t, b.Close())
			}
			b = open(t, memConfig(fsys))
			p = b.create(t, "ventas", small)
			for i := range int32(8) {
				a, err := send(t, p, 0, i, 1)
				if i < 3 && !errors.Is(err, kerr.OutOfOrderSequenceNumber) || i >= 3 && (err != nil || !a.Duplicate || a.BaseOffset != int64(i)) {
					t.Errorf("sequence %d again: %+v %v", i, a, err)
				}
			}
		})
	}
}

func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}

func has(fsys fs.FS, dir, suffix string) bool {
	names, _ := fsys.List(dir)
	for _, n := range names {
		if len(n) > len(suffix) && n[len(n)-len(suffix):] == suffix {
			return true
		}
	}
	return false
}

// TestProduceChecks lists what is refused and how.
func TestProduceChecks(t *testing.T) {
	b := open(t, memConfig(fs.NewMem()))
	change := func(c *partition.TopicConfig) { c.MaxMessageBytes = 1000; c.TimestampBeforeMax = time.Hour }
	p := b.create(t, "ventas", change)
	compacted := b.create(t, "tabla", func(c *partition.TopicConfig) { c.Compact = true })
	at := func(ms int64, key []byte) recordbatch.Batch {
		w := recordbatch.NewBuilder(recordbatch.Options{})
		w.Append(ms, key, []byte("v"))
		w.Append(ms, nil, []byte("v"))
		out, err := w.Build()
		must(t, err)
		return out
	}
	good := func() recordbatch.Batch { return batch(t, recordbatch.Options{}, "x") }
	now := time.Now().UnixMilli()
	patched := func(f func(b recordbatch.Batch)) recordbatch.Batch {
		b := good()
		f(b)
		return b
	}
	for _, c := range []struct {
		name string
		p    *partition.Partition
		b    []byte
		want error
	}{
		{"good", p, good(), nil},
		{"empty", p, nil, kerr.CorruptMessage},
		{"two batches", p, append(good(), good()...), kerr.InvalidRecord},
		{"cut short", p, good()[:70], kerr.CorruptMessage},
		{"wrong CRC", p, patched(func(b recordbatch.Batch) { b[len(b)-1] ^= 1 }), kerr.CorruptMessage},
		{"old format", p, patched(func(b recordbatch.Batch) { b[16] = 1 }), kerr.InvalidRecord},
		{"no such codec", p, patched(func(b recordbatch.Batch) { b[22] = 7; b.SetCRC() }), kerr.UnsupportedCompressionType},
		{"control batch", p, recordbatch.EndTxnMarker(recordbatch.Commit, 1, 0, 0, now), kerr.InvalidRecord},
		{"log append time", p, patched(func(b recordbatch.Batch) { b.SetLogAppendTime(1) }), kerr.InvalidTimestamp},
		{"no sequence", p, patched(func(b recordbatch.Batch) { b.SetProducer(1, 0, -1) }), kerr.InvalidRecord},
		{"too large", p, batch(t, recordbatch.Options{}, string(make([]byte, 1000))), kerr.MessageTooLarge},
		{"too old", p, at(now-2*3600_000, nil), kerr.InvalidTimestamp},
		{"too far ahead", p, at(now+2*3600_000, nil), kerr.InvalidTimestamp},
		{"without a timestamp", p, at(-1, nil), nil},
		{"without a key", compacted, at(now, []byte("k")), kerr.InvalidRecord},
		{"with a key", compacted, good(), nil},
	} {
		_, err := c.p.Append(c.b, partition.AppendOptions{Acks: 1}, nil)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	_, err := compacted.Append(at(now, nil), partition.AppendOptions{Acks: 1}, nil)
	var bad *partition.RecordErrors
	if !errors.As(err, &bad) || len(bad.Records) != 2 || bad.Records[1].Index != 1 {
		t.Errorf("record errors: %v", err)
	}
	b.Configure("ventas", func() partition.TopicConfig { c := partition.DefaultTopicConfig(); return c }())
	if _, err := p.Append(batch(t, recordbatch.Options{}, string(make([]byte, 1000))), partition.AppendOptions{Acks: 1}, nil); err != nil {
		t.Errorf("after raising max.message.bytes: %v", err)
	}
}

func TestTopicCodecAndTime(t *testing.T) {
	c := memConfig(fs.NewMem())
	c.Now = func() time.Time { return time.UnixMilli(5000) }
	b := open(t, c)
	p := b.create(t, "ventas", func(c *partition.TopicConfig) {
		c.KeepCodec, c.Compression, c.TimestampType = false, recordbatch.Zstd, recordbatch.LogAppendTime
	})
	if a := produce(t, p, "a", "b"); a.LogAppendTime != 5000 {
		t.Fatalf("%+v", a)
	}
	err := p.Scan(0, func(b recordbatch.Batch) error {
		if b.Codec() != recordbatch.Zstd || b.TimestampType() != recordbatch.LogAppendTime || b.MaxTimestamp() != 5000 {
			t.Errorf("%v, %v, %d", b.Codec(), b.TimestampType(), b.MaxTimestamp())
		}
		return recordbatch.Validate(b)
	})
	must(t, err)
	if d := cmp.Diff([]string{"0:a", "1:b"}, read(t, p, 0)); d != "" {
		t.Fatal(d)
	}
}

// appendTxn appends a transactional batch as Produce does: with a guard.
func appendTxn(t testing.TB, p *partition.Partition, b recordbatch.Batch) {
	t.Helper()
	guard, _, err := p.GuardTxn(b.ProducerID(), b.ProducerEpoch(), b.BaseSequence())
	must(t, err)
	_, err = p.AppendWait(t.Context(), b, partition.AppendOptions{Acks: -1, Guard: guard})
	must(t, err)
}

// TestTransactions shows what readers of either isolation see of open, committed and aborted transactions, also after
// a kill.
func TestTransactions(t *testing.T) {
	fsys := fs.NewMem()
	b := open(t, memConfig(fsys))
	p := b.create(t, "ventas")
	txn := func(id int64, sequence int32, value string) {
		t.Helper()
		x := batch(t, recordbatch.Options{HasProducer: true, ProducerID: id, BaseSequence: sequence, Transactional: true}, value)
		appendTxn(t, p, x)
	}
	end := func(id int64, how recordbatch.ControlType, coordinator int32) error {
		x := recordbatch.EndTxnMarker(how, id, 0, coordinator, time.Now().UnixMilli())
		_, err := p.AppendWait(t.Context(), x, partition.AppendOptions{Acks: -1, Origin: partition.Internal})
		return err
	}
	stable := func(want int64) {
		t.Helper()
		if got := p.LastStableOffset(); got != want {
			t.Errorf("last stable offset %d, want %d", got, want)
		}
	}
	produce(t, p, "plain") // 0
	txn(1, 0, "one")       // 1
	txn(2, 0, "two")       // 2
	stable(1)
	must(t, end(1, recordbatch.Abort, 5)) // 3
	stable(2)
	if _, err := p.Append(batch(t, recordbatch.Options{HasProducer: true, ProducerID: 2, BaseSequence: 1}, "x"), partition.AppendOptions{}, nil); !errors.Is(err, kerr.InvalidTxnState) {
		t.Error(err)
	}
	if err := end(1, recordbatch.Abort, 4); !errors.Is(err, kerr.TransactionCoordinatorFenced) {
		t.Error(err)
	}
	for _, restart := range []bool{false, true} {
		if restart {
			must(t, b.Close())
			b = open(t, memConfig(fsys))
			p = b.create(t, "ventas")
			stable(2)
			must(t, end(2, recordbatch.Commit, 5)) // 4
			stable(5)
		}
		r, err := p.Read(partition.ReadOptions{MaxBytes: 1 << 20, Isolation: partition.ReadCommitted, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1})
		must(t, err)
		r.Slice.Release()
		if len(r.Aborted) != 1 && restart || len(r.Aborted) == 1 && (r.Aborted[0].ProducerID != 1 || r.Aborted[0].FirstOffset != 1 || r.Aborted[0].LastOffset != 3 || r.Aborted[0].LastStableOffset != 2) {
			t.Errorf("restarted %v: aborted %+v", restart, r.Aborted)
		}
	}
}

// TestAcks checks when an append is acknowledged, with nobody there to flush.
func TestAcks(t *testing.T) {
	for _, d := range []partition.Durability{partition.Fsync, partition.None} {
		c := memConfig(fs.NewMem())
		c.Durability = d
		m, err := partition.Open(c)
		must(t, err)
		p, err := m.Create(partition.Spec{Topic: "ventas", Config: partition.DefaultTopicConfig()})
		must(t, err)
		for _, acks := range []int16{0, 1, -1} {
			done := 0
			_, err := p.Append(batch(t, recordbatch.Options{}, "x"), partition.AppendOptions{Acks: acks}, func(error) { done++ })
			must(t, err)
			want := 1
			if acks == -1 && d == partition.Fsync {
				want = 0
			}
			if done != want {
				t.Errorf("%v, acks %d: done %d times", d, acks, done)
			}
		}
		if hw := p.HighWatermark(); d == partition.Fsync && hw != 0 || d == partition.None && hw != 3 {
			t.Errorf("%v: high watermark %d before anything was flushed", d, hw)
		}
		must(t, m.Close())
	}
}

func TestTimesEpochsDeleteRecords(t *testing.T) {
	fsys := fs.NewMem()
	b := open(t, memConfig(fsys))
	p := b.create(t, "ventas", func(c *partition.TopicConfig) { c.SegmentBytes = 500 })
	for i := range 20 {
		w := recordbatch.NewBuilder(recordbatch.Options{})
		w.Append(int64(1000+i*10), nil, fmt.Append(nil, i))
		w.Append(int64(1005+i*10), nil, fmt.Append(nil, i))
		out, err := w.Build()
		must(t, err)
		if i == 10 {
			must(t, p.BecomeLeader(3))
		}
		_, err = p.AppendWait(t.Context(), out, partition.AppendOptions{Acks: -1})
		must(t, err)
	}
	at, ok, err := p.OffsetForTime(1106, partition.ReadUncommitted)
	if want := (partition.TimestampOffset{Offset: 22, Timestamp: 1110, LeaderEpoch: 3}); err != nil || !ok || at != want {
		t.Error(at, ok, err)
	}
	if at, ok, err = p.MaxTimestamp(); err != nil || !ok || at.Offset != 39 {
		t.Error(at, ok, err)
	}
	if _, ok, err = p.OffsetForTime(9999, partition.ReadUncommitted); ok || err != nil {
		t.Error(ok, err)
	}
	for _, c := range []struct {
		current, epoch int32
		want           partition.EpochEndOffset
		err            error
	}{
		{-1, 0, partition.EpochEndOffset{LeaderEpoch: 0, EndOffset: 20}, nil},
		{3, 2, partition.EpochEndOffset{LeaderEpoch: 0, EndOffset: 20}, nil},
		{-1, 3, partition.EpochEndOffset{LeaderEpoch: 3, EndOffset: 40}, nil},
		{-1, 4, partition.EpochEndOffset{LeaderEpoch: -1, EndOffset: -1}, nil},
		{2, 0, partition.EpochEndOffset{LeaderEpoch: -1, EndOffset: -1}, kerr.FencedLeaderEpoch},
		{4, 0, partition.EpochEndOffset{LeaderEpoch: -1, EndOffset: -1}, kerr.UnknownLeaderEpoch},
	} {
		if got, err := p.EndOffsetForEpoch(c.current, c.epoch); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("current %d epoch %d: %+v %v", c.current, c.epoch, got, err)
		}
	}
	r, err := p.Read(partition.ReadOptions{Offset: 25, MaxBytes: 1, CurrentLeaderEpoch: -1, LastFetchedEpoch: 0})
	if err != nil || r.Diverging == nil || *r.Diverging != (partition.EpochEndOffset{LeaderEpoch: 0, EndOffset: 20}) {
		t.Errorf("%+v %v", r.Diverging, err)
	}
	for _, c := range []struct {
		offset, want int64
		err          error
	}{{11, 11, nil}, {5, 11, nil}, {41, -1, kerr.OffsetOutOfRange}, {-1, 40, nil}} {
		if got, err := p.DeleteRecordsBefore(c.offset); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("delete before %d: %d %v", c.offset, got, err)
		}
	}
	// The new start is durable at once: it survives a kill.
	must(t, b.Close())
	b = open(t, memConfig(fsys))
	if p = b.create(t, "ventas"); p.LogStartOffset() != 40 || p.LogEndOffset() != 40 {
		t.Errorf("after the kill [%d, %d)", p.LogStartOffset(), p.LogEndOffset())
	}
}
