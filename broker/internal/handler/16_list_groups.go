package handler

// ListGroups (key 16): versions 0-5.
//
//	v3  flexible
//	v4  filter by state (KIP-518)
//	v5  filter by type (KIP-848)

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/server"
)

// listGroups asks all partitions. If one cannot answer, the list says so and has what
// the others hold.
func (g *Groups) listGroups(_ context.Context, _ *server.Conn, req *kmsg.ListGroupsRequest, reply func(*kmsg.ListGroupsResponse, error)) {
	askAll(int(g.runtime.Partitions()), func(i int, done func([]kmsg.ListGroupsResponseGroup, error)) {
		askPartition(g, int32(i), func(m *group.Machine, _ time.Time, out *coordinator.Out, reply group.Reply[[]kmsg.ListGroupsResponseGroup]) {
			m.ListGroups(out, req.StatesFilter, req.TypesFilter, reply)
		}, done)
	}, func(answers [][]kmsg.ListGroupsResponseGroup, errs []error) {
		resp := kmsg.NewPtrListGroupsResponse()
		for i, list := range answers {
			if errs[i] != nil {
				resp.ErrorCode = g.code("ListGroups", "", errs[i])
				continue
			}
			resp.Groups = append(resp.Groups, list...)
		}
		reply(resp, nil)
	})
}
