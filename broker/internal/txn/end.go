package txn

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// EndRequest is what an EndTxn says.
type EndRequest struct {
	TransactionalID string
	Producer        coordinator.Producer
	// Commit is false for an abort.
	Commit bool
	// Version is the transaction.version that the client uses: 2 from EndTxn version 5 on,
	// else 0.
	Version int16
}

// End decides how a transaction ends. The answer leaves when the decision is durable, with
// the producer id and epoch for the next transaction; the markers follow.
//
// A request that is repeated gets the answer that got lost: with version 2 it is known by
// the epoch before the bump, else by the state alone.
func (m *Machine) End(now time.Time, out *coordinator.Out, req EndRequest, reply Reply[coordinator.Producer]) {
	p, err := m.end(now, out, req)
	answer(out, reply, p, err)
}

func (m *Machine) end(now time.Time, out *coordinator.Out, req EndRequest) (coordinator.Producer, error) {
	t, err := m.find(req.TransactionalID)
	if err != nil {
		return coordinator.Producer{}, err
	}
	decide := t.decide
	if req.Version >= epochBump {
		decide = t.decideBumped
	}
	v, err := decide(req)
	switch {
	case err != nil:
		return coordinator.Producer{}, err
	case v == repeated:
		return coordinator.Producer{ID: t.producerID, Epoch: t.producerEpoch}, nil
	}
	return m.prepare(now, out, t, req, v == alone)
}

// verdict is what an EndTxn that is allowed asks for.
type verdict int

const (
	decided  verdict = iota // the open transaction ends
	repeated                // it has ended that way
	alone                   // an abort without a transaction, which is allowed with version 2
)

// wanted are the states in which a transaction ends.
func (r *EndRequest) wanted() (prepare, complete State) {
	if r.Commit {
		return PrepareCommit, CompleteCommit
	}
	return PrepareAbort, CompleteAbort
}

func (t *transaction) invalid(req *EndRequest) error {
	how := "abort"
	if req.Commit {
		how = "commit"
	}
	return fmt.Errorf("%s of %q in state %v: %w", how, t.id, t.state, kerr.InvalidTxnState)
}

func (t *transaction) busy() error {
	return fmt.Errorf("transaction of %q is in state %v: %w", t.id, t.state, kerr.ConcurrentTransactions)
}

// decide judges an EndTxn before version 5.
func (t *transaction) decide(req EndRequest) (verdict, error) {
	_, complete := req.wanted()
	switch {
	case t.producerID != req.Producer.ID:
		return 0, fmt.Errorf("producer %d of %q, which has %d now: %w", req.Producer.ID, t.id, t.producerID, kerr.InvalidProducerIDMapping)
	case t.producerEpoch != req.Producer.Epoch:
		return 0, fmt.Errorf("producer %d of %q with epoch %d, current is %d: %w", t.producerID, t.id, req.Producer.Epoch, t.producerEpoch, kerr.ProducerFenced)
	case t.state == Ongoing:
		return decided, nil
	case t.state.preparing():
		return 0, t.busy()
	case t.state == complete:
		return repeated, nil
	}
	return 0, t.invalid(&req)
}

// decideBumped judges an EndTxn of version 5 and later: the epoch tells a repeated request
// from the end of the next transaction.
func (t *transaction) decideBumped(req EndRequest) (verdict, error) {
	p := req.Producer
	overflowed := t.prevProducerID == p.ID && p.Epoch == lastEpoch && t.producerEpoch == 0
	bumped := t.producerEpoch == p.Epoch+1
	again := overflowed || bumped
	valid := p.Epoch == t.producerEpoch || again && (t.state == CompleteCommit || t.state == CompleteAbort)
	_, complete := req.wanted()
	switch {
	case t.state.preparing(): // comes first: it may be the end of the next transaction already
		return 0, t.busy()
	case t.producerID != p.ID && !overflowed:
		return 0, fmt.Errorf("producer %d of %q, which has %d now: %w", p.ID, t.id, t.producerID, kerr.InvalidProducerIDMapping)
	case !valid:
		return 0, fmt.Errorf("producer %d of %q with epoch %d, current is %d: %w", p.ID, t.id, p.Epoch, t.producerEpoch, kerr.ProducerFenced)
	case t.state == Ongoing:
		return decided, nil
	case again && t.state == complete:
		return repeated, nil
	case again && t.state != Empty, req.Commit:
		return 0, t.invalid(&req)
	}
	return alone, nil
}

