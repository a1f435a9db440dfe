package handler_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/internal/recordbatch"
)

// txnClient is a transactional producer by hand, of topic t. Codes are the errors of answers.
type txnClient struct {
	c        *client
	id       string
	producer int64
	epoch    int16
	sequence int32
	old      bool // the protocol before KIP-890
}

func (b *groupBroker) txn(id string, old bool) *txnClient {
	b.t.Helper()
	x := &txnClient{c: b.client(), id: id, old: old}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		resp := x.init()
		if resp.ErrorCode == kerr.ConcurrentTransactions.Code && time.Now().Before(end) {
			continue
		}
		wantCode(b.t, "init", resp.ErrorCode, nil)
		x.producer, x.epoch = resp.ProducerID, resp.ProducerEpoch
		return x
	}
}

func (x *txnClient) init() *kmsg.InitProducerIDResponse {
	x.c.t.Helper()
	req := latest(kmsg.NewPtrInitProducerIDRequest())
	req.TransactionalID, req.TransactionTimeoutMillis = &x.id, 60_000
	return do[*kmsg.InitProducerIDResponse](x.c, req)
}

func (x *txnClient) batch() []byte {
	return batch(x.c.t, 1, recordbatch.Options{
		HasProducer: true, Transactional: true, ProducerID: x.producer, ProducerEpoch: x.epoch, BaseSequence: x.sequence,
	})
}

func (x *txnClient) produceRequest() *kmsg.ProduceRequest {
	version := int16(12)
	if x.old {
		version = 11
	}
	req := produceRequest(version, "t", metadata.TopicID{}, 0, -1, x.batch())
	req.TransactionID = &x.id
	return req
}

func (x *txnClient) produce() int16 {
	x.c.t.Helper()
	resp := do[*kmsg.ProduceResponse](x.c, x.produceRequest())
	if resp.Topics[0].Partitions[0].ErrorCode == 0 {
		x.sequence++
	}
	return resp.Topics[0].Partitions[0].ErrorCode
}

func (x *txnClient) add() int16 {
	x.c.t.Helper()
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch = 3, x.id, x.producer, x.epoch
	req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	return do[*kmsg.AddPartitionsToTxnResponse](x.c, req).Topics[0].Partitions[0].ErrorCode
}

func (x *txnClient) addOffsets() int16 {
	x.c.t.Helper()
	req := latest(kmsg.NewPtrAddOffsetsToTxnRequest())
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = x.id, x.producer, x.epoch, "g"
	return do[*kmsg.AddOffsetsToTxnResponse](x.c, req).ErrorCode
}

func (x *txnClient) offsets(at int64) int16 {
	x.c.t.Helper()
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version = 5
	if x.old {
		req.Version = 4
	}
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = x.id, x.producer, x.epoch, "g"
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{
		Topic: "t", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{Offset: at, LeaderEpoch: -1}},
	}}
	return do[*kmsg.TxnOffsetCommitResponse](x.c, req).Topics[0].Partitions[0].ErrorCode
}

// end ends the transaction; while the one before is being completed it asks again.
func (x *txnClient) end(commit bool) int16 {
	x.c.t.Helper()
	req := latest(kmsg.NewPtrEndTxnRequest())
	if x.old {
		req.Version = 4
	}
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = x.id, x.producer, x.epoch, commit
	for {
		resp := do[*kmsg.EndTxnResponse](x.c, req)
		if resp.ErrorCode == kerr.ConcurrentTransactions.Code {
			continue
		}
		if resp.ErrorCode == 0 && !x.old {
			x.producer, x.epoch, x.sequence = resp.ProducerID, resp.ProducerEpoch, 0
		}
		return resp.ErrorCode
	}
}

// stable waits for the last stable offset of t to be want.
func (b *groupBroker) stable(want int64) {
	b.t.Helper()
	c := b.client()
	req := listOffsets(9, "t", 0, -1)
	req.IsolationLevel = 1
	var got int64
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if got = do[*kmsg.ListOffsetsResponse](c, req).Topics[0].Partitions[0].Offset; got == want {
			return
		}
	}
	b.t.Errorf("last stable offset %d, want %d", got, want)
}

