package handler

// Heartbeat (key 12): versions 0-4. v3 added static members (KIP-345), v4 is flexible.

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/server"
)

func (g *Groups) heartbeat(_ context.Context, _ *server.Conn, req *kmsg.HeartbeatRequest, reply func(*kmsg.HeartbeatResponse, error)) {
	ask(g, req.Group, func(m *group.Machine, now time.Time, out *coordinator.Out, reply group.Reply[*kmsg.HeartbeatResponse]) {
		m.Heartbeat(now, out, req, reply)
	}, func(resp *kmsg.HeartbeatResponse, err error) {
		if err != nil {
			resp = kmsg.NewPtrHeartbeatResponse()
			resp.ErrorCode = g.code("Heartbeat", req.Group, err)
		}
		reply(resp, nil)
	})
}
