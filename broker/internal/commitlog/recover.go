package commitlog

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/internal/recordbatch"
)

// recheckBytes is how much below the recovery point an unclean start checks again, so that damage which the crash did
// to durable bytes is found and not served.
const recheckBytes = 16 << 20

// Open opens the log in a folder, and makes the folder if it is missing. After an unclean shutdown everything from the
// recovery point on is checked: the first batch that is torn, or does not continue the one before, ends the log; a bad
// batch below the recovery point is ErrCorrupt.
func Open(o Options) (*Log, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Log{o: o, now: o.Now, log: o.Logger.With("log", o.Dir), cfg: o.Config}
	if err := l.open(); err != nil {
		l.CloseDirty()
		return nil, fmt.Errorf("open log %s: %w", o.Dir, err)
	}
	return l, nil
}

func (l *Log) open() error {
	if err := l.o.FS.MkdirAll(l.o.Dir); err != nil {
		return err
	}
	names, err := l.o.FS.List(l.o.Dir)
	if err != nil {
		return err
	}
	if names, err = l.finishSwaps(names); err != nil {
		return err
	}
	if err := l.listSegments(names); err != nil {
		return err
	}
	epochs, haveEpochs, err := loadEpochs(l.o.FS, l.path(epochFile))
	if err != nil {
		return err
	}
	l.epochs = epochs
	if len(l.segments) == 0 {
		return l.openEmpty()
	}
	if l.o.Start < 0 {
		l.o.Start = l.segments[0].base
	}
	l.start = l.o.Start
	if base := l.segments[0].base; base > l.start {
		return l.headLost(base)
	}
	if err := l.recover(); err != nil {
		return err
	}
	if l.start > l.end {
		return l.restartAt(l.start)
	}
	if l.epochs.truncate(l.end) {
		l.epochsDirty = true
	}
	if !haveEpochs || l.epochs.latest() < 0 {
		if err := l.rebuildEpochs(); err != nil {
			return err
		}
	}
	l.epochs.cutBefore(l.start)
	return nil
}

// openEmpty begins a log without a file. Durable records that have vanished must not go unnoticed.
func (l *Log) openEmpty() error {
	l.o.Start = max(l.o.Start, 0)
	if l.mustHave() > 0 {
		return fmt.Errorf("no segment, but offsets up to %d were durable: %w", l.o.RecoveryPoint, ErrCorrupt)
	}
	l.start, l.end, l.flushed = l.o.Start, l.o.Start, l.o.Start
	l.epochs = nil
	l.addSegment(l.start)
	return nil
}

// headLost opens a log whose first records are not there. If they were not durable, a power loss took them, and what lies
// behind them goes too: a log may lose its end but has no hole.
func (l *Log) headLost(base int64) error {
	if l.mustHave() > 0 {
		return fmt.Errorf("first segment begins at %d, not at the log start %d: %w", base, l.start, ErrCorrupt)
	}
	l.log.Warn("log without its beginning was cut", "offset", l.start, "segment", base)
	return l.restartAt(l.start)
}

// listSegments finds the segments and clears away what an interrupted deletion or rewrite left.
func (l *Log) listSegments(names []string) error {
	var bases []int64
	for _, name := range names {
		if base, ok := parseName(name, suffixLog); ok {
			bases = append(bases, base)
		}
	}
	for _, name := range names {
		if !l.isLeftover(name, bases) {
			continue
		}
		if err := l.o.FS.Remove(l.path(name)); err != nil {
			return err
		}
	}
	// What lies before the log start was about to be deleted.
	for len(bases) > 1 && bases[1] <= l.o.Start {
		for _, suffix := range segmentSuffixes {
			err := l.o.FS.Remove(l.path(fileName(bases[0], suffix)))
			if err != nil && !errors.Is(err, iofs.ErrNotExist) {
				return err
			}
		}
		bases = bases[1:]
	}
	for i, base := range bases {
		info, err := l.o.FS.Stat(l.path(fileName(base, suffixLog)))
		if err != nil {
			return err
		}
		s := l.addSegment(base)
		s.size, s.synced, s.allocated, s.created = info.Size, info.Size, info.Size, info.ModTime
		s.hasFile, s.hasIndex, s.loadedTxn = true, true, false
		if i+1 < len(bases) {
			s.next, s.sealed, s.idxChecks = bases[i+1], true, false
			s.offsets, s.times = nil, nil
		}
	}
	return nil
}

