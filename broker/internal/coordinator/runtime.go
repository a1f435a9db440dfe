package coordinator

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/twmb/franz-go/pkg/kerr"
)

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
	// Logger takes what there is no one to be told of. Nil: slog.Default().
	Logger *slog.Logger
	// MaxBatchBytes is how many bytes of records of several steps are appended as one
	// batch. A single step may write more. Zero: 1 MiB.
	MaxBatchBytes int
	// MaxStepBytes is up to how many bytes the records of a step are one batch, and so
	// survive together; more are split. Zero: 9 MiB.
	MaxStepBytes int
	// MaxQueued is how many steps may wait for one partition; further ones are refused
	// with COORDINATOR_NOT_AVAILABLE. Zero: 65,536.
	MaxQueued int
	// LoadPatience is how long steps wait for a partition that is being read before they
	// are refused with COORDINATOR_LOAD_IN_PROGRESS. Zero: 1 second.
	LoadPatience time.Duration
	// RetryPause is for how long a partition that broke refuses steps before it is read
	// again. Zero: 1 second.
	RetryPause time.Duration
	// SnapshotFloor is how many records a partition's log holds at least before it is
	// replaced by a snapshot. Zero: 65,536.
	SnapshotFloor int64
	// CloseTimeout is how long Run waits for appends when its context has ended. Zero:
	// 5 seconds.
	CloseTimeout time.Duration
	// WriteTimeout is how long answers wait for their records to be committed, before they
	// are COORDINATOR_NOT_AVAILABLE; the records may be committed nevertheless. Zero: 5
	// seconds.
	WriteTimeout time.Duration
	// Codec compresses the batches. Zero: none.
	Codec recordbatch.Codec
	// Observer is told of what happens. Nil: nobody.
	Observer *Observer
}

// snapshotFactor is how many times more records than the state has must be in the log
// before it is replaced: the larger, the rarer are snapshots and the longer is replay.
const snapshotFactor = 4

func (c Config[M]) withDefaults() Config[M] {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Logger = c.Logger.With("topic", c.Name)
	c.MaxBatchBytes = orElse(c.MaxBatchBytes, 1<<20)
	c.MaxStepBytes = max(orElse(c.MaxStepBytes, 9<<20), c.MaxBatchBytes)
	c.MaxQueued = orElse(c.MaxQueued, 1<<16)
	c.LoadPatience = orElse(c.LoadPatience, time.Second)
	c.RetryPause = orElse(c.RetryPause, time.Second)
	c.SnapshotFloor = orElse(c.SnapshotFloor, 1<<16)
	c.CloseTimeout = orElse(c.CloseTimeout, 5*time.Second)
	c.WriteTimeout = orElse(c.WriteTimeout, 5*time.Second)
	c.Observer = orElse(c.Observer, &Observer{})
	return c
}

func orElse[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

// Runtime runs the machines of one internal topic. All methods may be called from
// several goroutines.
type Runtime[M Machine] struct {
	cfg    Config[M]
	shards []*shard[M]
}

// New returns a runtime. A partition is opened when it is first asked for, or by Run.
func New[M Machine](cfg Config[M]) *Runtime[M] {
	r := &Runtime[M]{cfg: cfg.withDefaults()}
	for i := range cfg.Partitions {
		r.shards = append(r.shards, newShard(r.cfg, i))
	}
	return r
}

// Run loads every partition that has a log, so that sessions that a restart interrupted
// expire if nobody takes them up, and unloads all when ctx ends: what is under way is
// committed and answered first, what waits for others is answered NOT_COORDINATOR. It
// returns nil on cancellation. The runtime refuses all steps afterwards.
func (r *Runtime[M]) Run(ctx context.Context) error {
	for _, s := range r.shards {
		s.load()
	}
	<-ctx.Done()
	for _, s := range r.shards {
		s.close()
	}
	timeout := time.NewTimer(r.cfg.CloseTimeout)
	defer timeout.Stop()
	for _, s := range r.shards {
		select {
		case <-s.closed:
		case <-timeout.C:
			return fmt.Errorf("close coordinator of %s: appends to partition %d are not committed", r.cfg.Name, s.id)
		}
	}
	return nil
}

// Partitions is the number of partitions.
func (r *Runtime[M]) Partitions() int32 { return r.cfg.Partitions }

// PartitionFor is the partition that holds key.
func (r *Runtime[M]) PartitionFor(key string) int32 { return PartitionFor(key, r.cfg.Partitions) }

// Loading is the number of partitions whose machine has not been read from the log, or was thrown away after an error: a
// runtime that runs reads them all.
func (r *Runtime[M]) Loading() int {
	n := 0
	for _, s := range r.shards {
		if !s.isActive() {
			n++
		}
	}
	return n
}

// Step is something to be done with a machine.
type Step[M Machine] struct {
	// Run does it. It answers through out.
	Run func(m M, now time.Time, out *Out)
	// Refuse is called instead of Run, with an error that wraps a kerr value, if the
	// machine is not there: being loaded, broken, unloaded. It must not block.
	Refuse func(error)

	queued time.Time // when the step came
}

// Do has the machine that holds key run a step, after those that came before. It does
// not wait for it.
func (r *Runtime[M]) Do(key string, s Step[M]) { r.DoPartition(r.PartitionFor(key), s) }

// DoPartition has the machine of a partition run a step. It does not wait for it.
func (r *Runtime[M]) DoPartition(partition int32, s Step[M]) {
	if err := r.shards[partition].enqueue(s); err != nil {
		s.Refuse(fmt.Errorf("%s-%d: %w", r.cfg.Name, partition, err))
	}
}

// EndTransaction appends the marker that ends the transaction of p on a partition, and
// has the machine take note. reply is called when it is committed, or with the error
// that prevents it; it must not block.
func (r *Runtime[M]) EndTransaction(partition int32, p Producer, coordinatorEpoch int32, commit bool, reply func(error)) {
	s := Step[M]{Refuse: reply, Run: func(m M, _ time.Time, out *Out) {
		if _, ok := any(m).(TransactionalMachine); !ok {
			out.Answer(func(error) { reply(kerr.InvalidRequest) })
			return
		}
		out.end(p, coordinatorEpoch, commit)
		out.Answer(reply)
	}}
	r.DoPartition(partition, s)
}
