package quota

import (
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// maxSeries bounds the clients of one kind that are shown: their names are
// theirs to choose.
const maxSeries = 1000

// metrics counts who was made to wait, and shows what those use that have a
// quota.
type metrics struct {
	manager *Manager
	waits   [numKinds]prometheus.Counter
	seconds [numKinds]prometheus.Counter
	used    [numKinds]*prometheus.Desc
	clients *prometheus.Desc
}

var _ prometheus.Collector = (*metrics)(nil)

func newMetrics(m *Manager, r prometheus.Registerer) *metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	waits := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "chortal_quota_throttled_requests_total", Help: "Requests whose client was over its quota.",
	}, []string{"quota"})
	seconds := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "chortal_quota_throttle_seconds_total", Help: "Time for which clients over their quota were told to wait.",
	}, []string{"quota"})
	out := &metrics{
		manager: m,
		clients: desc("chortal_quota_clients", "Clients that are measured because they have a quota.", "quota"),
		used: [numKinds]*prometheus.Desc{
			produce:  desc("chortal_quota_produce_bytes_per_second", "Bytes that a client with a quota produces in a second.", "user", "client_id"),
			fetch:    desc("chortal_quota_fetch_bytes_per_second", "Bytes that a client with a quota fetches in a second.", "user", "client_id"),
			request:  desc("chortal_quota_request_percent", "Percent of a thread that the requests of a client with a quota take.", "user", "client_id"),
			mutation: desc("chortal_quota_controller_mutation_tokens", "Partitions that a client with a quota may create or delete at once; negative: it has to wait.", "user", "client_id"),
		},
	}
	for k := range numKinds {
		out.waits[k], out.seconds[k] = waits.WithLabelValues(k.name()), seconds.WithLabelValues(k.name())
	}
	if r != nil {
		r.MustRegister(waits, seconds, out)
	}
	return out
}

// throttled counts a wait, and returns it.
func (m *metrics) throttled(k kind, waitMs int64) time.Duration {
	if waitMs <= 0 {
		return 0
	}
	d := milliseconds(waitMs)
	m.waits[k].Inc()
	m.seconds[k].Add(d.Seconds())
	return d
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.clients
	for _, d := range m.used {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	nowMs := m.manager.nowMs()
	for k := range numKinds {
		t := m.manager.mutations
		if k != mutation {
			t = m.manager.rates[k]
		}
		clients, shown := t.show(nowMs)
		out <- prometheus.MustNewConstMetric(m.clients, prometheus.GaugeValue, float64(clients), k.name())
		for _, s := range shown {
			out <- prometheus.MustNewConstMetric(m.used[k], prometheus.GaugeValue, s.value, s.who.User, s.who.ClientID)
		}
	}
}

// maxLabel bounds the length of a name that is shown.
const maxLabel = 256

// hidden tells whether a client is not shown by name: a label must be UTF-8,
// and should be one to read.
func (c Client) hidden() bool {
	return len(c.User)+len(c.ClientID) > maxLabel || !utf8.ValidString(c.User) || !utf8.ValidString(c.ClientID)
}

// series is one client's value.
type series[K comparable] struct {
	who   K
	value float64
}

// show returns how many clients there are, and the values of some of them.
func (t *table[K]) show(nowMs int64) (clients int, shown []series[K]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for who, m := range t.all {
		if len(shown) == maxSeries {
			break
		}
		if m.hidden {
			continue
		}
		s := series[K]{who: who}
		if t.tokens {
			m.bucket.refill(t.window, m.limit, nowMs)
			s.value = m.bucket.tokens
		} else {
			s.value, _ = m.rate.measure(t.window, nowMs)
		}
		shown = append(shown, s)
	}
	return len(t.all), shown
}