func (l *Log) isLeftover(name string, bases []int64) bool {
	for _, suffix := range []string{suffixDeleted, suffixCleaned, suffixSwap, suffixTmp} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	for _, suffix := range segmentSuffixes[1:] {
		if base, ok := parseName(name, suffix); ok {
			return !slices.Contains(bases, base)
		}
	}
	return false
}

// recover checks the end of the log. After a clean shutdown that is what lies behind the last index entry.
func (l *Log) recover() error {
	first := len(l.segments) - 1
	if !l.o.Clean {
		first = l.segmentAt(l.o.RecoveryPoint)
	}
	epoch := int32(-1)
	for i := first; i < len(l.segments); i++ {
		whole, err := l.recoverSegment(i, i == first, &epoch)
		if err != nil {
			return err
		}
		if !whole {
			break
		}
	}
	l.end = l.active().next
	if l.end < l.mustHave() {
		return fmt.Errorf("log ends at %d, but offsets up to %d were durable: %w", l.end, l.o.RecoveryPoint, ErrCorrupt)
	}
	l.flushed = l.end
	if !l.o.Clean && l.end > l.o.RecoveryPoint || l.truncated > 0 {
		return l.syncRecovered(first)
	}
	return nil
}

// mustHave is the offset up to which the log must be whole: the recovery point, unless all before it was deleted.
func (l *Log) mustHave() int64 {
	if l.o.RecoveryPoint <= l.o.Start {
		return 0
	}
	return l.o.RecoveryPoint
}

// syncRecovered makes durable what was found in the page cache: readers may see it from now on.
func (l *Log) syncRecovered(first int) error {
	l.flushed = min(l.o.RecoveryPoint, l.end)
	for _, s := range l.segments[min(first, len(l.segments)-1):] {
		s.synced = -1
	}
	l.dirDirty = true
	_, err := l.Flush()
	return err
}

// recoverSegment checks a segment and builds its indexes anew. whole is false if it ended early: then it is the last
// one now.
func (l *Log) recoverSegment(i int, first bool, epoch *int32) (whole bool, err error) {
	s := l.segments[i]
	f, err := s.acquire()
	if err != nil {
		return false, err
	}
	defer s.release()
	size := s.size
	pos, err := l.trustedPrefix(s, f, first)
	if err != nil {
		return false, err
	}
	next, bad, err := l.check(s, f, pos, size, epoch)
	if err != nil {
		return false, err
	}
	if bad == nil && i+1 < len(l.segments) {
		bad = l.checkJoint(next, l.segments[i+1].base)
	}
	switch {
	case bad == nil:
	case next < l.mustHave():
		return false, fmt.Errorf("segment %d at offset %d, below the recovery point %d: %w: %w", s.base, next, l.o.RecoveryPoint, bad, ErrCorrupt)
	default:
		return false, l.cutAt(i, f, size, bad)
	}
	if i+1 < len(l.segments) {
		s.next = l.segments[i+1].base
		return true, l.sealRecovered(s)
	}
	return true, l.trimIndexes(s)
}

// checkJoint compares where a segment ended with where the next begins.
func (l *Log) checkJoint(next, base int64) error {
	if next == base || next < base && base <= l.o.Cleaned {
		return nil
	}
	return fmt.Errorf("segment ends at %d, the next begins at %d: %w", next, base, ErrCorrupt)
}

