package broker

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/partition"
)

// Bounds on the number of series: beyond them only sums are shown.
const (
	maxPartitionSeries = 2000 // partitions
	maxTopicSeries     = 2000 // topics
	maxGroupSeries     = 2000 // groups, and offsets of all groups
)

// groupPatience is how long a scrape waits for the group coordinators.
const groupPatience = time.Second

// family is a metric that is read when it is asked for.
type family struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// nodeMetrics shows logs, topics, groups and the cluster when it is asked, under our own names, under those of Kafka's
// exporters and under those of kafka_exporter.
type nodeMetrics struct {
	node         atomic.Pointer[node] // nil while the broker does not run
	perPartition bool
	families     []*family

	log struct{ size, end, start, segments, current, oldest *family }
	// Of the image: what is known of each partition, and of all.
	leader, replicas, isr, preferred, under, topicPartitions                 *family
	brokers, active, fenced, activeBrokers, topics, partitions, offline      *family
	count, leaders, underReplicated, underMinISR, offlineHere, shrinks, grew *family
	topic                                                                    []topicFamily
	groups, offset, lag, lagSum, members                                     *family
	inFlight, purgatory                                                      *family
	dirTotal, dirFree                                                        *family
}

// topicFamily is a counter of a topic.
type topicFamily struct {
	*family
	value func(*partition.TopicStats) *atomic.Int64
}

func newNodeMetrics(s *settings) *nodeMetrics {
	m := &nodeMetrics{perPartition: s.layers.Bool(configdef.Broker, "metrics.per.partition")}
	gauge := func(name, help string, labels ...string) *family {
		return m.family(prometheus.GaugeValue, name, help, labels)
	}
	counter := func(name, help string, labels ...string) *family {
		return m.family(prometheus.CounterValue, name, help, labels)
	}
	m.log.size = gauge("kafka_log_log_size", "Bytes of a partition's log.", "topic", "partition")
	m.log.end = gauge("kafka_log_log_logendoffset", "Offset of the next record of a partition.", "topic", "partition")
	m.log.start = gauge("kafka_log_log_logstartoffset", "Offset of the first record of a partition.", "topic", "partition")
	m.log.segments = gauge("kafka_log_log_numlogsegments", "Segments of a partition's log.", "topic", "partition")
	m.log.current = gauge("kafka_topic_partition_current_offset", "High watermark of a partition.", "topic", "partition")
	m.log.oldest = gauge("kafka_topic_partition_oldest_offset", "Offset of the first record of a partition.", "topic", "partition")

	m.leader = gauge("kafka_topic_partition_leader", "Broker that leads a partition.", "topic", "partition")
	m.replicas = gauge("kafka_topic_partition_replicas", "Replicas of a partition.", "topic", "partition")
	m.isr = gauge("kafka_topic_partition_in_sync_replica", "Replicas of a partition that are in sync.", "topic", "partition")
	m.preferred = gauge("kafka_topic_partition_leader_is_preferred", "1 if the preferred replica leads a partition.", "topic", "partition")
	m.under = gauge("kafka_topic_partition_under_replicated_partition", "1 if replicas of a partition are out of sync.", "topic", "partition")
	m.topicPartitions = gauge("kafka_topic_partitions", "Partitions of a topic.", "topic")
	m.brokers = gauge("kafka_brokers", "Brokers of the cluster.")

	m.active = gauge("kafka_controller_kafkacontroller_activecontrollercount", "1 if this node is the controller.")
	m.activeBrokers = gauge("kafka_controller_kafkacontroller_activebrokercount", "Brokers that serve clients.")
	m.fenced = gauge("kafka_controller_kafkacontroller_fencedbrokercount", "Brokers that are registered and do not serve clients.")
	m.topics = gauge("kafka_controller_kafkacontroller_globaltopiccount", "Topics of the cluster.")
	m.partitions = gauge("kafka_controller_kafkacontroller_globalpartitioncount", "Partitions of the cluster.")
	m.offline = gauge("kafka_controller_kafkacontroller_offlinepartitionscount", "Partitions without a leader.")

	m.count = gauge("kafka_server_replicamanager_partitioncount", "Partitions on this broker.")
	m.leaders = gauge("kafka_server_replicamanager_leadercount", "Partitions that this broker leads.")
	m.underReplicated = gauge("kafka_server_replicamanager_underreplicatedpartitions", "Partitions with replicas that are out of sync.")
	m.underMinISR = gauge("kafka_server_replicamanager_underminisrpartitioncount", "Partitions with fewer replicas in sync than min.insync.replicas.")
	m.offlineHere = gauge("kafka_server_replicamanager_offlinereplicacount", "Partitions on this broker that cannot be read or written.")
	m.shrinks = counter("kafka_server_replicamanager_isrshrinks_total", "Replicas that fell out of sync.")
	m.grew = counter("kafka_server_replicamanager_isrexpands_total", "Replicas that came into sync again.")

	for _, t := range []struct {
		name, help string
		value      func(*partition.TopicStats) *atomic.Int64
	}{
		{"messagesin", "Records appended to a topic.", func(s *partition.TopicStats) *atomic.Int64 { return &s.Messages }},
		{"bytesin", "Bytes appended to a topic.", func(s *partition.TopicStats) *atomic.Int64 { return &s.BytesIn }},
		{"bytesout", "Bytes of a topic sent to consumers.", func(s *partition.TopicStats) *atomic.Int64 { return &s.BytesOut }},
		{"totalproducerequests", "Partitions of a topic in Produce requests.", func(s *partition.TopicStats) *atomic.Int64 { return &s.Produces }},
		{"totalfetchrequests", "Reads of partitions of a topic for Fetch requests.", func(s *partition.TopicStats) *atomic.Int64 { return &s.Fetches }},
		{"failedproducerequests", "Partitions of a topic in Produce requests that were answered with an error.", func(s *partition.TopicStats) *atomic.Int64 { return &s.FailedProduces }},
		{"failedfetchrequests", "Partitions of a topic in Fetch requests that were answered with an error.", func(s *partition.TopicStats) *atomic.Int64 { return &s.FailedFetches }},
	} {
		m.topic = append(m.topic, topicFamily{counter("kafka_server_brokertopicmetrics_"+t.name+"_total", t.help, "topic"), t.value})
	}

	m.groups = gauge("chortal_group_groups", "Groups by their state.", "state")
	m.offset = gauge("kafka_consumergroup_current_offset", "Offset that a group has committed.", "consumergroup", "topic", "partition")
	m.lag = gauge("kafka_consumergroup_lag", "Offsets between what a group has committed and the high watermark.", "consumergroup", "topic", "partition")
	m.lagSum = gauge("chortal_group_lag", "Lag of a group in all partitions of a topic.", "consumergroup", "topic")
	m.members = gauge("kafka_consumergroup_members", "Members of a group.", "consumergroup")

	m.inFlight = gauge("chortal_server_requests_in_flight", "Requests that were read and are not answered yet.", "request")
	m.purgatory = gauge("kafka_server_delayedoperationpurgatory_purgatorysize", "Requests that wait: for records, for the disk, for the members of a group.", "delayedoperation")

	m.dirTotal = gauge("chortal_log_dir_size_bytes", "Size of the file system of a log dir.", "dir")
	m.dirFree = gauge("chortal_log_dir_free_bytes", "Free bytes on the file system of a log dir.", "dir")
	return m
}

