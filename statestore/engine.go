package statestore

import (
	"errors"
	"fmt"
	"iter"
	"time"
)

// Engine is an ordered byte store: the one thing that the key schemas of this package need from a database. Reads may
// run in any goroutine; Apply, DeleteRange, Close and Destroy belong to one goroutine at a time. Keys are compared as
// unsigned bytes. Every method returns [ErrClosed] after Close.
type Engine interface {
	Reader

	// Apply writes all of b, or returns an error. The offsets of b become visible only together with, or after, all its
	// entries: an engine that splits a large batch writes them last. Later entries for a key win over earlier ones.
	Apply(b *Batch) error

	// DeleteRange removes the keys from <= key < to; a nil to means the end. It need not be atomic.
	DeleteRange(from, to []byte) error

	// Snapshot returns a view of the engine as it is now, unmoved by later writes. It must be closed.
	Snapshot() (Snapshot, error)

	// Checkpoint returns the changelog offsets that were applied last. The map belongs to the caller.
	Checkpoint() (Offsets, error)

	// Close releases the engine; what was applied stays.
	Close() error

	// Destroy closes the engine and deletes all that it kept.
	Destroy() error
}

// Reader reads one state of an engine.
type Reader interface {
	// Get returns the value of key. The value must not be modified; it stays valid.
	Get(key []byte) (value []byte, ok bool, err error)

	// Scan walks the entries with from <= key < to in the given order; a nil from means the beginning and a nil to the
	// end. Key and value of an entry are valid until the next step. An error ends the walk. Writes during a scan are not
	// seen by it.
	Scan(from, to []byte, order Order) iter.Seq2[Entry, error]
}

// Snapshot is an unmoving view of an engine.
type Snapshot interface {
	Reader
	// Close releases the view.
	Close() error
}

// Entry is a key and its value.
type Entry struct{ Key, Value []byte }

// Order is the direction of a scan.
type Order int

// The directions of a scan.
const (
	Ascending Order = iota
	Descending
)

// TopicPartition names one partition of a changelog topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String returns topic-partition, as Kafka writes it.
func (tp TopicPartition) String() string { return fmt.Sprintf("%s-%d", tp.Topic, tp.Partition) }

// Offset is how far a changelog partition has been applied to an engine.
type Offset struct {
	// Next is the offset of the first changelog record that the engine does not hold.
	Next int64
	// LeaderEpoch is the leader epoch of the record before Next, -1 if unknown.
	LeaderEpoch int32
	// TopicID is the id of the changelog topic; zero where the broker has none. A topic of the same name with another id
	// is another topic, and the state made from the old one must be wiped.
	TopicID [16]byte
	// At is the time at which the offset was recorded. A checkpoint older than the changelog's delete.retention.ms may
	// have missed tombstones, and the state must be wiped.
	At time.Time
}

// Offsets are the changelog offsets of an engine.
type Offsets map[TopicPartition]Offset

var (
	// ErrClosed is returned by every operation on a closed engine.
	ErrClosed = errors.New("state store is closed")
	// ErrNoSpace is returned before a write that the disk has no room for.
	ErrNoSpace = errors.New("no space left for the state store")
	// ErrTooLarge is returned for a key or a value that the engine cannot keep.
	ErrTooLarge = errors.New("entry is too large for the state store")
)

// CorruptionError says that an engine holds bytes that it did not write, or that it cannot be opened for that reason. The
// owner wipes the state with Destroy (or the package's own Destroy, where the engine could not be opened) and restores it
// from the changelog.
type CorruptionError struct {
	// Dir is the folder of the engine, empty for one in memory.
	Dir string
	// Key is the key whose value is broken, nil if the engine as a whole is.
	Key []byte
	// Err says what was found.
	Err error
}

// Error implements error.
func (e *CorruptionError) Error() string {
	switch {
	case e.Key != nil:
		return fmt.Sprintf("state store %s is corrupt at key %x: %v", e.Dir, e.Key, e.Err)
	default:
		return fmt.Sprintf("state store %s is corrupt: %v", e.Dir, e.Err)
	}
}

// Unwrap returns the cause.
func (e *CorruptionError) Unwrap() error { return e.Err }
