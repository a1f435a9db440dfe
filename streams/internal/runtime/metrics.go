package runtime

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters of an application. Task labels are bounded by the topology and its partitions.
type metrics struct {
	commits       prometheus.Counter
	commitsFailed prometheus.Counter
	commitSeconds prometheus.Histogram
	rebalances    prometheus.Counter

	registry   prometheus.Registerer // nil if there is none
	registered []prometheus.Collector
}

// newMetrics registers the metrics of rt. What counts per task is read from the tasks when it is collected.
func newMetrics(rt *Runtime, r prometheus.Registerer) (*metrics, error) {
	labels := prometheus.Labels{"application": rt.cfg.ApplicationID}
	m := &metrics{
		commits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chortal_streams_commits_total", Help: "Commits of offsets, results and state.", ConstLabels: labels,
		}),
		commitsFailed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chortal_streams_commits_failed_total", Help: "Commits that were put off or failed.", ConstLabels: labels,
		}),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "chortal_streams_commit_seconds", Help: "Time that tasks stand still for a commit.", ConstLabels: labels,
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}),
		rebalances: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chortal_streams_assignments_total", Help: "Assignments of tasks to this instance.", ConstLabels: labels,
		}),
	}
	if m.registry = r; r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.commits, m.commitsFailed, m.commitSeconds, m.rebalances, newTaskMetrics(rt, labels)} {
		if err := r.Register(c); err != nil {
			m.unregister()
			return nil, err
		}
		m.registered = append(m.registered, c)
	}
	return m, nil
}

// unregister takes the metrics away, so that the application can be run again.
func (m *metrics) unregister() {
	for _, c := range m.registered {
		m.registry.Unregister(c)
	}
	m.registered = nil
}

func (m *metrics) commit(took time.Duration, err error) {
	m.commitSeconds.Observe(took.Seconds())
	if err != nil {
		m.commitsFailed.Inc()
		return
	}
	m.commits.Inc()
}

// taskMetrics reads the tasks' own counters.
type taskMetrics struct {
	rt                                     *Runtime
	processed, dropped, restored, buffered *prometheus.Desc
}

func newTaskMetrics(rt *Runtime, labels prometheus.Labels) *taskMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("chortal_streams_"+name, help, []string{"task"}, labels)
	}
	return &taskMetrics{
		rt:        rt,
		processed: desc("records_processed_total", "Records that a task has processed."),
		dropped:   desc("records_dropped_total", "Records that a task has dropped, for whatever reason."),
		restored:  desc("records_restored_total", "Changelog records that a task was restored from."),
		buffered:  desc("records_buffered", "Records that a task has read ahead."),
	}
}

// Describe implements prometheus.Collector.
func (m *taskMetrics) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.processed, m.dropped, m.restored, m.buffered} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (m *taskMetrics) Collect(out chan<- prometheus.Metric) {
	for _, w := range m.rt.active() {
		id := w.id.String()
		out <- prometheus.MustNewConstMetric(m.processed, prometheus.CounterValue, float64(w.processed.Load()), id)
		out <- prometheus.MustNewConstMetric(m.dropped, prometheus.CounterValue, float64(w.drops()), id)
		out <- prometheus.MustNewConstMetric(m.restored, prometheus.CounterValue, float64(w.restored.Load()), id)
		out <- prometheus.MustNewConstMetric(m.buffered, prometheus.GaugeValue, float64(w.buffered()), id)
	}
}
