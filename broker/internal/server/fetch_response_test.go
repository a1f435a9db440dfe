package server

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The hand-written encoding is that of kmsg, in every version.
func TestFetchEncodingIsKmsgs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for version := int16(4); version <= 18; version++ {
		for range 200 {
			f := &FetchResponse{FetchResponse: randomFetch(r, version)}
			got, cuts := f.appendTo(nil, nil)
			if len(cuts) != 0 {
				t.Fatal("cuts without slices")
			}
			if want := f.FetchResponse.AppendTo(nil); !bytes.Equal(got, want) {
				t.Fatalf("version %d:\n%s", version, cmp.Diff(want, got))
			}
		}
	}
}

func randomFetch(r *rand.Rand, version int16) kmsg.FetchResponse {
	f := kmsg.NewFetchResponse()
	f.Version, f.ThrottleMillis, f.ErrorCode, f.SessionID = version, r.Int32(), int16(r.IntN(9)), r.Int32()
	for range r.IntN(3) {
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID[3] = "topic", byte(r.Uint32())
		for range r.IntN(3) {
			topic.Partitions = append(topic.Partitions, randomPartition(r))
		}
		f.Topics = append(f.Topics, topic)
	}
	if version >= 16 && r.IntN(2) == 0 {
		b := kmsg.NewFetchResponseBroker()
		b.NodeID, b.Host, b.Port = 1, "host", 9092
		f.Brokers = append(f.Brokers, b)
	}
	return f
}

func randomPartition(r *rand.Rand) kmsg.FetchResponseTopicPartition {
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition, p.ErrorCode, p.HighWatermark = r.Int32(), int16(r.IntN(5)), r.Int64()
	p.LastStableOffset, p.LogStartOffset = r.Int64(), r.Int64()
	p.RecordBatches = make([]byte, r.IntN(10))
	if r.IntN(2) == 0 {
		p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	}
	for range r.IntN(3) {
		a := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
		a.ProducerID, a.FirstOffset = r.Int64(), r.Int64()
		p.AbortedTransactions = append(p.AbortedTransactions, a)
	}
	if r.IntN(3) == 0 {
		p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = r.Int32(), r.Int64()
	}
	if r.IntN(3) == 0 {
		p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = r.Int32(), r.Int32()
	}
	if r.IntN(3) == 0 {
		p.SnapshotID.Epoch, p.SnapshotID.EndOffset = r.Int32(), r.Int64()
	}
	return p
}
