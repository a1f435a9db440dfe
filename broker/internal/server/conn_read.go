package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/wire"
)

// errDrained ends a connection whose server shuts down.
var errDrained = errors.New("server is shutting down")

// maxPipelined is the most Produce requests of one connection that wait for the disk at a time.
const maxPipelined = 128

// growStep is how much of a large frame is allocated before its bytes arrive.
const growStep = 1 << 20

// read serves the connection until it ends. It returns why.
func (c *Conn) read() (err error) {
	defer c.in.release()
	for {
		if c.login.raw != nil {
			if err := c.rawToken(); err != nil {
				return err
			}
			continue
		}
		a, req, err := c.next()
		if err != nil {
			return err
		}
		if err := c.start(a, req); err != nil {
			return err
		}
		if c.login.refused {
			return c.refuse()
		}
	}
}

// next reads one request, checks and decodes it, and takes the memory that it needs.
func (c *Conn) next() (*answer, kmsg.Request, error) {
	prefix, err := c.in.peek(wire.PrefixLen, c.sleepIdle)
	if err != nil {
		return nil, nil, c.drained(err)
	}
	if c.draining.Load() {
		return nil, nil, errDrained
	}
	c.phase.clear(&c.phase.reading)
	c.phase.clear(&c.phase.frame)
	h, rest, err := wire.ParsePrefix(prefix, c.maxFrame())
	if err != nil {
		return nil, nil, c.bad("size", err)
	}
	if err := c.mayAsk(h.Key); err != nil {
		return nil, nil, err
	}
	route := c.server.route(h.Key)
	if route == nil {
		return nil, nil, c.bad("api", fmt.Errorf("API %d is not served: %w", h.Key, wire.ErrMalformed))
	}
	c.in.skip(wire.PrefixLen)
	if err := c.turn(route); err != nil {
		return nil, nil, err
	}
	a := &answer{conn: c, route: route, version: h.Version, corr: h.CorrelationID}
	req, err := c.body(a, h, rest)
	if err != nil {
		a.releaseRequest()
		return nil, nil, c.drained(err)
	}
	return a, req, nil
}

// sleepIdle is sleep where the reader waits for a request.
func (c *Conn) sleepIdle() error {
	if err := c.sleep(); err != nil {
		return err
	}
	if c.in.buffered() > 0 {
		c.phase.set(&c.phase.frame) // a request has begun
		return nil
	}
	c.phase.set(&c.phase.reading)
	return nil
}

// turn waits until the request that comes now may start: any but Produce wait until all before it are answered.
func (c *Conn) turn(route *Route) error {
	limit := 0
	if route.pipelined() {
		if c.onlyPipelined() {
			limit = maxPipelined - 1
		}
	}
	if err := c.await(limit); err != nil {
		return err
	}
	until := c.muteUntil.Load()
	if until == 0 {
		return nil
	}
	c.muteUntil.CompareAndSwap(until, 0)
	return c.pause(time.Until(time.Unix(0, until)))
}

// body reads the rest of a frame and makes a request of it.
func (c *Conn) body(a *answer, h wire.Header, rest int) (kmsg.Request, error) {
	s := c.server
	if err := c.admit(a, rest); err != nil {
		return nil, err
	}
	frame, err := c.readFrame(rest, a.route.recycles())
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	if a.route.recycles() {
		a.frame = frame
	}
	a.read = time.Now()
	s.hooks.Request(h.Key, h.Version, rest+wire.PrefixLen)

	if h.Version < a.route.min || h.Version > a.route.max {
		return c.otherVersion(a, h)
	}
	body, err := h.ParseRest(frame.b, s.guard.Flexible(h.Key, h.Version), c.ClientID())
	if err != nil {
		return nil, c.bad("header", err)
	}
	if h.ClientID != c.ClientID() {
		c.clientID.Store(&h.ClientID)
	}
	a.bytes = len(body)
	cost, err := s.guard.Check(h.Key, h.Version, body)
	if err != nil {
		return nil, c.bad("body", err)
	}
	if err := c.admitDecoded(a, cost); err != nil {
		return nil, err
	}
	req := a.route.request()
	req.SetVersion(h.Version)
	if err := req.ReadFrom(body); err != nil {
		return nil, c.bad("body", fmt.Errorf("decode %s version %d: %w", a.route.Name(), h.Version, err))
	}
	return req, nil
}

