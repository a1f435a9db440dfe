package partition

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	iofs "io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/chortal/chortal/broker/internal/commitlog"
	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/twmb/franz-go/pkg/kerr"
)

const (
	// futureSuffix ends the name of a folder that a partition is being copied into.
	futureSuffix = "-future"
	// maxWishes bounds the wishes for partitions that do not exist yet.
	maxWishes = 10_000
	// moveChunk is how much is copied at a time.
	moveChunk = 1 << 20
	// moveRest is how much may be left to copy when the partition is stopped for the change-over.
	moveRest = 4 << 20
	// movePasses bounds the attempts to catch up with those who append.
	movePasses = 16
)

// mover copies partitions from one log dir to another, one after the other, while they are in use.
type mover struct {
	m    *Manager
	wake chan struct{} // holds at most one call to look again

	mu     sync.Mutex
	list   []*move                    // guarded by mu; first in, first out
	moves  map[TopicPartition]*move   // guarded by mu; all that wait or run
	wishes map[TopicPartition]*logDir // guarded by mu; where partitions go that are yet to be made
}

// move is one partition on its way.
type move struct {
	p      *Partition
	to     *logDir
	folder string
	ctx    context.Context //nolint:containedctx // ends with the move
	cancel context.CancelFunc
	copied atomic.Int64 // bytes
	next   atomic.Int64 // the copy is whole below this offset
}

func newMover(m *Manager) *mover {
	return &mover{
		m: m, wake: make(chan struct{}, 1), moves: make(map[TopicPartition]*move), wishes: make(map[TopicPartition]*logDir),
	}
}

// Move begins to move a partition into the log dir of that path. It goes on while the partition is used, and after a
// restart; [Manager.Dirs] shows how far it is. A move into another dir ends the one before, and one to where the partition
// lies ends it too. A partition that does not exist, UNKNOWN_TOPIC_OR_PARTITION, is made there if it is made later.
// LOG_DIR_NOT_FOUND and KAFKA_STORAGE_ERROR speak of the dir.
func (m *Manager) Move(tp TopicPartition, dir string) error {
	m.changeMu.Lock()
	defer m.changeMu.Unlock()
	at := slices.IndexFunc(m.dirs, func(d *logDir) bool { return d.path == dir })
	if at < 0 {
		return fmt.Errorf("log dir %s of %v: %w", dir, tp, kerr.LogDirNotFound)
	}
	to := m.dirs[at]
	if err := to.failed(); err != nil {
		return fmt.Errorf("move %v to %s: %w: %w", tp, dir, kerr.KafkaStorageError, err)
	}
	p, err := m.Get(tp.Topic, tp.Index)
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		m.mover.wish(tp, to)
		return err
	case err != nil:
		return err
	}
	m.mover.start(p, to)
	return nil
}

// wish remembers where a partition is to be made.
func (v *mover) wish(tp TopicPartition, to *logDir) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, known := v.wishes[tp]; known || len(v.wishes) < maxWishes {
		v.wishes[tp] = to
	}
}

// granted takes a wish back. Nil: there was none.
func (v *mover) granted(tp TopicPartition) *logDir {
	v.mu.Lock()
	defer v.mu.Unlock()
	d := v.wishes[tp]
	delete(v.wishes, tp)
	return d
}

// start queues a move, unless it is under way or done.
func (v *mover) start(p *Partition, to *logDir) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if old := v.moves[p.tp]; old != nil {
		if old.to == to && old.p == p {
			return
		}
		old.cancel()
		delete(v.moves, p.tp)
	}
	if p.dir() == to {
		return
	}
	var unique [16]byte
	rand.Read(unique[:]) // never fails
	name := p.tp.String()
	mv := &move{p: p, to: to, folder: name[:min(len(name), 200)] + "." + hex.EncodeToString(unique[:]) + futureSuffix}
	mv.ctx, mv.cancel = context.WithCancel(context.Background())
	v.moves[p.tp] = mv
	v.list = append(v.list, mv)
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// forget ends the move of a partition that is deleted.
func (v *mover) forget(tp TopicPartition) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if mv := v.moves[tp]; mv != nil {
		mv.cancel()
		delete(v.moves, tp)
	}
}

// current tells whether a move was not ended by another one or a deletion.
func (v *mover) current(mv *move) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.moves[mv.p.tp] == mv
}

// into lists the moves into a log dir.
func (v *mover) into(d *logDir) (list []*move) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, mv := range v.moves {
		if mv.to == d {
			list = append(list, mv)
		}
	}
	return list
}

func (v *mover) pop() *move {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.list) == 0 {
		return nil
	}
	mv := v.list[0]
	v.list = slices.Delete(v.list, 0, 1)
	return mv
}

// run moves until ctx ends. What is not done then is begun anew after the next start.
func (v *mover) run(ctx context.Context) {
	for ctx.Err() == nil {
		mv := v.pop()
		if mv == nil {
			select {
			case <-ctx.Done():
			case <-v.wake:
			}
			continue
		}
		stop := context.AfterFunc(ctx, mv.cancel)
		err := v.carry(mv)
		stop()
		if ctx.Err() != nil && err != nil {
			return
		}
		v.finish(mv, err)
	}
}

