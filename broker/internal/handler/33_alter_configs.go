package handler

// AlterConfigs (key 33): versions 0-2. It replaces all settings of a resource
// and is deprecated for IncrementalAlterConfigs. v2 is flexible.

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

// resourceKey names a resource of a request.
type resourceKey struct {
	typ  kmsg.ConfigResourceType
	name string
}

// once returns an error if a request names a resource more than once.
func (k resourceKey) once(named map[resourceKey]int) error {
	if named[k] > 1 {
		return fmt.Errorf("each resource must appear at most once, but %s does not: %w", k.name, kerr.InvalidRequest)
	}
	return nil
}

func (h *Handlers) alterConfigs(ctx context.Context, c *server.Conn, req *kmsg.AlterConfigsRequest) (*kmsg.AlterConfigsResponse, error) {
	h.configs.Lock()
	defer h.configs.Unlock()
	r := h.request(ctx, c, "AlterConfigs")
	resp := kmsg.NewPtrAlterConfigsResponse()
	named := map[resourceKey]int{}
	for i := range req.Resources {
		named[resourceKey{req.Resources[i].ResourceType, req.Resources[i].ResourceName}]++
	}
	for i := range req.Resources {
		in := &req.Resources[i]
		out := kmsg.NewAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = in.ResourceType, in.ResourceName
		err := resourceKey{in.ResourceType, in.ResourceName}.once(named)
		if err == nil {
			err = r.replaceConfigs(in, req.ValidateOnly)
		}
		out.ErrorCode, out.ErrorMessage = r.code(err), message(err)
		resp.Resources = append(resp.Resources, out)
	}
	return resp, nil
}

func (r *request) replaceConfigs(in *kmsg.AlterConfigsRequestResource, validateOnly bool) error {
	res, err := r.configured(int8(in.ResourceType), in.ResourceName)
	if err != nil {
		return err
	}
	changes := map[string]*string{}
	for key := range r.img.Configs(res.ConfigResource) {
		changes[key] = nil
	}
	given := map[string]bool{}
	for _, c := range in.Configs {
		if c.Value == nil {
			return fmt.Errorf("null value not supported for: %s: %w", c.Name, kerr.InvalidRequest)
		}
		if given[c.Name] {
			return fmt.Errorf("duplicate config key: %s: %w", c.Name, kerr.InvalidRequest)
		}
		given[c.Name], changes[c.Name] = true, c.Value
	}
	return r.change(res, changes, validateOnly)
}
