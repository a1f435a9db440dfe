package handler

// ConsumerGroupDescribe (key 69): versions 0-1 (KIP-848). v1 added the member type.

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/server"
)

func (g *Groups) consumerGroupDescribe(_ context.Context, _ *server.Conn, req *kmsg.ConsumerGroupDescribeRequest, reply func(*kmsg.ConsumerGroupDescribeResponse, error)) {
	allowed := operations(req.IncludeAuthorizedOperations, groupOperations)
	off := g.consumerProtocol()
	askAll(len(req.Groups), func(i int, done func(kmsg.ConsumerGroupDescribeResponseGroup, error)) {
		if off != nil {
			done(kmsg.NewConsumerGroupDescribeResponseGroup(), off)
			return
		}
		ask(g, req.Groups[i], func(m *group.Machine, _ time.Time, out *coordinator.Out, reply group.Reply[kmsg.ConsumerGroupDescribeResponseGroup]) {
			m.ConsumerGroupDescribe(out, req.Groups[i], reply)
		}, done)
	}, func(answers []kmsg.ConsumerGroupDescribeResponseGroup, errs []error) {
		for i, err := range errs {
			if err != nil {
				answers[i] = kmsg.NewConsumerGroupDescribeResponseGroup()
				answers[i].Group = req.Groups[i]
				answers[i].ErrorCode, answers[i].ErrorMessage = g.code("ConsumerGroupDescribe", req.Groups[i], err), message(err)
			}
			if answers[i].ErrorCode == 0 {
				answers[i].AuthorizedOperations = allowed
			}
		}
		resp := kmsg.NewPtrConsumerGroupDescribeResponse()
		resp.Groups = answers
		reply(resp, nil)
	})
}
