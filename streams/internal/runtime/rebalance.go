package runtime

import (
	"context"
	"errors"
	"time"

	"github.com/chortal/chortal/streams/processor"

	"github.com/twmb/franz-go/pkg/kgo"
)

// revokeTimeout bounds the commit before partitions are given up; the group waits for it.
const revokeTimeout = 30 * time.Second

// assigned is called when the group has given this instance its partitions. Tasks that it had before go on; the others
// are closed, and new ones opened.
func (rt *Runtime) assigned(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	<-rt.clientMade
	tasks := rt.tasksOfPartitions(partitions)
	var stopped, started []*worker
	rt.mu.Lock()
	if rt.closing {
		rt.mu.Unlock()
		return
	}
	for id, w := range rt.workers {
		if topics, kept := tasks[id]; kept && w.reads(topics) && workerState(w.state.Load()) != ended {
			continue
		}
		delete(rt.workers, id)
		stopped = append(stopped, w)
	}
	for id, topics := range tasks {
		if w := rt.workers[id]; w != nil {
			continue
		}
		w := newWorker(rt, id, topics)
		rt.workers[id] = w
		started = append(started, w)
	}
	rt.index()
	rt.joined = true
	rt.mu.Unlock()
	for _, w := range stopped {
		w.stop()
	}
	rt.resumeAllBut(started)
	rt.log.Info("tasks assigned", "tasks", len(tasks), "new", len(started), "closed", len(stopped))
	rt.metrics.rebalances.Inc()
	for _, w := range started {
		w.start(rt.workCtx)
	}
	rt.goOn(started)
	rt.checkReady()
}

// resumeAllBut clears the client's list of paused partitions, which survives rebalances, but for those of workers that
// have to restore their state first.
func (rt *Runtime) resumeAllBut(started []*worker) {
	for _, w := range started {
		rt.pause(w)
	}
	keep := make(map[string]map[int32]bool)
	add := func(w *worker) {
		for topic, ps := range w.partitions() {
			if keep[topic] == nil {
				keep[topic] = make(map[int32]bool)
			}
			for _, p := range ps {
				keep[topic][p] = true
			}
		}
	}
	for _, w := range rt.active() {
		if workerState(w.state.Load()) == restoring {
			add(w)
		}
	}
	resume := make(map[string][]int32)
	for topic, ps := range rt.client.PauseFetchPartitions(nil) {
		for _, p := range ps {
			if !keep[topic][p] {
				resume[topic] = append(resume[topic], p)
			}
		}
	}
	rt.client.ResumeFetchPartitions(resume)
}

// goOn ends the suspension of all workers, and shares the memory out anew.
func (rt *Runtime) goOn(started []*worker) {
	fresh := make(map[*worker]bool, len(started))
	for _, w := range started {
		fresh[w] = true
	}
	limit := rt.storeBytes()
	for _, w := range rt.active() {
		w.suspended.Store(false)
		select {
		case w.wake <- struct{}{}:
		default:
		}
		if !fresh[w] && workerState(w.state.Load()) == running {
			w.setStoreBytes(limit)
		}
	}
}

// revoked is called before partitions are given up: under the eager protocol all of them. The tasks are committed and
// wait for what comes next.
func (rt *Runtime) revoked(ctx context.Context, _ *kgo.Client, _ map[string][]int32) {
	<-rt.clientMade
	workers := rt.active()
	for _, w := range workers {
		w.suspended.Store(true)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	if err := rt.commit(ctx, workers, true); err != nil {
		// What the tasks have in memory is ahead of what is committed, and somebody else may take over.
		rt.log.Warn("commit before a rebalance did not happen: the tasks start over", "err", err)
		rt.drop(workers)
		if !errors.Is(err, errNotCommitted) && !errors.Is(err, errWorkerEnded) {
			rt.fail(err)
		}
	}
}

// lost is called when the group has taken the partitions away already.
func (rt *Runtime) lost(context.Context, *kgo.Client, map[string][]int32) {
	rt.log.Warn("group membership is lost: the tasks start over")
	rt.drop(rt.active())
}

// drop ends workers without a commit.
func (rt *Runtime) drop(workers []*worker) {
	rt.mu.Lock()
	for _, w := range workers {
		if rt.workers[w.id] == w {
			delete(rt.workers, w.id)
		}
	}
	rt.index()
	rt.mu.Unlock()
	for _, w := range workers {
		w.stop()
	}
}

// tasksOfPartitions groups partitions by the task that reads them.
func (rt *Runtime) tasksOfPartitions(partitions map[string][]int32) map[processor.TaskID][]string {
	tasks := make(map[processor.TaskID][]string)
	for _, s := range rt.plan.Subtopologies {
		for _, topic := range s.SourceTopics {
			for _, p := range partitions[topic] {
				id := processor.TaskID{Subtopology: s.ID, Partition: p}
				tasks[id] = append(tasks[id], topic)
			}
		}
	}
	return tasks
}

// subscription is what this instance tells the group's leader about itself.
func (rt *Runtime) subscription() subscription {
	s := subscription{owned: make(map[processor.TaskID]bool), stored: make(map[processor.TaskID]int64)}
	for _, w := range rt.active() {
		s.owned[w.id] = true
		sum := int64(1)
		for _, next := range w.out.changelogs {
			sum += next.Load()
		}
		s.stored[w.id] = sum
	}
	if rt.dir == nil {
		return s
	}
	ids, err := rt.dir.stored()
	if err != nil {
		rt.log.Warn("listing state", "err", err)
	}
	for _, id := range ids {
		if s.stored[id] == 0 && subtopology(rt.plan, id.Subtopology) != nil {
			s.stored[id] = 1 // there is some; how much is known when it is opened
		}
	}
	return s
}
