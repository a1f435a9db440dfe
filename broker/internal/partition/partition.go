package partition

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chortal/chortal/broker/internal/commitlog"
	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Partition is one partition of which this broker is the leader. All methods may be called from several goroutines.
type Partition struct {
	m    *Manager
	home atomic.Pointer[logDir] // changes under moveMu and mu
	tp   TopicPartition
	id   [16]byte
	cfg  atomic.Pointer[TopicConfig]
	// stats are shared by the partitions of the topic.
	stats *TopicStats

	// moveMu is held by whoever works on the log without mu, and alone by the end of a move; taken before checkpointMu.
	moveMu sync.RWMutex

	// cleanMu is held while the log is compacted; taken before checkpointMu.
	cleanMu sync.Mutex

	// checkpointMu serialises checkpoints; taken before mu.
	checkpointMu sync.Mutex

	mu    sync.Mutex
	epoch int32          // guarded by mu
	log   *commitlog.Log // guarded by mu; nil until the partition is used, see open
	err   error          // guarded by mu; not nil: offline, deleted or shut down
	// The folder and its partition.metadata are not yet durable.
	fresh bool // guarded by mu
	// It was found after an unclean shutdown and not yet recovered.
	unchecked bool // guarded by mu

	producers producers // guarded by mu

	// What follows counts bytes since the log was opened, so that waiters can tell how much became visible.
	appended int64 // guarded by mu; up to the log end
	visible  int64 // guarded by mu; up to the high watermark
	stable   int64 // guarded by mu; up to the last stable offset

	hw, lso    int64         // guarded by mu
	generation uint32        // guarded by mu; counts events that every waiter must see
	watches    []*watch      // guarded by mu
	acks       []ack         // guarded by mu; by next ascending
	queued     bool          // guarded by mu; in the flush queue, or a flusher is at work and will look again
	unflushed  int64         // guarded by mu; messages since the last flush
	flushedAt  time.Time     // guarded by mu; when the last flush began
	flushTimer *time.Timer   // guarded by mu; runs while flush.ms does, else nil
	snapshotAt int64         // guarded by mu; offset of the last producer snapshot
	saved      checkpointRow // guarded by mu; what the checkpoint files say

	halted       bool   // guarded by mu; no compaction any more
	moving       bool   // guarded by mu; no compaction now
	stopCleaning func() // guarded by mu; ends the compaction that runs
}

// ack is a produce that waits until everything before next is readable.
type ack struct {
	next int64
	done func(error)
}

// TopicPartition is the partition's name.
func (p *Partition) TopicPartition() TopicPartition { return p.tp }

// dir is the log dir that the partition lies in.
func (p *Partition) dir() *logDir { return p.home.Load() }

// TopicID tells a recreated topic from the one before it.
func (p *Partition) TopicID() [16]byte { return p.id }

// LeaderEpoch is the epoch under which this broker leads.
func (p *Partition) LeaderEpoch() int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch
}

// BecomeLeader takes over the partition under an epoch; appends carry it from now on. An older epoch is ignored.
func (p *Partition) BecomeLeader(epoch int32) error {
	p.mu.Lock()
	var due []*Waiter
	if epoch > p.epoch {
		p.epoch = epoch
		due = p.allWatches()
	}
	err := p.err
	p.mu.Unlock()
	fireAll(due)
	return err
}

// configure changes the topic's configuration.
func (p *Partition) configure(c TopicConfig) {
	p.cfg.Store(&c)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.log != nil {
		p.log.Configure(c.logConfig(rand.Float64()))
	}
}

// syncs reports whether records become readable only when they are durable.
func (p *Partition) syncs() bool {
	return p.m.c.Durability == Fsync || p.cfg.Load().FlushMessages <= 1
}

// open opens the log if the partition is used for the first time, so that idle partitions cost a struct. mu is held.
func (p *Partition) open() error {
	if p.err != nil || p.log != nil {
		return p.err
	}
	if err := p.openLog(); err != nil {
		if errors.Is(err, commitlog.ErrCorrupt) {
			// This partition alone is damaged; the disk works.
			p.err = fmt.Errorf("%v is offline: %w: %w", p.tp, kerr.KafkaStorageError, err)
			p.logger().Error("partition is damaged and stays offline", "err", err)
			return p.err
		}
		return p.broken(err)
	}
	return nil
}

func (p *Partition) openLog() error {
	cfg := p.cfg.Load()
	row := p.saved
	point := row.recoveryPoint
	if p.m.c.Durability == Fsync && !p.dir().clean {
		// The high watermark never passes what is durable, and it is written more often.
		point = max(point, row.highWatermark)
	}
	if p.dir().startsLost && row.logStart == 0 {
		row.logStart = -1
	}
	l, err := commitlog.Open(commitlog.Options{
		FS: p.dir().fs, Dir: p.tp.String(), Config: cfg.logConfig(rand.Float64()),
		Start: row.logStart, RecoveryPoint: point, Clean: p.dir().clean, MaxEpoch: p.epoch,
		Cleaned: p.gapsUpTo(cfg, point), Cache: p.m.cache, Logger: p.m.log, Now: p.m.now, OnRoll: p.snapshotOnRoll,
	})
	if err != nil {
		return err
	}
	if err := p.replayProducers(l); err != nil {
		l.CloseDirty()
		return err
	}
	p.log, p.unchecked = l, false
	p.hw = l.End()
	p.settle()
	p.saved.recoveryPoint = l.Durable()
	if n := l.TruncatedBytes(); n > 0 {
		p.m.metrics.truncated.Add(float64(n))
	}
	return nil
}

