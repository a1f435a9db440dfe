package handler

// FindCoordinator (key 10): versions 0-6.
//
//	v1  coordinators of transactions
//	v3  flexible
//	v4  several keys (KIP-699)
//	v6  coordinators of share groups (KIP-932)

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

// Kinds of coordinators.
const (
	groupCoordinator       = 0
	transactionCoordinator = 1
)

// findCoordinator answers with this broker, which coordinates everything there is. As
// with Kafka the topic of the groups exists from then on.
func (g *Groups) findCoordinator(_ context.Context, c *server.Conn, req *kmsg.FindCoordinatorRequest) (*kmsg.FindCoordinatorResponse, error) {
	keys := req.CoordinatorKeys
	if req.Version < 4 {
		keys = []string{req.CoordinatorKey}
	}
	host, port := advertised(g.metadata.Image(), g.node, g.node, c)
	err := checkCoordinatorType(req)
	if err == nil && (req.Version == 0 || req.CoordinatorType == groupCoordinator) {
		err = g.topic.ensure()
	}
	resp := kmsg.NewPtrFindCoordinatorResponse()
	for _, key := range keys {
		rc := kmsg.NewFindCoordinatorResponseCoordinator()
		rc.Key, rc.NodeID, rc.Host, rc.Port = key, g.node, host, port
		if err != nil {
			rc.NodeID, rc.Host, rc.Port = -1, "", -1
			rc.ErrorCode, rc.ErrorMessage = g.code("FindCoordinator", key, err), message(err)
		}
		resp.Coordinators = append(resp.Coordinators, rc)
	}
	if req.Version < 4 {
		one := resp.Coordinators[0]
		resp.NodeID, resp.Host, resp.Port = one.NodeID, one.Host, one.Port
		resp.ErrorCode, resp.ErrorMessage = one.ErrorCode, one.ErrorMessage
		resp.Coordinators = nil
	}
	return resp, nil
}

func checkCoordinatorType(req *kmsg.FindCoordinatorRequest) error {
	switch {
	case req.CoordinatorType == groupCoordinator || req.Version == 0:
		return nil
	case req.CoordinatorType == transactionCoordinator:
		return nil
	}
	return fmt.Errorf("coordinator type %d: %w", req.CoordinatorType, kerr.InvalidRequest)
}
