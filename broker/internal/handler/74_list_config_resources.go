package handler

// ListConfigResources (key 74): versions 0-1 (KIP-714, KIP-1142).
//
//	v0  client metrics subscriptions
//	v1  any type of resource

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

func (h *Handlers) listConfigResources(ctx context.Context, c *server.Conn, req *kmsg.ListConfigResourcesRequest) (*kmsg.ListConfigResourcesResponse, error) {
	r := h.request(ctx, c, "ListConfigResources")
	resp := kmsg.NewPtrListConfigResourcesResponse()
	types := req.ResourceTypes
	switch {
	case req.Version == 0:
		types = []int8{int8(metadata.ClientMetrics)}
	case len(types) == 0:
		types = []int8{int8(metadata.TopicResource), int8(metadata.BrokerResource), int8(metadata.ClientMetrics), int8(metadata.GroupResource)}
	}
	for _, typ := range types {
		names, err := r.resourceNames(metadata.ResourceType(typ))
		if err != nil {
			resp.ErrorCode, resp.ConfigResources = r.code(err), nil
			return resp, nil
		}
		for _, name := range names {
			out := kmsg.NewListConfigResourcesResponseConfigResource()
			out.Name, out.Type = name, typ
			resp.ConfigResources = append(resp.ConfigResources, out)
		}
	}
	return resp, nil
}

func (r *request) resourceNames(typ metadata.ResourceType) ([]string, error) {
	var names []string
	switch typ {
	case metadata.TopicResource:
		for t := range r.img.Topics() {
			names = append(names, t.Name)
		}
	case metadata.BrokerResource:
		for _, b := range r.img.Brokers() {
			names = append(names, brokerResource(b.ID).Name)
		}
	case metadata.GroupResource, metadata.ClientMetrics:
		for _, res := range r.img.Resources(typ) {
			names = append(names, res.Name)
		}
	default:
		return nil, fmt.Errorf("unsupported resource type %d: %w", typ, kerr.UnsupportedVersion)
	}
	return names, nil
}
