package handler

// DescribeConfigs (key 32): versions 0-4.
//
//	v1  where a value comes from, and its synonyms (KIP-226)
//	v3  types and documentation (KIP-569)
//	v4  flexible

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/server"
)

func (h *Handlers) describeConfigs(ctx context.Context, c *server.Conn, req *kmsg.DescribeConfigsRequest) (*kmsg.DescribeConfigsResponse, error) {
	r := h.request(ctx, c, "DescribeConfigs")
	resp := kmsg.NewPtrDescribeConfigsResponse()
	for i := range req.Resources {
		in := &req.Resources[i]
		out := kmsg.NewDescribeConfigsResponseResource()
		out.ResourceType, out.ResourceName = in.ResourceType, in.ResourceName
		out.Configs = []kmsg.DescribeConfigsResponseResourceConfig{}
		res, err := r.configured(int8(in.ResourceType), in.ResourceName)
		if err != nil {
			out.ErrorCode, out.ErrorMessage = r.code(err), message(err)
			resp.Resources = append(resp.Resources, out)
			continue
		}
		for key := range configdef.Keys(res.scope) {
			if len(in.ConfigNames) > 0 && !slices.Contains(in.ConfigNames, key.Name) {
				continue
			}
			e, ok := res.layers.Entry(res.scope, key.Name)
			if !ok || res.forAll() && e.Source != configdef.SourceDynamicDefault {
				continue // the configs of all brokers are those that were set for all
			}
			out.Configs = append(out.Configs, describeConfig(req, e))
		}
		resp.Resources = append(resp.Resources, out)
	}
	return resp, nil
}

func describeConfig(req *kmsg.DescribeConfigsRequest, e configdef.Entry) kmsg.DescribeConfigsResponseResourceConfig {
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	out.Name, out.Value = e.Key.Name, shown(e)
	out.ReadOnly, out.IsSensitive = e.ReadOnly(), e.Key.Sensitive
	out.IsDefault = e.Source == configdef.SourceDefault
	out.Source = kmsg.ConfigSource(e.Source)
	out.ConfigType = kmsg.ConfigType(e.Key.Type)
	if req.IncludeDocumentation {
		out.Documentation = &e.Key.Doc
	}
	out.ConfigSynonyms = []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{}
	if !req.IncludeSynonyms {
		return out
	}
	for i := range e.Synonyms {
		in := &e.Synonyms[i]
		s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
		s.Name, s.Source = in.Name, kmsg.ConfigSource(in.Source)
		if !in.Null && !e.Key.Sensitive {
			s.Value = &in.Value
		}
		out.ConfigSynonyms = append(out.ConfigSynonyms, s)
	}
	return out
}
