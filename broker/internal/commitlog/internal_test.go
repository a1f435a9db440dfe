package commitlog

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/google/go-cmp/cmp"
)

// FuzzSegment opens a log of any bytes: no panic, and what it serves is made of whole batches with a right CRC.
func FuzzSegment(f *testing.F) {
	w := recordbatch.NewBuilder(recordbatch.Options{})
	w.Append(1, nil, []byte("x"))
	b, err := w.Build()
	if err != nil {
		f.Fatal(err)
	}
	second := bytes.Clone(b)
	recordbatch.Batch(second).SetBaseOffset(1)
	f.Add(append(bytes.Clone(b), second...), []byte{0, 0, 0, 1, 0, 0, 0, 69}, []byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}, []byte("0\n1\n0 0\n"), false)
	f.Fuzz(func(t *testing.T, log, index, times, epochs []byte, clean bool) {
		fsys := fs.NewMem()
		if err := fsys.MkdirAll("t-0"); err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{
			fileName(0, suffixLog): log, fileName(0, suffixIndex): index, fileName(0, suffixTimeIndex): times, epochFile: epochs,
		} {
			if err := fs.WriteFileAtomic(fsys, "t-0/"+name, data); err != nil {
				t.Fatal(err)
			}
		}
		l, err := Open(Options{FS: fsys, Dir: "t-0", Config: DefaultConfig(), MaxEpoch: -1, Clean: clean})
		if err != nil {
			return
		}
		defer l.CloseDirty()
		next := int64(0)
		err = l.Scan(0, func(b recordbatch.Batch) error {
			if b.BaseOffset() != next {
				t.Fatalf("offset %d where %d follows", b.BaseOffset(), next)
			}
			next = b.NextOffset()
			return nil
		})
		if err == nil && next != l.End() {
			t.Fatalf("scan ends at %d, log at %d", next, l.End())
		}
		_, _, _ = l.OffsetForTime(0, l.End())
		_, _, _ = l.MaxTimestamp(l.End())
	})
}

func FuzzEpochs(f *testing.F) {
	f.Add([]byte("0\n2\n0 0\n3 17\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseEpochs(data)
		if err != nil {
			return
		}
		again, err := parseEpochs(c.encode())
		if err != nil || cmp.Diff(c, again, cmp.AllowUnexported(epochEntry{})) != "" {
			t.Fatal("does not survive a round trip", err)
		}
	})
}

func FuzzTxnIndex(f *testing.F) {
	f.Add(appendTxnEntry(nil, AbortedTxn{1, 2, 3, 4}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var again []byte
		for _, e := range parseTxnIndex(data) {
			again = appendTxnEntry(again, e)
		}
		if !bytes.HasPrefix(data, again) {
			t.Fatal("does not survive a round trip")
		}
	})
}

// TestSlicesOverTCP sends from disk, inside the kernel where it can, and from the cache, which holds no long batches.
func TestSlicesOverTCP(t *testing.T) {
	fsys, err := fs.NewOS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cache    *Cache
		words    int
		inMemory bool
	}{{nil, 20_000, false}, {NewCache(8 << 20), 20_000, false}, {NewCache(8 << 20), 8_000, true}} {
		l, err := Open(Options{FS: fsys, Dir: "t-0", Config: DefaultConfig(), MaxEpoch: -1, Cache: c.cache})
		if err != nil {
			t.Fatal(err)
		}
		w := recordbatch.NewBuilder(recordbatch.Options{})
		w.Append(1, nil, bytes.Repeat([]byte("ventas "), c.words))
		b, err := w.Build()
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if _, err := l.Append(b, 0); err != nil {
				t.Fatal(err)
			}
		}
		s, _, err := l.Read(l.End()-4, 10<<20, l.End(), true)
		if err != nil {
			t.Fatal(err)
		}
		if _, inMemory := s.Buffers(nil); inMemory != c.inMemory {
			t.Fatalf("%d words, in memory: %v", c.words, inMemory)
		}
		want, err := s.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := overTCP(t, s); !bytes.Equal(got, want) {
			t.Fatalf("sent %d bytes, %d other came", len(want), len(got))
		}
		s.Release()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func overTCP(t *testing.T, s Slice) []byte {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	sent := make(chan error, 1)
	go func() {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err == nil {
			_, err = s.WriteTo(c)
			err = errors.Join(err, c.Close())
		}
		sent <- err
	}()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	if err = errors.Join(err, <-sent); err != nil {
		t.Fatal(err)
	}
	return got
}
