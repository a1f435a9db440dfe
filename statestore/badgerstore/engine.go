package badgerstore

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"sync"

	"github.com/chortal/chortal/statestore"

	badger "github.com/dgraph-io/badger/v4"
)

// engine is a Badger database. A counter of running operations lets Close wait for the readers.
type engine struct {
	dir     string
	db      *badger.DB
	minFree uint64
	maxSize int // of an entry

	mu        sync.Mutex
	idle      sync.Cond              // running is 0; its lock is mu
	running   int                    // operations that use db; guarded by mu
	closing   bool                   // guarded by mu
	snapshots map[*snapshot]struct{} // guarded by mu
	offsets   statestore.Offsets     // guarded by mu
	proven    bool                   // a write has succeeded; used by the writer alone
}

// enter begins an operation, leave ends it.
func (e *engine) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return statestore.ErrClosed
	}
	e.running++
	return nil
}

func (e *engine) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running--; e.running == 0 {
		e.idle.Broadcast()
	}
}

// Get implements statestore.Reader.
func (e *engine) Get(key []byte) ([]byte, bool, error) {
	if err := e.enter(); err != nil {
		return nil, false, err
	}
	defer e.leave()
	txn := e.db.NewTransaction(false)
	defer txn.Discard()
	return e.get(txn, dataKey(key))
}

func (e *engine) get(txn *badger.Txn, key []byte) (value []byte, ok bool, err error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, e.corrupt(key, err)
	}
	err = item.Value(func(sealed []byte) error {
		plain, err := open(sealed)
		value = append(make([]byte, 0, len(plain)), plain...)
		return err
	})
	if err != nil {
		return nil, false, e.corrupt(key, err)
	}
	return value, true, nil
}

// Scan implements statestore.Reader.
func (e *engine) Scan(from, to []byte, order statestore.Order) iter.Seq2[statestore.Entry, error] {
	return func(yield func(statestore.Entry, error) bool) {
		if err := e.enter(); err != nil {
			yield(statestore.Entry{}, err)
			return
		}
		defer e.leave()
		txn := e.db.NewTransaction(false)
		defer txn.Discard()
		e.scan(txn, from, to, order, yield)
	}
}

func (e *engine) scan(txn *badger.Txn, from, to []byte, order statestore.Order, yield func(statestore.Entry, error) bool) {
	low, high := dataKey(from), dataKey(to)
	if to == nil {
		high = []byte{dataPrefix + 1}
	}
	if bytes.Compare(low, high) >= 0 {
		return
	}
	it := txn.NewIterator(badger.IteratorOptions{Reverse: order == statestore.Descending})
	defer it.Close()
	if order == statestore.Descending {
		it.Seek(high)
	} else {
		it.Seek(low)
	}
	for ; it.Valid(); it.Next() {
		item := it.Item()
		key := item.Key()
		switch {
		case order == statestore.Descending && bytes.Compare(key, high) >= 0:
			continue
		case bytes.Compare(key, low) < 0, bytes.Compare(key, high) >= 0:
			return
		}
		more := true
		err := item.Value(func(sealed []byte) error {
			plain, err := open(sealed)
			if err == nil {
				more = yield(statestore.Entry{Key: key[1:], Value: plain}, nil)
			}
			return err
		})
		if err != nil {
			yield(statestore.Entry{}, e.corrupt(key, err))
			return
		}
		if !more {
			return
		}
	}
}

// Apply implements statestore.Engine. A batch that Badger cannot take at once is split; the offsets go last.
func (e *engine) Apply(b *statestore.Batch) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	if err := checkSpace(e.dir, e.minFree); err != nil {
		return err
	}
	b.Sort()
	w := writer{db: e.db}
	defer w.discard()
	for op := range b.All() {
		if len(op.Key)+len(op.Value) > e.maxSize {
			return fmt.Errorf("apply to %s: %w: %d bytes", e.dir, statestore.ErrTooLarge, len(op.Key)+len(op.Value))
		}
		if err := w.add(op); err != nil {
			return fmt.Errorf("apply to %s: %w", e.dir, err)
		}
	}
	for tp, o := range b.Offsets() {
		if err := w.put(offsetKey(tp), encodeOffset(o)); err != nil {
			return fmt.Errorf("apply to %s: %w", e.dir, err)
		}
	}
	if err := w.commit(); err != nil {
		return fmt.Errorf("apply to %s: %w", e.dir, err)
	}
	e.applied(b.Offsets())
	return nil
}

func (e *engine) applied(offsets statestore.Offsets) {
	e.mu.Lock()
	maps.Copy(e.offsets, offsets)
	e.mu.Unlock()
	if !e.proven {
		e.proven = true
		_ = os.Remove(openingsFile(e.dir)) // if it stays, it is removed by Close
	}
}

