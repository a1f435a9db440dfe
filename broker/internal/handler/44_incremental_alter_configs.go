package handler

// IncrementalAlterConfigs (key 44): versions 0-1 (KIP-339). v1 is flexible.

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/server"
)

func (h *Handlers) incrementalAlterConfigs(ctx context.Context, c *server.Conn, req *kmsg.IncrementalAlterConfigsRequest) (*kmsg.IncrementalAlterConfigsResponse, error) {
	h.configs.Lock()
	defer h.configs.Unlock()
	r := h.request(ctx, c, "IncrementalAlterConfigs")
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	named := map[resourceKey]int{}
	for i := range req.Resources {
		named[resourceKey{req.Resources[i].ResourceType, req.Resources[i].ResourceName}]++
	}
	for i := range req.Resources {
		in := &req.Resources[i]
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = in.ResourceType, in.ResourceName
		err := resourceKey{in.ResourceType, in.ResourceName}.once(named)
		if err == nil {
			err = r.alterResource(in, req.ValidateOnly)
		}
		out.ErrorCode, out.ErrorMessage = r.code(err), message(err)
		resp.Resources = append(resp.Resources, out)
	}
	return resp, nil
}

func (r *request) alterResource(in *kmsg.IncrementalAlterConfigsRequestResource, validateOnly bool) error {
	res, err := r.configured(int8(in.ResourceType), in.ResourceName)
	if err != nil {
		return err
	}
	changes := map[string]*string{}
	for i := range in.Configs {
		c := &in.Configs[i]
		if _, twice := changes[c.Name]; twice {
			return fmt.Errorf("duplicate config key: %s: %w", c.Name, kerr.InvalidRequest)
		}
		if changes[c.Name], err = res.operate(c); err != nil {
			return err
		}
	}
	return r.change(res, changes, validateOnly)
}

// operate returns the value that an operation leads to; nil removes the key.
func (c configured) operate(in *kmsg.IncrementalAlterConfigsRequestResourceConfig) (*string, error) {
	if in.Op == kmsg.IncrementalAlterConfigOpDelete {
		return nil, nil
	}
	if in.Value == nil {
		return nil, fmt.Errorf("null value not supported for: %s: %w", in.Name, kerr.InvalidRequest)
	}
	switch in.Op {
	case kmsg.IncrementalAlterConfigOpSet:
		return in.Value, nil
	case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
	default:
		return nil, fmt.Errorf("unknown operation %d on config %s: %w", in.Op, in.Name, kerr.InvalidRequest)
	}
	k, ok := configdef.Lookup(c.scope, in.Name)
	if !ok {
		return nil, fmt.Errorf("unknown %s config name: %s: %w", c.scopeName(), in.Name, kerr.InvalidConfig)
	}
	if k.Type != configdef.List {
		return nil, fmt.Errorf("can't append to or subtract from key %s because its type is not LIST: %w", in.Name, kerr.InvalidConfig)
	}
	list := c.layers.List(c.scope, in.Name)
	for v := range strings.SplitSeq(*in.Value, ",") {
		v = strings.TrimSpace(v)
		has := slices.Contains(list, v)
		switch {
		case in.Op == kmsg.IncrementalAlterConfigOpAppend && !has:
			list = append(slices.Clone(list), v)
		case in.Op == kmsg.IncrementalAlterConfigOpSubtract && has:
			list = slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == v })
		}
	}
	value := strings.Join(list, ",")
	return &value, nil
}
