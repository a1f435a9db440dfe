package streams

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"github.com/chortal/chortal/streams/internal/task"
	"github.com/chortal/chortal/streams/processor"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is what an application needs to know besides its topology. ApplicationID and Brokers are required; the zero value
// of every other field is the default that it names.
type Config struct {
	// ApplicationID names the consumer group, and is the prefix of all internal topics. Instances with the same id share
	// the work.
	ApplicationID string

	// Brokers are the addresses of some brokers, host:port.
	Brokers []string

	// Dialer connects to the brokers; nil is TCP. An embedded broker has one: its Dialer method.
	Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

	// TLS, if set, encrypts the connections.
	TLS *tls.Config

	// ClientID is told to the brokers; empty is the application's id.
	ClientID string

	// InstanceID makes the group membership static (KIP-345): an instance that comes back within the session timeout gets
	// its tasks back without a rebalance. Empty: dynamic membership.
	InstanceID string

	// StateDir is where state stores lie, in a folder named after the application. Instances on one machine need
	// different ones. Empty: "chortal-streams" in the folder for temporary files.
	StateDir string

	// InMemory keeps all state in memory, whatever the stores say; it is restored from the changelogs at every start.
	InMemory bool

	// StateMemory is the memory for cached state of all stores of this instance, in bytes. Zero: 256 MiB.
	StateMemory int64

	// NoCaching sends every update of a table downstream and to the changelog at once. By default only the last of
	// several updates of a key between two commits is sent, as with a cache in Kafka Streams.
	NoCaching bool

	// CommitInterval is the time between commits: of offsets, results and state. Zero: 30 s, Kafka's default.
	CommitInterval time.Duration

	// MaxTaskIdle is max.task.idle.ms: how long a task with several inputs waits for one that is empty, though its lag is
	// known to be zero. A negative value never waits, not even for records that are known to be on the broker.
	MaxTaskIdle time.Duration

	// BufferedRecords is how many records per partition are read ahead. Zero: 1000.
	BufferedRecords int

	// SessionTimeout is after what time without a heartbeat the tasks of this instance go to others. Zero: 45 s.
	SessionTimeout time.Duration

	// ReplicationFactor is that of internal topics. Zero: the brokers' default.
	ReplicationFactor int16

	// TopicConfig are properties of internal topics, over those that they get anyway.
	TopicConfig map[string]string

	// RepartitionPurgeInterval is the time between deletions of the records of repartition topics that were processed.
	// Zero: 30 s.
	RepartitionPurgeInterval time.Duration

	// StateCleanupDelay is for how long the state of a task that has moved to another instance is kept. Zero: 10 minutes.
	StateCleanupDelay time.Duration

	// Extractor is the timestamp extractor of sources without one of their own. Nil: FailOnInvalidTimestamp.
	Extractor processor.DefaultExtractor

	// Deserialization is asked about records that do not decode, Processing about errors and panics in operators,
	// Production about records that cannot be serialized or sent. Nil fails: Run returns the error. Handlers may be called
	// by several goroutines at once. LogAndContinue drops the record.
	Deserialization, Processing, Production ExceptionHandler

	// DeadLetterTopic gets the records that handlers were asked about. Empty: none.
	DeadLetterTopic string

	// Metrics, if set, gets the metrics of the application.
	Metrics prometheus.Registerer

	// Logger, nil for none.
	Logger *slog.Logger

	// Now is the wall clock. Nil: time.Now.
	Now func() time.Time
}

// ExceptionHandler decides what happens after a failure.
type ExceptionHandler = task.Handler

// Failure is what an ExceptionHandler is asked about.
type Failure = task.Failure

// Response is the answer of an ExceptionHandler.
type Response = task.Response

// The answers of an ExceptionHandler.
const (
	// Fail ends the application.
	Fail = task.Fail
	// Continue drops the record and goes on. The drop is counted and logged.
	Continue = task.Continue
)

// LogAndContinue is the exception handler that drops every record it is asked about. The drop is counted and logged.
func LogAndContinue(*Failure) Response { return Continue }

// LogAndFail is the exception handler that ends the application; it is the default.
func LogAndFail(*Failure) Response { return Fail }
