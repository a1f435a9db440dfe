package partition

import "github.com/prometheus/client_golang/prometheus"

// Registerer takes the package's metrics.
type Registerer = prometheus.Registerer

// metrics are the package's counters.
type metrics struct {
	truncated prometheus.Counter
	offline   prometheus.Gauge
	deleted   prometheus.Counter
}

// newMetrics registers them, unless the registerer is nil.
func newMetrics(r Registerer) *metrics {
	m := &metrics{
		truncated: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chortal_partition_recovery_truncated_bytes_total", Help: "Bytes of torn batches that recovery cut off.",
		}),
		offline: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "chortal_partition_offline_log_dirs", Help: "Log dirs that failed and are not used any more.",
		}),
		deleted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chortal_partition_deleted_segments_total", Help: "Segments that retention has deleted.",
		}),
	}
	if r != nil {
		r.MustRegister(m.truncated, m.offline, m.deleted)
	}
	return m
}
