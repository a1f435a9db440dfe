package server_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

// limits is a Quotas that does what a test says, and notes what it is told.
type limits struct {
	wait    time.Duration // of every request
	connect func(listener string) (wait, refuse time.Duration)

	mu      sync.Mutex
	charged []charge        // guarded by mu
	spent   []time.Duration // guarded by mu
}

type charge struct {
	User, ClientID string
	Produced       int
	Busy           time.Duration
}

func (l *limits) Enabled() bool { return true }

func (l *limits) Charge(user, clientID string, produced int, busy time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.charged = append(l.charged, charge{user, clientID, produced, busy})
	return l.wait
}

func (l *limits) Spent(_, _ string, busy time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spent = append(l.spent, busy)
}

func (l *limits) Connect(listener string, _ netip.Addr) (wait, refuse time.Duration) {
	if l.connect == nil {
		return 0, 0
	}
	return l.connect(listener)
}

// heartbeatThat is a route of Heartbeat whose handler takes some time and may say how long to wait.
func heartbeatThat(takes, throttles time.Duration) server.Route {
	return server.On(0, 4, func(context.Context, *server.Conn, *kmsg.HeartbeatRequest) (*kmsg.HeartbeatResponse, error) {
		time.Sleep(takes)
		resp := kmsg.NewPtrHeartbeatResponse()
		resp.ThrottleMillis = int32(throttles.Milliseconds())
		return resp, nil
	})
}

// throttleMillis reads it from an answer to heartbeatRequest.
func throttleMillis(body []byte) int32 {
	r := kbin.Reader{Src: body[1:]} // after the tags of the header
	return r.Int32()
}

// A client over its quota is answered at once, told how long it has to wait, and not read for so long.
func TestQuotaOfRequests(t *testing.T) {
	for _, test := range []struct {
		name                  string
		quota, handler, muted time.Duration
	}{
		{"quota", 3 * time.Second, 0, 3 * time.Second},
		{"handler", 0, 4 * time.Second, 4 * time.Second},
		{"handler is longer", 3 * time.Second, 4 * time.Second, 4 * time.Second},
		{"quota is longer", 3 * time.Second, 2 * time.Second, 3 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				quotas := &limits{wait: test.quota}
				h := start(t, server.Config{Routes: []server.Route{heartbeatThat(time.Second, test.handler)}, Quotas: quotas}, false)
				c := h.dial()
				begun := time.Now()
				c.send(1, heartbeatRequest(), heartbeatRequest())
				if got := throttleMillis(c.expect(1)); got != int32(test.muted.Milliseconds()) {
					t.Errorf("throttled %d ms", got)
				}
				if took := time.Since(begun); took != time.Second {
					t.Errorf("answered after %v", took)
				}
				c.expect(2)
				if took := time.Since(begun); took != 2*time.Second+test.muted {
					t.Errorf("second answer after %v", took)
				}
				h.stop()
				want := []charge{{"User:ANONYMOUS", "tester", 0, time.Second}, {"User:ANONYMOUS", "tester", 0, time.Second}}
				if diff := cmp.Diff(want, quotas.charged); diff != "" || len(quotas.spent) > 0 {
					t.Error(diff, quotas.spent)
				}
			})
		})
	}
}

// The time of a request whose answer comes later is what its reader spent, not what it waited.
func TestQuotaOfDeferredRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quotas := &limits{wait: time.Second}
		calls := make(chan func(*kmsg.HeartbeatResponse, error), 1)
		route := server.OnDeferred(0, 4, func(_ context.Context, _ *server.Conn, _ *kmsg.HeartbeatRequest, reply func(*kmsg.HeartbeatResponse, error)) {
			time.Sleep(2 * time.Second)
			calls <- reply
		})
		h := start(t, server.Config{Routes: []server.Route{route}, Quotas: quotas}, false)
		c := h.dial()
		c.send(1, heartbeatRequest())
		reply := <-calls
		time.Sleep(time.Minute)
		reply(kmsg.NewPtrHeartbeatResponse(), nil)
		if got := throttleMillis(c.expect(1)); got != 1000 {
			t.Errorf("throttled %d ms", got)
		}
		h.stop()
		if diff := cmp.Diff([]charge{{"User:ANONYMOUS", "tester", 0, 0}}, quotas.charged); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]time.Duration{2 * time.Second}, quotas.spent); diff != "" {
			t.Error(diff)
		}
	})
}

