package quota

import (
	"cmp"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// Config configures a Manager. A zero means the default.
type Config struct {
	// Samples and Window are quota.window.num and quota.window.size.seconds: 11 and one second.
	Samples int
	Window  time.Duration
	// MutationSamples and MutationWindow are controller.quota.window.num and controller.quota.window.size.seconds, with
	// the same defaults.
	MutationSamples int
	MutationWindow  time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Lookup finds the addresses of a host. Default: the resolver of the system.
	Lookup Lookup
	// Logger; default slog.Default.
	Logger *slog.Logger
	// Registerer takes the metrics; nil: none.
	Registerer prometheus.Registerer
}

// Manager measures clients and says how long they are to wait. All methods may
// be called at any time from any goroutine; those that answer requests also on
// a nil Manager, which limits nothing.
type Manager struct {
	now     func() time.Time
	start   time.Time
	lookup  Lookup
	log     *slog.Logger
	metrics *metrics

	active      atomic.Pointer[rules] // nil: nothing is limited
	rates       [mutation]*table[Client]
	mutations   *table[Client]
	connections connections

	mu    sync.Mutex
	found map[string][]netip.Addr // guarded by mu: addresses of hosts
	wake  chan struct{}           // hosts are to be looked up
}

var _ metadata.Publisher = (*Manager)(nil)

// New makes a manager. Subscribe it to the metadata, and call Run.
func New(c Config) *Manager {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Lookup == nil {
		c.Lookup = net.DefaultResolver.LookupNetIP
	}
	w := newWindow(c.Samples, c.Window)
	m := &Manager{
		now: c.Now, start: c.Now(), lookup: c.Lookup, log: cmp.Or(c.Logger, slog.Default()),
		mutations: newTable[Client](newWindow(c.MutationSamples, c.MutationWindow), true),
		wake:      make(chan struct{}, 1),
	}
	m.mutations.hide = Client.hidden
	for k := range m.rates {
		m.rates[k] = newTable[Client](w, false)
		m.rates[k].hide = Client.hidden
	}
	m.connections = newConnections(w)
	m.metrics = newMetrics(m, c.Registerer)
	return m
}

// newWindow gives a window its defaults.
func newWindow(samples int, length time.Duration) window {
	if samples <= 0 {
		samples = 11
	}
	if length <= 0 {
		length = time.Second
	}
	return window{samples: samples, lengthMs: max(length.Milliseconds(), 1)}
}

// Publish takes the quotas of a new image. It implements metadata.Publisher.
func (m *Manager) Publish(d metadata.Delta) {
	if q := d.Next.Quotas(); d.Prev.Quotas() != q {
		m.arrange(func(map[string][]netip.Addr) *metadata.Quotas { return q })
	}
}

// arrange puts new rules in place. change returns the quotas, and may note
// addresses of hosts.
func (m *Manager) arrange(change func(found map[string][]netip.Addr) *metadata.Quotas) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.found == nil {
		m.found = map[string][]netip.Addr{}
	}
	r := newRules(change(m.found), m.found)
	m.active.Store(r)
	if r == nil {
		clear(m.found)
		return
	}
	for host := range m.found {
		if _, still := r.hosts[host]; !still {
			delete(m.found, host)
		}
	}
	for host := range r.hosts {
		if _, known := m.found[host]; !known {
			select {
			case m.wake <- struct{}{}:
			default:
			}
			return
		}
	}
}

// Enabled tells whether anything is limited.
func (m *Manager) Enabled() bool { return m.rules() != nil }

// rules are the quotas that count now, nil if there are none.
func (m *Manager) rules() *rules {
	if m == nil {
		return nil
	}
	return m.active.Load()
}

// nowMs is the time since the manager was made.
func (m *Manager) nowMs() int64 { return m.now().Sub(m.start).Milliseconds() + 1 }

// use adds to one measure of a client, and returns how long the client is to
// wait for it.
func (m *Manager) use(r *rules, k kind, user, clientID string, value float64, nowMs int64) (waitMs int64) {
	who, limit, limited := r.kinds[k].of(user, clientID)
	if !limited {
		return 0
	}
	waitMs = m.rates[k].use(who, limit, value, nowMs)
	if k == request {
		waitMs = min(waitMs, m.rates[k].window.lengthMs)
	}
	return waitMs
}

// percent is a time in percent of a second, which is what request_percentage
// limits.
func percent(d time.Duration) float64 { return float64(d) * 100 / float64(time.Second) }

// Charge records a request of a client, the bytes that it produced and the
// time that it kept a thread busy, and returns for how long the connection is
// not to be read after the answer. busy is negative for a request that the
// quota of time does not count.
func (m *Manager) Charge(user, clientID string, produced int, busy time.Duration) time.Duration {
	return m.charge(user, clientID, produce, float64(produced), busy)
}

// Fetched is Charge for a request that fetched bytes. If it returns a time, the
// bytes do not count and the answer must be empty.
func (m *Manager) Fetched(user, clientID string, bytes int64, busy time.Duration) time.Duration {
	wait := m.charge(user, clientID, fetch, float64(bytes), busy)
	if wait > 0 {
		m.add(fetch, user, clientID, -float64(bytes))
	}
	return wait
}

func (m *Manager) charge(user, clientID string, k kind, value float64, busy time.Duration) time.Duration {
	r := m.rules()
	if r == nil {
		return 0
	}
	user = userName(user)
	nowMs := m.nowMs()
	var waitMs, busyMs int64
	if value > 0 {
		waitMs = m.use(r, k, user, clientID, value, nowMs)
	}
	if busy >= 0 {
		busyMs = m.use(r, request, user, clientID, percent(busy), nowMs)
	}
	if busyMs >= waitMs {
		k, waitMs = request, busyMs
	}
	return m.metrics.throttled(k, waitMs)
}

// Spent records time that a client's request kept a thread busy, and delays
// nothing: the next request pays for it.
func (m *Manager) Spent(user, clientID string, busy time.Duration) {
	m.add(request, user, clientID, percent(busy))
}

func (m *Manager) add(k kind, user, clientID string, value float64) {
	r := m.rules()
	if r == nil {
		return
	}
	if who, limit, limited := r.kinds[k].of(userName(user), clientID); limited {
		m.rates[k].add(who, limit, value, m.nowMs())
	}
}

// FetchLimit returns the most bytes that a client may fetch at once without
// being sure to wait for them, if there is such a bound.
func (m *Manager) FetchLimit(user, clientID string) (bytes float64, limited bool) {
	r := m.rules()
	if r == nil {
		return 0, false
	}
	_, limit, limited := r.kinds[fetch].of(userName(user), clientID)
	w := m.rates[fetch].window
	return limit * w.seconds(w.samples-1), limited
}

// userName is the name of a principal without its type.
func userName(principal string) string {
	if _, name, ok := strings.Cut(principal, ":"); ok {
		return name
	}
	return principal
}
