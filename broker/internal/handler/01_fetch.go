package handler

// Fetch (key 1): versions 4-18.
//
//	v4   record batches; isolation level
//	v5   log start offsets
//	v7   sessions (KIP-227)
//	v9   the leader epoch that the client believes in (KIP-320)
//	v10  zstd
//	v11  rack, preferred replica (KIP-392)
//	v12  flexible; the epoch of the record before the offset (KIP-595)
//	v13  topic ids instead of names (KIP-516)
//	v15  replica state (KIP-903)
//	v16  addresses of the current leaders (KIP-951)
//	v17  replica directory ids (KIP-853)
//	v18  the follower's high watermark (KIP-1166)

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/server"
)

const (
	zstdFetchVersion     = 10 // the first that may carry zstd
	leaderFetchVersion   = 12 // the first with the current leader as a tag
	idFetchVersion       = 13 // the first with topic ids
	endpointFetchVersion = 16 // the first with addresses of leaders
)

// fetch is one Fetch request on its way: read all partitions, and if that is
// too little, wait for more and read again.
type fetch struct {
	*request
	req     *kmsg.FetchRequest
	access  *access
	reply   func(*server.FetchResponse, error)
	session sessionUse
	parts   []fetchPart
	began   time.Time // the work on the answer, as far as the quota of time counts it here

	maxBytes int32
	minBytes int64

	mu     sync.Mutex        // held while a wait is set up
	woken  bool              // guarded by mu
	waiter *partition.Waiter // guarded by mu, as the next two
	timer  *time.Timer
	cancel func() bool // of the watch on ctx
}

// fetchPart is a partition of a fetch: what was asked, and what was found.
type fetchPart struct {
	*fetchWant
	topic  *metadata.Topic
	part   *partition.Partition
	err    error // of finding or reading it
	result partition.ReadResult
}

func (h *Handlers) fetch(ctx context.Context, c *server.Conn, req *kmsg.FetchRequest, reply func(*server.FetchResponse, error)) {
	f := &fetch{request: h.request(ctx, c, "Fetch"), req: req, reply: reply, began: time.Now()}
	use, err := h.sessions.use(req, f.began)
	if err != nil {
		f.refuse(err)
		return
	}
	f.session = use
	f.access = h.security.access(f.img, c)
	limit := h.limitsOf(f.img).fetchMaxBytes
	f.maxBytes = int32(min(int64(max(req.MaxBytes, 0)), limit))
	f.minBytes = min(int64(req.MinBytes), limit)
	f.capByQuota()
	f.find(use.wants)
	if f.read() || req.MaxWaitMillis <= 0 {
		f.answer()
		return
	}
	f.wait()
}

// find looks up what is wanted. A partition that cannot be found is answered
// with its error, and does not cut the wait for the others short.
func (f *fetch) find(wants []*fetchWant) {
	f.parts = make([]fetchPart, len(wants))
	var t *metadata.Topic
	var err error
	for i, w := range wants {
		p := &f.parts[i]
		p.fetchWant = w
		if i == 0 || w.topic != wants[i-1].topic || w.id != wants[i-1].id {
			t, err = f.target(w)
		}
		p.topic, p.err = t, err
		if err == nil {
			p.part, p.err = f.partition(t, w.index)
		}
	}
}

func (f *fetch) target(w *fetchWant) (*metadata.Topic, error) {
	replica := f.req.ReplicaID >= 0 || f.req.ReplicaState.ID >= 0
	if name, known := f.access.topicNamed(w.topic, w.id); known && !f.access.mayFetch(name, replica) {
		return nil, kerr.TopicAuthorizationFailed
	}
	if replica {
		return nil, fmt.Errorf("broker %d is no replica: %w", max(f.req.ReplicaID, f.req.ReplicaState.ID), kerr.NotLeaderForPartition)
	}
	var t *metadata.Topic
	var err error
	if f.req.Version >= idFetchVersion {
		t, err = f.topicByID(w.id)
	} else {
		t, err = f.topic(w.topic)
	}
	if err == nil && f.req.Version < zstdFetchVersion && t.Configs["compression.type"] == "zstd" {
		return t, fmt.Errorf("topic %q is compressed with zstd: %w", t.Name, kerr.UnsupportedCompressionType)
	}
	return t, err
}

// read reads every partition, and reports whether the answer can go out:
// enough bytes, an error, or nothing to wait for.
func (f *fetch) read() bool {
	left := f.maxBytes
	atLeastOne := true // until a partition gave something
	var bytes int64
	ready, more, readable := false, false, 0
	for i := range f.parts {
		p := &f.parts[i]
		if p.part == nil {
			continue
		}
		readable++
		p.part.Stats().Fetches.Add(1)
		p.result, p.err = p.part.Read(partition.ReadOptions{
			Offset: p.offset, MaxBytes: min(p.maxBytes, left), AtLeastOne: atLeastOne,
			Isolation:          partition.Isolation(f.req.IsolationLevel),
			CurrentLeaderEpoch: p.leaderEpoch, LastFetchedEpoch: p.lastFetchedEpoch,
		})
		if p.err != nil || p.result.Diverging != nil {
			ready = true
			continue
		}
		more = more || p.result.Mark.More()
		if p.result.Slice == nil {
			continue
		}
		n := p.result.Slice.Len()
		bytes += n
		atLeastOne = atLeastOne && n == 0
		left = int32(max(int64(left)-n, 0))
	}
	f.minBytes -= bytes // what is still missing
	// What a limit of the request left out would never wake us.
	return ready || readable == 0 || f.minBytes <= 0 || more && bytes > 0
}

