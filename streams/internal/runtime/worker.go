package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/statestore/badgerstore"
	"github.com/chortal/chortal/streams/internal/task"
	"github.com/chortal/chortal/streams/processor"
)

// worker runs one task in a goroutine of its own. Records come into its inbox, everything else as commands, which run
// between two batches of records.
type worker struct {
	rt     *Runtime
	id     processor.TaskID
	sub    *processor.Subtopology
	topics []string // of which it reads partition id.Partition
	log    *slog.Logger
	out    *collector

	cancel   context.CancelFunc
	done     chan struct{} // closed when the goroutine has ended
	commands chan func() error
	wake     chan struct{}
	wiped    chan struct{} // closed when the task loses its state, and then made anew; guarded by mu

	state     atomic.Int32 // workerState
	suspended atomic.Bool  // a rebalance is going on: no records are processed
	processed atomic.Int64
	restored  atomic.Int64 // changelog records
	dropped   atomic.Int64
	waiting   atomic.Bool // records are queued, but the task waits for another topic's
	pending   atomic.Int64

	mu        sync.Mutex
	inbox     []fetched        // guarded by mu
	positions map[string]int64 // next offset to take by topic; guarded by mu
	backlog   map[string]int   // records queued in inbox and task by topic; guarded by mu

	// The goroutine's:
	task      *task.Task
	left      map[string]int64 // offsets by topic that were flushed but are not committed yet
	unsettled bool             // a flush was not followed by a commit
	behind    bool             // the engines do not have all that is committed
	written   time.Time        // when they were written last

	// committed are the offsets that were committed last; guarded by Runtime.commitMu.
	committed map[string]int64
}

type workerState int32

const (
	restoring workerState = iota
	running
	ended
)

const (
	// stepsPerBatch is how many records a worker processes before it looks for commands.
	stepsPerBatch = 256
	// tickInterval is how often wall-clock punctuators are looked at, Kafka's poll.ms.
	tickInterval = 100 * time.Millisecond
	// storeInterval is how often committed state is written to the engines, at least: what a crash leaves to be replayed.
	storeInterval = 10 * time.Second
	// maxWipes is how often a task may lose its state before the disk is held to be broken.
	maxWipes = 5
)

var errWorkerEnded = errors.New("task has ended")

func newWorker(rt *Runtime, id processor.TaskID, topics []string) *worker {
	sub := subtopology(rt.plan, id.Subtopology)
	var changelogs []string
	for _, c := range sub.Changelogs {
		changelogs = append(changelogs, c.Name)
	}
	return &worker{
		rt: rt, id: id, sub: sub, topics: topics, log: rt.log.With("task", id.String()),
		out:  newCollector(rt, id, changelogs),
		done: make(chan struct{}), commands: make(chan func() error), wake: make(chan struct{}, 1), wiped: make(chan struct{}),
		positions: make(map[string]int64), backlog: make(map[string]int),
		left: make(map[string]int64), committed: make(map[string]int64),
	}
}

// start begins the worker's goroutine; stop ends it.
func (w *worker) start(ctx context.Context) {
	ctx, w.cancel = context.WithCancel(ctx)
	w.out.ctx = ctx
	w.rt.workersDone.Add(1)
	go func() {
		defer w.rt.workersDone.Done()
		defer close(w.done)
		err := w.run(ctx)
		w.state.Store(int32(ended))
		if err != nil && ctx.Err() == nil {
			w.rt.fail(fmt.Errorf("task %v: %w", w.id, err))
		}
	}()
}

// stop ends the worker without a commit and waits for it.
func (w *worker) stop() {
	w.cancel()
	<-w.done
}

// run opens the task and processes records until ctx ends. State that turns out to be corrupt is wiped, and the task made
// anew from its changelogs.
func (w *worker) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, w.close()) }()
	for wiped := 0; ; wiped++ {
		err := w.open(ctx)
		if err == nil {
			err = w.loop(ctx)
		}
		corruption, corrupt := errors.AsType[*statestore.CorruptionError](err)
		if !corrupt || ctx.Err() != nil || wiped == maxWipes {
			return err
		}
		w.log.Error("state is corrupt: it is wiped and restored from its changelogs", "err", corruption)
		if err := w.wipe(ctx); err != nil {
			return err
		}
	}
}

// close closes the task; what it has not committed is lost.
func (w *worker) close() error {
	if w.task == nil {
		return nil
	}
	w.rt.ended.Add(w.drops())
	w.dropped.Store(0)
	w.out.skipped.Store(0)
	err := w.task.Close()
	w.task = nil
	return err
}

