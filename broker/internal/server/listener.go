package server

import "net"

// Protocol is the security protocol of a listener, spelled as in listener.security.protocol.map.
type Protocol string

// The protocols of Kafka. So far only PLAINTEXT is served.
const (
	Plaintext     Protocol = "PLAINTEXT"
	SSL           Protocol = "SSL"
	SASLPlaintext Protocol = "SASL_PLAINTEXT"
	SASLSSL       Protocol = "SASL_SSL"
)

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
}
