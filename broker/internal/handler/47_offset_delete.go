package handler

// OffsetDelete (key 47): version 0 (KIP-496).

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/server"
)

func (g *Groups) offsetDelete(_ context.Context, _ *server.Conn, req *kmsg.OffsetDeleteRequest, reply func(*kmsg.OffsetDeleteResponse, error)) {
	img := g.metadata.Image()
	var known []kmsg.OffsetDeleteRequestTopic
	var refused []kmsg.OffsetDeleteResponseTopic
	for _, t := range req.Topics {
		if _, err := topicOf(img, t.Topic, [16]byte{}, false); err != nil {
			rt := kmsg.NewOffsetDeleteResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rt.Partitions = append(rt.Partitions, kmsg.OffsetDeleteResponseTopicPartition{Partition: p.Partition, ErrorCode: g.code("OffsetDelete", req.Group, err)})
			}
			refused = append(refused, rt)
			continue
		}
		known = append(known, t)
	}
	req.Topics = known
	ask(g, req.Group, func(m *group.Machine, _ time.Time, out *coordinator.Out, reply group.Reply[*kmsg.OffsetDeleteResponse]) {
		m.OffsetDelete(out, req, reply)
	}, func(resp *kmsg.OffsetDeleteResponse, err error) {
		if err != nil {
			resp = kmsg.NewPtrOffsetDeleteResponse()
			resp.ErrorCode = g.code("OffsetDelete", req.Group, err)
		}
		if resp.ErrorCode == 0 {
			resp.Topics = append(resp.Topics, refused...)
		}
		reply(resp, nil)
	})
}
