package handler_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/internal/recordbatch"
)

func listOffsets(version int16, topic string, index int32, timestamp int64) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = version, -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp, p.MaxNumOffsets = index, timestamp, 10
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

func TestListOffsets(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 2, "message.timestamp.after.max.ms", "9223372036854775807", "retention.ms", "-1")
	for _, ts := range [][]int64{{100, 110, 105}, {300, 200}, {250}} {
		bld := recordbatch.NewBuilder(recordbatch.Options{LeaderEpoch: -1})
		for _, at := range ts {
			bld.Append(at, []byte("k"), []byte("v"))
		}
		records, err := bld.Build()
		must(t, err)
		wantCode(t, "produce", b.produce("t", 0, records).ErrorCode, nil)
	}
	c := b.client()
	f := func(version int16, topic string, index int32, timestamp int64, want *kerr.Error, offset, at int64) {
		t.Helper()
		got := do[*kmsg.ListOffsetsResponse](c, listOffsets(version, topic, index, timestamp)).Topics[0].Partitions[0]
		wantCode(t, "list offsets", got.ErrorCode, want)
		if got.Offset != offset || got.Timestamp != at {
			t.Errorf("v%d %s-%d at %d: offset %d of time %d, want %d of %d", version, topic, index, timestamp, got.Offset, got.Timestamp, offset, at)
		}
	}
	for _, v := range []int16{1, 2, 4, 6, 11} {
		f(v, "t", 0, -1, nil, 6, -1)
		f(v, "t", 0, -2, nil, 0, -1)
		f(v, "t", 0, 0, nil, 0, 100)
		f(v, "t", 0, 100, nil, 0, 100)
		f(v, "t", 0, 101, nil, 1, 110) // the first one that is not older, by offset
		f(v, "t", 0, 111, nil, 3, 300)
		f(v, "t", 0, 300, nil, 3, 300)
		f(v, "t", 0, 301, nil, -1, -1)
		f(v, "t", 1, -1, nil, 0, -1)
		f(v, "t", 1, 5, nil, -1, -1)
		f(v, "t", 2, -1, kerr.UnknownTopicOrPartition, -1, -1)
		f(v, "u", 0, 7, kerr.UnknownTopicOrPartition, -1, -1)
	}
	f(7, "t", 0, -3, nil, 3, 300)
	f(7, "t", 1, -3, nil, -1, -1)
	f(8, "t", 0, -4, nil, 0, -1)
	f(9, "t", 0, -5, nil, -1, -1)
	f(11, "t", 0, -6, nil, -1, -1)
	f(6, "t", 0, -3, kerr.UnsupportedVersion, -1, -1)
	f(7, "t", 0, -4, kerr.UnsupportedVersion, -1, -1)
	f(8, "t", 0, -5, kerr.UnsupportedVersion, -1, -1)
	f(10, "t", 0, -6, kerr.UnsupportedVersion, -1, -1)
	f(11, "t", 0, -7, kerr.UnsupportedVersion, -1, -1)
	f(11, "t", 0, -1<<63, kerr.UnsupportedVersion, -1, -1)

	req := listOffsets(4, "t", 0, -1)
	req.Topics = append(req.Topics, listOffsets(4, "t", 0, -2).Topics...)
	for _, topic := range do[*kmsg.ListOffsetsResponse](c, req).Topics {
		wantCode(t, "asked twice", topic.Partitions[0].ErrorCode, kerr.InvalidRequest)
	}
	req = listOffsets(4, "t", 0, -1)
	req.Topics[0].Partitions[0].CurrentLeaderEpoch = 3
	wantCode(t, "epoch to come", do[*kmsg.ListOffsetsResponse](c, req).Topics[0].Partitions[0].ErrorCode, kerr.UnknownLeaderEpoch)

	old := do[*kmsg.ListOffsetsResponse](c, listOffsets(0, "t", 0, -1)).Topics[0].Partitions[0].OldStyleOffsets
	if len(old) != 2 || old[0] != 6 || old[1] != 0 {
		t.Errorf("version 0: %v", old)
	}
}

