package handler

// DescribeGroups (key 15): versions 0-6.
//
//	v3  authorized operations (KIP-430)
//	v4  static members (KIP-345)
//	v5  flexible
//	v6  error message; a group that is not known is an error (KIP-1043)

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/server"
)

// groupOperations are all that a group has: read, delete, describe, and those of configs.
const groupOperations int32 = 1<<3 | 1<<6 | 1<<8 | 1<<10 | 1<<11

func (g *Groups) describeGroups(_ context.Context, _ *server.Conn, req *kmsg.DescribeGroupsRequest, reply func(*kmsg.DescribeGroupsResponse, error)) {
	allowed := operations(req.IncludeAuthorizedOperations, groupOperations)
	askAll(len(req.Groups), func(i int, done func(kmsg.DescribeGroupsResponseGroup, error)) {
		ask(g, req.Groups[i], func(m *group.Machine, _ time.Time, out *coordinator.Out, reply group.Reply[kmsg.DescribeGroupsResponseGroup]) {
			m.DescribeGroup(out, req.Groups[i], req.Version, reply)
		}, done)
	}, func(answers []kmsg.DescribeGroupsResponseGroup, errs []error) {
		for i, err := range errs {
			if err != nil {
				answers[i] = kmsg.NewDescribeGroupsResponseGroup()
				answers[i].Group = req.Groups[i]
				answers[i].ErrorCode = g.code("DescribeGroups", req.Groups[i], err)
			}
			if answers[i].ErrorCode == 0 {
				answers[i].AuthorizedOperations = allowed
			}
		}
		resp := kmsg.NewPtrDescribeGroupsResponse()
		resp.Groups = answers
		reply(resp, nil)
	})
}
