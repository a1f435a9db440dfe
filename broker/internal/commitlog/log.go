package commitlog

import (
	"fmt"
	"log/slog"
	"path"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
)

// Config is what of a topic's configuration a log needs. All fields must be set; DefaultConfig has Kafka's values.
type Config struct {
	SegmentBytes    int64         // a segment that would exceed it is sealed
	SegmentAge      time.Duration // by the batches' timestamps, as Kafka
	IndexBytes      int64         // a segment whose offset index is full is sealed
	IndexInterval   int64         // bytes of log for each index entry
	RetentionBytes  int64         // negative: no limit
	RetentionAge    time.Duration // negative: no limit
	FileDeleteDelay time.Duration
	// Delete is whether retention applies; a compacted log keeps everything but what lies before its start.
	Delete bool
	// Preallocate reserves the disk space of a whole segment with its first batch, not step by step.
	Preallocate bool
}

// DefaultConfig is Kafka's defaults.
func DefaultConfig() Config {
	return Config{
		SegmentBytes: 1 << 30, SegmentAge: 7 * 24 * time.Hour, IndexBytes: 10 << 20, IndexInterval: 4096,
		RetentionBytes: -1, RetentionAge: 7 * 24 * time.Hour, FileDeleteDelay: time.Minute, Delete: true,
	}
}

// Options open a log.
type Options struct {
	FS     fs.FS
	Dir    string
	Config Config
	// Start is the log start offset from the checkpoint, 0 if there is none, -1 if the checkpoint was lost: then the first
	// segment tells it.
	Start int64
	// RecoveryPoint: everything below is durable and must be whole.
	RecoveryPoint int64
	// Clean says that the log was closed, so that its end needs no check.
	Clean bool
	// MaxEpoch is the largest leader epoch that a batch can have, -1 if unknown.
	MaxEpoch int32
	// Cleaned is the offset up to which compaction may have left gaps.
	Cleaned int64
	// Cache may be nil.
	Cache  *Cache
	Logger *slog.Logger
	Now    func() time.Time
	// OnRoll (may be nil) is called before a segment that will begin at base is made; the log is locked.
	OnRoll func(base int64)
}

// Log is the log of one partition. Its methods may be called from several goroutines; the mutex is never held while
// data is read from disk or synced.
type Log struct {
	o   Options
	now func() time.Time
	log *slog.Logger

	flushMu sync.Mutex // one flush or checkpoint at a time; taken before mu

	mu          sync.Mutex
	cfg         Config
	segments    []*segment // guarded by mu; ascending, the last is active; never empty
	start, end  int64      // guarded by mu
	flushed     int64      // guarded by mu; below is durable
	epochs      epochCache // guarded by mu
	epochsDirty bool       // guarded by mu
	dirDirty    bool       // guarded by mu; a file was made since the last flush
	failed      error      // guarded by mu; a write or sync broke: no more appends
	closed      bool       // guarded by mu
	doomed      []doomed   // guarded by mu
	swapping    bool       // guarded by mu; a cleaned segment takes its place: no segment may leave the log
	truncated   int64      // bytes that recovery cut
}

// doomed is a segment that was taken out of the log.
type doomed struct {
	seg *segment
	at  time.Time // when its files go; zero while they have their old names
}

func (l *Log) active() *segment { return l.segments[len(l.segments)-1] }

// Start is the first offset.
func (l *Log) Start() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.start
}

// End is the offset that the next record gets.
func (l *Log) End() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

// Durable is the offset below which everything survives a power loss.
func (l *Log) Durable() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flushed
}

// Size is the length of all segments in bytes.
func (l *Log) Size() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		n += s.size
	}
	return n
}

// Segments is the base offsets of the segments.
func (l *Log) Segments() (bases []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		bases = append(bases, s.base)
	}
	return bases
}

// TruncatedBytes is how much recovery has cut off.
func (l *Log) TruncatedBytes() int64 { return l.truncated }

// LatestEpoch is the last leader epoch, -1 if there is none.
func (l *Log) LatestEpoch() int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epochs.latest()
}

// EpochAt is the leader epoch of the record at offset, -1 if unknown.
func (l *Log) EpochAt(offset int64) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epochs.at(offset)
}

// EndOffsetForEpoch finds the largest known epoch that is at most epoch and the offset at which it ends, -1 and -1 if
// none is known.
func (l *Log) EndOffsetForEpoch(epoch int32) (int32, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epochs.endOf(epoch, l.end)
}

// Configure changes the configuration; it applies from the next append or retention on.
func (l *Log) Configure(c Config) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cfg = c
}

// segmentAt is the index of the segment that holds offset: the last whose base is at most offset. mu is held.
func (l *Log) segmentAt(offset int64) int {
	return max(0, sort.Search(len(l.segments), func(i int) bool { return l.segments[i].base > offset })-1)
}

// addSegment makes a new active segment in memory; its file comes with the first write. mu is held.
func (l *Log) addSegment(base int64) *segment {
	s := &segment{
		fs: l.o.FS, dir: l.o.Dir, base: base, next: base, first: -1, max: timeEntry{-1, base}, created: l.now(), loadedTxn: true,
		offsets: []byte{}, times: []byte{}, idxChecks: true,
	}
	l.segments = append(l.segments, s)
	return s
}

// Close makes everything durable, writes the indexes, and closes the files.
func (l *Log) Close() error {
	l.mu.Lock()
	if !l.closed {
		l.active().noteTime()
	}
	l.mu.Unlock()
	if err := l.Checkpoint(); err != nil {
		l.CloseDirty()
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, s := range l.segments {
		if err := s.close(); err != nil {
			return fmt.Errorf("close segment %d: %w", s.base, err)
		}
	}
	return nil
}

// CloseDirty closes the files and makes nothing durable: for a log that broke, or is about to be deleted.
func (l *Log) CloseDirty() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, s := range l.segments {
		l.o.Cache.forget(&s.tail)
		_ = s.close() // nothing of it is promised
	}
}

// fail notes that a write or sync broke: the log takes nothing more. mu is held.
func (l *Log) fail(err error) error {
	if l.failed == nil {
		l.failed = err
	}
	return err
}

// CloseIdle closes the files of segments that were not used since the last call.
func (l *Log) CloseIdle() {
	l.mu.Lock()
	segments := slices.Clone(l.segments)
	l.mu.Unlock()
	for _, s := range segments {
		s.closeIdle()
	}
}

func (l *Log) path(name string) string { return path.Join(l.o.Dir, name) }
