package metadata

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"path"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/fs"
)

// FileName is the metadata log's name in its folder.
const FileName = "metadata.log"

const (
	tmpName = FileName + ".tmp"
	// defaultCompactBytes is small enough that a start reads the log at once,
	// and large enough that rewriting it is rare.
	defaultCompactBytes = 1 << 20
	// maxFileBytes bounds what a start reads into memory.
	maxFileBytes = 1 << 30
)

// Options tune a [Log]. The zero value is what a broker uses.
type Options struct {
	// NoSync leaves out fsync: durability=none.
	NoSync bool
	// CompactBytes is the least size at which the log is rewritten as a
	// snapshot. Zero: 1 MiB.
	CompactBytes int64
	// Logger; nil: slog.Default.
	Logger *slog.Logger
}

// Log is the [Controller] of one node: a file. It has no goroutine.
type Log struct {
	fs      fs.FS
	dir     string
	noSync  bool
	compact int64 // Options.CompactBytes
	logger  *slog.Logger
	image   atomic.Pointer[Image]

	mu     sync.Mutex
	file   fs.File         // guarded by mu; nil after Close
	end    int64           // guarded by mu: where the next frame goes
	limit  int64           // guarded by mu: size at which the log is rewritten
	broken error           // guarded by mu: why nothing can be written any more
	subs   []*subscription // guarded by mu
}

type subscription struct{ p Publisher }

var _ Controller = (*Log)(nil)

// Open reads the log in dir, or creates it, and returns the controller at its
// newest image. A frame that a crash left half-written at the end is cut off;
// damage anywhere else is an error, for it would undo what was acknowledged.
// Close the log when its last user is gone.
func Open(fsys fs.FS, dir string, o Options) (*Log, error) {
	l := &Log{fs: fsys, dir: dir, noSync: o.NoSync, compact: o.CompactBytes, logger: o.Logger}
	if l.compact <= 0 {
		l.compact = defaultCompactBytes
	}
	if l.logger == nil {
		l.logger = slog.Default()
	}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("open metadata log %s: %w", path.Join(dir, FileName), err)
	}
	return l, nil
}

func (l *Log) open() error {
	if err := l.makeDir(); err != nil {
		return err
	}
	// A crash while the log was rewritten leaves this behind; it was never in use.
	if err := l.fs.Remove(path.Join(l.dir, tmpName)); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	src, err := fs.ReadFile(l.fs, path.Join(l.dir, FileName), maxFileBytes)
	if errors.Is(err, iofs.ErrNotExist) {
		l.image.Store(Empty())
		return l.rewrite(Empty())
	}
	if err != nil {
		return err
	}
	img, end, err := replay(src)
	if err != nil {
		return err
	}
	file, err := l.fs.OpenReadWrite(path.Join(l.dir, FileName))
	if err != nil {
		return err
	}
	if err := l.cut(file, end, int64(len(src))); err != nil {
		return errors.Join(err, file.Close())
	}
	l.file, l.end, l.limit = file, end, max(l.compact, 2*end)
	l.image.Store(img)
	return nil
}

func (l *Log) makeDir() error {
	if l.dir == "." {
		return nil
	}
	if err := l.fs.MkdirAll(l.dir); err != nil || l.noSync {
		return err
	}
	return l.fs.SyncDir(path.Dir(l.dir))
}

// cut removes a torn frame, so that the next one follows the last whole one.
func (l *Log) cut(file fs.File, end, size int64) error {
	if end == size {
		return nil
	}
	l.logger.Warn("cut torn tail of metadata log", "offset", end, "bytes", size-end)
	if err := file.Truncate(end); err != nil {
		return err
	}
	return l.sync(file)
}

// Image returns the newest image.
func (l *Log) Image() *Image { return l.image.Load() }

