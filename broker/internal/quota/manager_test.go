package quota

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// managed is a manager with a clock, and the image of its quotas.
type managed struct {
	*Manager
	clock *clock
	image *metadata.Image
}

func manage(c Config, lines ...string) *managed {
	m := &managed{clock: &clock{now: time.Unix(1000, 0)}, image: metadata.Empty()}
	c.Now = m.clock.Now
	m.Manager = New(c)
	m.change(lines...)
	return m
}

func (m *managed) change(lines ...string) {
	d := change(m.image, lines...)
	m.image = d.Next
	m.Publish(d)
}

const second = time.Second

// A limit of 1000 a second allows 10,000 at once: eleven samples of a second, of which the last is not over.
func TestProducedAndFetchedBytes(t *testing.T) {
	m := manage(Config{}, "client=c: producer_byte_rate 1000", "client=c: consumer_byte_rate 1000")
	if wait := m.Charge("User:u", "c", 10_000, 0); wait != 0 {
		t.Errorf("waits %v at the limit", wait)
	}
	if wait := m.Charge("User:u", "c", 5000, 0); wait != 5*second {
		t.Errorf("waits %v", wait)
	}
	if wait := m.Charge("User:other", "c", 1000, 0); wait != 6*second {
		t.Errorf("another user with the same id waits %v", wait)
	}
	if wait := m.Charge("User:u", "other", 1<<40, time.Hour); wait != 0 {
		t.Errorf("who has no quota waits %v", wait)
	}
	m.clock.advance(6 * second)
	if wait := m.Charge("User:u", "c", 0, 0); wait != 0 {
		t.Errorf("a request without bytes waits %v", wait)
	}
	// What is fetched has its own measure. A fetch that has to wait gets nothing, and pays nothing.
	if most, limited := m.FetchLimit("User:u", "c"); !limited || most != 10_000 {
		t.Errorf("may fetch %v", most)
	}
	for range 3 {
		if wait := m.Fetched("User:u", "c", 12_000, 0); wait != 2*second {
			t.Errorf("fetch waits %v", wait)
		}
	}
	if wait := m.Fetched("User:u", "c", 10_000, 0); wait != 0 {
		t.Errorf("a fetch within the limit waits %v", wait)
	}
}

// 50 percent of a thread: five seconds of ten. No request makes a client wait for more than a window.
func TestRequestPercentage(t *testing.T) {
	m := manage(Config{}, "user=u: request_percentage 50", "user=u: producer_byte_rate 1000")
	if wait := m.Charge("User:u", "c", 0, 5*second); wait != 0 {
		t.Errorf("waits %v at the limit", wait)
	}
	if wait := m.Charge("User:u", "c", 0, second/4); wait != second/2 {
		t.Errorf("waits %v", wait)
	}
	m.Spent("User:u", "d", 100*second)
	if wait := m.Charge("User:u", "c", 0, 0); wait != second {
		t.Errorf("waits %v for what was spent before", wait)
	}
	if wait := m.Charge("User:u", "c", 0, -1); wait != 0 {
		t.Errorf("a request that does not count waits %v", wait)
	}
	if wait := m.Charge("User:u", "c", 13_000, 0); wait != 3*second {
		t.Errorf("of two quotas the longer wait counts, not %v", wait)
	}
	// A fetch that waits for its time gets nothing, so its bytes do not count.
	m.change("user=u: consumer_byte_rate 1000")
	if wait := m.Fetched("User:u", "c", 9000, 0); wait != second {
		t.Errorf("fetch waits %v", wait)
	}
	m.change("user=u: request_percentage")
	if wait := m.Fetched("User:u", "c", 9000, second); wait != 0 {
		t.Errorf("fetch waits %v", wait)
	}
}

