//go:build unix

package broker_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/chortal/chortal/internal/testcluster"
)

// The benchmarks drive the broker with requests that were encoded before, so that what getrusage says is nearly the
// broker's own: the client side only writes and reads sockets. Numbers for each record: ns (wall), cpu-ns (user and
// system time of the process), B and allocs.

const recordBytes = 100

// batch builds one record batch.
func batch(b *testing.B, records int) []byte {
	b.Helper()
	builder := recordbatch.NewBuilder(recordbatch.Options{})
	now := time.Now().UnixMilli()
	for i := range records {
		builder.Append(now, fmt.Append(nil, i), make([]byte, recordBytes))
	}
	out, err := builder.Build()
	if err != nil {
		b.Fatal(err)
	}
	return out
}

func produceFrame(b *testing.B, acks int16, partitions, records int) []byte {
	b.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 12, acks, 10000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = "bench"
	for i := range partitions {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = int32(i), batch(b, records)
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("bench")).AppendRequest(nil, req, 1)
}

func fetchFrame(partitions int, offset int64, maxBytes int32) []byte {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = 12, 500, 1, maxBytes, -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = "bench"
	for i := range partitions {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = int32(i), offset, 1<<20
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("bench")).AppendRequest(nil, req, 1)
}

// peer is a connection that sends ready frames.
type peer struct {
	b  *testing.B
	nc net.Conn
	r  *bufio.Reader
}

func dialBench(b *testing.B, c *testcluster.Cluster) *peer {
	b.Helper()
	nc, err := net.Dial("tcp", c.Seeds()[0])
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { nc.Close() })
	return &peer{b, nc, bufio.NewReaderSize(nc, 64<<10)}
}

func (p *peer) write(frame []byte) {
	if _, err := p.nc.Write(frame); err != nil {
		p.b.Error(err)
	}
}

// read takes one answer and returns its size.
func (p *peer) read() int {
	var size [4]byte
	if _, err := io.ReadFull(p.r, size[:]); err != nil {
		p.b.Fatal(err)
	}
	n := int(binary.BigEndian.Uint32(size[:]))
	if _, err := p.r.Discard(n); err != nil {
		p.b.Fatal(err)
	}
	return n
}