// trustedPrefix loads the indexes of the first segment to check as far as they can be trusted and gives the position to
// check from. Later segments are checked whole.
func (l *Log) trustedPrefix(s *segment, f fs.File, first bool) (int64, error) {
	s.offsets, s.times = []byte{}, []byte{}
	s.sealed, s.size, s.next, s.idxChecks = false, 0, s.base, true
	s.max, s.first = timeEntry{-1, s.base}, -1
	if !first {
		return 0, nil
	}
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	offsets, err := readIndex(s, fileIndex)
	if err != nil {
		return 0, err
	}
	n := soundOffsetIndex(offsets, s.base, size)
	n = l.checkedEntries(s, offsets[:n])
	if n == 0 {
		return 0, nil
	}
	e := parseOffsetEntry(offsets[n-offsetEntryLen:], s.base)
	times, err := readIndex(s, fileTimeIndex)
	if err != nil {
		return 0, err
	}
	m := soundTimeIndex(times, s.base, e.offset)
	base, ok := l.startsBatch(f, size, e)
	if m == 0 || !ok {
		return 0, nil
	}
	s.offsets, s.times = offsets[:n], times[:m]
	s.max = parseTimeEntry(times[m-timeEntryLen:], s.base)
	s.next = base
	var head [recordbatch.HeaderLen]byte
	if err := readFull(f, head[:], 0); err != nil {
		return 0, err
	}
	s.first = recordbatch.Batch(head[:]).MaxTimestamp()
	return e.position, nil
}

// checkedEntries gives the length of the index up to the entry from which the log must be checked.
func (l *Log) checkedEntries(s *segment, offsets []byte) int {
	n := len(offsets)
	if l.o.Clean || n == 0 {
		return n
	}
	// The last entry below the recovery point, and then recheckBytes back.
	for ; n > 0; n -= offsetEntryLen {
		if parseOffsetEntry(offsets[n-offsetEntryLen:], s.base).offset < l.o.RecoveryPoint {
			break
		}
	}
	if n == 0 {
		return 0
	}
	from := parseOffsetEntry(offsets[n-offsetEntryLen:], s.base).position - recheckBytes
	for ; n > 0; n -= offsetEntryLen {
		if parseOffsetEntry(offsets[n-offsetEntryLen:], s.base).position <= from {
			break
		}
	}
	return n
}

// startsBatch reports whether a batch that ends with the entry's offset lies at its position, and its base offset.
func (l *Log) startsBatch(f fs.File, size int64, e offsetEntry) (base int64, ok bool) {
	err := scanHeaders(f, e.position, size, func(h recordbatch.Batch, _ int64) bool {
		base, ok = h.BaseOffset(), h.LastOffset() == e.offset
		return false
	})
	return base, err == nil && ok
}

// check walks the batches from pos on and notes them. bad is the first that must not be there; next is the offset that
// it should have had. err is a disk error.
func (l *Log) check(s *segment, f fs.File, pos, size int64, epoch *int32) (next int64, bad, err error) {
	next = s.next
	s.size = pos
	err = scanBatches(f, pos, size, func(b recordbatch.Batch, pos int64) error {
		if bad = l.checkBatch(b, next, *epoch); bad != nil {
			return bad
		}
		*epoch = b.LeaderEpoch()
		s.note(b, pos, l.cfg.IndexInterval)
		if l.epochs.add(b.LeaderEpoch(), b.BaseOffset()) {
			l.epochsDirty = true
		}
		next = s.next
		return nil
	})
	if bad == nil && errors.Is(err, ErrCorrupt) {
		bad = err
	}
	if bad != nil {
		return next, bad, nil
	}
	return next, nil, err
}

func (l *Log) checkBatch(b recordbatch.Batch, next int64, epoch int32) error {
	if err := recordbatch.ValidateHeader(b); err != nil {
		return err
	}
	if err := recordbatch.CheckCRC(b); err != nil {
		return err
	}
	base := b.BaseOffset()
	switch {
	case base < next, base > next && base > l.o.Cleaned:
		return fmt.Errorf("offset %d where %d follows: %w", base, next, ErrCorrupt)
	case b.LeaderEpoch() < epoch, l.o.MaxEpoch >= 0 && b.LeaderEpoch() > l.o.MaxEpoch:
		return fmt.Errorf("leader epoch %d after %d, at most %d: %w", b.LeaderEpoch(), epoch, l.o.MaxEpoch, ErrCorrupt)
	}
	return nil
}

