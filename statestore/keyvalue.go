package statestore

import "iter"

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
func NewKeyValue[K, V any](c Config[K, V]) (*KeyValue[K, V], error) { panic("api") }

// Get returns the value of key and its timestamp.
func (s *KeyValue[K, V]) Get(key K) (v V, ts int64, ok bool, err error) { panic("api") }

// Put sets the value of key.
func (s *KeyValue[K, V]) Put(key K, v V, ts int64) error { panic("api") }

// Delete removes key; ts is the timestamp of the tombstone.
func (s *KeyValue[K, V]) Delete(key K, ts int64) error { panic("api") }

// Range walks the entries from <= key <= to in the order of the encoded keys; nil means no bound. What is put during the
// walk may be missed.
func (s *KeyValue[K, V]) Range(from, to *K, order Order) iter.Seq2[KeyValueEntry[K, V], error] {
	panic("api")
}

// All walks all entries in the order of the encoded keys.
func (s *KeyValue[K, V]) All(order Order) iter.Seq2[KeyValueEntry[K, V], error] {
	return s.Range(nil, nil, order)
}
