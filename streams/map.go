package streams

import (
	"iter"

	"github.com/chortal/chortal/streams/internal/node"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// MapValues gives each record the value f(value). The key stays, and so does the partitioning.
func MapValues[K, V, V2 any](s *Stream[K, V], f func(V) V2, opts ...Option) *Stream[K, V2] {
	return TryMapValues(s, func(_ K, v V) (V2, error) { return f(v), nil }, opts...)
}

// MapValuesWithKey is MapValues with a function that also sees the key.
func MapValuesWithKey[K, V, V2 any](s *Stream[K, V], f func(K, V) V2, opts ...Option) *Stream[K, V2] {
	return TryMapValues(s, func(k K, v V) (V2, error) { return f(k, v), nil }, opts...)
}

// TryMapValues is MapValues with a function that may fail: the error goes to the processing exception handler.
func TryMapValues[K, V, V2 any](s *Stream[K, V], f func(K, V) (V2, error), opts ...Option) *Stream[K, V2] {
	o := optionsOf(opts)
	name := s.b.name(o.name, "KSTREAM-MAPVALUES-")
	n := add(s.b, name, func() processor.Processor[K, V, K, V2] { return &node.MapValues[K, V, V2]{Map: f} }, s.node)
	n.ValueChanging = true
	return next(s, n, s.key, optValue[V2](s.b, o))
}

// Map gives each record a new key and a new value. What needs equal keys together, further down, goes through a
// repartition topic.
func Map[K, V, K2, V2 any](s *Stream[K, V], f func(K, V) (K2, V2), opts ...Option) *Stream[K2, V2] {
	return TryMap(s, func(k K, v V) (K2, V2, error) {
		k2, v2 := f(k, v)
		return k2, v2, nil
	}, opts...)
}

// TryMap is Map with a function that may fail: the error goes to the processing exception handler.
func TryMap[K, V, K2, V2 any](s *Stream[K, V], f func(K, V) (K2, V2, error), opts ...Option) *Stream[K2, V2] {
	o := optionsOf(opts)
	name := s.b.name(o.name, "KSTREAM-MAP-")
	n := add(s.b, name, func() processor.Processor[K, V, K2, V2] { return &node.Map[K, V, K2, V2]{Map: f} }, s.node)
	n.KeyChanging = true
	out := next(s, n, optKey[K2](s.b, o), optValue[V2](s.b, o))
	out.rekeyed = true
	return out
}

// Rekey gives each record a new key: Kafka's selectKey. What needs equal keys together, further down, goes through a
// repartition topic.
func Rekey[K, V, K2 any](s *Stream[K, V], f func(K, V) K2, opts ...Option) *Stream[K2, V] {
	return TryRekey(s, func(k K, v V) (K2, error) { return f(k, v), nil }, opts...)
}

// TryRekey is Rekey with a function that may fail: the error goes to the processing exception handler.
func TryRekey[K, V, K2 any](s *Stream[K, V], f func(K, V) (K2, error), opts ...Option) *Stream[K2, V] {
	o := optionsOf(opts)
	return rekey(s, f, s.b.name(o.name, "KSTREAM-KEY-SELECT-"), optKey[K2](s.b, o))
}

func rekey[K, V, K2 any](s *Stream[K, V], f func(K, V) (K2, error), name string, key serde.Serde[K2]) *Stream[K2, V] {
	n := add(s.b, name, func() processor.Processor[K, V, K2, V] { return &node.Rekey[K, V, K2]{Map: f} }, s.node)
	n.KeyChanging = true
	out := next(s, n, key, s.value)
	out.rekeyed = true
	return out
}

// FlatMap turns each record into the records of a sequence; nil is empty.
func FlatMap[K, V, K2, V2 any](s *Stream[K, V], f func(K, V) iter.Seq2[K2, V2], opts ...Option) *Stream[K2, V2] {
	return TryFlatMap(s, func(k K, v V, emit func(K2, V2) error) error {
		seq := f(k, v)
		if seq == nil {
			return nil
		}
		for k2, v2 := range seq {
			if err := emit(k2, v2); err != nil {
				return err
			}
		}
		return nil
	}, opts...)
}

// TryFlatMap turns each record into those that f gives to emit. f returns the errors of emit, and its own ones, which go
// to the processing exception handler.
func TryFlatMap[K, V, K2, V2 any](s *Stream[K, V], f func(k K, v V, emit func(K2, V2) error) error, opts ...Option) *Stream[K2, V2] {
	o := optionsOf(opts)
	name := s.b.name(o.name, "KSTREAM-FLATMAP-")
	n := add(s.b, name, func() processor.Processor[K, V, K2, V2] { return &node.FlatMap[K, V, K2, V2]{Map: f} }, s.node)
	n.KeyChanging = true
	out := next(s, n, optKey[K2](s.b, o), optValue[V2](s.b, o))
	out.rekeyed = true
	return out
}

// FlatMapValues turns each value into the values of a slice, under the same key.
func FlatMapValues[K, V, V2 any](s *Stream[K, V], f func(V) []V2, opts ...Option) *Stream[K, V2] {
	return TryFlatMapValues(s, func(_ K, v V, emit func(V2) error) error {
		for _, v2 := range f(v) {
			if err := emit(v2); err != nil {
				return err
			}
		}
		return nil
	}, opts...)
}

// TryFlatMapValues turns each value into those that f gives to emit. f returns the errors of emit, and its own ones,
// which go to the processing exception handler.
func TryFlatMapValues[K, V, V2 any](s *Stream[K, V], f func(k K, v V, emit func(V2) error) error, opts ...Option) *Stream[K, V2] {
	o := optionsOf(opts)
	name := s.b.name(o.name, "KSTREAM-FLATMAPVALUES-")
	n := add(s.b, name, func() processor.Processor[K, V, K, V2] { return &node.FlatMapValues[K, V, V2]{Map: f} }, s.node)
	n.ValueChanging = true
	return next(s, n, s.key, optValue[V2](s.b, o))
}
