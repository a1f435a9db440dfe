package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chortal/chortal/broker/internal/wire"
)

// smallFrame is the size up to which a frame draws on a budget of its own, so that large requests do not starve the
// small ones, and up to which the decoded size of a request is not counted.
const smallFrame = 64 << 10

// Config configures a Server. Routes is required; a zero elsewhere means the default.
type Config struct {
	// Routes is the API table. Keys must differ.
	Routes []Route
	// Logger takes what operators should know. Default: slog.Default.
	Logger *slog.Logger
	// Hooks observes. Default: nobody.
	Hooks Hooks
	// Quotas limits what clients use. Default: nothing is limited.
	Quotas Quotas

	// MaxRequestBytes is socket.request.max.bytes, 100 MiB by default.
	MaxRequestBytes int32
	// MaxInFlightBytes bounds the frames of all requests that are not answered, and once more what they take when they
	// are decoded. Default: 256 MiB, or twice MaxRequestBytes if that is more.
	MaxInFlightBytes int64
	// MaxConns is max.connections, MaxConnsPerIP is max.connections.per.ip. Default: no limit. Connections in memory have
	// no address, and so no limit per address: they are those of our own process.
	MaxConns, MaxConnsPerIP int
	// MaxConnsOverrides is max.connections.per.ip.overrides: limits of certain addresses.
	MaxConnsOverrides map[string]int
	// IdleTimeout is connections.max.idle.ms: a connection without a request for so long is closed. Default 10 min;
	// negative: never.
	IdleTimeout time.Duration
	// FrameTimeout is how long a client may take for a MiB of a request that it began. Default 30 s.
	FrameTimeout time.Duration
	// StallTimeout is how long a client may leave a part of an answer lying. Default: IdleTimeout, or 10 min.
	StallTimeout time.Duration
	// MaxPinnedBytes bounds the memory that answers keep from being freed because their clients do not read: beyond it the
	// slowest are closed early. Default 256 MiB.
	MaxPinnedBytes int64
	// DrainTimeout is how long Serve waits for answers after its context ended. Default 3 s.
	DrainTimeout time.Duration
}

func (c *Config) setDefaults() {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Hooks == nil {
		c.Hooks = noHooks{}
	}
	if c.Quotas == nil {
		c.Quotas = noQuotas{}
	}
	if c.MaxRequestBytes <= 0 {
		c.MaxRequestBytes = 100 << 20
	}
	if c.MaxInFlightBytes <= 0 {
		c.MaxInFlightBytes = max(256<<20, 2*int64(c.MaxRequestBytes))
	}
	if c.MaxConns <= 0 {
		c.MaxConns = math.MaxInt
	}
	if c.MaxConnsPerIP <= 0 {
		c.MaxConnsPerIP = math.MaxInt
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = 10 * time.Minute
	}
	if c.FrameTimeout <= 0 {
		c.FrameTimeout = 30 * time.Second
	}
	if c.StallTimeout <= 0 {
		c.StallTimeout = max(c.IdleTimeout, 10*time.Minute)
	}
	if c.MaxPinnedBytes <= 0 {
		c.MaxPinnedBytes = 256 << 20
	}
	if c.DrainTimeout <= 0 {
		c.DrainTimeout = 3 * time.Second
	}
}

// Server answers the requests of clients. Make one with New and call Serve once.
type Server struct {
	cfg            Config
	log            *slog.Logger
	hooks          Hooks
	routes         []*Route // by key
	unknownVersion Route
	guard          *wire.Guard
	pool           buffers
	large, little  *budget // frames
	decode         *budget // decoded requests

	lastID        atomic.Uint64
	lastMalformed atomic.Int64 // unix nanoseconds of the last line about one
	unlogged      atomic.Int64 // malformed requests since
	pinned        atomic.Int64 // sum of Conn.pinned

	refused refused

	mu    sync.Mutex
	conns map[*Conn]struct{} // guarded by mu
	perIP map[string]int     // guarded by mu
}

// New makes a server. It fails if the routes name an API twice or one that the guard does not know.
func New(cfg Config) (*Server, error) {
	cfg.setDefaults()
	s := &Server{
		cfg: cfg, log: cfg.Logger, hooks: cfg.Hooks,
		guard:  wire.NewGuard(),
		large:  newBudget(cfg.MaxInFlightBytes),
		little: newBudget(max(cfg.MaxInFlightBytes/8, smallFrame)),
		decode: newBudget(cfg.MaxInFlightBytes),
		conns:  make(map[*Conn]struct{}),
		perIP:  make(map[string]int),
	}
	for i := range cfg.Routes {
		if err := s.add(&cfg.Routes[i]); err != nil {
			return nil, err
		}
	}
	s.unknownVersion = unknownVersionRoute(s.route(apiVersionsKey))
	return s, nil
}

