package group

import (
	"bytes"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// JoinGroup takes a member into a group, or has a member join its next generation. The
// answer is parked until all members have joined or the rebalance timeout is over.
//
// Versions: 1 added the rebalance timeout, 4 has a new member come back with the id it
// is given before it counts (KIP-394), 5 static members (KIP-345), 9 tells the leader
// to skip the assignment when a static member came back (KIP-814).
func (m *Machine) JoinGroup(now time.Time, out *coordinator.Out, from Client, req *kmsg.JoinGroupRequest, reply Reply[*kmsg.JoinGroupResponse]) {
	j := &joining{m: m, now: now, out: out, from: from, req: req, reply: reply}
	if err := j.check(); err != nil {
		j.refuse(err)
		return
	}
	if g, ok := m.groups[req.Group].(*consumer); ok && len(g.members) > 0 {
		j.joinConsumer(g)
		return
	}
	g, err := j.group()
	if err != nil {
		j.refuse(err)
		return
	}
	if !g.hasRoomFor(req.MemberID, m.cfg.MaxSize) {
		if mb, ok := g.byID[req.MemberID]; ok {
			g.discard(m, mb, out)
		}
		g.discardPending(m, req.MemberID)
		j.refuseAs("", kerr.GroupMaxSizeReached)
		return
	}
	if req.MemberID == "" {
		j.newcomer(g)
		return
	}
	j.returning(g)
}

// joining is one JoinGroup on its way.
type joining struct {
	m     *Machine
	now   time.Time
	out   *coordinator.Out
	from  Client
	req   *kmsg.JoinGroupRequest
	reply Reply[*kmsg.JoinGroupResponse]
}

func (j *joining) refuse(err error) { j.refuseAs(j.req.MemberID, err) }

func (j *joining) refuseAs(memberID string, err error) {
	answer(j.out, j.reply, joinError(memberID, err))
}

func (j *joining) check() error {
	switch session := j.sessionTimeout(); {
	case j.req.Group == "":
		return kerr.InvalidGroupID
	case session < j.m.cfg.MinSessionTimeout, session > j.m.cfg.MaxSessionTimeout:
		return kerr.InvalidSessionTimeout
	}
	return nil
}

func (j *joining) sessionTimeout() time.Duration {
	return time.Duration(j.req.SessionTimeoutMillis) * time.Millisecond
}

func (j *joining) rebalanceTimeout() time.Duration {
	if j.req.Version == 0 || j.req.RebalanceTimeoutMillis < 0 {
		return j.sessionTimeout()
	}
	return time.Duration(j.req.RebalanceTimeoutMillis) * time.Millisecond
}

// group finds the group. A member without id may make one; one with an id belongs to a
// group that is forgotten.
func (j *joining) group() (*classic, error) {
	switch g := j.m.groups[j.req.Group].(type) {
	case *classic:
		return g, nil
	case nil:
		if j.req.MemberID != "" {
			return nil, kerr.UnknownMemberID
		}
		if j.req.ProtocolType == "" || len(j.req.Protocols) == 0 {
			return nil, kerr.InconsistentGroupProtocol
		}
		return j.m.newClassic(j.req.Group), nil
	default:
		if j.req.MemberID != "" {
			return nil, kerr.UnknownMemberID
		}
		if j.req.ProtocolType == "" || len(j.req.Protocols) == 0 {
			return nil, kerr.InconsistentGroupProtocol
		}
		// An empty group of the other protocol gives way.
		j.out.Write(g.tombstones()...)
		return j.m.newClassic(j.req.Group), nil
	}
}

// hasRoomFor says whether a member may join as far as the group's size goes. In a
// rebalance only those count who have joined it already.
func (g *classic) hasRoomFor(memberID string, limit int) bool {
	mb, known := g.byID[memberID]
	switch g.phase {
	case PreparingRebalance:
		return known && mb.join != nil || g.joined() < limit
	case CompletingRebalance, Stable:
		return known || len(g.members) < limit
	}
	return limit > 0
}

func (g *classic) joined() int {
	n := 0
	for _, mb := range g.members {
		if mb.join != nil {
			n++
		}
	}
	return n
}

// newcomer takes in a member without id. A static one that is known by its instance id
// takes the place of its former self; a dynamic one first has to come back with its id,
// for clients that die while their first request is parked would fill the group.
func (j *joining) newcomer(g *classic) {
	if !g.supports(j.req.ProtocolType, j.req.Protocols) {
		j.refuseAs("", kerr.InconsistentGroupProtocol)
		return
	}
	if instance := j.req.InstanceID; instance != nil {
		id := *instance + "-" + j.m.cfg.NewID()
		if former, ok := g.static[*instance]; ok {
			j.replaceStatic(g, g.byID[former], id)
			return
		}
		j.addMember(g, id)
		return
	}
	id := j.from.ID + "-" + j.m.cfg.NewID()
	if j.req.Version < 4 {
		j.addMember(g, id)
		return
	}
	if len(g.pending) >= maxPending {
		j.refuseAs("", kerr.CoordinatorNotAvailable)
		return
	}
	g.addPending(j.m, id, j.now.Add(j.sessionTimeout()))
	j.refuseAs(id, kerr.MemberIDRequired)
}

// maxPending is how many ids a group gives out that have not joined yet.
const maxPending = 10_000

// addPending remembers an id that was given out. Its holder has a session's time to
// join with it. A group that was made for it alone goes with it.
func (g *classic) addPending(m *Machine, id string, until time.Time) {
	t := newTimer(func(now time.Time, out *coordinator.Out) {
		delete(g.pending, id)
		g.maybeCompleteJoin(m, now, out)
		if g.written == nil && g.idle() && !m.hasOffsets(g.groupID) {
			m.forget(g, out)
		}
	})
	g.pending[id] = t
	m.timers.set(t, until)
}

// returning has a member with an id join.
func (j *joining) returning(g *classic) {
	if !g.supports(j.req.ProtocolType, j.req.Protocols) {
		j.refuse(kerr.InconsistentGroupProtocol)
		return
	}
	if _, ok := g.pending[j.req.MemberID]; ok && j.req.InstanceID == nil {
		j.addMember(g, j.req.MemberID)
		return
	}
	mb, err := g.member(j.req.MemberID, j.req.InstanceID)
	if err != nil {
		j.refuse(err)
		return
	}
	same := protocolsEqual(mb.protocols, j.req.Protocols)
	switch {
	case g.phase == CompletingRebalance && same, g.phase == Stable && same && g.leader != mb.id:
		// It has not heard of the generation that it is in, or just asks again. The leader
		// of a stable group however joins because it wants to assign anew.
		g.extendSession(j.m, mb, j.now)
		answer(j.out, j.reply, g.joinResponse(mb))
	case g.phase == Empty:
		j.refuse(kerr.UnknownMemberID)
	default:
		j.update(g, mb)
		g.rebalanceOrComplete(j.m, j.now, j.out)
	}
}

// update gives a member what its request says and parks the answer.
func (j *joining) update(g *classic, mb *member) {
	g.support(mb, -1)
	mb.protocols = cloneProtocols(j.req.Protocols)
	g.support(mb, 1)
	mb.client = j.from
	mb.heard()
	mb.rebalanceTimeout, mb.sessionTimeout = j.rebalanceTimeout(), j.sessionTimeout()
	mb.parkJoin(j.out, j.reply)
}

// addMember takes in a member that was not in the group.
func (j *joining) addMember(g *classic, id string) {
	mb := &member{
		id:               id,
		instanceID:       j.req.InstanceID,
		client:           j.from,
		rebalanceTimeout: j.rebalanceTimeout(),
		sessionTimeout:   j.sessionTimeout(),
		protocolType:     j.req.ProtocolType,
		protocols:        cloneProtocols(j.req.Protocols),
		fresh:            true,
		join:             j.reply,
	}
	g.discardPending(j.m, id)
	if g.phase == PreparingRebalance && g.previous == Empty {
		g.grown = true
	}
	g.add(mb)
	g.setSession(j.m, mb, j.now.Add(j.m.cfg.NewMemberJoinTimeout))
	g.rebalanceOrComplete(j.m, j.now, j.out)
}

// replaceStatic puts a static member that was restarted, and so has lost its id, into
// the place of its former self, whose requests are fenced from now on. In a stable group
// it gets the assignment of the place and nobody else notices (KIP-345).
func (j *joining) replaceStatic(g *classic, former *member, id string) {
	leaderBefore := g.leader
	former.answerJoin(j.out, joinError(former.id, kerr.FencedInstanceID))
	former.answerSync(j.out, syncError(kerr.FencedInstanceID))
	mb := g.rename(j.m, former, id)
	g.setSession(j.m, mb, j.now.Add(mb.sessionTimeout))
	j.update(g, mb)
	switch {
	case g.phase == Stable && g.selectProtocol() == g.protocol:
		j.keepGeneration(g, mb, leaderBefore)
	case g.phase == CompletingRebalance:
		// The leader may be assigning to the former id right now.
		g.prepareRebalance(j.m, j.now, j.out)
	default:
		g.rebalanceOrComplete(j.m, j.now, j.out)
	}
}

// keepGeneration answers a static member that came back to a stable group. Were the
// group's leader told that it leads, it would assign: since version 9 it can be told
// not to, before that it is given its former id as the leader's.
func (j *joining) keepGeneration(g *classic, mb *member, leaderBefore string) {
	record := g.record(g.assignments(), j.now)
	if len(record.Value) > j.m.cfg.MaxRecordBytes {
		g.prepareRebalance(j.m, j.now, j.out)
		return
	}
	resp := g.joinResponse(mb)
	if j.req.Version >= 9 {
		resp.SkipAssignment = g.leader == mb.id
	} else {
		resp.LeaderID, resp.Members = leaderBefore, nil
	}
	j.out.Write(record)
	mb.answerJoin(j.out, resp)
	mb.fresh = false
}

// rename gives a member another id, in all places where the group knows it.
func (g *classic) rename(m *Machine, mb *member, id string) *member {
	m.timers.cancel(mb.session)
	mb.session = nil
	delete(g.byID, mb.id)
	if g.leader == mb.id {
		g.leader = id
	}
	if g.unsynced[mb.id] {
		delete(g.unsynced, mb.id)
		g.unsynced[id] = true
	}
	mb.id = id
	g.byID[id] = mb
	g.static[*mb.instanceID] = id
	return mb
}

// joinResponse is the answer to JoinGroup of a member of the present generation. The
// leader gets all members' metadata.
func (g *classic) joinResponse(mb *member) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Generation = g.generation
	resp.ProtocolType = new(g.protoType)
	resp.Protocol = new(g.protocol)
	resp.LeaderID = g.leader
	resp.MemberID = mb.id
	if g.leader != mb.id {
		return resp
	}
	for _, o := range g.members {
		rm := kmsg.NewJoinGroupResponseMember()
		rm.MemberID, rm.InstanceID, rm.ProtocolMetadata = o.id, o.instanceID, o.metadata(g.protocol)
		resp.Members = append(resp.Members, rm)
	}
	return resp
}

// cloneProtocols copies what would otherwise keep the request's buffer.
func cloneProtocols(protocols []kmsg.JoinGroupRequestProtocol) []kmsg.JoinGroupRequestProtocol {
	c := make([]kmsg.JoinGroupRequestProtocol, len(protocols))
	for i, p := range protocols {
		c[i] = kmsg.JoinGroupRequestProtocol{Name: p.Name, Metadata: bytes.Clone(p.Metadata)}
	}
	return c
}
