package commitlog

import (
	"errors"
	"fmt"

	"github.com/chortal/chortal/broker/internal/fs"
)

// Flush makes everything that was appended before the call durable and returns the offset up to which that is. A sync
// that fails breaks the log for good: the kernel may have dropped the pages, so trying again proves nothing.
func (l *Log) Flush() (durable int64, err error) {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	return l.flush()
}

type dirtySegment struct {
	seg  *segment
	size int64
}

// flush works without mu while it syncs; flushMu is held.
func (l *Log) flush() (int64, error) {
	l.mu.Lock()
	if l.failed != nil || l.closed {
		defer l.mu.Unlock()
		return l.flushed, l.writable()
	}
	var dirty []dirtySegment
	for i := len(l.segments) - 1; i >= 0 && l.segments[i].next > l.flushed; i-- {
		if s := l.segments[i]; s.synced < s.size {
			dirty = append(dirty, dirtySegment{s, s.size})
		}
	}
	end, syncDir := l.end, l.dirDirty
	l.mu.Unlock()

	if err := l.syncFiles(dirty, syncDir); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.flushed, l.fail(err)
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range dirty {
		d.seg.synced = max(d.seg.synced, d.size)
	}
	if syncDir {
		l.dirDirty = false
		for _, s := range l.segments {
			// A file that was made while we synced is not covered.
			l.dirDirty = l.dirDirty || s.hasFile && s.base >= end && s.size > 0
		}
	}
	l.flushed = max(l.flushed, min(end, l.end))
	return l.flushed, nil
}

// syncFiles syncs the older segments first: what is durable is always a prefix.
func (l *Log) syncFiles(dirty []dirtySegment, syncDir bool) error {
	for i := len(dirty) - 1; i >= 0; i-- {
		f, err := dirty[i].seg.acquire()
		if err == errSegmentGone {
			continue
		}
		if err != nil {
			return err
		}
		err = f.Sync()
		dirty[i].seg.release()
		if err != nil {
			return fmt.Errorf("sync segment %d: %w", dirty[i].seg.base, err)
		}
	}
	if syncDir {
		if err := l.o.FS.SyncDir(l.o.Dir); err != nil {
			return fmt.Errorf("sync folder %s: %w", l.o.Dir, err)
		}
	}
	return nil
}

// Checkpoint flushes and makes the indexes and the leader epochs durable: up to the offset that Durable then gives,
// recovery has nothing to do.
func (l *Log) Checkpoint() error {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	if _, err := l.flush(); err != nil {
		return err
	}
	l.mu.Lock()
	err := l.active().saveIndexes()
	var unsynced []*segment
	for _, s := range l.segments {
		if s.unsynced {
			unsynced = append(unsynced, s)
			s.unsynced = false
		}
	}
	txns := l.takeDirtyTxns()
	epochs, writeEpochs := l.epochs.encode(), l.epochsDirty
	l.epochsDirty = false
	l.mu.Unlock()
	if err == nil {
		err = l.syncIndexes(unsynced)
	}
	if err == nil {
		err = l.syncTxns(txns)
	}
	if err == nil && writeEpochs {
		err = fs.WriteFileAtomic(l.o.FS, l.path(epochFile), epochs)
	}
	if err == nil && len(unsynced)+len(txns) > 0 {
		err = l.o.FS.SyncDir(l.o.Dir)
	}
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, s := range unsynced {
			s.unsynced = true
		}
		for _, s := range txns {
			s.txnDirty = true
		}
		l.epochsDirty = l.epochsDirty || writeEpochs
		return l.diskError(fmt.Errorf("checkpoint %s: %w", l.o.Dir, err))
	}
	return nil
}

func (l *Log) syncIndexes(segments []*segment) error {
	for _, s := range segments {
		for _, kind := range []int{fileIndex, fileTimeIndex} {
			f, err := s.acquireFile(kind)
			if err == errSegmentGone {
				break
			}
			if err != nil {
				return err
			}
			err = f.Sync()
			s.release()
			if err != nil {
				return fmt.Errorf("sync index of segment %d: %w", s.base, err)
			}
		}
	}
	return nil
}

// takeDirtyTxns gives the segments whose .txnindex was written since the last checkpoint. mu is held.
func (l *Log) takeDirtyTxns() (dirty []*segment) {
	for _, s := range l.segments {
		if s.txnDirty {
			dirty = append(dirty, s)
			s.txnDirty = false
		}
	}
	return dirty
}

func (l *Log) syncTxns(segments []*segment) error {
	for _, s := range segments {
		f, err := l.o.FS.OpenReadWrite(s.name(suffixTxnIndex))
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("sync transaction index of segment %d: %w", s.base, err)
		}
	}
	return nil
}

// saveIndexes appends to the index files what they lack. Log.mu is held.
func (s *segment) saveIndexes() error {
	if s.sealed || !s.hasFile {
		return nil
	}
	for _, x := range []struct {
		kind  int
		bytes []byte
		saved *int
	}{{fileIndex, s.offsets, &s.savedOff}, {fileTimeIndex, s.times, &s.savedTime}} {
		if *x.saved == len(x.bytes) && s.hasIndex {
			continue
		}
		f, err := s.acquireFile(x.kind)
		if err != nil {
			return err
		}
		_, err = f.WriteAt(x.bytes[*x.saved:], int64(*x.saved))
		s.release()
		if err != nil {
			return fmt.Errorf("write index of segment %d: %w", s.base, err)
		}
		*x.saved = len(x.bytes)
		s.unsynced = true
	}
	s.hasIndex = true
	return nil
}
