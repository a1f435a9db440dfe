package streams_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chortal/chortal/internal/testcluster"
	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/serde"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	testTimeout = 30 * time.Second
	minAge      = 50 * time.Millisecond // of metadata: a client's default makes tests wait for seconds
)

// cluster is a broker with helpers of this test.
type cluster struct {
	*testcluster.Cluster
	t      testing.TB
	client *kgo.Client
	admin  *kadm.Client
}

func startCluster(t testing.TB, c testcluster.Config) *cluster {
	t.Helper()
	cl := testcluster.Start(t, c)
	client := cl.Client(kgo.MetadataMinAge(minAge), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.ProducerLinger(0))
	return &cluster{Cluster: cl, t: t, client: client, admin: kadm.NewClient(client)}
}

func (c *cluster) create(partitions int32, topics ...string) {
	c.t.Helper()
	if _, err := c.admin.CreateTopics(c.ctx(), partitions, 1, nil, topics...); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	c.t.Cleanup(cancel)
	return ctx
}

// produce writes key=value pairs in order, with timestamps from 1000 on.
func (c *cluster) produce(topic string, pairs ...string) {
	c.t.Helper()
	c.produceAt(topic, 1000, pairs...)
}

func (c *cluster) produceAt(topic string, from int64, pairs ...string) {
	c.t.Helper()
	var records []*kgo.Record
	for i, pair := range pairs {
		k, v, _ := strings.Cut(pair, "=")
		records = append(records, &kgo.Record{Topic: topic, Key: []byte(k), Value: []byte(v), Timestamp: time.UnixMilli(from + int64(i))})
	}
	if err := c.client.ProduceSync(c.ctx(), records...).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
}

// awaitCounts reads the last int64 per key of a topic until they are as wanted.
func (c *cluster) awaitCounts(topic string, want map[string]int64) {
	c.t.Helper()
	await(c, topic, want, func(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) })
}

// awaitTexts reads the last text per key of a topic until they are as wanted.
func (c *cluster) awaitTexts(topic string, want map[string]string) {
	c.t.Helper()
	await(c, topic, want, func(b []byte) string { return string(b) })
}

