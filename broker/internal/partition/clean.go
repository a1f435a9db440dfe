package partition

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chortal/chortal/broker/internal/commitlog"
	"github.com/twmb/franz-go/pkg/kerr"
)

// CleanerConfig configures the cleaner, which compacts the logs of topics with cleanup.policy=compact. Zero means the
// default.
type CleanerConfig struct {
	// Disabled is the opposite of log.cleaner.enable.
	Disabled bool
	// Threads is log.cleaner.threads, 1 by default: how many logs are cleaned at a time.
	Threads int
	// DedupeBytes is log.cleaner.dedupe.buffer.size, 128 MiB by default: the memory for the keys of all threads. It is
	// taken only while a log is cleaned, and only as much as its keys need.
	DedupeBytes int64
	// LoadFactor is log.cleaner.io.buffer.load.factor, 0.9 by default.
	LoadFactor float64
	// Backoff is log.cleaner.backoff.ms, 15 s by default: the pause when there is nothing to clean.
	Backoff time.Duration
}

func (c CleanerConfig) withDefaults() CleanerConfig {
	c.Threads = cmp.Or(c.Threads, 1)
	c.DedupeBytes = cmp.Or(c.DedupeBytes, 128<<20)
	c.LoadFactor = cmp.Or(c.LoadFactor, 0.9)
	c.Backoff = cmp.Or(c.Backoff, 15*time.Second)
	return c
}

// cleaner compacts logs in the background.
type cleaner struct {
	m    *Manager
	wake chan struct{} // holds at most one call to look again

	mu   sync.Mutex
	cfg  CleanerConfig       // guarded by mu
	busy map[*Partition]bool // guarded by mu; being cleaned now
	bad  map[*Partition]bool // guarded by mu; not to be tried again before the next start
}

func newCleaner(m *Manager, c CleanerConfig) *cleaner {
	return &cleaner{
		m: m, wake: make(chan struct{}, 1), cfg: c.withDefaults(), busy: map[*Partition]bool{}, bad: map[*Partition]bool{},
	}
}

// ConfigureCleaner changes the cleaner's configuration; it applies from the next round on, which begins at once.
func (m *Manager) ConfigureCleaner(c CleanerConfig) {
	k := m.cleaner
	k.mu.Lock()
	k.cfg = c.withDefaults()
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *cleaner) config() CleanerConfig {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cfg
}

// run cleans until ctx ends.
func (k *cleaner) run(ctx context.Context) {
	for ctx.Err() == nil {
		c := k.config()
		if !c.Disabled {
			k.round(ctx, c)
		}
		pause := time.NewTimer(c.Backoff)
		select {
		case <-ctx.Done():
		case <-k.wake:
		case <-pause.C:
		}
		pause.Stop()
	}
}

// round cleans until no log is dirty enough.
func (k *cleaner) round(ctx context.Context, c CleanerConfig) {
	var workers sync.WaitGroup
	for range max(c.Threads, 0) {
		workers.Go(func() {
			m := commitlog.NewOffsetMap(c.DedupeBytes/int64(c.Threads), c.LoadFactor)
			for ctx.Err() == nil {
				p, d := k.dirtiest()
				if p == nil {
					return
				}
				err := p.clean(ctx, d, m)
				k.done(p, err)
				if errors.Is(err, commitlog.ErrNoSpace) {
					return
				}
			}
		})
	}
	workers.Wait()
}

// dirtiest picks the log with the largest dirty part of those that are dirty enough, or have waited too long.
func (k *cleaner) dirtiest() (best *Partition, dirt commitlog.Dirt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for p := range k.bad {
		if p.isOver() {
			delete(k.bad, p)
		}
	}
	k.m.metrics.uncleanable.Set(float64(len(k.bad)))
	for _, p := range k.m.Partitions() {
		if k.busy[p] || k.bad[p] {
			continue
		}
		d, ok := p.dirt()
		if ok && (best == nil || d.Ratio() > dirt.Ratio()) {
			best, dirt = p, d
		}
	}
	if best != nil {
		k.busy[best] = true
	}
	return best, dirt
}

func (k *cleaner) done(p *Partition, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.busy, p)
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, commitlog.ErrClosed), p.isOver():
		return
	case errors.Is(err, commitlog.ErrNoSpace):
		p.logger().Warn("compaction waits for space", "err", err)
		return
	}
	p.logger().Error("log cannot be compacted and is left as it is", "err", err)
	k.bad[p] = true
	k.m.metrics.uncleanable.Set(float64(len(k.bad)))
}

func (p *Partition) isOver() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err != nil
}