func (s *Server) add(r *Route) error {
	if lowest, highest, ok := s.guard.Versions(r.key); !ok || r.min < lowest || r.max > highest {
		return fmt.Errorf("route of %s: versions %d to %d, the guard knows %d to %d", r.Name(), r.min, r.max, lowest, highest)
	}
	for len(s.routes) <= int(r.key) {
		s.routes = append(s.routes, nil)
	}
	if s.routes[r.key] != nil {
		return fmt.Errorf("route of %s is given twice", r.Name())
	}
	s.routes[r.key] = r
	return nil
}

func (s *Server) route(key int16) *Route {
	if key < 0 || int(key) >= len(s.routes) {
		return nil
	}
	return s.routes[key]
}

func (s *Server) frames(small bool) *budget {
	if small {
		return s.little
	}
	return s.large
}

// Serve accepts connections until ctx ends, then drains: it takes no more connections and requests, and waits until
// those that were taken are answered, but at most DrainTimeout. It returns nil then, and an error if a listener broke.
func (s *Server) Serve(ctx context.Context, listeners ...Listener) error {
	for i := range listeners {
		if l := &listeners[i]; l.Protocol.TLS() && l.TLS == nil {
			return fmt.Errorf("listener %s: protocol %s without a TLS configuration", l.Name, l.Protocol)
		}
	}
	work := context.WithoutCancel(ctx)
	accept, ctx := errgroup.WithContext(ctx)
	var conns sync.WaitGroup
	for i := range listeners {
		l := &listeners[i]
		accept.Go(func() error {
			stop := context.AfterFunc(ctx, func() { _ = l.Net.Close() }) // ends Accept
			defer stop()
			return s.accept(ctx, work, l, &conns)
		})
	}
	sweepCtx, stopSweep := context.WithCancel(work)
	var sweeper sync.WaitGroup
	sweeper.Go(func() { s.sweep(sweepCtx) })

	err := accept.Wait()
	for i := range listeners {
		_ = listeners[i].Net.Close()
	}
	s.drain(&conns)
	stopSweep()
	sweeper.Wait()
	return err
}

// accept takes connections of one listener. work is the context of their requests, which outlives ctx by the drain.
func (s *Server) accept(ctx, work context.Context, l *Listener, conns *sync.WaitGroup) error {
	var pause time.Duration
	for {
		nc, err := l.Net.Accept()
		switch {
		case err == nil:
			pause = 0
		case ctx.Err() != nil:
			return nil
		case isTemporary(err):
			// Out of file descriptors, most likely. Those who are connected go on meanwhile.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Warn("accept connection", "listener", l.Name, "err", err)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			continue
		default:
			return fmt.Errorf("accept on listener %s: %w", l.Name, err)
		}
		if !s.admitted(ctx, l, nc, conns) {
			continue
		}
		c, reason := s.admitConn(work, l, nc)
		if c == nil {
			s.hooks.ConnRefused(l.Name, reason)
			_ = nc.Close()
			continue
		}
		conns.Go(func() { s.serveConn(c) })
	}
}

func isTemporary(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOBUFS) ||
		errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.ECONNABORTED)
}

// admitConn makes a connection, or says which limit forbids it.
func (s *Server) admitConn(work context.Context, l *Listener, nc net.Conn) (c *Conn, reason string) {
	ip := countedIP(nc)
	limit := s.cfg.MaxConnsPerIP
	if n, ok := s.cfg.MaxConnsOverrides[ip]; ok {
		limit = n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.conns) >= s.cfg.MaxConns:
		return nil, "max_connections"
	case ip != "" && s.perIP[ip] >= limit:
		return nil, "max_connections_per_ip"
	}
	if ip != "" {
		s.perIP[ip]++
	}
	c = s.newConn(work, l, nc)
	s.conns[c] = struct{}{}
	return c, ""
}

func (s *Server) newConn(work context.Context, l *Listener, nc net.Conn) *Conn {
	ctx, cancel := context.WithCancel(work)
	nc = secured(l, nc)
	c := &Conn{
		id: s.lastID.Add(1), server: s, listener: l, nc: nc, ctx: ctx, cancel: cancel, log: s.log,
		in:    frameReader{nc: nc, raw: newRawSource(nc, &s.pool), pool: &s.pool},
		out:   newRawSink(nc),
		limit: -1,
		wake:  make(chan struct{}, 1),
	}
	none, anonymous := "", cmp.Or(l.Principal, "User:ANONYMOUS")
	if c.login.required = l.Protocol.SASL(); c.login.required {
		c.loginBy.Store(time.Now().Add(l.loginTimeout()).UnixNano())
	}
	c.clientID.Store(&none)
	c.principal.Store(&anonymous)
	return c
}

