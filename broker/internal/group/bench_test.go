package group

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// BenchmarkOffsetCommit measures the commit of a consumer with 8 partitions.
func BenchmarkOffsetCommit(b *testing.B) {
	w := newWorld(Config{})
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.Generation = 9, "g", -1
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic = "sales"
	for i := range int32(8) {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset = i, 1000
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	reply := func(*kmsg.OffsetCommitResponse, error) {}
	b.ReportAllocs()
	for b.Loop() {
		out := coordinator.NewOut(w.m)
		w.m.OffsetCommit(w.now, out, req, reply)
		out.Commit(nil)
	}
}

// BenchmarkHeartbeat measures a heartbeat in a group of 100 members.
func BenchmarkHeartbeat(b *testing.B) {
	w := newWorld(Config{InitialRebalanceDelay: time.Second})
	for i := range 100 {
		req := kmsg.NewPtrJoinGroupRequest()
		req.Version, req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 3, "g", 10_000, 10_000
		req.ProtocolType = "consumer"
		req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscription([]string{"t"})}}
		w.step(func(out *coordinator.Out) {
			w.m.JoinGroup(w.now, out, Client{ID: fmt.Sprint("c", i)}, req, func(*kmsg.JoinGroupResponse, error) {})
		})
	}
	w.advance(2 * time.Second)
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.Generation, req.MemberID = "g", 1, "c7-8"
	reply := func(r *kmsg.HeartbeatResponse, _ error) {
		if r.ErrorCode != 0 {
			b.Fatal(errorName(r.ErrorCode))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		out := coordinator.NewOut(w.m)
		w.m.Heartbeat(w.now, out, req, reply)
		out.Commit(nil)
	}
}

// BenchmarkConsumerHeartbeat measures a heartbeat of the consumer protocol in a group of 100
// members.
func BenchmarkConsumerHeartbeat(b *testing.B) {
	w := newWorld(Config{})
	w.topics.set("t", 300)
	beat := func(id string, epoch int32, topics []string) int32 {
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Version, req.Group, req.MemberID, req.MemberEpoch, req.SubscribedTopicNames = 1, "g", id, epoch, topics
		if epoch == joinEpoch {
			req.RebalanceTimeoutMillis, req.Topics = 60_000, ownedTopics(nil)
		}
		out := coordinator.NewOut(w.m)
		w.m.ConsumerGroupHeartbeat(w.now, out, Client{}, req, func(r *kmsg.ConsumerGroupHeartbeatResponse, _ error) {
			if epoch = r.MemberEpoch; r.ErrorCode != 0 {
				b.Fatal(errorName(r.ErrorCode))
			}
		})
		out.Commit(nil)
		return epoch
	}
	for i := range 100 {
		beat(fmt.Sprint("m", i), joinEpoch, []string{"t"})
	}
	last := beat("m99", w.m.groups["g"].(*consumer).epoch, nil)
	b.ReportAllocs()
	for b.Loop() {
		beat("m99", last, nil)
	}
}

// BenchmarkReplay measures the records of a group of 100 members of the consumer protocol.
func BenchmarkReplay(b *testing.B) {
	var records []coordinator.Record
	for i := range 100 {
		mb := silentMember()
		mb.id = fmt.Sprint("m", i)
		records = append(records, consumerMemberRecord("g", mb), consumerCurrentRecord("g", mb))
	}
	b.ReportAllocs()
	for b.Loop() {
		m := New(Config{NewID: func() string { return "" }})
		for _, r := range records {
			if err := m.Replay(r); err != nil {
				b.Fatal(err)
			}
		}
	}
}
