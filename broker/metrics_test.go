package broker_test

import (
	"bufio"
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker"
)

// measured is a running broker in memory whose metrics a test reads.
type measured struct {
	t        *testing.T
	broker   *broker.Broker
	registry *prometheus.Registry
}

func startMeasured(t *testing.T, properties map[string]string) *measured {
	t.Helper()
	m := &measured{t: t, registry: prometheus.NewPedanticRegistry()}
	p := map[string]string{"group.initial.rebalance.delay.ms": "0", "durability": "none", "log.retention.check.interval.ms": "60000"}
	for k, v := range properties {
		p[k] = v
	}
	var err error
	m.broker, err = broker.New(broker.Config{InMemory: true, Registerer: m.registry, Properties: p, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.broker.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	<-m.broker.Ready()
	return m
}

func (m *measured) client(opts ...kgo.Opt) *kgo.Client {
	m.t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(m.broker.Addrs()...), kgo.Dialer(m.broker.Dialer())}, opts...)...)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(c.Close)
	return c
}

// text is what Prometheus gets.
func (m *measured) text() string {
	m.t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		m.t.Fatalf("scrape: %s", w.Body)
	}
	return w.Body.String()
}

// series reads the text format: values by name and labels.
func series(text string) map[string]float64 {
	all := make(map[string]float64)
	for sc := bufio.NewScanner(strings.NewReader(text)); sc.Scan(); {
		if name, value, ok := strings.Cut(sc.Text(), "} "); ok {
			all[name+"}"], _ = strconv.ParseFloat(value, 64)
		} else if name, value, ok := strings.Cut(sc.Text(), " "); ok && name != "#" {
			all[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	return all
}

// Every number of /metrics says what happened.
func TestMetrics(t *testing.T) {
	m := startMeasured(t, nil)
	client := m.client()
	adm := kadm.NewClient(client)
	if _, err := adm.CreateTopic(t.Context(), 2, 1, nil, "ventas"); err != nil {
		t.Fatal(err)
	}
	produceTo(t, client, "ventas", 0, 5)
	produceTo(t, client, "ventas", 1, 2)
	group := m.client(kgo.ConsumerGroup("caja"), kgo.ConsumeTopics("ventas"), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for seen := 0; seen < 7; {
		seen += group.PollFetches(within(t, 20*time.Second)).NumRecords()
	}
	if err := group.CommitUncommittedOffsets(t.Context()); err != nil {
		t.Fatal(err)
	}
	produceTo(t, client, "ventas", 0, 3)
	// A batch that is damaged, and a partition that does not exist.
	bad := kmsg.NewPtrProduceRequest()
	bad.Version, bad.Acks, bad.TimeoutMillis = 9, 1, 1000
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = "ventas", topicID(t, adm, "ventas")
	for _, p := range []int32{0, 7} {
		part := kmsg.NewProduceRequestTopicPartition()
		part.Partition, part.Records = p, make([]byte, 80)
		topic.Partitions = append(topic.Partitions, part)
	}
	bad.Topics = append(bad.Topics, topic)
	if _, err := client.Broker(1).Request(t.Context(), bad); err != nil {
		t.Fatal(err)
	}

	text := m.text()
	got := series(text)
	for name, want := range map[string]float64{
		`kafka_server_brokertopicmetrics_messagesin_total{topic="ventas"}`:                                10,
		`kafka_server_brokertopicmetrics_failedproducerequests_total{topic="ventas"}`:                     1,
		`kafka_server_brokertopicmetrics_failedfetchrequests_total{topic="ventas"}`:                       0,
		`kafka_log_log_logendoffset{partition="0",topic="ventas"}`:                                        8,
		`kafka_log_log_logstartoffset{partition="0",topic="ventas"}`:                                      0,
		`kafka_log_log_numlogsegments{partition="1",topic="ventas"}`:                                      1,
		`kafka_topic_partition_current_offset{partition="1",topic="ventas"}`:                              2,
		`kafka_topic_partition_leader_is_preferred{partition="1",topic="ventas"}`:                         1,
		`kafka_topic_partition_under_replicated_partition{partition="1",topic="ventas"}`:                  0,
		`kafka_topic_partitions{topic="ventas"}`:                                                          2,
		`kafka_consumergroup_current_offset{consumergroup="caja",partition="0",topic="ventas"}`:           5,
		`kafka_consumergroup_lag{consumergroup="caja",partition="0",topic="ventas"}`:                      3,
		`chortal_group_lag{consumergroup="caja",topic="ventas"}`:                                          3,
		`kafka_consumergroup_members{consumergroup="caja"}`:                                               1,
		`chortal_group_groups{state="Stable"}`:                                                            1,
		`kafka_network_requestmetrics_errors_total{error="INVALID_RECORD",request="Produce"}`:             1,
		`kafka_network_requestmetrics_errors_total{error="UNKNOWN_TOPIC_OR_PARTITION",request="Produce"}`: 1,
		`kafka_controller_kafkacontroller_activecontrollercount`:                                          1,
		`kafka_controller_kafkacontroller_activebrokercount`:                                              1,
		`kafka_controller_kafkacontroller_fencedbrokercount`:                                              0,
		`kafka_controller_kafkacontroller_offlinepartitionscount`:                                         0,
		`kafka_server_replicamanager_underminisrpartitioncount`:                                           0,
		`kafka_server_replicamanager_offlinereplicacount`:                                                 0,
		`kafka_server_replicamanager_isrshrinks_total`:                                                    0,
		`kafka_brokers`: 1,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v (there: %v), want %v", name, v, ok, want)
		}
	}
	for _, name := range []string{ // more than nothing
		`kafka_server_brokertopicmetrics_bytesin_total{topic="ventas"}`,
		`kafka_server_brokertopicmetrics_bytesout_total{topic="ventas"}`,
		`kafka_server_brokertopicmetrics_totalproducerequests_total{topic="ventas"}`,
		`kafka_server_brokertopicmetrics_totalfetchrequests_total{topic="ventas"}`,
		`kafka_log_log_size{partition="0",topic="ventas"}`,
		`kafka_network_requestmetrics_requests_total{request="Produce"}`,
		`kafka_network_requestmetrics_totaltimems{request="Produce",quantile="0.99"}`,
		`kafka_network_requestmetrics_totaltimems_count{request="Produce"}`,
		`chortal_server_request_seconds_count{request="Produce"}`,
		`chortal_server_request_handler_seconds_bucket{request="Produce",le="+Inf"}`,
		`chortal_server_requests_total{request="Fetch"}`,
		`chortal_server_request_bytes_total`,
		`chortal_server_response_bytes_total`,
		`chortal_server_connections{listener="PLAINTEXT"}`,
	} {
		if v := got[name]; v <= 0 {
			t.Errorf("%s is %v", name, v)
		}
	}
	lint(t, text)
	checkDocs(t, text)
}

// The group waits for records: its Fetch is seen.
func TestMetricsOfWaitingRequests(t *testing.T) {
	m := startMeasured(t, nil)
	client := m.client(kgo.AllowAutoTopicCreation())
	produceTo(t, client, "ventas", 0, 1)
	waiter := m.client(kgo.ConsumeTopics("ventas"), kgo.FetchMaxWait(30*time.Second))
	go waiter.PollFetches(t.Context())
	name := `kafka_server_delayedoperationpurgatory_purgatorysize{delayedoperation="Fetch"}`
	for deadline := time.Now().Add(20 * time.Second); series(m.text())[name] == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no Fetch is seen to wait")
		}
	}
}

// A scrape of partitions that nobody uses opens none of them, and groups with names that are no text are shown.
func TestMetricsOfManyTopics(t *testing.T) {
	m := startMeasured(t, map[string]string{"metrics.per.partition": "true"})
	client := m.client()
	adm := kadm.NewClient(client)
	if _, err := adm.CreateTopic(t.Context(), 2100, 1, nil, "many"); err != nil {
		t.Fatal(err)
	}
	commit := kmsg.NewPtrOffsetCommitRequest()
	commit.Version, commit.Group, commit.Generation = 7, "no\xff\xfetext", -1
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = "many", topicID(t, adm, "many")
	part := kmsg.NewOffsetCommitRequestTopicPartition()
	part.Offset = 0
	topic.Partitions = append(topic.Partitions, part)
	commit.Topics = append(commit.Topics, topic)
	if _, err := client.Request(t.Context(), commit); err != nil {
		t.Fatal(err)
	}
	text := m.text()
	got := series(text)
	if _, ok := got[`kafka_log_log_size{partition="0",topic="many"}`]; ok {
		t.Error("each of many partitions has a series")
	}
	if v := got["kafka_server_replicamanager_partitioncount"]; v < 2100 {
		t.Errorf("%v partitions", v)
	}
	if v, ok := got["kafka_consumergroup_members{consumergroup=\"no\uFFFDtext\"}"]; !ok || v != 0 {
		t.Error("the group is not shown")
	}
	lint(t, text)
}

// Every family that is served stands in docs/metrics.md with its type.
func checkDocs(t *testing.T, text string) {
	t.Helper()
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(text) {
		name, kind, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "# TYPE ")), " ")
		if !ok || !strings.HasPrefix(line, "# TYPE ") {
			continue
		}
		n++
		if !strings.Contains(string(page), "| `"+name+"` | "+kind+" |") {
			t.Errorf("docs/metrics.md does not have the %s %s", kind, name)
		}
	}
	if n < 50 {
		t.Errorf("only %d families are served", n)
	}
}

// lint does what promtool check metrics does. CHORTAL_METRICS names a file that gets the text, for promtool itself.
func lint(t *testing.T, text string) {
	t.Helper()
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if file := os.Getenv("CHORTAL_METRICS"); file != "" {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// produceTo writes n records to a partition.
func produceTo(t *testing.T, client *kgo.Client, topic string, partition int32, n int) {
	t.Helper()
	p, err := kgo.NewClient(append(client.Opts(), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range n {
		if err := p.ProduceSync(within(t, 20*time.Second), &kgo.Record{Topic: topic, Partition: partition, Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func topicID(t *testing.T, adm *kadm.Client, topic string) [16]byte {
	t.Helper()
	all, err := adm.ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	return all[topic].ID
}