// serveConn is the reader goroutine.
func (s *Server) serveConn(c *Conn) {
	s.hooks.ConnOpened(c.listener.Name)
	err := c.secure()
	if err == nil {
		err = c.read()
	}
	if (errors.Is(err, errDrained) || errors.Is(err, errRefused)) && c.await(0) == nil && c.sleep() == nil {
		c.writers.Wait() // all is answered, so no writer comes any more; the drain closes what stalls
	}
	c.close()
	c.abandon()
	s.forget(c)
	s.hooks.ConnClosed(c.listener.Name)
	s.logEnd(c, err)
}

func (s *Server) forget(c *Conn) {
	ip := countedIP(c.nc)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if ip == "" {
		return
	}
	if s.perIP[ip]--; s.perIP[ip] == 0 {
		delete(s.perIP, ip)
	}
}

// countedIP is the address that a connection counts for, "" if it is one in memory.
func countedIP(nc net.Conn) string {
	a := nc.RemoteAddr()
	if _, memory := a.(pipeAddr); memory {
		return ""
	}
	return hostOf(a)
}

// logEnd says why a connection ended, unless the client simply left.
func (s *Server) logEnd(c *Conn, err error) {
	switch {
	case errors.Is(err, wire.ErrMalformed):
		s.logMalformed(c, err)
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, errDrained), errors.Is(err, context.Canceled):
	default:
		s.log.Debug("connection ended", "client", c.RemoteAddr().String(), "client_id", c.ClientID(), "err", err)
	}
}

// malformedLogInterval keeps those who send garbage from filling the disk with our log.
const malformedLogInterval = 100 * time.Millisecond

func (s *Server) logMalformed(c *Conn, err error) {
	now := time.Now().UnixNano()
	last := s.lastMalformed.Load()
	if now-last < int64(malformedLogInterval) || !s.lastMalformed.CompareAndSwap(last, now) {
		s.unlogged.Add(1)
		return
	}
	s.log.Warn("connection closed: malformed request", "client", c.RemoteAddr().String(), "client_id", c.ClientID(),
		"unlogged_before", s.unlogged.Swap(0), "err", err)
}

// open lists the connections.
func (s *Server) open() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

// sweep closes connections that broke a time limit, until ctx ends.
func (s *Server) sweep(ctx context.Context) {
	shortest := min(s.cfg.FrameTimeout, s.cfg.StallTimeout)
	if s.cfg.IdleTimeout > 0 {
		shortest = min(shortest, s.cfg.IdleTimeout)
	}
	t := time.NewTicker(min(max(shortest/8, time.Millisecond), 5*time.Second))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			all := s.open()
			for _, c := range all {
				s.sweepConn(c, now)
			}
			s.relieve(all, now)
		}
	}
}

func (s *Server) sweepConn(c *Conn, now time.Time) {
	reason, ok := c.phase.overdue(now, s.cfg.IdleTimeout, s.cfg.FrameTimeout, s.cfg.StallTimeout)
	if !ok && c.lateLogin(now) {
		reason, ok = "late_login", true
	}
	if !ok {
		return
	}
	if reason == "idle" {
		if all, _ := c.quiet(); !all {
			return // it waits for us
		}
	} else {
		s.hooks.BadRequest(reason)
		s.log.Info("connection closed: client too slow", "client", c.RemoteAddr().String(), "reason", reason)
	}
	c.close()
}

// minStall is how long a client must have left an answer lying before it can be closed for the memory that it holds.
const minStall = time.Second

// relieve closes the clients that have stalled longest, until what the others pin is within the limit.
func (s *Server) relieve(all []*Conn, now time.Time) {
	over := s.pinned.Load() - s.cfg.MaxPinnedBytes
	if over <= 0 {
		return
	}
	stalled := make(map[*Conn]time.Duration)
	var slow []*Conn
	for _, c := range all {
		if d := c.phase.stalledFor(now); d > minStall && c.pinned.Load() > 0 {
			stalled[c] = d
			slow = append(slow, c)
		}
	}
	slices.SortFunc(slow, func(a, b *Conn) int { return cmp.Compare(stalled[b], stalled[a]) })
	for _, c := range slow {
		if over <= 0 {
			return
		}
		over -= c.pinned.Load()
		s.hooks.BadRequest("stalled")
		s.log.Info("connection closed: client does not read and memory is short", "client", c.RemoteAddr().String())
		c.close()
	}
}

// drainGrace is how long a drain waits for answers that wait for an event: a fetch answers at once when its context
// ends, a join may never.
const drainGrace = 300 * time.Millisecond

// drain ends all connections, those with answers on their way when these are written.
func (s *Server) drain(conns *sync.WaitGroup) {
	for _, c := range s.open() {
		c.drain()
	}
	done := make(chan struct{})
	go func() {
		conns.Wait()
		close(done)
	}()
	start := time.Now()
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-done:
			return
		case <-t.C:
		}
		waited := time.Since(start)
		for _, c := range s.open() {
			all, mostly := c.quiet()
			if all || (mostly && waited > drainGrace) || waited > s.cfg.DrainTimeout {
				c.close()
			}
		}
	}
}
