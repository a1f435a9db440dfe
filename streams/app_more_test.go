package streams_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/chortal/chortal/internal/testcluster"
	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/serde"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

// TestNothingIsLeft: an application that has ended has no goroutine left. It is not parallel, to be alone.
func TestNothingIsLeft(t *testing.T) {
	c := startCluster(t, testcluster.Config{})
	c.create(2, "lines", "totals")
	c.produce("lines", "1=a b", "2=b")
	time.Sleep(20 * time.Millisecond) // the test's own client comes to rest
	before := goleak.IgnoreCurrent()
	b, _ := wordCount("lines", "totals")
	app := run(t, b, c.config("words", t.TempDir())).ready()
	c.awaitCommitted("words", "lines")
	app.close()
	// What the broker keeps for connections ends when it has noticed that they are closed.
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/chortal/chortal/broker/internal/server.(*Conn).run"))
}

// TestJoin: the table's records are older, and so processed first, whichever topic is fetched first.
func TestJoin(t *testing.T) {
	t.Parallel()
	c := startCluster(t, testcluster.Config{})
	c.create(2, "orders", "customers", "mails")
	var customers, orders []string
	want := make(map[string]string)
	for i := range 500 {
		customers = append(customers, fmt.Sprintf("c%d=customer-%d", i, i))
		orders = append(orders, fmt.Sprintf("c%d=order-%d", i, i))
		want[fmt.Sprint("c", i)] = fmt.Sprintf("order-%d for customer-%d", i, i)
	}
	c.produce("orders", orders...)
	c.produceAt("customers", 1, customers...) // before the orders, though written after them
	b := streams.NewBuilder()
	table := streams.TableFrom(b, "customers", serde.String, serde.String, streams.Store("customers", serde.String))
	streams.Join(streams.From(b, "orders", serde.String, serde.String), table,
		func(_, order, customer string) string { return order + " for " + customer }).To("mails")
	run(t, b, c.config("mails", t.TempDir())).ready()
	c.awaitTexts("mails", want)
}

func TestCopartition(t *testing.T) {
	t.Parallel()
	c := startCluster(t, testcluster.Config{})
	c.create(2, "orders", "mails")
	c.create(3, "customers")
	b := streams.NewBuilder()
	table := streams.TableFrom(b, "customers", serde.String, serde.String)
	streams.Join(streams.From(b, "orders", serde.String, serde.String), table,
		func(_, order, customer string) string { return order + customer }).To("mails")
	app, err := streams.New(b.Build(), c.config("mails", t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Run(c.ctx()); err == nil || !strings.Contains(err.Error(), "customers") {
		t.Errorf("topics of 2 and 3 partitions are joined: %v", err)
	}
}

// TestBrokerRestart: the application outlives its broker.
func TestBrokerRestart(t *testing.T) {
	t.Parallel()
	c := startCluster(t, testcluster.Config{OnDisk: true, TCP: true})
	c.create(2, "lines", "totals")
	b, _ := wordCount("lines", "totals")
	cfg := c.config("words", t.TempDir())
	cfg.Dialer = nil
	run(t, b, cfg).ready()
	c.produce("lines", "1=a b", "2=b")
	c.awaitCounts("totals", map[string]int64{"a": 1, "b": 2})
	c.Restart()
	after := startedAgain(t, c)
	after.produce("lines", "3=a b c")
	after.awaitCounts("totals", map[string]int64{"a": 2, "b": 3, "c": 1})
}

// startedAgain has a client of the broker that was restarted.
func startedAgain(t testing.TB, c *cluster) *cluster {
	t.Helper()
	return &cluster{Cluster: c.Cluster, t: t, client: c.Client(kgo.MetadataMinAge(minAge), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))}
}

// TestCorruptState: broken files are wiped and restored, and nobody notices but the log.
func TestCorruptState(t *testing.T) {
	t.Parallel()
	c := startCluster(t, testcluster.Config{})
	c.create(1, "lines", "totals")
	dir := t.TempDir()
	c.produce("lines", "1=a b", "2=b")
	b, _ := wordCount("lines", "totals")
	app := run(t, b, c.config("words", dir)).ready()
	c.awaitCounts("totals", map[string]int64{"a": 1, "b": 2})
	app.close()
	breakFile(t, dir+"/words/1_0/db/MANIFEST")
	c.produce("lines", "3=a")
	b, table := wordCount("lines", "totals")
	app = run(t, b, c.config("words", dir)).ready()
	c.awaitCounts("totals", map[string]int64{"a": 2, "b": 2})
	if n, _, err := streams.Get(c.ctx(), app.App, table, "b"); n != 2 || err != nil {
		t.Errorf("b: %d, %v", n, err)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	c := startCluster(t, testcluster.Config{})
	c.create(1, "lines", "totals")
	c.produce("lines", "1=a b", "2=b")
	b, _ := wordCount("lines", "totals")
	cfg := c.config("words", t.TempDir())
	registry := prometheus.NewRegistry()
	cfg.Metrics = registry
	run(t, b, cfg).ready()
	c.awaitCommitted("words", "lines")
	c.awaitCounts("totals", map[string]int64{"a": 1, "b": 2})
	processed := counters(t, registry, "chortal_streams_records_processed_total")
	if want := map[string]float64{"0_0": 2, "1_0": 3}; !maps.Equal(processed, want) {
		t.Errorf("processed %v, want %v", processed, want)
	}
}

// counters returns the values of a counter by task.
func counters(t testing.TB, registry *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "task" {
					values[l.GetValue()] = m.GetCounter().GetValue()
				}
			}
		}
	}
	return values
}
