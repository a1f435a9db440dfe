package streams

import (
	"context"

	"github.com/chortal/chortal/streams/internal/runtime"
	"github.com/chortal/chortal/streams/processor"
)

// App is a topology that runs. Several instances with the same application id, in one process or many, share the
// partitions of its topics, and take over from each other.
type App struct {
	runtime *runtime.Runtime
}

// New makes an application of a topology. It does not connect to anything yet.
func New(topology *processor.Topology, c Config) (*App, error) {
	r, err := runtime.New(topology, runtime.Config{
		ApplicationID: c.ApplicationID, Brokers: c.Brokers, Dialer: c.Dialer, TLS: c.TLS,
		ClientID: c.ClientID, InstanceID: c.InstanceID,
		StateDir: c.StateDir, InMemory: c.InMemory, StateMemory: c.StateMemory, Caching: !c.NoCaching,
		CommitInterval: c.CommitInterval, MaxTaskIdle: c.MaxTaskIdle, BufferedRecords: c.BufferedRecords,
		SessionTimeout: c.SessionTimeout, ReplicationFactor: c.ReplicationFactor, TopicConfig: c.TopicConfig,
		RepartitionPurgeInterval: c.RepartitionPurgeInterval, StateCleanupDelay: c.StateCleanupDelay,
		Extractor: c.Extractor, Deserialization: c.Deserialization, Processing: c.Processing, Production: c.Production,
		DeadLetterTopic: c.DeadLetterTopic, Metrics: c.Metrics, Logger: c.Logger, Now: c.Now,
	})
	if err != nil {
		return nil, err
	}
	return &App{runtime: r}, nil
}

// MissingSourceTopicError says that a topic that the application needs does not exist, was deleted, or was deleted and
// created anew, as Kafka Streams' MissingSourceTopicException. A new App begins with the topic as it is then.
type MissingSourceTopicError = runtime.MissingSourceTopicError

// Run creates the internal topics that are missing, joins the group and processes records until ctx ends or the
// application breaks. It commits before it returns. It returns nil when ctx has ended; other errors name the application.
// Brokers that cannot be reached are waited for. A topic that goes away ends it with a *MissingSourceTopicError. An App
// runs once.
func (a *App) Run(ctx context.Context) error { return a.runtime.Run(ctx) }

// Ready is closed when all tasks that this instance was given first have restored their state and run.
func (a *App) Ready() <-chan struct{} { return a.runtime.Ready() }

// Dropped returns how many records were dropped, for whatever reason, as Kafka's metric dropped-records-total.
func (a *App) Dropped() int64 { return a.runtime.Dropped() }
