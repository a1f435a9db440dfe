package server

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is one client connection. Handlers get it with every request; its methods may be called from any goroutine.
//
// The reader goroutine owns the inbound side. The queue of answers is shared: whoever finds that the answer at its
// head is ready, that nobody writes and that the reader is asleep, starts a writer.
type Conn struct {
	id       uint64
	server   *Server
	listener *Listener
	nc       net.Conn
	ctx      context.Context //nolint:containedctx // the life of the connection
	cancel   context.CancelFunc
	log      *slog.Logger
	in       frameReader // of the reader goroutine
	out      *rawSink    // of whoever writes; nil: answers go through nc
	phase    phase
	login    login        // of the reader goroutine
	loginBy  atomic.Int64 // unix nanoseconds: when the client must have logged in; 0: no more

	clientID  atomic.Pointer[string]
	principal atomic.Pointer[string]
	software  atomic.Pointer[software]
	muteUntil atomic.Int64           // unix nanoseconds, of Throttle
	serving   atomic.Pointer[answer] // whose time the reader spends, where quotas count
	draining  atomic.Bool
	pinned    atomic.Int64 // bytes of slices in memory that are being written

	mu       sync.Mutex
	head     *answer        // guarded by mu: the oldest answer that is not written
	tail     *answer        // guarded by mu
	pending  int            // guarded by mu: requests that are not answered yet
	waiting  int            // guarded by mu: pending requests that wait for an event rather than for the disk
	awake    bool           // guarded by mu: the reader runs, and writes before it sleeps
	writing  bool           // guarded by mu: somebody writes
	closed   bool           // guarded by mu
	ended    bool           // guarded by mu: the reader is gone, no goroutine is started any more
	limit    int            // guarded by mu: the reader sleeps until pending is at most this; -1: it does not
	wake     chan struct{}  // of the reader
	writers  sync.WaitGroup // goroutines of writeLoop
	batch    []*answer      // of whoever writes
	segments [][]byte       // of whoever writes
	sending  net.Buffers    // of whoever writes: what is left of segments
}

type software struct{ name, version string }

// ID is a number that no other connection of this process has or had.
func (c *Conn) ID() uint64 { return c.id }

// Listener is the name of the listener that accepted the connection, such as PLAINTEXT.
func (c *Conn) Listener() string { return c.listener.Name }

// RemoteAddr is the address of the client.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// Host is the client's address without the port, in the form of Kafka's answers: /127.0.0.1.
func (c *Conn) Host() string { return "/" + hostOf(c.nc.RemoteAddr()) }

// Advertised is the address under which clients of this listener reach the broker: advertised.listeners, or the
// address that this client dialled.
func (c *Conn) Advertised() (host string, port int32) {
	if c.listener.AdvertisedHost != "" {
		return c.listener.AdvertisedHost, c.listener.AdvertisedPort
	}
	host, text, err := net.SplitHostPort(c.nc.LocalAddr().String())
	if err != nil {
		return c.nc.LocalAddr().String(), 0
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return host, 0
	}
	return host, int32(n)
}

// Principal is who the client is, as Kafka writes it: User:ANONYMOUS without authentication.
func (c *Conn) Principal() string { return *c.principal.Load() }

// ClientID is the client id of the request that was started last, empty if it has none.
func (c *Conn) ClientID() string { return *c.clientID.Load() }

// ClientSoftware is the name and version that the client gave in ApiVersions, empty if it gave none.
func (c *Conn) ClientSoftware() (name, version string) {
	if s := c.software.Load(); s != nil {
		return s.name, s.version
	}
	return "", ""
}

// Throttle keeps the connection from starting another request for d after the current one, which is how Kafka mutes a
// client that is over its quota. The caller sets the response's throttle field itself.
func (c *Conn) Throttle(d time.Duration) {
	until := time.Now().Add(d).UnixNano()
	for {
		old := c.muteUntil.Load()
		if old >= until || c.muteUntil.CompareAndSwap(old, until) {
			return
		}
	}
}

// close ends the connection. The goroutines that use it find out by themselves.
func (c *Conn) close() {
	c.cancel()
	_ = c.nc.Close() // nothing is to be saved by its error
	c.mu.Lock()
	c.closed = true
	c.signal()
	c.mu.Unlock()
}

// drain makes the reader end when it next looks for a request, and tells handlers that wait to answer now.
func (c *Conn) drain() {
	c.draining.Store(true)
	c.cancel()
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // wakes the reader; a closed connection is awake
}

// quiet tells whether all is answered and written, and whether only requests that wait for an event are left.
func (c *Conn) quiet() (all, mostly bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all = c.head == nil && !c.writing
	return all, all || (c.pending == c.waiting && !c.writing)
}

// signal wakes the reader if its condition holds. c.mu is held.
func (c *Conn) signal() {
	if c.limit < 0 || (c.pending > c.limit && !c.closed) {
		return
	}
	c.limit = -1
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}
