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
