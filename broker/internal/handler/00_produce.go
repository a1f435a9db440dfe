package handler

// Produce (key 0): versions 0-13.
//
//	v0-2   advertised, because librdkafka turns compression off without them, and refused
//	v3     transactional ids; record batches of magic 2 only
//	v5     the log start offset in answers
//	v7     zstd
//	v8     the faulty records of a batch (KIP-467)
//	v9     flexible
//	v10    the current leader with NOT_LEADER_OR_FOLLOWER (KIP-951)
//	v12    implicit AddPartitionsToTxn (KIP-890)
//	v13    topic ids instead of names (KIP-516)

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
	"github.com/chortal/chortal/internal/recordbatch"
)

const (
	firstProduceVersion  = 3  // the first with record batches
	zstdProduceVersion   = 7  // the first that may carry zstd
	leaderProduceVersion = 10 // the first whose answers tell the current leader
	idProduceVersion     = 13 // the first with topic ids
)

// produce is one Produce request on its way. Its partitions are appended in
// order; those whose acknowledgement must wait for the disk call back later,
// and the last one sends the answer.
type produce struct {
	*request
	req   *kmsg.ProduceRequest
	resp  *kmsg.ProduceResponse
	reply func(*kmsg.ProduceResponse, error)

	refused error            // what is wrong with the request as a whole
	looked  map[place]looked // partitions whose transaction was looked up

	mu       sync.Mutex
	waiting  int         // guarded by mu: appends to come, plus one while more may begin
	answered bool        // guarded by mu
	timer    *time.Timer // guarded by mu; nil if nothing waits
}

func (h *Handlers) produce(ctx context.Context, c *server.Conn, req *kmsg.ProduceRequest, reply func(*kmsg.ProduceResponse, error)) {
	p := &produce{request: h.request(ctx, c, "Produce"), req: req, reply: reply, waiting: 1}
	p.resp = kmsg.NewPtrProduceResponse()
	p.resp.Topics = make([]kmsg.ProduceResponseTopic, len(req.Topics))
	p.refused = p.refuse()
	if p.refused != nil || !p.lookUp(p.appendAll) {
		p.appendAll()
	}
}

// appendAll appends to all partitions, in order.
func (p *produce) appendAll() {
	for i := range p.req.Topics {
		p.topicAt(i)
	}
	p.wait()
}

// refuse returns what is wrong with the request as a whole: it is the result
// of each of its partitions.
func (p *produce) refuse() error {
	switch {
	case p.req.Version < firstProduceVersion:
		return fmt.Errorf("message formats before record batches: %w", kerr.UnsupportedVersion)
	case p.req.Acks < -1 || p.req.Acks > 1:
		return fmt.Errorf("acks %d: %w", p.req.Acks, kerr.InvalidRequiredAcks)
	}
	return nil
}

func (p *produce) topicAt(i int) {
	in, out := &p.req.Topics[i], &p.resp.Topics[i]
	*out = kmsg.NewProduceResponseTopic()
	out.Topic, out.TopicID = in.Topic, in.TopicID
	out.Partitions = make([]kmsg.ProduceResponseTopicPartition, len(in.Partitions))
	t, err := p.target(in)
	if p.refused != nil {
		err = p.refused
	}
	for j := range in.Partitions {
		result := &out.Partitions[j]
		*result = kmsg.NewProduceResponseTopicPartition()
		result.Partition, result.BaseOffset = in.Partitions[j].Partition, -1
		failed := err
		if failed == nil {
			failed = p.append(t, in.Partitions[j].Records, p.looked[place{i, j}], result)
		}
		if failed != nil {
			p.mu.Lock()
			p.fail(t, result, failed)
			p.mu.Unlock()
		}
	}
}

func (p *produce) target(in *kmsg.ProduceRequestTopic) (t *metadata.Topic, err error) {
	if p.req.Version >= idProduceVersion {
		t, err = p.topicByID(in.TopicID)
	} else {
		t, err = p.topic(in.Topic)
	}
	if err == nil && t.Internal() {
		return nil, fmt.Errorf("topic %q is written by the broker alone: %w", t.Name, kerr.InvalidTopicException)
	}
	return t, err
}

// append hands the records of one partition over. result is filled in at once
// but for the acknowledgement, which may come later with an error.
func (p *produce) append(t *metadata.Topic, records []byte, txn looked, result *kmsg.ProduceResponseTopicPartition) error {
	part, err := p.partition(t, result.Partition)
	if err != nil {
		return err
	}
	part.Stats().Produces.Add(1)
	if txn.err != nil {
		return txn.err
	}
	if err := checkRecords(records, p.req.Version); err != nil {
		return err
	}
	p.mu.Lock()
	p.waiting++
	result.ErrorCode = kerr.RequestTimedOut.Code // what it is until done says otherwise
	p.mu.Unlock()
	appended, err := part.Append(records, partition.AppendOptions{Acks: p.req.Acks, Guard: txn.guard}, func(err error) { p.done(t, result, err) })
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.waiting-- // the callback is not called, and we hold one more
		return err
	}
	if result.ErrorCode == 0 || result.ErrorCode == kerr.RequestTimedOut.Code { // else done was here, with an error
		result.BaseOffset = appended.BaseOffset
		result.LogAppendTime = appended.LogAppendTime
		result.LogStartOffset = appended.LogStartOffset
	}
	return nil
}

