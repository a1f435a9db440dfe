package partition

import (
	"fmt"
	"math"

	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/twmb/franz-go/pkg/kerr"
)

// txnGuard is a transaction of a producer that is being looked up while a batch of it waits. A batch that was long on
// its way must not begin a transaction that nobody will ever end; so the first batch of a transaction needs a guard that
// is older than the look-up, and every marker of the producer makes its guards void (Kafka's VerificationGuard).
type txnGuard struct {
	serial uint64
	epoch  int16
	// lowest is the smallest sequence that waits: the transaction begins with it, whichever batch is first allowed.
	lowest int32
	since  int64 // broker's time in ms
}

// GuardTxn prepares the first batch of a producer's transaction: ask the transaction coordinator whether the partition
// belongs to the transaction after GuardTxn, and append with the guard then. open says that the transaction has begun
// here already, so that nobody need be asked.
func (p *Partition) GuardTxn(producerID int64, epoch int16, sequence int32) (g TxnGuard, open bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.open(); err != nil {
		return TxnGuard{}, false, fmt.Errorf("look up a transaction for %v: %w", p.tp, err)
	}
	if p.producers.byID[producerID].hasOpen(epoch) {
		return TxnGuard{}, true, nil
	}
	return p.producers.guard(producerID, epoch, sequence, p.m.now().UnixMilli()), false, nil
}

// GuardHeld says whether a batch may be appended with a guard: the transaction has begun, or no marker of the producer
// has made the guard void and no batch with a smaller sequence waits. The marker of the transaction before may have, for
// its producer has had the epoch for the next one since the end was decided. Take another guard and look up again then.
func (p *Partition) GuardHeld(producerID int64, epoch int16, sequence int32, g TxnGuard) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.producers.byID[producerID].hasOpen(epoch) {
		return true
	}
	held := p.producers.guards[producerID]
	return held != nil && held.serial == g.serial && !sequenceBefore(held.lowest, sequence)
}

// CheckMarker says what appending a marker would: INVALID_PRODUCER_EPOCH or TRANSACTION_COORDINATOR_FENCED if it comes
// too late. A coordinator asks before it queues one.
func (p *Partition) CheckMarker(producerID int64, epoch int16, coordinatorEpoch int32) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.open(); err != nil {
		return fmt.Errorf("marker on %v: %w", p.tp, err)
	}
	known := p.producers.byID[producerID]
	switch {
	case known == nil:
		return nil
	case epoch < known.epoch:
		return fmt.Errorf("marker on %v with epoch %d, current is %d: %w", p.tp, epoch, known.epoch, kerr.InvalidProducerEpoch)
	}
	if err := known.checkCoordinator(coordinatorEpoch); err != nil {
		return fmt.Errorf("marker on %v: %w", p.tp, err)
	}
	return nil
}

// hasOpen says whether the producer's transaction of this epoch has begun. A nil producer has none.
func (p *producer) hasOpen(epoch int16) bool {
	return p != nil && p.txnStart >= 0 && p.epoch == epoch
}

func (s *producers) guard(id int64, epoch int16, sequence int32, now int64) TxnGuard {
	g := s.guards[id]
	switch {
	case g == nil || epoch > g.epoch:
		if s.guards == nil {
			s.guards = make(map[int64]*txnGuard)
		}
		s.lastSerial++
		g = &txnGuard{serial: s.lastSerial, epoch: epoch, lowest: sequence}
		s.guards[id] = g
	case epoch == g.epoch && sequenceBefore(sequence, g.lowest):
		g.lowest = sequence
	}
	g.since = now
	return TxnGuard{g.serial}
}

// checkGuard refuses a client's batch that would begin a transaction behind the coordinator's back, and one that would
// begin it in the middle. p is nil if the producer is not known.
func (s *producers) checkGuard(b recordbatch.Batch, p *producer, o AppendOptions) error {
	if o.Origin != Client || !b.IsTransactional() || p.hasOpen(b.ProducerEpoch()) {
		return nil
	}
	g := s.guards[b.ProducerID()]
	switch {
	case g == nil || g.serial != o.Guard.serial:
		return fmt.Errorf("producer %d has no open transaction here: %w", b.ProducerID(), kerr.InvalidTxnState)
	case sequenceBefore(g.lowest, b.BaseSequence()):
		return fmt.Errorf("producer %d epoch %d sent sequence %d, while %d is on its way: %w",
			b.ProducerID(), b.ProducerEpoch(), b.BaseSequence(), g.lowest, kerr.OutOfOrderSequenceNumber)
	}
	return nil
}

// sequenceBefore compares sequences, which begin at 0 again after the largest number.
func sequenceBefore(a, b int32) bool {
	d := (b - a) & math.MaxInt32
	return d != 0 && d < 1<<30
}
