package handler

// DescribeQuorum (key 55): versions 0-2 (KIP-595).
//
//	v1  when a replica fetched last, and when it had caught up
//	v2  directories, listeners of the voters, error messages (KIP-853)

import (
	"context"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

// metadataTopic is Kafka's name for the metadata log, whose quorum is described.
const metadataTopic = "__cluster_metadata"

// describeQuorum describes the quorum of one voter that a single node is. A request for anything but the one partition of
// the metadata log gets UNKNOWN_TOPIC_OR_PARTITION for all that it names.
func (h *Handlers) describeQuorum(ctx context.Context, c *server.Conn, req *kmsg.DescribeQuorumRequest) (*kmsg.DescribeQuorumResponse, error) {
	r := h.request(ctx, c, "DescribeQuorum")
	resp := kmsg.NewPtrDescribeQuorumResponse()
	resp.ErrorMessage = kmsg.StringPtr("")
	valid := len(req.Topics) == 1 && req.Topics[0].Topic == metadataTopic &&
		len(req.Topics[0].Partitions) == 1 && req.Topics[0].Partitions[0].Partition == 0
	for _, t := range req.Topics {
		out := kmsg.NewDescribeQuorumResponseTopic()
		out.Topic = t.Topic
		for _, p := range t.Partitions {
			o := kmsg.NewDescribeQuorumResponseTopicPartition()
			o.Partition = p.Partition
			if valid {
				r.describeQuorum(&o)
			} else {
				o.ErrorCode, o.ErrorMessage = kerr.UnknownTopicOrPartition.Code, &kerr.UnknownTopicOrPartition.Description
			}
			out.Partitions = append(out.Partitions, o)
		}
		resp.Topics = append(resp.Topics, out)
	}
	if valid {
		resp.Nodes = append(resp.Nodes, r.voter())
	}
	return resp, nil
}

// describeQuorum tells of the metadata log. The epoch is that of this broker's registration: both grow with every start.
func (r *request) describeQuorum(out *kmsg.DescribeQuorumResponseTopicPartition) {
	end, now := r.img.Offset()+1, time.Now().UnixMilli()
	out.ErrorMessage = kmsg.StringPtr("")
	out.LeaderID, out.LeaderEpoch, out.HighWatermark = r.h.node, registrationEpoch(r.img, r.h.node), end
	voter := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
	voter.ReplicaID, voter.LogEndOffset, voter.LastFetchTimestamp, voter.LastCaughtUpTimestamp = r.h.node, end, now, now
	out.CurrentVoters = append(out.CurrentVoters, voter)
}

func registrationEpoch(img *metadata.Image, node int32) int32 {
	b, ok := img.Broker(node)
	if !ok {
		return 0
	}
	return int32(min(b.Epoch, math.MaxInt32))
}

// voter tells where the one voter is reached.
func (r *request) voter() kmsg.DescribeQuorumResponseNode {
	node := kmsg.NewDescribeQuorumResponseNode()
	node.NodeID = r.h.node
	b, ok := r.img.Broker(r.h.node)
	if !ok {
		return node
	}
	for _, e := range b.Endpoints {
		l := kmsg.NewDescribeQuorumResponseNodeListener()
		l.Name, l.Host, l.Port = e.Listener, e.Host, uint16(e.Port)
		node.Listeners = append(node.Listeners, l)
	}
	return node
}