func (m *nodeMetrics) family(kind prometheus.ValueType, name, help string, labels []string) *family {
	f := &family{prometheus.NewDesc(name, help, labels, nil), kind}
	m.families = append(m.families, f)
	return f
}

// Describe implements prometheus.Collector.
func (m *nodeMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range m.families {
		ch <- f.desc
	}
}

// Collect implements prometheus.Collector. It opens no log.
func (m *nodeMetrics) Collect(ch chan<- prometheus.Metric) {
	n := m.node.Load()
	if n == nil {
		return
	}
	s := &scrape{m: m, n: n, emit: func(f *family, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(f.desc, f.kind, v, labels...)
	}}
	s.logs()
	s.throughput()
	s.cluster()
	s.consumers()
	s.waiting()
	for _, d := range n.partitions.Volumes() {
		s.emit(m.dirTotal, float64(d.Usage.TotalBytes), label(d.Path))
		s.emit(m.dirFree, float64(d.Usage.FreeBytes), label(d.Path))
	}
}

// scrape is one look at a running broker.
type scrape struct {
	m    *nodeMetrics
	n    *node
	emit func(f *family, v float64, labels ...string)
}

// logs shows the partitions of this broker.
func (s *scrape) logs() {
	all := s.n.partitions.Partitions()
	s.emit(s.m.count, float64(len(all)))
	if !s.m.perPartition || len(all) > maxPartitionSeries {
		return
	}
	for _, p := range all {
		e, ok := p.Extent()
		if !ok {
			continue
		}
		tp := p.TopicPartition()
		labels := []string{tp.Topic, strconv.Itoa(int(tp.Index))}
		s.emit(s.m.log.size, float64(e.Bytes), labels...)
		s.emit(s.m.log.end, float64(e.End), labels...)
		s.emit(s.m.log.start, float64(e.Start), labels...)
		s.emit(s.m.log.segments, float64(e.Segments), labels...)
		s.emit(s.m.log.current, float64(e.HighWatermark), labels...)
		s.emit(s.m.log.oldest, float64(e.Start), labels...)
	}
}

// throughput shows the counters of each topic, or their sums under an empty name.
func (s *scrape) throughput() {
	all := s.n.partitions.TopicStats()
	for _, f := range s.m.topic {
		var sum int64
		for topic, stats := range all {
			v := f.value(stats).Load()
			if sum += v; len(all) <= maxTopicSeries {
				s.emit(f.family, float64(v), topic)
			}
		}
		if len(all) > maxTopicSeries {
			s.emit(f.family, float64(sum), "")
		}
	}
}

