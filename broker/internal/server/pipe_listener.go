package server

import (
	"context"
	"net"
	"sync"
)

// PipeListener is a listener without a network: Dial gives one end of a connection in memory, Accept the other.
type PipeListener struct {
	addr    pipeAddr
	pending chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

// NewPipeListener makes a listener whose address is addr, for what it is worth: Dial serves every address.
func NewPipeListener(addr string) *PipeListener {
	return &PipeListener{addr: pipeAddr(addr), pending: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects to the listener under the address that the caller believes in, which the server's end shows as its
// local address. It fails with net.ErrClosed when the listener is closed.
func (l *PipeListener) Dial(ctx context.Context, addr string) (net.Conn, error) {
	client, server := newPipe(pipeAddr("in-memory:0"), pipeAddr(addr))
	select {
	case l.pending <- server:
		return client, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: pipeAddr(addr), Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept waits for the next connection.
func (l *PipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.pending:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "pipe", Addr: l.addr, Err: net.ErrClosed}
	}
}

// Close ends Accept and Dial. Connections live on.
func (l *PipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is the address given to NewPipeListener.
func (l *PipeListener) Addr() net.Addr { return l.addr }

type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }
