package statestore

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
)

// KeyValue is a store of timestamped values by key.
type KeyValue[K, V any] struct {
	*table[K, V]
}

// KeyValueEntry is an entry of a key-value store.
type KeyValueEntry[K, V any] struct {
	Key       K
	Value     V
	Timestamp int64
}

// NewKeyValue opens the store that c describes.
func NewKeyValue[K, V any](c Config[K, V]) (*KeyValue[K, V], error) {
	if c.Keys == nil {
		return nil, fmt.Errorf("open store %q: %w", c.Name, errRequired)
	}
	t, err := newTable(c, layout{kind: keyValueLayout}, func(id uint16) schema[K] { return keyValueSchema[K]{id, c.Keys} })
	if err != nil {
		return nil, err
	}
	return &KeyValue[K, V]{t}, nil
}

// Get returns the value of key and its timestamp.
func (s *KeyValue[K, V]) Get(key K) (v V, ts int64, ok bool, err error) { return s.get(key) }

// Put sets the value of key.
func (s *KeyValue[K, V]) Put(key K, v V, ts int64) error { return s.put(key, v, ts, true) }

// Delete removes key; ts is the timestamp of the tombstone.
func (s *KeyValue[K, V]) Delete(key K, ts int64) error {
	var none V
	return s.put(key, none, ts, false)
}

// Range walks the entries from <= key <= to in the order of the encoded keys; nil means no bound. What is put during the
// walk may be missed.
func (s *KeyValue[K, V]) Range(from, to *K, order Order) iter.Seq2[KeyValueEntry[K, V], error] {
	return func(yield func(KeyValueEntry[K, V], error) bool) {
		low, high, err := s.rangeBounds(from, to)
		s.walk(low, high, err, order, yield)
	}
}

// RangeAfter walks the entries after < key <= to in the order of the encoded keys; a nil to means no bound. It continues
// a walk that was interrupted at after.
func (s *KeyValue[K, V]) RangeAfter(after K, to *K) iter.Seq2[KeyValueEntry[K, V], error] {
	return func(yield func(KeyValueEntry[K, V], error) bool) {
		low, high, err := s.rangeBounds(&after, to)
		s.walk(append(low, 0), high, err, Ascending, yield)
	}
}

// walk yields the entries of a range of engine keys, unless err is set.
func (s *KeyValue[K, V]) walk(low, high []byte, err error, order Order, yield func(KeyValueEntry[K, V], error) bool) {
	var keyErr error
	stopped := false
	if err == nil {
		err = s.scan(low, high, order, func(r row[V]) bool {
			var e KeyValueEntry[K, V]
			if e.Key, keyErr = s.schema.decodeKey(r.key); keyErr != nil {
				return false
			}
			e.Value, e.Timestamp = r.value, r.ts
			stopped = !yield(e, nil)
			return !stopped
		})
	}
	if err = cmp.Or(err, keyErr); err != nil && !stopped {
		yield(KeyValueEntry[K, V]{}, fmt.Errorf("scan store %s: %w", s.cfg.Name, err))
	}
}

// rangeBounds returns the engine keys low <= key < high of the keys from..to, both included.
func (s *KeyValue[K, V]) rangeBounds(from, to *K) (low, high []byte, err error) {
	low, high = s.bounds()
	if from != nil {
		if low, err = s.cfg.Keys.Append(low, *from); err != nil {
			return nil, nil, err
		}
	}
	if to != nil {
		high = binary.BigEndian.AppendUint16(nil, s.id)
		if high, err = s.cfg.Keys.Append(high, *to); err != nil {
			return nil, nil, err
		}
		high = append(high, 0) // the smallest key above to
	}
	return low, high, nil
}

// All walks all entries in the order of the encoded keys.
func (s *KeyValue[K, V]) All(order Order) iter.Seq2[KeyValueEntry[K, V], error] {
	return s.Range(nil, nil, order)
}

// ApproximateNumEntries estimates the number of entries: those in the cache and those that left it.
func (s *KeyValue[K, V]) ApproximateNumEntries() int64 {
	n := int64(s.slab.len())
	for _, f := range s.filters {
		for i := range f.layers {
			n += int64(f.layers[i].keys)
		}
	}
	return n
}

// keyValueSchema is the identity but for the store id before an engine key.
type keyValueSchema[K any] struct {
	id   uint16
	keys Serde[K]
}

func (s keyValueSchema[K]) appendKey(dst []byte, k K) ([]byte, error) { return s.keys.Append(dst, k) }

func (s keyValueSchema[K]) decodeKey(key []byte) (K, error) { return s.keys.Decode(key) }

func (s keyValueSchema[K]) appendEngineKey(dst, key []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, s.id), key...)
}

func (s keyValueSchema[K]) cacheKey(dst, engineKey []byte) ([]byte, error) {
	return append(dst, engineKey[storeIDBytes:]...), nil
}

func (s keyValueSchema[K]) appendTopicKey(dst, key []byte) []byte { return append(dst, key...) }

func (s keyValueSchema[K]) fromTopic(dst, topicKey []byte) ([]byte, error) {
	return append(dst, topicKey...), nil
}

func (s keyValueSchema[K]) segment([]byte) int64 { return 0 }
