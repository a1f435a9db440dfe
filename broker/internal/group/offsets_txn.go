package group

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// txnProducer is a producer that has committed offsets in transactions.
type txnProducer struct {
	epoch  int16
	open   bool   // offsets are pending
	ends   uint64 // serial of its last marker
	unused bool   // it has done nothing since the last clean-up
}

// TxnGuard is proof that a transaction was looked up after [Machine.GuardTxn] gave it, and
// that no transaction of the producer has ended here since.
type TxnGuard struct{ ends uint64 }

// GuardTxn prepares the first TxnOffsetCommit of a transaction: ask the transaction
// coordinator, then commit if [Machine.CheckTxn] has nothing against it. open says that
// offsets of the transaction are pending already, so that nobody need be asked.
func (m *Machine) GuardTxn(p coordinator.Producer) (g TxnGuard, open bool) {
	t := m.offsets.producers[p.ID]
	if t == nil {
		return TxnGuard{}, false
	}
	t.unused = false
	return TxnGuard{t.ends}, t.open && t.epoch == p.Epoch
}

// CheckTxn refuses a commit whose transaction has ended while it was looked up: nobody would
// ever end it again.
func (m *Machine) CheckTxn(p coordinator.Producer, g TxnGuard) error {
	t := m.offsets.producers[p.ID]
	switch {
	case t == nil:
		return nil
	case p.Epoch < t.epoch:
		return fmt.Errorf("offsets of producer %d with epoch %d, current is %d: %w", p.ID, p.Epoch, t.epoch, kerr.InvalidProducerEpoch)
	case t.ends != g.ends:
		return fmt.Errorf("offsets of producer %d, whose transaction has ended: %w", p.ID, kerr.InvalidTxnState)
	}
	return nil
}

func (o *offsets) producer(id int64) *txnProducer {
	t := o.producers[id]
	if t == nil {
		t = &txnProducer{}
		o.producers[id] = t
	}
	t.unused = false
	return t
}

// pendingFrom notes that a transaction has offsets pending.
func (o *offsets) pendingFrom(p coordinator.Producer) {
	t := o.producer(p.ID)
	t.epoch, t.open = p.Epoch, true
}

// endedBy notes a marker.
func (o *offsets) endedBy(p coordinator.Producer) {
	t := o.producer(p.ID)
	o.markers++
	t.epoch, t.open, t.ends = p.Epoch, false, o.markers
}

// forgetProducers forgets those that did nothing between the last two clean-ups. A commit
// that is being looked up takes no longer than that.
func (o *offsets) forgetProducers() {
	for id, t := range o.producers {
		if t.unused && !t.open {
			delete(o.producers, id)
			continue
		}
		t.unused = true
	}
}