func TestDeleteRecords(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 2)
	b.create("c", 1, "cleanup.policy", "compact")
	for range 3 {
		b.fill("t", 0, 2)
	}
	c := b.client()
	f := func(topic string, index int32, before int64, want *kerr.Error, low int64) {
		t.Helper()
		req := latest(kmsg.NewPtrDeleteRecordsRequest())
		rt := kmsg.NewDeleteRecordsRequestTopic()
		rt.Topic = topic
		rt.Partitions = []kmsg.DeleteRecordsRequestTopicPartition{{Partition: index, Offset: before}}
		req.Topics = append(req.Topics, rt)
		got := do[*kmsg.DeleteRecordsResponse](c, req).Topics[0].Partitions[0]
		wantCode(t, "delete records", got.ErrorCode, want)
		if got.LowWatermark != low {
			t.Errorf("%s-%d before %d: low watermark %d, want %d", topic, index, before, got.LowWatermark, low)
		}
	}
	f("t", 0, 3, nil, 3)
	f("t", 0, 1, nil, 3) // never back
	f("t", 0, 7, kerr.OffsetOutOfRange, -1)
	f("t", 0, -2, kerr.OffsetOutOfRange, -1)
	f("t", 2, 0, kerr.UnknownTopicOrPartition, -1)
	f("u", 0, 0, kerr.UnknownTopicOrPartition, -1)
	f("c", 0, 0, kerr.PolicyViolation, -1)
	wantFetch(t, "below the start", do[*kmsg.FetchResponse](c, fetchRequest(12, want{topic: "t", offset: 2})), "t-0: OFFSET_OUT_OF_RANGE")
	if got := do[*kmsg.ListOffsetsResponse](c, listOffsets(6, "t", 0, -2)).Topics[0].Partitions[0].Offset; got != 3 {
		t.Errorf("earliest offset %d", got)
	}
	f("t", 0, -1, nil, 6) // all
	f("t", 1, -1, nil, 0)
}

func TestOffsetForLeaderEpoch(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1)
	b.fill("t", 0, 4)
	c := b.client()
	f := func(topic string, current, epoch int32, want *kerr.Error, gotEpoch int32, end int64) {
		t.Helper()
		req := latest(kmsg.NewPtrOffsetForLeaderEpochRequest())
		rt := kmsg.NewOffsetForLeaderEpochRequestTopic()
		rt.Topic = topic
		rt.Partitions = []kmsg.OffsetForLeaderEpochRequestTopicPartition{{CurrentLeaderEpoch: current, LeaderEpoch: epoch}}
		req.Topics = append(req.Topics, rt)
		got := do[*kmsg.OffsetForLeaderEpochResponse](c, req).Topics[0].Partitions[0]
		wantCode(t, "offset for leader epoch", got.ErrorCode, want)
		if got.LeaderEpoch != gotEpoch || got.EndOffset != end {
			t.Errorf("epoch %d: %d ends at %d, want %d at %d", epoch, got.LeaderEpoch, got.EndOffset, gotEpoch, end)
		}
	}
	f("t", -1, 0, nil, 0, 4)
	f("t", 0, 0, nil, 0, 4)
	f("t", 1, 0, kerr.UnknownLeaderEpoch, -1, -1)
	f("t", -1, 3, nil, -1, -1)
	f("u", -1, 0, kerr.UnknownTopicOrPartition, -1, -1)
}

func TestDescribeProducers(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1)
	id := do[*kmsg.InitProducerIDResponse](b.client(), latest(kmsg.NewPtrInitProducerIDRequest())).ProducerID
	wantCode(t, "produce", b.produce("t", 0, batch(t, 3, recordbatch.Options{HasProducer: true, ProducerID: id})).ErrorCode, nil)
	req := kmsg.NewPtrDescribeProducersRequest()
	req.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: "t", Partitions: []int32{0, 1}}}
	got := do[*kmsg.DescribeProducersResponse](b.client(), req).Topics[0].Partitions
	wantCode(t, "partition 1", got[1].ErrorCode, kerr.UnknownTopicOrPartition)
	if len(got[0].ActiveProducers) != 1 {
		t.Fatalf("producers: %+v", got[0])
	}
	p := got[0].ActiveProducers[0]
	if p.ProducerID != id || p.ProducerEpoch != 0 || p.LastSequence != 2 || p.CoordinatorEpoch != -1 || p.CurrentTxnStartOffset != -1 || p.LastTimestamp <= 0 {
		t.Errorf("producer: %+v", p)
	}
}
