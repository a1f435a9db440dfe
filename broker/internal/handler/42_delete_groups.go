package handler

// DeleteGroups (key 42): versions 0-3. v2 is flexible, v3 has error messages.

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/server"
)

func (g *Groups) deleteGroups(_ context.Context, _ *server.Conn, req *kmsg.DeleteGroupsRequest, reply func(*kmsg.DeleteGroupsResponse, error)) {
	askAll(len(req.Groups), func(i int, done func(kmsg.DeleteGroupsResponseGroup, error)) {
		ask(g, req.Groups[i], func(m *group.Machine, _ time.Time, out *coordinator.Out, reply group.Reply[kmsg.DeleteGroupsResponseGroup]) {
			m.DeleteGroup(out, req.Groups[i], reply)
		}, done)
	}, func(answers []kmsg.DeleteGroupsResponseGroup, errs []error) {
		for i, err := range errs {
			if err != nil {
				answers[i] = kmsg.NewDeleteGroupsResponseGroup()
				answers[i].Group = req.Groups[i]
				answers[i].ErrorCode = g.code("DeleteGroups", req.Groups[i], err)
			}
			if failed := kerr.ErrorForCode(answers[i].ErrorCode); failed != nil {
				answers[i].ErrorMessage = message(failed)
			}
		}
		resp := kmsg.NewPtrDeleteGroupsResponse()
		resp.Groups = answers
		reply(resp, nil)
	})
}
