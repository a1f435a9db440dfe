package handler

// ApiVersions (key 18): versions 0-5.
//
//	v3  flexible (but for the response's header); client name and version; features
//	v4  features whose least version is 0
//	v5  cluster and node that the client means to talk to (KIP-1242)

import (
	"context"
	"fmt"
	"regexp"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

func (h *Handlers) apiVersions(ctx context.Context, c *server.Conn, req *kmsg.ApiVersionsRequest) (*kmsg.ApiVersionsResponse, error) {
	r := h.request(ctx, c, "ApiVersions")
	resp := kmsg.NewPtrApiVersionsResponse()
	if err := r.checkClient(req); err != nil {
		resp.ErrorCode = r.code(err)
		return resp, nil
	}
	resp.ApiKeys = make([]kmsg.ApiVersionsResponseApiKey, 0, len(h.routes))
	for _, route := range h.routes {
		key := kmsg.NewApiVersionsResponseApiKey()
		key.ApiKey = route.Key()
		key.MinVersion, key.MaxVersion = route.Versions()
		resp.ApiKeys = append(resp.ApiKeys, key)
	}
	for _, f := range supported(h.routes) {
		if req.Version >= 4 { // before, a least level of 0 could not be said
			s := kmsg.NewApiVersionsResponseSupportedFeature()
			s.Name, s.MaxVersion = f.name, f.max
			resp.SupportedFeatures = append(resp.SupportedFeatures, s)
		}
		level := f.level(r.img)
		if level == 0 {
			continue
		}
		fin := kmsg.NewApiVersionsResponseFinalizedFeature()
		fin.Name, fin.MaxVersionLevel, fin.MinVersionLevel = f.name, level, level
		resp.FinalizedFeatures = append(resp.FinalizedFeatures, fin)
	}
	resp.FinalizedFeaturesEpoch = max(r.img.Offset(), 0)
	return resp, nil
}

func (r *request) checkClient(req *kmsg.ApiVersionsRequest) error {
	switch {
	case req.Version >= 3 && !(clientWord().MatchString(req.ClientSoftwareName) && clientWord().MatchString(req.ClientSoftwareVersion)):
		return fmt.Errorf("client software %q, version %q: %w", req.ClientSoftwareName, req.ClientSoftwareVersion, kerr.InvalidRequest)
	case req.ClusterID != nil && *req.ClusterID != r.img.ClusterID():
		return fmt.Errorf("client looks for cluster %q: %w", *req.ClusterID, kerr.RebootstrapRequired)
	case req.Version >= 5 && req.NodeID >= 0 && req.NodeID != r.h.node:
		return fmt.Errorf("client looks for node %d: %w", req.NodeID, kerr.RebootstrapRequired)
	}
	return nil
}

// clientWord is KIP-511's rule for a client's name and version.
var clientWord = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$`)
})
