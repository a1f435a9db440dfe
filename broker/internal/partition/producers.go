package partition

import (
	"fmt"
	"time"

	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/twmb/franz-go/pkg/kerr"
)

// rememberedBatches is how many of a producer's last batches are known again when they are sent again: Kafka's number,
// and the most that an idempotent client has in flight.
const rememberedBatches = 5

// sentBatch is what is remembered of a batch.
type sentBatch struct {
	firstSequence, lastSequence int32
	baseOffset, lastOffset      int64
	timestamp                   int64
}

// producer is the state of one producer id.
type producer struct {
	epoch            int16
	coordinatorEpoch int32 // of the last marker, -1
	timestamp        int64 // of the last batch or marker
	seen             int64 // broker's time (ms) of the last append: old data must not expire at once
	txnStart         int64 // first offset of the open transaction, -1
	txnStartBytes    int64 // bytes appended before it, see Partition.appended
	batches          []sentBatch
}

// endedTxn is a transaction whose marker is not yet below the high watermark: for readers it is still open.
type endedTxn struct {
	first, marker int64
	startBytes    int64
}

// producers is the producer state of a partition. It is guarded by the partition's mutex.
type producers struct {
	byID  map[int64]*producer
	ended []endedTxn // ascending by marker
	open  int        // transactions that are open

	guards     map[int64]*txnGuard // transactions that are being looked up, see guard
	lastSerial uint64
}

// check decides whether a batch may be appended: a repeat of one of the last five is found again, a gap, an old epoch
// or a batch outside of the open transaction is refused.
func (s *producers) check(b recordbatch.Batch, o AppendOptions) (dup *sentBatch, err error) {
	id := b.ProducerID()
	if id < 0 {
		return nil, nil
	}
	p := s.byID[id]
	if p == nil {
		return nil, s.checkGuard(b, nil, o) // any sequence: the state may have expired
	}
	if b.ProducerEpoch() < p.epoch {
		return nil, fmt.Errorf("producer %d with epoch %d, current is %d: %w", id, b.ProducerEpoch(), p.epoch, kerr.InvalidProducerEpoch)
	}
	if b.IsControl() {
		return nil, p.checkMarker(b)
	}
	if b.BaseSequence() == recordbatch.NoSequence {
		return nil, nil // a coordinator's: it repeats nothing
	}
	if b.ProducerEpoch() == p.epoch {
		if dup = p.find(b); dup != nil {
			return dup, nil
		}
	}
	if p.txnStart >= 0 && !b.IsTransactional() {
		return nil, fmt.Errorf("producer %d writes outside of its open transaction: %w", id, kerr.InvalidTxnState)
	}
	if err := s.checkGuard(b, p, o); err != nil {
		return nil, err
	}
	return nil, p.checkSequence(b)
}

func (p *producer) checkMarker(b recordbatch.Batch) error {
	c, err := b.Control()
	if err != nil {
		return fmt.Errorf("%v: %w", err, kerr.InvalidRecord)
	}
	return p.checkCoordinator(c.CoordinatorEpoch)
}

func (p *producer) checkCoordinator(epoch int32) error {
	if epoch < p.coordinatorEpoch {
		return fmt.Errorf("coordinator epoch %d, current is %d: %w", epoch, p.coordinatorEpoch, kerr.TransactionCoordinatorFenced)
	}
	return nil
}

func (p *producer) find(b recordbatch.Batch) *sentBatch {
	for i := range p.batches {
		if s := &p.batches[i]; s.firstSequence == b.BaseSequence() && s.lastSequence == b.LastSequence() {
			return s
		}
	}
	return nil
}

func (p *producer) checkSequence(b recordbatch.Batch) error {
	want := int32(0)
	if n := len(p.batches); b.ProducerEpoch() == p.epoch && n > 0 {
		want = recordbatch.AddSequence(p.batches[n-1].lastSequence, 1)
	}
	if b.BaseSequence() != want {
		return fmt.Errorf("producer %d epoch %d sent sequence %d, expected %d: %w",
			b.ProducerID(), b.ProducerEpoch(), b.BaseSequence(), want, kerr.OutOfOrderSequenceNumber)
	}
	return nil
}

