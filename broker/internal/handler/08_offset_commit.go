package handler

// OffsetCommit (key 8): versions 0-10.
//
//	v1   generation and member (group membership)
//	v2-4 retention time
//	v6   leader epoch (KIP-320)
//	v7   static members (KIP-345)
//	v8   flexible
//	v9   member epochs of the consumer protocol (KIP-848)
//	v10  topics by id (KIP-848)

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/server"
)

// offsetCommit commits what belongs to topics that exist, and refuses the rest.
func (g *Groups) offsetCommit(_ context.Context, _ *server.Conn, req *kmsg.OffsetCommitRequest, reply func(*kmsg.OffsetCommitResponse, error)) {
	img := g.metadata.Image()
	var known []kmsg.OffsetCommitRequestTopic
	var refused []kmsg.OffsetCommitResponseTopic
	for _, t := range req.Topics {
		topic, err := topicOf(img, t.Topic, t.TopicID, req.Version >= 10)
		if err != nil {
			refused = append(refused, refuseCommit(t, g.code("OffsetCommit", req.Group, err)))
			continue
		}
		t.Topic, t.TopicID = topic.Name, topic.ID
		known = append(known, t)
	}
	if len(known) == 0 {
		resp := kmsg.NewPtrOffsetCommitResponse()
		resp.Topics = refused
		reply(resp, nil)
		return
	}
	req.Topics = known
	ask(g, req.Group, func(m *group.Machine, now time.Time, out *coordinator.Out, reply group.Reply[*kmsg.OffsetCommitResponse]) {
		m.OffsetCommit(now, out, req, reply)
	}, func(resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			resp = kmsg.NewPtrOffsetCommitResponse()
			failed := g.code("OffsetCommit", req.Group, err)
			for _, t := range known {
				resp.Topics = append(resp.Topics, refuseCommit(t, failed))
			}
		}
		resp.Topics = append(resp.Topics, refused...)
		reply(resp, nil)
	})
}

func refuseCommit(t kmsg.OffsetCommitRequestTopic, code int16) kmsg.OffsetCommitResponseTopic {
	rt := kmsg.NewOffsetCommitResponseTopic()
	rt.Topic, rt.TopicID = t.Topic, t.TopicID
	for _, p := range t.Partitions {
		rt.Partitions = append(rt.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
	}
	return rt
}
