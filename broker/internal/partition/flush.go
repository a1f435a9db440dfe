package partition

import (
	"fmt"
	"path"
	"sync"
	"time"
)

// flushQueue holds the partitions of a log dir that wait for a flusher. Those that come while one syncs are served by
// the next sync together: group commit.
type flushQueue struct {
	mu     sync.Mutex
	more   *sync.Cond
	list   []*Partition // guarded by mu; first in, first out
	closed bool         // guarded by mu
}

func newFlushQueue() *flushQueue {
	q := &flushQueue{}
	q.more = sync.NewCond(&q.mu)
	return q
}

func (q *flushQueue) push(p *Partition) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.list = append(q.list, p)
		q.more.Signal()
	}
}

// pop waits for a partition; ok is false when the queue is closed and empty.
func (q *flushQueue) pop() (p *Partition, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.list) == 0 {
		if q.closed {
			return nil, false
		}
		q.more.Wait()
	}
	p = q.list[0]
	q.list[0] = nil
	q.list = q.list[1:]
	return p, true
}

func (q *flushQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}

// runFlusher syncs partitions until the queue is closed and empty.
func (d *logDir) runFlusher() {
	for {
		p, ok := d.queue.pop()
		if !ok {
			return
		}
		p.flush()
	}
}

// syncFolder makes a new partition's folder durable: it was made without a sync, so that creating many is cheap.
func (p *Partition) syncFolder() error {
	f, err := p.dir().fs.OpenReadWrite(path.Join(p.tp.String(), metadataFile))
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", metadataFile, err)
	}
	if err := p.dir().fs.SyncDir(p.tp.String()); err != nil {
		return err
	}
	return p.dir().fs.SyncDir(".")
}

// armFlush sees to it that a record is synced flush.ms after its append at the latest, where nothing syncs it before. mu
// is held.
func (p *Partition) armFlush() {
	every := p.cfg.Load().FlushInterval
	if every < 0 || every == forever || p.flushTimer != nil || p.unflushed == 0 {
		return
	}
	p.flushTimer = time.AfterFunc(every, p.flushDue)
}

func (p *Partition) flushDue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flushTimer = nil
	if p.log != nil && p.err == nil && p.unflushed > 0 && !p.syncs() {
		p.queueFlush()
	}
}
