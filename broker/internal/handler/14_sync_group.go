package handler

// SyncGroup (key 14): versions 0-5.
//
//	v3  static members (KIP-345)
//	v4  flexible
//	v5  the protocol is checked and answered (KIP-559)

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/server"
)

func (g *Groups) syncGroup(_ context.Context, _ *server.Conn, req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse, error)) {
	ask(g, req.Group, func(m *group.Machine, now time.Time, out *coordinator.Out, reply group.Reply[*kmsg.SyncGroupResponse]) {
		m.SyncGroup(now, out, req, reply)
	}, func(resp *kmsg.SyncGroupResponse, err error) {
		if err != nil {
			resp = kmsg.NewPtrSyncGroupResponse()
			resp.ErrorCode = g.code("SyncGroup", req.Group, err)
		}
		reply(resp, nil)
	})
}
