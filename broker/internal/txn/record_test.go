package txn

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// bigTransaction has a hundred partitions of ten topics.
func bigTransaction() *durable {
	d := &durable{
		producerID: 4000, producerEpoch: 3, prevProducerID: noProducerID, nextProducerID: 4001, timeoutMs: 60_000,
		state: Ongoing, started: 1_700_000_000_000, updated: 1_700_000_000_001, version: 2,
	}
	var partitions []TopicPartition
	for topic := range 10 {
		for p := range int32(10) {
			partitions = append(partitions, TopicPartition{fmt.Sprint("topic-", topic), p})
		}
	}
	d.partitions = d.with(partitions)
	return d
}

func same(a, b *durable) bool {
	x, y := *a, *b
	x.partitions, y.partitions = nil, nil
	return fmt.Sprint(x) == fmt.Sprint(y) && slices.Equal(a.partitions, b.partitions)
}

func TestRecordIsReadBack(t *testing.T) {
	empty := &durable{producerID: 1, prevProducerID: noProducerID, nextProducerID: noProducerID, timeoutMs: 1, state: Empty}
	for _, d := range []*durable{empty, bigTransaction()} {
		got, err := decodeValue(d.encode())
		if err != nil || !same(&got, d) {
			t.Errorf("got %+v, %v, want %+v", got, err, *d)
		}
	}
	id, err := decodeKey(encodeKey("tx"))
	if err != nil || id != "tx" {
		t.Errorf("key %q, %v", id, err)
	}
}

// Version 0 is what Kafka wrote before transactions of version 2.
func TestOldRecordIsRead(t *testing.T) {
	v := kmsg.NewTxnMetadataValue()
	v.ProducerID, v.ProducerEpoch, v.TimeoutMillis, v.State = 7, 1, 2, kmsg.TransactionStateOngoing
	topic := kmsg.NewTxnMetadataValueTopic()
	topic.Topic, topic.Partitions = "t", []int32{4, 2}
	v.Topics = append(v.Topics, topic)
	v.LastUpdateTimestamp, v.StartTimestamp = 10, 9
	got, err := decodeValue(v.AppendTo(nil))
	want := &durable{
		producerID: 7, producerEpoch: 1, prevProducerID: noProducerID, nextProducerID: noProducerID, timeoutMs: 2,
		state: Ongoing, updated: 10, started: 9, partitions: []TopicPartition{{"t", 2}, {"t", 4}},
	}
	if err != nil || !same(&got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, *want)
	}
}

func BenchmarkDecodeRecord(b *testing.B) {
	value := bigTransaction().encode()
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeValue(value); err != nil {
			b.Fatal(err)
		}
	}
}