// otherVersion deals with a version that is not served. Only ApiVersions has an answer that every client understands.
func (c *Conn) otherVersion(a *answer, h wire.Header) (kmsg.Request, error) {
	if h.Key != apiVersionsKey {
		return nil, c.bad("version", fmt.Errorf("%s version %d is not served: %w", a.route.Name(), h.Version, wire.ErrMalformed))
	}
	a.version = 0
	a.route = &c.server.unknownVersion
	return a.route.request(), nil
}

// admit takes room for a frame of n bytes, and waits for it if others hold too much.
func (c *Conn) admit(a *answer, n int) error {
	a.small = n <= smallFrame
	b := c.server.frames(a.small)
	want := b.clamp(int64(n))
	if !b.try(want) {
		if err := c.borrow(b, want); err != nil {
			return err
		}
	}
	a.held = want
	return nil
}

// admitDecoded takes room for what the request becomes when it is decoded. The order of the two budgets is always the
// same and nobody who holds the second waits for the first, so they cannot block each other.
func (c *Conn) admitDecoded(a *answer, cost int64) error {
	if cost <= smallFrame {
		return nil
	}
	b := c.server.decode
	want := b.clamp(cost)
	if !b.try(want) {
		if err := c.borrow(b, want); err != nil {
			return err
		}
	}
	a.decoded = want
	return nil
}

func (c *Conn) borrow(b *budget, n int64) error {
	if err := c.sleep(); err != nil {
		return err
	}
	start := time.Now()
	err := b.take(c.ctx, n)
	c.server.hooks.Throttled(time.Since(start))
	return err
}

// readFrame reads n bytes. The memory of a large frame grows with the bytes that arrive, so that a claim costs nothing,
// unless a buffer of that size is there already.
func (c *Conn) readFrame(n int, pooled bool) (*buffer, error) {
	var buf *buffer
	if pooled {
		if buf = c.server.pool.take(n); buf == nil {
			buf = c.server.pool.get(min(n, growStep))
		}
	} else {
		buf = &buffer{b: make([]byte, min(n, growStep))}
	}
	have := 0
	for {
		for have < len(buf.b) {
			m, err := c.frameBytes(buf.b[have:])
			if have += m; err != nil && have < len(buf.b) {
				c.server.pool.put(buf)
				if err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				return nil, err
			}
		}
		if have == n {
			return buf, nil
		}
		next := min(n, 2*have)
		var grown *buffer
		if pooled {
			grown = c.server.pool.get(next)
		} else {
			grown = &buffer{b: make([]byte, next)}
		}
		copy(grown.b, buf.b)
		c.server.pool.put(buf)
		buf = grown
	}
}

// frameBytes reads some bytes of a frame that has begun.
func (c *Conn) frameBytes(dst []byte) (int, error) {
	if c.in.buffered() > 0 {
		return c.in.read(dst)
	}
	if err := c.sleep(); err != nil {
		return 0, err
	}
	c.phase.set(&c.phase.frame)
	defer c.phase.clear(&c.phase.frame)
	n := min(len(dst), growStep)
	m, err := io.ReadFull(c.nc, dst[:n])
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		return m, io.EOF
	}
	return m, err
}

// start calls the route. A panic of the handler becomes an error, which closes the connection.
func (c *Conn) start(a *answer, req kmsg.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.server.hooks.Panicked(a.route.key)
			c.log.Error("panic in a handler", "api", a.route.Name(), "version", a.version, "client", c.RemoteAddr().String(),
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("handle %s: panic: %v", a.route.Name(), p)
			a.reply(nil, err) // gives back what the request held
		}
	}()
	switch q := req.(type) {
	case *kmsg.ProduceRequest:
		a.silent = q.Acks == 0
	case *kmsg.ApiVersionsRequest:
		c.software.Store(&software{q.ClientSoftwareName, q.ClientSoftwareVersion})
	}
	c.enqueue(a)
	if c.server.cfg.Quotas.Enabled() {
		c.serve(a, req)
		return nil
	}
	a.route.serve(c.ctx, c, req, a.reply)
	return nil
}

// bad counts and wraps the error of a client that broke the protocol.
func (c *Conn) bad(reason string, err error) error {
	c.server.hooks.BadRequest(reason)
	return err
}

// drained replaces the error of a read that the drain cut short.
func (c *Conn) drained(err error) error {
	if c.draining.Load() && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return errDrained
	}
	return err
}

// pause waits for d, or until the connection ends.
func (c *Conn) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if err := c.sleep(); err != nil {
		return err
	}
	c.phase.set(&c.phase.reading) // who has to wait for too long counts as idle, as in Kafka
	defer c.phase.clear(&c.phase.reading)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.ctx.Done():
		return net.ErrClosed
	}
}
