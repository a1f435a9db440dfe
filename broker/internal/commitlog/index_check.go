package commitlog

import (
	"fmt"

	"github.com/chortal/chortal/internal/recordbatch"
)

// checkIndexes looks once at the index files of a sealed segment before they are used, and builds them anew if they do
// not fit the log.
func (l *Log) checkIndexes(s *segment) error {
	l.mu.Lock()
	done, size, next := s.idxChecks, s.size, s.next
	l.mu.Unlock()
	if done {
		return nil
	}
	offsets, err := readIndex(s, fileIndex)
	if err != nil {
		return err
	}
	times, err := readIndex(s, fileTimeIndex)
	if err != nil {
		return err
	}
	sound := soundOffsetIndex(offsets, s.base, size) == len(offsets) && soundTimeIndex(times, s.base, next-1) == len(times)
	sound = sound && l.indexesFit(s, offsets, times, size)
	if !sound {
		if _, times, err = l.rebuildIndexes(s, size); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.idxChecks = true
	if n := len(times); n > 0 {
		s.max = parseTimeEntry(times[n-timeEntryLen:], s.base)
	}
	return nil
}

// indexesFit checks that the indexes are there for all of the segment and that the last entry points at its batch.
func (l *Log) indexesFit(s *segment, offsets, times []byte, size int64) bool {
	if size > 0 && len(times) == 0 {
		return false
	}
	if len(offsets) == 0 {
		return size <= 2*l.cfg.IndexInterval
	}
	f, err := s.acquire()
	if err != nil {
		return false
	}
	defer s.release()
	_, ok := l.startsBatch(f, size, parseOffsetEntry(offsets[len(offsets)-offsetEntryLen:], s.base))
	return ok
}

func (l *Log) rebuildIndexes(s *segment, size int64) (offsets, times []byte, err error) {
	f, err := s.acquire()
	if err != nil {
		return nil, nil, err
	}
	defer s.release()
	fresh := &segment{base: s.base, next: s.base, first: -1, max: timeEntry{-1, s.base}}
	err = scanHeaders(f, 0, size, func(h recordbatch.Batch, pos int64) bool {
		fresh.note(h, pos, l.cfg.IndexInterval)
		return true
	})
	if err != nil {
		return nil, nil, fmt.Errorf("rebuild index of segment %d: %w", s.base, err)
	}
	fresh.noteTime()
	for kind, mem := range map[int][]byte{fileIndex: fresh.offsets, fileTimeIndex: fresh.times} {
		if err := rewriteIndex(s, kind, mem); err != nil {
			return nil, nil, err
		}
	}
	l.log.Info("index was rebuilt", "offset", s.base)
	return fresh.offsets, fresh.times, nil
}

func rewriteIndex(s *segment, kind int, mem []byte) error {
	f, err := s.acquireFile(kind)
	if err != nil {
		return err
	}
	defer s.release()
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("rewrite index of segment %d: %w", s.base, err)
	}
	if _, err := f.WriteAt(mem, 0); err != nil {
		return fmt.Errorf("rewrite index of segment %d: %w", s.base, err)
	}
	return nil
}
