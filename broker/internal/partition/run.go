package partition

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/chortal/chortal/broker/internal/commitlog"
)

// housekeeping is how often idle files are closed and deleted ones removed.
const housekeeping = 15 * time.Second

// Run flushes, applies retention and writes checkpoints until ctx ends, then shuts down cleanly: all logs are synced,
// the clean-shutdown marker is written and the dirs are unlocked. Appends with acks=-1 are acknowledged only while it
// runs.
func (m *Manager) Run(ctx context.Context) error {
	var flushers sync.WaitGroup
	for _, d := range m.dirs {
		for range m.c.FlushersPerDir {
			flushers.Go(d.runFlusher)
		}
	}
	var recovery sync.WaitGroup
	m.startRecovery(ctx, &recovery)
	var cleaning sync.WaitGroup
	cleaning.Go(func() { m.cleaner.run(ctx) })
	cleaning.Go(func() { m.mover.run(ctx) })
	m.tend(ctx)
	recovery.Wait()
	cleaning.Wait()
	for _, d := range m.dirs {
		d.queue.close()
	}
	flushers.Wait()
	return m.shutDown(true)
}

// startRecovery recovers the partitions of log dirs that were not closed in order, a few of each dir at a time. Those that
// are used before their turn recover then.
func (m *Manager) startRecovery(ctx context.Context, workers *sync.WaitGroup) {
	for _, d := range m.dirs {
		if d.clean {
			continue
		}
		var list []*Partition
		for _, p := range m.Partitions() {
			if p.dir() == d {
				list = append(list, p)
			}
		}
		var next atomic.Int64
		for range min(m.c.RecoveryThreads, len(list)) {
			workers.Go(func() {
				for i := next.Add(1) - 1; i < int64(len(list)) && ctx.Err() == nil; i = next.Add(1) - 1 {
					list[i].recover()
				}
			})
		}
	}
}

// recover opens a partition that must be checked. A damaged one says so to whoever uses it.
func (p *Partition) recover() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unchecked {
		_ = p.open()
	}
}

// tend does what has to be done now and then until ctx ends.
func (m *Manager) tend(ctx context.Context) {
	retention := time.NewTicker(m.c.RetentionCheckInterval)
	defer retention.Stop()
	recovery := time.NewTicker(m.c.RecoveryPointInterval)
	defer recovery.Stop()
	watermark := time.NewTicker(m.c.HighWatermarkInterval)
	defer watermark.Stop()
	house := time.NewTicker(housekeeping)
	defer house.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-retention.C:
			m.eachDir(m.retain)
		case <-recovery.C:
			m.eachDir(func(d *logDir) error { return d.writeRecoveryPoints(m) })
		case <-watermark.C:
			m.eachDir(func(d *logDir) error { return d.writeHighWatermarks(m) })
			for _, p := range m.Partitions() {
				p.flushOld()
			}
		case <-house.C:
			m.eachDir(m.tidy)
		}
	}
}

// eachDir works on all dirs that are online; an error takes the dir offline, unless the disk is only full.
func (m *Manager) eachDir(work func(*logDir) error) {
	for _, d := range m.dirs {
		if d.failed() != nil {
			continue
		}
		if err := work(d); err != nil {
			if isNoSpace(err) {
				d.log.Warn("disk is full", "err", err)
				continue
			}
			d.fail(err)
		}
	}
}

// retain applies retention: the new log starts are durable before a file goes.
func (m *Manager) retain(d *logDir) error {
	total := 0
	for _, p := range m.Partitions() {
		if p.dir() != d {
			continue
		}
		n, err := p.retain()
		if err != nil {
			return err
		}
		total += n
	}
	if total == 0 {
		return nil
	}
	m.metrics.deleted.Add(float64(total))
	if err := d.writeLogStarts(m); err != nil {
		return err
	}
	return m.tidy(d)
}

// retain takes old segments out of the log and forgets old producers.
func (p *Partition) retain() (int, error) {
	p.moveMu.RLock()
	defer p.moveMu.RUnlock()
	p.mu.Lock()
	if p.open() != nil {
		p.mu.Unlock()
		return 0, nil // it says so to whoever uses it
	}
	p.producers.expire(p.m.now(), p.m.c.ProducerIDExpiration)
	l, hw := p.log, p.hw
	p.mu.Unlock()
	n, err := l.Retain(hw)
	if err != nil {
		return n, fmt.Errorf("retention of %v: %w", p.tp, err)
	}
	return n, nil
}

// tidy closes files that nobody uses and removes those that were deleted.
func (m *Manager) tidy(d *logDir) error {
	for _, p := range m.Partitions() {
		if p.dir() != d {
			continue
		}
		if err := p.tidy(); err != nil {
			return err
		}
	}
	return d.empty(m.now())
}

func (p *Partition) tidy() error {
	p.moveMu.RLock()
	defer p.moveMu.RUnlock()
	p.mu.Lock()
	l := p.log
	if p.err != nil {
		l = nil
	}
	p.mu.Unlock()
	if l == nil {
		return nil
	}
	l.CloseIdle()
	if err := l.Reap(); err != nil {
		return fmt.Errorf("retention of %v: %w", p.tp, err)
	}
	return nil
}

// shutDown closes all partitions; clean also makes them durable and says so on disk.
func (m *Manager) shutDown(clean bool) error {
	m.changeMu.Lock()
	defer m.changeMu.Unlock()
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	m.mu.Unlock()
	var errs []error
	broken := map[*logDir]bool{}
	for _, p := range m.Partitions() {
		if !clean {
			p.abandon()
			continue
		}
		if err := p.close(); err != nil {
			broken[p.dir()] = true
			errs = append(errs, fmt.Errorf("close %v: %w", p.tp, err))
		}
	}
	for _, d := range m.dirs {
		if err := d.shut(m, clean && !broken[d]); err != nil {
			errs = append(errs, fmt.Errorf("close log dir %s: %w", d.path, err))
		}
	}
	return errors.Join(errs...)
}

// abandon closes the files and promises nothing.
func (p *Partition) abandon() {
	p.mu.Lock()
	after := func() {}
	if p.err == nil {
		after = p.end(errShutDown(p.tp))
	}
	if p.log != nil {
		p.log.CloseDirty()
	}
	p.mu.Unlock()
	after()
}

// Close lets go of everything without a clean shutdown, where Run was never called: the next Open recovers. After Run
// it does nothing.
func (m *Manager) Close() error { return m.shutDown(false) }

func isNoSpace(err error) bool {
	return errors.Is(err, commitlog.ErrNoSpace) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
