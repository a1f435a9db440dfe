package partition

import (
	"fmt"
	"strings"

	"github.com/chortal/chortal/broker/internal/commitlog"
)

// Slice is a run of whole record batches, in memory or on disk. See [commitlog.Slice].
type Slice = commitlog.Slice

// TopicPartition names a partition.
type TopicPartition struct {
	Topic string
	Index int32
}

// String is Kafka's folder name, topic-index.
func (tp TopicPartition) String() string { return fmt.Sprintf("%s-%d", tp.Topic, tp.Index) }

// Isolation is how much of open transactions a reader sees, as numbered on the wire.
type Isolation int8

// The isolation levels.
const (
	ReadUncommitted Isolation = 0 // up to the high watermark
	ReadCommitted   Isolation = 1 // up to the last stable offset
)

// Durability is when a record counts as written where one replica is in sync.
type Durability int8

const (
	// Fsync (the default) acknowledges acks=all after an fdatasync; nothing is readable before it is durable.
	Fsync Durability = iota
	// None never syncs on append. For tests and data that may be lost.
	None
)

// ParseDurability reads the configuration key durability: fsync or none.
func ParseDurability(s string) (Durability, error) {
	switch strings.ToLower(s) {
	case "", "fsync":
		return Fsync, nil
	case "none":
		return None, nil
	}
	return Fsync, fmt.Errorf("durability %q is neither fsync nor none", s)
}

// String gives the name as the configuration spells it.
func (d Durability) String() string {
	if d == None {
		return "none"
	}
	return "fsync"
}

// Origin is who appends.
type Origin int8

const (
	// Client is a Produce request: control batches are refused.
	Client Origin = iota
	// Internal is a coordinator of this broker: control batches are allowed.
	Internal
)

// AppendOptions qualify an append. The zero value is a client's acks=0.
type AppendOptions struct {
	// Acks is -1 (all in-sync replicas), 1 (leader) or 0.
	Acks int16
	// Origin is who appends.
	Origin Origin
	// Guard lets a client's batch begin a transaction here, see [Partition.GuardTxn].
	Guard TxnGuard
}

// TxnGuard is proof that a producer's transaction was looked up after [Partition.GuardTxn] gave it, and that no
// transaction of that producer has ended here since. The zero value proves nothing.
type TxnGuard struct{ serial uint64 }

// Appended is where a batch went.
type Appended struct {
	BaseOffset, LastOffset int64
	// LogAppendTime is the broker's time in ms if the topic uses it, else -1.
	LogAppendTime  int64
	LogStartOffset int64
	LeaderEpoch    int32
	// Duplicate says that the batch was there already: the offsets are those of its first time.
	Duplicate bool
}

// ReadOptions qualify a read. CurrentLeaderEpoch and LastFetchedEpoch must be -1 where the client gave none.
type ReadOptions struct {
	Offset   int64
	MaxBytes int32
	// AtLeastOne returns the first batch even if it is longer than MaxBytes.
	AtLeastOne bool
	Isolation  Isolation
	// CurrentLeaderEpoch is the epoch that the client believes in: FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH.
	CurrentLeaderEpoch int32
	// LastFetchedEpoch is the epoch of the record before Offset, for truncation detection (KIP-595).
	LastFetchedEpoch int32
}

// ReadResult is what a read found.
type ReadResult struct {
	// Slice is nil if there is nothing to read. Else the caller must Release it.
	Slice            Slice
	HighWatermark    int64
	LastStableOffset int64
	LogStartOffset   int64
	// Aborted are the aborted transactions that touch the slice (ReadCommitted only).
	Aborted []commitlog.AbortedTxn
	// Diverging is set where LastFetchedEpoch does not fit this log: the client must truncate to it.
	Diverging *EpochEndOffset
	// Mark is the point to wait from, see [Waiter.Watch].
	Mark Mark
}

// EpochEndOffset is a leader epoch and the offset at which it ends.
type EpochEndOffset struct {
	LeaderEpoch int32
	EndOffset   int64
}

// TimestampOffset is a record found by time.
type TimestampOffset struct {
	Offset      int64
	Timestamp   int64
	LeaderEpoch int32
}

// ProducerState is a live producer id of a partition, as DescribeProducers shows it.
type ProducerState struct {
	ProducerID            int64
	ProducerEpoch         int16
	LastSequence          int32
	LastTimestamp         int64
	CoordinatorEpoch      int32 // -1: none
	CurrentTxnStartOffset int64 // -1: no open transaction
}

// RecordError is one bad record of a batch.
type RecordError struct {
	Index   int32 // position in the batch
	Message string
}

// RecordErrors says which records a batch was refused for; it unwraps to the kerr value (INVALID_RECORD).
type RecordErrors struct {
	Records []RecordError
	Err     error
}

// Error tells the first bad record.
func (e *RecordErrors) Error() string {
	if len(e.Records) == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v: %s", e.Err, e.Records[0].Message)
}

// Unwrap gives the kerr value.
func (e *RecordErrors) Unwrap() error { return e.Err }