// Produce pays for the bytes of its request. One with acks=0 is not charged for its time, but the connection is muted.
func TestQuotaOfProducedBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quotas := &limits{wait: 5 * time.Second}
		route := server.OnDeferred(3, 13, func(_ context.Context, _ *server.Conn, _ *kmsg.ProduceRequest, reply func(*kmsg.ProduceResponse, error)) {
			reply(kmsg.NewPtrProduceResponse(), nil)
		})
		h := start(t, server.Config{Routes: []server.Route{route, heartbeat()}, Quotas: quotas}, false)
		c := h.dial()
		begun := time.Now()
		c.send(1, produceRequest(0, 1000), produceRequest(1, 2000))
		c.expect(2)
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("answered after %v", took)
		}
		h.stop()
		size := func(acks int16, bytes int) int { return len(produceRequest(acks, bytes).AppendTo(nil)) }
		want := []charge{{"User:ANONYMOUS", "tester", size(0, 1000), -1}, {"User:ANONYMOUS", "tester", size(1, 2000), 0}}
		if diff := cmp.Diff(want, quotas.charged); diff != "" || len(quotas.spent) > 0 {
			t.Error(diff, quotas.spent)
		}
	})
}

// Fetch asks for itself; what it answers counts.
func TestQuotaOfFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quotas := &limits{wait: time.Hour}
		route := server.OnDeferred(4, 18, func(_ context.Context, _ *server.Conn, _ *kmsg.FetchRequest, reply func(*server.FetchResponse, error)) {
			resp := server.NewFetchResponse()
			resp.ThrottleMillis = 2000
			reply(resp, nil)
		})
		h := start(t, server.Config{Routes: []server.Route{route}, Quotas: quotas}, false)
		c := h.dial()
		begun := time.Now()
		c.send(1, fetchRequest(), fetchRequest())
		c.expect(1)
		c.expect(2)
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("second answer after %v", took)
		}
		h.stop()
		if len(quotas.charged)+len(quotas.spent) > 0 {
			t.Error(quotas.charged, quotas.spent)
		}
	})
}

// A client that has to wait for longer than it may be idle is closed, as in Kafka.
func TestMutedConnectionsAreIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, server.Config{Routes: []server.Route{heartbeat()}, Quotas: &limits{wait: time.Hour}, IdleTimeout: time.Minute}, false)
		c := h.dial()
		begun := time.Now()
		c.send(1, heartbeatRequest(), heartbeatRequest())
		c.expect(1)
		c.endedNow()
		if took := time.Since(begun); took < time.Minute || took > 2*time.Minute {
			t.Errorf("closed after %v", took)
		}
		h.stop()
	})
}

// A shutdown does not wait for those who are muted.
func TestMutedConnectionsDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, server.Config{Routes: []server.Route{heartbeat()}, Quotas: &limits{wait: time.Hour}}, false)
		c := h.dial()
		c.send(1, heartbeatRequest(), heartbeatRequest())
		c.expect(1)
		synctest.Wait()
		begun := time.Now()
		h.stop()
		if took := time.Since(begun); took > time.Second {
			t.Errorf("drained in %v", took)
		}
	})
}

// Addresses that connect too often are left lying and closed, listeners that are connected to too often wait.
func TestQuotaOfConnections(t *testing.T) {
	var mu sync.Mutex
	var wait, refuse time.Duration
	set := func(w, r time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		wait, refuse = w, r
	}
	quotas := &limits{connect: func(listener string) (time.Duration, time.Duration) {
		if listener != "TCP" {
			t.Errorf("asked for %s", listener)
		}
		mu.Lock()
		defer mu.Unlock()
		return wait, refuse
	}}
	seen := newObserver()
	h := start(t, server.Config{Routes: []server.Route{heartbeat()}, Quotas: quotas, Hooks: seen}, true)
	set(0, 20*time.Millisecond)
	begun := time.Now()
	h.dialTCP().ended()
	if took := time.Since(begun); took < 20*time.Millisecond {
		t.Errorf("closed after %v", took)
	}
	if n := seen.count("refused connection_creation_rate"); n != 1 || seen.count("opened") != 0 {
		t.Errorf("%d refused, %d opened", n, seen.count("opened"))
	}
	set(20*time.Millisecond, 0)
	begun = time.Now()
	c := h.dialTCP()
	c.send(1, heartbeatRequest())
	c.expect(1)
	if took := time.Since(begun); took < 20*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
	c = h.dial() // in memory: nobody is asked
	c.send(1, heartbeatRequest())
	c.expect(1)
	set(0, time.Hour)
	late := h.dialTCP()
	h.eventually(func() bool { return seen.count("refused connection_creation_rate") == 2 })
	h.stop() // does not wait for it
	late.ended()
}
