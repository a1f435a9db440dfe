package commitlog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/internal/recordbatch"
)

// Retain takes the oldest segments that the configuration no longer keeps out of the log, none that holds records at or
// above the high watermark, and returns how many. Their files are still there: call [Log.Reap] after the new log start
// is durable, so that it never goes back.
func (l *Log) Retain(highWatermark int64) (deleted int, err error) {
	ages, err := l.segmentTimes()
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.failed != nil || l.swapping {
		return 0, nil
	}
	n := l.deletable(highWatermark, ages)
	if n == 0 {
		return 0, nil
	}
	if n == len(l.segments) {
		// Even the active segment is too old: the log goes on in a new one.
		if err := l.roll(l.end); err != nil {
			return 0, err
		}
	}
	l.dropSegments(n)
	return n, nil
}

// segmentTimes is the largest timestamp of every segment, by base.
func (l *Log) segmentTimes() (map[int64]int64, error) {
	l.mu.Lock()
	segments, need := slices.Clone(l.segments), l.cfg.Delete && l.cfg.RetentionAge >= 0
	l.mu.Unlock()
	ages := map[int64]int64{}
	if !need {
		return ages, nil
	}
	cutoff := l.now().Add(-l.cfg.RetentionAge).UnixMilli()
	for _, s := range segments {
		_, largest, err := l.timeIndex(s)
		if errors.Is(err, errSegmentGone) {
			break // deleted or compacted meanwhile: the next round looks again
		}
		if err != nil {
			return nil, err
		}
		if largest < 0 {
			largest = s.created.UnixMilli()
		}
		ages[s.base] = largest
		if largest >= cutoff {
			break // retention goes from the oldest on and stops at the first that stays
		}
	}
	return ages, nil
}

// deletable counts the segments from the oldest on that may go. mu is held.
func (l *Log) deletable(highWatermark int64, ages map[int64]int64) (n int) {
	var total int64
	for _, s := range l.segments {
		total += s.size
	}
	cutoff := l.now().Add(-l.cfg.RetentionAge).UnixMilli()
	for i, s := range l.segments {
		last := i+1 == len(l.segments)
		if s.next > highWatermark || s.size == 0 && last {
			break
		}
		largest, known := ages[s.base]
		tooOld := known && largest < cutoff
		tooMuch := l.cfg.Delete && l.cfg.RetentionBytes >= 0 && total-s.size >= l.cfg.RetentionBytes
		behind := s.next <= l.start && !last
		if !tooOld && !tooMuch && !behind {
			break
		}
		total -= s.size
		n++
	}
	return n
}

// dropSegments takes the n oldest segments out of the log. mu is held.
func (l *Log) dropSegments(n int) {
	dropped := l.segments[:n]
	l.segments = slices.Clone(l.segments[n:])
	l.start = max(l.start, l.segments[0].base)
	l.epochsDirty = l.epochs.cutBefore(l.start) || l.epochsDirty
	for _, s := range dropped {
		l.o.Cache.forget(&s.tail)
		l.doomed = append(l.doomed, doomed{seg: s})
	}
}

// Reap renames the files of segments that were taken out of the log to .deleted, and removes those that have been that
// for FileDeleteDelay. Call it when a log start at or behind [Log.Start] is durable.
func (l *Log) Reap() error {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	l.mu.Lock()
	now := l.now()
	var fresh, due []*segment
	l.doomed = slices.DeleteFunc(l.doomed, func(d doomed) bool {
		switch {
		case d.at.IsZero():
			fresh = append(fresh, d.seg)
		case now.Before(d.at):
			return false
		default:
			due = append(due, d.seg)
		}
		return true
	})
	for _, s := range fresh {
		l.doomed = append(l.doomed, doomed{s, now.Add(l.cfg.FileDeleteDelay)})
	}
	l.mu.Unlock()
	for _, s := range fresh {
		if err := s.markDeleted(); err != nil {
			return err
		}
	}
	for _, s := range due {
		if err := s.remove(); err != nil {
			return fmt.Errorf("remove segment %d: %w", s.base, err)
		}
	}
	return nil
}

// DeleteBefore moves the log start to offset; whole segments before it go, with the next
// retention if one of them is just being compacted. An offset before the start does nothing,
// one behind the end is ErrOutOfRange.
func (l *Log) DeleteBefore(offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return err
	}
	if offset > l.end {
		return fmt.Errorf("delete before %d, log ends at %d: %w", offset, l.end, ErrOutOfRange)
	}
	if offset <= l.start {
		return nil
	}
	l.start = offset
	l.epochsDirty = l.epochs.cutBefore(offset) || l.epochsDirty
	n := 0
	for !l.swapping && n+1 < len(l.segments) && l.segments[n].next <= offset {
		n++
	}
	l.dropSegments(n)
	return nil
}

// Truncate cuts the log so that it ends at offset to, durably, as a follower does that has gone another way than its
// leader. The caller must have made sure that no checkpoint claims more to be durable.
func (l *Log) Truncate(to int64) error {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return err
	}
	if to >= l.end {
		return nil
	}
	if err := l.truncate(to); err != nil {
		return l.diskError(fmt.Errorf("truncate to %d: %w", to, err))
	}
	return nil
}

func (l *Log) truncate(to int64) error {
	keep := 0
	if to > l.start {
		keep = l.segmentAt(to) + 1
	}
	for _, s := range l.segments[keep:] {
		l.o.Cache.forget(&s.tail)
		if err := s.remove(); err != nil {
			return err
		}
	}
	l.segments = l.segments[:keep]
	if keep == 0 {
		l.addSegment(to)
		l.start = to
	} else if err := l.truncateSegment(l.active(), to); err != nil {
		return err
	}
	l.end = l.active().next
	l.start = min(l.start, l.end) // a batch goes as a whole
	l.flushed = min(l.flushed, l.end)
	l.epochsDirty = l.epochs.truncate(l.end) || l.epochsDirty
	return l.o.FS.SyncDir(l.o.Dir)
}

// truncateSegment keeps the batches before to and makes the segment active, with its indexes in memory.
func (l *Log) truncateSegment(s *segment, to int64) error {
	f, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	l.o.Cache.forget(&s.tail)
	size := s.size
	s.sealed, s.idxChecks, s.recent = false, true, nil
	s.offsets, s.times, s.indexDue = []byte{}, []byte{}, 0
	s.size, s.next, s.first, s.max = 0, s.base, -1, timeEntry{-1, s.base}
	if err := l.noteUpTo(s, f, size, to); err != nil {
		return err
	}
	if err := f.Truncate(s.size); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	s.synced, s.allocated = s.size, s.size
	return l.trimIndexes(s)
}

// noteUpTo notes the batches that end at to or before.
func (l *Log) noteUpTo(s *segment, f fs.File, size, to int64) error {
	return scanHeaders(f, 0, size, func(h recordbatch.Batch, pos int64) bool {
		if h.NextOffset() > to {
			return false
		}
		s.note(h, pos, l.cfg.IndexInterval)
		return true
	})
}