// wipe deletes all local state of the task, what it has read ahead, and what it was about to commit: those records are
// read again. A commit that waits for the task is told that it ended.
func (w *worker) wipe(ctx context.Context) error {
	w.state.Store(int32(restoring))
	w.rt.pause(w)
	w.mu.Lock()
	w.inbox = nil
	clear(w.backlog)
	close(w.wiped)
	w.wiped = make(chan struct{})
	w.mu.Unlock()
	if err := w.rt.lockCommit(ctx); err != nil {
		return err
	}
	clear(w.left)
	clear(w.committed)
	w.unsettled, w.behind = false, false
	w.rt.commitMu.Unlock()
	if err := w.close(); err != nil {
		w.log.Warn("closing broken state", "err", err)
	}
	if w.rt.cfg.InMemory {
		return nil
	}
	return badgerstore.Destroy(w.rt.dir.task(w.id))
}

// loop processes records and commands until ctx ends.
func (w *worker) loop(ctx context.Context) error {
	tick := time.NewTicker(tickInterval)
	defer tick.Stop()
	for {
		busy, err := w.batch()
		if err != nil {
			return err
		}
		if busy {
			select {
			case <-ctx.Done():
				return nil
			case command := <-w.commands:
				if err := command(); err != nil {
					return err
				}
			case <-tick.C:
				if err := w.tick(); err != nil {
					return err
				}
			default:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case command := <-w.commands:
			if err := command(); err != nil {
				return err
			}
		case <-tick.C:
			if err := w.tick(); err != nil {
				return err
			}
		case <-w.wake:
		}
	}
}

// tick calls the wall-clock punctuators that are due.
func (w *worker) tick() error {
	if w.suspended.Load() {
		return nil
	}
	_, err := w.task.PunctuateWall(w.rt.nowMs())
	return err
}

// batch processes some records and says whether there are more.
func (w *worker) batch() (busy bool, err error) {
	if w.suspended.Load() {
		return false, nil
	}
	if err := w.takeInbox(); err != nil {
		return false, err
	}
	now, n := w.rt.nowMs(), 0
	for ; n < stepsPerBatch && w.task.Ready(now); n++ {
		if _, err := w.task.Step(now); err != nil {
			return false, err
		}
	}
	if err := w.out.err(); err != nil {
		return false, err
	}
	w.report(n)
	return n == stepsPerBatch, nil
}

// takeInbox queues what has arrived.
func (w *worker) takeInbox() error {
	w.mu.Lock()
	inbox := w.inbox
	w.inbox = nil
	w.mu.Unlock()
	for _, f := range inbox {
		if err := w.task.Add(f.topic, f.records); err != nil {
			return err
		}
		f.release()
		w.task.SetEnd(f.topic, f.end)
	}
	return nil
}

// report publishes what a batch has changed.
func (w *worker) report(n int) {
	if n > 0 {
		w.processed.Add(int64(n))
		w.pending.Store(w.task.UncommittedBytes())
	}
	queued := 0
	w.mu.Lock()
	for _, topic := range w.topics {
		was := w.backlog[topic]
		now := w.task.Queued(topic)
		queued += now
		for _, f := range w.inbox {
			if f.topic == topic {
				now += len(f.records)
			}
		}
		w.backlog[topic] = now
		if limit := w.rt.cfg.BufferedRecords; was >= limit && now < limit {
			w.rt.signalRoom()
		}
	}
	// Records that are never shown, such as transaction markers, move the position, too.
	if len(w.inbox) == 0 && n < stepsPerBatch {
		for topic, next := range w.positions {
			w.task.SetPosition(topic, next)
		}
	}
	w.mu.Unlock()
	w.dropped.Store(w.task.Dropped())
	w.waiting.Store(queued > 0 && n < stepsPerBatch)
	if w.task.CommitRequested() || w.pending.Load() > w.rt.pendingLimit() {
		w.rt.requestCommit()
	}
}

// offer puts fetched records into the inbox; those that were offered before are left out.
func (w *worker) offer(f fetched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if workerState(w.state.Load()) != running {
		f.release()
		return
	}
	at := w.positions[f.topic]
	old := 0
	for old < len(f.records) && f.records[old].Offset < at {
		old++
	}
	f.records = f.records[old:]
	w.positions[f.topic] = max(at, f.next)
	w.backlog[f.topic] += len(f.records)
	w.inbox = append(w.inbox, f)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// drops returns how many records the task has dropped.
func (w *worker) drops() int64 { return w.dropped.Load() + w.out.skipped.Load() }

// buffered returns how many records were read ahead.
func (w *worker) buffered() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, records := range w.backlog {
		n += records
	}
	return n
}

// full returns the topics of which enough records wait, and those of which few do.
func (w *worker) full(limit int) (full, low []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, topic := range w.topics {
		switch n := w.backlog[topic]; {
		case n >= limit:
			full = append(full, topic)
		case n <= limit/2:
			low = append(low, topic)
		}
	}
	return full, low
}

// do runs fn in the worker's goroutine between two batches. An error of fn ends the task.
func (w *worker) do(ctx context.Context, fn func() error) error {
	w.mu.Lock()
	wiped := w.wiped
	w.mu.Unlock()
	if workerState(w.state.Load()) != running { // read after wiped, so that one of the two tells of a wipe
		return errWorkerEnded
	}
	select {
	case w.commands <- fn:
		return nil
	case <-wiped:
		return errWorkerEnded
	case <-w.done:
		return errWorkerEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flushed is what a worker has made ready to be committed.
type flushed struct {
	worker  *worker
	offsets map[string]int64 // by topic
	state   task.State
	// settle lets the worker go on. It has room for one answer; nil if the worker does not wait.
	settle chan settlement
}

// settlement is what became of a flush.
type settlement struct {
	committed  bool
	changelogs statestore.Offsets // how far they reach, if committed
	// write asks for the state to be written to the engines now. Otherwise that is done every storeInterval: the changelog
	// has it all, and keys that change often are then written once for many commits.
	write bool
}

// flush makes the worker flush its task and wait until it is settled, or ctx ends. Exactly one answer comes, also if the
// worker ends; without a worker in it, if it failed.
func (w *worker) flush(ctx context.Context, answers chan<- flushed) {
	err := w.do(ctx, func() error {
		if !w.task.Dirty() && !w.unsettled && !w.behind {
			answers <- flushed{worker: w}
			return nil
		}
		c, err := w.task.Flush(w.rt.nowMs())
		if err != nil {
			answers <- flushed{}
			return err
		}
		maps.Copy(w.left, c.Offsets)
		w.unsettled = true
		f := flushed{worker: w, offsets: maps.Clone(w.left), state: c.State, settle: make(chan settlement, 1)}
		answers <- f
		select {
		case s := <-f.settle:
			return w.settled(s)
		case <-ctx.Done():
		}
		select { // both may have happened
		case s := <-f.settle:
			return w.settled(s)
		default:
			return nil
		}
	})
	if err != nil {
		answers <- flushed{}
	}
}

// settled ends a flush. When it is time, the engines take what was committed since they were written last.
func (w *worker) settled(s settlement) error {
	if !s.committed {
		return nil
	}
	clear(w.left)
	w.unsettled = false
	now := w.rt.cfg.Now()
	if !s.write && now.Sub(w.written) < storeInterval && w.task.UncommittedBytes() < w.rt.pendingLimit()/2 {
		w.behind = true
		return nil
	}
	w.written, w.behind = now, false
	return w.task.Committed(s.changelogs)
}

// changelogOffsets returns how far the changelogs of the worker reach; for source topics that serve as one, how far their
// records are processed.
func (w *worker) changelogOffsets() statestore.Offsets {
	offsets := make(statestore.Offsets, len(w.out.changelogs))
	put := func(topic string, next int64) {
		offsets[statestore.TopicPartition{Topic: topic, Partition: w.id.Partition}] = statestore.Offset{
			Next: next, LeaderEpoch: -1, TopicID: w.rt.topicID(topic), At: w.rt.cfg.Now(),
		}
	}
	for topic, next := range w.out.changelogs {
		put(topic, next.Load())
	}
	for _, s := range w.sub.Stores {
		if s.Changelog != "" && !s.OwnChangelog {
			if at, ok := w.committed[s.Changelog]; ok {
				put(s.Changelog, at)
			}
		}
	}
	return offsets
}

// partitions are those that the worker reads.
func (w *worker) partitions() map[string][]int32 {
	m := make(map[string][]int32, len(w.topics))
	for _, topic := range w.topics {
		m[topic] = []int32{w.id.Partition}
	}
	return m
}

// reads says whether the worker reads exactly these topics.
func (w *worker) reads(topics []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(w.topics)), slices.Sorted(slices.Values(topics)))
}
