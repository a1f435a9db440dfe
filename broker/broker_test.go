package broker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chortal/chortal/broker"
	"github.com/chortal/chortal/internal/testcluster"
)

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// produce writes n numbered records and waits until all are acknowledged.
func produce(t *testing.T, client *kgo.Client, topic string, from, n int) {
	t.Helper()
	ctx := within(t, 20*time.Second)
	for i := range n {
		client.Produce(ctx, &kgo.Record{Topic: topic, Value: fmt.Append(nil, from+i)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// consume reads n numbered records of partition 0 from the start of a topic.
func consume(t *testing.T, client *kgo.Client, topic string, n int) {
	t.Helper()
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}})
	defer client.RemoveConsumePartitions(map[string][]int32{topic: {0}})
	ctx := within(t, 20*time.Second)
	for seen := 0; seen < n; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d records: %v", seen, err)
		}
		for r := range fetches.RecordsAll() {
			if string(r.Value) != fmt.Sprint(seen) || r.Offset != int64(seen) {
				t.Fatalf("offset %d holds %q, want %d", r.Offset, r.Value, seen)
			}
			seen++
		}
	}
}

func TestProduceAndConsume(t *testing.T) {
	for _, cfg := range []testcluster.Config{
		{}, {OnDisk: true}, {TCP: true}, {OnDisk: true, TCP: true, Properties: map[string]string{"durability": "fsync"}},
	} {
		t.Run(fmt.Sprintf("disk=%v,tcp=%v", cfg.OnDisk, cfg.TCP), func(t *testing.T) {
			client := testcluster.Start(t, cfg).Client(kgo.AllowAutoTopicCreation())
			produce(t, client, "ventas", 0, 1000)
			consume(t, client, "ventas", 1000)
		})
	}
}

func TestAddresses(t *testing.T) {
	c := testcluster.Start(t, testcluster.Config{TCP: true})
	over := func(opts ...kgo.Opt) *kgo.Client {
		client, err := kgo.NewClient(opts...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		return client
	}
	tcp := over(kgo.SeedBrokers(c.Seeds()...), kgo.AllowAutoTopicCreation())
	produce(t, tcp, "ventas", 0, 10)
	memory := over(kgo.SeedBrokers("any.name.at.all:1"), kgo.Dialer(c.Dialer()))
	consume(t, memory, "ventas", 10)
	brokers, err := kadm.NewClient(memory).ListBrokers(within(t, 5*time.Second))
	if err != nil || len(brokers) != 1 || brokers[0].Host != "any.name.at.all" || brokers[0].Port != 1 {
		t.Errorf("a client in memory is told %+v, %v", brokers, err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	c := testcluster.Start(t, testcluster.Config{OnDisk: true, TCP: true, Properties: map[string]string{"durability": "fsync"}})
	client := c.Client(kgo.AllowAutoTopicCreation())
	produce(t, client, "ventas", 0, 500)
	clusterID, addr := c.Broker().ClusterID(), c.Seeds()[0]
	c.Restart()
	if c.Broker().ClusterID() != clusterID || c.Seeds()[0] != addr {
		t.Errorf("cluster %s on %s became %s on %s", clusterID, addr, c.Broker().ClusterID(), c.Seeds()[0])
	}
	again := c.Client()
	produce(t, again, "ventas", 500, 500)
	consume(t, again, "ventas", 1000)
}

func TestCleanShutdownNeedsNoRecovery(t *testing.T) {
	dir := t.TempDir()
	c := testcluster.Start(t, testcluster.Config{OnDisk: true, Dir: dir})
	produce(t, c.Client(kgo.AllowAutoTopicCreation()), "ventas", 0, 10)
	began := time.Now()
	c.Stop()
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("shutdown took %v", d)
	}
	if _, err := os.Stat(filepath.Join(dir, ".kafka_cleanshutdown")); err != nil {
		t.Error(err)
	}
}

func TestDeletedTopicIsGone(t *testing.T) {
	dir := t.TempDir()
	c := testcluster.Start(t, testcluster.Config{OnDisk: true, Dir: dir})
	client := c.Client()
	adm := kadm.NewClient(client)
	ctx := within(t, 20*time.Second)
	for range 3 {
		if _, err := adm.CreateTopic(ctx, 2, 1, nil, "ventas"); err != nil {
			t.Fatal(err)
		}
		produce(t, client, "ventas", 0, 10)
		if _, err := adm.DeleteTopic(ctx, "ventas"); err != nil {
			t.Fatal(err)
		}
		client.PurgeTopicsFromClient("ventas")
	}
	c.Restart()
	topics, err := kadm.NewClient(c.Client()).ListTopics(ctx)
	if err != nil || len(topics) != 0 {
		t.Errorf("%v, %v", topics, err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "ventas-?"))
	if len(left) != 0 {
		t.Errorf("folders are left: %v", left)
	}
}

func TestConfigOfATopicTakesEffect(t *testing.T) {
	c := testcluster.Start(t, testcluster.Config{})
	client := c.Client(kgo.ProducerBatchCompression(kgo.NoCompression()))
	adm := kadm.NewClient(client)
	ctx := within(t, 20*time.Second)
	if _, err := adm.CreateTopic(ctx, 1, 1, nil, "ventas"); err != nil {
		t.Fatal(err)
	}
	large := &kgo.Record{Topic: "ventas", Value: make([]byte, 2000)}
	if err := client.ProduceSync(ctx, large).FirstErr(); err != nil {
		t.Fatal(err)
	}
	value := "1000"
	if _, err := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Name: "max.message.bytes", Value: &value}}, "ventas"); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(ctx, large).FirstErr(); err == nil {
		t.Error("a topic's limit has no effect")
	}
}