// Propose implements [Controller].
func (l *Log) Propose(recs []Record) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	img := l.image.Load()
	if len(recs) == 0 {
		return img.offset, nil
	}
	if l.broken != nil {
		return 0, fmt.Errorf("propose metadata: %w: %w", l.broken, kerr.KafkaStorageError)
	}
	d, err := Apply(img, img.offset+1, recs...)
	if err != nil {
		return 0, err
	}
	if err := l.write(appendFrame(nil, img.offset+1, recs)); err != nil {
		return 0, fmt.Errorf("propose metadata: %w: %w", err, kerr.KafkaStorageError)
	}
	l.publish(d)
	l.compactIfLarge()
	return d.Next.offset, nil
}

// publish shows a delta that is durable. l.mu is held. Should a publisher
// panic, the image is the new one all the same: the log says so.
func (l *Log) publish(d Delta) {
	defer l.image.Store(d.Next)
	for _, s := range l.subs {
		s.p.Publish(d)
	}
}

// write appends a frame and makes it durable. A write that fails is taken
// back, so a full disk heals when there is room again. After a failed sync
// nobody knows what is on disk: the log takes nothing more until a restart
// reads it anew.
func (l *Log) write(frame []byte) error {
	if len(frame) > maxFrameBytes {
		return fmt.Errorf("write frame of %d bytes, at most %d", len(frame), maxFrameBytes)
	}
	if _, err := l.file.WriteAt(frame, l.end); err != nil {
		if terr := l.file.Truncate(l.end); terr != nil {
			l.broken = fmt.Errorf("metadata log is in doubt since %w", terr)
		}
		return err
	}
	if err := l.sync(l.file); err != nil {
		l.broken = fmt.Errorf("metadata log is in doubt since %w", err)
		return err
	}
	l.end += int64(len(frame))
	return nil
}

func (l *Log) sync(f fs.File) error {
	if l.noSync {
		return nil
	}
	return f.Sync()
}

// compactIfLarge rewrites the log when it has grown to twice its snapshot. A
// failure costs disk space only: the old file stays, and a later try is made.
func (l *Log) compactIfLarge() {
	if l.end < l.limit {
		return
	}
	if err := l.rewrite(l.image.Load()); err != nil {
		l.limit = 2 * l.end
		l.logger.Error("rewrite metadata log", "err", err)
	}
}

// rewrite replaces the file by one that holds img as a snapshot.
func (l *Log) rewrite(img *Image) error {
	tmp, name := path.Join(l.dir, tmpName), path.Join(l.dir, FileName)
	data := appendSnapshot(nil, img)
	file, err := l.fs.Create(tmp)
	if err != nil {
		return err
	}
	if _, err := file.WriteAt(data, 0); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := l.sync(file); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := l.fs.Rename(tmp, name); err != nil {
		return errors.Join(err, file.Close())
	}
	// From here on the new file is the log. If its name does not survive, what
	// we append to it does not either: then nothing may be acknowledged.
	old := l.file
	l.file, l.end = file, int64(len(data))
	l.limit = max(l.compact, 2*l.end)
	if old != nil {
		if err := old.Close(); err != nil {
			l.logger.Warn("close old metadata log", "err", err)
		}
	}
	if l.noSync {
		return nil
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		l.broken = fmt.Errorf("metadata log is in doubt since %w", err)
		return err
	}
	return nil
}

// Subscribe implements [Controller].
func (l *Log) Subscribe(p Publisher) (cancel func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &subscription{p}
	p.Publish(between(Empty(), l.image.Load()))
	l.subs = append(l.subs, s)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.subs = slices.DeleteFunc(l.subs, func(x *subscription) bool { return x == s })
	}
}

// between lists everything of next as new.
func between(prev, next *Image) Delta {
	d := Delta{Prev: prev, Next: next}
	for t := range next.Topics() {
		d.Topics = append(d.Topics, TopicChange{After: t})
	}
	for _, typ := range []ResourceType{BrokerResource, ClientMetrics, GroupResource} {
		d.Configs = append(d.Configs, next.Resources(typ)...)
	}
	return d
}

// Close closes the file. Later proposals are refused; the image stays.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	if l.broken == nil {
		l.broken = errors.New("metadata log is closed")
	}
	return err
}
