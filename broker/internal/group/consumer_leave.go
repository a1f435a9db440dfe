package group

import (
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// leave takes a member out. A static one that will be back stays, with all it has.
func (h *beat) leave() (*kmsg.ConsumerGroupHeartbeatResponse, error) {
	g, ok := h.m.groups[h.req.Group].(*consumer)
	if !ok {
		return nil, fmt.Errorf("consumer group %s not found: %w", h.req.Group, kerr.GroupIDNotFound)
	}
	mb, err := g.findMember(h.req.MemberID, h.req.InstanceID)
	if err != nil {
		return nil, err
	}
	if h.req.MemberEpoch == leaveStaticEpoch {
		h.m.timers.cancel(mb.revocation)
		h.out.Write(consumerCurrentRecord(g.groupID, mb.away()))
	} else {
		g.fence(h.m, h.now, h.out, mb)
	}
	resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	resp.MemberID, resp.MemberEpoch = new(h.req.MemberID), h.req.MemberEpoch
	return resp, nil
}

// findMember finds a member by what a request says of it.
func (g *consumer) findMember(id string, instanceID *string) (*consumerMember, error) {
	if instanceID != nil {
		switch owner, ok := g.static[*instanceID]; {
		case !ok:
			return nil, fmt.Errorf("instance id %s is unknown: %w", *instanceID, kerr.UnknownMemberID)
		case id != "" && owner != id:
			return nil, fmt.Errorf("static member %s with instance id %s was fenced by member %s: %w", id, *instanceID, owner, kerr.FencedInstanceID)
		default:
			id = owner
		}
	}
	mb, ok := g.members[id]
	if !ok {
		return nil, fmt.Errorf("member %s is not a member of group %s: %w", id, g.groupID, kerr.UnknownMemberID)
	}
	return mb, nil
}

// erasure removes all that the log has of a member.
func (g *consumer) erasure(id string) []coordinator.Record {
	return []coordinator.Record{
		{Key: consumerKey(keyConsumerCurrent, g.groupID, id)},
		{Key: consumerKey(keyConsumerTarget, g.groupID, id)},
		{Key: consumerKey(keyConsumerMember, g.groupID, id)},
	}
}

// fence takes members out and begins a new epoch, upon which the heartbeats of the
// others share out what they had. If all others speak the classic protocol, the group
// does so again.
func (g *consumer) fence(m *Machine, now time.Time, out *coordinator.Out, leaving ...*consumerMember) {
	if len(leaving) == 0 || m.downgradeWithout(now, out, g, leaving) {
		return
	}
	for _, mb := range leaving {
		out.Write(g.erasure(mb.id)...)
	}
	g.seen = -1 // the topics of the others may be fewer
	out.Write(consumerGroupRecord(g.groupID, g.epoch+1, g.hash))
	m.cfg.Observer.rebalance(Consumer)
}

// leaveConsumer is LeaveGroup for a group of the consumer protocol, by which members of
// the classic protocol leave and administrators take members out.
func (g *consumer) leaveConsumer(m *Machine, now time.Time, out *coordinator.Out, req *kmsg.LeaveGroupRequest) []kmsg.LeaveGroupResponseMember {
	var answers []kmsg.LeaveGroupResponseMember
	var leaving []*consumerMember
	for _, who := range leavers(req) {
		mb, err := g.findMember(who.MemberID, who.InstanceID)
		if err == nil && !slices.Contains(leaving, mb) {
			leaving = append(leaving, mb)
		}
		rm := kmsg.NewLeaveGroupResponseMember()
		rm.MemberID, rm.InstanceID, rm.ErrorCode = who.MemberID, who.InstanceID, errorCode(err)
		answers = append(answers, rm)
	}
	g.fence(m, now, out, leaving...)
	return answers
}
