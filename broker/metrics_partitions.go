package broker

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chortal/chortal/broker/internal/configdef"
)

// maxPartitionSeries is the number of partitions up to which each has series of its own.
const maxPartitionSeries = 2000

// partitionMetrics shows the logs when it is asked, under the names of Kafka's exporters and of kafka_exporter.
type partitionMetrics struct {
	node         atomic.Pointer[node] // nil while the broker does not run
	perPartition bool

	logSize, logEnd, logStart           *prometheus.Desc
	current, oldest, leader, replicas   *prometheus.Desc
	isr, topicPartitions, brokers       *prometheus.Desc
	messages                            *prometheus.Desc
	partitions, leaders, under, offline *prometheus.Desc
	active, topics, all, offlineAll     *prometheus.Desc
	dirTotal, dirFree                   *prometheus.Desc
}

func newPartitionMetrics(s *settings) *partitionMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &partitionMetrics{
		perPartition: s.layers.Bool(configdef.Broker, "metrics.per.partition"),

		logSize:  desc("kafka_log_log_size", "Bytes of a partition's log.", "topic", "partition"),
		logEnd:   desc("kafka_log_log_logendoffset", "Offset of the next record of a partition.", "topic", "partition"),
		logStart: desc("kafka_log_log_logstartoffset", "Offset of the first record of a partition.", "topic", "partition"),

		current:         desc("kafka_topic_partition_current_offset", "High watermark of a partition.", "topic", "partition"),
		oldest:          desc("kafka_topic_partition_oldest_offset", "Offset of the first record of a partition.", "topic", "partition"),
		leader:          desc("kafka_topic_partition_leader", "Broker that leads a partition.", "topic", "partition"),
		replicas:        desc("kafka_topic_partition_replicas", "Replicas of a partition.", "topic", "partition"),
		isr:             desc("kafka_topic_partition_in_sync_replica", "Replicas of a partition that are in sync.", "topic", "partition"),
		topicPartitions: desc("kafka_topic_partitions", "Partitions of a topic.", "topic"),
		brokers:         desc("kafka_brokers", "Brokers of the cluster."),

		messages: desc("kafka_server_brokertopicmetrics_messagesin_total", "Offsets that were assigned in the partitions of a topic.", "topic"),

		partitions: desc("kafka_server_replicamanager_partitioncount", "Partitions on this broker."),
		leaders:    desc("kafka_server_replicamanager_leadercount", "Partitions that this broker leads."),
		under:      desc("kafka_server_replicamanager_underreplicatedpartitions", "Partitions with replicas that are out of sync."),
		offline:    desc("kafka_server_replicamanager_offlinereplicacount", "Partitions on this broker that cannot be read or written."),

		active:     desc("kafka_controller_kafkacontroller_activecontrollercount", "1 if this node is the controller."),
		topics:     desc("kafka_controller_kafkacontroller_globaltopiccount", "Topics of the cluster."),
		all:        desc("kafka_controller_kafkacontroller_globalpartitioncount", "Partitions of the cluster."),
		offlineAll: desc("kafka_controller_kafkacontroller_offlinepartitionscount", "Partitions without a leader."),

		dirTotal: desc("chortal_log_dir_size_bytes", "Size of the file system of a log dir.", "dir"),
		dirFree:  desc("chortal_log_dir_free_bytes", "Free bytes on the file system of a log dir.", "dir"),
	}
}

// Describe implements prometheus.Collector.
func (m *partitionMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.logSize, m.logEnd, m.logStart, m.current, m.oldest, m.leader, m.replicas, m.isr, m.topicPartitions, m.brokers, m.messages,
		m.partitions, m.leaders, m.under, m.offline, m.active, m.topics, m.all, m.offlineAll, m.dirTotal, m.dirFree,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *partitionMetrics) Collect(ch chan<- prometheus.Metric) {
	n := m.node.Load()
	if n == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	m.logs(n, ch, gauge)
	m.cluster(n, gauge)
	for _, d := range n.partitions.Dirs() {
		if d.Err == nil && d.Usage.TotalBytes >= 0 {
			gauge(m.dirTotal, d.Usage.TotalBytes, d.Path)
			gauge(m.dirFree, d.Usage.FreeBytes, d.Path)
		}
	}
}

type gaugeFunc func(d *prometheus.Desc, v int64, labels ...string)

// logs shows the partitions of this broker.
func (m *partitionMetrics) logs(n *node, ch chan<- prometheus.Metric, gauge gaugeFunc) {
	all := n.partitions.Partitions()
	each := m.perPartition && len(all) <= maxPartitionSeries
	messages := make(map[string]int64)
	for _, p := range all {
		tp := p.TopicPartition()
		messages[tp.Topic] += p.LogEndOffset()
		if !each {
			continue
		}
		labels := []string{tp.Topic, strconv.Itoa(int(tp.Index))}
		gauge(m.logSize, p.Size(), labels...)
		gauge(m.logEnd, p.LogEndOffset(), labels...)
		gauge(m.logStart, p.LogStartOffset(), labels...)
		gauge(m.current, p.HighWatermark(), labels...)
		gauge(m.oldest, p.LogStartOffset(), labels...)
	}
	for topic, count := range messages {
		ch <- prometheus.MustNewConstMetric(m.messages, prometheus.CounterValue, float64(count), topic)
	}
	gauge(m.partitions, int64(len(all)))
}

// cluster shows what the metadata says.
func (m *partitionMetrics) cluster(n *node, gauge gaugeFunc) {
	img := n.metadata.Image()
	var leaders, under, offline, offlineHere, topics, partitions int64
	each := m.perPartition && img.NumPartitions() <= maxPartitionSeries
	for t := range img.Topics() {
		topics++
		gauge(m.topicPartitions, int64(len(t.Partitions)), t.Name)
		for i := range t.Partitions {
			p := &t.Partitions[i]
			partitions++
			switch {
			case p.Leader < 0:
				offline++
			case p.Leader == n.b.set.nodeID:
				leaders++
				if _, err := n.partitions.Get(t.Name, p.Index); err != nil {
					offlineHere++
				}
			}
			if len(p.ISR) < len(p.Replicas) {
				under++
			}
			if each {
				labels := []string{t.Name, strconv.Itoa(int(p.Index))}
				gauge(m.leader, int64(p.Leader), labels...)
				gauge(m.replicas, int64(len(p.Replicas)), labels...)
				gauge(m.isr, int64(len(p.ISR)), labels...)
			}
		}
	}
	gauge(m.brokers, int64(len(img.Brokers())))
	gauge(m.leaders, leaders)
	gauge(m.under, under)
	gauge(m.offline, offlineHere)
	gauge(m.active, 1)
	gauge(m.topics, topics)
	gauge(m.all, partitions)
	gauge(m.offlineAll, offline)
}
