package streams_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/chortal/chortal/internal/testcluster"
	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/serde"

	"github.com/twmb/franz-go/pkg/kgo"
)

type benchSale struct {
	Que    string `json:"que"`
	Precio int64  `json:"precio"`
}

// BenchmarkWindowedSum is the sum of sales per product and minute, from a topic to a topic over a broker in the same
// process: what one record costs, broker and client included. cpu-us/rec is the processor time of the whole process.
func BenchmarkWindowedSum(b *testing.B) {
	for _, keys := range []int{1000, 100000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) { benchWindowedSum(b, keys) })
	}
}

func benchWindowedSum(b *testing.B, keys int) {
	const records, partitions = 400000, 2
	c := startCluster(b, testcluster.Config{})
	c.create(partitions, "sales", "sums")
	produced := c.Client(kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.ProducerBatchCompression(kgo.NoCompression()))
	for i := range records {
		key := fmt.Sprintf("producto-%07d", i*7919%keys)
		produced.Produce(c.ctx(), &kgo.Record{
			Topic: "sales", Key: []byte(key), Timestamp: time.UnixMilli(1700000000000 + int64(i/50)),
			Value: fmt.Appendf(nil, `{"que":"%s","precio":%d,"a_quien":"cliente-06902 Ana Lopez, calle Mayor 12, 28013 Madrid","dia":"2026-01-01T00:00:00.000Z"}`, key, 10000+i%90000),
		}, nil)
	}
	if err := produced.Flush(c.ctx()); err != nil {
		b.Fatal(err)
	}
	for round := 0; b.Loop(); round++ {
		topology := streams.NewBuilder()
		sales := streams.From(topology, "sales", serde.String, serde.JSON[benchSale]())
		streams.Aggregate(
			streams.Window(sales.GroupByKey(), streams.Tumbling(time.Minute)),
			func() int64 { return 0 },
			func(_ string, s benchSale, sum int64) int64 { return sum + s.Precio },
			streams.Store("sums", serde.Int64),
		).ToStream().To("sums")
		cfg := c.config(fmt.Sprintf("bench-%d-%d", keys, round), b.TempDir())
		cfg.CommitInterval, cfg.Logger = time.Second, nil
		cpu, began := processorTime(b), time.Now()
		app := run(b, topology, cfg)
		c.awaitCommitted(cfg.ApplicationID, "sales")
		took := time.Since(began)
		b.ReportMetric(float64((processorTime(b)-cpu).Nanoseconds())/1000/records, "cpu-us/rec")
		b.ReportMetric(records/took.Seconds(), "rec/s")
		app.close()
	}
}

// awaitCommitted waits until a group has committed the ends of a topic.
func (c *cluster) awaitCommitted(group, topic string) {
	c.t.Helper()
	ends, err := c.admin.ListEndOffsets(c.ctx(), topic)
	if err != nil {
		c.t.Fatal(err)
	}
	for deadline := time.Now().Add(testTimeout); ; time.Sleep(50 * time.Millisecond) {
		committed, err := c.admin.FetchOffsets(c.ctx(), group)
		done := err == nil
		for _, end := range ends[topic] {
			at, ok := committed.Lookup(topic, end.Partition)
			done = done && (end.Offset == 0 || ok && at.At == end.Offset)
		}
		if done {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("group %s has committed %v of %v", group, committed, ends)
		}
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
