package statestore

import "iter"

// Window is a store of timestamped values by key and window start.
type Window[K, V any] struct {
	*table[WindowKey[K], V]
}

// WindowEntry is an entry of a window store.
type WindowEntry[K, V any] struct {
	Key       K
	Start     int64 // start of the window, in milliseconds
	Value     V
	Timestamp int64
}

// NewWindow opens the store that c describes.
func NewWindow[K, V any](c WindowConfig[K, V]) (*Window[K, V], error) { panic("api") }

// StreamTime returns the largest window start ever put, -1 if there was none.
func (s *Window[K, V]) StreamTime() int64 { panic("api") }

// Get returns the value of key in the window that begins at start.
func (s *Window[K, V]) Get(key K, start int64) (v V, ts int64, ok bool, err error) { panic("api") }

// Put sets the value of key in the window that begins at start. A put past retention is dropped and counted with
// WindowConfig.OnExpired.
func (s *Window[K, V]) Put(key K, start int64, v V, ts int64) error { panic("api") }

// Delete removes key's value in the window that begins at start.
func (s *Window[K, V]) Delete(key K, start, ts int64) error { panic("api") }

// Fetch walks the windows of key with from <= start <= to (milliseconds) in order of their starts.
func (s *Window[K, V]) Fetch(key K, from, to int64, order Order) iter.Seq2[WindowEntry[K, V], error] {
	panic("api")
}

// FetchKeys walks the windows with from <= start <= to of the keys low <= key <= high (as encoded); nil means no bound.
// The order is that of Kafka Streams' persistent store: segment, key, start.
func (s *Window[K, V]) FetchKeys(low, high *K, from, to int64, order Order) iter.Seq2[WindowEntry[K, V], error] {
	panic("api")
}

// All walks all windows that retention has not hidden, in the order of FetchKeys.
func (s *Window[K, V]) All(order Order) iter.Seq2[WindowEntry[K, V], error] { panic("api") }
