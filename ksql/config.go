package ksql

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Dialer opens a connection to a broker.
type Dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// Config is an engine's configuration. Brokers is required, the zero value of every other field is its default.
type Config struct {
	// Brokers are the bootstrap addresses, host:port.
	Brokers []string
	// Dialer replaces TCP: an embedded broker gives its own.
	Dialer Dialer
	// ServiceID separates engines that share a cluster; it is part of the names of the command log, of consumer groups
	// and of internal topics. Empty means "default_", as in ksqlDB.
	ServiceID string
	// StateDir is where queries keep their state. Empty keeps the state in memory: it is restored from the changelog
	// topics at every start.
	StateDir string
	// Properties are defaults of the properties that SET changes, such as auto.offset.reset.
	Properties map[string]string
	// Logger receives what the engine and its queries log. Nil discards it.
	Logger *slog.Logger
	// Registerer receives the metrics. Nil means none.
	Registerer prometheus.Registerer
	// MaxQueries bounds the persistent queries. Zero means 10,000.
	MaxQueries int
	// MaxPushQueries bounds the push queries that run at a time. Zero means 1,000.
	MaxPushQueries int
	// Replicas is the replication factor of topics that the engine creates. Zero leaves it to the broker.
	Replicas int
	// CommitInterval is how often queries commit. Zero means 2 s, ksqlDB's default.
	CommitInterval time.Duration
	// CacheBytes bounds the write-behind cache of each query's stores. Zero means 10 MB; negative means none, so that
	// every record gives a result.
	CacheBytes int64
	// Now is the wall clock. Nil means time.Now.
	Now func() time.Time
}

// Options are what comes with a statement: the session's properties (SET) and variables (DEFINE).
type Options struct {
	Properties map[string]string
	Variables  map[string]string
}
