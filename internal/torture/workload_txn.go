package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

const txnPartitions = 2

// prepareTxn makes transactional producers over two topics, with both protocols of transactions, and readers of both
// isolation levels.
func prepareTxn(ctx context.Context, r *run) ([]job, error) {
	var topics []string
	for i := range 2 {
		topic, err := r.createTopic(ctx, fmt.Sprintf("txn-%d", i), TopicInfo{Partitions: txnPartitions}, nil)
		if err != nil {
			return nil, err
		}
		topics = append(topics, topic)
	}
	jobs := []job{r.transactor(11, topics, nil), r.transactor(12, topics, nil), r.transactor(13, topics, kversion.V3_8_0())}
	for _, topic := range topics {
		jobs = append(jobs, r.reader(topic, txnPartitions, true), r.reader(topic, txnPartitions, false))
	}
	return jobs, nil
}

// transactor runs one transaction after the other under one transactional id.
func (r *run) transactor(id int, topics []string, versions *kversion.Versions) job {
	open := func() (*kgo.Client, error) {
		opts := []kgo.Opt{
			kgo.TransactionalID(fmt.Sprintf("%s%d", r.prefix, id)), kgo.TransactionTimeout(10 * time.Second),
		}
		if versions != nil {
			opts = append(opts, kgo.MaxVersions(versions))
		}
		return r.client(opts...)
	}
	return func(loading, hard context.Context, rng *rand.Rand) {
		cl, err := open()
		if err != nil {
			r.broken("stuck", "make client: %v", err)
			return
		}
		life := 0
		for r.pause(loading, rng) {
			again := r.transaction(hard, rng, cl, open, Event{Worker: id + 100*life}, topics)
			if again == nil {
				continue
			}
			cl.Close()
			cl = again
			life++
		}
		// Whatever the last transaction came to, the next producer of the id ends it.
		if last, err := open(); err == nil {
			ctx, cancel := context.WithTimeout(hard, healTimeout)
			if _, _, err := last.ProducerID(ctx); err != nil && hard.Err() == nil {
				r.broken("stuck", "no producer id for transactions of worker %d: %v", id, err)
			}
			cancel()
			last.Close()
		}
		cl.Close()
	}
}

// transaction is one. It returns another client if cl can no longer be used.
func (r *run) transaction(hard context.Context, rng *rand.Rand, cl *kgo.Client, open func() (*kgo.Client, error), e Event, topics []string) *kgo.Client {
	renew := func() *kgo.Client {
		next, err := open()
		if err != nil {
			r.broken("stuck", "make client: %v", err)
			return nil
		}
		return next
	}
	e.Kind = KindTxn
	if err := cl.BeginTransaction(); err != nil {
		return renew()
	}
	t := r.rec.Call(e)
	ctx, cancel := context.WithTimeout(hard, 20*time.Second)
	defer cancel()
	failed := false
	for range 1 + rng.IntN(4) {
		var records []*kgo.Record
		calls := map[*kgo.Record]Event{}
		partition, topic := rng.Int32N(txnPartitions), topics[rng.IntN(len(topics))]
		for range 1 + rng.IntN(3) {
			rec, call := r.record(Event{Worker: e.Worker, Topic: topic, Partition: partition, Txn: t.Op}, rng.IntN(200))
			records, calls[rec] = append(records, rec), call
		}
		for _, result := range cl.ProduceSync(ctx, records...) {
			r.sent(calls[result.Record], result.Record, result.Err)
			failed = failed || result.Err != nil
		}
	}
	switch n := rng.IntN(20); {
	case n == 0:
		return r.fence(ctx, cl, renew, t)
	case n < 6 || failed:
		if err := cl.EndTransaction(ctx, kgo.TryAbort); err != nil {
			r.rec.Done(t, Info)
			return renew()
		}
		r.rec.Done(t, Fail)
	default:
		r.rec.Note(Event{Kind: KindEnd, Txn: t.Op})
		if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
			r.log.Debug("commit", "err", err)
			r.rec.Done(t, Info)
			return renew()
		}
		r.rec.Done(t, OK)
	}
	return nil
}

// fence lets another producer take the transactional id while the transaction is open, and then tries to commit it.
func (r *run) fence(ctx context.Context, cl *kgo.Client, renew func() *kgo.Client, t Event) *kgo.Client {
	next := renew()
	if next == nil {
		return nil
	}
	if _, _, err := next.ProducerID(ctx); err != nil {
		r.rec.Done(t, Info)
		return next
	}
	r.rec.Done(t, Fail)
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err == nil {
		r.rec.Done(t, OK)
	}
	return next
}
