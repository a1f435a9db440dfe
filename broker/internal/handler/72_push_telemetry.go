package handler

// PushTelemetry (key 72): version 0 (KIP-714).

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

func (h *Handlers) pushTelemetry(ctx context.Context, c *server.Conn, req *kmsg.PushTelemetryRequest) (*kmsg.PushTelemetryResponse, error) {
	resp := kmsg.NewPtrPushTelemetryResponse()
	err := h.telemetry.push(push{
		id: req.ClientInstanceID, subscription: req.SubscriptionID, terminating: req.Terminating,
		codec: req.CompressionType, bytes: len(req.Metrics),
	}, time.Now())
	resp.ErrorCode = h.code(ctx, c, "PushTelemetry", err)
	return resp, nil
}