// finish takes a move off the list, and its folder away if it came to nothing.
func (v *mover) finish(mv *move, err error) {
	mv.cancel()
	v.mu.Lock()
	if v.moves[mv.p.tp] == mv {
		delete(v.moves, mv.p.tp)
	}
	v.mu.Unlock()
	log := mv.p.logger().With("dir", mv.to.path)
	if err == nil {
		log.Info("partition was moved", "bytes", mv.copied.Load())
		return
	}
	if !errors.Is(err, context.Canceled) {
		log.Error("partition could not be moved and stays where it is", "err", err)
	}
	if err := mv.to.fs.RemoveAll(mv.folder); err != nil {
		log.Warn("remove what was copied", "err", err)
	}
}

// carry does one move: it copies until little is left, and then stops the partition for the rest.
func (v *mover) carry(mv *move) error {
	p := mv.p
	if !v.current(mv) {
		return context.Canceled
	}
	p.pauseCleaning() // the files that were copied stay as they are
	defer p.resumeCleaning()
	if _, err := p.opened(); err != nil {
		return err
	}
	if err := mv.to.fs.MkdirAll(mv.folder); err != nil {
		return err
	}
	c := &copier{mv: mv, from: p.dir().fs, source: p.tp.String(), have: make(map[string]int64)}
	for range movePasses {
		rest, err := c.pass()
		if err != nil {
			return err
		}
		if rest <= moveRest {
			break
		}
	}
	return v.changeOver(mv, c)
}

// changeOver stops the partition, copies what is left and lets it go on in the other log dir. The copy is durable under its
// name before the original goes: a crash in between leaves two of equal content, of which the next start takes one.
func (v *mover) changeOver(mv *move, c *copier) error {
	m, p, from := v.m, mv.p, mv.p.dir()
	m.changeMu.Lock()
	defer m.changeMu.Unlock()
	if !v.current(mv) || mv.ctx.Err() != nil {
		return context.Canceled
	}
	p.moveMu.Lock()
	defer p.moveMu.Unlock()
	p.checkpointMu.Lock()
	defer p.checkpointMu.Unlock()
	p.mu.Lock()
	if err := p.open(); err != nil {
		p.mu.Unlock()
		return err
	}
	end := p.log.End()
	if err := p.closeLog(); err != nil {
		err = p.broken(err)
		after := p.end(p.err)
		p.mu.Unlock()
		after()
		return err
	}
	p.log.CloseDirty() // and out of the cache
	done := p.advance(end, p.appended)
	err := c.rest()
	if err == nil {
		err = mv.to.takeIn(m, mv, p.saved)
	}
	if err == nil {
		p.home.Store(mv.to)
		p.fresh, p.unchecked = false, false
		if gone := from.discard(p.tp, m.now().Add(p.cfg.Load().FileDeleteDelay)); gone != nil {
			from.fail(gone)
		}
		from.noteStale(p.tp)
	}
	after := p.reopen()
	p.mu.Unlock()
	done()
	after()
	return err
}

// takeIn gives the copy the partition's name, after the checkpoint files say what they said of it elsewhere. The mutex of
// the partition is held; it is not one of d's yet.
func (d *logDir) takeIn(m *Manager, mv *move, row checkpointRow) error {
	tp := mv.p.tp
	d.mu.Lock()
	d.found[tp], d.rows[tp] = true, row
	delete(d.stale, tp)
	d.mu.Unlock()
	defer d.claim(tp)
	for _, file := range checkpointFiles {
		if err := d.writeOne(m, file); err != nil {
			return err
		}
	}
	if err := d.fs.Rename(mv.folder, tp.String()); err != nil {
		return err
	}
	return d.fs.SyncDir(".")
}

// reopen opens a log that was closed in order, and keeps what is known of its producers. mu is held; the caller runs what
// comes back after unlocking.
func (p *Partition) reopen() (after func()) {
	known, at := p.producers, p.snapshotAt
	p.log = nil
	if p.open() != nil {
		return p.end(p.err)
	}
	p.producers, p.snapshotAt = known, at
	p.settle()
	return func() {}
}

// pauseCleaning ends a cleaning that runs and lets none begin before resumeCleaning.
func (p *Partition) pauseCleaning() {
	p.mu.Lock()
	p.moving = true
	if p.stopCleaning != nil {
		p.stopCleaning()
	}
	p.mu.Unlock()
	p.cleanMu.Lock() // until it has ended
	defer p.cleanMu.Unlock()
}

func (p *Partition) resumeCleaning() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moving = false
}

// reopened tells whether the partition goes on with another log than l: it was moved.
func (p *Partition) reopened(l *commitlog.Log) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err == nil && p.log != nil && p.log != l
}

// copier copies the files of a partition.
type copier struct {
	mv     *move
	from   fs.FS
	source string
	have   map[string]int64 // bytes of each file that are copied, and will not change
	sealed []int64          // segments that are copied whole
}

