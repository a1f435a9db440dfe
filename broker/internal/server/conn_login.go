package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/wire"
)

const (
	saslHandshakeKey    = int16(kmsg.SASLHandshake)
	saslAuthenticateKey = int16(kmsg.SASLAuthenticate)
)

// errRefused ends a connection whose client could not prove who it is, after it was told so.
var errRefused = errors.New("login failed")

// login is how far a client is with proving who it is. Its fields are of the reader goroutine, and of the handlers of
// SASL, which the reader calls and waits for.
type login struct {
	required bool
	done     bool
	expires  time.Time // zero: never
	refused  bool
	delay    time.Duration // before a refused client is told so
	state    any
	raw      func(token []byte) (answer []byte, err error) // nil: messages are Kafka's, see RawLogin
}

// secure does the TLS handshake.
func (c *Conn) secure() error {
	t, ok := c.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.listener.loginTimeout())
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		return c.bad("tls", fmt.Errorf("TLS handshake: %w", err))
	}
	if c.listener.TLSPrincipal == nil || c.login.required {
		return nil
	}
	name, err := c.listener.TLSPrincipal(t.ConnectionState())
	if err != nil {
		return c.bad("tls", fmt.Errorf("name TLS client: %w", err))
	}
	c.principal.Store(&name)
	return nil
}

// mayAsk refuses requests of clients that have not logged in yet, or whose login has expired: all but those that are
// part of logging in.
func (c *Conn) mayAsk(key int16) error {
	if !c.login.required || key == apiVersionsKey || key == saslHandshakeKey || key == saslAuthenticateKey {
		return nil
	}
	switch {
	case !c.login.done:
		return c.bad("unauthenticated", fmt.Errorf("%s before the login: %w", kmsg.NameForKey(key), wire.ErrMalformed))
	case !c.login.expires.IsZero() && time.Now().After(c.login.expires):
		return c.bad("login_expired", fmt.Errorf("%s after the login expired", kmsg.NameForKey(key)))
	}
	return nil
}

// maxFrame is the largest request that the client may send now.
func (c *Conn) maxFrame() int32 {
	if c.login.required && !c.login.done {
		return min(c.listener.maxLoginBytes(), c.server.cfg.MaxRequestBytes)
	}
	return c.server.cfg.MaxRequestBytes
}

// refuse keeps a refused client waiting for its answer, so that guessing takes time, and ends the connection. The reader
// is awake meanwhile, and nobody else writes.
func (c *Conn) refuse() error {
	t := time.NewTimer(c.login.delay)
	defer t.Stop()
	select {
	case <-t.C:
		return errRefused
	case <-c.ctx.Done():
		return net.ErrClosed
	}
}

// SASL tells whether clients of this connection must log in.
func (c *Conn) SASL() bool { return c.login.required }

// LoginState is what SetLoginState kept: how far the login is. Only the handlers of SASL may use the two.
func (c *Conn) LoginState() any { return c.login.state }

// SetLoginState keeps how far the login is.
func (c *Conn) SetLoginState(state any) { c.login.state = state }

// LoggedIn tells whether the client has logged in.
func (c *Conn) LoggedIn() bool { return c.login.done }

// Login notes that the client has proved to be principal until expires, which may be zero for ever. Only the handlers of
// SASL may call it.
func (c *Conn) Login(principal string, expires time.Time) {
	c.principal.Store(&principal)
	c.login.done, c.login.expires = true, expires
	c.loginBy.Store(0)
}

// Refuse ends the connection with the answer to the current request, which the client gets after delay. Only the
// handlers of SASL may call it.
func (c *Conn) Refuse(delay time.Duration) {
	c.login.refused, c.login.delay = true, delay
}

// lateLogin tells whether the client took too long to log in.
func (c *Conn) lateLogin(now time.Time) bool {
	by := c.loginBy.Load()
	return by != 0 && now.UnixNano() > by
}

// secured wraps a connection in TLS, if its listener has it. The handshake comes later.
func secured(l *Listener, nc net.Conn) net.Conn {
	if l.Protocol.TLS() {
		return tls.Server(nc, l.TLS)
	}
	return nc
}
