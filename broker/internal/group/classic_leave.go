package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// LeaveGroup takes members out of their group.
//
// Versions: 3 takes several members, who answer each for itself, and static members by
// their instance id alone (KIP-345); 5 added the reason (KIP-800).
func (m *Machine) LeaveGroup(now time.Time, out *coordinator.Out, req *kmsg.LeaveGroupRequest, reply Reply[*kmsg.LeaveGroupResponse]) {
	resp := kmsg.NewPtrLeaveGroupResponse()
	if g, ok := m.groups[req.Group].(*consumer); ok {
		if resp.Members = g.leaveConsumer(m, now, out, req); req.Version < 3 {
			resp.ErrorCode, resp.Members = resp.Members[0].ErrorCode, nil
		}
		answer(out, reply, resp)
		return
	}
	g, err := m.leaving(req)
	if err != nil {
		resp.ErrorCode = errorCode(err)
		answer(out, reply, resp)
		return
	}
	left := false
	for _, who := range leavers(req) {
		err := g.leave(m, who, out)
		left = left || err == nil
		rm := kmsg.NewLeaveGroupResponseMember()
		rm.MemberID, rm.InstanceID, rm.ErrorCode = who.MemberID, who.InstanceID, errorCode(err)
		resp.Members = append(resp.Members, rm)
	}
	if req.Version < 3 {
		resp.ErrorCode, resp.Members = resp.Members[0].ErrorCode, nil
	}
	if left {
		g.afterLeaving(m, now, out)
		g.noteDeparture(out)
	}
	answer(out, reply, resp)
}

func leavers(req *kmsg.LeaveGroupRequest) []kmsg.LeaveGroupRequestMember {
	if req.Version < 3 {
		return []kmsg.LeaveGroupRequestMember{{MemberID: req.MemberID}}
	}
	return req.Members
}

func (m *Machine) leaving(req *kmsg.LeaveGroupRequest) (*classic, error) {
	if req.Group == "" {
		return nil, kerr.InvalidGroupID
	}
	return m.classicGroup(req.Group)
}

func (g *classic) leave(m *Machine, who kmsg.LeaveGroupRequestMember, out *coordinator.Out) error {
	if who.MemberID == "" && who.InstanceID != nil {
		id, ok := g.static[*who.InstanceID]
		if !ok {
			return kerr.UnknownMemberID
		}
		g.discard(m, g.byID[id], out)
		return nil
	}
	if _, ok := g.pending[who.MemberID]; ok {
		g.discardPending(m, who.MemberID)
		return nil
	}
	mb, err := g.member(who.MemberID, who.InstanceID)
	if err != nil {
		return err
	}
	g.discard(m, mb, out)
	return nil
}
