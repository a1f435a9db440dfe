package handler

// DescribeTopicPartitions (key 75): version 0 (KIP-966). It is Metadata in
// pages: the cursor of an answer says where the next one begins.

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

func (h *Handlers) describeTopicPartitions(ctx context.Context, c *server.Conn, req *kmsg.DescribeTopicPartitionsRequest) (*kmsg.DescribeTopicPartitionsResponse, error) {
	r := h.request(ctx, c, "DescribeTopicPartitions")
	resp := kmsg.NewPtrDescribeTopicPartitionsResponse()
	limit := int(min(int64(max(req.ResponsePartitionLimit, 1)), h.layers(r.img).Int64(configdef.Broker, "max.request.partition.size.limit")))
	first := int32(0)
	from := ""
	if req.Cursor != nil {
		if req.Cursor.Partition < 0 {
			return nil, fmt.Errorf("describe topic partitions from partition %d", req.Cursor.Partition)
		}
		from, first = req.Cursor.Topic, req.Cursor.Partition
	}
	for _, name := range r.pageTopics(req, from) {
		if name != from {
			first = 0
		}
		if limit == 0 {
			resp.NextCursor = cursor(name, 0)
			break
		}
		t, err := r.topic(name)
		if err != nil {
			out := kmsg.NewDescribeTopicPartitionsResponseTopic()
			out.Topic, out.ErrorCode = &name, r.code(err)
			out.AuthorizedOperations = notAsked
			resp.Topics = append(resp.Topics, out)
			continue
		}
		out, next := r.page(t, first, limit)
		resp.Topics = append(resp.Topics, out)
		limit -= len(out.Partitions)
		if int(next) < len(t.Partitions) {
			resp.NextCursor = cursor(name, next)
			break
		}
	}
	return resp, nil
}

func cursor(topic string, partition int32) *kmsg.DescribeTopicPartitionsResponseNextCursor {
	c := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
	c.Topic, c.Partition = topic, partition
	return &c
}

// pageTopics are the names to describe, in order, from the cursor's on.
func (r *request) pageTopics(req *kmsg.DescribeTopicPartitionsRequest, from string) []string {
	var names []string
	if len(req.Topics) == 0 {
		for t := range r.img.TopicsAfter(from) {
			names = append(names, t.Name)
		}
		return names
	}
	for i := range req.Topics {
		if req.Topics[i].Topic >= from {
			names = append(names, req.Topics[i].Topic)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// page describes up to limit partitions of a topic, and says which is next.
func (r *request) page(t *metadata.Topic, first int32, limit int) (kmsg.DescribeTopicPartitionsResponseTopic, int32) {
	out := kmsg.NewDescribeTopicPartitionsResponseTopic()
	out.Topic, out.TopicID, out.IsInternal = &t.Name, t.ID, t.Internal()
	out.AuthorizedOperations = topicOperations
	first = min(first, int32(len(t.Partitions)))
	next := min(int(first)+limit, len(t.Partitions))
	for i := int(first); i < next; i++ {
		p := &t.Partitions[i]
		o := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
		o.Partition, o.LeaderID, o.LeaderEpoch = p.Index, p.Leader, p.LeaderEpoch
		o.Replicas, o.ISR, o.OfflineReplicas = p.Replicas, p.ISR, r.offline(p)
		o.EligibleLeaderReplicas, o.LastKnownELR = []int32{}, []int32{}
		if p.Leader < 0 {
			o.ErrorCode = kerr.LeaderNotAvailable.Code
		}
		out.Partitions = append(out.Partitions, o)
	}
	return out, int32(next)
}
