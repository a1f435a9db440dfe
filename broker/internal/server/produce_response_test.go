package server

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The hand-written encoding is that of kmsg, in every version.
func TestProduceEncodingIsKmsgs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	plain := 0
	for version := int16(0); version <= 13; version++ {
		for range 200 {
			p := randomProduce(r, version)
			if isPlain(&p) {
				plain++
			}
			if got, want := appendProduce([]byte{1}, &p), p.AppendTo([]byte{1}); !bytes.Equal(got, want) {
				t.Fatalf("version %d:\n%s", version, cmp.Diff(want, got))
			}
		}
	}
	if plain < 500 {
		t.Errorf("only %d answers were plain", plain)
	}
}

func randomProduce(r *rand.Rand, version int16) kmsg.ProduceResponse {
	p := kmsg.NewProduceResponse()
	p.Version, p.ThrottleMillis = version, r.Int32()
	rare := r.IntN(2) == 0
	for range r.IntN(3) {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID[3] = "topic", byte(r.Uint32())
		for range r.IntN(3) {
			topic.Partitions = append(topic.Partitions, randomProduced(r, rare))
		}
		p.Topics = append(p.Topics, topic)
	}
	if rare && r.IntN(3) == 0 {
		b := kmsg.NewProduceResponseBroker()
		b.NodeID, b.Host, b.Port = 1, "host", 9092
		p.Brokers = append(p.Brokers, b)
	}
	return p
}

func randomProduced(r *rand.Rand, rare bool) kmsg.ProduceResponseTopicPartition {
	p := kmsg.NewProduceResponseTopicPartition()
	p.Partition, p.ErrorCode, p.BaseOffset = r.Int32(), int16(r.IntN(5)), r.Int64()
	p.LogAppendTime, p.LogStartOffset = r.Int64(), r.Int64()
	if rare && r.IntN(2) == 0 {
		p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = r.Int32(), r.Int32()
	}
	if rare && r.IntN(2) == 0 {
		p.ErrorMessage = kmsg.StringPtr("no")
		p.ErrorRecords = append(p.ErrorRecords, kmsg.NewProduceResponseTopicPartitionErrorRecord())
	}
	return p
}

func BenchmarkProduceEncoding(b *testing.B) {
	p := kmsg.NewProduceResponse()
	p.Version = 12
	topic := kmsg.NewProduceResponseTopic()
	topic.Topic, topic.Partitions = "topic", make([]kmsg.ProduceResponseTopicPartition, 6)
	for i := range topic.Partitions {
		topic.Partitions[i].Default()
	}
	p.Topics = append(p.Topics, topic)
	dst := make([]byte, 0, 4096)
	for b.Loop() {
		appendProduce(dst, &p)
	}
}
