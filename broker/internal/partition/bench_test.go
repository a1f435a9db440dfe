package partition_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/internal/recordbatch"
)

func benchPartition(b *testing.B, d partition.Durability) *partition.Partition {
	disk, err := fs.NewOS(b.TempDir())
	must(b, err)
	c := memConfig(disk)
	c.Durability = d
	p := open(b, c).create(b, "ventas", func(c *partition.TopicConfig) { c.SegmentBytes = 128 << 20 })
	return p
}

// BenchmarkAppend is the whole produce path of a partition but the socket: checks, log, tail cache.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 100 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			p := benchPartition(b, partition.None)
			x := batch(b, recordbatch.Options{}, string(make([]byte, size)))
			b.SetBytes(int64(len(x)))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				_, err := p.Append(x, partition.AppendOptions{Acks: -1}, nil)
				must(b, err)
				if n += size; n > 512<<20 {
					b.StopTimer()
					n = 0
					_, err := p.DeleteRecordsBefore(-1)
					must(b, err)
					b.StartTimer()
				}
			}
		})
	}
}

// BenchmarkAppendDurable is acks=all under fsync, by the number of producers that share a sync.
func BenchmarkAppendDurable(b *testing.B) {
	for _, producers := range []int{1, 32} {
		b.Run(fmt.Sprint(producers), func(b *testing.B) {
			p := benchPartition(b, partition.Fsync)
			b.SetParallelism(producers)
			b.RunParallel(func(pb *testing.PB) {
				x := batch(b, recordbatch.Options{}, string(make([]byte, 1000)))
				for pb.Next() {
					_, err := p.AppendWait(context.Background(), x, partition.AppendOptions{Acks: -1})
					must(b, err)
				}
			})
		})
	}
}

func BenchmarkReadTail(b *testing.B) {
	p := benchPartition(b, partition.None)
	x := batch(b, recordbatch.Options{}, string(make([]byte, 1000)))
	for range 100 {
		_, err := p.Append(x, partition.AppendOptions{}, nil)
		must(b, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := p.Read(partition.ReadOptions{Offset: 99, MaxBytes: 1 << 20, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1})
		must(b, err)
		r.Slice.Release()
	}
}

// BenchmarkOpen is the start of a broker with many idle partitions, after a clean shutdown.
func BenchmarkOpen(b *testing.B) {
	disk, err := fs.NewOS(b.TempDir())
	must(b, err)
	const n = 1000
	start := func() *broker {
		m := open(b, memConfig(disk))
		for i := range int32(n) {
			_, err := m.Create(partition.Spec{Topic: "ventas", TopicID: [16]byte{1}, Index: i, Config: partition.DefaultTopicConfig()})
			must(b, err)
		}
		return m
	}
	must(b, start().stop())
	for b.Loop() {
		m := start()
		b.StopTimer()
		must(b, m.stop())
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "us/partition")
}
