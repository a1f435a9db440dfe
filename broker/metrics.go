package broker

import (
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

// numAPIs bounds the API keys that have a counter of their own.
const numAPIs = 96

// metrics counts what the server does. Beside our own names it keeps the family kafka_network_requestmetrics, which
// dashboards made for Kafka's exporters show. The counters of each API are looked up once, and shown when it was asked.
type metrics struct {
	connections *prometheus.GaugeVec
	opened      *prometheus.CounterVec
	refused     *prometheus.CounterVec
	bad         *prometheus.CounterVec
	panics      *prometheus.CounterVec
	throttled   prometheus.Counter
	bytesIn     prometheus.Counter
	bytesOut    prometheus.Counter
	errors      *prometheus.CounterVec
	collectors  []prometheus.Collector
	apis        [numAPIs]apiMetrics

	requests, kafkaRequests, seconds, local, kafkaMillis *prometheus.Desc
}

// apiMetrics are the counters of one API.
type apiMetrics struct {
	name         string
	requests     atomic.Uint64
	total, local latency
}

var _ server.Hooks = (*metrics)(nil)

// newMetrics makes the metrics of the server.
func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"request"}, nil)
	}
	m := &metrics{
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "chortal_server_connections", Help: "Open client connections.",
		}, []string{"listener"}),
		opened:  counter("chortal_server_connections_opened_total", "Client connections accepted.", "listener"),
		refused: counter("chortal_server_connections_refused_total", "Client connections that a limit refused.", "listener", "reason"),
		bad:     counter("chortal_server_bad_requests_total", "Connections closed for what the client sent.", "reason"),
		panics:  counter("chortal_server_panics_total", "Handlers that panicked.", "request"),
		throttled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chortal_server_throttled_seconds_total", Help: "Time that connections were not read because too many bytes were in flight.",
		}),
		bytesIn: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chortal_server_request_bytes_total", Help: "Bytes of requests read.",
		}),
		bytesOut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chortal_server_response_bytes_total", Help: "Bytes of responses written.",
		}),
		errors: counter("kafka_network_requestmetrics_errors_total", "Errors in responses, by their names in the protocol.", "request", "error"),

		requests:      desc("chortal_server_requests_total", "Requests read."),
		kafkaRequests: desc("kafka_network_requestmetrics_requests_total", "Requests read, under the name of Kafka's exporters."),
		seconds:       desc("chortal_server_request_seconds", "Time from a request read to its response written."),
		local:         desc("chortal_server_request_handler_seconds", "Time from a request read to its response given."),
		kafkaMillis:   desc("kafka_network_requestmetrics_totaltimems", "Time from a request read to its response written in milliseconds, under the name of Kafka's exporters."),
	}
	for key := range m.apis {
		m.apis[key].name = apiName(int16(key))
	}
	m.collectors = []prometheus.Collector{
		m.connections, m.opened, m.refused, m.bad, m.panics, m.throttled, m.bytesIn, m.bytesOut, m.errors, apiCollector{m},
	}
	return m
}

func apiName(key int16) string {
	name := kmsg.NameForKey(key)
	if name == "Unknown" || name == "" {
		return strconv.Itoa(int(key))
	}
	return name
}

// apiCollector shows the APIs that were asked.
type apiCollector struct{ m *metrics }

// Describe implements prometheus.Collector.
func (c apiCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.m.requests, c.m.kafkaRequests, c.m.seconds, c.m.local, c.m.kafkaMillis} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c apiCollector) Collect(ch chan<- prometheus.Metric) {
	for i := range c.m.apis {
		a := &c.m.apis[i]
		n := float64(a.requests.Load())
		if n == 0 {
			continue
		}
		ch <- prometheus.MustNewConstMetric(c.m.requests, prometheus.CounterValue, n, a.name)
		ch <- prometheus.MustNewConstMetric(c.m.kafkaRequests, prometheus.CounterValue, n, a.name)
		total, local := a.total.snapshot(), a.local.snapshot()
		ch <- total.histogram(c.m.seconds, a.name)
		ch <- local.histogram(c.m.local, a.name)
		ch <- total.summary(c.m.kafkaMillis, a.name)
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	var errs []error
	for _, c := range m.collectors {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}

func (m *metrics) api(key int16) *apiMetrics {
	if key < 0 || key >= numAPIs {
		key = numAPIs - 1
	}
	return &m.apis[key]
}

// ConnOpened implements server.Hooks, as do all that follow.
func (m *metrics) ConnOpened(listener string) {
	m.connections.WithLabelValues(listener).Inc()
	m.opened.WithLabelValues(listener).Inc()
}

// ConnClosed counts the connection out.
func (m *metrics) ConnClosed(listener string) { m.connections.WithLabelValues(listener).Dec() }

// ConnRefused counts a connection that a limit refused.
func (m *metrics) ConnRefused(listener, reason string) {
	m.refused.WithLabelValues(listener, reason).Inc()
}

// Request counts a request.
func (m *metrics) Request(key, _ int16, bytes int) {
	m.api(key).requests.Add(1)
	m.bytesIn.Add(float64(bytes))
}

// Answered counts a response.
func (m *metrics) Answered(key int16, total, local time.Duration, bytes int64) {
	a := m.api(key)
	a.total.observe(total)
	a.local.observe(local)
	m.bytesOut.Add(float64(bytes))
}

// Failed counts an error that a client was told.
func (m *metrics) Failed(api, name string) { m.errors.WithLabelValues(api, name).Inc() }

// BadRequest counts a connection closed for what it sent.
func (m *metrics) BadRequest(reason string) { m.bad.WithLabelValues(reason).Inc() }

// Panicked counts a panic.
func (m *metrics) Panicked(key int16) { m.panics.WithLabelValues(m.api(key).name).Inc() }

// Throttled counts time that a connection was not read.
func (m *metrics) Throttled(waited time.Duration) { m.throttled.Add(waited.Seconds()) }