// dirt looks whether the partition is to be cleaned. One that was not used since the start waits until retention opens it.
func (p *Partition) dirt() (d commitlog.Dirt, ok bool) {
	c := p.cfg.Load()
	if !c.Compact || p.dir().failed() != nil {
		return d, false
	}
	p.mu.Lock()
	l, lso, over := p.log, p.lso, p.err != nil || p.halted || p.moving
	from := p.firstDirty()
	p.mu.Unlock()
	if l == nil || over {
		return d, false
	}
	d, err := l.Dirt(from, lso, c.MinCompactionLag, c.MaxCompactionLag)
	if err != nil {
		p.logger().Warn("cannot tell whether the log is dirty", "err", err)
		return d, false
	}
	return d, d.DirtyBytes > 0 && (d.Ratio() > c.MinCleanableRatio || d.Overdue)
}

// firstDirty is where the part begins that was never cleaned. mu is held.
func (p *Partition) firstDirty() int64 {
	if p.log == nil {
		return 0
	}
	start := p.log.Start()
	if p.saved.cleaned > p.log.End() {
		return start
	}
	return max(p.saved.cleaned, start)
}

// clean compacts the log up to d.UpTo. Before a segment is replaced everything up to there is durable, and so is a recovery
// point that says it: recovery must not take the gaps that compaction leaves for damage.
func (p *Partition) clean(ctx context.Context, d commitlog.Dirt, m *commitlog.OffsetMap) (err error) {
	p.cleanMu.Lock()
	defer p.cleanMu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.mu.Lock()
	if p.err != nil || p.halted || p.moving || p.log == nil {
		p.mu.Unlock()
		return nil
	}
	l, from := p.log, p.firstDirty()
	p.stopCleaning = cancel
	due := p.saved.recoveryPoint < d.UpTo
	p.mu.Unlock()
	if due {
		if err := p.checkpointNow(); err != nil {
			return err
		}
	}
	if err := p.dir().writeOne(p.m, recoveryPointFile); err != nil {
		return p.cleanError(err)
	}
	began := p.m.now()
	done, err := l.Clean(ctx, commitlog.CleanOptions{
		From: from, UpTo: d.UpTo, DeleteRetention: p.cfg.Load().DeleteRetention, Map: m, Producers: p.lastBatches(),
	})
	if err != nil {
		return p.cleanError(err)
	}
	p.mu.Lock()
	p.saved.cleaned = max(p.saved.cleaned, done.Next)
	p.mu.Unlock()
	p.m.metrics.cleaned(done, p.m.now().Sub(began))
	p.logger().Info("log was compacted", "offset", done.Next, "bytes", done.WrittenBytes, "read", done.ReadBytes,
		"segments", done.Segments, "into", done.Into, "kept", done.Kept, "duration", p.m.now().Sub(began))
	if err := p.dir().writeOne(p.m, cleanerFile); err != nil {
		return p.cleanError(err)
	}
	return nil
}

// lastBatches is what must stay of each producer.
func (p *Partition) lastBatches() map[int64]commitlog.LastBatch {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := make(map[int64]commitlog.LastBatch, len(p.producers.byID))
	for id, s := range p.producers.byID {
		b := commitlog.LastBatch{Offset: -1, Epoch: s.epoch}
		if n := len(s.batches); n > 0 {
			b.Offset = s.batches[n-1].lastOffset
		}
		last[id] = b
	}
	return last
}

// cleanError takes the log dir offline if the disk has failed. A full disk passes, and damage concerns this log alone.
func (p *Partition) cleanError(err error) error {
	p.mu.Lock()
	after := func() {}
	passes := errors.Is(err, context.Canceled) || isNoSpace(err) || errors.Is(err, commitlog.ErrCorrupt) ||
		errors.Is(err, commitlog.ErrMapTooSmall) || errors.Is(err, commitlog.ErrClosed)
	if !passes && p.err == nil && !p.halted {
		after = p.end(p.broken(err))
	}
	p.mu.Unlock()
	after()
	if isNoSpace(err) && !errors.Is(err, commitlog.ErrNoSpace) {
		err = fmt.Errorf("%w: %w", commitlog.ErrNoSpace, err)
	}
	return fmt.Errorf("compact %v: %w: %w", p.tp, kerr.KafkaStorageError, err)
}

// haltCleaning ends a cleaning that runs and lets none begin any more.
func (p *Partition) haltCleaning() {
	p.mu.Lock()
	p.halted = true
	if p.stopCleaning != nil {
		p.stopCleaning()
	}
	p.mu.Unlock()
	p.cleanMu.Lock() // until it has ended
	defer p.cleanMu.Unlock()
}