// gapsUpTo is the offset up to which compaction may have left gaps: what is known to be cleaned, and on a compacted topic
// all that was durable, because the note of a cleaning comes after it.
func (p *Partition) gapsUpTo(cfg *TopicConfig, point int64) int64 {
	switch {
	case !cfg.Compact:
		return p.saved.cleaned
	case p.dir().pointsLost:
		return math.MaxInt64
	}
	return max(p.saved.cleaned, point)
}

// replayProducers builds the producer state: the newest snapshot that is whole, and every batch behind it.
func (p *Partition) replayProducers(l *commitlog.Log) error {
	from, err := p.loadSnapshot(l)
	if err != nil {
		return err
	}
	if err := l.TruncateAborted(from); err != nil {
		return err
	}
	return l.ScanHeaders(from, func(h recordbatch.Batch, load func() (recordbatch.Batch, error)) error {
		if !h.IsControl() {
			p.producers.record(h, 0, p.m.now().UnixMilli())
			return nil
		}
		b, err := load()
		if err != nil {
			return err
		}
		return p.replayMarker(l, b)
	})
}

func (p *Partition) replayMarker(l *commitlog.Log, b recordbatch.Batch) error {
	c, err := b.Control()
	if err != nil {
		return fmt.Errorf("control batch at offset %d: %w: %w", b.BaseOffset(), commitlog.ErrCorrupt, err)
	}
	if from, aborted := p.producers.recordMarker(b, c, p.m.now().UnixMilli()); aborted {
		return l.AppendAborted(p.abortedTxn(b, from))
	}
	return nil
}

func (p *Partition) abortedTxn(marker recordbatch.Batch, from int64) commitlog.AbortedTxn {
	return commitlog.AbortedTxn{
		ProducerID: marker.ProducerID(), FirstOffset: from, LastOffset: marker.LastOffset(),
		LastStableOffset: p.producers.openFrom(marker.NextOffset()),
	}
}

// loadSnapshot loads the newest sound snapshot and gives its offset; those behind the log's end, and damaged ones, go.
func (p *Partition) loadSnapshot(l *commitlog.Log) (from int64, err error) {
	p.producers = producers{}
	offsets, err := l.Snapshots()
	if err != nil {
		return 0, err
	}
	end, now := l.End(), p.m.now().UnixMilli()
	for _, offset := range slices.Backward(offsets) {
		if offset <= end {
			data, err := l.ReadSnapshot(offset)
			if err != nil {
				return 0, err
			}
			if s, err := decodeProducers(data); err == nil {
				for _, pr := range s.byID {
					pr.seen = now
				}
				p.producers, p.snapshotAt = s, offset
				return offset, nil
			}
			p.logger().Warn("damaged producer snapshot was passed over", "offset", offset)
		}
		if err := l.RemoveSnapshots(func(o int64) bool { return o == offset }); err != nil {
			return 0, err
		}
	}
	return l.Start(), nil
}

// snapshotOnRoll keeps the producer state beside the new segment, as Kafka does. A failure costs only replay time. mu
// is held.
func (p *Partition) snapshotOnRoll(base int64) {
	if p.log == nil {
		return
	}
	if err := p.log.WriteSnapshot(base, p.producers.encode(), false); err != nil {
		p.logger().Warn("producer snapshot was not written", "offset", base, "err", err)
		return
	}
	p.snapshotAt = base
}

// broken takes the partition and its log dir offline after the disk has failed. mu is held.
func (p *Partition) broken(err error) error {
	p.err = fmt.Errorf("%v is offline: %w: %w", p.tp, kerr.KafkaStorageError, err)
	p.dir().fail(err)
	return p.err
}

// end closes the partition for good with err; those who wait are answered. It returns what the caller must run after
// unlocking. mu is held.
func (p *Partition) end(err error) (after func()) {
	p.err = err
	if p.flushTimer != nil {
		p.flushTimer.Stop()
		p.flushTimer = nil
	}
	due, acks := p.allWatches(), p.acks
	p.acks = nil
	return func() {
		fireAll(due)
		for _, a := range acks {
			a.done(err)
		}
	}
}

// HighWatermark is the offset below which records are readable.
func (p *Partition) HighWatermark() int64 { return p.offset(func() int64 { return p.hw }) }

// LastStableOffset is the offset below which every transaction has ended; never above the high watermark.
func (p *Partition) LastStableOffset() int64 { return p.offset(func() int64 { return p.lso }) }

// LogStartOffset is the first offset.
func (p *Partition) LogStartOffset() int64 { return p.offset(func() int64 { return p.log.Start() }) }

// LogEndOffset is the offset that the next record gets.
func (p *Partition) LogEndOffset() int64 { return p.offset(func() int64 { return p.log.End() }) }

// Size is the length of all segments in bytes.
func (p *Partition) Size() int64 { return p.offset(func() int64 { return p.log.Size() }) }

// offset reads a number of the open log; 0 of a partition that is offline.
func (p *Partition) offset(get func() int64) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open() != nil {
		return 0
	}
	return get()
}

// Producers lists the live producer ids.
func (p *Partition) Producers() (list []ProducerState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open() != nil {
		return nil
	}
	for id, s := range p.producers.byID {
		last := recordbatch.NoSequence
		if n := len(s.batches); n > 0 {
			last = s.batches[n-1].lastSequence
		}
		list = append(list, ProducerState{
			ProducerID: id, ProducerEpoch: s.epoch, LastSequence: last, LastTimestamp: s.timestamp,
			CoordinatorEpoch: s.coordinatorEpoch, CurrentTxnStartOffset: s.txnStart,
		})
	}
	slices.SortFunc(list, func(a, b ProducerState) int { return int(min(max(a.ProducerID-b.ProducerID, -1), 1)) })
	return list
}

func (p *Partition) logger() *slog.Logger {
	return p.m.log.With("topic", p.tp.Topic, "partition", p.tp.Index)
}
