package handler_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/internal/recordbatch"
)

func TestProduceAcks(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 2)
	c := b.client()
	f := func(acks int16, want *kerr.Error, base int64) {
		t.Helper()
		resp := do[*kmsg.ProduceResponse](c, produceRequest(9, "t", metadata.TopicID{}, 0, acks, batch(t, 2, recordbatch.Options{})))
		got := resp.Topics[0].Partitions[0]
		wantCode(t, "produce", got.ErrorCode, want)
		if got.BaseOffset != base || got.LogAppendTime != -1 {
			t.Errorf("acks=%d: base offset %d, append time %d", acks, got.BaseOffset, got.LogAppendTime)
		}
		if start := got.LogStartOffset; want == nil && start != 0 || want != nil && start != -1 {
			t.Errorf("acks=%d: log start %d", acks, start)
		}
	}
	f(-1, nil, 0)
	f(1, nil, 2)
	f(2, kerr.InvalidRequiredAcks, -1)
	f(-2, kerr.InvalidRequiredAcks, -1)
	// acks=0 is not answered: the next answer is that of the next request.
	c.send(produceRequest(9, "t", metadata.TopicID{}, 0, 0, batch(t, 2, recordbatch.Options{})))
	f(-1, nil, 6)
}

func TestProduceRefuses(t *testing.T) {
	b := newBroker(t, map[string]string{"message.max.bytes": "10000"})
	id := b.create("t", 1)
	b.create("small", 1, "max.message.bytes", "200")
	b.create("compacted", 1, "cleanup.policy", "compact")
	if _, err := metadata.EnsureTopic(b.meta, metadata.NewTopic{Name: metadata.OffsetsTopic, Partitions: 1, ReplicationFactor: 1}); err != nil {
		t.Fatal(err)
	}
	c := b.client()
	good := func() []byte { return batch(t, 1, recordbatch.Options{}) }
	f := func(what string, req *kmsg.ProduceRequest, want *kerr.Error) kmsg.ProduceResponseTopicPartition {
		t.Helper()
		got := do[*kmsg.ProduceResponse](c, req).Topics[0].Partitions[0]
		wantCode(t, what, got.ErrorCode, want)
		if want != nil && got.BaseOffset != -1 {
			t.Errorf("%s: base offset %d with an error", what, got.BaseOffset)
		}
		return got
	}
	none := metadata.TopicID{}
	for v := range int16(3) {
		f("old version", produceRequest(v, "t", none, 0, -1, good()), kerr.UnsupportedVersion)
	}
	for v := int16(3); v <= 12; v++ {
		f("by name", produceRequest(v, "t", none, 0, -1, good()), nil)
	}
	f("by id", produceRequest(13, "", id, 0, -1, good()), nil)
	f("unknown id", produceRequest(13, "", metadata.TopicID{9}, 0, -1, good()), kerr.UnknownTopicID)
	f("unknown topic", produceRequest(9, "u", none, 0, -1, good()), kerr.UnknownTopicOrPartition)
	f("bad name", produceRequest(9, "a/b", none, 0, -1, good()), kerr.InvalidTopicException)
	f("unknown partition", produceRequest(9, "t", none, 1, -1, good()), kerr.UnknownTopicOrPartition)
	f("negative partition", produceRequest(9, "t", none, -1, -1, good()), kerr.UnknownTopicOrPartition)
	f("internal topic", produceRequest(9, metadata.OffsetsTopic, none, 0, -1, good()), kerr.InvalidTopicException)
	f("no records", produceRequest(9, "t", none, 0, -1, nil), kerr.InvalidRecord)
	f("empty records", produceRequest(9, "t", none, 0, -1, []byte{}), kerr.InvalidRecord)
	f("half a batch", produceRequest(9, "t", none, 0, -1, good()[:40]), kerr.CorruptMessage)
	f("too large", produceRequest(9, "small", none, 0, -1, batch(t, 100, recordbatch.Options{})), kerr.MessageTooLarge)
	f("transactional", produceRequest(9, "t", none, 0, -1, batch(t, 1, recordbatch.Options{
		HasProducer: true, ProducerID: 1, Transactional: true,
	})), kerr.InvalidTxnState)
	wrong := good()
	wrong[len(wrong)-1] ^= 1
	f("wrong checksum", produceRequest(9, "t", none, 0, -1, wrong), kerr.CorruptMessage)
	magic := good()
	magic[16] = 1
	f("old magic", produceRequest(9, "t", none, 0, -1, magic), kerr.InvalidRecord)
	zstd := batch(t, 10, recordbatch.Options{Codec: recordbatch.Zstd})
	f("zstd too early", produceRequest(6, "t", none, 0, -1, append([]byte(nil), zstd...)), kerr.UnsupportedCompressionType)
	f("zstd", produceRequest(7, "t", none, 0, -1, zstd), nil)
	f("two batches", produceRequest(9, "t", none, 0, -1, append(good(), good()...)), kerr.InvalidRecord)

	keyless := recordbatch.NewBuilder(recordbatch.Options{LeaderEpoch: -1})
	keyless.Append(1000, []byte("k"), []byte("v"))
	keyless.Append(1000, nil, []byte("v"))
	records, err := keyless.Build()
	must(t, err)
	got := f("record without key on a compacted topic", produceRequest(9, "compacted", none, 0, -1, records), kerr.InvalidRecord)
	if len(got.ErrorRecords) != 1 || got.ErrorRecords[0].RelativeOffset != 1 || got.ErrorRecords[0].ErrorMessage == nil || got.ErrorMessage == nil {
		t.Errorf("error records: %+v", got.ErrorRecords)
	}
}

