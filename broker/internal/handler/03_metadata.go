package handler

// Metadata (key 3): versions 0-13.
//
//	v0   an empty list asks for all topics
//	v1   null asks for all topics, an empty list for none; racks, controller, internal topics
//	v4   whether unknown topics are to be created
//	v7   leader epochs
//	v8   authorized operations
//	v9   flexible
//	v10  topic ids in answers
//	v12  topic ids in requests
//	v13  an error for the whole answer

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

func (h *Handlers) metadataOf(ctx context.Context, c *server.Conn, req *kmsg.MetadataRequest) (*kmsg.MetadataResponse, error) {
	r := h.request(ctx, c, "Metadata")
	resp := kmsg.NewPtrMetadataResponse()
	if req.Topics == nil || req.Version == 0 && len(req.Topics) == 0 {
		resp.Topics = make([]kmsg.MetadataResponseTopic, 0, r.img.NumTopics())
		for t := range r.img.Topics() {
			resp.Topics = append(resp.Topics, r.describe(req, t))
		}
	} else {
		resp.Topics = make([]kmsg.MetadataResponseTopic, 0, len(req.Topics))
		for i := range req.Topics {
			resp.Topics = append(resp.Topics, r.askedTopic(req, &req.Topics[i]))
		}
	}
	for _, b := range r.img.Brokers() {
		out := kmsg.NewMetadataResponseBroker()
		out.NodeID, out.Rack = b.ID, rack(b)
		out.Host, out.Port = r.address(b.ID)
		resp.Brokers = append(resp.Brokers, out)
	}
	cluster := r.img.ClusterID()
	resp.ClusterID = &cluster
	resp.ControllerID = h.node
	resp.AuthorizedOperations = operations(req.IncludeClusterAuthorizedOperations, clusterOperations)
	return resp, nil
}

func (r *request) askedTopic(req *kmsg.MetadataRequest, in *kmsg.MetadataRequestTopic) kmsg.MetadataResponseTopic {
	t, err := r.find(req, in)
	if err == nil {
		return r.describe(req, t)
	}
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID, out.ErrorCode = in.Topic, in.TopicID, r.code(err)
	if in.Topic != nil && out.ErrorCode == kerr.UnknownTopicOrPartition.Code { // what one might do to it, as Kafka says
		out.AuthorizedOperations = operations(req.IncludeTopicAuthorizedOperations, topicOperations)
	}
	out.IsInternal = in.Topic != nil && metadata.IsInternal(*in.Topic)
	if out.Topic == nil && req.Version < 12 { // the name may be null from version 12 on
		out.Topic = kmsg.StringPtr("")
	}
	return out
}

func (r *request) find(req *kmsg.MetadataRequest, in *kmsg.MetadataRequestTopic) (*metadata.Topic, error) {
	id := metadata.TopicID(in.TopicID)
	switch {
	case !id.IsZero() && req.Version < 12:
		return nil, fmt.Errorf("topic id in version %d: %w", req.Version, kerr.InvalidRequest)
	case !id.IsZero():
		return r.topicByID(id)
	case in.Topic == nil:
		return nil, fmt.Errorf("topic without name or id: %w", kerr.InvalidRequest)
	}
	t, err := r.topic(*in.Topic)
	if !errors.Is(err, kerr.UnknownTopicOrPartition) || req.Version >= 4 && !req.AllowAutoTopicCreation {
		return t, err
	}
	return r.autoCreate(*in.Topic, err)
}

// autoCreate makes a topic because a client asked about it. What it cannot
// make stays unknown.
func (r *request) autoCreate(name string, unknown error) (*metadata.Topic, error) {
	layers := r.h.layers(r.img)
	if metadata.IsInternal(name) || !layers.Bool(configdef.Broker, "auto.create.topics.enable") {
		return nil, unknown
	}
	partitions := int32(layers.Int64(configdef.Broker, "num.partitions"))
	r.limitMutations(true)
	if r.mutations.Take(int(partitions)) != nil {
		return nil, unknown // as in Kafka: metadata has no other answer
	}
	t, err := metadata.EnsureTopic(r.h.metadata, metadata.NewTopic{
		Name:              name,
		Partitions:        partitions,
		ReplicationFactor: int16(layers.Int64(configdef.Broker, "default.replication.factor")),
	})
	if err != nil {
		return nil, err
	}
	r.img = r.h.metadata.Image()
	r.h.log.InfoContext(r.ctx, "auto-create topic", "topic", name, "client_id", r.conn.ClientID())
	return t, nil
}

func (r *request) describe(req *kmsg.MetadataRequest, t *metadata.Topic) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID, out.IsInternal = &t.Name, t.ID, t.Internal()
	out.AuthorizedOperations = operations(req.IncludeTopicAuthorizedOperations, topicOperations)
	out.Partitions = make([]kmsg.MetadataResponseTopicPartition, len(t.Partitions))
	for i := range t.Partitions {
		p := &t.Partitions[i]
		o := kmsg.NewMetadataResponseTopicPartition()
		o.Partition, o.Leader, o.LeaderEpoch = p.Index, p.Leader, p.LeaderEpoch
		o.Replicas, o.ISR, o.OfflineReplicas = p.Replicas, p.ISR, r.offline(p)
		if p.Leader < 0 {
			o.ErrorCode = kerr.LeaderNotAvailable.Code
		}
		out.Partitions[i] = o
	}
	return out
}

// offline lists the replicas on brokers that are not registered.
func (r *request) offline(p *metadata.Partition) []int32 {
	out := []int32{}
	for _, id := range p.Replicas {
		if _, ok := r.img.Broker(id); !ok {
			out = append(out, id)
		}
	}
	return out
}
