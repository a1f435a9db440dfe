package runtime

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/chortal/chortal/streams/internal/task"
	"github.com/chortal/chortal/streams/processor"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is streams.Config; the fields are explained there.
type Config struct {
	ApplicationID            string
	Brokers                  []string
	Dialer                   func(ctx context.Context, network, addr string) (net.Conn, error)
	TLS                      *tls.Config
	ClientID                 string
	InstanceID               string
	StateDir                 string
	InMemory                 bool
	StateMemory              int64
	Caching                  bool
	CommitInterval           time.Duration
	MaxTaskIdle              time.Duration
	BufferedRecords          int
	SessionTimeout           time.Duration
	ReplicationFactor        int16
	TopicConfig              map[string]string
	RepartitionPurgeInterval time.Duration
	StateCleanupDelay        time.Duration
	Extractor                processor.DefaultExtractor
	Deserialization          task.Handler
	Processing               task.Handler
	Production               task.Handler
	DeadLetterTopic          string
	Metrics                  prometheus.Registerer
	Logger                   *slog.Logger
	Now                      func() time.Time
}

const (
	defaultStateMemory     = 256 << 20
	defaultCommitInterval  = 30 * time.Second
	defaultBufferedRecords = 1000
	defaultSessionTimeout  = 45 * time.Second
	defaultPurgeInterval   = 30 * time.Second
	defaultCleanupDelay    = 10 * time.Minute
	defaultReplication     = -1 // the broker's default
)

var errConfig = errors.New("invalid configuration")

// complete checks c and fills in the defaults.
func (c *Config) complete() error {
	switch {
	case c.ApplicationID == "":
		return fmt.Errorf("%w: ApplicationID is required", errConfig)
	case len(c.Brokers) == 0:
		return fmt.Errorf("%w: Brokers are required", errConfig)
	case c.CommitInterval < 0:
		return fmt.Errorf("%w: CommitInterval is negative", errConfig)
	}
	if err := processor.CheckName(c.ApplicationID); err != nil {
		return fmt.Errorf("%w: ApplicationID: %w", errConfig, err)
	}
	orDefault(&c.ClientID, c.ApplicationID)
	orDefault(&c.StateDir, filepath.Join(os.TempDir(), "chortal-streams"))
	orDefault(&c.StateMemory, defaultStateMemory)
	orDefault(&c.CommitInterval, defaultCommitInterval)
	orDefault(&c.BufferedRecords, defaultBufferedRecords)
	orDefault(&c.SessionTimeout, defaultSessionTimeout)
	orDefault(&c.ReplicationFactor, defaultReplication)
	orDefault(&c.RepartitionPurgeInterval, defaultPurgeInterval)
	orDefault(&c.StateCleanupDelay, defaultCleanupDelay)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// maxTaskIdleMs is Kafka's max.task.idle.ms.
func (c *Config) maxTaskIdleMs() int64 {
	if c.MaxTaskIdle < 0 {
		return -1
	}
	return c.MaxTaskIdle.Milliseconds()
}
