package partition

import (
	"context"
	"sync"

	"github.com/chortal/chortal/internal/recordbatch"
)

// Partition is one partition of which this broker is the leader. All methods may be called from several goroutines.
type Partition struct {
	tp TopicPartition
	id [16]byte

	mu sync.Mutex
}

// TopicPartition is the partition's name.
func (p *Partition) TopicPartition() TopicPartition { return p.tp }

// TopicID tells a recreated topic from the one before it.
func (p *Partition) TopicID() [16]byte { return p.id }

// LeaderEpoch is the epoch under which this broker leads.
func (p *Partition) LeaderEpoch() int32 { return 0 }

// BecomeLeader takes over the partition under an epoch; appends carry it from now on. An older epoch is ignored.
func (p *Partition) BecomeLeader(epoch int32) error { return nil }

// Append adds one record batch. It assigns offsets in place, so the bytes of batch are the partition's to change until
// Append returns (it keeps no reference afterwards). Append returns when the batch is in the page cache.
//
// done (may be nil) is called exactly once if Append returns no error: when what Acks asks for has happened, possibly
// before Append returns, else from a flusher goroutine; it must not block nor call back into the partition's Append.
// For Acks -1 that is when the batch is readable: durable under [Fsync]. It is not called if Append returns an error.
func (p *Partition) Append(batch []byte, o AppendOptions, done func(error)) (Appended, error) {
	return Appended{}, nil
}

// AppendWait is Append followed by waiting for done or ctx.
func (p *Partition) AppendWait(ctx context.Context, batch []byte, o AppendOptions) (Appended, error) {
	return Appended{}, nil
}

// Read gives the stored batches from the one that holds o.Offset on, at most up to the visible end of o.Isolation.
// Errors: OFFSET_OUT_OF_RANGE, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR.
// With OFFSET_OUT_OF_RANGE the offsets of the result are filled in.
func (p *Partition) Read(o ReadOptions) (ReadResult, error) { return ReadResult{}, nil }

// Scan calls fn with every batch from the offset on up to the log end (not only the high watermark), in order, as a
// coordinator needs it to replay its partition. The batch is valid during the call.
func (p *Partition) Scan(from int64, fn func(recordbatch.Batch) error) error { return nil }

// HighWatermark is the offset below which records are readable.
func (p *Partition) HighWatermark() int64 { return 0 }

// LastStableOffset is the offset below which every transaction has ended; never above the high watermark.
func (p *Partition) LastStableOffset() int64 { return 0 }

// LogStartOffset is the first offset.
func (p *Partition) LogStartOffset() int64 { return 0 }

// LogEndOffset is the offset that the next record gets.
func (p *Partition) LogEndOffset() int64 { return 0 }

// Size is the length of all segments in bytes.
func (p *Partition) Size() int64 { return 0 }

// OffsetForTime finds the first visible record whose timestamp (ms) is t or later; ok is false if there is none.
func (p *Partition) OffsetForTime(t int64, iso Isolation) (at TimestampOffset, ok bool, err error) {
	return TimestampOffset{}, false, nil
}

// MaxTimestamp finds the visible record with the largest timestamp (ListOffsets -3); ok is false if there is none.
func (p *Partition) MaxTimestamp() (at TimestampOffset, ok bool, err error) {
	return TimestampOffset{}, false, nil
}

// EpochAt is the leader epoch of the record at offset, -1 if unknown.
func (p *Partition) EpochAt(offset int64) int32 { return -1 }

// EndOffsetForEpoch answers OffsetForLeaderEpoch: the largest known epoch that is at most epoch and where it ends.
// currentLeaderEpoch is the client's, -1 for none. Both fields are -1 where nothing is known.
func (p *Partition) EndOffsetForEpoch(currentLeaderEpoch, epoch int32) (EpochEndOffset, error) {
	return EpochEndOffset{}, nil
}

// DeleteRecordsBefore moves the log start to offset (-1: the high watermark) and returns the new log start.
func (p *Partition) DeleteRecordsBefore(offset int64) (int64, error) { return 0, nil }

// Producers lists the live producer ids.
func (p *Partition) Producers() []ProducerState { return nil }
