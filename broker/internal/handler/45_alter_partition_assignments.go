package handler

// AlterPartitionAssignments, Kafka's AlterPartitionReassignments (key 45): versions 0-1 (KIP-455).
//
//	v1  whether the number of replicas may change (KIP-860)

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

// alterPartitionAssignments checks what Kafka checks. On one node every valid assignment is the one that stands, so that
// a reassignment is complete when it is answered, and there is none to cancel.
func (h *Handlers) alterPartitionAssignments(ctx context.Context, c *server.Conn, req *kmsg.AlterPartitionAssignmentsRequest) (*kmsg.AlterPartitionAssignmentsResponse, error) {
	r := h.request(ctx, c, "AlterPartitionAssignments")
	resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	resp.AllowReplicationFactorChange = req.Version == 0 || req.AllowReplicationFactorChange
	for _, t := range req.Topics {
		out := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		out.Topic = t.Topic
		for i := range t.Partitions {
			err := r.reassign(t.Topic, &t.Partitions[i], resp.AllowReplicationFactorChange)
			o := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			o.Partition, o.ErrorCode = t.Partitions[i].Partition, r.code(err)
			if o.ErrorCode != kerr.NoReassignmentInProgress.Code { // of which Kafka says no more
				o.ErrorMessage = message(err)
			}
			out.Partitions = append(out.Partitions, o)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp, nil
}

func (r *request) reassign(topic string, in *kmsg.AlterPartitionAssignmentsRequestTopicPartition, resize bool) error {
	t, ok := r.img.Topic(topic)
	if !ok {
		return fmt.Errorf("Unable to find a topic named %s.: %w", topic, kerr.UnknownTopicOrPartition) //nolint:staticcheck // Kafka's text
	}
	p, ok := t.Partition(in.Partition)
	if !ok {
		return fmt.Errorf("Unable to find partition %s:%d.: %w", topic, in.Partition, kerr.UnknownTopicOrPartition) //nolint:staticcheck // Kafka's text
	}
	if in.Replicas == nil {
		return fmt.Errorf("partition %s-%d: %w", topic, in.Partition, kerr.NoReassignmentInProgress)
	}
	if err := r.checkReplicas(in.Replicas); err != nil {
		return err
	}
	switch {
	case !resize && len(in.Replicas) != len(p.Replicas):
		return fmt.Errorf("The replication factor is changed from %d to %d: %w", len(p.Replicas), len(in.Replicas), kerr.InvalidReplicationFactor) //nolint:staticcheck // Kafka's text
	case !slices.Equal(in.Replicas, p.Replicas):
		return fmt.Errorf("The replicas cannot move to another broker of a cluster of one node: %w", kerr.InvalidReplicaAssignment) //nolint:staticcheck // as the others
	}
	return nil
}

// checkReplicas refuses lists that no partition can have.
func (r *request) checkReplicas(replicas []int32) error {
	if len(replicas) == 0 {
		return fmt.Errorf("The manual partition assignment includes an empty replica list.: %w", kerr.InvalidReplicaAssignment) //nolint:staticcheck // Kafka's text
	}
	sorted := slices.Sorted(slices.Values(replicas))
	for i, id := range sorted {
		if _, ok := r.img.Broker(id); !ok {
			return fmt.Errorf("The manual partition assignment includes broker %d, but no such broker is registered.: %w", id, kerr.InvalidReplicaAssignment) //nolint:staticcheck // Kafka's text
		}
		if i > 0 && sorted[i-1] == id {
			return fmt.Errorf("The manual partition assignment includes the broker %d more than once.: %w", id, kerr.InvalidReplicaAssignment) //nolint:staticcheck // Kafka's text
		}
	}
	return nil
}
