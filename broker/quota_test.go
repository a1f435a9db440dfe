package broker_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chortal/chortal/broker"
	"github.com/chortal/chortal/internal/testcluster"
)

// setQuotas sets quotas of "client-id=x" and the like, or removes them: "-key".
func setQuotas(t *testing.T, admin *kadm.Client, entity string, ops ...string) {
	t.Helper()
	entry := kadm.AlterClientQuotaEntry{}
	for part := range strings.SplitSeq(entity, ",") {
		typ, name, named := strings.Cut(part, "=")
		e := kadm.ClientQuotaEntityComponent{Type: typ}
		if named {
			e.Name = &name
		}
		entry.Entity = append(entry.Entity, e)
	}
	for _, op := range ops {
		key, value, set := strings.Cut(op, "=")
		o := kadm.AlterClientQuotaOp{Key: strings.TrimPrefix(key, "-"), Remove: !set}
		if set {
			if _, err := fmt.Sscan(value, &o.Value); err != nil {
				t.Fatal(err)
			}
		}
		entry.Ops = append(entry.Ops, o)
	}
	got, err := admin.AlterClientQuotas(within(t, 20*time.Second), []kadm.AlterClientQuotaEntry{entry})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range got {
		if e.Err != nil {
			t.Fatalf("%s: %v %s", entity, e.Err, e.ErrMessage)
		}
	}
}

// Quotas are there after a restart, for kadm to see.
func TestQuotasSurviveRestart(t *testing.T) {
	c := testcluster.Start(t, testcluster.Config{OnDisk: true})
	setQuotas(t, kadm.NewClient(c.Client()), "user=alice,client-id", "producer_byte_rate=1000", "request_percentage=12.5")
	setQuotas(t, kadm.NewClient(c.Client()), "ip=10.0.0.1", "connection_creation_rate=5")
	setQuotas(t, kadm.NewClient(c.Client()), "ip=10.0.0.1", "-connection_creation_rate")
	c.Restart()
	got, err := kadm.NewClient(c.Client()).DescribeClientQuotas(within(t, 20*time.Second), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := kadm.DescribedClientQuotas{{
		Entity: kadm.ClientQuotaEntity{{Type: "client-id"}, {Type: "user", Name: kadm.StringPtr("alice")}},
		Values: kadm.ClientQuotaValues{{Key: "producer_byte_rate", Value: 1000}, {Key: "request_percentage", Value: 12.5}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A producer and a consumer take at least the time that their quotas say, and lose nothing.
func TestQuotasOfClients(t *testing.T) {
	c := testcluster.Start(t, testcluster.Config{Properties: map[string]string{"quota.window.num": "2"}})
	admin := kadm.NewClient(c.Client())
	if _, err := admin.CreateTopic(within(t, 20*time.Second), 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	const records, rate = 25, 100_000
	setQuotas(t, admin, "client-id=slow", "producer_byte_rate=100000", "consumer_byte_rate=100000")
	value := make([]byte, 10_000)
	client := c.Client(kgo.ClientID("slow"), kgo.ProducerBatchMaxBytes(20_000), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.FetchMaxBytes(20_000), kgo.FetchMaxPartitionBytes(20_000))
	took := func(what string, do func(context.Context)) {
		t.Helper()
		begun := time.Now()
		do(within(t, 60*time.Second))
		// One window is free, and the last request is answered before it has to be paid for.
		if least := time.Second * (records*10_000 - rate - 40_000) / rate; time.Since(begun) < least {
			t.Errorf("%s took %v, at least %v were to be", what, time.Since(begun), least)
		}
	}
	took("produce", func(ctx context.Context) {
		for range records {
			client.Produce(ctx, &kgo.Record{Topic: "t", Value: value}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := client.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	})
	took("consume", func(ctx context.Context) {
		client.AddConsumePartitions(map[string]map[int32]kgo.Offset{"t": {0: kgo.NewOffset().AtStart()}})
		for seen := 0; seen < records; {
			fetches := client.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				t.Fatalf("after %d records: %v", seen, err)
			}
			seen += fetches.NumRecords()
		}
	})
}

// kadm's own call sees the code of a mutation that is over the quota.
func TestQuotaOfTopics(t *testing.T) {
	c := testcluster.Start(t, testcluster.Config{})
	admin := kadm.NewClient(c.Client())
	setQuotas(t, admin, "user", "controller_mutation_rate=0.001")
	ctx := within(t, 20*time.Second)
	created, err := admin.CreateTopics(ctx, 5, 1, nil, "first")
	if err != nil || created["first"].Err != nil {
		t.Fatal(err, created)
	}
	other := kadm.NewClient(c.Client(kgo.RequestRetries(0))) // of the same user
	refused, err := other.CreateTopics(ctx, 1, 1, nil, "second")
	if err != nil || refused["second"].Err != kerr.ThrottlingQuotaExceeded {
		t.Errorf("%v, %v", err, refused)
	}
}

// An address that connects too often is refused until there is room again; who is connected stays.
func TestQuotaOfConnections(t *testing.T) {
	for name, properties := range map[string]map[string]string{
		"ip": {}, "broker": {"max.connection.creation.rate": "1"}, "listener": {"listener.name.plaintext.max.connection.creation.rate": "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			properties["listeners"], properties["quota.window.num"] = "PLAINTEXT://127.0.0.1:0", "2"
			b, err := broker.New(broker.Config{InMemory: true, Properties: properties, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- b.Run(ctx) }()
			defer func() {
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}()
			<-b.Ready()
			client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.Dialer(b.Dialer()))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if name == "ip" {
				setQuotas(t, kadm.NewClient(client), "ip=127.0.0.1", "connection_creation_rate=1")
			}
			begun := time.Now()
			var conns []net.Conn
			for range 4 {
				nc, err := net.Dial("tcp", b.Addrs()[0])
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				conns = append(conns, nc)
			}
			served, closed := 0, 0
			for _, nc := range conns {
				if pings(t, nc) {
					served++
				} else {
					closed++
				}
			}
			took := time.Since(begun)
			if name == "ip" {
				if closed == 0 || served == 0 {
					t.Errorf("%d served, %d closed in %v", served, closed, took)
				}
				return
			}
			if closed > 0 || took < time.Second {
				t.Errorf("%d served, %d closed in %v", served, closed, took)
			}
		})
	}
}

// pings asks for the API versions and tells whether the broker answers.
func pings(t *testing.T, nc net.Conn) bool {
	t.Helper()
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	request := []byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255}
	if _, err := nc.Write(request); err != nil {
		return false
	}
	answer := make([]byte, 8)
	n, err := nc.Read(answer)
	return err == nil && n > 0
}
