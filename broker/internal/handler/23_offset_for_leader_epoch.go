package handler

// OffsetForLeaderEpoch (key 23): versions 0-4.
//
//	v1  the epoch found
//	v2  the epoch that the client believes in (KIP-320)
//	v4  flexible

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

func (h *Handlers) offsetForLeaderEpoch(ctx context.Context, c *server.Conn, req *kmsg.OffsetForLeaderEpochRequest) (*kmsg.OffsetForLeaderEpochResponse, error) {
	r := h.request(ctx, c, "OffsetForLeaderEpoch")
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	for _, in := range req.Topics {
		topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
		topic.Topic = in.Topic
		for _, p := range in.Partitions {
			out := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			out.Partition, out.LeaderEpoch, out.EndOffset = p.Partition, -1, -1
			part, err := r.named(in.Topic, p.Partition)
			if err == nil {
				end, eerr := part.EndOffsetForEpoch(p.CurrentLeaderEpoch, p.LeaderEpoch)
				if err = eerr; err == nil {
					out.LeaderEpoch, out.EndOffset = end.LeaderEpoch, end.EndOffset
				}
			}
			out.ErrorCode = r.code(err)
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp, nil
}