// Two brokers cannot share a folder, and a folder of another cluster is refused.
func TestLogDirIsProtected(t *testing.T) {
	dir := t.TempDir()
	c := testcluster.Start(t, testcluster.Config{OnDisk: true, Dir: dir})
	run := func(cfg broker.Config) error {
		cfg.Listeners, cfg.LogDirs, cfg.Logger = []string{}, []string{dir}, slog.New(slog.DiscardHandler)
		b, err := broker.New(cfg)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		select {
		case err := <-done:
			return err
		case <-b.Ready():
			cancel()
			return <-done
		}
	}
	if err := run(broker.Config{}); err == nil {
		t.Error("a locked folder was opened")
	}
	c.Stop()
	if err := run(broker.Config{ClusterID: "AAAAAAAAAAAAAAAAAAAAAQ"}); err == nil {
		t.Error("the folder of another cluster was opened")
	}
	if err := run(broker.Config{NodeID: 9}); err == nil {
		t.Error("the folder of another node was opened")
	}
	if err := run(broker.Config{}); err != nil {
		t.Errorf("the folder's own broker: %v", err)
	}
}

func TestPortThatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = broker.New(broker.Config{InMemory: true, Listeners: []string{l.Addr().String()}})
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		t.Errorf("%v", err)
	}
}

func TestRunOnce(t *testing.T) {
	c := testcluster.Start(t, testcluster.Config{})
	if err := c.Broker().Run(context.Background()); !errors.Is(err, broker.ErrRunning) {
		t.Errorf("%v", err)
	}
}

func TestCloseWithoutRun(t *testing.T) {
	b, err := broker.New(broker.Config{InMemory: true, Listeners: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	addr := b.Addrs()[0]
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the address is still taken")
	}
	if _, err := b.Dialer()(context.Background(), "tcp", "x"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestMetricsAreRegisteredAgain(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	for range 2 { // a second broker may follow on the same registry
		b, err := broker.New(broker.Config{InMemory: true, Registerer: r, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.Dialer(b.Dialer()), kgo.AllowAutoTopicCreation())
		if err != nil {
			t.Fatal(err)
		}
		produce(t, client, "ventas", 0, 100)
		families, err := r.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]bool)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
				labels := ""
				for _, l := range m.GetLabel() {
					labels += "," + l.GetName() + "=" + l.GetValue()
				}
				got[fmt.Sprintf("%s{%s} %v", f.GetName(), strings.TrimPrefix(labels, ","), value)] = true
			}
		}
		for _, want := range []string{
			"kafka_log_log_logendoffset{partition=0,topic=ventas} 100",
			"kafka_server_brokertopicmetrics_messagesin_total{topic=ventas} 100",
			"kafka_controller_kafkacontroller_globaltopiccount{} 1",
			"kafka_topic_partition_leader{partition=0,topic=ventas} 1",
			"chortal_server_requests_total{request=InitProducerID} 1",
		} {
			if !got[want] {
				t.Errorf("%s is missing", want)
			}
		}
		client.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if families, err := r.Gather(); err != nil || len(families) != 0 {
		t.Errorf("%d families are left, %v", len(families), err)
	}
}
