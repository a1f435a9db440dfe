package group

import (
	"fmt"

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
		h.out.Write(consumerCurrentRecord(g.groupID, mb.moved(mb.state, leftStatic, mb.assigned, assignment{})))
	} else {
		g.fence(h.out, mb)
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

// erase removes all that the log has of a member.
func (g *consumer) erase(out *coordinator.Out, mb *consumerMember) {
	out.Write(
		coordinator.Record{Key: consumerKey(keyConsumerCurrent, g.groupID, mb.id)},
		coordinator.Record{Key: consumerKey(keyConsumerTarget, g.groupID, mb.id)},
		coordinator.Record{Key: consumerKey(keyConsumerMember, g.groupID, mb.id)},
	)
}

// fence takes a member out and begins a new epoch, upon which the heartbeats of the
// others share out what it had.
func (g *consumer) fence(out *coordinator.Out, mb *consumerMember) {
	g.erase(out, mb)
	g.seen = -1 // the topics of the others may be fewer
	out.Write(consumerGroupRecord(g.groupID, g.epoch+1, g.hash))
}

// leaveConsumer is LeaveGroup for a group of the consumer protocol, by which
// administrators take members out.
func (g *consumer) leaveConsumer(out *coordinator.Out, req *kmsg.LeaveGroupRequest) []kmsg.LeaveGroupResponseMember {
	var members []kmsg.LeaveGroupResponseMember
	for _, who := range leavers(req) {
		mb, err := g.findMember(who.MemberID, who.InstanceID)
		if err == nil {
			g.fence(out, mb)
		}
		rm := kmsg.NewLeaveGroupResponseMember()
		rm.MemberID, rm.InstanceID, rm.ErrorCode = who.MemberID, who.InstanceID, errorCode(err)
		members = append(members, rm)
	}
	return members
}
