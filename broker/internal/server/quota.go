package server

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Quotas says how long clients are to wait that use more than they may. Its methods are called from connection
// goroutines and must not block.
type Quotas interface {
	// Enabled tells whether requests are limited at all. It is asked for each; Charge and Spent are called only if so.
	Enabled() bool
	// Charge records a request that is about to be answered: the bytes that it produced, 0 for other APIs, and the time
	// that it kept its goroutine busy, negative if that does not count. It returns for how long the connection is not to
	// be read after the answer.
	Charge(user, clientID string, produced int, busy time.Duration) time.Duration
	// Spent records time of a request whose answer comes later, or that is answered without being delayed.
	Spent(user, clientID string, busy time.Duration)
	// Connect records a connection that a listener accepted. wait is how long it and those behind it are not to be served,
	// refuse how long it is to be left lying and then closed.
	Connect(listener string, from netip.Addr) (wait, refuse time.Duration)
}

// noQuotas limits nothing.
type noQuotas struct{}

func (noQuotas) Enabled() bool                                           { return false }
func (noQuotas) Charge(string, string, int, time.Duration) time.Duration { return 0 }
func (noQuotas) Spent(string, string, time.Duration)                     {}
func (noQuotas) Connect(string, netip.Addr) (wait, refuse time.Duration) { return 0, 0 }

// free tells whether the time of a request does not count: it is one between brokers, part of logging in, or cannot be
// told that it has to wait.
func (a *answer) free() bool {
	switch a.route.key {
	case int16(kmsg.WriteTxnMarkers), saslHandshakeKey, saslAuthenticateKey:
		return true
	case apiVersionsKey:
		return a.conn.login.required && !a.conn.LoggedIn()
	}
	return a.silent
}

// serve calls the route of a request where quotas count. What the reader does itself until the answer is given is
// charged with the answer; what it does for an answer that comes later is recorded when it is done.
func (c *Conn) serve(a *answer, req kmsg.Request) {
	begun, free := a.read, a.free()
	c.serving.Store(a)
	a.route.serve(c.ctx, c, req, a.reply)
	if c.serving.CompareAndSwap(a, nil) && !free {
		c.server.cfg.Quotas.Spent(c.Principal(), c.ClientID(), time.Since(begun))
	}
}

// charge records an answer where quotas count, writes the time to wait into it, and keeps the connection from being
// read for so long. A handler may have found a longer time. Fetch asks by itself, because it answers with nothing then.
func (a *answer) charge(resp kmsg.Response) {
	c := a.conn
	busy := time.Duration(0)
	if c.serving.CompareAndSwap(a, nil) {
		busy = a.given.Sub(a.read)
	}
	if a.free() {
		busy = -1
	}
	var wait time.Duration
	if a.route.key != fetchKey {
		produced := 0
		if a.route.key == produceKey {
			produced = a.bytes
		}
		wait = c.server.cfg.Quotas.Charge(c.Principal(), c.ClientID(), produced, busy)
	}
	if t, ok := resp.(kmsg.ThrottleResponse); ok {
		millis, _ := t.Throttle()
		if found := time.Duration(millis) * time.Millisecond; found > wait {
			wait = found
		} else if set, ok := resp.(kmsg.SetThrottleResponse); ok && wait > 0 {
			set.SetThrottle(int32(wait.Milliseconds()))
		}
	}
	if wait > 0 {
		c.Throttle(wait)
	}
}

// maxRefused bounds the connections that are left lying before they are closed.
const maxRefused = 1000

// refused are connections of addresses that connect too often.
type refused struct {
	mu sync.Mutex
	n  int // guarded by mu
}

// admitted applies the quotas of connections to one that was accepted. It reports whether it may be served, and closes
// it if not: later, so that who connects in a loop does not do so as fast as it can.
func (s *Server) admitted(ctx context.Context, l *Listener, nc net.Conn, conns *sync.WaitGroup) bool {
	ip := countedIP(nc)
	if ip == "" {
		return true
	}
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return true // not of a network
	}
	wait, refuse := s.cfg.Quotas.Connect(l.Name, addr)
	switch {
	case refuse > 0:
		s.hooks.ConnRefused(l.Name, "connection_creation_rate")
		s.refuse(ctx, nc, refuse, conns)
		return false
	case wait > 0:
		s.hooks.Throttled(wait)
		sleepFor(ctx, wait)
	}
	return true
}

// refuse closes a connection after d, or at once if too many wait for that.
func (s *Server) refuse(ctx context.Context, nc net.Conn, d time.Duration, conns *sync.WaitGroup) {
	s.refused.mu.Lock()
	defer s.refused.mu.Unlock()
	if s.refused.n >= maxRefused {
		_ = nc.Close()
		return
	}
	s.refused.n++
	conns.Go(func() {
		sleepFor(ctx, d)
		_ = nc.Close()
		s.refused.mu.Lock()
		defer s.refused.mu.Unlock()
		s.refused.n--
	})
}

// sleepFor waits for d, or until ctx ends.
func sleepFor(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
