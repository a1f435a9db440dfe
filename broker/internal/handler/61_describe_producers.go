package handler

// DescribeProducers (key 61): version 0 (KIP-664).

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

func (h *Handlers) describeProducers(ctx context.Context, c *server.Conn, req *kmsg.DescribeProducersRequest) (*kmsg.DescribeProducersResponse, error) {
	r := h.request(ctx, c, "DescribeProducers")
	resp := kmsg.NewPtrDescribeProducersResponse()
	for _, in := range req.Topics {
		topic := kmsg.NewDescribeProducersResponseTopic()
		topic.Topic = in.Topic
		for _, index := range in.Partitions {
			out := kmsg.NewDescribeProducersResponseTopicPartition()
			out.Partition = index
			part, err := r.named(in.Topic, index)
			if err != nil {
				out.ErrorCode, out.ErrorMessage = r.code(err), message(err)
				topic.Partitions = append(topic.Partitions, out)
				continue
			}
			for _, p := range part.Producers() {
				a := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
				a.ProducerID, a.ProducerEpoch = p.ProducerID, int32(p.ProducerEpoch)
				a.LastSequence, a.LastTimestamp = p.LastSequence, p.LastTimestamp
				a.CoordinatorEpoch, a.CurrentTxnStartOffset = p.CoordinatorEpoch, p.CurrentTxnStartOffset
				out.ActiveProducers = append(out.ActiveProducers, a)
			}
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp, nil
}
