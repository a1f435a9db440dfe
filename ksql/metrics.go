package ksql

import "github.com/prometheus/client_golang/prometheus"

// metrics are the engine's own; queries bring those of their applications.
type metrics struct {
	statements *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, e *Engine) *metrics {
	m := &metrics{statements: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "chortal_ksql_statements_total", Help: "Statements by outcome.",
	}, []string{"outcome"})}
	if r == nil {
		return m
	}
	r.MustRegister(m.statements,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "chortal_ksql_persistent_queries", Help: "Persistent queries."}, func() float64 {
			e.state.RLock()
			defer e.state.RUnlock()
			return float64(len(e.queries))
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "chortal_ksql_push_queries", Help: "Push queries that run."}, func() float64 {
			e.state.RLock()
			defer e.state.RUnlock()
			return float64(len(e.push))
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "chortal_ksql_malformed_records_total", Help: "Records that did not decode."}, func() float64 {
			return float64(e.malformed.Load())
		}))
	return m
}

func (m *metrics) statement(err error) {
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	m.statements.WithLabelValues(outcome).Inc()
}
