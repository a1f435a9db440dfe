package server_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

func TestConnectionLimits(t *testing.T) {
	seen := newObserver()
	h := start(t, server.Config{
		Routes: []server.Route{heartbeat()}, Hooks: seen, MaxConns: 5, MaxConnsPerIP: 1,
		MaxConnsOverrides: map[string]int{"127.0.0.1": 2},
	}, true)
	use := func(c *client) *client {
		t.Helper()
		c.send(1, heartbeatRequest())
		c.expect(1)
		return c
	}
	first := use(h.dialTCP())
	use(h.dialTCP())
	h.dialTCP().ended() // the third from one address
	use(h.dial())
	use(h.dial())
	use(h.dial())    // what is in memory has no address
	h.dial().ended() // the sixth of all
	first.nc.Close()
	h.eventually(func() bool { return seen.count("closed") == 1 })
	use(h.dial()) // its place is free
	if n := seen.count("refused max_connections_per_ip"); n != 1 {
		t.Errorf("%d refused by address", n)
	}
	if n := seen.count("refused max_connections"); n != 1 {
		t.Errorf("%d refused in total", n)
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, server.Config{Routes: []server.Route{heartbeat()}, IdleTimeout: time.Minute}, false)
		idle, busy := h.dial(), h.dial()
		for range 5 {
			time.Sleep(30 * time.Second)
			busy.send(1, heartbeatRequest())
			busy.expect(1)
		}
		idle.endedNow()
		busy.send(1, heartbeatRequest())
		busy.expect(1)
		h.stop()
	})
}

// endedNow is ended without a deadline, for bubbles of synctest.
func (c *client) endedNow() {
	c.t.Helper()
	if _, _, err := c.receive(); err == nil {
		c.t.Fatal("connection is open")
	}
}

func TestWaitingForAnAnswerIsNotIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		route, calls := fetchLater()
		h := start(t, server.Config{Routes: []server.Route{route}, IdleTimeout: time.Minute}, false)
		c := h.dial()
		c.send(1, fetchRequest())
		call := <-calls
		time.Sleep(5 * time.Minute)
		call.reply(server.NewFetchResponse(), nil)
		c.expect(1)
		h.stop()
	})
}

func TestSlowFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := newObserver()
		h := start(t, server.Config{Routes: []server.Route{heartbeat()}, FrameTimeout: 10 * time.Second, IdleTimeout: time.Hour, Hooks: seen}, false)
		c, d := h.dial(), h.dial()
		b := frame(1, heartbeatRequest())
		c.write(b[:len(b)-1]) // and never the last byte: a half-open peer
		d.write(b[:3])        // not even its size
		time.Sleep(15 * time.Second)
		c.endedNow()
		d.endedNow()
		if seen.count("bad slow_frame") != 2 {
			t.Error("not counted")
		}
		h.stop()
	})
}

func TestSlowReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		route, calls := fetchLater()
		seen := newObserver()
		h := start(t, server.Config{Routes: []server.Route{route}, StallTimeout: time.Minute, IdleTimeout: time.Hour, Hooks: seen}, false)
		c := h.dial()
		c.send(1, fetchRequest())
		resp := server.NewFetchResponse()
		topic := kmsg.NewFetchResponseTopic()
		topic.Partitions = append(topic.Partitions, kmsg.NewFetchResponseTopicPartition())
		resp.Topics = append(resp.Topics, topic)
		s := &slice{b: make([]byte, 8<<20)}
		resp.Records = [][]server.Slice{{s}}
		(<-calls).reply(resp, nil) // does not block, though nobody reads
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if s.released.Load() != 1 || seen.count("bad stalled") != 1 {
			t.Errorf("released %d times, %d stalls counted", s.released.Load(), seen.count("bad stalled"))
		}
		h.stop()
	})
}

// Clients that do not read may not keep all memory: the slowest go first.
func TestMemoryOfSlowReadersIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		route, calls := fetchLater()
		h := start(t, server.Config{Routes: []server.Route{route}, MaxPinnedBytes: 5 << 20}, false)
		var slices []*slice
		for range 4 {
			c := h.dial()
			c.send(1, fetchRequest())
			resp := server.NewFetchResponse()
			topic := kmsg.NewFetchResponseTopic()
			topic.Partitions = append(topic.Partitions, kmsg.NewFetchResponseTopicPartition())
			resp.Topics = append(resp.Topics, topic)
			s := &slice{b: make([]byte, 2<<20), memory: true}
			slices = append(slices, s)
			resp.Records = [][]server.Slice{{s}}
			(<-calls).reply(resp, nil)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for i, want := range []int32{1, 1, 0, 0} {
			if got := slices[i].released.Load(); got != want {
				t.Errorf("slice %d was released %d times, want %d", i, got, want)
			}
		}
		h.stop()
	})
}

// With the budget used up the server stops reading, and goes on when answers free it.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const frameBytes = 400 << 10
		route, calls := produceLater()
		seen := newObserver()
		h := start(t, server.Config{Routes: []server.Route{route}, Hooks: seen, MaxInFlightBytes: 1 << 20}, false)
		c := h.dial()
		const requests = 10
		go func() {
			for i := range int32(requests) {
				c.send(i, produceRequest(-1, frameBytes))
			}
		}()
		synctest.Wait()
		if n := len(calls); n != 2 {
			t.Errorf("%d requests of %d bytes started with room for 1 MiB", n, frameBytes)
		}
		for i := range int32(requests) {
			(<-calls).reply(kmsg.NewPtrProduceResponse(), nil)
			c.expect(i)
		}
		if seen.count("throttled") == 0 {
			t.Error("not counted")
		}
		h.stop()
	})
}

