package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// unknownVersionRoute answers an ApiVersions request of a version from the future. Every client understands version 0
// of the answer, and finds in it which versions of ApiVersions it may ask (KIP-511).
func unknownVersionRoute(served *Route) Route {
	key := kmsg.ApiVersionsResponseApiKey{ApiKey: apiVersionsKey}
	if served != nil {
		key.MinVersion, key.MaxVersion = served.min, served.max
	}
	return On(0, 0, func(context.Context, *Conn, *kmsg.ApiVersionsRequest) (*kmsg.ApiVersionsResponse, error) {
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.ErrorCode = kerr.UnsupportedVersion.Code
		resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{key}
		return resp, nil
	})
}
