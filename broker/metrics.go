package broker

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

// numAPIs bounds the API keys that have a counter of their own.
const numAPIs = 96

// metrics counts what the server does. Beside our own names it keeps the family kafka_network_requestmetrics, which
// dashboards made for Kafka's exporters show. The series of each API are looked up once.
type metrics struct {
	connections *prometheus.GaugeVec
	opened      *prometheus.CounterVec
	refused     *prometheus.CounterVec
	bad         *prometheus.CounterVec
	panics      *prometheus.CounterVec
	throttled   prometheus.Counter
	collectors  []prometheus.Collector
	bytesIn     prometheus.Counter
	bytesOut    prometheus.Counter
	apis        [numAPIs]apiMetrics
}

// apiMetrics are the series of one API.
type apiMetrics struct {
	requests    prometheus.Counter
	total       prometheus.Observer
	local       prometheus.Observer
	kafkaCount  prometheus.Counter
	kafkaTimeMs prometheus.Observer
}

var _ server.Hooks = (*metrics)(nil)

// newMetrics makes the metrics of the server.
func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
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
	}
	requests := counter("chortal_server_requests_total", "Requests read.", "request")
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "chortal_server_request_seconds", Help: "Time from a request read to its response written.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
	}, []string{"request"})
	local := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "chortal_server_request_handler_seconds", Help: "Time from a request read to its response given.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
	}, []string{"request"})
	kafkaCount := counter("kafka_network_requestmetrics_requests_total", "Requests read, under the name of Kafka's exporters.", "request")
	kafkaTime := prometheus.NewSummaryVec(prometheus.SummaryOpts{
		Name: "kafka_network_requestmetrics_totaltimems", Help: "Time from a request read to its response written in milliseconds, under the name of Kafka's exporters.",
	}, []string{"request"})
	for key := range m.apis {
		name := kmsg.NameForKey(int16(key))
		if name == "Unknown" || name == "" {
			name = strconv.Itoa(key)
		}
		m.apis[key] = apiMetrics{
			requests: requests.WithLabelValues(name), total: seconds.WithLabelValues(name), local: local.WithLabelValues(name),
			kafkaCount: kafkaCount.WithLabelValues(name), kafkaTimeMs: kafkaTime.WithLabelValues(name),
		}
	}
	m.collectors = []prometheus.Collector{
		m.connections, m.opened, m.refused, m.bad, m.panics, m.throttled, m.bytesIn, m.bytesOut,
		requests, seconds, local, kafkaCount, kafkaTime,
	}
	return m
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
	a := m.api(key)
	a.requests.Inc()
	a.kafkaCount.Inc()
	m.bytesIn.Add(float64(bytes))
}

// Answered counts a response.
func (m *metrics) Answered(key int16, total, local time.Duration, bytes int64) {
	a := m.api(key)
	a.total.Observe(total.Seconds())
	a.local.Observe(local.Seconds())
	a.kafkaTimeMs.Observe(float64(total) / float64(time.Millisecond))
	m.bytesOut.Add(float64(bytes))
}

// BadRequest counts a connection closed for what it sent.
func (m *metrics) BadRequest(reason string) { m.bad.WithLabelValues(reason).Inc() }

// Panicked counts a panic.
func (m *metrics) Panicked(key int16) { m.panics.WithLabelValues(kmsg.NameForKey(key)).Inc() }

// Throttled counts time that a connection was not read.
func (m *metrics) Throttled(waited time.Duration) { m.throttled.Add(waited.Seconds()) }
