package handler

// OffsetFetch (key 9): versions 0-10.
//
//	v2  no topics means all, one error for the request
//	v5  leader epoch (KIP-320)
//	v6  flexible
//	v7  only stable offsets (KIP-447)
//	v8  several groups (KIP-709)
//	v9  member id and epoch of the consumer protocol (KIP-848)
//	v10 topics by id (KIP-848)

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

func (g *Groups) offsetFetch(_ context.Context, _ *server.Conn, req *kmsg.OffsetFetchRequest, reply func(*kmsg.OffsetFetchResponse, error)) {
	groups := req.Groups
	if req.Version < 8 {
		groups = []kmsg.OffsetFetchRequestGroup{oneGroup(req)}
	}
	img := g.metadata.Image()
	askAll(len(groups), func(i int, done func(kmsg.OffsetFetchResponseGroup, error)) {
		g.fetchGroup(img, req.Version, groups[i], req.RequireStable, done)
	}, func(answers []kmsg.OffsetFetchResponseGroup, errs []error) {
		resp := kmsg.NewPtrOffsetFetchResponse()
		for i := range answers {
			if errs[i] != nil {
				answers[i] = kmsg.NewOffsetFetchResponseGroup()
				answers[i].Group = groups[i].Group
				answers[i].ErrorCode = g.code("OffsetFetch", groups[i].Group, errs[i])
			}
		}
		if resp.Groups = answers; req.Version < 8 {
			flattenFetch(resp, req, answers[0])
		}
		reply(resp, nil)
	})
}

// fetchGroup asks for the offsets of one group. Topics that do not exist have an error
// if they are named by id, else they may have offsets like any other.
func (g *Groups) fetchGroup(img *metadata.Image, version int16, req kmsg.OffsetFetchRequestGroup, stable bool, done func(kmsg.OffsetFetchResponseGroup, error)) {
	byID := version >= 10
	var refused []kmsg.OffsetFetchResponseGroupTopic
	if req.Topics != nil {
		known := make([]kmsg.OffsetFetchRequestGroupTopic, 0, len(req.Topics))
		for _, t := range req.Topics {
			topic, err := topicOf(img, t.Topic, t.TopicID, byID)
			switch {
			case err == nil:
				t.Topic, t.TopicID = topic.Name, topic.ID
			case byID:
				refused = append(refused, refuseFetch(t, code(err)))
				continue
			}
			known = append(known, t)
		}
		req.Topics = known
	}
	ask(g, req.Group, func(m *group.Machine, _ time.Time, out *coordinator.Out, reply group.Reply[kmsg.OffsetFetchResponseGroup]) {
		m.OffsetFetch(out, req, stable, reply)
	}, func(resp kmsg.OffsetFetchResponseGroup, err error) {
		if byID {
			resp.Topics = withIDs(img, resp.Topics)
		}
		resp.Topics = append(resp.Topics, refused...)
		done(resp, err)
	})
}

// withIDs leaves the topics that have an id, and gives it to them: without one they
// could not be told.
func withIDs(img *metadata.Image, topics []kmsg.OffsetFetchResponseGroupTopic) []kmsg.OffsetFetchResponseGroupTopic {
	var known []kmsg.OffsetFetchResponseGroupTopic
	for _, t := range topics {
		if topic, ok := img.Topic(t.Topic); ok {
			t.TopicID = topic.ID
			known = append(known, t)
		}
	}
	return known
}

func refuseFetch(t kmsg.OffsetFetchRequestGroupTopic, code int16) kmsg.OffsetFetchResponseGroupTopic {
	rt := kmsg.NewOffsetFetchResponseGroupTopic()
	rt.Topic, rt.TopicID = t.Topic, t.TopicID
	for _, p := range t.Partitions {
		rp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
		rp.Partition, rp.Offset, rp.LeaderEpoch, rp.ErrorCode = p, -1, -1, code
		rp.Metadata = new("")
		rt.Partitions = append(rt.Partitions, rp)
	}
	return rt
}

// oneGroup is the request of a version before 8 in the form of the later ones.
func oneGroup(req *kmsg.OffsetFetchRequest) kmsg.OffsetFetchRequestGroup {
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = req.Group
	if req.Topics == nil && req.Version >= 2 {
		return g
	}
	g.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, 0, len(req.Topics))
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetFetchRequestGroupTopic()
		rt.Topic, rt.Partitions = t.Topic, t.Partitions
		g.Topics = append(g.Topics, rt)
	}
	return g
}

// flattenFetch makes the answer for one group that of a version before 8. Up to version
// 1 an error of the group is one of each partition.
func flattenFetch(resp *kmsg.OffsetFetchResponse, req *kmsg.OffsetFetchRequest, one kmsg.OffsetFetchResponseGroup) {
	resp.Groups, resp.ErrorCode = nil, one.ErrorCode
	if one.ErrorCode != 0 && req.Version < 2 {
		resp.ErrorCode = 0
		for _, t := range oneGroup(req).Topics {
			one.Topics = append(one.Topics, refuseFetch(t, one.ErrorCode))
		}
	}
	for _, t := range one.Topics {
		rt := kmsg.NewOffsetFetchResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetFetchResponseTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata, rp.ErrorCode = p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
}
