package torture

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

const copyPartitions = 2

// prepareCopy makes a producer and two members of a group that copy its topic exactly once.
func prepareCopy(ctx context.Context, r *run) ([]job, error) {
	source, err := r.createTopic(ctx, "source", TopicInfo{Partitions: copyPartitions}, nil)
	if err != nil {
		return nil, err
	}
	target, err := r.createTopic(ctx, "copy", TopicInfo{Partitions: copyPartitions, CopyOf: source}, nil)
	if err != nil {
		return nil, err
	}
	fed := make(chan struct{})
	feed := r.producer(21, source, copyPartitions, nil)
	return []job{
		func(loading, hard context.Context, rng *rand.Rand) { defer close(fed); feed(loading, hard, rng) },
		r.copier(22, source, target, fed), r.copier(23, source, target, fed),
		r.reader(target, copyPartitions, true),
	}, nil
}

// copier copies until everything is copied that the producer has sent.
func (r *run) copier(id int, source, target string, fed <-chan struct{}) job {
	return func(loading, hard context.Context, rng *rand.Rand) {
		for life := 0; hard.Err() == nil && !r.copied(hard, source, fed); life++ {
			session, err := kgo.NewGroupTransactSession(r.copyOptions(id, source)...)
			if err != nil {
				r.broken("stuck", "make client: %v", err)
				return
			}
			r.copySession(loading, hard, rng, session, Event{Worker: id + 100*life, Topic: target}, func() bool { return r.copied(hard, source, fed) })
			session.CloseAllowingRebalance()
		}
	}
}

func (r *run) copyGroup() string { return r.prefix + "copiers" }

func (r *run) copyOptions(id int, source string) []kgo.Opt {
	return append(r.options(),
		kgo.TransactionalID(r.prefix+"copier-"+string(rune('a'+id-22))), kgo.TransactionTimeout(10*time.Second),
		kgo.ConsumerGroup(r.copyGroup()), kgo.ConsumeTopics(source), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.SessionTimeout(6*time.Second), kgo.RebalanceTimeout(5*time.Second),
		kgo.HeartbeatInterval(200*time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
}

func (r *run) copySession(loading, hard context.Context, rng *rand.Rand, s *kgo.GroupTransactSession, e Event, done func() bool) {
	for steps := 50 + rng.IntN(300); steps > 0 || loading.Err() != nil; steps-- {
		poll, cancel := context.WithTimeout(hard, 300*time.Millisecond)
		fetches := s.PollRecords(poll, 100)
		cancel()
		if hard.Err() != nil || fetches.NumRecords() == 0 && done() {
			return
		}
		if fetches.NumRecords() == 0 {
			continue
		}
		if err := s.Begin(); err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(hard, 20*time.Second)
		again := r.copyBatch(ctx, rng, s, fetches.Records(), e)
		cancel()
		if again {
			return
		}
	}
}

// copyBatch copies records in the transaction that has begun, and reports whether the client can no longer be used.
func (r *run) copyBatch(ctx context.Context, rng *rand.Rand, s *kgo.GroupTransactSession, records []*kgo.Record, e Event) (again bool) {
	t := r.rec.Call(Event{Kind: KindTxn, Worker: e.Worker})
	var out []*kgo.Record
	calls := map[*kgo.Record]Event{}
	for _, in := range records {
		p, err := decodePayload(in.Value)
		if err != nil {
			r.broken("bytes", "%s-%d offset %d: %v", in.Topic, in.Partition, in.Offset, err)
			continue
		}
		rec, call := r.record(Event{Worker: e.Worker, Topic: e.Topic, Partition: in.Partition, Txn: t.Op, Source: p.value}, 0)
		out, calls[rec] = append(out, rec), call
	}
	end := kgo.TryCommit
	for _, result := range s.ProduceSync(ctx, out...) {
		r.sent(calls[result.Record], result.Record, result.Err)
		if result.Err != nil {
			end = kgo.TryAbort
		}
	}
	if rng.IntN(16) == 0 {
		end = kgo.TryAbort
	}
	if end == kgo.TryCommit {
		r.rec.Note(Event{Kind: KindEnd, Txn: t.Op})
	}
	committed, err := s.End(ctx, end)
	switch {
	case err != nil:
		r.log.Debug("end copy", "err", err)
		r.rec.Done(t, Info)
		return true
	case committed:
		r.rec.Done(t, OK)
	default:
		r.rec.Done(t, Fail)
	}
	return false
}

// copied reports whether the copiers have committed the end of their source, after the producer has ended.
func (r *run) copied(ctx context.Context, source string, fed <-chan struct{}) bool {
	select {
	case <-fed:
	default:
		return false
	}
	cl, err := r.client(kgo.MaxVersions(kversion.V3_8_0())) // topics by name
	if err != nil {
		return false
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ends, err := adm.ListEndOffsets(ctx, source)
	if err != nil || ends.Error() != nil {
		return false
	}
	offsets, err := adm.FetchOffsets(ctx, r.copyGroup())
	if err != nil {
		return false
	}
	done := true
	ends.Each(func(end kadm.ListedOffset) {
		at, ok := offsets.Lookup(source, end.Partition)
		done = done && (end.Offset == 0 || ok && at.Err == nil && at.At >= end.Offset)
	})
	return done
}