// pass copies all segments that are sealed, and what there is of the active one. It returns how much of that one was new.
func (c *copier) pass() (active int64, err error) {
	p := c.mv.p
	p.mu.Lock()
	if p.err != nil || p.log == nil {
		defer p.mu.Unlock()
		return 0, errors.Join(p.err, context.Canceled)
	}
	bases := p.log.Segments()
	name := segmentName(bases[len(bases)-1])
	size, err := c.size(name) // now: nobody is in the middle of an append
	p.mu.Unlock()
	if err != nil {
		return 0, err
	}
	for i, base := range bases[:len(bases)-1] {
		if slices.Contains(c.sealed, base) {
			continue
		}
		if err := c.copySegment(base); err != nil {
			return 0, err
		}
		c.sealed = append(c.sealed, base)
		c.mv.next.Store(bases[i+1])
	}
	before := c.have[name]
	if err := c.copyUpTo(name, size); err != nil {
		return 0, err
	}
	return c.have[name] - before, nil
}

func segmentName(base int64) string { return fmt.Sprintf("%020d.log", base) }

// copySegment copies the files of a sealed segment. One that retention took away meanwhile is no loss.
func (c *copier) copySegment(base int64) error {
	stem := strings.TrimSuffix(segmentName(base), "log")
	for _, suffix := range []string{"log", "index", "timeindex", "txnindex"} {
		size, err := c.size(stem + suffix)
		if err != nil {
			return err
		}
		if err := c.copyUpTo(stem+suffix, size); err != nil {
			return err
		}
	}
	return nil
}

// size is the length of a file of the partition, 0 if it is not there.
func (c *copier) size(name string) (int64, error) {
	info, err := c.from.Stat(path.Join(c.source, name))
	if errors.Is(err, iofs.ErrNotExist) {
		return 0, nil
	}
	return info.Size, err
}

// copyUpTo copies what is not copied yet of the first size bytes of a file, and makes it durable.
func (c *copier) copyUpTo(name string, size int64) (err error) {
	from := c.have[name]
	if size <= from {
		return nil
	}
	in, err := c.from.Open(path.Join(c.source, name))
	if errors.Is(err, iofs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := c.mv.to.fs.OpenReadWrite(path.Join(c.mv.folder, name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	buf := make([]byte, min(moveChunk, size-from))
	for from < size {
		if err := c.mv.ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(int64(len(buf)), size-from)]
		if n, err := in.ReadAt(b, from); n < len(b) {
			return fmt.Errorf("read %s at %d: %w", name, from, err)
		}
		if _, err := out.WriteAt(b, from); err != nil {
			return fmt.Errorf("write %s at %d: %w", name, from, err)
		}
		from += int64(len(b))
		c.mv.copied.Add(int64(len(b)))
	}
	c.have[name] = size
	return out.Sync()
}

// rest copies what has changed since the last pass, and all files that are written in place. The log is closed.
func (c *copier) rest() error {
	names, err := c.from.List(c.source)
	if err != nil {
		return err
	}
	keep := make(map[string]bool)
	for _, name := range names {
		if temporary(name) {
			continue
		}
		keep[name] = true
		size, err := c.size(name)
		if err != nil {
			return err
		}
		if c.have[name] > size || !strings.HasSuffix(name, ".log") && !c.isSealed(name) {
			if err := c.remove(name); err != nil {
				return err
			}
		}
		if err := c.copyUpTo(name, size); err != nil {
			return err
		}
		if size == 0 {
			if err := c.touch(name); err != nil {
				return err
			}
		}
	}
	copied, err := c.mv.to.fs.List(c.mv.folder)
	if err != nil {
		return err
	}
	for _, name := range copied {
		if !keep[name] {
			if err := c.remove(name); err != nil {
				return err
			}
		}
	}
	return c.mv.to.fs.SyncDir(c.mv.folder)
}

// isSealed tells whether the file belongs to a segment that was copied whole.
func (c *copier) isSealed(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	return !strings.HasSuffix(name, ".snapshot") &&
		slices.ContainsFunc(c.sealed, func(base int64) bool { return strings.TrimSuffix(segmentName(base), ".log") == stem })
}

// remove takes a file out of the copy.
func (c *copier) remove(name string) error {
	delete(c.have, name)
	err := c.mv.to.fs.Remove(path.Join(c.mv.folder, name))
	if errors.Is(err, iofs.ErrNotExist) {
		return nil
	}
	return err
}

// touch makes an empty file.
func (c *copier) touch(name string) error {
	f, err := c.mv.to.fs.OpenReadWrite(path.Join(c.mv.folder, name))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// temporary tells whether a file is on its way in or out of the log.
func temporary(name string) bool {
	return slices.ContainsFunc([]string{".deleted", ".tmp", ".cleaned", ".swap"}, func(s string) bool { return strings.HasSuffix(name, s) })
}

// futureOf reads the name of a folder that a move left behind.
func futureOf(name string) (TopicPartition, bool) {
	rest, ok := strings.CutSuffix(name, futureSuffix)
	at := strings.LastIndexByte(rest, '.')
	if !ok || at < 0 {
		return TopicPartition{}, false
	}
	return parseFolder(rest[:at])
}
