package server_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

// harness is a running server and the way to it.
type harness struct {
	t    *testing.T
	pipe *server.PipeListener
	tcp  net.Listener // nil without TCP
	stop func()       // ends the server and waits for it
}

// start runs a server until the test ends.
func start(t *testing.T, c server.Config, withTCP bool) *harness {
	t.Helper()
	h := &harness{t: t, pipe: server.NewPipeListener("broker:9092")}
	listeners := []server.Listener{{Name: "PIPE", Net: h.pipe}}
	if withTCP {
		var err error
		if h.tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, server.Listener{Name: "TCP", Net: h.tcp})
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := server.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listeners...) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(h.stop)
	return h
}

// client is a connection that speaks in frames.
type client struct {
	t  *testing.T
	nc net.Conn
}

func (h *harness) dial() *client {
	h.t.Helper()
	nc, err := h.pipe.Dial(context.Background(), "broker:9092")
	if err != nil {
		h.t.Fatal(err)
	}
	return newClient(h.t, nc)
}

func (h *harness) dialTCP() *client {
	h.t.Helper()
	nc, err := net.Dial("tcp", h.tcp.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	return newClient(h.t, nc)
}

func newClient(t *testing.T, nc net.Conn) *client {
	t.Cleanup(func() { nc.Close() })
	return &client{t: t, nc: nc}
}

// frame encodes a request.
func frame(corr int32, req kmsg.Request) []byte {
	f := kmsg.NewRequestFormatter(kmsg.FormatterClientID("tester"))
	return f.AppendRequest(nil, req, corr)
}

func (c *client) send(corr int32, reqs ...kmsg.Request) {
	c.t.Helper()
	var b []byte
	for i, req := range reqs {
		b = append(b, frame(corr+int32(i), req)...)
	}
	c.write(b)
}

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads one answer without decoding it.
func (c *client) receive() (corr int32, body []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(c.nc, head[:]); err != nil {
		return 0, nil, err
	}
	body = make([]byte, binary.BigEndian.Uint32(head[:])-4)
	_, err = io.ReadFull(c.nc, body)
	return int32(binary.BigEndian.Uint32(head[4:])), body, err
}

// expect reads one answer, which must have this correlation id.
func (c *client) expect(corr int32) []byte {
	c.t.Helper()
	got, body, err := c.receive()
	if err != nil || got != corr {
		c.t.Fatalf("answer %d, %v; want %d", got, err, corr)
	}
	return body
}

// ended waits until the server closes the connection.
func (c *client) ended() {
	c.t.Helper()
	c.nc.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, body, err := c.receive(); err == nil || errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		c.t.Fatalf("connection is open: %x, %v", body, err)
	}
}

func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// observer counts what hooks tell.
type observer struct {
	mu     sync.Mutex
	counts map[string]int // guarded by mu
}

func newObserver() *observer { return &observer{counts: make(map[string]int)} }

func (o *observer) add(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts[what]++
}

func (o *observer) count(what string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts[what]
}

func (o *observer) ConnOpened(string)                                   { o.add("opened") }
func (o *observer) ConnClosed(string)                                   { o.add("closed") }
func (o *observer) ConnRefused(_, reason string)                        { o.add("refused " + reason) }
func (o *observer) Request(int16, int16, int)                           { o.add("request") }
func (o *observer) Answered(int16, time.Duration, time.Duration, int64) { o.add("answered") }
func (o *observer) BadRequest(reason string)                            { o.add("bad " + reason) }
func (o *observer) Panicked(int16)                                      { o.add("panicked") }
func (o *observer) Throttled(time.Duration)                             { o.add("throttled") }

// heartbeat is a route that answers at once.
func heartbeat() server.Route {
	return server.On(0, 4, func(context.Context, *server.Conn, *kmsg.HeartbeatRequest) (*kmsg.HeartbeatResponse, error) {
		return kmsg.NewPtrHeartbeatResponse(), nil
	})
}

func heartbeatRequest() kmsg.Request {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Version = 4
	return r
}

// deferral is a Produce or Fetch that waits for its answer.
type deferral[P any] struct {
	reply func(P, error)
	ctx   context.Context
}

// produceLater is a route whose answers the test gives.
func produceLater() (server.Route, chan deferral[*kmsg.ProduceResponse]) {
	ch := make(chan deferral[*kmsg.ProduceResponse], 1000)
	return server.OnDeferred(3, 13, func(ctx context.Context, _ *server.Conn, _ *kmsg.ProduceRequest, reply func(*kmsg.ProduceResponse, error)) {
		ch <- deferral[*kmsg.ProduceResponse]{reply, ctx}
	}), ch
}

func fetchLater() (server.Route, chan deferral[*server.FetchResponse]) {
	ch := make(chan deferral[*server.FetchResponse], 1000)
	return server.OnDeferred(4, 18, func(ctx context.Context, _ *server.Conn, _ *kmsg.FetchRequest, reply func(*server.FetchResponse, error)) {
		ch <- deferral[*server.FetchResponse]{reply, ctx}
	}), ch
}

func produceRequest(acks int16, bytes int) kmsg.Request {
	r := kmsg.NewPtrProduceRequest()
	r.Version, r.Acks = 9, acks
	t := kmsg.NewProduceRequestTopic()
	t.Topic = "t"
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = make([]byte, bytes)
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return r
}

func fetchRequest() kmsg.Request {
	r := kmsg.NewPtrFetchRequest()
	r.Version = 12
	return r
}
