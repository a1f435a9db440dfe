package handler

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/txn"
	"github.com/chortal/chortal/internal/recordbatch"
)

// Versions of Produce that matter for transactions (KIP-890).
const (
	abortableProduceVersion = 11 // the first that knows TRANSACTION_ABORTABLE
	joinProduceVersion      = 12 // the first that lets partitions join the transaction
)

// place is a partition of a Produce request, by the places of its topic and its own.
type place struct{ topic, partition int }

// lookup is the part of a Produce request whose transactions must be looked up before it is
// appended.
type lookup struct {
	id         string
	producer   coordinator.Producer
	partitions []txn.TopicPartition
	places     []place
	guards     []partition.TxnGuard
}

// lookUp has the transaction coordinator asked for those batches that begin a transaction on
// their partition, and calls then when it knows. Requests of a producer that come meanwhile
// queue up behind, for its batches must stay in order. It is false if there is nothing to
// ask.
func (p *produce) lookUp(then func()) bool {
	x := p.h.txns
	if x == nil || p.req.TransactionID == nil || p.req.Version < firstProduceVersion {
		return false
	}
	l, err := p.newLookup(x)
	switch {
	case err != nil:
		p.refused = err
		return false
	case l == nil, len(l.partitions) == 0 && !x.lookingUp(l.producer.ID):
		return false
	}
	x.begin(l.producer.ID)
	p.ask(x, l, maxLookups, func() {
		then()
		x.end(l.producer.ID)
	})
	return true
}

// maxLookups bounds how often a request looks its transactions up.
const maxLookups = 4

// ask asks the transaction coordinator, and asks again if the end of the transaction before
// came in between.
func (p *produce) ask(x *Txns, l *lookup, tries int, then func()) {
	joins := p.req.Version >= joinProduceVersion
	x.membership(l.id, l.producer, l.partitions, joins, func(belongs []bool, err error) {
		if err == nil && tries > 1 && !p.held(l) {
			again, aerr := p.newLookup(x)
			if aerr == nil && again != nil {
				p.ask(x, again, tries-1, then)
				return
			}
		}
		p.found(l, belongs, err, joins)
		then()
	})
}

// held says whether the guards of a look-up still count.
func (p *produce) held(l *lookup) bool {
	for i, at := range l.places {
		in := &p.req.Topics[at.topic]
		t, err := p.target(in)
		if err != nil {
			continue
		}
		sent := in.Partitions[at.partition]
		part, err := p.partition(t, sent.Partition)
		if err == nil && !part.GuardHeld(l.producer.ID, l.producer.Epoch, recordbatch.Batch(sent.Records).BaseSequence(), l.guards[i]) {
			return false
		}
	}
	return true
}

// newLookup finds the batches that begin a transaction, and takes guards for them. It is nil
// if the request has no transactional batch.
func (p *produce) newLookup(x *Txns) (*lookup, error) {
	var l *lookup
	for i := range p.req.Topics {
		in := &p.req.Topics[i]
		t, err := p.target(in)
		for j := range in.Partitions {
			b := recordbatch.Batch(in.Partitions[j].Records)
			if err != nil || len(b) < recordbatch.HeaderLen || b.MagicByte() != recordbatch.Magic || !b.IsTransactional() {
				continue // what is wrong will be found again
			}
			producer := coordinator.Producer{ID: b.ProducerID(), Epoch: b.ProducerEpoch()}
			switch {
			case l == nil:
				l = &lookup{id: *p.req.TransactionID, producer: producer}
			case l.producer != producer:
				return nil, fmt.Errorf("transactional records of more than one producer: %w", kerr.InvalidProducerIDMapping)
			}
			part, err := p.partition(t, in.Partitions[j].Partition)
			if err != nil {
				continue
			}
			guard, open, err := part.GuardTxn(producer.ID, producer.Epoch, b.BaseSequence())
			if err != nil || open {
				continue
			}
			l.partitions = append(l.partitions, txn.TopicPartition{Topic: t.Name, Partition: in.Partitions[j].Partition})
			l.places = append(l.places, place{i, j})
			l.guards = append(l.guards, guard)
		}
	}
	return l, nil
}

// found keeps what the coordinator said for when the batches are appended.
func (p *produce) found(l *lookup, belongs []bool, err error, joins bool) {
	p.looked = make(map[place]looked, len(l.places))
	for i, at := range l.places {
		one := err
		if one == nil && !belongs[i] {
			one = kerr.TransactionAbortable
		}
		one = lookupError(one, joins, p.req.Version >= abortableProduceVersion)
		p.looked[at] = looked{guard: l.guards[i], err: one}
	}
}

// looked is what a look-up found for one partition.
type looked struct {
	guard partition.TxnGuard
	err   error
}

// lookupError is what a client hears of a look-up that failed: errors that it knows from
// Produce. joins and abortable are about what it understands (KIP-890).
func lookupError(err error, joins, abortable bool) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.ProducerFenced):
		return fmt.Errorf("the producer is fenced: %w", kerr.InvalidProducerEpoch)
	case errors.Is(err, kerr.TransactionAbortable) && !abortable:
		return fmt.Errorf("the partition was not added to the transaction: %w", kerr.InvalidTxnState)
	case errors.Is(err, kerr.ConcurrentTransactions) && joins:
		return err
	case errors.Is(err, kerr.ConcurrentTransactions), errors.Is(err, kerr.CoordinatorLoadInProgress),
		errors.Is(err, kerr.CoordinatorNotAvailable), errors.Is(err, kerr.NotCoordinator):
		// One that every client tries again, without asking for metadata.
		return fmt.Errorf("the transaction could not be looked up (%v): %w", err, kerr.NotEnoughReplicas)
	}
	return err
}

func (x *Txns) lookingUp(producerID int64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.lookups[producerID] > 0
}

func (x *Txns) begin(producerID int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lookups[producerID]++
}

func (x *Txns) end(producerID int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.lookups[producerID]--; x.lookups[producerID] == 0 {
		delete(x.lookups, producerID)
	}
}