// One bad partition does not spoil the others.
func TestProducePartitionsOnTheirOwn(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 3)
	req := produceRequest(9, "t", metadata.TopicID{}, 0, -1, batch(t, 1, recordbatch.Options{}))
	for _, index := range []int32{7, 2} {
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, kmsg.ProduceRequestTopicPartition{Partition: index, Records: batch(t, 1, recordbatch.Options{})})
	}
	other := kmsg.NewProduceRequestTopic()
	other.Topic, other.Partitions = "u", []kmsg.ProduceRequestTopicPartition{{Partition: 0, Records: batch(t, 1, recordbatch.Options{})}}
	req.Topics = append(req.Topics, other)
	resp := do[*kmsg.ProduceResponse](b.client(), req)
	var codes []int16
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			codes = append(codes, p.ErrorCode)
		}
	}
	unknown := kerr.UnknownTopicOrPartition.Code
	for i, want := range []int16{0, unknown, 0, unknown} {
		if codes[i] != want {
			t.Errorf("partition %d of the request: %v", i, kerr.ErrorForCode(codes[i]))
		}
	}
}

// A repeated batch of an idempotent producer is answered as before.
func TestProduceRepeated(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1)
	id := do[*kmsg.InitProducerIDResponse](b.client(), latest(kmsg.NewPtrInitProducerIDRequest())).ProducerID
	f := func(epoch int16, sequence int32, want *kerr.Error, base int64) {
		t.Helper()
		got := b.produce("t", 0, batch(t, 2, recordbatch.Options{HasProducer: true, ProducerID: id, ProducerEpoch: epoch, BaseSequence: sequence}))
		wantCode(t, "produce", got.ErrorCode, want)
		if want == nil && got.BaseOffset != base {
			t.Errorf("sequence %d: base offset %d, want %d", sequence, got.BaseOffset, base)
		}
	}
	f(0, 0, nil, 0)
	f(0, 2, nil, 2)
	f(0, 0, nil, 0) // again
	f(0, 2, nil, 2)
	f(0, 6, kerr.OutOfOrderSequenceNumber, 0)
	f(0, 4, nil, 4)
	f(1, 3, kerr.OutOfOrderSequenceNumber, 0) // a new epoch begins at 0
	f(1, 0, nil, 6)
	f(0, 6, kerr.InvalidProducerEpoch, 0)
}

// The limit of a topic counts from the moment that it is changed.
func TestProduceLiveLimit(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1)
	large := func() kmsg.ProduceResponseTopicPartition {
		return b.produce("t", 0, batch(t, 100, recordbatch.Options{}))
	}
	wantCode(t, "before", large().ErrorCode, nil)
	b.alter(int8(metadata.TopicResource), "t", "max.message.bytes", "100")
	wantCode(t, "lowered", large().ErrorCode, kerr.MessageTooLarge)
	b.alter(int8(metadata.TopicResource), "t", "max.message.bytes", "100000")
	wantCode(t, "raised", large().ErrorCode, nil)
}

// Pipelined requests of one connection are appended and answered in order.
func TestProducePipelined(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1)
	c := b.client()
	const n = 50
	go func() {
		for range n {
			c.send(produceRequest(9, "t", metadata.TopicID{}, 0, -1, batch(t, 1, recordbatch.Options{})))
		}
	}()
	for i := range n {
		got := c.receive(produceRequest(9, "", metadata.TopicID{}, 0, -1, nil)).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		if got.BaseOffset != int64(i) {
			t.Fatalf("answer %d: offset %d, %v", i, got.BaseOffset, kerr.ErrorForCode(got.ErrorCode))
		}
	}
}

func TestInitProducerID(t *testing.T) {
	b := newBroker(t, nil)
	seen := map[int64]bool{}
	c := b.client()
	for i := range 2100 { // more than two blocks
		req := kmsg.NewPtrInitProducerIDRequest()
		req.Version = int16(i % 6)
		got := do[*kmsg.InitProducerIDResponse](c, req)
		if got.ErrorCode != 0 || seen[got.ProducerID] || got.ProducerEpoch != 0 {
			t.Fatalf("id %d, epoch %d, %v", got.ProducerID, got.ProducerEpoch, kerr.ErrorForCode(got.ErrorCode))
		}
		seen[got.ProducerID] = true
	}
	if next := b.meta.Image().NextProducerID(); next != 3000 {
		t.Errorf("next free id %d", next)
	}
	f := func(id string, want *kerr.Error) {
		t.Helper()
		req := latest(kmsg.NewPtrInitProducerIDRequest())
		req.TransactionalID = &id
		got := do[*kmsg.InitProducerIDResponse](c, req)
		wantCode(t, "transactional id", got.ErrorCode, want)
		if got.ProducerID != -1 {
			t.Errorf("producer id %d with an error", got.ProducerID)
		}
	}
	f("", kerr.InvalidRequest)
	f("x", kerr.UnsupportedVersion)
}
