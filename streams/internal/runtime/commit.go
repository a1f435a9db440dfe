package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/internal/task"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errNotCommitted says that a commit did not happen because the group is being rebalanced or the brokers cannot be
// reached. The tasks go on; their offsets come with the next commit.
var errNotCommitted = errors.New("offsets are not committed")

// commit commits the workers given, in this order:
//
//  1. every task flushes: cached results go downstream, changelog and output records to the producer; the tasks stop;
//  2. all records are acknowledged;
//  3. the offsets of the input are committed;
//  4. every task writes its state with the changelog offsets, if write is set or it is time, and goes on.
//
// A crash between 2 and 3 processes records again: at least once. A crash between 3 and 4 leaves the engines behind the
// changelogs, whose tails are replayed.
func (rt *Runtime) commit(ctx context.Context, workers []*worker, write bool) error {
	rt.commitMu.Lock()
	defer rt.commitMu.Unlock()
	began := time.Now()
	parked, err := rt.flushAll(ctx, workers)
	if len(parked) == 0 {
		return err
	}
	if err == nil {
		err = rt.flush(ctx, workers)
	}
	if err == nil {
		err = rt.commitOffsets(ctx, parked)
	}
	for _, p := range parked {
		p.settle <- rt.settlement(p, err, write)
	}
	rt.metrics.commit(time.Since(began), err)
	return err
}

// settlement is what a parked worker is told.
func (rt *Runtime) settlement(p flushed, err error, write bool) settlement {
	if err != nil {
		return settlement{}
	}
	maps.Copy(p.worker.committed, p.offsets)
	return settlement{committed: true, changelogs: p.worker.changelogOffsets(), write: write}
}

// flushAll flushes the tasks of workers at the same time. Those that had something to flush stay parked until they are
// settled, or ctx ends.
func (rt *Runtime) flushAll(ctx context.Context, workers []*worker) (parked []flushed, err error) {
	answers := make(chan flushed, len(workers))
	asked := 0
	for _, w := range workers {
		if workerState(w.state.Load()) != running {
			continue
		}
		asked++
		go w.flush(ctx, answers)
	}
	for range asked {
		select {
		case f := <-answers:
			switch {
			case f.worker == nil:
				err = fmt.Errorf("flush: %w", errWorkerEnded)
			case f.settle != nil:
				parked = append(parked, f)
			}
		case <-ctx.Done():
			return parked, fmt.Errorf("%w: flush: %w", errNotCommitted, ctx.Err())
		}
	}
	return parked, err
}

// commitOffsets commits the offsets of parked workers in one request.
func (rt *Runtime) commitOffsets(ctx context.Context, parked []flushed) error {
	offsets := make(map[string]map[int32]kgo.EpochOffset)
	metadata := make(map[statestore.TopicPartition]string)
	for _, p := range parked {
		for topic, at := range p.offsets {
			if offsets[topic] == nil {
				offsets[topic] = make(map[int32]kgo.EpochOffset)
			}
			offsets[topic][p.worker.id.Partition] = kgo.EpochOffset{Epoch: -1, Offset: at}
			tp := statestore.TopicPartition{Topic: topic, Partition: p.worker.id.Partition}
			metadata[tp] = metadataOf(p.state, topic, rt.topicID(topic))
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		for i := range req.Topics {
			for j := range req.Topics[i].Partitions {
				tp := statestore.TopicPartition{Topic: req.Topics[i].Topic, Partition: req.Topics[i].Partitions[j].Partition}
				req.Topics[i].Partitions[j].Metadata = kmsg.StringPtr(metadata[tp])
			}
		}
		return nil
	})
	var failed error
	rt.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		failed = commitError(resp, err)
	})
	return failed
}

func metadataOf(s task.State, topic string, id [16]byte) string {
	m := offsetMetadata{partitionTime: -1, emitted: s.Emitted, topicID: id}
	if at, ok := s.PartitionTimes[topic]; ok {
		m.partitionTime = at
	}
	return m.encode()
}

// commitError tells errors that pass from those that end the application.
func commitError(resp *kmsg.OffsetCommitResponse, err error) error {
	if err != nil {
		return classifyCommit(err)
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return classifyCommit(fmt.Errorf("commit offset of %s-%d: %w", t.Topic, p.Partition, err))
			}
		}
	}
	return nil
}

func classifyCommit(err error) error {
	for _, fatal := range []error{
		kerr.GroupAuthorizationFailed, kerr.TopicAuthorizationFailed, kerr.OffsetMetadataTooLarge, kerr.InvalidGroupID,
		kerr.FencedInstanceID,
	} {
		if errors.Is(err, fatal) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", errNotCommitted, err)
}

// commitLoop commits all tasks once an interval, and when it is asked to.
func (rt *Runtime) commitLoop(ctx context.Context) error {
	t := time.NewTicker(rt.cfg.CommitInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		case <-rt.commitNow:
		}
		err := rt.commit(ctx, rt.active(), false)
		switch {
		case err == nil || ctx.Err() != nil || errors.Is(err, errWorkerEnded): // a worker says itself why it ended
		case errors.Is(err, errNotCommitted):
			rt.log.Warn("commit is put off", "err", err)
		default:
			return err
		}
	}
}

// requestCommit asks for a commit before its time.
func (rt *Runtime) requestCommit() {
	select {
	case rt.commitNow <- struct{}{}:
	default:
	}
}

// committedOffsets are the offsets that were committed last.
func (rt *Runtime) committedOffsets() map[statestore.TopicPartition]int64 {
	workers := rt.active()
	rt.commitMu.Lock()
	defer rt.commitMu.Unlock()
	offsets := make(map[statestore.TopicPartition]int64)
	for _, w := range workers {
		for topic, at := range w.committed {
			offsets[statestore.TopicPartition{Topic: topic, Partition: w.id.Partition}] = at
		}
	}
	return offsets
}