// cutAt ends the log within segment i: what lies behind was never promised.
func (l *Log) cutAt(i int, f fs.File, size int64, why error) error {
	s := l.segments[i]
	l.truncated += size - s.size
	for _, later := range l.segments[i+1:] {
		l.truncated += later.size
		if err := later.remove(); err != nil {
			return fmt.Errorf("remove segment %d: %w", later.base, err)
		}
	}
	l.segments = l.segments[:i+1]
	if err := f.Truncate(s.size); err != nil {
		return fmt.Errorf("cut segment %d: %w", s.base, err)
	}
	// Durable before anything is appended: the next recovery may begin in a later segment and not look here again.
	if err := f.Sync(); err != nil {
		return fmt.Errorf("cut segment %d: %w", s.base, err)
	}
	if err := l.o.FS.SyncDir(l.o.Dir); err != nil {
		return fmt.Errorf("cut segment %d: %w", s.base, err)
	}
	s.allocated = s.size
	l.log.Warn("torn end of log was cut", "offset", s.next, "bytes", l.truncated, "err", why)
	return l.trimIndexes(s)
}

// sealRecovered writes the rebuilt indexes of a segment that is not the last.
func (l *Log) sealRecovered(s *segment) error {
	s.noteTime()
	if err := l.trimIndexes(s); err != nil {
		return err
	}
	if err := s.saveIndexes(); err != nil {
		return err
	}
	s.sealed = true
	s.offsets, s.times = nil, nil
	return nil
}

// trimIndexes makes the index files shorter if need be: nothing in them that is not in memory too.
func (l *Log) trimIndexes(s *segment) error {
	for kind, mem := range map[int][]byte{fileIndex: s.offsets, fileTimeIndex: s.times} {
		f, err := s.acquireFile(kind)
		if err != nil {
			return err
		}
		saved := int64(0)
		size, err := f.Size()
		if err == nil && size > 0 {
			saved, err = trimIndex(f, size, mem)
		}
		s.release()
		if err != nil {
			return fmt.Errorf("trim index of segment %d: %w", s.base, err)
		}
		if kind == fileIndex {
			s.savedOff = int(saved)
		} else {
			s.savedTime = int(saved)
		}
	}
	s.hasIndex = true
	return nil
}

// trimIndex keeps the file's common prefix with mem and gives its length.
func trimIndex(f fs.File, size int64, mem []byte) (int64, error) {
	have := make([]byte, min(size, int64(len(mem))))
	if err := readFull(f, have, 0); err != nil {
		return 0, err
	}
	same := 0
	for same < len(have) && have[same] == mem[same] {
		same++
	}
	if int64(same) == size {
		return size, nil
	}
	return int64(same), f.Truncate(int64(same))
}

// restartAt begins an empty log at start: all records before it were deleted, and none behind it can stay.
func (l *Log) restartAt(start int64) error {
	for _, s := range l.segments {
		l.truncated += s.size
		if err := s.remove(); err != nil {
			return fmt.Errorf("remove segment %d: %w", s.base, err)
		}
	}
	l.segments = nil
	l.epochs, l.epochsDirty = nil, true
	l.end, l.flushed = start, start
	l.addSegment(start)
	return l.o.FS.SyncDir(l.o.Dir)
}

// rebuildEpochs reads the leader epochs out of the batches.
func (l *Log) rebuildEpochs() error {
	l.epochs, l.epochsDirty = nil, true
	return l.ScanHeaders(l.start, func(h recordbatch.Batch, _ func() (recordbatch.Batch, error)) error {
		l.epochs.add(h.LeaderEpoch(), h.BaseOffset())
		return nil
	})
}
