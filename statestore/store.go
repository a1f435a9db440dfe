package statestore

import "time"

// Serde turns values of type T into bytes and back. The serdes of streams/serde satisfy it.
type Serde[T any] interface {
	// Append appends the bytes of v to dst.
	Append(dst []byte, v T) ([]byte, error)
	// Decode returns the value of b. It may keep references into b only if b is never changed; the stores never change
	// the bytes that they pass.
	Decode(b []byte) (T, error)
}

// Header is a header of a changelog record.
type Header struct {
	Key   string
	Value []byte
}

// ChangelogRecord is a record for, or from, a changelog topic: the bytes are those that Kafka Streams writes.
type ChangelogRecord struct {
	// Key is the store's key: for a window store the key, the window's start (8 bytes) and a sequence number (4 bytes).
	Key []byte
	// Value is the plain value; nil is a tombstone.
	Value []byte
	// Timestamp is the value's timestamp in milliseconds.
	Timestamp int64
	Headers   []Header
}

// Store is what a task does with each of its stores, whatever their types.
type Store interface {
	// Name returns the store's name.
	Name() string

	// Caching says whether changes are held back until Flush or eviction.
	Caching() bool

	// Logging says whether the store has a changelog.
	Logging() bool

	// Flush sends every change that was held back to Config.OnChange and the changelog, in the order of the last update
	// of each key. A store without caching has nothing to flush.
	Flush() error

	// Prepare adds all writes that the engine does not have yet to b. Flush comes first: a change that was not flushed
	// is not added.
	Prepare(b *Batch) error

	// Applied says that what Prepare added is in the engine, and nothing was put in between.
	Applied() error

	// Restore adds the write that a changelog record stands for to b. The owner applies b, with the changelog's offset,
	// from time to time; after the last record, Prepare adds what the store itself remembers. Restore is called only
	// before the first Get or Put.
	Restore(b *Batch, r ChangelogRecord) error

	// UncommittedBytes estimates the memory held by entries that the engine does not have yet and that can leave memory
	// only by a commit.
	UncommittedBytes() int64

	// MemoryBytes estimates the memory held by all cached entries.
	MemoryBytes() int64

	// SetMaxBytes changes the budget of the store's cache.
	SetMaxBytes(n int64)

	// Close forgets all cached entries, flushed or not. The engine is the owner's to close.
	Close() error
}

// Change is what happened to a key since its last change was sent.
type Change[K, V any] struct {
	Key K
	// New is the value now; HasNew is false if the key was deleted.
	New    V
	HasNew bool
	// Old is the value that was sent last; HasOld is false if there was none. Set only with Config.OldValues.
	Old    V
	HasOld bool
	// Timestamp is that of the last update, in milliseconds.
	Timestamp int64
	// Context is what Config.Context returned at the last update.
	Context any
}

// Config describes a typed store. Name, Engine, Keys and Values are required.
type Config[K, V any] struct {
	// Name is unique within the engine and stays the same over restarts.
	Name   string
	Engine Engine
	Keys   Serde[K]
	Values Serde[V]

	// Caching holds changes back: only the last of several updates of a key between two commits is sent downstream and to
	// the changelog, as Kafka Streams does with caching enabled. Without it every update is sent at once. Either way the
	// engine is written only at commit and entries stay in memory as far as MaxBytes allows.
	Caching bool

	// MaxBytes bounds the cached entries; zero means DefaultMaxBytes. Entries that wait for a commit may exceed it: see
	// Store.UncommittedBytes.
	MaxBytes int64

	// Log receives changelog records; their bytes are valid during the call only. Nil: the store has no changelog.
	Log func(ChangelogRecord) error

	// OnChange receives changes: at once without Caching, else at Flush or eviction. May be nil. It must not use this
	// store; it may use stores downstream.
	OnChange func(Change[K, V]) error

	// OldValues asks for Change.Old. It costs a look-up for keys that are put without being read.
	OldValues bool

	// Context is called at every update of a key, and its result is handed back in Change.Context: the headers of the
	// record that made the update, say. May be nil.
	Context func() any
}

// DefaultMaxBytes is the cache budget of a store whose Config says nothing.
const DefaultMaxBytes = 64 << 20

// WindowConfig describes a window store.
type WindowConfig[K, V any] struct {
	Config[WindowKey[K], V]
	// KeySerde is the serde of the key alone; Config.Keys is not used.
	KeySerde Serde[K]

	// Retention is how long a window is kept after its start, measured by the store's own stream time: the largest window
	// start ever put.
	Retention time.Duration

	// SegmentInterval is the span of one segment, the unit in which old windows are dropped. Zero: half of Retention, at
	// least a minute, as in Kafka Streams.
	SegmentInterval time.Duration

	// ExactRetention drops a put as soon as its window start is not above stream time less Retention, and walks all keys
	// in order of window start and key, as the in-memory window store of Kafka Streams does. Otherwise a put is taken as
	// long as its segment lives.
	ExactRetention bool

	// TimeOrdered lays windows out by start and then key, so that Closed is quick and FetchKeys and All come in that order.
	// Stores whose results are emitted when windows close need it. Fetch then reads the windows of all keys.
	TimeOrdered bool

	// Hold, if set, keeps windows that begin at its result or later, whatever Retention says: those that are still to be
	// emitted. Reads but Closed hide them all the same.
	Hold func() int64

	// OnExpired is called for each put that was dropped because its window is past retention. Such a put is still logged
	// and sent to OnChange, as in Kafka Streams. May be nil.
	OnExpired func()
}

// WindowKey is a key and the start of a window in milliseconds.
type WindowKey[K any] struct {
	Key   K
	Start int64
}
