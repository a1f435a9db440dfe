package handler_test

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/handler"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/quota"
	"github.com/chortal/chortal/broker/internal/server"
	"github.com/chortal/chortal/internal/recordbatch"
)

const node = 1

// broker is the real parts under the handlers, in memory, and a wire to them.
type broker struct {
	t     testing.TB
	meta  *metadata.Log
	pipe  *server.PipeListener
	clock *clock // of quotas
}

// newBroker starts one with these keys of server.properties.
func newBroker(t testing.TB, static map[string]string) *broker {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	fsys := fs.NewMem()
	parts, err := partition.Open(partition.Config{
		Dirs: []partition.Dir{{Path: "/logs", FS: fsys}}, NodeID: node, Logger: log, Durability: partition.Fsync,
	})
	must(t, err)
	meta, err := metadata.Open(fsys, ".", metadata.Options{Logger: log})
	must(t, err)
	_, err = meta.Propose([]metadata.Record{
		&metadata.ClusterRecord{ID: "cluster"},
		&metadata.BrokerRecord{ID: node, Endpoints: []metadata.Endpoint{{Listener: "PLAINTEXT", Host: "broker", Port: 9092}}},
	})
	must(t, err)
	meta.Subscribe(metadata.PublisherFunc(func(d metadata.Delta) { publish(t, parts, static, d) }))
	clock := &clock{now: time.Unix(1000, 0)}
	quotas := quota.New(quota.Config{Now: clock.Now})
	meta.Subscribe(quotas)
	srv, err := server.New(server.Config{
		Routes: handler.Routes(handler.Deps{NodeID: node, Metadata: meta, Partitions: parts, Static: static, Quotas: quotas, Logger: log}),
		Logger: log, DrainTimeout: time.Second, Hooks: watch{t}, Quotas: quotas,
	})
	must(t, err)
	b := &broker{t: t, meta: meta, clock: clock, pipe: server.NewPipeListener("broker:9092")}
	serving, stopServing := context.WithCancel(context.Background())
	flushing, stopFlushing := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- parts.Run(flushing) }()
	go func() { done <- srv.Serve(serving, server.Listener{Name: "PLAINTEXT", Net: b.pipe}) }()
	t.Cleanup(func() {
		stopServing()
		if err := <-done; err != nil {
			t.Errorf("end: %v", err)
		}
		stopFlushing()
		if err := <-done; err != nil {
			t.Errorf("end: %v", err)
		}
		must(t, meta.Close())
	})
	return b
}

// watch fails the test when a handler panics, which the server survives.
type watch struct{ t testing.TB }

func (w watch) Panicked(key int16) { w.t.Errorf("panic in the handler of API %d", key) }

func (watch) ConnOpened(string)                                   {}
func (watch) ConnClosed(string)                                   {}
func (watch) ConnRefused(string, string)                          {}
func (watch) Request(int16, int16, int)                           {}
func (watch) Answered(int16, time.Duration, time.Duration, int64) {}
func (watch) BadRequest(string)                                   {}
func (watch) Throttled(time.Duration)                             {}

// publish is what package broker does with a change of metadata.
func publish(t testing.TB, parts *partition.Manager, static map[string]string, d metadata.Delta) {
	for _, c := range d.Topics {
		if c.After == nil {
			for i := range c.Before.Partitions {
				must(t, parts.Delete(c.Before.Name, int32(i)))
			}
			continue
		}
		config, err := partition.ParseTopicConfig(func(key string) string {
			if _, ok := configdef.Lookup(configdef.Topic, key); !ok {
				return ""
			}
			return configdef.Layers{Override: c.After.Configs, Static: static}.Text(configdef.Topic, key)
		})
		must(t, err)
		for _, p := range c.After.Partitions {
			_, err := parts.Create(partition.Spec{
				Topic: c.After.Name, TopicID: c.After.ID, Index: p.Index, LeaderEpoch: p.LeaderEpoch, Config: config,
			})
			must(t, err)
		}
		parts.Configure(c.After.Name, config)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client is one connection.
type client struct {
	t    testing.TB
	conn net.Conn
	id   int32
}

func (b *broker) client() *client {
	b.t.Helper()
	conn, err := b.pipe.Dial(context.Background(), "broker:9092")
	must(b.t, err)
	b.t.Cleanup(func() { conn.Close() })
	return &client{t: b.t, conn: conn}
}

func (c *client) send(req kmsg.Request) {
	c.t.Helper()
	c.id++
	_, err := c.conn.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, req, c.id))
	must(c.t, err)
}

