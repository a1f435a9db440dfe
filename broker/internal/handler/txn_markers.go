package handler

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/txn"
	"github.com/chortal/chortal/internal/recordbatch"
)

// Pauses between attempts to write a marker to a partition that is not there at the moment.
const (
	firstMarkerPause = 20 * time.Millisecond
	lastMarkerPause  = time.Second
)

// markerJob writes the markers of one transaction, again and again until each of its
// partitions has one.
type markerJob struct {
	x       *Txns
	markers txn.Markers
	left    atomic.Int64 // partitions without a marker

	mu        sync.Mutex                         // held while a marker is handed to a partition
	cancelled bool                               // guarded by mu
	timers    map[txn.TopicPartition]*time.Timer // guarded by mu: pauses under way
}

// send writes markers, see [txn.Config]. After cancel has returned none is written any more:
// the transaction after this one might have begun.
func (x *Txns) send(markers txn.Markers) (cancel func()) {
	j := &markerJob{x: x, markers: markers, timers: make(map[txn.TopicPartition]*time.Timer)}
	j.left.Store(int64(len(markers.Partitions)))
	for _, tp := range markers.Partitions {
		j.write(tp, firstMarkerPause)
	}
	return j.cancel
}

func (j *markerJob) cancel() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cancelled = true
	for tp, t := range j.timers {
		if t.Stop() {
			j.x.sending.Done()
		}
		delete(j.timers, tp)
	}
}

// write hands the marker to a partition. pause is how long to wait if that fails.
func (j *markerJob) write(tp txn.TopicPartition, pause time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cancelled {
		return
	}
	m := marker{producer: j.markers.Producer, commit: j.markers.Commit, coordinatorEpoch: j.x.epochOf(j.markers.TransactionalID)}
	j.x.sending.Add(1)
	j.x.writeMarker(tp, m, func(err error) {
		// Here the partition, or mu, may be locked: what follows gets a goroutine.
		go func() {
			defer j.x.sending.Done()
			j.written(tp, pause, err)
		}()
	})
}

func (j *markerJob) written(tp txn.TopicPartition, pause time.Duration, err error) {
	switch {
	case err == nil, !j.x.exists(tp.Topic, tp.Partition):
	case errors.Is(err, kerr.InvalidProducerEpoch), errors.Is(err, kerr.TransactionCoordinatorFenced):
		// Somebody has ended it there already, with a newer epoch.
		j.x.log.Warn("marker refused", "txn_id", j.markers.TransactionalID, "topic", tp.Topic, "partition", tp.Partition, "err", err)
	default:
		j.x.log.Warn("write marker, will retry", "txn_id", j.markers.TransactionalID, "topic", tp.Topic, "partition", tp.Partition, "err", err)
		j.retry(tp, pause)
		return
	}
	if j.left.Add(-1) == 0 {
		j.complete(firstMarkerPause)
	}
}

func (j *markerJob) retry(tp txn.TopicPartition, pause time.Duration) {
	j.after(tp, pause, func() { j.write(tp, min(2*pause, lastMarkerPause)) })
}

// complete tells the machine that all markers are written.
func (j *markerJob) complete(pause time.Duration) {
	x := j.x
	x.runtime.Do(j.markers.TransactionalID, coordinator.Step[*txn.Machine]{
		Run: func(m *txn.Machine, now time.Time, out *coordinator.Out) { m.Complete(now, out, j.markers) },
		Refuse: func(error) {
			// Not there, or overloaded. If it was thrown away, the next machine begins anew
			// and this job is cancelled.
			j.after(txn.TopicPartition{}, pause, func() { j.complete(min(2*pause, lastMarkerPause)) })
		},
	})
}

// after does something after a pause, unless the job is cancelled before.
func (j *markerJob) after(tp txn.TopicPartition, pause time.Duration, do func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cancelled {
		return
	}
	j.x.sending.Add(1)
	j.timers[tp] = time.AfterFunc(pause, func() {
		defer j.x.sending.Done()
		j.mu.Lock()
		cancelled := j.cancelled
		delete(j.timers, tp)
		j.mu.Unlock()
		if !cancelled {
			do()
		}
	})
}

// marker is the end of a transaction on a partition.
type marker struct {
	producer         coordinator.Producer
	coordinatorEpoch int32
	commit           bool
}

// epochOf is the epoch of the coordinator of a transactional id: the leader epoch of its
// partition.
func (x *Txns) epochOf(id string) int32 {
	if t, ok := x.metadata.Image().Topic(metadata.TransactionsTopic); ok {
		if p, ok := t.Partition(x.runtime.PartitionFor(id)); ok {
			return p.LeaderEpoch
		}
	}
	return 0
}

// writeMarker writes a marker to one partition. done is called once when it is readable, or
// with the reason why it is not; it must not block, and may be called before writeMarker
// returns.
func (x *Txns) writeMarker(tp txn.TopicPartition, m marker, done func(error)) {
	if !x.exists(tp.Topic, tp.Partition) {
		done(fmt.Errorf("marker on %s-%d: %w", tp.Topic, tp.Partition, kerr.UnknownTopicOrPartition))
		return
	}
	p, err := x.partitions.Get(tp.Topic, tp.Partition)
	if err == nil {
		err = p.CheckMarker(m.producer.ID, m.producer.Epoch, m.coordinatorEpoch)
	}
	if err != nil {
		done(err)
		return
	}
	switch tp.Topic {
	case metadata.OffsetsTopic:
		x.groups.runtime.EndTransaction(tp.Partition, m.producer, m.coordinatorEpoch, m.commit, done)
	case metadata.TransactionsTopic:
		done(fmt.Errorf("%s takes part in no transaction: %w", tp.Topic, kerr.InvalidTopicException))
	default:
		kind := recordbatch.Abort
		if m.commit {
			kind = recordbatch.Commit
		}
		b := recordbatch.EndTxnMarker(kind, m.producer.ID, m.producer.Epoch, m.coordinatorEpoch, time.Now().UnixMilli())
		if _, err := p.Append(b, partition.AppendOptions{Acks: -1, Origin: partition.Internal}, done); err != nil {
			done(err)
		}
	}
}
