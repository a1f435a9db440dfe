package partition

import (
	"time"

	"github.com/chortal/chortal/broker/internal/commitlog"
	"github.com/prometheus/client_golang/prometheus"
)

// Registerer takes the package's metrics.
type Registerer = prometheus.Registerer

// metrics are the package's counters.
type metrics struct {
	truncated prometheus.Counter
	offline   prometheus.Gauge
	deleted   prometheus.Counter

	cleanings, cleanedBytes, cleanedRead, cleanSeconds prometheus.Counter
	uncleanable, mapLoad                               prometheus.Gauge
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
	m.cleanings = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "chortal_cleaner_runs_total", Help: "Compactions of a log.",
	})
	m.cleanedRead = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "chortal_cleaner_read_bytes_total", Help: "Bytes that compaction has read; what is dirty is read twice.",
	})
	m.cleanedBytes = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "chortal_cleaner_written_bytes_total", Help: "Bytes that compaction has written.",
	})
	m.cleanSeconds = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "chortal_cleaner_seconds_total", Help: "Time that compactions took.",
	})
	m.uncleanable = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "chortal_cleaner_uncleanable_partitions", Help: "Partitions whose log cannot be compacted, because it is damaged or a batch has more keys than fit in memory.",
	})
	m.mapLoad = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "chortal_cleaner_buffer_used_ratio", Help: "Part of the memory for keys that the last compaction has used, 0 to 1.",
	})
	if r != nil {
		r.MustRegister(m.truncated, m.offline, m.deleted,
			m.cleanings, m.cleanedRead, m.cleanedBytes, m.cleanSeconds, m.uncleanable, m.mapLoad)
	}
	return m
}

// cleaned counts a compaction.
func (m *metrics) cleaned(c commitlog.Cleaned, took time.Duration) {
	m.cleanings.Inc()
	m.cleanedRead.Add(float64(c.ReadBytes))
	m.cleanedBytes.Add(float64(c.WrittenBytes))
	m.cleanSeconds.Add(max(took.Seconds(), 0))
	m.mapLoad.Set(c.MapLoad)
}