func (c *client) receive(req kmsg.Request) kmsg.Response {
	c.t.Helper()
	must(c.t, c.conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	head := make([]byte, 4)
	_, err := io.ReadFull(c.conn, head)
	must(c.t, err)
	frame := make([]byte, binary.BigEndian.Uint32(head))
	_, err = io.ReadFull(c.conn, frame)
	must(c.t, err)
	frame = frame[4:] // correlation id
	if req.IsFlexible() && req.Key() != 18 {
		frame = frame[1:]
	}
	resp := req.ResponseKind()
	must(c.t, resp.ReadFrom(frame))
	return resp
}

// do sends a request of the version it carries and reads the answer.
func do[P kmsg.Response](c *client, req kmsg.Request) P {
	c.t.Helper()
	c.send(req)
	return c.receive(req).(P)
}

// max sets the highest version that we serve.
func latest[Q kmsg.Request](req Q) Q {
	switch kmsg.Key(req.Key()) {
	case kmsg.Produce:
		req.SetVersion(13)
	case kmsg.Fetch:
		req.SetVersion(18)
	case kmsg.ListOffsets:
		req.SetVersion(11)
	default:
		req.SetVersion(req.MaxVersion())
	}
	return req
}

// create makes a topic and returns its id. configs are keys and values in turn.
func (b *broker) create(name string, partitions int32, configs ...string) metadata.TopicID {
	b.t.Helper()
	req := latest(kmsg.NewPtrCreateTopicsRequest())
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
	for i := 0; i < len(configs); i += 2 {
		topic.Configs = append(topic.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: configs[i], Value: &configs[i+1]})
	}
	req.Topics = append(req.Topics, topic)
	resp := do[*kmsg.CreateTopicsResponse](b.client(), req)
	wantCode(b.t, "create "+name, resp.Topics[0].ErrorCode, nil)
	return resp.Topics[0].TopicID
}

func (b *broker) delete(name string) {
	b.t.Helper()
	req := latest(kmsg.NewPtrDeleteTopicsRequest())
	req.Topics = []kmsg.DeleteTopicsRequestTopic{{Topic: &name}}
	wantCode(b.t, "delete "+name, do[*kmsg.DeleteTopicsResponse](b.client(), req).Topics[0].ErrorCode, nil)
}

func wantCode(t testing.TB, what string, code int16, want *kerr.Error) {
	t.Helper()
	switch {
	case want == nil && code != 0:
		t.Errorf("%s: %v", what, kerr.ErrorForCode(code))
	case want != nil && code != want.Code:
		t.Errorf("%s: %v, want %v", what, kerr.ErrorForCode(code), want)
	}
}

// batch is n records, key k<i>, value v<i>, with timestamps from 1000 on.
func batch(t testing.TB, n int, o recordbatch.Options) []byte {
	t.Helper()
	if o.LeaderEpoch == 0 {
		o.LeaderEpoch = -1
	}
	b := recordbatch.NewBuilder(o)
	now := time.Now().UnixMilli()
	for i := range n {
		b.Append(now-1000+int64(i), []byte("k"+strconv.Itoa(i)), []byte("v"+strconv.Itoa(i)))
	}
	out, err := b.Build()
	must(t, err)
	return append([]byte(nil), out...)
}

// produceRequest writes records to one partition.
func produceRequest(version int16, topic string, id metadata.TopicID, index int32, acks int16, records []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = version, acks, 10_000
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = topic, id
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = index, records
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

func (b *broker) produce(topic string, index int32, records []byte) kmsg.ProduceResponseTopicPartition {
	b.t.Helper()
	resp := do[*kmsg.ProduceResponse](b.client(), produceRequest(9, topic, metadata.TopicID{}, index, -1, records))
	return resp.Topics[0].Partitions[0]
}

// fill appends n records to a partition, and fails unless they are taken.
func (b *broker) fill(topic string, index int32, n int) int64 {
	b.t.Helper()
	got := b.produce(topic, index, batch(b.t, n, recordbatch.Options{}))
	wantCode(b.t, "produce to "+topic, got.ErrorCode, nil)
	return got.BaseOffset
}