// wait parks the fetch until more has come, the time is up, or the connection
// ends. Whatever it is runs the timer's function, in a goroutine that ends
// with the answer.
func (f *fetch) wait() {
	f.release()
	f.mu.Lock() // again waits until all is set up
	defer f.mu.Unlock()
	f.timer = time.AfterFunc(time.Duration(f.req.MaxWaitMillis)*time.Millisecond, f.again)
	wake := func() { f.timer.Reset(0) }
	f.cancel = context.AfterFunc(f.ctx, wake)
	f.waiter = partition.NewWaiter(f.minBytes, wake)
	for i := range f.parts {
		if p := &f.parts[i]; p.part != nil {
			f.waiter.Watch(p.part, p.result.Mark, partition.Isolation(f.req.IsolationLevel))
		}
	}
}

// again is the second and last read. Topics may have come and gone meanwhile.
func (f *fetch) again() {
	f.mu.Lock()
	woken := f.woken
	f.woken = true
	f.mu.Unlock()
	if woken {
		return
	}
	f.cancel()
	f.waiter.Stop()
	f.timer.Stop()
	f.began = time.Now()
	f.img = f.h.metadata.Image()
	f.access = f.h.security.access(f.img, f.conn)
	f.find(f.session.wants)
	f.read()
	f.answer()
}

// release lets go of what was read.
func (f *fetch) release() {
	for i := range f.parts {
		if s := f.parts[i].result.Slice; s != nil {
			s.Release()
			f.parts[i].result.Slice = nil
		}
	}
}

// answer sends what was read, or less where a session knows what the client
// has been told before.
func (f *fetch) answer() {
	if wait := f.throttle(); wait > 0 {
		f.answerThrottled(wait)
		return
	}
	resp := server.NewFetchResponse()
	parts, err := f.session.answer(f)
	if err != nil {
		f.release()
		resp.ErrorCode = f.code(err)
		f.reply(resp, nil)
		return
	}
	resp.SessionID = f.session.id
	var topic *kmsg.FetchResponseTopic
	for _, p := range parts {
		if topic == nil || topic.Topic != p.fetchWant.topic || topic.TopicID != p.id {
			t := kmsg.NewFetchResponseTopic()
			t.Topic, t.TopicID = p.fetchWant.topic, p.id
			resp.Topics = append(resp.Topics, t)
			resp.Records = append(resp.Records, nil)
			topic = &resp.Topics[len(resp.Topics)-1]
		}
		topic.Partitions = append(topic.Partitions, f.partitionAnswer(resp, p))
		last := len(resp.Records) - 1
		var s server.Slice
		if p.result.Slice != nil {
			s = p.result.Slice
		}
		resp.Records[last] = append(resp.Records[last], s)
	}
	f.reply(resp, nil)
}

func (f *fetch) partitionAnswer(resp *server.FetchResponse, p *fetchPart) kmsg.FetchResponseTopicPartition {
	out := kmsg.NewFetchResponseTopicPartition()
	out.Partition = p.index
	if f.req.IsolationLevel == int8(partition.ReadCommitted) {
		out.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	}
	if p.err != nil {
		if p.part != nil {
			p.part.Stats().FailedFetches.Add(1)
		}
		out.ErrorCode, out.HighWatermark = f.code(f.lost(p)), -1
		if errors.Is(p.err, kerr.NotLeaderForPartition) || errors.Is(p.err, kerr.FencedLeaderEpoch) {
			f.tellLeader(resp, p, &out)
		}
		return out
	}
	if p.result.Slice != nil {
		p.part.Stats().BytesOut.Add(p.result.Slice.Len())
	}
	out.HighWatermark = p.result.HighWatermark
	out.LastStableOffset = p.result.LastStableOffset
	out.LogStartOffset = p.result.LogStartOffset
	if d := p.result.Diverging; d != nil {
		out.DivergingEpoch.Epoch, out.DivergingEpoch.EndOffset = d.LeaderEpoch, d.EndOffset
	}
	for _, a := range p.result.Aborted {
		t := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
		t.ProducerID, t.FirstOffset = a.ProducerID, a.FirstOffset
		out.AbortedTransactions = append(out.AbortedTransactions, t)
	}
	return out
}

// lost returns the error of a partition. One that the image has and the log has
// not is being deleted, which the log hears first: to a client that asks by id,
// the id is gone.
func (f *fetch) lost(p *fetchPart) error {
	if f.req.Version < idFetchVersion || p.topic == nil || !errors.Is(p.err, kerr.UnknownTopicOrPartition) {
		return p.err
	}
	if _, ok := p.topic.Partition(p.index); !ok {
		return p.err
	}
	return fmt.Errorf("topic id %v is being deleted: %w", p.id, kerr.UnknownTopicID)
}

// tellLeader adds whom the client should ask instead.
func (f *fetch) tellLeader(resp *server.FetchResponse, p *fetchPart, out *kmsg.FetchResponseTopicPartition) {
	if f.req.Version < leaderFetchVersion {
		return
	}
	node, epoch := f.leader(p.topic, p.index)
	out.CurrentLeader.LeaderID, out.CurrentLeader.LeaderEpoch = node, epoch
	b, ok := f.img.Broker(node)
	if !ok || f.req.Version < endpointFetchVersion ||
		slices.ContainsFunc(resp.Brokers, func(b kmsg.FetchResponseBroker) bool { return b.NodeID == node }) {
		return
	}
	to := kmsg.NewFetchResponseBroker()
	to.NodeID, to.Rack = node, rack(b)
	to.Host, to.Port = f.address(node)
	resp.Brokers = append(resp.Brokers, to)
}
