package group

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// DescribeGroup describes a classic group. One that is not known is Dead, which is no
// error before version 6 (KIP-1043).
func (m *Machine) DescribeGroup(out *coordinator.Out, name string, version int16, reply Reply[kmsg.DescribeGroupsResponseGroup]) {
	resp := kmsg.NewDescribeGroupsResponseGroup()
	resp.Group = name
	g, ok := m.groups[name].(*classic)
	if !ok {
		resp.State = string(Dead)
		if version >= 6 {
			resp.ErrorCode = kerr.GroupIDNotFound.Code
			resp.ErrorMessage = new("Group " + name + " not found.")
		}
		answer(out, reply, resp)
		return
	}
	resp.State = string(g.phase)
	resp.ProtocolType = g.protoType
	if g.phase == Stable {
		resp.Protocol = g.protocol
	}
	for _, mb := range g.members {
		rm := kmsg.NewDescribeGroupsResponseGroupMember()
		rm.MemberID, rm.InstanceID = mb.id, mb.instanceID
		rm.ClientID, rm.ClientHost = mb.client.ID, mb.client.Host
		if g.phase == Stable {
			rm.ProtocolMetadata, rm.MemberAssignment = mb.metadata(g.protocol), mb.assignment
		}
		resp.Members = append(resp.Members, rm)
	}
	answer(out, reply, resp)
}

// ListGroups lists the groups whose state and kind are among those given, without regard
// to case; none given means all. Versions: 4 added the filter by state (KIP-518), 5 that
// by type (KIP-848).
func (m *Machine) ListGroups(out *coordinator.Out, states, kinds []string, reply Reply[[]kmsg.ListGroupsResponseGroup]) {
	var list []kmsg.ListGroupsResponseGroup
	for _, name := range m.names() {
		g := m.groups[name]
		if !matches(states, string(g.state())) || !matches(kinds, string(g.kind())) {
			continue
		}
		r := kmsg.NewListGroupsResponseGroup()
		r.Group, r.ProtocolType = name, g.protocolType()
		r.GroupState, r.GroupType = string(g.state()), string(g.kind())
		list = append(list, r)
	}
	answer(out, reply, list)
}

func matches(filter []string, s string) bool {
	return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool { return strings.EqualFold(f, s) })
}
