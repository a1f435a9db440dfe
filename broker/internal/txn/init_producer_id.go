package txn

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// InitRequest is what an InitProducerId with a transactional id says.
type InitRequest struct {
	TransactionalID string
	// TimeoutMs is after how long a transaction is aborted, in milliseconds.
	TimeoutMs int32
	// Expected is the producer id and epoch that the producer has (KIP-360); the id is -1
	// if it has none.
	Expected coordinator.Producer
}

// InitProducerID gives a producer its id and the next epoch, which fences whoever had the
// one before. A transaction that is open is aborted first: the answer is
// CONCURRENT_TRANSACTIONS then, as it is while one is being completed, and the producer
// asks again.
func (m *Machine) InitProducerID(now time.Time, out *coordinator.Out, req InitRequest, reply Reply[coordinator.Producer]) {
	p, err := m.initProducerID(now, out, req)
	answer(out, reply, p, err)
}

func (m *Machine) initProducerID(now time.Time, out *coordinator.Out, req InitRequest) (coordinator.Producer, error) {
	none := coordinator.Producer{ID: noProducerID, Epoch: noEpoch}
	switch {
	case req.TransactionalID == "":
		return none, fmt.Errorf("transactional id is empty: %w", kerr.InvalidRequest)
	case req.TimeoutMs <= 0 || int64(req.TimeoutMs) > m.cfg.MaxTimeout.Milliseconds():
		return none, fmt.Errorf("transaction timeout of %d ms, the maximum is %d: %w", req.TimeoutMs, m.cfg.MaxTimeout.Milliseconds(), kerr.InvalidTransactionTimeout)
	}
	t := m.byID[req.TransactionalID]
	switch {
	case t == nil:
		id, err := m.cfg.NewProducerID()
		if err != nil {
			return none, err
		}
		t = newTransaction(req.TransactionalID)
		t.producerID = id
	case t.state.preparing():
		return none, t.busy()
	case !t.expects(req.Expected):
		return none, fmt.Errorf("producer %d of %q, which has %d now: %w", req.Expected.ID, t.id, t.producerID, kerr.ProducerFenced)
	case t.state == Ongoing:
		m.fence(now, out, t)
		return none, fmt.Errorf("transaction of %q is aborted first: %w", t.id, kerr.ConcurrentTransactions)
	}
	return m.initialize(now, out, t, req)
}

// expects says whether a producer that has this id may go on: it is the current one, or it
// was before the epochs were used up, and the answer that told it the new one got lost.
func (t *transaction) expects(p coordinator.Producer) bool {
	return p.ID == noProducerID || t.producerEpoch == noEpoch || p.ID == t.producerID ||
		p.ID == t.prevProducerID && p.Epoch >= lastEpoch
}

// initialize gives out the next epoch, or another producer id when there is none.
func (m *Machine) initialize(now time.Time, out *coordinator.Out, t *transaction, req InitRequest) (coordinator.Producer, error) {
	next, last := t.durable, noEpoch
	next.nextProducerID, next.state, next.partitions = noProducerID, Empty, nil
	next.timeoutMs, next.started, next.updated = req.TimeoutMs, noTime, now.UnixMilli()
	continues := req.Expected.ID != noProducerID
	switch {
	case t.exhausted() && (!continues || req.Expected.Epoch == t.producerEpoch):
		id, err := m.cfg.NewProducerID()
		if err != nil {
			return coordinator.Producer{}, err
		}
		next.producerID, next.producerEpoch = id, 0
		if continues {
			last = t.producerEpoch
		}
	case !continues:
		next.producerEpoch++
	case t.producerEpoch == noEpoch || req.Expected.Epoch == t.producerEpoch:
		last = t.producerEpoch
		next.producerEpoch++
	case req.Expected.Epoch == t.lastProducerEpoch:
		last = t.lastProducerEpoch // its answer got lost: the same again
	default:
		return coordinator.Producer{}, fmt.Errorf("producer %d of %q with epoch %d, current is %d: %w",
			req.Expected.ID, t.id, req.Expected.Epoch, t.producerEpoch, kerr.ProducerFenced)
	}
	m.write(out, t, next)
	m.byID[t.id].lastProducerEpoch = last
	return coordinator.Producer{ID: next.producerID, Epoch: next.producerEpoch}, nil
}
