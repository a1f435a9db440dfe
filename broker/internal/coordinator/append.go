package coordinator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/twmb/franz-go/pkg/kerr"
)

// batch is what is appended at once, and those who wait for it.
type batch struct {
	records  []Record
	bytes    int
	producer Producer
	marker   *marker
	outs     []*Out
	// landed is called with the offset of the first record when the batch is committed.
	landed func(base int64)
	base   int64
	queued time.Time // when its first step ran
	// abandoned says that nobody waits any more.
	abandoned bool
	began     time.Time // when it was appended
}

func (b *batch) commit(err error) {
	for _, out := range b.outs {
		out.Commit(err)
	}
	if err == nil && b.landed != nil {
		b.landed(b.base)
	}
}

// fits says whether further records may go into the batch: a transaction's are apart.
func (b *batch) fits(out *Out, bytes, limit int) bool {
	return b.marker == nil && out.marker == nil && b.landed == nil && b.producer == out.producer && b.bytes+bytes <= limit
}

// batches are all that are not committed, in order.
func (s *shard[M]) batches() []*batch {
	if s.flight == nil {
		return s.next
	}
	return append([]*batch{s.flight}, s.next...)
}

// queue has the records of a step appended and its answers given afterwards. The answers
// of a step without records wait for all before it: what it read may be theirs.
func (s *shard[M]) queue(out *Out) {
	if len(out.records) == 0 && out.marker == nil {
		if pending := s.batches(); len(pending) > 0 {
			last := pending[len(pending)-1]
			last.outs = append(last.outs, out)
			return
		}
		out.Commit(nil)
		return
	}
	bytes := size(out.records)
	if n := len(s.next); n == 0 || !s.next[n-1].fits(out, bytes, s.cfg.MaxBatchBytes) {
		for _, part := range split(out.records, s.cfg.MaxStepBytes) {
			s.next = append(s.next, &batch{records: part, bytes: size(part), producer: out.producer, marker: out.marker, queued: time.Now()})
		}
	} else {
		last := s.next[n-1]
		last.records, last.bytes = append(last.records, out.records...), last.bytes+bytes
	}
	last := s.next[len(s.next)-1]
	last.outs = append(last.outs, out)
}

// recordOverhead is what a record takes in a batch besides key and value, at most.
const recordOverhead = 32

func size(records []Record) int {
	n := 0
	for _, r := range records {
		n += len(r.Key) + len(r.Value) + recordOverhead
	}
	return n
}

// split cuts records into runs of at most limit bytes, or of one record. No records are
// one empty run.
func split(records []Record, limit int) [][]Record {
	var runs [][]Record
	from, bytes := 0, 0
	for i := range records {
		n := size(records[i : i+1])
		if i > from && bytes+n > limit {
			runs = append(runs, records[from:i])
			from, bytes = i, 0
		}
		bytes += n
	}
	return append(runs, records[from:])
}

// launch appends the next batch unless one is in flight. What is written meanwhile
// gathers, and is appended as one when it has landed.
func (s *shard[M]) launch() {
	if s.flight != nil || len(s.next) == 0 || s.phase != active {
		return
	}
	s.flight = s.next[0]
	s.next = slices.Delete(s.next, 0, 1)
	s.flight.began = time.Now()
	if err := s.append(s.flight); err != nil {
		s.fail(fmt.Errorf("append: %w", err))
	}
}

func (s *shard[M]) append(b *batch) error {
	if s.log == nil {
		log, err := s.cfg.Topic.Create(context.Background(), s.id)
		if err != nil {
			return err
		}
		s.log = log
	}
	encoded, err := b.encode(time.Now(), s.cfg.Codec)
	if err != nil {
		return err
	}
	b.base, err = s.log.Append(encoded, func(err error) { s.committed(landing{b, err}) })
	return err
}

func (b *batch) encode(now time.Time, codec recordbatch.Codec) (recordbatch.Batch, error) {
	if b.marker != nil {
		kind := recordbatch.Abort
		if b.marker.commit {
			kind = recordbatch.Commit
		}
		return recordbatch.EndTxnMarker(kind, b.producer.ID, b.producer.Epoch, b.marker.coordinatorEpoch, now.UnixMilli()), nil
	}
	o := recordbatch.Options{LeaderEpoch: -1, Codec: codec}
	if b.producer != noProducer {
		o.HasProducer, o.Transactional = true, true
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = b.producer.ID, b.producer.Epoch, recordbatch.NoSequence
	}
	builder := recordbatch.NewBuilder(o)
	for _, r := range b.records {
		builder.Append(now.UnixMilli(), r.Key, r.Value)
	}
	return builder.Build()
}

// committed is told by the log that an append has ended.
func (s *shard[M]) committed(l landing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inbox.landed = append(s.inbox.landed, l)
	s.wake()
}

