package handler

// DescribeCluster (key 60): versions 0-2.
//
//	v1  brokers or controllers (KIP-919)
//	v2  fenced brokers (KIP-1073)

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

// Endpoint types of DescribeCluster.
const (
	brokerEndpoints     = 1
	controllerEndpoints = 2
)

func (h *Handlers) describeCluster(ctx context.Context, c *server.Conn, req *kmsg.DescribeClusterRequest) (*kmsg.DescribeClusterResponse, error) {
	r := h.request(ctx, c, "DescribeCluster")
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.ClusterID, resp.ControllerID = r.img.ClusterID(), -1
	if err := checkEndpointType(req); err != nil {
		resp.ErrorCode, resp.ErrorMessage = r.code(err), message(err)
		return resp, nil
	}
	resp.ControllerID = h.node
	resp.ClusterAuthorizedOperations = operations(req.IncludeClusterAuthorizedOperations, clusterOperations)
	for _, b := range r.img.Brokers() {
		out := kmsg.NewDescribeClusterResponseBroker()
		out.NodeID, out.Rack = b.ID, rack(b)
		out.Host, out.Port = r.address(b.ID)
		resp.Brokers = append(resp.Brokers, out)
	}
	return resp, nil
}

func checkEndpointType(req *kmsg.DescribeClusterRequest) error {
	switch {
	case req.Version == 0 || req.EndpointType == brokerEndpoints:
		return nil
	case req.EndpointType == controllerEndpoints:
		return fmt.Errorf("the request was sent to a broker, but asks for controller endpoints: %w", kerr.MismatchedEndpointType)
	}
	return fmt.Errorf("endpoint type %d: %w", req.EndpointType, kerr.UnsupportedEndpointType)
}
