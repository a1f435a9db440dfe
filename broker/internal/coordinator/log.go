package coordinator

import (
	"context"

	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/internal/recordbatch"
)

// Log is what the runtime needs of a partition.
type Log interface {
	// Append adds one batch, whose offsets it assigns in place, and gives the first of
	// them. Unless it returns an error it calls done once, maybe before it returns: with
	// nil when the batch is committed.
	Append(batch []byte, done func(error)) (base int64, err error)
	// Scan calls fn with every batch from an offset on to the end of the log. The batch
	// is valid during the call.
	Scan(from int64, fn func(recordbatch.Batch) error) error
	// LogStartOffset and LogEndOffset are the first offset and the one after the last.
	LogStartOffset() int64
	LogEndOffset() int64
	// DeleteRecordsBefore forgets the records below offset.
	DeleteRecordsBefore(offset int64) (int64, error)
}

// Topic opens the partitions of a coordinator's internal topic.
type Topic interface {
	// Open gives the log of a partition, or nil if it does not exist.
	Open(ctx context.Context, partition int32) (Log, error)
	// Create gives the log of a partition, and makes the topic first if need be.
	Create(ctx context.Context, partition int32) (Log, error)
}

// PartitionLog is the log of a partition of this broker.
func PartitionLog(p *partition.Partition) Log { return partitionLog{p} }

type partitionLog struct{ *partition.Partition }

// Append appends as a coordinator does: answered when it is readable, and allowed to
// write control batches.
func (l partitionLog) Append(batch []byte, done func(error)) (int64, error) {
	appended, err := l.Partition.Append(batch, partition.AppendOptions{Acks: -1, Origin: partition.Internal}, done)
	return appended.BaseOffset, err
}
