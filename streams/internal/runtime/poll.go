package runtime

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/chortal/chortal/streams/processor"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fetched is a run of records of one partition. Its slice comes from a pool.
type fetched struct {
	topic     string
	partition int32
	records   []processor.RawRecord
	next      int64 // offset behind the last record, shown or not
	end       int64 // end of the partition on the broker
	pool      *sync.Pool
	whole     []processor.RawRecord // records as it came from the pool
}

// release gives the slice back.
func (f *fetched) release() {
	clear(f.whole)
	whole := f.whole[:0]
	f.pool.Put(&whole)
}

const (
	// pollRecords bounds the records of one poll.
	pollRecords = 8192
	// roomTimeout is how long the poll loop waits for tasks that are behind before it lets the others overtake them.
	roomTimeout = 100 * time.Millisecond
)

// pollLoop hands fetched records to the tasks until ctx ends.
//
// When tasks have enough records, the loop does not poll: the client keeps what it has fetched. A task that does not get
// on, because it waits for another topic's records, has its full partitions paused instead, so that the others come
// through; the same happens to a slow task after roomTimeout.
func (rt *Runtime) pollLoop(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := rt.poll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// poll fetches once. If nothing but errors comes, it waits a little: they come again at once.
func (rt *Runtime) poll(ctx context.Context) error {
	ctx, cancel := rt.beginPoll(ctx)
	defer cancel()
	pollCtx, stop := ctx, context.CancelFunc(func() {})
	if rt.makeRoom(ctx) {
		pollCtx, stop = context.WithTimeout(ctx, roomTimeout)
	}
	fetches := rt.client.PollRecords(pollCtx, pollRecords)
	stop()
	onlyErrors, err := rt.distribute(fetches)
	rt.client.AllowRebalance()
	if err == nil && onlyErrors {
		sleep(ctx, fetchErrorPause)
	}
	return err
}

// beginPoll runs what has to happen between two polls, and returns a context that interruptPoll ends.
func (rt *Runtime) beginPoll(ctx context.Context) (context.Context, context.CancelFunc) {
	rt.pollMu.Lock()
	defer rt.pollMu.Unlock()
	for _, action := range rt.betweenPolls {
		action()
	}
	rt.betweenPolls = nil
	ctx, rt.interrupt = context.WithCancel(ctx)
	return ctx, rt.interrupt
}

// interruptPoll has action run between two polls, soon.
func (rt *Runtime) interruptPoll(action func()) {
	rt.pollMu.Lock()
	defer rt.pollMu.Unlock()
	rt.betweenPolls = append(rt.betweenPolls, action)
	if rt.interrupt != nil {
		rt.interrupt()
	}
}

// fetchFrom lets the partitions of a worker be fetched from the positions given, and waits until that is so.
func (rt *Runtime) fetchFrom(ctx context.Context, w *worker, positions map[string]position) error {
	offsets := make(map[string]map[int32]kgo.EpochOffset, len(positions))
	for topic, p := range positions {
		offsets[topic] = map[int32]kgo.EpochOffset{w.id.Partition: {Epoch: -1, Offset: p.next}}
	}
	done := make(chan struct{})
	rt.interruptPoll(func() {
		defer close(done)
		w.state.Store(int32(running))
		// In this order: new offsets make the client fetch anew at once, while a partition that is only resumed has to
		// wait until the fetch that is under way, without it, comes back.
		rt.client.ResumeFetchPartitions(w.partitions())
		rt.client.SetOffsets(offsets)
	})
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	rt.checkReady()
	return nil
}

// pause stops fetching the partitions of a worker.
func (rt *Runtime) pause(w *worker) { rt.client.PauseFetchPartitions(w.partitions()) }

// makeRoom waits until no working task has too many records, and pauses the partitions of those that do not get on. It
// says whether any partition is paused.
func (rt *Runtime) makeRoom(ctx context.Context) (paused bool) {
	deadline := time.NewTimer(roomTimeout)
	defer deadline.Stop()
	for {
		stuck, behind := rt.fullWorkers()
		for w, topics := range stuck {
			rt.pauseTopics(w, topics)
		}
		if len(behind) == 0 {
			break
		}
		select {
		case <-rt.room:
			continue
		case <-ctx.Done():
		case <-deadline.C:
			for w, topics := range behind {
				rt.pauseTopics(w, topics)
			}
		}
		break
	}
	return rt.resumeLow()
}

// fullWorkers returns the workers with full partitions: those that wait for something else, and those that work.
func (rt *Runtime) fullWorkers() (stuck, behind map[*worker][]string) {
	stuck, behind = make(map[*worker][]string), make(map[*worker][]string)
	for _, w := range rt.active() {
		full, _ := w.full(rt.cfg.BufferedRecords)
		switch {
		case len(full) == 0 || workerState(w.state.Load()) != running:
		case w.waiting.Load() || w.suspended.Load():
			stuck[w] = full
		default:
			behind[w] = full
		}
	}
	return stuck, behind
}

func (rt *Runtime) pauseTopics(w *worker, topics []string) {
	m := make(map[string][]int32, len(topics))
	for _, topic := range topics {
		m[topic] = []int32{w.id.Partition}
		rt.held[heldPartition{w, topic}] = true
	}
	rt.client.PauseFetchPartitions(m)
}

// heldPartition is one that the poll loop has paused.
type heldPartition struct {
	w     *worker
	topic string
}

// resumeLow resumes the partitions that have got shorter, and says whether others are still paused.
func (rt *Runtime) resumeLow() (paused bool) {
	for h := range rt.held {
		_, low := h.w.full(rt.cfg.BufferedRecords)
		for _, topic := range low {
			if topic == h.topic {
				delete(rt.held, h)
				if workerState(h.w.state.Load()) == running {
					rt.client.ResumeFetchPartitions(map[string][]int32{topic: {h.w.id.Partition}})
				}
			}
		}
		if workerState(h.w.state.Load()) == ended {
			delete(rt.held, h)
		}
	}
	return len(rt.held) > 0
}

// signalRoom tells the poll loop that a full partition is full no more.
func (rt *Runtime) signalRoom() {
	select {
	case rt.room <- struct{}{}:
	default:
	}
}

// distribute gives fetched records to their tasks, and says whether there were errors and no records.
func (rt *Runtime) distribute(fetches kgo.Fetches) (onlyErrors bool, failed error) {
	fetches.EachError(func(topic string, partition int32, err error) {
		switch {
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, kgo.ErrClientClosed):
		default:
			onlyErrors = true
			failed = errors.Join(failed, rt.fetchFailed(&rt.fetchErrors, topic, partition, err))
		}
	})
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		onlyErrors = false
		rt.fetchErrors.sound(p.Topic)
		if w := rt.owner(p.Topic, p.Partition); w != nil {
			w.offer(rt.convert(p))
		}
	})
	return onlyErrors, failed
}

