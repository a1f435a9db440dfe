package commitlog

import (
	"errors"
	"fmt"
	"sort"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/internal/recordbatch"
)

// view is what a reader needs of a segment, taken under the lock.
type view struct {
	seg        *segment
	size, next int64
	offsets    []byte // index entries if they are in memory
	inMemory   bool
	start, end int64 // positions if the recent batches told them, else -1
}

// Read gives whole batches from the one that holds offset from on: those that end at upTo or before, at most maxBytes
// of them, out of one segment. With atLeastOne the first batch comes even if it is longer than maxBytes. The slice is
// nil if there is nothing; more says that there is more below upTo.
func (l *Log) Read(from int64, maxBytes int32, upTo int64, atLeastOne bool) (s Slice, more bool, err error) {
	for {
		s, more, err = l.read(from, int64(max(maxBytes, 0)), upTo, atLeastOne)
		var none errNothingBehind
		switch {
		case errors.As(err, &none):
			// Compaction has left nothing between the offset and the segment's end.
			from = int64(none)
		case !errors.Is(err, errSegmentGone):
			return s, more, err
		}
		// Retention or compaction took the segment between the look-up and the open.
	}
}

func (l *Log) read(from, maxBytes, upTo int64, atLeastOne bool) (Slice, bool, error) {
	l.mu.Lock()
	upTo = min(upTo, l.end)
	v, err := l.view(from, upTo)
	if err != nil || v.seg == nil {
		l.mu.Unlock()
		return nil, false, err
	}
	more := upTo > v.next
	if v.start >= 0 && v.end >= 0 && v.end-v.start <= maxBytes {
		if s := l.o.Cache.slice(&v.seg.tail, v.start, v.end); s != nil {
			l.mu.Unlock()
			return s, more, nil
		}
	}
	l.mu.Unlock()

	f, err := v.seg.acquire()
	if err != nil {
		return nil, false, err
	}
	start, end, cut, err := l.locate(f, v, from, maxBytes, upTo, atLeastOne)
	if err == nil && start == v.size && v.next > from && more {
		v.seg.release()
		return nil, false, errNothingBehind(v.next)
	}
	if err != nil || start == end {
		v.seg.release()
		return nil, cut || more, err
	}
	if s := l.o.Cache.slice(&v.seg.tail, start, end); s != nil {
		v.seg.release()
		return s, cut || more, nil
	}
	return &fileSlice{seg: v.seg, file: f, pos: start, length: end - start}, cut || more, nil
}

// view finds the segment to read from. mu is held. The view is empty if there is nothing between from and upTo.
func (l *Log) view(from, upTo int64) (view, error) {
	switch {
	case l.closed:
		return view{}, ErrClosed
	case from < l.start || from > l.end:
		return view{}, fmt.Errorf("offset %d outside [%d, %d]: %w", from, l.start, l.end, ErrOutOfRange)
	case from >= upTo:
		return view{}, nil
	}
	i := l.segmentAt(from)
	for i+1 < len(l.segments) && (from >= l.segments[i].next || l.segments[i].size == 0) {
		i++
	}
	v := l.viewOf(l.segments[i])
	if v.size == 0 || v.seg.base >= upTo {
		return view{}, nil
	}
	if !v.seg.sealed {
		if pos, ok := v.seg.recent.find(from); ok {
			v.start = pos
		}
		if upTo < v.next {
			if pos, ok := v.seg.recent.find(upTo); ok {
				v.end = pos
			}
		}
	}
	if upTo >= v.next {
		v.end = v.size
	}
	return v, nil
}

func (l *Log) viewOf(s *segment) view {
	return view{seg: s, size: s.size, next: s.next, offsets: s.offsets, inMemory: !s.sealed, start: -1, end: -1}
}

// locate turns offsets into positions. cut says that maxBytes ended the run.
func (l *Log) locate(f fs.File, v view, from, maxBytes, upTo int64, atLeastOne bool) (start, end int64, cut bool, err error) {
	if start = v.start; start < 0 {
		if start, err = l.position(f, v, from); err != nil {
			return 0, 0, false, err
		}
	}
	if start == v.size {
		return start, start, false, nil
	}
	if v.end >= 0 && v.end-start <= maxBytes {
		return start, v.end, false, nil
	}
	scanFrom, err := l.lastIndexed(v, start, start+maxBytes, upTo)
	if err != nil {
		return 0, 0, false, err
	}
	end = scanFrom
	err = scanHeaders(f, scanFrom, v.size, func(h recordbatch.Batch, pos int64) bool {
		if h.NextOffset() > upTo {
			return false
		}
		fits := pos+h.Size()-start <= maxBytes || pos == start && atLeastOne
		if !fits {
			cut = true
			return false
		}
		end = pos + h.Size()
		return true
	})
	if err != nil {
		return 0, 0, false, fmt.Errorf("segment %d: %w", v.seg.base, err)
	}
	return start, end, cut, nil
}

// position finds where the first batch begins whose last offset is at least offset; the segment's end if there is none.
func (l *Log) position(f fs.File, v view, offset int64) (int64, error) {
	e, _, err := l.floorOffset(v, offset)
	if err != nil {
		return 0, err
	}
	found := v.size
	err = scanHeaders(f, e.position, v.size, func(h recordbatch.Batch, pos int64) bool {
		if h.LastOffset() >= offset {
			found = pos
			return false
		}
		return true
	})
	if err != nil {
		return 0, fmt.Errorf("segment %d: %w", v.seg.base, err)
	}
	return found, nil
}

