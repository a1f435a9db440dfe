package handler_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/metadata"
)

func beat(c *client, member string, epoch int32, join bool) *kmsg.ConsumerGroupHeartbeatResponse {
	req := latest(kmsg.NewPtrConsumerGroupHeartbeatRequest())
	req.Group, req.MemberID, req.MemberEpoch = "g", member, epoch
	if join {
		req.RebalanceTimeoutMillis, req.SubscribedTopicRegex = 10_000, new("t.*")
		req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	}
	return do[*kmsg.ConsumerGroupHeartbeatResponse](c, req)
}

// A member of the consumer protocol joins, gets topics that come later, and finds its
// group again after a restart.
func TestConsumerGroup(t *testing.T) {
	b := newGroupBroker(t, fs.NewMem())
	id := b.create("t", 2)
	b.create("other", 1)
	configs := metadata.ConfigResource{Type: metadata.GroupResource, Name: "g"}
	_, err := b.meta.Propose([]metadata.Record{
		&metadata.ConfigRecord{Resource: configs, Key: "consumer.heartbeat.interval.ms", Value: new("7000")},
		&metadata.ConfigRecord{Resource: configs, Key: "consumer.assignment.interval.ms", Value: new("0")},
	})
	must(t, err)
	c := b.client()
	joined := beat(c, "m", 0, true)
	wantCode(t, "join", joined.ErrorCode, nil)
	if a := joined.Assignment; a == nil || len(a.Topics) != 1 || a.Topics[0].TopicID != [16]byte(id) || len(a.Topics[0].Partitions) != 2 {
		t.Errorf("assignment %+v", a)
	}
	if joined.HeartbeatIntervalMillis != 7000 {
		t.Errorf("heartbeats every %d ms", joined.HeartbeatIntervalMillis)
	}
	b.create("t2", 1)
	next := beat(c, "m", joined.MemberEpoch, false)
	if wantCode(t, "heartbeat", next.ErrorCode, nil); next.Assignment == nil || len(next.Assignment.Topics) != 2 {
		t.Errorf("assignment with another topic: %+v", next.Assignment)
	}
	wantCode(t, "a future epoch", beat(c, "m", next.MemberEpoch+1, false).ErrorCode, kerr.FencedMemberEpoch)
	wantCode(t, "another member", beat(c, "n", 1, false).ErrorCode, kerr.UnknownMemberID)
	b.stop()

	b = newGroupBroker(t, b.files)
	c = b.client()
	again := beat(c, "m", next.MemberEpoch, false)
	if wantCode(t, "heartbeat after restart", again.ErrorCode, nil); again.MemberEpoch != next.MemberEpoch {
		t.Errorf("epoch %d after restart, %d before", again.MemberEpoch, next.MemberEpoch)
	}
	describe := latest(kmsg.NewPtrConsumerGroupDescribeRequest())
	describe.Groups, describe.IncludeAuthorizedOperations = []string{"g", "nobody"}, true
	resp := do[*kmsg.ConsumerGroupDescribeResponse](c, describe)
	g := resp.Groups[0]
	if g.State != "Stable" || len(g.Members) != 1 || len(g.Members[0].Assignment.TopicPartitions) != 2 || g.Members[0].Assignment.TopicPartitions[0].Topic == "" {
		t.Errorf("described as %+v", g)
	}
	if g.AuthorizedOperations == -1<<31 {
		t.Error("no operations")
	}
	wantCode(t, "describe of an unknown group", resp.Groups[1].ErrorCode, kerr.GroupIDNotFound)
	wantCode(t, "leave", beat(c, "m", -1, false).ErrorCode, nil)
	wantCode(t, "heartbeat of one that left", beat(c, "m", again.MemberEpoch, false).ErrorCode, kerr.UnknownMemberID)
}
