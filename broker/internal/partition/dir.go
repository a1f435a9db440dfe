package partition

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"log/slog"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
)

// logDir is one log dir at work.
type logDir struct {
	path    string
	fs      fs.FS
	log     *slog.Logger
	metrics *metrics
	lock    io.Closer
	clean   bool // it was closed in order
	rows    map[TopicPartition]checkpointRow
	// The log starts could not be read: the segments tell them.
	startsLost bool
	pointsLost bool // so could the recovery points
	queue      *flushQueue

	checkpointMu sync.Mutex        // one writer of checkpoint files; taken before any Partition.mu
	written      map[string][]byte // guarded by checkpointMu; content by file

	mu    sync.Mutex
	err   error                   // guarded by mu; not nil: offline
	found map[TopicPartition]bool // guarded by mu; folders that nobody has claimed yet
	stale map[TopicPartition]bool // guarded by mu; deleted partitions that the checkpoint files may still name
	trash []trash                 // guarded by mu
	begun map[TopicPartition]bool // guarded by mu; moves into this dir that the last run did not finish
}

// trash is a deleted partition's folder that waits for its removal.
type trash struct {
	name string
	at   time.Time
}

// openDir locks a log dir and looks at what it holds.
func openDir(c Dir, log *slog.Logger, counters *metrics) (*logDir, error) {
	lock, err := c.FS.Lock(lockFile)
	if err != nil {
		return nil, err
	}
	d := &logDir{
		path: c.Path, fs: c.FS, log: log.With("dir", c.Path), metrics: counters, lock: lock,
		queue: newFlushQueue(), written: map[string][]byte{}, found: map[TopicPartition]bool{},
		stale: map[TopicPartition]bool{}, begun: map[TopicPartition]bool{},
	}
	if err := d.load(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

func (d *logDir) load() error {
	names, err := d.fs.List(".")
	if err != nil {
		return err
	}
	for _, name := range names {
		if tp, ok := parseFolder(name); ok {
			d.found[tp] = true
		} else if tp, future := futureOf(name); future || strings.HasSuffix(name, deleteSuffix) {
			if future {
				d.begun[tp] = true
			}
			if err := d.fs.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	if d.rows, err = d.readCheckpoints(); err != nil {
		return err
	}
	switch err := d.fs.Remove(cleanFile); {
	case err == nil:
		d.clean = true
		return d.fs.SyncDir(".")
	case errors.Is(err, iofs.ErrNotExist):
		return nil
	default:
		return err
	}
}

// fail takes the dir offline for good.
func (d *logDir) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
		d.metrics.offline.Inc()
		d.log.Error("log dir failed and is offline", "err", err)
	}
}

func (d *logDir) failed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// claim takes a folder that was found at the start.
func (d *logDir) claim(tp TopicPartition) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.found[tp]
	delete(d.found, tp)
	return was
}

// discard renames a partition's folder so that its name is free at once; its files go later.
func (d *logDir) discard(tp TopicPartition, at time.Time) error {
	var unique [8]byte
	rand.Read(unique[:]) // never fails
	old := tp.String()
	name := fmt.Sprintf("%s.%s%s", old[:min(len(old), 200)], hex.EncodeToString(unique[:]), deleteSuffix)
	if err := d.fs.Rename(old, name); err != nil {
		if errors.Is(err, iofs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("delete %v: %w", tp, err)
	}
	if err := d.fs.SyncDir("."); err != nil {
		return fmt.Errorf("delete %v: %w", tp, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trash = append(d.trash, trash{name, at})
	return nil
}

// empty removes the folders whose time has come.
func (d *logDir) empty(now time.Time) error {
	d.mu.Lock()
	var due, rest []trash
	for _, t := range d.trash {
		if now.Before(t.at) {
			rest = append(rest, t)
		} else {
			due = append(due, t)
		}
	}
	d.trash = rest
	d.mu.Unlock()
	for _, t := range due {
		if err := d.fs.RemoveAll(t.name); err != nil {
			return fmt.Errorf("remove %s: %w", t.name, err)
		}
	}
	return nil
}

// shut writes the marker of a clean shutdown, if all went well, and unlocks the dir.
func (d *logDir) shut(m *Manager, clean bool) error {
	var err error
	if clean && d.failed() == nil {
		err = d.markClean(m)
	}
	return errors.Join(err, d.lock.Close())
}

func (d *logDir) markClean(m *Manager) error {
	d.checkpointMu.Lock()
	defer d.checkpointMu.Unlock()
	for _, file := range checkpointFiles {
		if err := d.writeCheckpoint(m, file); err != nil {
			return err
		}
	}
	return fs.WriteFileAtomic(d.fs, cleanFile, []byte(`{"version":0,"brokerEpoch":-1}`))
}

// tail is where a log ends, as far as the names and sizes of its files tell.
type tail struct {
	segment string
	size    int64
}

func (t tail) compare(o tail) int {
	return cmp.Or(strings.Compare(t.segment, o.segment), cmp.Compare(t.size, o.size))
}

// tail looks for the last segment of a folder.
func (d *logDir) tail(tp TopicPartition) (t tail) {
	names, err := d.fs.List(tp.String())
	if err != nil {
		return t
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".log") && name > t.segment {
			if info, err := d.fs.Stat(path.Join(tp.String(), name)); err == nil {
				t = tail{name, info.Size}
			}
		}
	}
	return t
}
