package server

import (
	"encoding/binary"
	"fmt"
	"runtime/debug"

	"github.com/chortal/chortal/broker/internal/wire"
)

// RawLogin makes the next messages of the client those of SASL alone, a length and a token, until it has logged in: that is
// how clients go on after version 0 of SaslHandshake. step takes a token and gives the one to send, nil for none. An error
// ends the connection without another word, after the delay that Refuse set. Only the handlers of SASL may call it.
func (c *Conn) RawLogin(step func(token []byte) (answer []byte, err error)) { c.login.raw = step }

// rawToken reads one token and answers it.
func (c *Conn) rawToken() error {
	head, err := c.in.peek(4, c.sleepIdle)
	if err != nil {
		return c.drained(err)
	}
	if c.draining.Load() {
		return errDrained
	}
	c.phase.clear(&c.phase.reading)
	c.phase.clear(&c.phase.frame)
	n := int32(binary.BigEndian.Uint32(head))
	if limit := c.maxFrame(); n < 0 || n > limit {
		return c.bad("size", fmt.Errorf("token of %d bytes, at most %d are allowed: %w", n, limit, wire.ErrMalformed))
	}
	c.in.skip(4)
	if err := c.await(0); err != nil { // the answer to the handshake comes first
		return err
	}
	token, err := c.readFrame(int(n), false)
	if err != nil {
		return c.drained(fmt.Errorf("read token: %w", err))
	}
	answer, err := c.rawStep(token.b)
	if err != nil {
		if c.login.refused {
			return c.refuse()
		}
		return err
	}
	if c.login.done {
		c.login.raw = nil
	}
	if answer == nil {
		return nil
	}
	c.phase.set(&c.phase.writing)
	defer c.phase.clear(&c.phase.writing)
	_, err = c.nc.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...))
	return err
}

// rawStep calls the handler. Its panic becomes an error, which closes the connection.
func (c *Conn) rawStep(token []byte) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.server.hooks.Panicked(saslHandshakeKey)
			c.log.Error("panic in a login", "client", c.RemoteAddr().String(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("log in: panic: %v", p)
		}
	}()
	return c.login.raw(token)
}
