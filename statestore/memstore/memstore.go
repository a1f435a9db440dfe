// Package memstore is a state store engine in memory: ordered, quick, and gone with the process. It is the engine of tests
// and of stores that are declared to live in memory; their changelog restores them.
//
// The entries lie in a B+tree whose nodes are copied when a snapshot still needs them, so a snapshot costs nothing and a
// scan sees one state however long it takes.
package memstore

import (
	"bytes"
	"iter"
	"maps"
	"sync"

	"github.com/chortal/chortal/statestore"
)

// New returns an empty engine.
func New() statestore.Engine { return &engine{offsets: make(statestore.Offsets)} }

// engine is a tree behind a lock. Readers hold the lock only while they fetch a value or take the root.
type engine struct {
	mu      sync.RWMutex
	tree    tree               // guarded by mu
	offsets statestore.Offsets // guarded by mu
	closed  bool               // guarded by mu
}

// Get implements statestore.Reader.
func (e *engine) Get(key []byte) ([]byte, bool, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return nil, false, statestore.ErrClosed
	}
	value, ok := e.tree.root.get(key)
	return value, ok, nil
}

// Scan implements statestore.Reader.
func (e *engine) Scan(from, to []byte, order statestore.Order) iter.Seq2[statestore.Entry, error] {
	return func(yield func(statestore.Entry, error) bool) {
		s, err := e.Snapshot()
		if err != nil {
			yield(statestore.Entry{}, err)
			return
		}
		s.Scan(from, to, order)(yield)
	}
}

// Apply implements statestore.Engine.
func (e *engine) Apply(b *statestore.Batch) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return statestore.ErrClosed
	}
	for op := range b.All() {
		if op.Delete {
			e.tree.delete(op.Key)
			continue
		}
		kv := make([]byte, len(op.Key)+len(op.Value)) // one allocation for both
		n := copy(kv, op.Key)
		copy(kv[n:], op.Value)
		e.tree.put(kv[:n:n], kv[n:])
	}
	maps.Copy(e.offsets, b.Offsets())
	return nil
}

// DeleteRange implements statestore.Engine.
func (e *engine) DeleteRange(from, to []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return statestore.ErrClosed
	}
	var keys [][]byte
	e.tree.root.ascend(from, to, func(it item) bool {
		keys = append(keys, it.key)
		return true
	})
	for _, key := range keys {
		e.tree.delete(key)
	}
	return nil
}

// Snapshot implements statestore.Engine.
func (e *engine) Snapshot() (statestore.Snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, statestore.ErrClosed
	}
	return snapshot{root: e.tree.freeze()}, nil
}

// Checkpoint implements statestore.Engine.
func (e *engine) Checkpoint() (statestore.Offsets, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return nil, statestore.ErrClosed
	}
	return maps.Clone(e.offsets), nil
}

// Close implements statestore.Engine.
func (e *engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.tree = tree{}
	return nil
}

// Destroy implements statestore.Engine.
func (e *engine) Destroy() error { return e.Close() }

// snapshot is a frozen root.
type snapshot struct{ root *node }

// Get implements statestore.Reader.
func (s snapshot) Get(key []byte) ([]byte, bool, error) {
	value, ok := s.root.get(key)
	return value, ok, nil
}

// Scan implements statestore.Reader.
func (s snapshot) Scan(from, to []byte, order statestore.Order) iter.Seq2[statestore.Entry, error] {
	return func(yield func(statestore.Entry, error) bool) {
		if from != nil && to != nil && bytes.Compare(from, to) >= 0 {
			return
		}
		walk := s.root.ascend
		if order == statestore.Descending {
			walk = s.root.descend
		}
		walk(from, to, func(it item) bool {
			return yield(statestore.Entry{Key: it.key, Value: it.value}, nil)
		})
	}
}

// Close implements statestore.Snapshot.
func (s snapshot) Close() error { return nil }
