package broker

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/metadata"
)

// coordinatorMetrics counts what the coordinators of groups and transactions do.
type coordinatorMetrics struct {
	groups, txns loopMetrics
	rebalances   *prometheus.CounterVec
	generations  prometheus.Counter
	offsets      *prometheus.CounterVec
	collectors   []prometheus.Collector

	partitions, queued, wait, run, append, records, loads, loading, failures *prometheus.Desc
}

// loopMetrics is what the partitions of one coordinator do.
type loopMetrics struct {
	topic             string
	stats             atomic.Pointer[func() coordinator.Stats] // nil while the broker does not run
	wait, run, append latency
	records           atomic.Uint64
	loads, failures   atomic.Uint64
	loading           atomic.Int64 // nanoseconds
}

func newCoordinatorMetrics() *coordinatorMetrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"topic"}, labels...), nil)
	}
	m := &coordinatorMetrics{
		rebalances: counter("chortal_group_rebalances_total", "Rebalances that groups began, by their protocol.", "type"),
		generations: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chortal_group_generations_total", Help: "Rebalances of the classic protocol that ended with an assignment.",
		}),
		offsets: counter("chortal_group_offsets_total", "Offsets of groups that were committed, deleted, or expired.", "event"),

		partitions: desc("chortal_coordinator_partitions", "Partitions of a coordinator by their state.", "state"),
		queued:     desc("chortal_coordinator_queued_steps", "Requests and timers that wait for their turn."),
		wait:       desc("chortal_coordinator_queue_seconds", "Time that requests waited for their turn."),
		run:        desc("chortal_coordinator_step_seconds", "Time that requests took when it was their turn."),
		append:     desc("chortal_coordinator_append_seconds", "Time from an append to a coordinator's log to its commit."),
		records:    desc("chortal_coordinator_records_total", "Records that coordinators wrote."),
		loads:      desc("chortal_coordinator_loads_total", "Partitions that coordinators read."),
		loading:    desc("chortal_coordinator_load_seconds_total", "Time that coordinators spent on reading their partitions."),
		failures:   desc("chortal_coordinator_failures_total", "Partitions that broke and were read again."),
	}
	m.groups.topic, m.txns.topic = metadata.OffsetsTopic, metadata.TransactionsTopic
	m.collectors = []prometheus.Collector{m.rebalances, m.generations, m.offsets, m}
	return m
}

func (m *coordinatorMetrics) register(r prometheus.Registerer) error {
	var errs []error
	for _, c := range m.collectors {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}

// watch has the state of a node's coordinators shown; nil stands for none.
func (m *coordinatorMetrics) watch(n *node) {
	if n == nil {
		m.groups.stats.Store(nil)
		m.txns.stats.Store(nil)
		return
	}
	groups, txns := n.groups.Stats, n.txns.Stats
	m.groups.stats.Store(&groups)
	m.txns.stats.Store(&txns)
}

// observer counts the steps of a coordinator.
func (l *loopMetrics) observer() *coordinator.Observer {
	return &coordinator.Observer{
		Step: func(queued, ran time.Duration) {
			l.wait.observe(queued)
			l.run.observe(ran)
		},
		Appended: func(records int, took time.Duration) {
			l.records.Add(uint64(records))
			l.append.observe(took)
		},
		Loaded: func(_ int, took time.Duration) {
			l.loads.Add(1)
			l.loading.Add(int64(took))
		},
		Failed: func() { l.failures.Add(1) },
	}
}

// observeGroups counts what happens in groups.
func (m *coordinatorMetrics) observeGroups() *group.Observer {
	classic, consumer := m.rebalances.WithLabelValues(string(group.Classic)), m.rebalances.WithLabelValues(string(group.Consumer))
	count := func(event string) func(int) {
		c := m.offsets.WithLabelValues(event)
		return func(n int) { c.Add(float64(n)) }
	}
	return &group.Observer{
		Rebalance: func(kind group.Kind) {
			if kind == group.Consumer {
				consumer.Inc()
			} else {
				classic.Inc()
			}
		},
		Completed: m.generations.Inc,
		Commits:   count("committed"),
		Expired:   count("expired"),
		Deleted:   count("deleted"),
	}
}

// Describe implements prometheus.Collector.
func (m *coordinatorMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.partitions, m.queued, m.wait, m.run, m.append, m.records, m.loads, m.loading, m.failures} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *coordinatorMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, l := range []*loopMetrics{&m.groups, &m.txns} {
		if stats := l.stats.Load(); stats != nil {
			s := (*stats)()
			for i, state := range coordinator.States {
				ch <- prometheus.MustNewConstMetric(m.partitions, prometheus.GaugeValue, float64(s.Partitions[i]), l.topic, state)
			}
			ch <- prometheus.MustNewConstMetric(m.queued, prometheus.GaugeValue, float64(s.Queued), l.topic)
		}
		wait, run, append := l.wait.snapshot(), l.run.snapshot(), l.append.snapshot()
		ch <- wait.histogram(m.wait, l.topic)
		ch <- run.histogram(m.run, l.topic)
		ch <- append.histogram(m.append, l.topic)
		for d, v := range map[*prometheus.Desc]float64{
			m.records: float64(l.records.Load()), m.loads: float64(l.loads.Load()), m.failures: float64(l.failures.Load()),
			m.loading: time.Duration(l.loading.Load()).Seconds(),
		} {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, l.topic)
		}
	}
}