// cluster shows what the metadata says.
func (s *scrape) cluster() {
	img := s.n.metadata.Image()
	var leaders, under, underMin, offline, offlineHere, topics, partitions int
	each := s.m.perPartition && img.NumPartitions() <= maxPartitionSeries
	perTopic := img.NumPartitions() <= maxPartitionSeries || len(s.n.partitions.TopicStats()) <= maxTopicSeries
	for t := range img.Topics() {
		topics++
		if perTopic {
			s.emit(s.m.topicPartitions, float64(len(t.Partitions)), t.Name)
		}
		for i := range t.Partitions {
			p := &t.Partitions[i]
			partitions++
			if p.Leader < 0 {
				offline++
			}
			if p.Leader == s.n.b.set.nodeID {
				leaders++
				part, err := s.n.partitions.Get(t.Name, p.Index)
				if err != nil {
					offlineHere++
				} else if len(p.ISR) < part.MinInSyncReplicas() {
					underMin++
				}
			}
			if len(p.ISR) < len(p.Replicas) {
				under++
			}
			if each {
				labels := []string{t.Name, strconv.Itoa(int(p.Index))}
				s.emit(s.m.leader, float64(p.Leader), labels...)
				s.emit(s.m.replicas, float64(len(p.Replicas)), labels...)
				s.emit(s.m.isr, float64(len(p.ISR)), labels...)
				s.emit(s.m.preferred, flag(len(p.Replicas) > 0 && p.Leader == p.Replicas[0]), labels...)
				s.emit(s.m.under, flag(len(p.ISR) < len(p.Replicas)), labels...)
			}
		}
	}
	brokers := float64(len(img.Brokers()))
	s.emit(s.m.brokers, brokers)
	s.emit(s.m.activeBrokers, brokers)
	s.emit(s.m.fenced, 0)
	s.emit(s.m.active, 1)
	s.emit(s.m.topics, float64(topics))
	s.emit(s.m.partitions, float64(partitions))
	s.emit(s.m.offline, float64(offline))
	s.emit(s.m.leaders, float64(leaders))
	s.emit(s.m.underReplicated, float64(under))
	s.emit(s.m.underMinISR, float64(underMin))
	s.emit(s.m.offlineHere, float64(offlineHere))
	s.emit(s.m.shrinks, 0)
	s.emit(s.m.grew, 0)
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// consumers shows the groups. Their names are any bytes: those that look the same as a label are shown once.
func (s *scrape) consumers() {
	ctx, cancel := context.WithTimeout(context.Background(), groupPatience)
	defer cancel()
	reports := s.n.groups.Reports(ctx)
	states := make(map[group.State]int)
	offsets := 0
	for i := range reports {
		states[reports[i].State]++
		offsets += len(reports[i].Offsets)
	}
	for state, n := range states {
		s.emit(s.m.groups, float64(n), string(state))
	}
	if len(reports) > maxGroupSeries {
		return
	}
	seen := make(map[string]bool)
	for i := range reports {
		name := label(reports[i].Group)
		if seen[name] {
			continue
		}
		seen[name] = true
		s.emit(s.m.members, float64(reports[i].Members), name)
		s.consumer(name, reports[i].Offsets, s.m.perPartition && offsets <= maxGroupSeries)
	}
}

// consumer shows the offsets of one group.
func (s *scrape) consumer(name string, offsets []group.CommittedOffset, each bool) {
	lags := make(map[string]float64)
	for _, o := range offsets {
		topic := label(o.Topic)
		labels := []string{name, topic, strconv.Itoa(int(o.Partition))}
		if each {
			s.emit(s.m.offset, float64(o.Offset), labels...)
		}
		if lag, ok := s.lag(o); ok {
			lags[topic] += lag
			if each {
				s.emit(s.m.lag, lag, labels...)
			}
		}
	}
	if len(lags) > maxTopicSeries {
		return
	}
	for topic, lag := range lags {
		s.emit(s.m.lagSum, lag, name, topic)
	}
}

func (s *scrape) lag(o group.CommittedOffset) (float64, bool) {
	part, err := s.n.partitions.Get(o.Topic, o.Partition)
	if err != nil {
		return 0, false
	}
	e, ok := part.Extent()
	return float64(max(e.HighWatermark-o.Offset, 0)), ok
}

// waiting shows the requests that are not answered yet.
func (s *scrape) waiting() {
	counts := s.n.server.InFlight()
	for key, n := range counts {
		s.emit(s.m.inFlight, float64(n), apiName(key))
	}
	for _, op := range []struct {
		name string
		keys []kmsg.Key
	}{
		{"Fetch", []kmsg.Key{kmsg.Fetch}},
		{"Produce", []kmsg.Key{kmsg.Produce}},
		{"Rebalance", []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup}},
	} {
		n := 0
		for _, key := range op.keys {
			n += counts[int16(key)]
		}
		s.emit(s.m.purgatory, float64(n), op.name)
	}
}

// maxLabel bounds the length of a label.
const maxLabel = 256

// label makes text of outside fit to be a label.
func label(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxLabel)], "\uFFFD") }
