package handler

// ListPartitionReassignments (key 46): version 0 (KIP-455).

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

// listPartitionReassignments lists what goes on: nothing, for on one node a reassignment is complete when
// AlterPartitionAssignments answers. Kafka says no more of topics and partitions that do not exist.
func (h *Handlers) listPartitionReassignments(context.Context, *server.Conn, *kmsg.ListPartitionReassignmentsRequest) (*kmsg.ListPartitionReassignmentsResponse, error) {
	return kmsg.NewPtrListPartitionReassignmentsResponse(), nil
}
