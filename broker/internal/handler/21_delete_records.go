package handler

// DeleteRecords (key 21): versions 0-2. v2 is flexible.

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

func (h *Handlers) deleteRecords(ctx context.Context, c *server.Conn, req *kmsg.DeleteRecordsRequest) (*kmsg.DeleteRecordsResponse, error) {
	r := h.request(ctx, c, "DeleteRecords")
	resp := kmsg.NewPtrDeleteRecordsResponse()
	for _, in := range req.Topics {
		topic := kmsg.NewDeleteRecordsResponseTopic()
		topic.Topic = in.Topic
		t, err := r.topic(in.Topic)
		if err == nil {
			err = r.mayDeleteRecords(t)
		}
		for _, p := range in.Partitions {
			out := kmsg.NewDeleteRecordsResponseTopicPartition()
			out.Partition, out.LowWatermark = p.Partition, -1
			failed := err
			if failed == nil {
				out.LowWatermark, failed = r.deleteBefore(t, p.Partition, p.Offset)
			}
			out.ErrorCode = r.code(failed)
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp, nil
}

// mayDeleteRecords refuses topics that are only compacted: their records are
// state, of which nobody may cut off the beginning.
func (r *request) mayDeleteRecords(t *metadata.Topic) error {
	if !slices.Contains(r.h.topicLayers(r.img, t).List(configdef.Topic, "cleanup.policy"), "delete") {
		return fmt.Errorf("topic %q has a cleanup policy without delete: %w", t.Name, kerr.PolicyViolation)
	}
	return nil
}

func (r *request) deleteBefore(t *metadata.Topic, index int32, offset int64) (int64, error) {
	p, err := r.partition(t, index)
	if err != nil {
		return -1, err
	}
	if offset < -1 {
		return -1, fmt.Errorf("delete records before offset %d: %w", offset, kerr.OffsetOutOfRange)
	}
	low, err := p.DeleteRecordsBefore(offset)
	if err != nil {
		return -1, err
	}
	return low, nil
}