// Quotas count from the moment in which they change, and measures go on.
func TestQuotasChangeLive(t *testing.T) {
	m := manage(Config{})
	if m.Enabled() {
		t.Error("enabled without quotas")
	}
	m.change("user: producer_byte_rate 1000")
	if !m.Enabled() {
		t.Error("not enabled")
	}
	if wait := m.Charge("User:u", "c", 10_000, 0); wait != 0 {
		t.Errorf("waits %v", wait)
	}
	m.change("user: producer_byte_rate 500")
	if wait := m.Charge("User:u", "c", 0+1, 0); wait.Round(second) != 10*second {
		t.Errorf("waits %v under half the limit", wait)
	}
	m.change("user=u: producer_byte_rate 1000000")
	if wait := m.Charge("User:u", "c", 10_000, 0); wait != 0 {
		t.Errorf("waits %v with a quota of its own", wait)
	}
	m.change("user=u: producer_byte_rate", "user: producer_byte_rate")
	if m.Enabled() {
		t.Error("still enabled")
	}
	if wait := m.Charge("User:u", "c", 1<<40, time.Hour); wait != 0 {
		t.Errorf("waits %v without a quota", wait)
	}
}

// A bucket holds what comes in all windows. It may be overdrawn once.
func TestMutations(t *testing.T) {
	m := manage(Config{}, "user=u: controller_mutation_rate 2")
	ask := func(strict bool, n int) (time.Duration, error) {
		q := m.Mutations("User:u", "c", strict)
		err := q.Take(n)
		return q.Throttle(), err
	}
	if wait, err := ask(true, 30); err != nil || wait != 0 { // 22 are there
		t.Errorf("first: %v, %v", err, wait)
	}
	if wait, err := ask(true, 1); !errors.Is(err, kerr.ThrottlingQuotaExceeded) || wait != 4*second {
		t.Errorf("strict: %v, %v", err, wait)
	}
	if wait, err := ask(false, 2); err != nil || wait != 5*second {
		t.Errorf("permissive: %v, %v", err, wait)
	}
	q := m.Mutations("User:u", "c", true)
	if err := q.Take(1); !errors.Is(err, kerr.ThrottlingQuotaExceeded) || !strings.Contains(err.Error(), "The throttling quota has been exceeded.") {
		t.Error(err)
	}
	m.clock.advance(2 * second)
	if wait := q.Throttle(); wait != 3*second {
		t.Errorf("the time since then does not count: %v", wait)
	}
	m.clock.advance(3 * second)
	if wait, err := ask(true, 1); err != nil || wait != 0 {
		t.Errorf("after the wait: %v, %v", err, wait)
	}
	if err := m.Mutations("User:other", "c", true).Take(1 << 30); err != nil {
		t.Errorf("without a quota: %v", err)
	}
}

// No manager, no limits.
func TestNilManager(t *testing.T) {
	var m *Manager
	if m.Enabled() || m.Charge("User:u", "c", 1<<40, time.Hour) != 0 || m.Fetched("User:u", "c", 1<<40, time.Hour) != 0 {
		t.Error("a nil manager limits")
	}
	if _, limited := m.FetchLimit("User:u", "c"); limited {
		t.Error("a nil manager limits fetches")
	}
	q := m.Mutations("User:u", "c", true)
	if q.Take(1<<30) != nil || q.Throttle() != 0 {
		t.Error("a nil manager limits mutations")
	}
	if wait, refuse := m.Connect("L", netip.MustParseAddr("::1")); wait+refuse != 0 {
		t.Error("a nil manager limits connections")
	}
}

func TestConnectionsOfAddresses(t *testing.T) {
	m := manage(Config{}, "ip=10.0.0.1: connection_creation_rate 1", "ip: connection_creation_rate 2")
	refused := func(addr string) int {
		n := 0
		for range 30 {
			wait, refuse := m.Connect("L", netip.MustParseAddr(addr))
			if wait != 0 || refuse < 0 || refuse > second {
				t.Fatalf("wait %v, refuse %v", wait, refuse)
			}
			if refuse > 0 {
				n++
			}
		}
		return n
	}
	// Ten windows have room for ten and twenty; who is refused does not count.
	for addr, want := range map[string]int{"10.0.0.1": 20, "10.0.0.2": 10, "::1": 10} {
		if got := refused(addr); got != want {
			t.Errorf("%s: %d refused, want %d", addr, got, want)
		}
	}
	if got := refused("::ffff:10.0.0.1"); got != 30 {
		t.Errorf("a mapped address is another one: %d refused", got)
	}
	m.change("ip: connection_creation_rate")
	if got := refused("10.0.0.2"); got != 0 {
		t.Errorf("%d refused without a default", got)
	}
}

