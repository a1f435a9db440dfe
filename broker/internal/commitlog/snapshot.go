package commitlog

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"slices"

	"github.com/chortal/chortal/broker/internal/fs"
)

// maxSnapshot bounds what is read of a .snapshot file.
const maxSnapshot = 256 << 20

// Snapshots lists the offsets of the producer snapshots in the folder, ascending.
func (l *Log) Snapshots() (offsets []int64, err error) {
	names, err := l.o.FS.List(l.o.Dir)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	for _, name := range names {
		if offset, ok := parseName(name, suffixSnapshot); ok {
			offsets = append(offsets, offset)
		}
	}
	return offsets, nil
}

// ReadSnapshot reads the producer snapshot of an offset.
func (l *Log) ReadSnapshot(offset int64) ([]byte, error) {
	return fs.ReadFile(l.o.FS, l.path(fileName(offset, suffixSnapshot)), maxSnapshot)
}

// WriteSnapshot writes the producer snapshot of an offset; sync makes it durable. Without, a power loss may damage it:
// it carries a checksum.
func (l *Log) WriteSnapshot(offset int64, data []byte, sync bool) (err error) {
	name := l.path(fileName(offset, suffixSnapshot))
	f, err := l.o.FS.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(data, 0); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if !sync {
		return nil
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", name, err)
	}
	return l.o.FS.SyncDir(l.o.Dir)
}

// RemoveSnapshots removes those for which unwanted holds.
func (l *Log) RemoveSnapshots(unwanted func(offset int64) bool) error {
	offsets, err := l.Snapshots()
	if err != nil {
		return err
	}
	for _, offset := range slices.DeleteFunc(offsets, func(o int64) bool { return !unwanted(o) }) {
		err := l.o.FS.Remove(l.path(fileName(offset, suffixSnapshot)))
		if err != nil && !errors.Is(err, iofs.ErrNotExist) {
			return fmt.Errorf("remove snapshot: %w", err)
		}
	}
	return nil
}

// AppendAborted adds an aborted transaction to the active segment's .txnindex.
func (l *Log) AppendAborted(t AbortedTxn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return err
	}
	s := l.segments[l.segmentAt(t.LastOffset)]
	if err := s.loadTxns(); err != nil {
		return err
	}
	f, err := l.o.FS.OpenReadWrite(s.name(suffixTxnIndex))
	if err != nil {
		return l.diskError(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(appendTxnEntry(nil, t), int64(len(s.aborted))*txnEntryLen); err != nil {
		return l.diskError(fmt.Errorf("write transaction index: %w", err))
	}
	s.aborted, s.txnDirty = append(s.aborted, t), true
	return nil
}

// TruncateAborted forgets the aborted transactions whose marker lies at offset or later: a replay from there finds them
// again.
func (l *Log) TruncateAborted(offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		if s.next <= offset {
			continue
		}
		if err := s.loadTxns(); err != nil {
			return err
		}
		keep := slices.IndexFunc(s.aborted, func(t AbortedTxn) bool { return t.LastOffset >= offset })
		if keep < 0 {
			continue
		}
		s.aborted, s.txnDirty = s.aborted[:keep], true
		f, err := l.o.FS.OpenReadWrite(s.name(suffixTxnIndex))
		if err != nil {
			return l.diskError(err)
		}
		err = errors.Join(f.Truncate(int64(keep)*txnEntryLen), f.Close())
		if err != nil {
			return l.diskError(fmt.Errorf("cut transaction index: %w", err))
		}
	}
	return nil
}

// Aborted lists the aborted transactions that have records between two offsets.
func (l *Log) Aborted(from, upTo int64) (txns []AbortedTxn, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := l.segmentAt(from); i < len(l.segments); i++ {
		s := l.segments[i]
		if err := s.loadTxns(); err != nil {
			return nil, err
		}
		for _, t := range s.aborted {
			if t.LastOffset >= from && t.FirstOffset < upTo {
				txns = append(txns, t)
			}
			if t.LastStableOffset >= upTo {
				return txns, nil
			}
		}
	}
	return txns, nil
}

// loadTxns reads the .txnindex once; most segments have none.
func (s *segment) loadTxns() error {
	if s.loadedTxn {
		return nil
	}
	p, err := fs.ReadFile(s.fs, s.name(suffixTxnIndex), maxIndexBytes)
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return fmt.Errorf("transaction index of segment %d: %w", s.base, err)
	}
	s.aborted, s.loadedTxn = parseTxnIndex(p), true
	return nil
}
