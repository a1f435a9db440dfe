package partition

import (
	"errors"
	"fmt"

	"github.com/chortal/chortal/broker/internal/commitlog"
	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Read gives the stored batches from the one that holds o.Offset on, at most up to the visible end of o.Isolation.
// Errors: OFFSET_OUT_OF_RANGE, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR.
// With OFFSET_OUT_OF_RANGE the offsets of the result are filled in.
func (p *Partition) Read(o ReadOptions) (ReadResult, error) {
	r, l, err := p.read(o)
	if err != nil && l != nil && p.reopened(l) {
		r, _, err = p.read(o) // the log was moved under our hands
	}
	return r, err
}

func (p *Partition) read(o ReadOptions) (ReadResult, *commitlog.Log, error) {
	p.mu.Lock()
	if err := p.open(); err != nil {
		p.mu.Unlock()
		return ReadResult{HighWatermark: -1, LastStableOffset: -1, LogStartOffset: -1}, nil, fmt.Errorf("read %v: %w", p.tp, err)
	}
	l := p.log
	r := ReadResult{
		HighWatermark: p.hw, LastStableOffset: p.lso, LogStartOffset: l.Start(),
		Mark: Mark{visible: p.visible, generation: p.generation},
	}
	upTo := p.hw
	if o.Isolation == ReadCommitted {
		upTo, r.Mark.visible = p.lso, p.stable
	}
	err := p.checkEpoch(o.CurrentLeaderEpoch)
	if o.LastFetchedEpoch == p.epoch {
		// No record of this epoch need be there yet; none of it can be behind the log end.
		o.LastFetchedEpoch = min(o.LastFetchedEpoch, l.LatestEpoch())
	}
	p.mu.Unlock()
	if err == nil {
		err = p.fill(&r, l, o, upTo)
	}
	if err != nil {
		return r, l, fmt.Errorf("read %v: %w", p.tp, err)
	}
	return r, l, nil
}

func (p *Partition) fill(r *ReadResult, l *commitlog.Log, o ReadOptions, upTo int64) (err error) {
	if r.Diverging, err = diverging(l, o); r.Diverging != nil || err != nil {
		return err
	}
	if o.Offset < r.LogStartOffset || o.Offset > r.HighWatermark {
		return fmt.Errorf("offset %d outside [%d, %d]: %w", o.Offset, r.LogStartOffset, r.HighWatermark, kerr.OffsetOutOfRange)
	}
	r.Slice, r.Mark.more, err = l.Read(o.Offset, o.MaxBytes, upTo, o.AtLeastOne)
	if err != nil {
		return p.readError(err)
	}
	if o.Isolation == ReadCommitted && r.Slice != nil {
		if r.Aborted, err = l.Aborted(o.Offset, upTo); err != nil {
			r.Slice.Release()
			r.Slice = nil
			return p.readError(err)
		}
	}
	return nil
}

// diverging compares the epoch of the reader's last record with the log's history (KIP-595).
func diverging(l *commitlog.Log, o ReadOptions) (*EpochEndOffset, error) {
	if o.LastFetchedEpoch < 0 {
		return nil, nil
	}
	epoch, end := l.EndOffsetForEpoch(o.LastFetchedEpoch)
	if epoch < 0 {
		return nil, fmt.Errorf("leader epoch %d is not in the log: %w", o.LastFetchedEpoch, kerr.OffsetOutOfRange)
	}
	if epoch < o.LastFetchedEpoch || end < o.Offset {
		return &EpochEndOffset{LeaderEpoch: epoch, EndOffset: end}, nil
	}
	return nil, nil
}

// checkEpoch compares the client's leader epoch (-1: none) with ours. mu is held.
func (p *Partition) checkEpoch(epoch int32) error {
	switch {
	case epoch < 0 || epoch == p.epoch:
		return nil
	case epoch < p.epoch:
		return fmt.Errorf("leader epoch %d, current is %d: %w", epoch, p.epoch, kerr.FencedLeaderEpoch)
	}
	return fmt.Errorf("leader epoch %d, current is %d: %w", epoch, p.epoch, kerr.UnknownLeaderEpoch)
}

// readError names the protocol's error.
func (p *Partition) readError(err error) error {
	switch {
	case errors.Is(err, commitlog.ErrOutOfRange):
		return fmt.Errorf("%w: %w", kerr.OffsetOutOfRange, err)
	case errors.Is(err, commitlog.ErrClosed):
		return fmt.Errorf("%w: %w", kerr.NotLeaderForPartition, err)
	case errors.Is(err, commitlog.ErrCorrupt), errors.Is(err, recordbatch.ErrCorrupt), errors.Is(err, recordbatch.ErrInvalid):
		return fmt.Errorf("%w: %w", kerr.CorruptMessage, err)
	}
	return fmt.Errorf("%w: %w", kerr.KafkaStorageError, err)
}

// Scan calls fn with every batch from the offset on up to the log end (not only the high watermark), in order, as a
// coordinator needs it to replay its partition. The batch is valid during the call.
func (p *Partition) Scan(from int64, fn func(recordbatch.Batch) error) error {
	l, err := p.opened()
	if err != nil {
		return err
	}
	return l.Scan(from, fn)
}

func (p *Partition) opened() (*commitlog.Log, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.open(); err != nil {
		return nil, err
	}
	return p.log, nil
}

// visibleEnd is the offset up to which readers of an isolation see.
func (p *Partition) visibleEnd(iso Isolation) (*commitlog.Log, int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.open(); err != nil {
		return nil, 0, err
	}
	if iso == ReadCommitted {
		return p.log, p.lso, nil
	}
	return p.log, p.hw, nil
}

// OffsetForTime finds the first visible record whose timestamp (ms) is t or later; ok is false if there is none.
func (p *Partition) OffsetForTime(t int64, iso Isolation) (at TimestampOffset, ok bool, err error) {
	l, end, err := p.visibleEnd(iso)
	if err != nil {
		return TimestampOffset{}, false, err
	}
	return p.found(l)(l.OffsetForTime(t, end))
}

// MaxTimestamp finds the visible record with the largest timestamp (ListOffsets -3); ok is false if there is none.
func (p *Partition) MaxTimestamp() (at TimestampOffset, ok bool, err error) {
	l, end, err := p.visibleEnd(ReadUncommitted)
	if err != nil {
		return TimestampOffset{}, false, err
	}
	return p.found(l)(l.MaxTimestamp(end))
}

func (p *Partition) found(l *commitlog.Log) func(commitlog.Found, bool, error) (TimestampOffset, bool, error) {
	return func(f commitlog.Found, ok bool, err error) (TimestampOffset, bool, error) {
		if err != nil || !ok {
			if err != nil {
				err = fmt.Errorf("find time in %v: %w", p.tp, p.readError(err))
			}
			return TimestampOffset{}, false, err
		}
		return TimestampOffset{Offset: f.Offset, Timestamp: f.Timestamp, LeaderEpoch: l.EpochAt(f.Offset)}, true, nil
	}
}

// EpochAt is the leader epoch of the record at offset, -1 if unknown.
func (p *Partition) EpochAt(offset int64) int32 {
	l, err := p.opened()
	if err != nil {
		return -1
	}
	return l.EpochAt(offset)
}

// EndOffsetForEpoch answers OffsetForLeaderEpoch: the largest known epoch that is at most epoch and where it ends.
// currentLeaderEpoch is the client's, -1 for none. Both fields are -1 where nothing is known.
func (p *Partition) EndOffsetForEpoch(currentLeaderEpoch, epoch int32) (EpochEndOffset, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.open(); err != nil {
		return EpochEndOffset{LeaderEpoch: -1, EndOffset: -1}, err
	}
	if err := p.checkEpoch(currentLeaderEpoch); err != nil {
		return EpochEndOffset{LeaderEpoch: -1, EndOffset: -1}, err
	}
	if epoch == p.epoch {
		return EpochEndOffset{LeaderEpoch: epoch, EndOffset: p.log.End()}, nil
	}
	e, end := p.log.EndOffsetForEpoch(epoch)
	return EpochEndOffset{LeaderEpoch: e, EndOffset: end}, nil
}

// DeleteRecordsBefore moves the log start to offset (-1: the high watermark) and returns the new log start, which is
// durable then.
func (p *Partition) DeleteRecordsBefore(offset int64) (int64, error) {
	p.moveMu.RLock()
	defer p.moveMu.RUnlock()
	p.mu.Lock()
	if err := p.open(); err != nil {
		p.mu.Unlock()
		return -1, err
	}
	l, hw := p.log, p.hw
	p.mu.Unlock()
	if offset == -1 {
		offset = hw
	}
	if offset < 0 || offset > hw {
		return -1, fmt.Errorf("delete records of %v before %d, high watermark is %d: %w", p.tp, offset, hw, kerr.OffsetOutOfRange)
	}
	if err := l.DeleteBefore(offset); err != nil {
		return -1, fmt.Errorf("delete records of %v: %w", p.tp, p.readError(err))
	}
	if err := p.dir().writeLogStarts(p.m); err != nil {
		return -1, fmt.Errorf("delete records of %v: %w: %w", p.tp, kerr.KafkaStorageError, err)
	}
	if err := l.Reap(); err != nil {
		return -1, fmt.Errorf("delete records of %v: %w: %w", p.tp, kerr.KafkaStorageError, err)
	}
	return l.Start(), nil
}
