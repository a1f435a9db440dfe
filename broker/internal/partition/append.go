package partition

import (
	"context"
	"errors"
	"fmt"

	"github.com/chortal/chortal/broker/internal/commitlog"
	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Append adds one record batch. It assigns offsets in place, so the bytes of batch are the partition's to change until
// Append returns (it keeps no reference afterwards). Append returns when the batch is in the page cache.
//
// done (may be nil) is called exactly once if Append returns no error: when what Acks asks for has happened, possibly
// before Append returns, else from a flusher goroutine; it must not block nor call back into the partition's Append.
// For Acks -1 that is when the batch is readable: durable under [Fsync]. It is not called if Append returns an error.
func (p *Partition) Append(batch []byte, o AppendOptions, done func(error)) (Appended, error) {
	b, err := p.prepare(batch, o, p.cfg.Load())
	if err != nil {
		return Appended{}, fmt.Errorf("append to %v: %w", p.tp, err)
	}
	p.mu.Lock()
	a, err := p.append(b, o)
	if err != nil {
		p.mu.Unlock()
		return Appended{}, fmt.Errorf("append to %v: %w", p.tp, err)
	}
	after := p.progress()
	waits := o.Acks == -1 && a.LastOffset >= p.hw
	if waits && done != nil {
		p.acks = append(p.acks, ack{a.LastOffset + 1, done})
	}
	p.mu.Unlock()
	after()
	if !waits && done != nil {
		done(nil)
	}
	return a, nil
}

// AppendWait is Append followed by waiting for done or ctx.
func (p *Partition) AppendWait(ctx context.Context, batch []byte, o AppendOptions) (Appended, error) {
	result := make(chan error, 1)
	a, err := p.Append(batch, o, func(err error) { result <- err })
	if err != nil {
		return Appended{}, err
	}
	select {
	case err := <-result:
		return a, err
	case <-ctx.Done():
		return Appended{}, fmt.Errorf("append to %v: %w", p.tp, ctx.Err())
	}
}

// append does the work under the lock: producer state, time, log.
func (p *Partition) append(b recordbatch.Batch, o AppendOptions) (Appended, error) {
	if err := p.open(); err != nil {
		return Appended{}, err
	}
	a := Appended{LogAppendTime: -1, LogStartOffset: p.log.Start(), LeaderEpoch: p.epoch}
	dup, err := p.producers.check(b, o)
	if err != nil {
		return Appended{}, err
	}
	stamped := p.cfg.Load().TimestampType == recordbatch.LogAppendTime && !b.IsControl()
	if dup != nil {
		a.BaseOffset, a.LastOffset, a.Duplicate = dup.baseOffset, dup.lastOffset, true
		if stamped {
			a.LogAppendTime = dup.timestamp
		}
		return a, nil
	}
	now := p.m.now().UnixMilli()
	if stamped {
		b.SetLogAppendTime(now)
		a.LogAppendTime = now
	}
	at, err := p.log.Append(b, p.epoch)
	if err != nil {
		return Appended{}, p.logError(err)
	}
	a.BaseOffset, a.LastOffset = at.BaseOffset, at.LastOffset
	if err := p.remember(b, now); err != nil {
		return Appended{}, err
	}
	p.appended += int64(len(b))
	p.unflushed += int64(b.NumRecords())
	p.stats.BytesIn.Add(int64(len(b)))
	p.stats.Messages.Add(int64(b.NumRecords()))
	return a, nil
}

// remember takes an appended batch into the producer state.
func (p *Partition) remember(b recordbatch.Batch, now int64) error {
	if !b.IsControl() {
		p.producers.record(b, p.appended, now)
		return nil
	}
	c, err := b.Control()
	if err != nil {
		return fmt.Errorf("%w: %w", kerr.InvalidRecord, err) // cannot be: prepare has read it
	}
	if from, aborted := p.producers.recordMarker(b, c, now); aborted {
		if err := p.log.AppendAborted(p.abortedTxn(b, from)); err != nil {
			return p.logError(err)
		}
	}
	return nil
}

// logError names the protocol's error. A full disk passes; everything else takes the log dir offline.
func (p *Partition) logError(err error) error {
	if errors.Is(err, commitlog.ErrNoSpace) {
		return fmt.Errorf("%w: %w", kerr.KafkaStorageError, err)
	}
	return p.broken(err)
}

// progress moves the high watermark after an append, or sees to it that a flusher will. mu is held; the caller runs
// what comes back after unlocking.
func (p *Partition) progress() (after func()) {
	if p.syncs() {
		if p.hw < p.log.End() {
			p.queueFlush()
		}
		return func() {}
	}
	if p.unflushed >= p.cfg.Load().FlushMessages {
		p.queueFlush()
	} else {
		p.armFlush()
	}
	return p.advance(p.log.End(), p.appended)
}

// advance moves the high watermark to offset, which lies visible bytes behind the start of counting. mu is held; the
// caller runs what comes back after unlocking.
func (p *Partition) advance(offset, visible int64) (after func()) {
	if offset <= p.hw {
		return func() {}
	}
	p.hw, p.visible = offset, visible
	p.settle()
	due := p.dueWatches()
	n := 0
	for n < len(p.acks) && p.acks[n].next <= offset {
		n++
	}
	if n == 0 && len(due) == 0 {
		return func() {}
	}
	ready := append([]ack(nil), p.acks[:n]...)
	rest := copy(p.acks, p.acks[n:])
	clear(p.acks[rest:])
	p.acks = p.acks[:rest]
	return func() {
		for _, a := range ready {
			a.done(nil)
		}
		fireAll(due)
	}
}

// settle computes the last stable offset. mu is held.
func (p *Partition) settle() {
	p.producers.passed(p.hw)
	p.lso, p.stable = p.hw, p.visible
	if offset, bytes, ok := p.producers.firstUnstable(); ok && offset < p.hw {
		p.lso, p.stable = offset, bytes
	}
}

// queueFlush asks a flusher to make the partition durable. mu is held.
func (p *Partition) queueFlush() {
	if !p.queued {
		p.queued = true
		p.dir().queue.push(p)
	}
}

// flushOld queues a partition whose flush.ms is over. Under [Fsync] there is nothing to do: every append is flushed at
// once.
func (p *Partition) flushOld() {
	p.mu.Lock()
	defer p.mu.Unlock()
	every := p.cfg.Load().FlushInterval
	if p.log == nil || p.err != nil || p.unflushed == 0 || p.syncs() || every < 0 || every == forever {
		return
	}
	if p.m.now().Sub(p.flushedAt) >= every {
		p.queueFlush()
	}
}

// flush is a flusher's work: everything appended before it starts becomes durable, then readable, then acknowledged.
func (p *Partition) flush() {
	p.moveMu.RLock()
	defer p.moveMu.RUnlock()
	p.mu.Lock()
	if p.log == nil || p.err != nil {
		p.queued = false
		p.mu.Unlock()
		return
	}
	l, end, bytes, fresh := p.log, p.log.End(), p.appended, p.fresh
	p.unflushed, p.flushedAt = 0, p.m.now()
	p.mu.Unlock()

	err := p.dir().failed()
	if err == nil && fresh {
		err = p.syncFolder()
	}
	if err == nil {
		_, err = l.Flush()
	}

	p.mu.Lock()
	after := func() {}
	p.queued = false
	switch {
	case p.err != nil: // deleted or shut down meanwhile: those who wait have been answered
	case err != nil:
		p.logger().Error("flush failed; the log dir goes offline", "err", err)
		after = p.end(p.broken(err))
	default:
		p.fresh = p.fresh && !fresh
		after = p.advance(end, bytes)
		if p.syncs() && p.log.End() > end {
			p.queueFlush() // what came during the sync joins the next one
		}
	}
	p.mu.Unlock()
	after()
}
