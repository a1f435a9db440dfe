package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// Heartbeat renews a member's session, and tells it when to join again. Version 3 added
// static members.
func (m *Machine) Heartbeat(now time.Time, out *coordinator.Out, req *kmsg.HeartbeatRequest, reply Reply[*kmsg.HeartbeatResponse]) {
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.ErrorCode = errorCode(m.heartbeat(now, req))
	answer(out, reply, resp)
}

func (m *Machine) heartbeat(now time.Time, req *kmsg.HeartbeatRequest) error {
	if req.Group == "" {
		return kerr.InvalidGroupID
	}
	if g, ok := m.groups[req.Group].(*consumer); ok {
		return g.heartbeatClassic(m, now, req)
	}
	g, err := m.classicGroup(req.Group)
	if err != nil {
		return err
	}
	mb, err := g.member(req.MemberID, req.InstanceID)
	switch {
	case err != nil:
		return err
	case g.lost(req.Generation):
		return kerr.RebalanceInProgress
	case req.Generation != g.generation:
		return kerr.IllegalGeneration
	case g.phase == Empty:
		return kerr.UnknownMemberID
	}
	g.extendSession(m, mb, now)
	if g.phase == PreparingRebalance {
		return kerr.RebalanceInProgress
	}
	return nil
}
