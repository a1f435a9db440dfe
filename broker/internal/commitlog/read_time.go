package commitlog

import (
	"errors"
	"fmt"
	"sort"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/internal/recordbatch"
)

// Found is a record found by time.
type Found struct {
	Offset    int64
	Timestamp int64
}

// OffsetForTime finds the first record below upTo whose timestamp (ms) is at least t. ok is false if there is none.
func (l *Log) OffsetForTime(t, upTo int64) (at Found, ok bool, err error) {
	for {
		at, ok, err = l.offsetForTime(t, upTo)
		if !errors.Is(err, errSegmentGone) {
			return at, ok, err
		}
		// A segment was deleted or compacted since its look-up.
	}
}

func (l *Log) offsetForTime(t, upTo int64) (at Found, ok bool, err error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return Found{}, false, ErrClosed
	}
	segments, start := append([]*segment(nil), l.segments...), l.start
	l.mu.Unlock()
	for _, s := range segments {
		if s.base >= upTo {
			break
		}
		at, ok, err = l.findTime(s, t, start, upTo)
		if ok || err != nil {
			return at, ok, err
		}
	}
	return Found{}, false, nil
}

func (l *Log) findTime(s *segment, t, start, upTo int64) (at Found, ok bool, err error) {
	largest, from, err := l.timeFloor(s, t)
	if err != nil || largest < t {
		return Found{}, false, err
	}
	l.mu.Lock()
	v := l.viewOf(s)
	l.mu.Unlock()
	if v.size == 0 {
		return Found{}, false, nil
	}
	f, err := s.acquire()
	if err != nil {
		return Found{}, false, err
	}
	defer s.release()
	pos, err := l.position(f, v, max(from, start))
	if err != nil {
		return Found{}, false, err
	}
	var ferr error
	err = scanHeaders(f, pos, v.size, func(h recordbatch.Batch, pos int64) bool {
		if h.BaseOffset() >= upTo {
			return false
		}
		if h.MaxTimestamp() >= t {
			at, ok, ferr = findInBatch(f, h.Size(), pos, t, start, upTo)
		}
		return !ok && ferr == nil
	})
	if err = errors.Join(err, ferr); err != nil {
		return Found{}, false, fmt.Errorf("segment %d: %w", s.base, err)
	}
	return at, ok, nil
}

func findInBatch(f fs.File, size, pos, t, start, upTo int64) (Found, bool, error) {
	b := make(recordbatch.Batch, size)
	if err := readFull(f, b, pos); err != nil {
		return Found{}, false, err
	}
	if err := recordbatch.ValidateHeader(b); err != nil {
		return Found{}, false, err
	}
	for r, err := range b.Records(0) {
		if err != nil {
			return Found{}, false, fmt.Errorf("batch at offset %d: %w", b.BaseOffset(), err)
		}
		if r.Timestamp >= t && r.Offset >= start && r.Offset < upTo {
			return Found{r.Offset, r.Timestamp}, true, nil
		}
	}
	return Found{}, false, nil
}

// MaxTimestamp finds the first record below upTo with the largest timestamp. ok is false if there is no record.
func (l *Log) MaxTimestamp(upTo int64) (at Found, ok bool, err error) {
	for {
		at, ok, err = l.maxTimestamp(upTo)
		if !errors.Is(err, errSegmentGone) {
			return at, ok, err
		}
	}
}

func (l *Log) maxTimestamp(upTo int64) (at Found, ok bool, err error) {
	largest := int64(-1)
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return Found{}, false, ErrClosed
	}
	segments, start := append([]*segment(nil), l.segments...), l.start
	l.mu.Unlock()
	for _, s := range segments {
		if s.base >= upTo || s.next <= start {
			continue
		}
		ts, err := l.largestBelow(s, start, upTo)
		if err != nil {
			return Found{}, false, err
		}
		largest = max(largest, ts)
	}
	if largest < 0 {
		return Found{}, false, nil
	}
	return l.OffsetForTime(largest, upTo)
}

// largestBelow is the segment's largest timestamp, of the batches between two offsets only.
func (l *Log) largestBelow(s *segment, start, upTo int64) (int64, error) {
	ts, _, err := l.timeFloor(s, 0)
	if err != nil {
		return -1, err
	}
	l.mu.Lock()
	v := l.viewOf(s)
	l.mu.Unlock()
	if v.next <= upTo && s.base >= start || v.size == 0 {
		return ts, nil
	}
	f, err := s.acquire()
	if err != nil {
		return -1, err
	}
	defer s.release()
	ts = -1
	err = scanHeaders(f, 0, v.size, func(h recordbatch.Batch, _ int64) bool {
		if h.LastOffset() >= start && h.NextOffset() <= upTo && h.NumRecords() > 0 {
			ts = max(ts, h.MaxTimestamp())
		}
		return h.NextOffset() < upTo
	})
	return ts, err
}

// timeFloor gives the largest timestamp of the segment and an offset before which every record is older than t.
func (l *Log) timeFloor(s *segment, t int64) (largest, from int64, err error) {
	times, largest, err := l.timeIndex(s)
	if err != nil {
		return -1, 0, err
	}
	n := len(times) / timeEntryLen
	i := sort.Search(n, func(i int) bool { return parseTimeEntry(times[i*timeEntryLen:], s.base).timestamp >= t })
	if i == 0 {
		return largest, s.base, nil
	}
	return largest, parseTimeEntry(times[(i-1)*timeEntryLen:], s.base).offset + 1, nil
}

// timeIndex gives the time index's entries, read from the file if the segment is sealed.
func (l *Log) timeIndex(s *segment) (times []byte, largest int64, err error) {
	l.mu.Lock()
	times, largest, sealed := s.times, s.max.timestamp, s.sealed
	l.mu.Unlock()
	if !sealed {
		return times, largest, nil
	}
	if err := l.checkIndexes(s); err != nil {
		return nil, -1, err
	}
	times, err = readIndex(s, fileTimeIndex)
	if n := len(times); err == nil && n >= timeEntryLen {
		largest = max(largest, parseTimeEntry(times[n-timeEntryLen:], s.base).timestamp)
	}
	return times, largest, err
}

// maxIndexBytes bounds what is read of an index file: a full time index of the largest segment.
const maxIndexBytes = 1 << 30

// readIndex reads whole entries of an index file.
func readIndex(s *segment, kind int) ([]byte, error) {
	f, err := s.acquireFile(kind)
	if err != nil {
		return nil, err
	}
	defer s.release()
	size, err := f.Size()
	if err != nil {
		return nil, fmt.Errorf("size of index of segment %d: %w", s.base, err)
	}
	entry := int64(offsetEntryLen)
	if kind == fileTimeIndex {
		entry = timeEntryLen
	}
	size = min(size, maxIndexBytes)
	p := make([]byte, size-size%entry)
	if err := readFull(f, p, 0); err != nil {
		return nil, fmt.Errorf("index of segment %d: %w", s.base, err)
	}
	return p, nil
}