// checkRecords checks what depends on the request's version; the partition
// checks the batch itself.
func checkRecords(records []byte, version int16) error {
	if len(records) == 0 {
		return fmt.Errorf("a produce request must have one record batch for each partition: %w", kerr.InvalidRecord)
	}
	if len(records) < recordbatch.HeaderLen {
		return fmt.Errorf("record batch of %d bytes: %w", len(records), kerr.CorruptMessage)
	}
	b := recordbatch.Batch(records)
	switch {
	case b.MagicByte() != recordbatch.Magic:
		return fmt.Errorf("record batch of magic %d, only %d is allowed: %w", b.MagicByte(), recordbatch.Magic, kerr.InvalidRecord)
	case b.Codec() == recordbatch.Zstd && version < zstdProduceVersion:
		return fmt.Errorf("zstd in a request of version %d: %w", version, kerr.UnsupportedCompressionType)
	}
	return nil
}

// done is the acknowledgement of one partition.
func (p *produce) done(t *metadata.Topic, result *kmsg.ProduceResponseTopicPartition, err error) {
	p.mu.Lock()
	if p.answered { // too late, see timeout
		p.mu.Unlock()
		return
	}
	result.ErrorCode = 0
	if err != nil {
		p.fail(t, result, err)
	}
	p.waiting--
	p.answerAndUnlock(p.waiting == 0)
}

// wait answers, or lets the acknowledgements under way do it.
func (p *produce) wait() {
	p.mu.Lock()
	p.waiting--
	if p.waiting > 0 {
		p.timer = time.AfterFunc(time.Duration(p.req.TimeoutMillis)*time.Millisecond, p.timeout)
	}
	p.answerAndUnlock(p.waiting == 0)
}

// timeout gives up waiting. Whether the records of the partitions that are
// not done will stay, nobody knows.
func (p *produce) timeout() {
	p.mu.Lock()
	p.answerAndUnlock(true)
}

// answerAndUnlock is called with mu held. reply is called without it.
func (p *produce) answerAndUnlock(now bool) {
	now = now && !p.answered
	if now {
		p.answered = true
		if p.timer != nil {
			p.timer.Stop()
		}
	}
	p.mu.Unlock()
	if now {
		p.reply(p.resp, nil)
	}
}

// fail writes an error into a partition's result. It is called with mu held.
func (p *produce) fail(t *metadata.Topic, result *kmsg.ProduceResponseTopicPartition, err error) {
	result.ErrorCode = p.code(err)
	result.ErrorMessage = message(err)
	result.BaseOffset, result.LogAppendTime, result.LogStartOffset = -1, -1, -1
	if t != nil {
		if part, err := p.partition(t, result.Partition); err == nil {
			part.Stats().FailedProduces.Add(1)
		}
	}
	if bad, ok := errors.AsType[*partition.RecordErrors](err); ok {
		result.ErrorRecords = errorRecords(bad)
	}
	if errors.Is(err, kerr.NotLeaderForPartition) && p.req.Version >= leaderProduceVersion {
		p.tellLeader(t, result)
	}
}

func errorRecords(bad *partition.RecordErrors) []kmsg.ProduceResponseTopicPartitionErrorRecord {
	out := make([]kmsg.ProduceResponseTopicPartitionErrorRecord, len(bad.Records))
	for i, r := range bad.Records {
		out[i] = kmsg.NewProduceResponseTopicPartitionErrorRecord()
		out[i].RelativeOffset, out[i].ErrorMessage = r.Index, &r.Message
	}
	return out
}

// tellLeader adds whom the client should have asked.
func (p *produce) tellLeader(t *metadata.Topic, result *kmsg.ProduceResponseTopicPartition) {
	node, epoch := p.leader(t, result.Partition)
	result.CurrentLeader.LeaderID, result.CurrentLeader.LeaderEpoch = node, epoch
	b, ok := p.img.Broker(node)
	if !ok || slices.ContainsFunc(p.resp.Brokers, func(b kmsg.ProduceResponseBroker) bool { return b.NodeID == node }) {
		return
	}
	out := kmsg.NewProduceResponseBroker()
	out.NodeID, out.Rack = node, rack(b)
	out.Host, out.Port = p.address(node)
	p.resp.Brokers = append(p.resp.Brokers, out)
}

func rack(b *metadata.Broker) *string {
	if b.Rack == "" {
		return nil
	}
	return &b.Rack
}
