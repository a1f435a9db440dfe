package handler

// LeaveGroup (key 13): versions 0-5.
//
//	v3  several members, static ones by their instance id (KIP-345)
//	v4  flexible
//	v5  reason (KIP-800)

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/server"
)

func (g *Groups) leaveGroup(_ context.Context, _ *server.Conn, req *kmsg.LeaveGroupRequest, reply func(*kmsg.LeaveGroupResponse, error)) {
	ask(g, req.Group, func(m *group.Machine, now time.Time, out *coordinator.Out, reply group.Reply[*kmsg.LeaveGroupResponse]) {
		m.LeaveGroup(now, out, req, reply)
	}, func(resp *kmsg.LeaveGroupResponse, err error) {
		if err != nil {
			resp = kmsg.NewPtrLeaveGroupResponse()
			resp.ErrorCode = g.code("LeaveGroup", req.Group, err)
		}
		reply(resp, nil)
	})
}
