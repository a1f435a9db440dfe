package recordbatch_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

var codecs = []recordbatch.Codec{recordbatch.None, recordbatch.Gzip, recordbatch.Snappy, recordbatch.LZ4, recordbatch.Zstd}

type rec struct {
	TS         int64
	Key, Value []byte
	Headers    []recordbatch.Header
}

func build(t testing.TB, o recordbatch.Options, recs ...rec) recordbatch.Batch {
	t.Helper()
	b := recordbatch.NewBuilder(o)
	for _, r := range recs {
		b.Append(r.TS, r.Key, r.Value, r.Headers...)
	}
	batch, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func collect(b recordbatch.Batch) (out []rec, err error) {
	for r, err := range b.Records(0) {
		if err != nil {
			return out, err
		}
		c := rec{TS: r.Timestamp, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)}
		for _, h := range r.Headers {
			c.Headers = append(c.Headers, recordbatch.Header{Key: h.Key, Value: bytes.Clone(h.Value)})
		}
		out = append(out, c)
	}
	return out, nil
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		blob := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 300))
		gen := rapid.Custom(func(t *rapid.T) rec {
			r := rec{TS: rapid.Int64Range(0, 1<<45).Draw(t, "ts"), Key: blob.Draw(t, "key"), Value: blob.Draw(t, "value")}
			for range rapid.IntRange(0, 3).Draw(t, "headers") {
				r.Headers = append(r.Headers, recordbatch.Header{Key: rapid.StringN(0, 5, 20).Draw(t, "hk"), Value: blob.Draw(t, "hv")})
			}
			return r
		})
		want := rapid.SliceOfN(gen, 1, 20).Draw(rt, "records")
		codec := rapid.SampledFrom(codecs).Draw(rt, "codec")
		b := build(t, recordbatch.Options{Codec: codec, HasProducer: true, ProducerID: 7, ProducerEpoch: 2, BaseSequence: 5}, want...)
		if err := recordbatch.Validate(b); err != nil {
			rt.Fatal(err)
		}
		got, err := collect(b)
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			rt.Fatal(d)
		}
		again, err := recordbatch.Recompress(b, rapid.SampledFrom(codecs).Draw(rt, "other"), recordbatch.Level(rapid.IntRange(-3, 30).Draw(rt, "level")), 0)
		if err != nil {
			rt.Fatal(err)
		}
		if err := recordbatch.Validate(again); err != nil {
			rt.Fatal(err)
		}
		if got, err = collect(again); err != nil || cmp.Diff(want, got) != "" {
			rt.Fatal("recompressed differs", err)
		}
	})
}

