package coordinator

import "context"

// Log is what the runtime needs of a partition. All batches are record batches v2.
type Log interface {
	// Append writes one batch and has done called once, from any goroutine but never
	// before Append returns: with the batch's base offset when it is committed, or with
	// the error that prevents it.
	Append(batch []byte, done func(base int64, err error))
	// Read gives whole committed batches from the one that holds offset from on: about
	// maxBytes of them but at least one, none at the end. The bytes are the caller's.
	Read(from int64, maxBytes int32) ([]byte, error)
	// Bounds are the first offset and the one after the last committed one.
	Bounds() (start, end int64)
	// DeleteBefore forgets the records below offset.
	DeleteBefore(offset int64) error
}

// Topic opens the partitions of a coordinator's internal topic.
type Topic interface {
	// Open gives the log of a partition, or nil when it does not exist.
	Open(ctx context.Context, partition int32) (Log, error)
	// Create gives the log of a partition, creating the topic first if need be.
	Create(ctx context.Context, partition int32) (Log, error)
}