// prepare writes the decision, and has the markers written once that is durable. An abort
// without any partition is complete at once.
func (m *Machine) prepare(now time.Time, out *coordinator.Out, t *transaction, req EndRequest, alone bool) (coordinator.Producer, error) {
	next, last := t.durable, t.lastProducerEpoch
	next.state, _ = req.wanted()
	next.updated, next.version, next.nextProducerID = now.UnixMilli(), req.Version, noProducerID
	if req.Version >= epochBump {
		if t.exhausted() {
			id, err := m.cfg.NewProducerID()
			if err != nil {
				return coordinator.Producer{}, err
			}
			next.nextProducerID = id
		}
		next.producerEpoch, last = bump(t.producerEpoch), t.producerEpoch
	}
	if alone {
		next.started, next.partitions = next.updated, nil
	}
	m.decided(now, out, t, next, last)
	if next.nextProducerID != noProducerID {
		return coordinator.Producer{ID: next.nextProducerID, Epoch: 0}, nil
	}
	return coordinator.Producer{ID: next.producerID, Epoch: next.producerEpoch}, nil
}

// bump is the epoch after e. The last one, which nobody is given, is its own successor.
func bump(e int16) int16 {
	if e == math.MaxInt16 {
		return e
	}
	return e + 1
}

// fence aborts the open transaction of a producer that is gone: the epoch is raised, so that
// it hears of it should it come back.
func (m *Machine) fence(now time.Time, out *coordinator.Out, t *transaction) {
	next := t.durable
	next.state, next.updated, next.version, next.nextProducerID = PrepareAbort, now.UnixMilli(), epochBump, noProducerID
	next.producerEpoch = bump(t.producerEpoch)
	m.decided(now, out, t, next, t.producerEpoch)
}

// decided writes a decision and acts on it.
func (m *Machine) decided(now time.Time, out *coordinator.Out, t *transaction, next durable, last int16) {
	m.write(out, t, next)
	t.lastProducerEpoch = last
	if len(t.partitions) == 0 {
		m.complete(now, out, t)
		return
	}
	m.send(out, t)
}

// Markers are the ends of a transaction on its partitions, still to be written.
type Markers struct {
	TransactionalID string
	// Producer is what the markers are written under.
	Producer   coordinator.Producer
	Commit     bool
	Partitions []TopicPartition
}

// send has the markers written when the decision is committed.
func (m *Machine) send(out *coordinator.Out, t *transaction) {
	markers := Markers{
		TransactionalID: t.id, Producer: coordinator.Producer{ID: t.producerID, Epoch: t.producerEpoch},
		Commit: t.state == PrepareCommit, Partitions: slices.Clone(t.partitions),
	}
	out.Answer(func(err error) {
		if err == nil && m.live {
			t.cancel = m.cfg.Send(markers)
		}
	})
}

// Complete ends a transaction all of whose partitions have their marker. Those who waited
// for that go on. It does nothing if the transaction is another one by now.
func (m *Machine) Complete(now time.Time, out *coordinator.Out, sent Markers) {
	t := m.byID[sent.TransactionalID]
	if t == nil || !t.state.preparing() || t.producerID != sent.Producer.ID || t.producerEpoch != sent.Producer.Epoch {
		return
	}
	m.complete(now, out, t)
}

func (m *Machine) complete(now time.Time, out *coordinator.Out, t *transaction) {
	next, last := t.durable, t.lastProducerEpoch
	next.state = CompleteAbort
	if t.state == PrepareCommit {
		next.state = CompleteCommit
	}
	if next.nextProducerID != noProducerID && next.version >= epochBump {
		next.producerID, next.producerEpoch = next.nextProducerID, 0
	}
	next.nextProducerID, next.partitions, next.updated = noProducerID, nil, now.UnixMilli()
	m.write(out, t, next)
	t.lastProducerEpoch, t.cancel = last, nil
	waiting := t.waiting
	t.waiting = nil
	for _, w := range waiting {
		w.run(now, out)
	}
	m.schedule(t)
}