// lastIndexed is the last position between start and limit at which, by the index, a batch below upTo begins.
func (l *Log) lastIndexed(v view, start, limit, upTo int64) (int64, error) {
	x, err := l.offsetIndex(v)
	if err != nil {
		return 0, err
	}
	defer x.close()
	i, err := x.search(func(e offsetEntry) bool { return e.position > limit || e.offset >= upTo })
	if err != nil || i == 0 {
		return start, err
	}
	e, err := x.at(i - 1)
	return max(start, e.position), err
}

// floorOffset is the last index entry whose offset is at most offset, or the segment's beginning.
func (l *Log) floorOffset(v view, offset int64) (e offsetEntry, i int, err error) {
	e = offsetEntry{v.seg.base, 0}
	x, err := l.offsetIndex(v)
	if err != nil {
		return e, 0, err
	}
	defer x.close()
	i, err = x.search(func(e offsetEntry) bool { return e.offset > offset })
	if err != nil || i == 0 {
		return e, 0, err
	}
	e, err = x.at(i - 1)
	return e, i, err
}

// entries is the offset index of a segment, in memory or in its file.
type entries struct {
	seg   *segment
	mem   []byte
	file  fs.File
	count int
}

func (x *entries) close() {
	if x.file != nil {
		x.seg.release()
	}
}

func (x *entries) at(i int) (offsetEntry, error) {
	if x.file == nil {
		return parseOffsetEntry(x.mem[i*offsetEntryLen:], x.seg.base), nil
	}
	var p [offsetEntryLen]byte
	if err := readFull(x.file, p[:], int64(i)*offsetEntryLen); err != nil {
		return offsetEntry{}, fmt.Errorf("index of segment %d: %w", x.seg.base, err)
	}
	return parseOffsetEntry(p[:], x.seg.base), nil
}

// search finds the first entry for which after holds; after must not turn false again.
func (x *entries) search(after func(offsetEntry) bool) (int, error) {
	var failed error
	i := sort.Search(x.count, func(i int) bool {
		e, err := x.at(i)
		if err != nil {
			failed = err
			return true
		}
		return after(e)
	})
	return i, failed
}

func (l *Log) offsetIndex(v view) (*entries, error) {
	if v.inMemory {
		return &entries{seg: v.seg, mem: v.offsets, count: len(v.offsets) / offsetEntryLen}, nil
	}
	if err := l.checkIndexes(v.seg); err != nil {
		return nil, err
	}
	f, err := v.seg.acquireFile(fileIndex)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		v.seg.release()
		return nil, fmt.Errorf("index of segment %d: %w", v.seg.base, err)
	}
	return &entries{seg: v.seg, file: f, count: int(size / offsetEntryLen)}, nil
}

// Scan calls fn with every batch from the one that holds offset from on, up to the end that the log has now. The batch
// is valid during the call; its CRC is checked.
func (l *Log) Scan(from int64, fn func(recordbatch.Batch) error) error {
	return l.walk(from, func(f fs.File, pos int64, v view) error {
		return scanBatches(f, pos, v.size, func(b recordbatch.Batch, pos int64) error {
			if err := recordbatch.ValidateHeader(b); err != nil {
				return fmt.Errorf("batch at position %d: %w", pos, err)
			}
			if err := recordbatch.CheckCRC(b); err != nil {
				return fmt.Errorf("batch at position %d: %w", pos, err)
			}
			return fn(b)
		})
	})
}

// ScanHeaders calls fn with the header of every batch from the one that holds offset from on; load reads the whole
// batch.
func (l *Log) ScanHeaders(from int64, fn func(h recordbatch.Batch, load func() (recordbatch.Batch, error)) error) error {
	return l.walk(from, func(f fs.File, pos int64, v view) (err error) {
		serr := scanHeaders(f, pos, v.size, func(h recordbatch.Batch, pos int64) bool {
			err = fn(h, func() (recordbatch.Batch, error) {
				b := make(recordbatch.Batch, h.Size())
				return b, readFull(f, b, pos)
			})
			return err == nil
		})
		return errors.Join(err, serr)
	})
}

// walk visits the segments from the one that holds offset from on, with the position to begin at.
func (l *Log) walk(from int64, visit func(f fs.File, pos int64, v view) error) error {
	for {
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			return ErrClosed
		}
		from = max(from, l.start)
		if from >= l.end {
			l.mu.Unlock()
			return nil
		}
		i := l.segmentAt(from)
		for i+1 < len(l.segments) && from >= l.segments[i].next {
			i++
		}
		v, last := l.viewOf(l.segments[i]), i+1 == len(l.segments)
		l.mu.Unlock()
		if err := l.visit(v, from, visit); errors.Is(err, errSegmentGone) {
			continue // look again: it was deleted, or compacted
		} else if err != nil {
			return fmt.Errorf("scan %s: %w", l.o.Dir, err)
		}
		if last {
			return nil
		}
		from = v.next
	}
}

func (l *Log) visit(v view, from int64, visit func(f fs.File, pos int64, v view) error) error {
	if v.size == 0 {
		return nil
	}
	f, err := v.seg.acquire()
	if err != nil {
		return err
	}
	defer v.seg.release()
	pos := int64(0)
	if from > v.seg.base {
		if pos, err = l.position(f, v, from); err != nil {
			return err
		}
	}
	return visit(f, pos, v)
}
