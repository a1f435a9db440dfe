package server

import (
	"crypto/tls"
	"net"
	"time"
)

// Protocol is the security protocol of a listener, spelled as in listener.security.protocol.map.
type Protocol string

// The protocols of Kafka.
const (
	Plaintext     Protocol = "PLAINTEXT"
	SSL           Protocol = "SSL"
	SASLPlaintext Protocol = "SASL_PLAINTEXT"
	SASLSSL       Protocol = "SASL_SSL"
)

// TLS tells whether connections are encrypted.
func (p Protocol) TLS() bool { return p == SSL || p == SASLSSL }

// SASL tells whether clients must log in.
func (p Protocol) SASL() bool { return p == SASLPlaintext || p == SASLSSL }

// Listener is a source of connections.
type Listener struct {
	// Name is the listener's name, PLAINTEXT by default.
	Name string
	// Protocol is how its connections are secured; empty means PLAINTEXT.
	Protocol Protocol
	// AdvertisedHost and AdvertisedPort are what clients are told to connect to. An empty host stands for the address
	// that the client dialled.
	AdvertisedHost string
	AdvertisedPort int32
	// Net accepts the connections. The server closes it.
	Net net.Listener

	// TLS secures the connections of SSL and SASL_SSL, which need it.
	TLS *tls.Config
	// TLSPrincipal names the client of a connection of SSL whose handshake is done. An error closes it. Nil: everybody
	// is User:ANONYMOUS.
	TLSPrincipal func(tls.ConnectionState) (string, error)
	// Principal is who clients are that do not prove who they are; empty: User:ANONYMOUS.
	Principal string
	// MaxLoginBytes bounds the requests of a client of SASL that has not logged in; 0: 64 KiB.
	MaxLoginBytes int32
	// LoginTimeout is how long a client may take for the TLS handshake and for logging in; 0: 10 s.
	LoginTimeout time.Duration
}

func (l *Listener) maxLoginBytes() int32 {
	if l.MaxLoginBytes > 0 {
		return l.MaxLoginBytes
	}
	return 64 << 10
}

func (l *Listener) loginTimeout() time.Duration {
	if l.LoginTimeout > 0 {
		return l.LoginTimeout
	}
	return 10 * time.Second
}
