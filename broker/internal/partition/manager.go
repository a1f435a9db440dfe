package partition

import (
	"context"
	"log/slog"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/prometheus/client_golang/prometheus"
)

// Dir is one log dir.
type Dir struct {
	// Path is the folder's name as configured: it is what DescribeLogDirs shows.
	Path string
	FS   fs.FS
}

// Config configures a Manager. Dirs is required; zero elsewhere means the default.
type Config struct {
	Dirs []Dir
	// ClusterID and NodeID are written to, or checked against, meta.properties. An empty ClusterID takes what is there,
	// or a new random one: see [Manager.ClusterID].
	ClusterID string
	NodeID    int32
	// Durability is when acks=all is acknowledged; default [Fsync].
	Durability Durability
	// FlushersPerDir is how many goroutines sync files, 2 by default.
	FlushersPerDir int
	// TailCacheBytes is the memory for recent batches of all partitions, 64 MiB by default; negative: none.
	TailCacheBytes int64
	// RetentionCheckInterval is log.retention.check.interval.ms, 5 minutes by default.
	RetentionCheckInterval time.Duration
	// RecoveryPointInterval is log.flush.offset.checkpoint.interval.ms, 60 s by default.
	RecoveryPointInterval time.Duration
	// HighWatermarkInterval is replica.high.watermark.checkpoint.interval.ms, 5 s by default.
	HighWatermarkInterval time.Duration
	// RecoveryThreads is num.recovery.threads.per.data.dir, 2 by default.
	RecoveryThreads int
	// ProducerIDExpiration is producer.id.expiration.ms, 1 day by default.
	ProducerIDExpiration time.Duration
	Logger               *slog.Logger
	// Now is the clock; default time.Now.
	Now        func() time.Time
	Registerer prometheus.Registerer
}

// Spec describes a partition to create or open.
type Spec struct {
	Topic       string
	TopicID     [16]byte
	Index       int32
	LeaderEpoch int32
	Config      TopicConfig
}

// Manager owns the log dirs and their partitions.
type Manager struct{}

// DirInfo describes a log dir for DescribeLogDirs.
type DirInfo struct {
	Path       string
	Err        error // not nil: offline
	Usage      fs.Usage
	Partitions []DirPartition
}

// DirPartition is a partition within a log dir.
type DirPartition struct {
	TopicPartition TopicPartition
	Size           int64
	OffsetLag      int64
}

// Open locks the log dirs, formats empty ones, and recovers what an unclean shutdown left. After a clean one it only
// reads the folder names. Partitions found on disk answer Get only after Create has named them with their topic id.
func Open(c Config) (*Manager, error) { return &Manager{}, nil }

// Run flushes, applies retention, writes checkpoints until ctx ends, then shuts down cleanly: all logs are synced, the
// clean-shutdown marker is written and the dirs are unlocked. Appends with acks=-1 are acknowledged only while it runs.
func (m *Manager) Run(ctx context.Context) error { return nil }

// Close lets go of everything without a clean shutdown, where Run was never called. After Run it does nothing.
func (m *Manager) Close() error { return nil }

// ClusterID is the cluster's id from meta.properties.
func (m *Manager) ClusterID() string { return "" }

// Create makes the partition, or opens what lies on disk if its topic id is the same (a folder of another id is deleted
// first). Creating an existing partition with the same id configures it. It is durable when Create returns.
func (m *Manager) Create(s Spec) (*Partition, error) { return nil, nil }

// Get returns a created partition, UNKNOWN_TOPIC_OR_PARTITION if there is none, KAFKA_STORAGE_ERROR if it is offline.
func (m *Manager) Get(topic string, index int32) (*Partition, error) { return nil, nil }

// Configure changes the configuration of all partitions of a topic.
func (m *Manager) Configure(topic string, c TopicConfig) {}

// Delete removes a partition: it is gone at once, its files after file.delete.delay.ms. A missing one is no error.
func (m *Manager) Delete(topic string, index int32) error { return nil }

// DeleteStrays removes what lies on disk but was never named by Create since Open: call it once after the metadata has
// been replayed.
func (m *Manager) DeleteStrays() error { return nil }

// Dirs describes the log dirs.
func (m *Manager) Dirs() []DirInfo { return nil }

// Partitions lists all created partitions.
func (m *Manager) Partitions() []*Partition { return nil }
