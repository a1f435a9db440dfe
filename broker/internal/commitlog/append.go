package commitlog

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/chortal/chortal/internal/recordbatch"
)

// Appended is where a batch went.
type Appended struct{ BaseOffset, LastOffset int64 }

// Append gives the batch the next offsets and the leader epoch, in place, and writes it to the active segment. The
// batch must be valid. It is in the page cache on return, durable after Flush.
func (l *Log) Append(b recordbatch.Batch, leaderEpoch int32) (Appended, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b.SetBaseOffset(l.end)
	b.SetLeaderEpoch(leaderEpoch)
	return l.appendLocked(b)
}

// AppendAsFollower writes a batch that a leader has given its offsets.
func (l *Log) AppendAsFollower(b recordbatch.Batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.BaseOffset() < l.end {
		return fmt.Errorf("append %v behind %d: %w", b, l.end, ErrOutOfRange)
	}
	_, err := l.appendLocked(b)
	return err
}

func (l *Log) appendLocked(b recordbatch.Batch) (Appended, error) {
	if err := l.writable(); err != nil {
		return Appended{}, err
	}
	s := l.active()
	if l.mustRoll(s, b) {
		if err := l.roll(b.BaseOffset()); err != nil {
			return Appended{}, err
		}
		s = l.active()
	}
	if err := l.write(s, b); err != nil {
		return Appended{}, err
	}
	pos := s.size
	s.note(b, pos, l.cfg.IndexInterval)
	s.noteRecent(b.BaseOffset(), pos)
	l.o.Cache.append(&s.tail, pos, b)
	if l.epochs.add(b.LeaderEpoch(), b.BaseOffset()) {
		l.epochsDirty = true
		l.showFirstEpoch()
	}
	l.end = s.next
	return Appended{BaseOffset: b.BaseOffset(), LastOffset: b.LastOffset()}, nil
}

func (l *Log) writable() error {
	switch {
	case l.closed:
		return ErrClosed
	case l.failed != nil:
		return fmt.Errorf("log broke before: %w", l.failed)
	}
	return nil
}

// mustRoll reports whether the batch needs a new segment. Time is that of the batches, so that a log of old data rolls
// by it too; only without timestamps the clock counts.
func (l *Log) mustRoll(s *segment, b recordbatch.Batch) bool {
	if s.size == 0 {
		return b.LastOffset()-s.base > math.MaxInt32
	}
	age := time.Duration(b.MaxTimestamp()-s.first) * time.Millisecond
	if s.first < 0 || b.MaxTimestamp() < 0 {
		age = l.now().Sub(s.created)
	}
	return s.size+int64(len(b)) > min(l.cfg.SegmentBytes, math.MaxInt32) ||
		age > l.cfg.SegmentAge ||
		int64(len(s.offsets))+offsetEntryLen > l.cfg.IndexBytes ||
		b.LastOffset()-s.base > math.MaxInt32
}

// roll seals the active segment and makes a new one. The sealed one is synced by the next flush.
func (l *Log) roll(base int64) error {
	if l.o.OnRoll != nil {
		l.o.OnRoll(base)
	}
	s := l.active()
	if s.size == 0 && s.base == base {
		return nil
	}
	if err := l.seal(s); err != nil {
		return err
	}
	l.addSegment(base)
	return nil
}

// seal writes the indexes of a segment that takes no more and gives back its reserved disk.
func (l *Log) seal(s *segment) error {
	s.noteTime()
	if err := s.saveIndexes(); err != nil {
		return l.diskError(fmt.Errorf("seal segment %d: %w", s.base, err))
	}
	if s.allocated > s.size {
		f, err := s.acquire()
		if err != nil {
			return l.diskError(err)
		}
		defer s.release()
		if err := f.Truncate(s.size); err != nil {
			return l.diskError(fmt.Errorf("trim segment %d: %w", s.base, err))
		}
		s.allocated = s.size
	}
	s.sealed = true
	s.offsets, s.times = nil, nil
	s.recent = nil
	return nil
}

func (l *Log) write(s *segment, b recordbatch.Batch) error {
	f, err := s.acquire()
	if err != nil {
		return l.diskError(err)
	}
	defer s.release()
	if !s.hasFile {
		s.hasFile, l.dirDirty = true, true
	}
	if err := l.reserve(s, int64(len(b))); err != nil {
		return err
	}
	if _, err := f.WriteAt(b, s.size); err != nil {
		err = fmt.Errorf("write at offset %d: %w", l.end, err)
		// Half a batch must not stay: what is appended next might be shorter and leave bytes of it behind.
		if terr := errors.Join(f.Truncate(s.size), f.Sync()); terr != nil {
			return l.fail(errors.Join(err, terr))
		}
		return l.diskError(err)
	}
	return nil
}

// diskError lets a full disk pass, so that the log works on when there is room again; anything else breaks the log.
func (l *Log) diskError(err error) error {
	if isNoSpace(err) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return l.fail(err)
}

const (
	reserveMin = 1 << 20
	reserveMax = 16 << 20
)

// reserve takes disk ahead of the writes, doubling with the segment: a small partition takes none, unless it is told to
// take all at once.
func (l *Log) reserve(s *segment, n int64) error {
	if s.size < reserveMin && !l.cfg.Preallocate || s.size+n <= s.allocated {
		return nil
	}
	f, err := s.acquire()
	if err != nil {
		return l.diskError(err)
	}
	defer s.release()
	ahead := min(max(s.size, reserveMin), reserveMax, max(l.cfg.SegmentBytes-s.size, n))
	if l.cfg.Preallocate {
		ahead = max(l.cfg.SegmentBytes-s.size, n)
	}
	if err := f.Preallocate(s.size, ahead); err != nil {
		if isNoSpace(err) {
			return nil // the write itself may still fit
		}
		return l.diskError(err)
	}
	s.allocated = s.size + ahead
	return nil
}
