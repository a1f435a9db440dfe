package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Transaction is one transactional id of a listing.
type Transaction struct {
	ID          string
	Coordinator int32
	ProducerID  int64
	State       string
}

// TransactionFilter chooses transactions. Its zero value takes all.
type TransactionFilter struct {
	States      []string
	ProducerIDs []int64
	LongerThan  time.Duration // negative or zero: any
	Pattern     string        // RE2 pattern of the transactional id
}

// ListTransactions lists the transactional ids of all coordinators.
func ListTransactions(ctx context.Context, cl *kgo.Client, f TransactionFilter) ([]Transaction, error) {
	req := kmsg.NewPtrListTransactionsRequest()
	req.StateFilters, req.ProducerIDFilters = f.States, f.ProducerIDs
	req.DurationFilterMillis = -1
	if f.LongerThan > 0 {
		req.DurationFilterMillis = f.LongerThan.Milliseconds()
	}
	if f.Pattern != "" {
		req.TransactionalIDPattern = &f.Pattern
	}
	var all []Transaction
	for _, shard := range cl.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return nil, fmt.Errorf("list transactions of broker %d: %w", shard.Meta.NodeID, shard.Err)
		}
		resp := shard.Resp.(*kmsg.ListTransactionsResponse)
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			return nil, fmt.Errorf("list transactions of broker %d: %w", shard.Meta.NodeID, err)
		}
		if len(resp.UnknownStateFilters) > 0 {
			return nil, fmt.Errorf("the broker knows no transaction state %v", resp.UnknownStateFilters)
		}
		for _, t := range resp.TransactionStates {
			all = append(all, Transaction{t.TransactionalID, shard.Meta.NodeID, t.ProducerID, t.TransactionState})
		}
	}
	slices.SortFunc(all, func(a, b Transaction) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return all, nil
}

// DescribeTransaction describes one transactional id.
func DescribeTransaction(ctx context.Context, adm *kadm.Client, id string) (kadm.DescribedTransaction, error) {
	all, err := adm.DescribeTransactions(ctx, id)
	if err == nil {
		err = all[id].Err
	}
	if err != nil {
		return kadm.DescribedTransaction{}, fmt.Errorf("describe transaction %q: %w", id, err)
	}
	return all[id], nil
}

// DescribeProducers lists the producers that a partition knows, by id.
func DescribeProducers(ctx context.Context, adm *kadm.Client, tp TopicPartition) ([]kadm.DescribedProducer, error) {
	set := kadm.TopicsSet{}
	set.Add(tp.Topic, tp.Partition)
	all, err := adm.DescribeProducers(ctx, set)
	if err != nil {
		return nil, fmt.Errorf("describe producers of %v: %w", tp, err)
	}
	p, ok := all[tp.Topic].Partitions[tp.Partition]
	if !ok {
		return nil, fmt.Errorf("describe producers of %v: %w", tp, kerr.UnknownTopicOrPartition)
	}
	if p.Err != nil {
		return nil, fmt.Errorf("describe producers of %v: %w", tp, p.Err)
	}
	return p.ActiveProducers.Sorted(), nil
}

// FindHanging looks for transactions that are open in a partition, but unknown to their coordinator, and older than maxAge: nobody
// will ever end them.
func FindHanging(ctx context.Context, cl *kgo.Client, adm *kadm.Client, partitions kadm.TopicsSet, maxAge time.Duration, now time.Time) ([]kadm.DescribedProducer, error) {
	open, err := openTransactions(ctx, adm, partitions, now.Add(-maxAge))
	if err != nil || len(open) == 0 {
		return nil, err
	}
	ids := map[int64]string{}
	var producers []int64
	for _, p := range open {
		producers = append(producers, p.ProducerID)
	}
	slices.Sort(producers)
	known, err := ListTransactions(ctx, cl, TransactionFilter{ProducerIDs: slices.Compact(producers)})
	if err != nil {
		return nil, err
	}
	for _, t := range known {
		ids[t.ProducerID] = t.ID
	}
	var hanging []kadm.DescribedProducer
	for _, p := range open {
		id, ok := ids[p.ProducerID]
		if ok {
			d, err := DescribeTransaction(ctx, adm, id)
			if err != nil && !errors.Is(err, kerr.TransactionalIDNotFound) {
				return nil, err
			}
			if err == nil && d.Topics.Lookup(p.Topic, p.Partition) {
				continue // its coordinator will end it
			}
		}
		hanging = append(hanging, p)
	}
	return hanging, nil
}

