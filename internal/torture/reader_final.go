package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fetchError notes what a reader must never be told: that the place is gone up to which he has read.
func (r *run) fetchError(ctx context.Context, fe kgo.FetchError) {
	if ctx.Err() != nil || errors.Is(fe.Err, context.Canceled) || errors.Is(fe.Err, context.DeadlineExceeded) {
		return
	}
	var loss *kgo.ErrDataLoss
	switch {
	case errors.As(fe.Err, &loss), errors.Is(fe.Err, kerr.OffsetOutOfRange), errors.Is(fe.Err, kerr.CorruptMessage):
		r.broken("lost-write", "reader of %s-%d: %v", fe.Topic, fe.Partition, fe.Err)
	default:
		r.log.Debug("fetch", "topic", fe.Topic, "partition", fe.Partition, "err", fe.Err)
	}
}

// marks asks for the offsets of one topic's partitions.
func (r *run) marks(ctx context.Context, adm *kadm.Client, topic string, final bool) (map[int32]Event, error) {
	since := r.rec.now()
	first, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	stable, err := adm.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	high, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	out := map[int32]Event{}
	high.Each(func(o kadm.ListedOffset) {
		err = errors.Join(err, o.Err)
		out[o.Partition] = Event{Kind: KindMark, Topic: topic, Partition: o.Partition, Offset: -1, High: o.Offset, Stable: -1, Since: since, Final: final}
	})
	stable.Each(func(o kadm.ListedOffset) {
		err = errors.Join(err, o.Err)
		e := out[o.Partition]
		e.Stable = o.Offset
		out[o.Partition] = e
	})
	first.Each(func(o kadm.ListedOffset) {
		err = errors.Join(err, o.Err)
		e := out[o.Partition]
		e.Offset = o.Offset
		out[o.Partition] = e
	})
	return out, err
}

// watchMarks polls the offsets of all topics.
func (r *run) watchMarks(loading, _ context.Context, _ *rand.Rand) {
	cl, err := r.client()
	if err != nil {
		r.broken("stuck", "make client: %v", err)
		return
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for wait(loading, 50*time.Millisecond) {
		h, _ := r.rec.History()
		for topic := range h.Topics {
			marks, err := r.marks(loading, adm, topic, false)
			if err != nil {
				continue
			}
			for _, m := range marks {
				r.rec.Note(m)
			}
		}
	}
}

// readAll reads every topic whole, with new clients.
func (r *run) readAll(hard context.Context) {
	ctx, cancel := context.WithTimeout(hard, healTimeout)
	defer cancel()
	h, _ := r.rec.History()
	for topic := range h.Topics {
		for _, committed := range []bool{false, true} {
			if err := r.readTopic(ctx, topic, committed); err != nil {
				r.broken("stuck", "read %s whole: %v", topic, err)
			}
		}
	}
}

// readTopic reads a topic from its start to where it ends now, and notes that afterwards.
func (r *run) readTopic(ctx context.Context, topic string, committed bool) error {
	adm, err := r.client()
	if err != nil {
		return err
	}
	defer adm.Close()
	marks, err := r.settledMarks(ctx, kadm.NewClient(adm), topic)
	if err != nil {
		return err
	}
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	for p, m := range marks {
		if m.Offset < m.High {
			from[p], left[p] = kgo.NewOffset().At(m.Offset), m.High
		}
	}
	opts := []kgo.Opt{
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.KeepControlRecords(),
	}
	if committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	cl, err := r.client(opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	session := r.session.Add(1)
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		for _, fe := range fetches.Errors() {
			r.fetchError(ctx, fe)
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			if rec.Offset >= marks[rec.Partition].High {
				return
			}
			r.got(rec, Event{Session: session, Committed: committed, Final: true})
			if rec.Offset == left[rec.Partition]-1 {
				delete(left, rec.Partition)
			}
		})
		if ctx.Err() != nil {
			return fmt.Errorf("the ends %v are not reached: %w", left, ctx.Err())
		}
	}
	for _, m := range marks {
		if committed {
			m.High = -1
		} else {
			m.Stable = -1
		}
		m.Final = true
		r.rec.Note(m)
	}
	return nil
}

// settled is how long a transaction that nobody works on may stay open.
const settled = 15 * time.Second

// settledMarks asks for offsets until no transaction is open, or until that takes too long.
func (r *run) settledMarks(ctx context.Context, adm *kadm.Client, topic string) (map[int32]Event, error) {
	for began := time.Now(); ; {
		marks, err := r.marks(ctx, adm, topic, false)
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		open := err != nil
		for _, m := range marks {
			open = open || m.Stable < m.High
		}
		if !open {
			return marks, nil
		}
		if time.Since(began) > settled {
			for _, m := range marks {
				if m.Stable < m.High {
					r.broken("hanging-txn", "%s-%d: last stable offset is %d, high watermark %d", m.Topic, m.Partition, m.Stable, m.High)
				}
			}
			return marks, err
		}
		if !wait(ctx, 50*time.Millisecond) {
			return nil, ctx.Err()
		}
	}
}
