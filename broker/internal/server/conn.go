package server

import (
	"context"
	"net"
	"time"
)

// Conn is one client connection. Handlers get it with every request; its methods may be called from any goroutine.
type Conn struct {
	id       uint64
	listener *listener
	nc       net.Conn
	ctx      context.Context //nolint:containedctx // the life of the connection
}

type listener struct{ name string }

// ID is a number that no other connection of this process has or had.
func (c *Conn) ID() uint64 { return c.id }

// Listener is the name of the listener that accepted the connection, such as PLAINTEXT.
func (c *Conn) Listener() string { return c.listener.name }

// RemoteAddr is the address of the client.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// Host is the client's address without the port, in the form of Kafka's answers: /127.0.0.1.
func (c *Conn) Host() string { return "" }

// Advertised is the address under which clients of this listener reach the broker: advertised.listeners, or the
// address that this client dialled.
func (c *Conn) Advertised() (host string, port int32) { return "", 0 }

// Principal is who the client is, as Kafka writes it: User:ANONYMOUS without authentication.
func (c *Conn) Principal() string { return "User:ANONYMOUS" }

// ClientID is the client id of the request that was started last, empty if it has none.
func (c *Conn) ClientID() string { return "" }

// ClientSoftware is the name and version that the client gave in ApiVersions, empty if it gave none.
func (c *Conn) ClientSoftware() (name, version string) { return "", "" }

// Throttle keeps the connection from starting another request for d after the current answer, which is how Kafka
// mutes a client that is over its quota. The caller sets the response's throttle field itself.
func (c *Conn) Throttle(d time.Duration) {}
