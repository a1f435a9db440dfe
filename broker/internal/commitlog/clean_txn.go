package commitlog

import (
	"slices"

	"github.com/chortal/chortal/internal/recordbatch"
)

// txnWalk follows transactions while a log is read from its beginning on: which batches were aborted, and which markers
// end a transaction of which nothing is left.
type txnWalk struct {
	pending   []AbortedTxn // by first offset; not reached yet
	aborted   map[int64]*abortedWalk
	committed map[int64]bool // producers with a batch in their transaction
}

type abortedWalk struct {
	txn  AbortedTxn
	seen bool // a batch of it is still in the log
}

func newTxnWalk(aborted []AbortedTxn) *txnWalk {
	pending := slices.Clone(aborted)
	slices.SortStableFunc(pending, func(a, b AbortedTxn) int { return int(min(max(a.FirstOffset-b.FirstOffset, -1), 1)) })
	return &txnWalk{pending: pending, aborted: map[int64]*abortedWalk{}, committed: map[int64]bool{}}
}

func (w *txnWalk) reach(offset int64) {
	for len(w.pending) > 0 && w.pending[0].FirstOffset <= offset {
		t := w.pending[0]
		w.pending = w.pending[1:]
		if w.aborted[t.ProducerID] == nil {
			w.aborted[t.ProducerID] = &abortedWalk{txn: t}
		}
	}
}

// batch takes a data batch and reports whether it belongs to an aborted transaction.
func (w *txnWalk) batch(b recordbatch.Batch) (aborted bool) {
	if !b.IsTransactional() {
		return false
	}
	w.reach(b.LastOffset())
	if a := w.aborted[b.ProducerID()]; a != nil {
		a.seen = true
		return true
	}
	w.committed[b.ProducerID()] = true
	return false
}

// marker takes a control batch. empty reports that it ends a transaction without batches, so that it need not stay; txn
// is the aborted transaction that it ends otherwise.
func (w *txnWalk) marker(b recordbatch.Batch) (empty bool, txn *AbortedTxn, err error) {
	w.reach(b.LastOffset())
	c, err := b.Control()
	if err != nil {
		return false, nil, err
	}
	switch c.Type {
	case recordbatch.Abort:
		a := w.aborted[b.ProducerID()]
		delete(w.aborted, b.ProducerID())
		if a != nil && a.seen {
			return false, &a.txn, nil
		}
		return true, nil, nil
	case recordbatch.Commit:
		had := w.committed[b.ProducerID()]
		delete(w.committed, b.ProducerID())
		return !had, nil, nil
	}
	return false, nil, nil
}
