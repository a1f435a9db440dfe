package commitlog

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"slices"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/internal/recordbatch"
)

// How a cleaned segment takes the place of its sources, so that a crash at any moment leaves one or the other:
//
//  1. .log.cleaned and its indexes are written and synced.
//  2. The indexes are renamed to .swap, the folder is synced; then the same for .log. Now the new segment counts:
//     recovery goes on from here if it finds .log.swap, and throws everything away if it does not.
//  3. The sources are renamed to .deleted, the new indexes lose the suffix, the folder is synced; then .log loses it, and
//     the folder is synced again. So .log.swap is there as long as anything else is half done.
//
// A .txnindex is written, if need be empty, when the source of the same name has one: if there is no .txnindex.swap
// beside .log.swap, what bears the plain name is the new one.

// sideSuffixes are the files of a segment but .log.
var sideSuffixes = segmentSuffixes[1:]

// discard removes what was written of a cleaned segment that does not come into the log.
func (w *cleanedWriter) discard() error {
	errs := []error{w.close()}
	for _, suffix := range segmentSuffixes {
		for _, stage := range []string{suffixCleaned, suffixSwap} {
			if err := w.l.o.FS.Remove(w.seg.name(suffix) + stage); err != nil && !errors.Is(err, iofs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// replace puts the new segment in the place of its sources. replaced is false if the log has changed there meanwhile.
func (l *Log) replace(group []source, w *cleanedWriter) (replaced bool, err error) {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	l.mu.Lock()
	_, ok := l.findGroup(group)
	werr := l.writable()
	l.swapping = ok && werr == nil
	l.mu.Unlock()
	if !ok || werr != nil {
		return false, werr
	}
	defer func() {
		l.mu.Lock()
		l.swapping = false
		l.mu.Unlock()
	}()
	if err := l.stageSides(w.seg); err != nil {
		return false, err
	}
	if err := l.commitSwap(group, w.seg); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		return true, l.fail(fmt.Errorf("swap in cleaned segment %d: %w", w.seg.base, err))
	}
	return true, nil
}

// findGroup finds where the sources lie in the log. mu is held.
func (l *Log) findGroup(group []source) (at int, ok bool) {
	at = slices.Index(l.segments, group[0].segment)
	if at < 0 || at+len(group) >= len(l.segments) {
		return 0, false
	}
	for i, s := range group {
		if l.segments[at+i] != s.segment {
			return 0, false
		}
	}
	return at, true
}

func (l *Log) stageSides(s *segment) error {
	for _, suffix := range sideSuffixes {
		if err := renameIfThere(l.o.FS, s.name(suffix)+suffixCleaned, s.name(suffix)+suffixSwap); err != nil {
			return err
		}
	}
	return l.o.FS.SyncDir(l.o.Dir)
}

func renameIfThere(fsys fs.FS, from, to string) error {
	if err := fsys.Rename(from, to); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	return nil
}

func (l *Log) commitSwap(group []source, s *segment) error {
	fsys := l.o.FS
	if err := fsys.Rename(s.name(suffixLog)+suffixCleaned, s.name(suffixLog)+suffixSwap); err != nil {
		return err
	}
	if err := fsys.SyncDir(l.o.Dir); err != nil {
		return err
	}
	s.suffix = suffixSwap
	l.mu.Lock()
	at, _ := l.findGroup(group) // nothing leaves the log while swapping is set
	s.next = group[len(group)-1].next
	l.segments = slices.Replace(slices.Clone(l.segments), at, at+len(group), s)
	for _, old := range group {
		l.o.Cache.forget(&old.tail)
	}
	l.mu.Unlock()
	for _, old := range group {
		if err := old.markDeleted(); err != nil {
			return err
		}
	}
	if err := s.settleSwap(); err != nil {
		return err
	}
	for _, old := range group {
		if err := old.remove(); err != nil {
			return err
		}
	}
	return nil
}

// settleSwap gives the files their final names.
func (s *segment) settleSwap() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, suffix := range sideSuffixes {
		if err := renameIfThere(s.fs, s.name(suffix)+suffixSwap, s.name(suffix)); err != nil {
			return err
		}
	}
	if err := s.fs.SyncDir(s.dir); err != nil {
		return err
	}
	if err := s.fs.Rename(s.name(suffixLog)+suffixSwap, s.name(suffixLog)); err != nil {
		return err
	}
	s.suffix = ""
	return s.fs.SyncDir(s.dir)
}

// finishSwaps goes on where a crash has interrupted a replacement, and gives the names that are there then.
func (l *Log) finishSwaps(names []string) ([]string, error) {
	var swaps, bases []int64
	for _, name := range names {
		if base, ok := parseName(name, suffixLog+suffixSwap); ok {
			swaps = append(swaps, base)
		} else if base, ok := parseName(name, suffixLog); ok {
			bases = append(bases, base)
		}
	}
	if len(swaps) == 0 {
		return names, nil
	}
	for _, base := range swaps {
		if err := l.finishSwap(base, bases); err != nil {
			return nil, fmt.Errorf("finish the replacement of segment %d: %w", base, err)
		}
	}
	return l.o.FS.List(l.o.Dir)
}

func (l *Log) finishSwap(base int64, bases []int64) error {
	s := &segment{fs: l.o.FS, dir: l.o.Dir, base: base, suffix: suffixSwap}
	last, err := s.lastOffset()
	if err != nil {
		return err
	}
	l.log.Info("interrupted compaction is finished", "offset", base, "end", last+1)
	for _, other := range bases {
		if other <= base || other > last {
			continue
		}
		if err := (&segment{fs: l.o.FS, dir: l.o.Dir, base: other}).remove(); err != nil {
			return err
		}
	}
	return s.settleSwap()
}

// lastOffset reads the headers of a segment that is in no log yet; its base - 1 if it is empty.
func (s *segment) lastOffset() (last int64, err error) {
	f, err := s.acquire()
	if err != nil {
		return 0, err
	}
	defer func() {
		s.release()
		err = errors.Join(err, s.close())
	}()
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	last = s.base - 1
	err = scanHeaders(f, 0, size, func(h recordbatch.Batch, _ int64) bool {
		last = h.LastOffset()
		return true
	})
	return last, err
}