// openTransactions lists the producers with a transaction open since before a time.
func openTransactions(ctx context.Context, adm *kadm.Client, partitions kadm.TopicsSet, before time.Time) ([]kadm.DescribedProducer, error) {
	described, err := adm.DescribeProducers(ctx, partitions)
	if err != nil {
		return nil, fmt.Errorf("describe producers: %w", err)
	}
	var open []kadm.DescribedProducer
	for _, tp := range SortedPartitions(partitions) {
		d, ok := described[tp.Topic].Partitions[tp.Partition]
		if !ok {
			return nil, fmt.Errorf("describe producers of %v: %w", tp, kerr.UnknownTopicOrPartition)
		}
		if d.Err != nil {
			return nil, fmt.Errorf("describe producers of %v: %w", tp, d.Err)
		}
		for _, p := range d.ActiveProducers.Sorted() {
			if p.CurrentTxnStartOffset >= 0 && p.LastTimestamp < before.UnixMilli() {
				open = append(open, p)
			}
		}
	}
	return open, nil
}

// Abort names a transaction that is open in one partition.
type Abort struct {
	TopicPartition
	ProducerID       int64
	ProducerEpoch    int16
	CoordinatorEpoch int32
}

// AbortAt finds the transaction of a partition that began at an offset.
func AbortAt(ctx context.Context, adm *kadm.Client, tp TopicPartition, start int64) (Abort, error) {
	producers, err := DescribeProducers(ctx, adm, tp)
	if err != nil {
		return Abort{}, err
	}
	for _, p := range producers {
		if p.CurrentTxnStartOffset == start && start >= 0 {
			return Abort{tp, p.ProducerID, p.ProducerEpoch, max(p.CoordinatorEpoch, 0)}, nil
		}
	}
	return Abort{}, fmt.Errorf("no transaction that began at offset %d is open in %v", start, tp)
}

// Write has the partition's leader write the marker that ends the transaction.
func (a Abort) Write(ctx context.Context, adm *kadm.Client) error {
	set := kadm.TopicsSet{}
	set.Add(a.Topic, a.Partition)
	all, err := adm.WriteTxnMarkers(ctx, kadm.TxnMarkers{ProducerID: a.ProducerID, ProducerEpoch: a.ProducerEpoch, CoordinatorEpoch: a.CoordinatorEpoch, Topics: set})
	if err == nil {
		err = all[a.ProducerID].Topics[a.Topic].Partitions[a.Partition].Err
	}
	if err != nil {
		return fmt.Errorf("abort the transaction of producer %d in %v: %w", a.ProducerID, a.TopicPartition, err)
	}
	return nil
}

// fenceRetry is the wait after an answer that asks for one.
const fenceRetry = 50 * time.Millisecond

// Terminate ends what a transactional id has open and fences its producer, as a new producer of that id would.
func Terminate(ctx context.Context, cl *kgo.Client, id string, timeout time.Duration) error {
	for {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID = &id
		req.TransactionTimeoutMillis = int32(timeout.Milliseconds())
		req.ProducerID, req.ProducerEpoch = -1, -1
		resp, err := req.RequestWith(ctx, cl)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, kerr.ConcurrentTransactions) && !errors.Is(err, kerr.CoordinatorLoadInProgress) {
			return fmt.Errorf("terminate transactional id %q: %w", id, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("terminate transactional id %q: %w", id, errors.Join(err, ctx.Err()))
		case <-time.After(fenceRetry):
		}
	}
}