func await[V comparable](c *cluster, topic string, want map[string]V, decode func([]byte) V) {
	c.t.Helper()
	got := make(map[string]V)
	client := c.Client(kgo.MetadataMinAge(minAge), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	for deadline := time.Now().Add(testTimeout); !maps.Equal(got, want); {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		fetches := client.PollFetches(ctx)
		cancel()
		if time.Now().After(deadline) {
			c.t.Fatalf("%s has %v, want %v", topic, got, want)
		}
		fetches.EachRecord(func(r *kgo.Record) { got[string(r.Key)] = decode(r.Value) })
	}
}

// breakFile overwrites a file.
func breakFile(t testing.TB, name string) {
	t.Helper()
	if err := os.WriteFile(name, []byte("broken"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) config(app, dir string) streams.Config {
	cfg := streams.Config{
		ApplicationID: app, Brokers: c.Seeds(), Dialer: c.Dialer(), StateDir: dir,
		CommitInterval: 50 * time.Millisecond, SessionTimeout: 6 * time.Second,
	}
	if testing.Verbose() {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	return cfg
}

// running is an application in a goroutine.
type running struct {
	*streams.App
	t    testing.TB
	stop context.CancelFunc
	done chan error
}

func run(t testing.TB, b *streams.Builder, cfg streams.Config) *running {
	t.Helper()
	app, err := streams.New(b.Build(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{App: app, t: t, stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- app.Run(ctx) }()
	t.Cleanup(func() { r.close() })
	return r
}

func (r *running) ready() *running {
	r.t.Helper()
	select {
	case <-r.Ready():
	case err := <-r.done:
		r.done <- err
		r.t.Fatalf("application ended: %v", err)
	case <-time.After(testTimeout):
		r.t.Fatal("application is not ready")
	}
	return r
}

// close ends the application as SIGTERM does.
func (r *running) close() {
	r.t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		r.done <- nil
		if err != nil {
			r.t.Errorf("application: %v", err)
		}
	case <-time.After(testTimeout):
		r.t.Fatal("application does not end")
	}
}

func wordCount(words, counts string) (*streams.Builder, *streams.Table[string, int64]) {
	b := streams.NewBuilder()
	lines := streams.From(b, words, serde.String, serde.String)
	each := streams.FlatMapValues(lines, func(line string) []string { return strings.Fields(line) })
	table := streams.GroupBy(each, func(_, word string) string { return word }, serde.String).
		Count(streams.Store("counts", serde.Int64))
	table.ToStream().To(counts)
	return b, table
}

func TestWordCount(t *testing.T) {
	t.Parallel()
	c := startCluster(t, testcluster.Config{})
	c.create(3, "lines", "totals")
	c.produce("lines", "1=the quick brown fox", "2=the lazy dog", "3=the fox")
	b, table := wordCount("lines", "totals")
	app := run(t, b, c.config("words", t.TempDir())).ready()
	want := map[string]int64{"the": 3, "quick": 1, "brown": 1, "fox": 2, "lazy": 1, "dog": 1}
	c.awaitCounts("totals", want)

	got := make(map[string]int64)
	for row, err := range streams.Range(c.ctx(), app.App, table, nil, nil) {
		if err != nil {
			t.Fatal(err)
		}
		got[row.Key] = row.Value
	}
	if !maps.Equal(got, want) {
		t.Errorf("store has %v, want %v", got, want)
	}
	if v, ok, err := streams.Get(c.ctx(), app.App, table, "fox"); v != 2 || !ok || err != nil {
		t.Errorf("fox: %d, %v, %v", v, ok, err)
	}
	if _, ok, err := streams.Get(c.ctx(), app.App, table, "cat"); ok || err != nil {
		t.Errorf("cat: %v, %v", ok, err)
	}

	details, err := c.admin.ListTopics(c.ctx(), "words-counts-repartition", "words-counts-changelog")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range details {
		if d.Err != nil || len(d.Partitions) != 3 {
			t.Errorf("internal topic %s: %d partitions, %v", d.Topic, len(d.Partitions), d.Err)
		}
	}
}

// TestRestart: a second run restores only what its state does not have, and goes on counting.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, lose := range []bool{false, true} {
		t.Run(fmt.Sprintf("state lost %v", lose), func(t *testing.T) {
			c := startCluster(t, testcluster.Config{})
			c.create(2, "lines", "totals")
			dir := t.TempDir()
			c.produce("lines", "1=a b c", "2=a b", "3=a")
			b, _ := wordCount("lines", "totals")
			app := run(t, b, c.config("words", dir)).ready()
			c.awaitCounts("totals", map[string]int64{"a": 3, "b": 2, "c": 1})
			app.close()
			if lose {
				dir = t.TempDir()
			}
			c.produce("lines", "4=a d")
			b, table := wordCount("lines", "totals")
			cfg, registry := c.config("words", dir), prometheus.NewRegistry()
			cfg.Metrics = registry
			app = run(t, b, cfg).ready()
			restored := 0.0
			for _, n := range counters(t, registry, "chortal_streams_records_restored_total") {
				restored += n
			}
			if lose != (restored > 0) {
				t.Errorf("%v records were restored", restored)
			}
			want := map[string]int64{"a": 4, "b": 2, "c": 1, "d": 1}
			c.awaitCounts("totals", want)
			for k, n := range want {
				if v, _, err := streams.Get(c.ctx(), app.App, table, k); v != n || err != nil {
					t.Errorf("%s: %d, want %d, %v", k, v, n, err)
				}
			}
		})
	}
}

// TestTakeover: two instances share the tasks; when one dies without a word, the other has all of them, with their state.
func TestTakeover(t *testing.T) {
	t.Parallel()
	c := startCluster(t, testcluster.Config{Properties: map[string]string{"group.min.session.timeout.ms": "1000"}})
	c.create(4, "lines", "totals")
	b, _ := wordCount("lines", "totals")
	cfg := c.config("words", t.TempDir())
	cfg.SessionTimeout = 2 * time.Second
	one := run(t, b, cfg).ready()
	c.produce("lines", "1=a b c d e f g h")
	b, table := wordCount("lines", "totals")
	other := c.config("words", t.TempDir())
	other.SessionTimeout = 2 * time.Second
	dialer := &breaking{dial: other.Dialer}
	other.Dialer = dialer.Dial
	two := run(t, b, other).ready()
	want := map[string]int64{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1, "h": 1}
	c.awaitCounts("totals", want)
	if n := len(owned(one)) + len(owned(two)); n != 4 || len(owned(one)) == 0 || len(owned(two)) == 0 {
		t.Errorf("partitions of the store: %v and %v", owned(one), owned(two))
	}
	dialer.Break()
	c.produce("lines", "2=a b c d e f g h")
	for k := range want {
		want[k] = 2
	}
	c.awaitCounts("totals", want)
	if got := owned(one); len(got) != 4 {
		t.Errorf("the survivor has partitions %v", got)
	}
	for k, n := range want {
		if v, _, err := streams.Get(c.ctx(), one.App, table, k); v != n || err != nil {
			t.Errorf("%s: %d, want %d, %v", k, v, n, err)
		}
	}
	dialer.Mend()
}

func owned(r *running) []int32 {
	partitions, err := streams.StorePartitions(r.App, "counts")
	if err != nil {
		return nil
	}
	return partitions
}

func TestHandlers(t *testing.T) {
	t.Parallel()
	c := startCluster(t, testcluster.Config{})
	c.create(1, "numbers", "doubled")
	c.produce("numbers", "a=\x00\x00\x00\x00\x00\x00\x00\x01", "b=no number", "c=\x00\x00\x00\x00\x00\x00\x00\x0d", "d=\x00\x00\x00\x00\x00\x00\x00\x03")
	topology := func() *streams.Builder {
		b := streams.NewBuilder()
		numbers := streams.From(b, "numbers", serde.String, serde.Int64)
		streams.MapValues(numbers, func(n int64) int64 {
			if n == 13 {
				panic("unlucky")
			}
			return 2 * n
		}).To("doubled")
		return b
	}
	app, err := streams.New(topology().Build(), c.config("fails", t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Run(c.ctx()); err == nil || !strings.Contains(err.Error(), "decode") {
		t.Errorf("run over broken records: %v", err)
	}
	cfg := c.config("panics", t.TempDir())
	cfg.Deserialization = streams.LogAndContinue
	if app, err = streams.New(topology().Build(), cfg); err != nil {
		t.Fatal(err)
	}
	err = app.Run(c.ctx())
	for _, part := range []string{"application panics", "task 0_0", "numbers-0@2", "KSTREAM-MAPVALUES-0000000001", "unlucky"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error does not say %q: %v", part, err)
		}
	}
	cfg = c.config("continues", t.TempDir())
	cfg.Deserialization, cfg.Processing = streams.LogAndContinue, streams.LogAndContinue
	r := run(t, topology(), cfg).ready()
	c.awaitCounts("doubled", map[string]int64{"a": 2, "d": 6})
	if n := r.Dropped(); n != 2 {
		t.Errorf("%d records dropped, want 2", n)
	}
}

func TestMissingSource(t *testing.T) {
	t.Parallel()
	c := startCluster(t, testcluster.Config{Properties: map[string]string{"auto.create.topics.enable": "false"}})
	b, _ := wordCount("nowhere", "totals")
	app, err := streams.New(b.Build(), c.config("words", t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	err = app.Run(c.ctx())
	if missing, ok := errors.AsType[*streams.MissingSourceTopicError](err); !ok || missing.Topic != "nowhere" || missing.Recreated {
		t.Errorf("run over a missing topic: %v", err)
	}
	if err != nil && !strings.Contains(err.Error(), "application words") {
		t.Errorf("error does not name the application: %v", err)
	}
}

func TestConfig(t *testing.T) {
	b, _ := wordCount("a", "b")
	for _, cfg := range []streams.Config{{}, {ApplicationID: "x"}, {Brokers: []string{"x:1"}}, {ApplicationID: "a/b", Brokers: []string{"x:1"}}} {
		if _, err := streams.New(b.Build(), cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

var errBroken = errors.New("connection is broken")

// TestAtLeastOnce kills an application again and again in the middle of its work: no count is below the true one.
func TestAtLeastOnce(t *testing.T) {
	t.Parallel()
	c := startCluster(t, testcluster.Config{Properties: map[string]string{"group.min.session.timeout.ms": "500"}})
	c.create(2, "lines", "totals")
	words := []string{"a", "b", "c", "d", "e"}
	want := make(map[string]int64)
	var lines []string
	for i := range 2000 {
		w := words[i*i%len(words)]
		want[w]++
		lines = append(lines, fmt.Sprintf("%d=%s", i, w))
	}
	dir := t.TempDir()
	for round := range 4 {
		c.produce("lines", lines[round*500:(round+1)*500]...)
		b, _ := wordCount("lines", "totals")
		cfg := c.config("words", dir)
		cfg.SessionTimeout = 600 * time.Millisecond
		dialer := &breaking{dial: cfg.Dialer}
		cfg.Dialer = dialer.Dial
		app := run(t, b, cfg).ready()
		if round < 3 {
			time.Sleep(time.Duration(20*round) * time.Millisecond) // anywhere in its work
			dialer.Break()
			app.close()
		}
	}
	deadline := time.Now().Add(testTimeout)
	got := make(map[string]int64)
	client := c.Client(kgo.MetadataMinAge(minAge), kgo.ConsumeTopics("totals"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for !reached(got, want) {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got[string(r.Key)] = int64(binary.BigEndian.Uint64(r.Value)) })
		cancel()
		if time.Now().After(deadline) {
			t.Fatalf("counts %v, want at least %v", got, want)
		}
	}
}

func reached(got, want map[string]int64) bool {
	for k, n := range want {
		if got[k] < n {
			return false
		}
	}
	return true
}

// breaking is a dialer whose connections can be cut, as by kill -9.
type breaking struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu     sync.Mutex
	broken bool       // guarded by mu
	conns  []net.Conn // guarded by mu
}

func (b *breaking) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return nil, errBroken
	}
	c, err := b.dial(ctx, network, addr)
	if err == nil {
		b.conns = append(b.conns, c)
	}
	return c, err
}

// Break cuts all connections and lets no new one through.
func (b *breaking) Break() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = true
	for _, c := range b.conns {
		_ = c.Close()
	}
}

// Mend lets connections through again.
func (b *breaking) Mend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = false
}
