package processor

import (
	"errors"
	"fmt"
	"math"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/serde"
)

// The cleanup policies of changelog topics.
const (
	CleanupCompact       = "compact"
	CleanupDelete        = "delete"
	CleanupCompactDelete = "compact,delete"
)

// StoreSpec describes a state store of a topology.
type StoreSpec struct {
	Name string
	// InMemory keeps the store in memory only; it is restored from its changelog.
	InMemory bool
	// Logging gives the store a changelog topic.
	Logging bool
	// Cleanup is the changelog's cleanup policy; empty is CleanupCompact.
	Cleanup string
	// Retention is how long a window store keeps its entries, in milliseconds; it becomes the changelog's retention.ms,
	// with a day on top. Zero for stores that keep everything.
	Retention int64
	// MinCompactionLag is the changelog's min.compaction.lag.ms without the day on top; zero for none.
	MinCompactionLag int64
	// TopicConfig are properties of the changelog topic, over the ones that follow from the fields above.
	TopicConfig map[string]string
	// ChangelogTopic, if set, is the source topic that serves as the changelog; nothing is written to it.
	ChangelogTopic string
	// Open makes the store of one task. It must also implement whatever the nodes ask of it.
	Open func(c StoreContext) (statestore.Store, error)
}

// StoreContext is what a store is opened with.
type StoreContext struct {
	Env    *Env
	Name   string
	Engine statestore.Engine
	// Log takes changelog records, nil where the store has no changelog of its own.
	Log func(statestore.ChangelogRecord) error
	// Caching is false where the application has no cache.
	Caching bool
	// MaxBytes is the memory budget, zero for the default.
	MaxBytes int64
}

// RecordContext is what a cached entry remembers of the record that made it.
type RecordContext struct {
	Meta    RecordMetadata
	HasMeta bool
	Headers Headers
}

// contextsAtOnce is how many contexts are allocated together: one per put of a cached store would be felt.
const contextsAtOnce = 128

// remember returns the context of the current record, for Config.Context of a cached store.
func (e *Env) remember() any {
	if len(e.contexts) == 0 {
		e.contexts = make([]RecordContext, contextsAtOnce)
	}
	c := &e.contexts[0]
	e.contexts = e.contexts[1:]
	c.Meta, c.HasMeta, c.Headers = e.Meta, e.HasMeta, e.Headers
	return c
}

// Within runs fn as if the record with context c and timestamp ts were being processed.
func (e *Env) Within(c *RecordContext, ts int64, fn func() error) error {
	meta, hasMeta, headers, raw, at := e.Meta, e.HasMeta, e.Headers, e.Raw, e.Timestamp
	e.Meta, e.HasMeta, e.Headers, e.Raw, e.Timestamp = c.Meta, c.HasMeta, c.Headers, nil, ts
	err := fn()
	e.Meta, e.HasMeta, e.Headers, e.Raw, e.Timestamp = meta, hasMeta, headers, raw, at
	return err
}

// KeyValueStore is a key-value store as processors see it: a [statestore.KeyValue] whose deferred changes go to a
// listener.
type KeyValueStore[K, V any] struct {
	*statestore.KeyValue[K, V]
	env     *Env
	nilK    Nil[K]
	nilV    Nil[V]
	changed func(c *statestore.Change[K, V]) error
}

// OnChange sets what is called with changes that a cache has held back; the record context is that of the last update of
// the key. There is one listener: the node that writes the store.
func (s *KeyValueStore[K, V]) OnChange(fn func(c *statestore.Change[K, V]) error) { s.changed = fn }

func (s *KeyValueStore[K, V]) change(c statestore.Change[K, V]) error {
	if s.changed == nil {
		return nil
	}
	return s.env.Within(c.Context.(*RecordContext), c.Timestamp, func() error { return s.changed(&c) })
}

// ErrNullKey is returned for a null key: stores have none.
var ErrNullKey = errors.New("the key of a store is null")

// Get returns the value of key and its timestamp.
func (s *KeyValueStore[K, V]) Get(key K) (v V, ts int64, ok bool, err error) {
	if s.nilK.Is(&key) {
		return v, 0, false, ErrNullKey
	}
	return s.KeyValue.Get(key)
}

// Put sets the value of key; a nil value deletes it.
func (s *KeyValueStore[K, V]) Put(key K, v V, ts int64) error {
	if s.nilK.Is(&key) {
		return ErrNullKey
	}
	if s.nilV.Is(&v) {
		return s.KeyValue.Delete(key, ts)
	}
	return s.KeyValue.Put(key, v, ts)
}

