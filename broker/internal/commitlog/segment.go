package commitlog

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"path"
	"sync"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/internal/recordbatch"
)

// segment is one .log file and its indexes. The last segment of a log is the active one: its indexes lie in memory and
// go to their files when it is sealed, at checkpoints and on close. A sealed one reads its index files.
type segment struct {
	fs   fs.FS
	dir  string
	base int64

	// Guarded by Log.mu.
	size      int64 // bytes of whole batches
	next      int64 // offset behind the last batch
	synced    int64 // bytes that are durable
	allocated int64 // bytes of disk that are reserved
	first     int64 // max timestamp of the first batch, -1 if there is none: rolls by time
	max       timeEntry
	created   time.Time
	sealed    bool
	hasFile   bool
	offsets   []byte // index entries in memory; of a sealed segment nil: they are in the file
	times     []byte
	savedOff  int // bytes of offsets that are in the file
	savedTime int
	indexDue  int64 // bytes since the last index entry
	hasIndex  bool  // the index files exist
	unsynced  bool  // index files were written and not synced
	aborted   []AbortedTxn
	loadedTxn bool
	txnDirty  bool           // .txnindex was written and not synced
	idxChecks bool           // the index files were checked
	recent    *recentBatches // nil until the first append
	tail      tail

	mu     sync.Mutex
	files  [3]fs.File // guarded by mu; log, index, timeindex
	refs   int        // guarded by mu; users of files
	used   bool       // guarded by mu; since the last sweep
	suffix string     // guarded by mu; .deleted once it is on the way out
	gone   bool       // guarded by mu; the files are removed
}

const (
	fileLog = iota
	fileIndex
	fileTimeIndex
)

var fileSuffixes = [3]string{suffixLog, suffixIndex, suffixTimeIndex}

func (s *segment) name(suffix string) string { return path.Join(s.dir, fileName(s.base, suffix)) }

// acquire opens the .log file if need be and keeps it open until release.
func (s *segment) acquire() (fs.File, error) { return s.acquireFile(fileLog) }

func (s *segment) acquireFile(kind int) (fs.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return nil, errSegmentGone
	}
	if s.files[kind] == nil {
		name := s.name(fileSuffixes[kind]) + s.suffix
		f, err := s.fs.OpenReadWrite(name)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
		s.files[kind] = f
	}
	s.refs++
	s.used = true
	return s.files[kind], nil
}

func (s *segment) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refs--
	if s.refs == 0 && s.gone {
		_ = s.closeFilesLocked() // removed: nothing that could be lost
	}
}

func (s *segment) closeFilesLocked() error {
	var errs []error
	for i, f := range s.files {
		if f != nil {
			errs = append(errs, f.Close())
			s.files[i] = nil
		}
	}
	return errors.Join(errs...)
}

// closeIdle closes the files if nobody has used them since the last call.
func (s *segment) closeIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refs == 0 && !s.used {
		_ = s.closeFilesLocked() // what must be durable was synced by a flush
	}
	s.used = false
}

func (s *segment) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refs > 0 {
		// A reader still sends from the file; it closes with the last one.
		s.gone = true
		return nil
	}
	return s.closeFilesLocked()
}

// markDeleted renames the files; those who read them go on.
func (s *segment) markDeleted() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, suffix := range segmentSuffixes {
		name := s.name(suffix)
		if err := s.fs.Rename(name, name+suffixDeleted); err != nil && !errors.Is(err, iofs.ErrNotExist) {
			return fmt.Errorf("mark segment %d deleted: %w", s.base, err)
		}
	}
	s.suffix = suffixDeleted
	return nil
}

// remove deletes the files that markDeleted renamed.
func (s *segment) remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	if s.refs == 0 {
		_ = s.closeFilesLocked()
	}
	var errs []error
	for _, suffix := range segmentSuffixes {
		if err := s.fs.Remove(s.name(suffix) + s.suffix); err != nil && !errors.Is(err, iofs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// note takes a batch that lies at pos into the counters and, every interval bytes, into the indexes.
func (s *segment) note(h recordbatch.Batch, pos, interval int64) {
	last, ts := h.LastOffset(), h.MaxTimestamp()
	if s.first < 0 {
		s.first = ts
	}
	if ts > s.max.timestamp && h.NumRecords() > 0 {
		s.max = timeEntry{ts, last}
	}
	if s.indexDue > interval {
		s.offsets = appendOffsetEntry(s.offsets, s.base, offsetEntry{last, pos})
		s.noteTime()
		s.indexDue = 0
	}
	s.indexDue += h.Size()
	s.size = pos + h.Size()
	s.next = last + 1
}

// noteTime adds the largest timestamp so far to the time index if it is news.
func (s *segment) noteTime() {
	if s.max.timestamp < 0 {
		return
	}
	if n := len(s.times); n > 0 && s.max.timestamp <= parseTimeEntry(s.times[n-timeEntryLen:], s.base).timestamp {
		return
	}
	s.times = appendTimeEntry(s.times, s.base, s.max)
}

// recentBatches remembers where the last batches of the active segment begin, so that readers at the tail need no
// index and no scan.
type recentBatches struct {
	at [64]struct{ offset, pos int64 }
	n  int // ever noted
}

func (s *segment) noteRecent(base, pos int64) {
	if s.recent == nil {
		s.recent = &recentBatches{}
	}
	r := s.recent
	r.at[r.n%len(r.at)] = struct{ offset, pos int64 }{base, pos}
	r.n++
}

// find gives where the batch that begins at or holds offset begins; ok is false if it is older than what is known.
func (r *recentBatches) find(offset int64) (pos int64, ok bool) {
	if r == nil {
		return 0, false
	}
	lo, hi := max(0, r.n-len(r.at)), r.n
	if lo == hi || offset < r.at[lo%len(r.at)].offset {
		return 0, false
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; r.at[mid%len(r.at)].offset <= offset {
			lo = mid
		} else {
			hi = mid
		}
	}
	return r.at[lo%len(r.at)].pos, true
}
