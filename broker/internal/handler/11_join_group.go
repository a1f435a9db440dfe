package handler

// JoinGroup (key 11): versions 0-9.
//
//	v1  rebalance timeout apart from the session timeout
//	v4  a new member comes back with the id it is given (KIP-394)
//	v5  static members (KIP-345)
//	v6  flexible
//	v7  protocol type in the answer (KIP-559)
//	v8  reason (KIP-800)
//	v9  the leader may skip the assignment (KIP-814)

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/server"
)

func (g *Groups) joinGroup(_ context.Context, c *server.Conn, req *kmsg.JoinGroupRequest, reply func(*kmsg.JoinGroupResponse, error)) {
	from := group.Client{ID: c.ClientID(), Host: c.Host()}
	ask(g, req.Group, func(m *group.Machine, now time.Time, out *coordinator.Out, reply group.Reply[*kmsg.JoinGroupResponse]) {
		m.JoinGroup(now, out, from, req, reply)
	}, func(resp *kmsg.JoinGroupResponse, err error) {
		if err != nil {
			resp = kmsg.NewPtrJoinGroupResponse()
			resp.Generation, resp.MemberID = -1, req.MemberID
			resp.ErrorCode = g.code("JoinGroup", req.Group, err)
		}
		reply(resp, nil)
	})
}