// Delete removes key; ts is the timestamp of the tombstone.
func (s *KeyValueStore[K, V]) Delete(key K, ts int64) error {
	if s.nilK.Is(&key) {
		return ErrNullKey
	}
	return s.KeyValue.Delete(key, ts)
}

// KeyValueOptions describe a key-value store.
type KeyValueOptions[K, V any] struct {
	Key   serde.Serde[K]
	Value serde.Serde[V]
	// Caching holds changes back until the commit, where the application has a cache.
	Caching bool
	// OldValues asks for the old value of held back changes.
	OldValues func() bool
}

// KeyValueSpec completes spec to one of a key-value store.
func KeyValueSpec[K, V any](spec StoreSpec, o KeyValueOptions[K, V]) *StoreSpec {
	spec.Open = func(c StoreContext) (statestore.Store, error) {
		s := &KeyValueStore[K, V]{env: c.Env, nilK: NilOf[K](), nilV: NilOf[V]()}
		cfg := statestore.Config[K, V]{
			Name: c.Name, Engine: c.Engine, Keys: o.Key, Values: o.Value,
			Caching: o.Caching && c.Caching, MaxBytes: c.MaxBytes, Log: c.Log,
		}
		if cfg.Caching {
			cfg.Context, cfg.OnChange = c.Env.remember, s.change
			cfg.OldValues = o.OldValues != nil && o.OldValues()
		}
		var err error
		if s.KeyValue, err = statestore.NewKeyValue(cfg); err != nil {
			return nil, fmt.Errorf("open store %s: %w", c.Name, err)
		}
		return s, nil
	}
	return &spec
}

// WindowStore is a window store as processors see it.
type WindowStore[K, V any] struct {
	*statestore.Window[K, V]
	keepFrom int64
	env      *Env
	changed  func(c *statestore.Change[statestore.WindowKey[K], V]) error
}

// OnChange sets what is called with changes that a cache has held back.
func (s *WindowStore[K, V]) OnChange(fn func(c *statestore.Change[statestore.WindowKey[K], V]) error) {
	s.changed = fn
}

// KeepFrom says that windows from this start on are still needed, though retention may have passed them.
func (s *WindowStore[K, V]) KeepFrom(start int64) { s.keepFrom = start }

func (s *WindowStore[K, V]) change(c statestore.Change[statestore.WindowKey[K], V]) error {
	if s.changed == nil {
		return nil
	}
	return s.env.Within(c.Context.(*RecordContext), c.Timestamp, func() error { return s.changed(&c) })
}

// WindowOptions describe a window store.
type WindowOptions[K, V any] struct {
	KeyValueOptions[K, V]
	// SegmentInterval in milliseconds, zero for the default.
	SegmentInterval int64
	// TimeOrdered walks windows by their start first, for results that are emitted when windows close. The node that
	// emits them says with KeepFrom which windows it still needs, however old.
	TimeOrdered bool
}

// WindowSpec completes spec, whose Retention is required, to one of a window store.
func WindowSpec[K, V any](spec StoreSpec, o WindowOptions[K, V]) *StoreSpec {
	retention, exact := spec.Retention, spec.InMemory
	spec.Open = func(c StoreContext) (statestore.Store, error) {
		s := &WindowStore[K, V]{env: c.Env}
		cfg := statestore.WindowConfig[K, V]{
			KeySerde: o.Key, Retention: millis(retention), SegmentInterval: millis(o.SegmentInterval), ExactRetention: exact,
			OnExpired: func() { c.Env.Dropped++ },
		}
		cfg.Name, cfg.Engine, cfg.Values = c.Name, c.Engine, o.Value
		cfg.Caching, cfg.MaxBytes, cfg.Log = o.Caching && c.Caching, c.MaxBytes, c.Log
		if cfg.Caching {
			cfg.Context, cfg.OnChange = c.Env.remember, s.change
			cfg.OldValues = o.OldValues != nil && o.OldValues()
		}
		if cfg.TimeOrdered = o.TimeOrdered; o.TimeOrdered {
			s.keepFrom = math.MaxInt64
			cfg.Hold = func() int64 { return s.keepFrom }
		}
		var err error
		if s.Window, err = statestore.NewWindow(cfg); err != nil {
			return nil, fmt.Errorf("open store %s: %w", c.Name, err)
		}
		return s, nil
	}
	return &spec
}
