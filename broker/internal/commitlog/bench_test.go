package commitlog_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/chortal/chortal/broker/internal/commitlog"
	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/internal/recordbatch"
)

func benchBatch(b *testing.B, size int) recordbatch.Batch {
	w := recordbatch.NewBuilder(recordbatch.Options{})
	w.Append(start, nil, make([]byte, size))
	batch, err := w.Build()
	must(b, err)
	return append(recordbatch.Batch(nil), batch...)
}

func benchLog(b *testing.B, cache int64) *commitlog.Log {
	fsys, err := fs.NewOS(b.TempDir())
	must(b, err)
	c := commitlog.DefaultConfig()
	c.SegmentBytes = 256 << 20
	o := options(fsys, c)
	o.Cache = commitlog.NewCache(cache)
	l, err := commitlog.Open(o)
	must(b, err)
	b.Cleanup(l.CloseDirty)
	return l
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 16 << 10, 100 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l, batch := benchLog(b, 64<<20), benchBatch(b, size)
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, err := l.Append(batch, 0)
				must(b, err)
				if i*size > 1<<30 {
					b.StopTimer()
					must(b, l.DeleteBefore(l.End()))
					must(b, l.Reap())
					i = 0
					b.StartTimer()
				}
			}
		})
	}
}

func BenchmarkAppendFlush(b *testing.B) {
	l, batch := benchLog(b, 64<<20), benchBatch(b, 16<<10)
	b.SetBytes(int64(len(batch)))
	for b.Loop() {
		_, err := l.Append(batch, 0)
		must(b, err)
		_, err = l.Flush()
		must(b, err)
	}
}

func BenchmarkRead(b *testing.B) {
	for _, where := range []string{"tail", "disk"} {
		b.Run(where, func(b *testing.B) {
			l, batch := benchLog(b, 64<<20), benchBatch(b, 16<<10)
			for range 12_000 { // 192 MB: more than the cache
				_, err := l.Append(batch, 0)
				must(b, err)
			}
			from := int64(0)
			if where == "tail" {
				from = l.End() - 60
			}
			b.ReportAllocs()
			for b.Loop() {
				s, _, err := l.Read(from, 1<<20, l.End(), true)
				must(b, err)
				b.SetBytes(s.Len())
				_, err = s.WriteTo(io.Discard)
				must(b, err)
				s.Release()
			}
		})
	}
}