// record takes a batch that was appended into the state. bytes is what had been appended before it, now the broker's
// time in ms. Only the header of b is needed.
func (s *producers) record(b recordbatch.Batch, bytes, now int64) {
	if b.ProducerID() < 0 || b.IsControl() {
		return
	}
	p := s.get(b.ProducerID())
	p.advanceEpoch(b.ProducerEpoch())
	p.timestamp, p.seen = b.MaxTimestamp(), now
	if b.IsTransactional() && p.txnStart < 0 {
		p.txnStart, p.txnStartBytes = b.BaseOffset(), bytes
		s.open++
		delete(s.guards, b.ProducerID())
	}
	if b.BaseSequence() != recordbatch.NoSequence {
		p.remember(b)
	}
}

func (p *producer) remember(b recordbatch.Batch) {
	if len(p.batches) == rememberedBatches {
		copy(p.batches, p.batches[1:])
		p.batches = p.batches[:rememberedBatches-1]
	}
	p.batches = append(p.batches, sentBatch{
		firstSequence: b.BaseSequence(), lastSequence: b.LastSequence(),
		baseOffset: b.BaseOffset(), lastOffset: b.LastOffset(), timestamp: b.MaxTimestamp(),
	})
}

func (s *producers) get(id int64) *producer {
	p := s.byID[id]
	if p == nil {
		if s.byID == nil {
			s.byID = map[int64]*producer{}
		}
		p = &producer{epoch: -1, coordinatorEpoch: -1, timestamp: -1, txnStart: -1}
		s.byID[id] = p
	}
	return p
}

func (p *producer) advanceEpoch(epoch int16) {
	if epoch != p.epoch {
		p.epoch = epoch
		p.batches = p.batches[:0]
	}
}

// recordMarker ends the producer's transaction. aborted tells from where on, if there was one and it was aborted.
func (s *producers) recordMarker(b recordbatch.Batch, c recordbatch.ControlRecord, now int64) (abortedFrom int64, aborted bool) {
	if c.Type != recordbatch.Abort && c.Type != recordbatch.Commit {
		return 0, false
	}
	p := s.get(b.ProducerID())
	delete(s.guards, b.ProducerID())
	p.advanceEpoch(b.ProducerEpoch())
	p.coordinatorEpoch = c.CoordinatorEpoch
	p.timestamp, p.seen = b.MaxTimestamp(), now
	if p.txnStart < 0 {
		return 0, false
	}
	start := p.txnStart
	s.ended = append(s.ended, endedTxn{first: start, marker: b.LastOffset(), startBytes: p.txnStartBytes})
	p.txnStart = -1
	s.open--
	return start, c.Type == recordbatch.Abort
}

// passed forgets ended transactions whose marker readers can see now.
func (s *producers) passed(highWatermark int64) {
	n := 0
	for n < len(s.ended) && s.ended[n].marker < highWatermark {
		n++
	}
	s.ended = s.ended[n:]
	if len(s.ended) == 0 {
		s.ended = nil
	}
}

// firstUnstable is where the first transaction begins that readers must take as open; ok is false if there is none.
func (s *producers) firstUnstable() (offset, bytes int64, ok bool) {
	take := func(o, b int64) {
		if !ok || o < offset {
			offset, bytes, ok = o, b, true
		}
	}
	for _, t := range s.ended {
		take(t.first, t.startBytes)
	}
	if s.open > 0 {
		for _, p := range s.byID {
			if p.txnStart >= 0 {
				take(p.txnStart, p.txnStartBytes)
			}
		}
	}
	return offset, bytes, ok
}

// openFrom is where the first transaction begins that has no marker yet, or else if there is none.
func (s *producers) openFrom(otherwise int64) int64 {
	first := otherwise
	if s.open == 0 {
		return first
	}
	for _, p := range s.byID {
		if p.txnStart >= 0 {
			first = min(first, p.txnStart)
		}
	}
	return first
}

// expire forgets producers that were silent for so long and have no open transaction.
func (s *producers) expire(now time.Time, age time.Duration) {
	cutoff := now.Add(-age).UnixMilli()
	for id, p := range s.byID {
		if p.txnStart < 0 && p.seen < cutoff {
			delete(s.byID, id)
		}
	}
	for id, g := range s.guards {
		if g.since < cutoff {
			delete(s.guards, id)
		}
	}
}