// startBench runs a broker on disk with a topic.
func startBench(b *testing.B, partitions int32, durability string) *testcluster.Cluster {
	b.Helper()
	c := testcluster.Start(b, testcluster.Config{OnDisk: true, TCP: true, Properties: map[string]string{
		"durability": durability, "log.retention.check.interval.ms": "1000", "log.retention.bytes": "268435456", "log.segment.bytes": "134217728",
		"log.segment.delete.delay.ms": "0",
	}})
	if _, err := kadm.NewClient(c.Client()).CreateTopic(context.Background(), partitions, 1, nil, "bench"); err != nil {
		b.Fatal(err)
	}
	return c
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs fn and reports the cost of each of its records.
func measure(b *testing.B, records, bytes int, fn func()) {
	b.ReportAllocs()
	b.ResetTimer()
	began, cpu := time.Now(), cpuTime()
	fn()
	wall, used := time.Since(began), cpuTime()-cpu
	b.StopTimer()
	total := float64(b.N) * float64(records)
	b.ReportMetric(total/wall.Seconds(), "records/s")
	b.ReportMetric(float64(used.Nanoseconds())/total, "cpu-ns/record")
	b.ReportMetric(used.Seconds()/(float64(b.N)*float64(bytes)/1e9), "cpu-s/GB")
	b.SetBytes(int64(bytes))
}

func BenchmarkProduce(b *testing.B) {
	for _, c := range []struct {
		durability          string
		acks                int16
		partitions, records int
	}{
		{"none", 1, 1, 1},
		{"none", -1, 1, 1},
		{"fsync", -1, 1, 1},
		{"none", 1, 6, 100},
		{"none", 1, 1, 8000},
		{"none", 1, 6, 8000},
		{"fsync", -1, 1, 8000},
		{"fsync", -1, 6, 1000},
	} {
		b.Run(fmt.Sprintf("%s/acks=%d/partitions=%d/records=%d", c.durability, c.acks, c.partitions, c.records), func(b *testing.B) {
			p := dialBench(b, startBench(b, int32(c.partitions), c.durability))
			frame := produceFrame(b, c.acks, c.partitions, c.records)
			const inFlight = 5
			measure(b, c.partitions*c.records, len(frame), func() {
				go func() {
					for range min(inFlight, b.N) {
						p.write(frame)
					}
				}()
				for i := range b.N {
					p.read()
					if i+inFlight < b.N {
						p.write(frame)
					}
				}
			})
		})
	}
}

// One request at a time: the latency of a small produce.
func BenchmarkProduceSync(b *testing.B) {
	for _, durability := range []string{"none", "fsync"} {
		b.Run(durability, func(b *testing.B) {
			p := dialBench(b, startBench(b, 1, durability))
			frame := produceFrame(b, -1, 1, 1)
			measure(b, 1, len(frame), func() {
				for range b.N {
					p.write(frame)
					p.read()
				}
			})
		})
	}
}

func BenchmarkFetch(b *testing.B) {
	for _, c := range []struct{ partitions, records, batches int }{{1, 1, 1}, {1, 8000, 1}, {6, 1000, 8}} {
		b.Run(fmt.Sprintf("partitions=%d/records=%d/batches=%d", c.partitions, c.records, c.batches), func(b *testing.B) {
			p := dialBench(b, startBench(b, int32(c.partitions), "none"))
			fill := produceFrame(b, 1, c.partitions, c.records)
			for range c.batches {
				p.write(fill)
				p.read()
			}
			frame := fetchFrame(c.partitions, 0, 64<<20)
			p.write(frame)
			bytes := p.read()
			measure(b, c.partitions*c.records*c.batches, bytes, func() {
				for range b.N {
					p.write(frame)
					p.read()
				}
			})
		})
	}
}

// A fetch that waits for a produce: how long until the record is there.
func BenchmarkFetchWaits(b *testing.B) {
	c := startBench(b, 1, "none")
	writer, reader := dialBench(b, c), dialBench(b, c)
	produce := produceFrame(b, 1, 1, 1)
	measure(b, 1, len(produce), func() {
		for i := range b.N {
			reader.write(fetchFrame(1, int64(i), 1<<20))
			writer.write(produce)
			writer.read()
			reader.read()
		}
	})
}

// A real client on both sides, in the same process: its cost is in the numbers.
func BenchmarkClient(b *testing.B) {
	c := startBench(b, 6, "fsync")
	client := c.Client(kgo.DefaultProduceTopic("bench"), kgo.ConsumeTopics("bench"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	value := make([]byte, recordBytes)
	measure(b, 1, recordBytes, func() {
		for range b.N {
			client.Produce(context.Background(), &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
				if err != nil {
					b.Error(err)
				}
			})
		}
		if err := client.Flush(context.Background()); err != nil {
			b.Error(err)
		}
		for seen := 0; seen < b.N; {
			seen += client.PollFetches(context.Background()).NumRecords()
		}
	})
}

// BenchmarkIdleConnections reports what an idle connection costs.
func BenchmarkIdleConnections(b *testing.B) {
	c := testcluster.Start(b, testcluster.Config{TCP: true})
	req := kmsg.NewRequestFormatter().AppendRequest(nil, kmsg.NewPtrApiVersionsRequest(), 1)
	open := func() net.Conn {
		nc, err := net.Dial("tcp", c.Seeds()[0])
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { nc.Close() })
		nc.Write(req)
		var size [4]byte
		if _, err := io.ReadFull(nc, size[:]); err != nil {
			b.Fatal(err)
		}
		io.CopyN(io.Discard, nc, int64(binary.BigEndian.Uint32(size[:])))
		return nc
	}
	open()
	before := inUse()
	b.ResetTimer()
	for range b.N {
		open()
	}
	b.StopTimer()
	b.ReportMetric(float64(inUse()-before)/float64(b.N), "B/conn")
}