// landed gives the answers that waited for the batch in flight. One that belongs to a
// machine that was thrown away has nobody waiting.
func (s *shard[M]) landed(l landing) {
	switch {
	case l.batch != s.flight:
	case l.err != nil:
		s.fail(fmt.Errorf("append: %w", l.err))
	default:
		s.flight = nil
		s.cfg.Observer.appended(len(l.batch.records), time.Since(l.batch.began))
		l.batch.commit(nil)
	}
}

// watch has somebody look after those who wait for appends, if nobody does.
func (s *shard[M]) watch() {
	if s.patient || s.phase != active {
		return
	}
	waiting := s.batches()
	i := slices.IndexFunc(waiting, func(b *batch) bool { return !b.abandoned })
	if i < 0 {
		return
	}
	s.patient = true
	time.AfterFunc(time.Until(waiting[i].queued.Add(s.cfg.WriteTimeout)), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.phase == active {
			s.inbox.late = true
			s.wake()
		}
	})
}

// giveUp answers those who have waited for too long. Their records stay where they are:
// what becomes of them is not known yet.
func (s *shard[M]) giveUp(now time.Time) {
	for _, b := range s.batches() {
		if b.abandoned || now.Sub(b.queued) < s.cfg.WriteTimeout {
			continue
		}
		b.abandoned = true
		for _, out := range b.outs {
			out.Commit(fmt.Errorf("%s-%d: not committed after %v: %w", s.cfg.Name, s.id, s.cfg.WriteTimeout, kerr.CoordinatorNotAvailable))
		}
	}
}

// snapshot replaces the log when it is much longer than the state: it writes the state
// anew behind everything else and, once that is committed, lets go of what comes before.
// A crash in between does no harm, for the state then is read twice.
func (s *shard[M]) snapshot() {
	if s.phase != active || s.log == nil || s.cutting {
		return
	}
	length := s.log.LogEndOffset() - s.log.LogStartOffset()
	if length < s.cfg.SnapshotFloor || length < snapshotFactor*int64(s.machine.Len()) {
		return
	}
	records, ok := s.machine.Snapshot()
	if !ok {
		return
	}
	if len(records) == 0 {
		if s.flight == nil && len(s.next) == 0 {
			s.cut(s.log.LogEndOffset())
		}
		return
	}
	s.cutting = true
	var base int64
	runs := split(records, s.cfg.MaxBatchBytes)
	for i, run := range runs {
		s.next = append(s.next, &batch{records: run, bytes: size(run), producer: noProducer, queued: time.Now(), landed: func(at int64) {
			if i == 0 {
				base = at
			}
			if i == len(runs)-1 {
				s.cutting = false
				s.cut(base)
			}
		}})
	}
}

func (s *shard[M]) cut(offset int64) {
	if _, err := s.log.DeleteRecordsBefore(offset); err != nil {
		s.logger.Warn("delete records before a snapshot", "offset", offset, "err", err)
	}
}

// read builds a machine from the log.
func (s *shard[M]) read(ctx context.Context) (m M, log Log, err error) {
	m = s.cfg.New(s.id)
	if log, err = s.cfg.Topic.Open(ctx, s.id); err != nil || log == nil {
		return m, nil, err
	}
	began, records := time.Now(), 0
	err = log.Scan(log.LogStartOffset(), func(b recordbatch.Batch) error {
		n, err := s.replay(m, b)
		records += n
		return err
	})
	if err != nil {
		return m, nil, fmt.Errorf("read %s-%d: %w", s.cfg.Name, s.id, err)
	}
	s.cfg.Observer.loaded(records, time.Since(began))
	if records > 0 {
		s.logger.Info("loaded coordinator", "records", records, "duration", time.Since(began))
	}
	return m, log, nil
}

// replay applies a batch. Records that the machine does not understand are reported and
// left out, as Kafka does.
func (s *shard[M]) replay(m M, b recordbatch.Batch) (int, error) {
	p := Producer{ID: b.ProducerID(), Epoch: b.ProducerEpoch()}
	tm, transactional := any(m).(TransactionalMachine)
	if b.IsControl() {
		control, err := b.Control()
		if err == nil && transactional && (control.Type == recordbatch.Commit || control.Type == recordbatch.Abort) {
			err = tm.ReplayMarker(p, control.Type == recordbatch.Commit)
		}
		return 1, err
	}
	n := 0
	for r, err := range b.Records(0) {
		if err != nil {
			return n, fmt.Errorf("batch at offset %d: %w", b.BaseOffset(), err)
		}
		n++
		record := Record{Key: r.Key, Value: r.Value}
		if b.IsTransactional() && transactional {
			err = tm.ReplayPending(p, record)
		} else {
			err = m.Replay(record)
		}
		if err != nil {
			s.logger.Warn("skip coordinator record", "offset", r.Offset, "err", err)
		}
	}
	return n, nil
}