// Requests whose handler panics give back what they held.
func TestPanicsDoNotUseUpTheBudget(t *testing.T) {
	h := start(t, server.Config{MaxInFlightBytes: 1 << 20, Routes: []server.Route{
		server.OnDeferred(3, 13, func(context.Context, *server.Conn, *kmsg.ProduceRequest, func(*kmsg.ProduceResponse, error)) {
			panic("on purpose")
		}),
	}}, false)
	for range 5 {
		c := h.dial()
		c.send(1, produceRequest(-1, 400<<10))
		c.ended()
	}
}

// A request larger than the whole budget is served, alone.
func TestBudgetSmallerThanARequest(t *testing.T) {
	route, calls := produceLater()
	h := start(t, server.Config{Routes: []server.Route{route}, MaxInFlightBytes: 100 << 10}, false)
	a, b := h.dial(), h.dial()
	go a.send(1, produceRequest(-1, 300<<10))
	go b.send(2, produceRequest(-1, 300<<10))
	(<-calls).reply(kmsg.NewPtrProduceResponse(), nil)
	(<-calls).reply(kmsg.NewPtrProduceResponse(), nil)
	a.expect(1)
	b.expect(2)
}

func TestPipelineIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		route, calls := produceLater()
		h := start(t, server.Config{Routes: []server.Route{route}}, false)
		c := h.dial()
		for i := range int32(500) {
			c.send(i, produceRequest(-1, 1))
		}
		synctest.Wait()
		if n := len(calls); n != 128 {
			t.Errorf("%d requests are in the pipeline", n)
		}
		for i := range int32(500) {
			(<-calls).reply(kmsg.NewPtrProduceResponse(), nil)
			c.expect(i)
		}
		h.stop()
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		produce, produces := produceLater()
		fetch := server.OnDeferred(4, 18, func(ctx context.Context, _ *server.Conn, _ *kmsg.FetchRequest, reply func(*server.FetchResponse, error)) {
			context.AfterFunc(ctx, func() { reply(server.NewFetchResponse(), nil) })
		})
		join := server.OnDeferred(0, 9, func(context.Context, *server.Conn, *kmsg.JoinGroupRequest, func(*kmsg.JoinGroupResponse, error)) {})
		h := start(t, server.Config{Routes: []server.Route{produce, fetch, join}}, false)
		writer, reader, member, idle := h.dial(), h.dial(), h.dial(), h.dial()
		writer.send(1, produceRequest(-1, 10))
		reader.send(1, fetchRequest())
		member.send(1, kmsg.NewPtrJoinGroupRequest())
		call := <-produces
		synctest.Wait()

		began := time.Now()
		go h.stop()
		synctest.Wait()
		reader.expect(1) // a fetch answers when its context ends
		idle.endedNow()
		member.endedNow() // a join has nobody to answer it
		time.Sleep(time.Second)
		call.reply(kmsg.NewPtrProduceResponse(), nil)
		writer.expect(1) // what was taken is answered
		writer.endedNow()
		h.stop()
		if d := time.Since(began); d > 2*time.Second {
			t.Errorf("drain took %v", d)
		}
		if _, err := h.pipe.Dial(context.Background(), "x"); err == nil {
			t.Error("a drained server accepts")
		}
	})
}

func TestDrainDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		produce, produces := produceLater()
		h := start(t, server.Config{Routes: []server.Route{produce}}, false)
		c := h.dial()
		c.send(1, produceRequest(-1, 10))
		call := <-produces
		began := time.Now()
		h.stop()
		if d := time.Since(began); d > 4*time.Second {
			t.Errorf("drain took %v", d)
		}
		call.reply(kmsg.NewPtrProduceResponse(), nil) // too late, and harmless
		c.endedNow()
	})
}

func TestRoutesAreChecked(t *testing.T) {
	for name, routes := range map[string][]server.Route{
		"twice": {heartbeat(), heartbeat()},
		"no version": {server.On(0, 99, func(context.Context, *server.Conn, *kmsg.HeartbeatRequest) (*kmsg.HeartbeatResponse, error) {
			return nil, nil
		})},
	} {
		if _, err := server.New(server.Config{Routes: routes}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestUnsupportedProtocolIsRefused(t *testing.T) {
	s, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l := server.NewPipeListener("x")
	if err := s.Serve(context.Background(), server.Listener{Name: "S", Protocol: server.SSL, Net: l}); err == nil {
		t.Error("a listener without its protection was opened")
	}
}

// brokenListener fails at once.
type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }

func TestBrokenListenerEndsTheServer(t *testing.T) {
	s, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	good := server.NewPipeListener("x")
	bad := brokenListener{server.NewPipeListener("y")}
	if err := s.Serve(context.Background(), server.Listener{Name: "A", Net: good}, server.Listener{Name: "B", Net: bad}); err == nil {
		t.Error("no error")
	}
}
