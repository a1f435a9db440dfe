//go:build unix

package streamstest_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
	"github.com/chortal/chortal/streams/streamstest"
)

type sale struct {
	Que    string  `json:"que"`
	Precio float64 `json:"precio"`
	AQuien string  `json:"a_quien"`
	Dia    string  `json:"dia"`
}

type total struct {
	N       int64   `json:"n"`
	Importe float64 `json:"importe"`
}

// sales returns n encoded sales of 100 products, one every 10 ms.
func sales(n int) []processor.RawRecord {
	list := make([]processor.RawRecord, n)
	for i := range list {
		list[i] = processor.RawRecord{
			Key:       fmt.Appendf(nil, "k%d", i%1000),
			Value:     fmt.Appendf(nil, `{"que":"producto-%d","precio":%d.5,"a_quien":"Ana","dia":"2026-03-02"}`, i%100, i%50),
			Timestamp: int64(i) * 10,
		}
	}
	return list
}

// cpu returns the CPU time of this process, which tells more than the clock on a busy machine.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// run pipes b.N records in batches and commits every 100,000.
func run(b *testing.B, t *processor.Topology, topic string, records []processor.RawRecord) {
	d, err := streamstest.New(t, streamstest.Config{
		Caching: true, ManualCommit: true, Discard: func(string) bool { return true },
	})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // nothing is kept
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu()
	defer func() { b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op") }()
	for done := 0; done < b.N; {
		n := min(len(records), b.N-done)
		if err := d.PipeBatch(topic, 0, records[:n]); err != nil {
			b.Fatal(err)
		}
		if done += n; done%100_000 < n {
			if err := d.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkStateless is four stateless operators over strings: source and sink included.
func BenchmarkStateless(b *testing.B) {
	bld := streams.NewBuilder()
	s := streams.From(bld, "in", serde.String, serde.String)
	s = s.Filter(func(_, v string) bool { return len(v) > 10 })
	s = streams.MapValues(s, func(v string) string { return v[1:] })
	s = s.Peek(func(_, _ string) {})
	n := streams.MapValues(s, func(v string) int64 { return int64(len(v)) })
	n.FilterNot(func(_ string, v int64) bool { return v < 0 }).To("out")
	run(b, bld.Build(), "in", sales(1000))
}

// BenchmarkWindowedSales is the sum per product and hour over JSON sales, keyed by product already.
func BenchmarkWindowedSales(b *testing.B) {
	bld := streams.NewBuilder()
	in := streams.From(bld, "ventas", serde.String, serde.JSON[sale]())
	streams.Aggregate(
		streams.Window(in.GroupByKey(), streams.Tumbling(time.Hour).Grace(5*time.Minute)),
		func() total { return total{} },
		func(_ string, v sale, t total) total { t.N++; t.Importe += v.Precio; return t },
		streams.Store("totales", serde.JSON[total]()),
	).ToStream().To("totales-por-hora")
	run(b, bld.Build(), "ventas", sales(1000))
}

// BenchmarkRepartitionedSales is the same with a group-by that goes through a repartition topic.
func BenchmarkRepartitionedSales(b *testing.B) {
	bld := streams.NewBuilder()
	in := streams.From(bld, "ventas", serde.String, serde.JSON[sale]())
	streams.Aggregate(
		streams.Window(streams.GroupBy(in, func(_ string, v sale) string { return v.Que }, serde.String), streams.Tumbling(time.Hour).Grace(5*time.Minute)),
		func() total { return total{} },
		func(_ string, v sale, t total) total { t.N++; t.Importe += v.Precio; return t },
		streams.Store("totales", serde.JSON[total]()),
	).ToStream().To("totales-por-hora")
	run(b, bld.Build(), "ventas", sales(1000))
}
