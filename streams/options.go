package streams

import (
	"fmt"
	"maps"
	"time"

	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// Option decorates one operator. An option that an operator has no use for is ignored.
type Option func(*options)

type options struct {
	name        string
	store       storeOptions
	key, value  any // serdes
	right       any
	partitions  int32
	partitioner any
	extractor   any
	defaultTime processor.DefaultExtractor
	reset       processor.OffsetReset
	stores      []string
	specs       []*processor.StoreSpec
	topicText   string
}

type storeOptions struct {
	given     bool
	name      string
	key       any
	value     any
	inMemory  *bool
	logging   *bool
	config    map[string]string
	caching   *bool
	retention time.Duration
}

func optionsOf(opts []Option) *options {
	o := new(options)
	for _, f := range opts {
		f(o)
	}
	return o
}

// Name names the operator. The name appears in Describe and, for some operators, in the names of internal topics.
func Name(name string) Option { return func(o *options) { o.name = name } }

// Store names the store of an aggregation or a table and gives the serde of its values. A named store can be queried.
func Store[V any](name string, value serde.Serde[V]) Option {
	return func(o *options) { o.store.given, o.store.name, o.store.value = true, name, value }
}

// StoreName names the store and leaves the serde of its values to their type.
func StoreName(name string) Option {
	return func(o *options) { o.store.given, o.store.name = true, name }
}

// StoreValues gives the serde of a store's values and leaves the name to be generated.
func StoreValues[V any](value serde.Serde[V]) Option {
	return func(o *options) { o.store.given, o.store.value = true, value }
}

// StoreKeys gives the serde of a store's keys.
func StoreKeys[K any](key serde.Serde[K]) Option {
	return func(o *options) { o.store.given, o.store.key = true, key }
}

// Materialized gives an operator a store, or the store of an operator its options, without naming it.
func Materialized() Option { return func(o *options) { o.store.given = true } }

// CountValues gives the serde of the values of a store if no later option does.
func CountValues[V any](value serde.Serde[V]) Option {
	return func(o *options) {
		if o.store.value == nil {
			o.store.value = value
		}
	}
}

// InMemory keeps the store in memory; it is restored from its changelog at every start.
func InMemory() Option { return inMemory(true) }

// OnDisk keeps the store on disk where the builder keeps stores in memory.
func OnDisk() Option { return inMemory(false) }

func inMemory(is bool) Option {
	return func(o *options) { o.store.given, o.store.inMemory = true, &is }
}

// NoChangelog gives the store no changelog topic: its content is lost with the instance.
func NoChangelog() Option {
	return func(o *options) { o.store.given, o.store.logging = true, new(bool) }
}

// Changelog sets properties of the changelog topic.
func Changelog(config map[string]string) Option {
	config = maps.Clone(config)
	return func(o *options) {
		yes := true
		o.store.given, o.store.logging, o.store.config = true, &yes, config
	}
}

// Caching says whether updates of the store are held back until the commit, so that only the last of several updates of a
// key goes downstream. It is on where the application has a cache.
func Caching(on bool) Option {
	return func(o *options) { o.store.given, o.store.caching = true, &on }
}

// Retention says how long a window store keeps a window after its start; at least size and grace together, which is the
// default.
func Retention(d time.Duration) Option {
	return func(o *options) { o.store.given, o.store.retention = true, d }
}

// KeySerde gives the serde of the operator's keys.
func KeySerde[K any](s serde.Serde[K]) Option { return func(o *options) { o.key = s } }

// ValueSerde gives the serde of the operator's values.
func ValueSerde[V any](s serde.Serde[V]) Option { return func(o *options) { o.value = s } }

// RightSerde gives the serde of the values of a join's right side.
func RightSerde[V any](s serde.Serde[V]) Option { return func(o *options) { o.right = s } }

// Partitions sets the number of partitions of a repartition topic.
func Partitions(n int) Option { return func(o *options) { o.partitions = int32(n) } }

// PartitionBy chooses partitions by something else than the hash of the key.
func PartitionBy[K, V any](p processor.Partitioner[K, V]) Option {
	return func(o *options) { o.partitioner = p }
}

// Timestamps takes the timestamps of a source's records from somewhere else than the topic: from a field of the value,
// say. A negative timestamp drops the record, an error ends the application.
func Timestamps[K, V any](f processor.TimestampExtractor[K, V]) Option {
	return func(o *options) { o.extractor = f }
}

// InvalidTimestamps says what a source does with negative timestamps, see processor.FailOnInvalidTimestamp and its like.
func InvalidTimestamps(f processor.DefaultExtractor) Option {
	return func(o *options) { o.defaultTime = f }
}

// Reset says where a source begins without a committed offset.
func Reset(r processor.OffsetReset) Option { return func(o *options) { o.reset = r } }

// Stores connects a custom processor to stores that were added with AddStore.
func Stores(names ...string) Option {
	return func(o *options) { o.stores = append(o.stores, names...) }
}

// OwnStores adds stores together with a custom processor and connects it to them.
func OwnStores(specs ...*processor.StoreSpec) Option {
	return func(o *options) { o.specs = append(o.specs, specs...) }
}

// typed returns an option's value as a T; nil stays the zero T. Another type is an error of the program.
func typed[T any](b *Builder, option string, v any) T {
	var zero T
	if v == nil {
		return zero
	}
	t, ok := v.(T)
	if !ok {
		b.fail(fmt.Errorf("invalid topology: option %s is a %T where a %T is needed", option, v, &zero))
	}
	return t
}

func optKey[K any](b *Builder, o *options) serde.Serde[K] {
	return typed[serde.Serde[K]](b, "KeySerde", o.key)
}

func optValue[V any](b *Builder, o *options) serde.Serde[V] {
	return typed[serde.Serde[V]](b, "ValueSerde", o.value)
}

func storeKey[K any](b *Builder, o *options) serde.Serde[K] {
	return typed[serde.Serde[K]](b, "StoreKeys", o.store.key)
}

func storeValue[V any](b *Builder, o *options) serde.Serde[V] {
	return typed[serde.Serde[V]](b, "Store", o.store.value)
}
