package txn

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// maxWaiting is how many requests may wait for the completion of one transaction.
const maxWaiting = 1000

// AddRequest says that a producer is about to write to partitions.
type AddRequest struct {
	TransactionalID string
	Producer        coordinator.Producer
	Partitions      []TopicPartition
	// Version is the transaction.version that the client uses: 2 if it ends transactions
	// by EndTxn version 5, else 0.
	Version int16
	// Patience is how long to wait for the end of the transaction before this one. Zero:
	// CONCURRENT_TRANSACTIONS at once.
	Patience time.Duration
}

// AddPartitions takes partitions into the open transaction, or begins one with them.
func (m *Machine) AddPartitions(now time.Time, out *coordinator.Out, req AddRequest, reply Reply[struct{}]) {
	t, err := m.find(req.TransactionalID)
	if err == nil && t.state.preparing() { // comes first: the producer may have got its next id already
		if req.Patience > 0 && len(t.waiting) < maxWaiting {
			m.wait(now, t, req, reply)
			return
		}
		err = t.busy()
	}
	if err == nil {
		t, err = m.current(req.TransactionalID, req.Producer)
	}
	switch {
	case err != nil:
	case t.state == Ongoing && t.hasAll(req.Partitions):
	default:
		m.add(now, out, t, req)
	}
	answer(out, reply, struct{}{}, err)
}

// current finds the transaction of a producer that is not fenced.
func (m *Machine) current(id string, p coordinator.Producer) (*transaction, error) {
	t, err := m.find(id)
	switch {
	case err != nil:
		return nil, err
	case t.producerID != p.ID:
		return nil, fmt.Errorf("producer %d of %q, which has %d now: %w", p.ID, id, t.producerID, kerr.InvalidProducerIDMapping)
	case t.producerEpoch != p.Epoch:
		return nil, fmt.Errorf("producer %d of %q with epoch %d, current is %d: %w", p.ID, id, p.Epoch, t.producerEpoch, kerr.ProducerFenced)
	}
	return t, nil
}

func (m *Machine) add(now time.Time, out *coordinator.Out, t *transaction, req AddRequest) {
	next, last := t.durable, t.lastProducerEpoch
	if next.state != Ongoing {
		next.state, next.started, next.partitions = Ongoing, now.UnixMilli(), nil
	}
	next.partitions = next.with(req.Partitions)
	next.updated, next.version = now.UnixMilli(), req.Version
	m.write(out, t, next)
	t.lastProducerEpoch = last
}

// wait puts a request off until the transaction is complete.
func (m *Machine) wait(now time.Time, t *transaction, req AddRequest, reply Reply[struct{}]) {
	w := waiter{
		until:  now.Add(req.Patience),
		refuse: func(err error) { reply(struct{}{}, err) },
		run: func(now time.Time, out *coordinator.Out) {
			req.Patience = 0
			m.AddPartitions(now, out, req, reply)
		},
	}
	at := sort.Search(len(t.waiting), func(i int) bool { return t.waiting[i].until.After(w.until) })
	t.waiting = slices.Insert(t.waiting, at, w)
	m.schedule(t)
}

// giveUp answers those who waited for the end of the transaction for too long.
func (m *Machine) giveUp(now time.Time, out *coordinator.Out, t *transaction) {
	for len(t.waiting) > 0 && !t.waiting[0].until.After(now) {
		w := t.waiting[0]
		t.waiting = t.waiting[1:]
		w.run(now, out)
	}
}

// VerifyRequest asks whether partitions belong to the open transaction of a producer.
type VerifyRequest struct {
	TransactionalID string
	Producer        coordinator.Producer
	Partitions      []TopicPartition
}

// Verify tells for each partition whether it belongs to the transaction. It is how a
// partition makes sure that a batch of an older client, or one that was long on its way, is
// not written outside of one.
func (m *Machine) Verify(out *coordinator.Out, req VerifyRequest, reply Reply[[]bool]) {
	t, err := m.current(req.TransactionalID, req.Producer)
	if err == nil && t.state.preparing() {
		err = t.busy()
	}
	belongs := make([]bool, len(req.Partitions))
	if err == nil {
		for i, p := range req.Partitions {
			belongs[i] = t.has(p)
		}
	}
	answer(out, reply, belongs, err)
}
