package handler

// CreateTopics (key 19): versions 0-7.
//
//	v1  validate only
//	v4  -1 for the broker's number of partitions and replicas (KIP-464)
//	v5  flexible; the topic's configs in the answer (KIP-525)
//	v7  topic ids

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

// strictCreateTopics is the version from which on clients understand THROTTLING_QUOTA_EXCEEDED.
const strictCreateTopics = 6

func (h *Handlers) createTopics(ctx context.Context, c *server.Conn, req *kmsg.CreateTopicsRequest) (*kmsg.CreateTopicsResponse, error) {
	r := h.request(ctx, c, "CreateTopics")
	r.limitMutations(req.Version >= strictCreateTopics)
	resp := kmsg.NewPtrCreateTopicsResponse()
	named := map[string]int{}
	for i := range req.Topics {
		named[req.Topics[i].Topic]++
	}
	partitions := 0 // of all topics of the request
	for i := range req.Topics {
		in := &req.Topics[i]
		if named[in.Topic] == 0 {
			continue // answered with its first mention
		}
		out := kmsg.NewCreateTopicsResponseTopic()
		out.Topic = in.Topic
		var err error
		if named[in.Topic] > 1 {
			err = fmt.Errorf("topic '%s' is in the request more than once: %w", in.Topic, kerr.InvalidRequest)
			named[in.Topic] = 0
		} else {
			err = r.createTopic(in, req.ValidateOnly, &partitions, &out)
		}
		if err != nil {
			out = kmsg.NewCreateTopicsResponseTopic()
			out.Topic, out.ErrorCode, out.ErrorMessage = in.Topic, r.code(err), message(err)
			out.NumPartitions, out.ReplicationFactor = -1, -1
			out.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
		}
		resp.Topics = append(resp.Topics, out)
	}
	resp.ThrottleMillis = r.throttleMillis()
	return resp, nil
}

func (r *request) createTopic(in *kmsg.CreateTopicsRequestTopic, validateOnly bool, partitions *int, out *kmsg.CreateTopicsResponseTopic) error {
	topic, err := r.newTopic(in)
	if err != nil {
		return err
	}
	recs, err := topic.Records(r.img)
	if err != nil {
		return err
	}
	n := countPartitions(recs)
	if *partitions += n; *partitions > metadata.MaxPartitionsPerRequest {
		return fmt.Errorf("more than %d partitions in one request: %w", metadata.MaxPartitionsPerRequest, kerr.PolicyViolation)
	}
	if err := r.mutations.Take(n); err != nil {
		return err
	}
	if !validateOnly {
		if _, err := r.h.metadata.Propose(recs); err != nil {
			return err
		}
		r.img = r.h.metadata.Image()
		r.h.log.InfoContext(r.ctx, "create topic", "topic", topic.Name, "client_id", r.conn.ClientID())
	}
	r.tellCreated(recs, topic, validateOnly, out)
	return nil
}

// newTopic reads one topic of a request and puts the broker's defaults in.
func (r *request) newTopic(in *kmsg.CreateTopicsRequestTopic) (metadata.NewTopic, error) {
	t := metadata.NewTopic{Name: in.Topic, Partitions: in.NumPartitions, ReplicationFactor: in.ReplicationFactor}
	if err := metadata.CheckTopicName(in.Topic); err != nil {
		return t, err
	}
	layers := r.h.layers(r.img)
	if len(in.ReplicaAssignment) > 0 {
		var err error
		if t.Assignments, err = assignments(in); err != nil {
			return t, err
		}
	}
	if t.Partitions == -1 {
		t.Partitions = int32(layers.Int64(configdef.Broker, "num.partitions"))
	}
	if t.ReplicationFactor == -1 {
		t.ReplicationFactor = int16(layers.Int64(configdef.Broker, "default.replication.factor"))
	}
	t.Configs = make(map[string]string, len(in.Configs))
	for _, c := range in.Configs {
		if c.Value == nil {
			return t, fmt.Errorf("null value not supported for topic config %s: %w", c.Name, kerr.InvalidConfig)
		}
		if err := configdef.Check(configdef.Topic, c.Name, *c.Value); err != nil {
			return t, fmt.Errorf("%w: %w", err, kerr.InvalidConfig)
		}
		t.Configs[c.Name] = *c.Value
	}
	return t, nil
}

// assignments orders the replicas of a request by partition.
func assignments(in *kmsg.CreateTopicsRequestTopic) ([][]int32, error) {
	if in.NumPartitions != -1 || in.ReplicationFactor != -1 {
		return nil, fmt.Errorf("a manual partition assignment was specified, but the number of partitions or the replication factor was not set to -1: %w", kerr.InvalidRequest)
	}
	out := make([][]int32, len(in.ReplicaAssignment))
	for _, a := range in.ReplicaAssignment {
		if a.Partition < 0 || int(a.Partition) >= len(out) || out[a.Partition] != nil {
			return nil, fmt.Errorf("partitions should be a consecutive 0-based integer sequence: %w", kerr.InvalidReplicaAssignment)
		}
		if out[a.Partition] = a.Replicas; len(a.Replicas) == 0 {
			return nil, fmt.Errorf("the manual partition assignment includes an empty replica list: %w", kerr.InvalidReplicaAssignment)
		}
	}
	return out, nil
}

func countPartitions(recs []metadata.Record) int {
	n := 0
	for _, rec := range recs {
		if _, ok := rec.(*metadata.PartitionRecord); ok {
			n++
		}
	}
	return n
}

// tellCreated fills in what the topic has become, or would have.
func (r *request) tellCreated(recs []metadata.Record, t metadata.NewTopic, validateOnly bool, out *kmsg.CreateTopicsResponseTopic) {
	for _, rec := range recs {
		switch rec := rec.(type) {
		case *metadata.TopicRecord:
			if !validateOnly {
				out.TopicID = rec.ID
			}
		case *metadata.PartitionRecord:
			out.NumPartitions, out.ReplicationFactor = rec.Index+1, int16(len(rec.Replicas))
		}
	}
	layers := r.h.layers(r.img)
	layers.Override = t.Configs
	for key := range configdef.Keys(configdef.Topic) {
		e, ok := layers.Entry(configdef.Topic, key.Name)
		if !ok {
			continue
		}
		c := kmsg.NewCreateTopicsResponseTopicConfig()
		c.Name, c.Source, c.IsSensitive, c.ReadOnly = key.Name, int8(e.Source), key.Sensitive, e.ReadOnly()
		c.Value = shown(e)
		out.Configs = append(out.Configs, c)
	}
}

// shown is the value that a client may see.
func shown(e configdef.Entry) *string {
	if e.Null || e.Key.Sensitive {
		return nil
	}
	return &e.Value
}