func TestTransactionsOfBothProtocols(t *testing.T) {
	for _, old := range []bool{false, true} {
		b := newGroupBroker(t, fs.NewMem())
		b.create("t", 1)
		x := b.txn("x", old)
		if old {
			wantCode(t, "produce before the partition is added", x.produce(), kerr.TransactionAbortable)
			wantCode(t, "add", x.add(), nil)
			wantCode(t, "commit offsets before the group is added", x.offsets(1), kerr.TransactionAbortable)
			wantCode(t, "add offsets", x.addOffsets(), nil)
		}
		wantCode(t, "produce", x.produce(), nil)
		wantCode(t, "produce", x.produce(), nil)
		wantCode(t, "offsets", x.offsets(7), nil)
		wantCode(t, "offsets", x.offsets(8), nil)
		b.stable(0)
		if at, code := b.stableOffset(); code != kerr.UnstableOffsetCommit.Code {
			t.Errorf("pending offset %d, %v", at, kerr.ErrorForCode(code))
		}
		zombie := *x
		wantCode(t, "commit", x.end(true), nil)
		b.stable(3)
		if at := b.offsetOnceStable(); at != 8 {
			t.Errorf("offset %d after commit", at)
		}

		// What was long on its way does not hang the partition.
		zombie.c = b.client()
		if code := zombie.produce(); code == 0 {
			t.Error("a batch of a transaction that has ended is taken")
		}
		if code := zombie.offsets(99); code == 0 {
			t.Error("an offset of a transaction that has ended is taken")
		}
		b.stable(3)

		if old {
			for x.add() == kerr.ConcurrentTransactions.Code {
				time.Sleep(time.Millisecond)
			}
		}
		wantCode(t, "produce", x.produce(), nil)
		// Another producer takes over: the transaction is aborted.
		y := b.txn("x", old)
		b.stable(5)
		if code := x.produce(); code != kerr.InvalidProducerEpoch.Code {
			t.Errorf("a fenced producer writes: %v", kerr.ErrorForCode(code))
		}
		wantCode(t, "commit of a fenced producer", x.end(true), kerr.ProducerFenced)
		if !old {
			wantCode(t, "abort without a transaction", y.end(false), nil)
			// Batches that follow each other while the transaction begins stay in order.
			first := y.produceRequest()
			y.sequence = 1
			second := y.produceRequest()
			y.c.send(first)
			y.c.send(second)
			wantCode(t, "first", y.c.receive(first).(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode, nil)
			wantCode(t, "second", y.c.receive(second).(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode, nil)
			wantCode(t, "commit", y.end(true), nil)
			b.stable(8)
		}
		b.stop()
	}
}

// stableOffset reads the offset of group g with require_stable.
func (b *groupBroker) stableOffset() (int64, int16) {
	b.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.RequireStable = 8, true
	req.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "g", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", Partitions: []int32{0}}}}}
	p := do[*kmsg.OffsetFetchResponse](b.client(), req).Groups[0].Topics[0].Partitions[0]
	return p.Offset, p.ErrorCode
}

func (b *groupBroker) offsetOnceStable() int64 {
	b.t.Helper()
	for {
		if at, code := b.stableOffset(); code == 0 {
			return at
		}
		time.Sleep(time.Millisecond)
	}
}

// committed reads what read_committed shows of t: the base offsets of batches with data that are
// not aborted.
func (b *groupBroker) committed() (offsets []int64) {
	b.t.Helper()
	resp := do[*kmsg.FetchResponse](b.client(), fetchCommitted())
	p := resp.Topics[0].Partitions[0]
	aborted := make(map[int64]int64)
	for _, a := range p.AbortedTransactions {
		aborted[a.ProducerID] = a.FirstOffset
	}
	for batch, err := range recordbatch.Split(p.RecordBatches) {
		must(b.t, err)
		from, ok := aborted[batch.ProducerID()]
		switch {
		case batch.IsControl() && ok && batch.BaseOffset() > from:
			delete(aborted, batch.ProducerID())
		case batch.IsControl():
		case !ok || batch.BaseOffset() < from:
			offsets = append(offsets, batch.BaseOffset())
		}
	}
	return offsets
}

func fetchCommitted() *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes, req.IsolationLevel, req.SessionEpoch = 11, 1<<20, 1, -1
	p := kmsg.NewFetchRequestTopicPartition()
	p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LastFetchedEpoch = 1<<20, -1, -1
	req.Topics = []kmsg.FetchRequestTopic{{Topic: "t", Partitions: []kmsg.FetchRequestTopicPartition{p}}}
	return req
}

// Power may fail at every operation on the disk while two transactions run, the first of
// which commits and the second aborts, each with a record and an offset. After the restart
// every transaction is either done or not, the same in topic and offsets; what was
// acknowledged is done; and nothing hangs when the producer comes back.
func TestTransactionsSurvivePowerLossAnywhere(t *testing.T) {
	type crash struct {
		at           string
		left         *fs.Mem
		acknowledged bool
	}
	var mu sync.Mutex // guards what follows
	var crashes []crash
	armed, acknowledged := false, false
	set := func(flag *bool, to bool) {
		mu.Lock()
		defer mu.Unlock()
		*flag = to
	}
	fsys := fs.NewCrashMem()
	fsys.OnChange(func(at string) {
		mu.Lock()
		defer mu.Unlock()
		for mode := range 2 {
			if armed {
				crashes = append(crashes, crash{at, fsys.Crash(func(int) int { return mode }), acknowledged})
			}
		}
	})
	b := newGroupBroker(t, fsys)
	b.create("t", 1)
	x := b.txn("x", false)
	set(&armed, true)
	wantCode(t, "produce", x.produce(), nil)
	wantCode(t, "offsets", x.offsets(7), nil)
	wantCode(t, "commit", x.end(true), nil)
	set(&acknowledged, true)
	wantCode(t, "produce", x.produce(), nil)
	wantCode(t, "offsets", x.offsets(8), nil)
	wantCode(t, "abort", x.end(false), nil)
	b.stable(4)
	set(&armed, false)
	b.stop()

	states := make(map[int]int)
	for i, c := range crashes {
		b := newGroupBroker(t, c.left)
		b.txn("x", false) // aborts what is open, and waits for what is decided
		at := b.offsetOnceStable()
		got := b.committed()
		done := slices.Equal(got, []int64{0})
		if at == 7 != done || at != 7 && at != -1 || len(got) > 1 || c.acknowledged && !done {
			t.Errorf("crash %d at %s, acknowledged %v: offset %d, committed records at %v", i, c.at, c.acknowledged, at, got)
		}
		resp := do[*kmsg.ListOffsetsResponse](b.client(), listOffsets(9, "t", 0, -1))
		b.stable(resp.Topics[0].Partitions[0].Offset)
		states[len(got)]++
		b.stop()
	}
	t.Logf("%d crashes: %v", len(crashes), states)
	if states[0] == 0 || states[1] == 0 {
		t.Errorf("crashes only on one side of the decision: %v", states)
	}
}

func TestDescribeAndListTransactions(t *testing.T) {
	b := newGroupBroker(t, fs.NewMem())
	b.create("t", 1)
	x := b.txn("x", false)
	b.txn("y", false)
	wantCode(t, "produce", x.produce(), nil)
	c := b.client()
	f := func(change func(*kmsg.ListTransactionsRequest), want *kerr.Error, ids ...string) *kmsg.ListTransactionsResponse {
		t.Helper()
		req := latest(kmsg.NewPtrListTransactionsRequest())
		change(req)
		resp := do[*kmsg.ListTransactionsResponse](c, req)
		wantCode(t, "list", resp.ErrorCode, want)
		var got []string
		for _, s := range resp.TransactionStates {
			got = append(got, s.TransactionalID)
		}
		if slices.Sort(got); !slices.Equal(got, ids) {
			t.Errorf("listed %v, want %v", got, ids)
		}
		return resp
	}
	f(func(*kmsg.ListTransactionsRequest) {}, nil, "x", "y")
	f(func(r *kmsg.ListTransactionsRequest) { r.StateFilters = []string{"Ongoing"} }, nil, "x")
	f(func(r *kmsg.ListTransactionsRequest) { r.ProducerIDFilters = []int64{x.producer} }, nil, "x")
	f(func(r *kmsg.ListTransactionsRequest) { r.TransactionalIDPattern = new("[y-z]") }, nil, "y")
	f(func(r *kmsg.ListTransactionsRequest) { r.TransactionalIDPattern = new("[") }, kerr.InvalidRegularExpression)
	unknown := f(func(r *kmsg.ListTransactionsRequest) { r.StateFilters = []string{"Asleep"} }, nil)
	if !slices.Equal(unknown.UnknownStateFilters, []string{"Asleep"}) {
		t.Errorf("unknown states %v", unknown.UnknownStateFilters)
	}

	describe := kmsg.NewPtrDescribeTransactionsRequest()
	describe.TransactionalIDs = []string{"x", "nobody"}
	described := do[*kmsg.DescribeTransactionsResponse](c, describe).TransactionStates
	if s := described[0]; s.State != "Ongoing" || s.ProducerID != x.producer || s.TimeoutMillis != 60_000 || len(s.Topics) != 1 || s.Topics[0].Topic != "t" {
		t.Errorf("described %+v", s)
	}
	wantCode(t, "describe", described[1].ErrorCode, kerr.TransactionalIDNotFound)
}

// An administrator ends a transaction that hangs (KIP-664).
func TestWriteTxnMarkers(t *testing.T) {
	b := newGroupBroker(t, fs.NewMem())
	b.create("t", 1)
	x := b.txn("x", false)
	wantCode(t, "produce", x.produce(), nil)
	wantCode(t, "offsets", x.offsets(5), nil)
	req := latest(kmsg.NewPtrWriteTxnMarkersRequest())
	m := kmsg.NewWriteTxnMarkersRequestMarker()
	m.ProducerID, m.ProducerEpoch = x.producer, x.epoch
	partitions := make([]int32, 16)
	for i := range partitions {
		partitions[i] = int32(i)
	}
	m.Topics = []kmsg.WriteTxnMarkersRequestMarkerTopic{
		{Topic: "t", Partitions: []int32{0, 1}}, {Topic: metadata.OffsetsTopic, Partitions: partitions},
	}
	req.Markers = append(req.Markers, m)
	resp := do[*kmsg.WriteTxnMarkersResponse](b.client(), req).Markers[0]
	wantCode(t, "marker", resp.Topics[0].Partitions[0].ErrorCode, nil)
	wantCode(t, "marker", resp.Topics[0].Partitions[1].ErrorCode, kerr.UnknownTopicOrPartition)
	for _, p := range resp.Topics[1].Partitions {
		wantCode(t, "marker on offsets", p.ErrorCode, nil)
	}
	b.stable(2)
	if at, code := b.stableOffset(); at != -1 || code != 0 {
		t.Errorf("offset %d, error %d after the abort", at, code)
	}
	req.Markers[0].CoordinatorEpoch, req.Markers[0].Committed = -1, true
	resp = do[*kmsg.WriteTxnMarkersResponse](b.client(), req).Markers[0]
	wantCode(t, "marker of an old coordinator", resp.Topics[0].Partitions[0].ErrorCode, kerr.TransactionCoordinatorFenced)
	wantCode(t, "marker of an old coordinator", resp.Topics[1].Partitions[0].ErrorCode, kerr.TransactionCoordinatorFenced)
}