// DeleteRange implements statestore.Engine.
func (e *engine) DeleteRange(from, to []byte) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	low, high := dataKey(from), dataKey(to)
	if to == nil {
		high = []byte{dataPrefix + 1}
	}
	txn := e.db.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	w := writer{db: e.db}
	defer w.discard()
	for it.Seek(low); it.Valid() && bytes.Compare(it.Item().Key(), high) < 0; it.Next() {
		if err := w.delete(it.Item().KeyCopy(nil)); err != nil {
			return fmt.Errorf("delete range of %s: %w", e.dir, err)
		}
	}
	if err := w.commit(); err != nil {
		return fmt.Errorf("delete range of %s: %w", e.dir, err)
	}
	return nil
}

// Snapshot implements statestore.Engine.
func (e *engine) Snapshot() (statestore.Snapshot, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	s := &snapshot{engine: e, txn: e.db.NewTransaction(false)}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.snapshots[s] = struct{}{}
	return s, nil
}

// Checkpoint implements statestore.Engine.
func (e *engine) Checkpoint() (statestore.Offsets, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return nil, statestore.ErrClosed
	}
	return maps.Clone(e.offsets), nil
}

// Close implements statestore.Engine. It waits for running reads and closes snapshots that are still open.
func (e *engine) Close() error {
	first := e.stop()
	if !first {
		return nil
	}
	for s := range e.snapshots { // nobody else gets here
		s.txn.Discard()
	}
	w := writer{db: e.db}
	defer w.discard()
	err := w.put([]byte{metaPrefix, metaClosed}, []byte(bootID()))
	if err == nil {
		err = w.commit()
	}
	if err = errors.Join(err, e.db.Close()); err != nil {
		return fmt.Errorf("close state store %s: %w", e.dir, err)
	}
	_ = os.Remove(openingsFile(e.dir)) // if it stays, it counts one opening too many
	return nil
}

// stop refuses new operations and waits for those that run. It returns false if somebody else has done that.
func (e *engine) stop() (first bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return false
	}
	e.closing = true
	for e.running > 0 {
		e.idle.Wait()
	}
	return true
}

// Destroy implements statestore.Engine.
func (e *engine) Destroy() error {
	err := e.Close()
	return errors.Join(err, Destroy(e.dir))
}

func (e *engine) corrupt(key []byte, err error) error {
	if errors.Is(err, badger.ErrDBClosed) {
		return statestore.ErrClosed
	}
	return &statestore.CorruptionError{Dir: e.dir, Key: bytes.Clone(key), Err: err}
}

// snapshot is a read transaction that stays open.
type snapshot struct {
	engine *engine
	txn    *badger.Txn
}

// Get implements statestore.Reader.
func (s *snapshot) Get(key []byte) ([]byte, bool, error) {
	if err := s.engine.enter(); err != nil {
		return nil, false, err
	}
	defer s.engine.leave()
	return s.engine.get(s.txn, dataKey(key))
}

// Scan implements statestore.Reader.
func (s *snapshot) Scan(from, to []byte, order statestore.Order) iter.Seq2[statestore.Entry, error] {
	return func(yield func(statestore.Entry, error) bool) {
		if err := s.engine.enter(); err != nil {
			yield(statestore.Entry{}, err)
			return
		}
		defer s.engine.leave()
		s.engine.scan(s.txn, from, to, order, yield)
	}
}

// Close implements statestore.Snapshot.
func (s *snapshot) Close() error {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if _, open := s.engine.snapshots[s]; !open || s.engine.closing {
		return nil
	}
	delete(s.engine.snapshots, s)
	s.txn.Discard()
	return nil
}

// writer writes entries in as few transactions as Badger allows.
type writer struct {
	db  *badger.DB
	txn *badger.Txn
}

func (w *writer) add(op statestore.Op) error {
	if op.Delete {
		return w.delete(dataKey(op.Key))
	}
	return w.put(dataKey(op.Key), op.Value)
}

func (w *writer) put(key, value []byte) error {
	sealed := seal(value)
	return w.try(func(txn *badger.Txn) error { return txn.Set(key, sealed) })
}

func (w *writer) delete(key []byte) error {
	return w.try(func(txn *badger.Txn) error { return txn.Delete(key) })
}

// try runs do in the running transaction, and in a new one if that is full.
func (w *writer) try(do func(*badger.Txn) error) error {
	if w.txn == nil {
		w.txn = w.db.NewTransaction(true)
	}
	err := do(w.txn)
	if !errors.Is(err, badger.ErrTxnTooBig) {
		return err
	}
	if err := w.commit(); err != nil {
		return err
	}
	w.txn = w.db.NewTransaction(true)
	return do(w.txn)
}

// commit writes the running transaction. The next one begins when Badger has taken this one, so that after a crash what
// is there is a prefix of what was written.
func (w *writer) commit() error {
	if w.txn == nil {
		return nil
	}
	err := w.txn.Commit()
	w.txn = nil
	return err
}

func (w *writer) discard() {
	if w.txn != nil {
		w.txn.Discard()
	}
}