// TestHeaderAgreesWithKmsg checks the layout against another implementation of it.
func TestHeaderAgreesWithKmsg(t *testing.T) {
	b := build(t, recordbatch.Options{
		Codec: recordbatch.None, HasProducer: true, ProducerID: 1 << 40, ProducerEpoch: 3, BaseSequence: 9,
		Transactional: true, BaseOffset: 77, LeaderEpoch: 4,
	}, rec{TS: 100, Key: []byte("k"), Value: []byte("v")}, rec{TS: 90}, rec{TS: 120})
	var k kmsg.RecordBatch
	if err := k.ReadFrom(b); err != nil {
		t.Fatal(err)
	}
	got := []any{
		b.BaseOffset(), b.LastOffset(), b.Size(), b.LeaderEpoch(), b.MagicByte(), int32(b.CRC()), b.Attributes(), b.FirstTimestamp(),
		b.MaxTimestamp(), b.ProducerID(), b.ProducerEpoch(), b.BaseSequence(), b.NumRecords(), b.LastSequence(),
	}
	want := []any{
		k.FirstOffset, k.FirstOffset + int64(k.LastOffsetDelta), int64(k.Length) + 12, k.PartitionLeaderEpoch, k.Magic, k.CRC,
		k.Attributes, k.FirstTimestamp, k.MaxTimestamp, k.ProducerID, k.ProducerEpoch, k.FirstSequence, k.NumRecords, int32(11),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	if k.MaxTimestamp != 120 || !b.IsTransactional() || b.IsControl() {
		t.Fatalf("max timestamp %d, transactional %v", k.MaxTimestamp, b.IsTransactional())
	}
}

func TestPatchKeepsCRC(t *testing.T) {
	b := build(t, recordbatch.Options{}, rec{TS: 1}, rec{TS: 2})
	b.SetBaseOffset(1 << 50)
	b.SetLeaderEpoch(12)
	if err := recordbatch.Validate(b); err != nil {
		t.Fatal(err)
	}
	b.SetLogAppendTime(99)
	if err := recordbatch.Validate(b); err != nil {
		t.Fatal(err)
	}
	got, err := collect(b)
	if err != nil || got[0].TS != 99 || got[1].TS != 99 {
		t.Fatalf("log append time: %v %v", got, err)
	}
}

func TestSequenceWraps(t *testing.T) {
	f := func(base, n, want int32) {
		t.Helper()
		if got := recordbatch.AddSequence(base, n); got != want {
			t.Errorf("%d+%d = %d, want %d", base, n, got, want)
		}
	}
	f(0, 5, 5)
	f(math.MaxInt32-1, 1, math.MaxInt32)
	f(math.MaxInt32, 1, 0)
	f(math.MaxInt32-2, 5, 2)
}

func TestValidateRefuses(t *testing.T) {
	f := func(name string, damage func(recordbatch.Batch) recordbatch.Batch, want error) {
		t.Helper()
		b := build(t, recordbatch.Options{HasProducer: true, ProducerID: 1}, rec{TS: 1, Value: []byte("x")})
		if err := recordbatch.Validate(damage(b)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	type B = recordbatch.Batch
	f("empty", func(b B) B { return nil }, recordbatch.ErrCorrupt)
	f("cut", func(b B) B { return b[:len(b)-1] }, recordbatch.ErrCorrupt)
	f("rest", func(b B) B { return append(b, 0) }, recordbatch.ErrCorrupt)
	f("magic", func(b B) B { b[16] = 1; return b }, recordbatch.ErrMagic)
	f("bit", func(b B) B { b[len(b)-1] ^= 1; return b }, recordbatch.ErrCorrupt)
	f("codec", func(b B) B { b[22] = 5; b.SetCRC(); return b }, recordbatch.ErrCodec)
	f("count", func(b B) B { b[60] = 2; b.SetCRC(); return b }, recordbatch.ErrInvalid)
	f("no records", func(b B) B { b[60] = 0; b.SetCRC(); return b }, recordbatch.ErrInvalid)
	f("sequence", func(b B) B { b.SetProducer(1, 0, -1); return b }, recordbatch.ErrInvalid)
	f("epoch", func(b B) B { b.SetProducer(1, -1, 0); return b }, recordbatch.ErrInvalid)
	f("fake control", func(b B) B { b[22] = 0x20; b.SetCRC(); return b }, recordbatch.ErrInvalid)
}

func TestMarker(t *testing.T) {
	b := recordbatch.EndTxnMarker(recordbatch.Commit, 42, 3, 8, 1000)
	if err := recordbatch.Validate(b); err != nil {
		t.Fatal(err)
	}
	c, err := b.Control()
	if err != nil || c != (recordbatch.ControlRecord{Type: recordbatch.Commit, CoordinatorEpoch: 8}) {
		t.Fatalf("%+v %v", c, err)
	}
	for r := range b.Records(0) {
		var key kmsg.ControlRecordKey
		var value kmsg.EndTxnMarker
		if err := errors.Join(key.ReadFrom(r.Key), value.ReadFrom(r.Value)); err != nil {
			t.Fatal(err)
		}
		if key.Type != kmsg.ControlRecordKeyTypeCommit || value.CoordinatorEpoch != 8 {
			t.Fatalf("%+v %+v", key, value)
		}
	}
}

func TestSplit(t *testing.T) {
	var p []byte
	for i := range 3 {
		p = append(p, build(t, recordbatch.Options{BaseOffset: int64(i)}, rec{TS: 1})...)
	}
	var offsets []int64
	for b, err := range recordbatch.Split(p) {
		if err != nil {
			t.Fatal(err)
		}
		offsets = append(offsets, b.BaseOffset())
	}
	if d := cmp.Diff([]int64{0, 1, 2}, offsets); d != "" {
		t.Fatal(d)
	}
	n, failed := 0, false
	for _, err := range recordbatch.Split(p[:len(p)-1]) {
		failed = err != nil
		n++
	}
	if n != 3 || !failed {
		t.Fatal("a cut batch passed", n, failed)
	}
	n = 0
	for _, err := range recordbatch.SplitPrefix(p[:len(p)-1]) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 {
		t.Fatalf("%d whole batches", n)
	}
}

// TestBombs checks that a small batch cannot become a large one.
func TestBombs(t *testing.T) {
	for _, c := range codecs[1:] {
		b := build(t, recordbatch.Options{Codec: c}, rec{Value: make([]byte, 8<<20)})
		var err error
		for _, err = range b.Records(1 << 20) {
		}
		if !errors.Is(err, recordbatch.ErrTooLarge) {
			t.Errorf("%v of %d bytes: %v", c, len(b), err)
		}
	}
}

// TestZstdWindow reads frames that claim a far larger window than they need, without reserving it.
func TestZstdWindow(t *testing.T) {
	value := bytes.Repeat([]byte("ventas por día "), 700_000) // 10 MB: a single segment of that size
	frames := map[string][]byte{}
	for name, o := range map[string][]zstd.EOption{
		"single segment": {zstd.WithSingleSegment(true)},
		"large window":   {zstd.WithWindowSize(64 << 20)},
	} {
		w, err := zstd.NewWriter(nil, o...)
		if err != nil {
			t.Fatal(err)
		}
		plain := build(t, recordbatch.Options{}, rec{TS: 5, Value: value})
		frames[name] = w.EncodeAll(plain.RawRecords(), nil)
	}
	head := build(t, recordbatch.Options{}, rec{TS: 5, Value: value})[:recordbatch.HeaderLen]
	for name, frame := range frames {
		b := append(bytes.Clone(head), frame...)
		binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
		b[22] = byte(recordbatch.Zstd)
		recordbatch.Batch(b).SetCRC()
		got, err := collect(b)
		if err != nil || len(got) != 1 || !bytes.Equal(got[0].Value, value) {
			t.Errorf("%s: %d records, %v", name, len(got), err)
		}
	}
	tiny := append(bytes.Clone(head), 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 9, 0, 0, 'x')
	tiny[22] = byte(recordbatch.Zstd)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := recordbatch.Batch(tiny).Decompress(nil, 1<<20)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; err != nil || used > 12<<20 {
		t.Errorf("ten bytes reserve %d: %v", used, err)
	}
}

// TestForeignSnappy reads both framings that clients send.
func TestForeignSnappy(t *testing.T) {
	plain := build(t, recordbatch.Options{}, rec{TS: 5, Value: []byte(strings.Repeat("ventas ", 20_000))})
	raw := plain.RawRecords()
	xerial := []byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")
	for p := raw; len(p) > 0; {
		part := p[:min(len(p), 1000)]
		p = p[len(part):]
		e := snappy.Encode(nil, part)
		xerial = binary.BigEndian.AppendUint32(xerial, uint32(len(e)))
		xerial = append(xerial, e...)
	}
	for name, body := range map[string][]byte{"bare": snappy.Encode(nil, raw), "xerial": xerial} {
		b := append(recordbatch.Batch{}, plain[:recordbatch.HeaderLen]...)
		b = append(b, body...)
		binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
		b[22] = byte(recordbatch.Snappy)
		b.SetCRC()
		got, err := collect(b)
		if err != nil || len(got) != 1 || len(got[0].Value) != 140_000 {
			t.Errorf("%s: %d records, %v", name, len(got), err)
		}
	}
}

func TestCodecNames(t *testing.T) {
	for _, c := range codecs {
		got, err := recordbatch.ParseCodec(c.String())
		if err != nil || got != c {
			t.Errorf("%v: %v %v", c, got, err)
		}
	}
	if _, err := recordbatch.ParseCodec("producer"); err == nil {
		t.Error("producer is no codec")
	}
}

// FuzzRecords feeds any bytes as the records of a well-formed header: no panic, no more memory than the limit allows.
func FuzzRecords(f *testing.F) {
	for _, c := range codecs {
		b := build(f, recordbatch.Options{Codec: c}, rec{TS: 1, Key: []byte("k"), Value: []byte("v"), Headers: []recordbatch.Header{{Key: "h"}}})
		f.Add(byte(c), int32(1), []byte(b.RawRecords()))
	}
	f.Fuzz(func(t *testing.T, codec byte, count int32, body []byte) {
		head := build(t, recordbatch.Options{}, rec{})
		b := append(head[:recordbatch.HeaderLen:recordbatch.HeaderLen], body...)
		binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
		b[22] = codec & 7
		binary.BigEndian.PutUint32(b[23:], uint32(count-1))
		binary.BigEndian.PutUint32(b[57:], uint32(count))
		b.SetCRC()
		if recordbatch.Validate(b) != nil {
			return
		}
		n := int32(0)
		for _, err := range b.Records(1 << 20) {
			if err != nil {
				return
			}
			n++
		}
		if n != count {
			t.Fatalf("%d records, header says %d", n, count)
		}
	})
}

// FuzzSplit feeds any bytes as a run of batches.
func FuzzSplit(f *testing.F) {
	b := build(f, recordbatch.Options{}, rec{TS: 1})
	f.Add([]byte(b))
	f.Add(append([]byte(b), b...))
	f.Fuzz(func(t *testing.T, p []byte) {
		total := 0
		for b, err := range recordbatch.Split(p) {
			if err != nil {
				return
			}
			total += len(b)
			_, _ = collect(b)
			_ = b.String()
		}
		if total != len(p) {
			t.Fatalf("batches cover %d of %d bytes", total, len(p))
		}
	})
}

// FuzzDecompress feeds any bytes to the decoder of any codec: no panic, and no more bytes than allowed.
func FuzzDecompress(f *testing.F) {
	for _, c := range codecs {
		b := build(f, recordbatch.Options{Codec: c}, rec{TS: 1, Value: bytes.Repeat([]byte("venta "), 50)})
		f.Add(byte(c), []byte(b.RawRecords()))
	}
	f.Fuzz(func(t *testing.T, codec byte, body []byte) {
		const most = 1 << 16
		head := build(t, recordbatch.Options{}, rec{})
		b := append(head[:recordbatch.HeaderLen:recordbatch.HeaderLen], body...)
		b[22] = codec & 7
		if out, err := b.Decompress(nil, most); err == nil && len(out) > most {
			t.Fatalf("%d bytes, at most %d are allowed", len(out), most)
		}
	})
}

func Example() {
	b := recordbatch.NewBuilder(recordbatch.Options{Codec: recordbatch.Zstd})
	b.Append(1000, []byte("café"), []byte("3"))
	b.Append(1001, []byte("té"), nil)
	batch, err := b.Build()
	if err != nil {
		panic(err)
	}
	batch.SetBaseOffset(10)
	for r, err := range batch.Records(0) {
		fmt.Println(r.Offset, r.Timestamp, string(r.Key), r.Value == nil, err)
	}
	// Output:
	// 10 1000 café false <nil>
	// 11 1001 té true <nil>
}