func TestConnectionsOfListeners(t *testing.T) {
	m := manage(Config{})
	waits := func(listener string) int {
		n := 0
		for range 30 {
			wait, refuse := m.Connect(listener, netip.MustParseAddr("10.0.0.1"))
			if refuse != 0 || wait > second {
				t.Fatalf("wait %v, refuse %v", wait, refuse)
			}
			if wait > 0 {
				n++
			}
		}
		m.clock.advance(time.Minute)
		return n
	}
	for _, test := range []struct {
		all, a int64
		waitsA int
		waitsB int
	}{
		{math.MaxInt32, math.MaxInt32, 0, 0},
		{2, math.MaxInt32, 10, 10},
		{math.MaxInt32, 1, 20, 0},
		{2, 1, 20, 10},
	} {
		m.LimitConnections(test.all, map[string]int64{"A": test.a})
		if a, b := waits("A"), waits("B"); a != test.waitsA || b != test.waitsB {
			t.Errorf("all %d, A %d: %d and %d wait, want %d and %d", test.all, test.a, a, b, test.waitsA, test.waitsB)
		}
	}
}

// A host is looked up when its quota is set, and again while it has no address.
func TestHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked, known := 0, false
		lookup := func(_ context.Context, _, host string) ([]netip.Addr, error) {
			mu.Lock()
			defer mu.Unlock()
			if asked++; host != "clients.example" || !known {
				return nil, errors.New("no such host")
			}
			return []netip.Addr{netip.MustParseAddr("::ffff:10.0.0.1"), netip.MustParseAddr("fe80::1")}, nil
		}
		m := manage(Config{Lookup: lookup, Logger: slog.New(slog.DiscardHandler)}, "ip=clients.example: connection_creation_rate 0.1", "ip=10.0.0.9: connection_creation_rate 50")
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		synctest.Wait()
		limited := func(addr string) bool {
			_, first := m.Connect("L", netip.MustParseAddr(addr))
			_, second := m.Connect("L", netip.MustParseAddr(addr))
			return first+second > 0
		}
		if limited("10.0.0.1") {
			t.Error("limited before it is known")
		}
		mu.Lock()
		known = true
		mu.Unlock()
		time.Sleep(2 * time.Minute)
		if !limited("10.0.0.1") || !limited("fe80::1%eth0") || limited("10.0.0.2") {
			t.Error("not as the host's addresses")
		}
		mu.Lock()
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
		mu.Unlock()
		m.change("ip=clients.example: connection_creation_rate")
		if limited("10.0.0.1") {
			t.Error("limited without a quota")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Names of clients are theirs to choose: there is room for so many, and those that wait are not forgotten before the idle.
func TestMeasuresAreBounded(t *testing.T) {
	m := manage(Config{}, "client: producer_byte_rate 10", "client: controller_mutation_rate 10")
	m.rates[produce].max, m.mutations.max = 100, 100
	for i := range 90 {
		m.Charge("User:u", fmt.Sprint("idle", i), 1, 0)
	}
	m.clock.advance(time.Minute)
	if wait := m.Charge("User:u", "greedy", 1000, 0); wait == 0 {
		t.Error("does not wait")
	}
	for i := range 50 {
		m.Charge("User:u", fmt.Sprint("new", i), 1, 0)
	}
	if wait := m.Charge("User:u", "greedy", 1, 0); wait == 0 {
		t.Error("was forgotten though others were idle")
	}
	for i := range 3000 {
		m.Charge("User:u", fmt.Sprint("flood", i), 1, 0)
		_ = m.Mutations("User:u", fmt.Sprint("flood", i), true).Take(1)
	}
	if n := len(m.rates[produce].all); n > 100 {
		t.Errorf("%d measures", n)
	}
	if n := len(m.mutations.all); n > 100 {
		t.Errorf("%d buckets", n)
	}
	m.clock.advance(2 * time.Hour)
	m.sweep()
	if n := len(m.rates[produce].all) + len(m.mutations.all); n > 0 {
		t.Errorf("%d after hours", n)
	}
}

// What is shown is bounded, and nothing that a client calls itself breaks it.
func TestMetrics(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	m := manage(Config{Registerer: r}, "user=u: producer_byte_rate 1000", "client=c: consumer_byte_rate 10", "client: request_percentage 10", "user=u: controller_mutation_rate 1")
	m.Charge("User:u", "x", 20_000, second)
	m.Fetched("User:v", "c", 50, 0)
	_ = m.Mutations("User:u", "c", true).Take(5)
	m.Charge("User:u", "bad \xff", 0, 0)
	m.Charge("User:u", "bad \xfe", 0, 0)
	m.Charge("User:u", strings.Repeat("long", 100), 0, 0)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		for _, s := range f.GetMetric() {
			text := strings.TrimPrefix(f.GetName(), "chortal_quota_")
			for _, l := range s.GetLabel() {
				text += " " + l.GetName() + "=" + l.GetValue()
			}
			got = append(got, fmt.Sprintf("%s: %v", text, s.GetCounter().GetValue()+s.GetGauge().GetValue()))
		}
	}
	want := []string{
		"clients quota=controller_mutation: 1", "clients quota=fetch: 1", "clients quota=produce: 1", "clients quota=request: 5",
		"controller_mutation_tokens client_id= user=u: 6", "fetch_bytes_per_second client_id=c user=: 5",
		"produce_bytes_per_second client_id= user=u: 2000", "request_percent client_id=c user=: 0", "request_percent client_id=x user=: 10",
		"throttle_seconds_total quota=controller_mutation: 0", "throttle_seconds_total quota=fetch: 0",
		"throttle_seconds_total quota=produce: 10", "throttle_seconds_total quota=request: 0",
		"throttled_requests_total quota=controller_mutation: 0", "throttled_requests_total quota=fetch: 0",
		"throttled_requests_total quota=produce: 1", "throttled_requests_total quota=request: 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for i := range 2 * maxSeries {
		m.Charge("User:u", fmt.Sprint(i), 0, 0)
	}
	families, err = r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if n := len(f.GetMetric()); n > maxSeries {
			t.Errorf("%s: %d series", f.GetName(), n)
		}
	}
}

// Where nothing is limited, asking costs nothing; where something is, it costs no memory once the client is known.
func TestAllocations(t *testing.T) {
	m := manage(Config{})
	if n := testing.AllocsPerRun(100, func() {
		if m.Enabled() {
			t.Error("enabled")
		}
	}); n > 0 {
		t.Errorf("%v allocations without quotas", n)
	}
	m.change("user=u: producer_byte_rate 1000000000", "user client: request_percentage 1000000")
	if n := testing.AllocsPerRun(1000, func() { m.Charge("User:u", "c", 1, 1) }); n > 0 {
		t.Errorf("%v allocations with quotas", n)
	}
}

func BenchmarkEnabled(b *testing.B) {
	m := New(Config{})
	for b.Loop() {
		if m.Enabled() {
			b.Fatal("enabled")
		}
	}
}

func BenchmarkCharge(b *testing.B) {
	m := manage(Config{}, "user=u: producer_byte_rate 1000000000000", "user client: request_percentage 1000000")
	m.now = time.Now
	m.start = time.Now()
	for b.Loop() {
		m.Charge("User:u", "c", 1, 1)
	}
}