// fatalFetch says whether an error of a fetch does not pass.
func fatalFetch(err error) bool {
	for _, fatal := range []error{
		kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.SaslAuthenticationFailed, kerr.UnsupportedVersion,
		kerr.InvalidGroupID, kerr.FencedInstanceID, kerr.InconsistentGroupProtocol,
	} {
		if errors.Is(err, fatal) {
			return true
		}
	}
	return false
}

// convert makes raw records of those of the client. The bytes are shared: nobody writes to them.
func (rt *Runtime) convert(p kgo.FetchTopicPartition) fetched {
	pooled := rt.rawRecords.Get().(*[]processor.RawRecord)
	records := (*pooled)[:0]
	for _, r := range p.Records {
		if r.Attrs.IsControl() {
			continue
		}
		raw := processor.RawRecord{Key: r.Key, Value: r.Value, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli()}
		if len(r.Headers) > 0 {
			raw.Headers = make([]processor.Header, len(r.Headers))
			for i, h := range r.Headers {
				raw.Headers[i] = processor.Header{Key: h.Key, Value: h.Value}
			}
		}
		records = append(records, raw)
	}
	last := p.Records[len(p.Records)-1]
	return fetched{
		topic: p.Topic, partition: p.Partition, records: records, whole: records, pool: &rt.rawRecords,
		next: last.Offset + 1, end: max(p.HighWatermark, last.Offset+1),
	}
}
