package main

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chortal/chortal/broker"
)

// metricsPage lists the metrics that a broker registers.
func metricsPage() (string, error) {
	r := &recorder{}
	if err := startAndStop(r); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(generated)
	b.WriteString("# Metrics of the broker\n\nServed in Prometheus' format. Names that begin with `kafka_` are those of Kafka's exporters, so that dashboards made for them work.\n\nLabels are bounded: with more than 2000 partitions, or with `metrics.per.partition=false`, no partition has series of its own; with more than 2000 topics their counters are one sum with an empty `topic`; with more than 2000 groups none is named.\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n")
	slices.SortFunc(r.rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	for _, m := range r.rows {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, m.labels, cell(m.help))
	}
	return b.String(), nil
}

// startAndStop runs a broker in memory, so that all parts register what they have.
func startAndStop(r prometheus.Registerer) error {
	b, err := broker.New(broker.Config{InMemory: true, Registerer: r, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	select {
	case <-b.Ready():
		cancel()
		return <-done
	case err := <-done:
		return err
	}
}

type row struct{ name, kind, labels, help string }

// recorder is a Registerer that writes down what is registered.
type recorder struct {
	mu   sync.Mutex
	rows []row // guarded by mu
}

// Register implements prometheus.Registerer.
func (r *recorder) Register(c prometheus.Collector) error {
	descs := make(chan *prometheus.Desc)
	go func() {
		c.Describe(descs)
		close(descs)
	}()
	r.mu.Lock()
	defer r.mu.Unlock()
	for d := range descs {
		m, err := parseDesc(d.String())
		if err != nil {
			return err
		}
		m.kind = kindOf(c, m.name)
		r.rows = append(r.rows, m)
	}
	return nil
}

// MustRegister implements prometheus.Registerer.
func (r *recorder) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}

// Unregister implements prometheus.Registerer.
func (r *recorder) Unregister(prometheus.Collector) bool { return true }

var descPattern = regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: "(.*?)", (?:unit: ".*?", )?constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

func parseDesc(s string) (row, error) {
	m := descPattern.FindStringSubmatch(s)
	if m == nil {
		return row{}, fmt.Errorf("description %q is not understood", s)
	}
	labels := strings.ReplaceAll(m[3], ",", ", ")
	return row{name: m[1], help: strings.ReplaceAll(m[2], `\"`, `"`), labels: labels}, nil
}

func kindOf(c prometheus.Collector, name string) string {
	switch c.(type) {
	case prometheus.Counter, *prometheus.CounterVec:
		if _, gauge := c.(prometheus.Gauge); !gauge {
			return "counter"
		}
	case prometheus.Histogram, *prometheus.HistogramVec:
		return "histogram"
	case *prometheus.SummaryVec:
		return "summary"
	}
	// What a collector makes when it is asked has no type of its own; a test of package broker compares these with what
	// is served.
	switch {
	case strings.HasSuffix(name, "_total"):
		return "counter"
	case strings.HasSuffix(name, "_seconds"):
		return "histogram"
	case strings.HasSuffix(name, "_totaltimems"):
		return "summary"
	}
	return "gauge"
}
