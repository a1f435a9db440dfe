package handler

// GetTelemetrySubscriptions (key 71): version 0 (KIP-714).

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

func (h *Handlers) getTelemetrySubscriptions(ctx context.Context, c *server.Conn, req *kmsg.GetTelemetrySubscriptionsRequest) (*kmsg.GetTelemetrySubscriptionsResponse, error) {
	resp := kmsg.NewPtrGetTelemetrySubscriptionsResponse()
	id, subscription, err := h.telemetry.subscribe(req.ClientInstanceID, time.Now())
	if err != nil {
		resp.ErrorCode = h.code(ctx, c, "GetTelemetrySubscriptions", err)
		return resp, nil
	}
	resp.ClientInstanceID, resp.SubscriptionID = id, subscription
	resp.AcceptedCompressionTypes = []int8{4, 3, 1, 2} // zstd, lz4, gzip, snappy: Kafka's order
	resp.PushIntervalMillis = int32(telemetryInterval.Milliseconds())
	resp.TelemetryMaxBytes = int32(h.telemetry.maxBytes)
	resp.DeltaTemporality = true
	return resp, nil
}
