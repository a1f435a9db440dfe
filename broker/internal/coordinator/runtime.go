package coordinator

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var _ = kmsg.NewPtrJoinGroupRequest // placeholder import until the loader lands

// Config describes a coordinator: its topic, how many partitions that has, and the
// machine of each.
type Config[M Machine] struct {
	// Name is the internal topic's name, for logs and errors. Required.
	Name string
	// Topic opens the partitions. Required.
	Topic Topic
	// Partitions is the number of partitions. Required; it can never change.
	Partitions int32
	// New makes the empty machine of a partition. Required.
	New func(partition int32) M
	// Logger takes what has no one to be answered to. Nil: slog.Default().
	Logger *slog.Logger
	// MaxBatchBytes bounds the records that are appended as one batch; a step with more
	// is refused. Zero: 1 MiB, as max.message.bytes of the topic.
	MaxBatchBytes int
	// MaxQueued is how many steps may wait for one partition; further ones are refused
	// with COORDINATOR_NOT_AVAILABLE. Zero: 65,536.
	MaxQueued int
	// LoadPatience is how long steps wait for a partition that is being read before they
	// are answered COORDINATOR_LOAD_IN_PROGRESS. Zero: 1 second.
	LoadPatience time.Duration
	// SnapshotFloor is how many records a partition's log holds at least before it is
	// replaced by a snapshot. Zero: 65,536.
	SnapshotFloor int64
}

// Runtime runs the machines of one internal topic.
type Runtime[M Machine] struct {
	cfg    Config[M]
	mu     sync.Mutex
	closed bool // guarded by mu
}

// New returns a runtime that has opened nothing yet.
func New[M Machine](cfg Config[M]) *Runtime[M] { return &Runtime[M]{cfg: cfg} }

// Run loads every partition that has a log, and unloads all when ctx ends: what is under
// way is committed and answered first. It returns nil on cancellation.
func (r *Runtime[M]) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// PartitionFor is the partition that holds key.
func (r *Runtime[M]) PartitionFor(key string) int32 { return PartitionFor(key, r.cfg.Partitions) }

// Do queues step for the machine that holds key. The step answers through out; fail is
// called instead, with a kerr error, when it cannot be run: the partition is being
// loaded, or is not available. Do does not wait.
func (r *Runtime[M]) Do(key string, step func(m M, now time.Time, out *Out), fail func(error)) {
	r.DoPartition(r.PartitionFor(key), step, fail)
}

// DoPartition is Do for a partition named by its number.
func (r *Runtime[M]) DoPartition(partition int32, step func(m M, now time.Time, out *Out), fail func(error)) {
	fail(errors.New("not running"))
}
