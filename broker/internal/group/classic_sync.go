package group

import (
	"bytes"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// SyncGroup gives a member its assignment. It is parked until the leader's SyncGroup
// brings the assignments of all; those are written before anyone is told.
//
// Versions: 3 added static members, 5 checks the protocol (KIP-559).
func (m *Machine) SyncGroup(now time.Time, out *coordinator.Out, req *kmsg.SyncGroupRequest, reply Reply[*kmsg.SyncGroupResponse]) {
	if g, ok := m.groups[req.Group].(*consumer); ok {
		answer(out, reply, g.syncClassic(m, now, req))
		return
	}
	g, mb, err := m.syncing(req)
	if err != nil {
		answer(out, reply, syncError(err))
		return
	}
	g.synced(m, mb.id)
	if g.phase == Stable {
		g.extendSession(m, mb, now)
		answer(out, reply, g.syncResponse(mb))
		return
	}
	mb.parkSync(out, reply)
	if g.leader == mb.id {
		g.assign(m, now, out, req.GroupAssignment)
	}
}

// syncing finds who sends SyncGroup, and whether it may.
func (m *Machine) syncing(req *kmsg.SyncGroupRequest) (*classic, *member, error) {
	if req.Group == "" {
		return nil, nil, kerr.InvalidGroupID
	}
	g, err := m.classicGroup(req.Group)
	if err != nil {
		return nil, nil, err
	}
	mb, err := g.member(req.MemberID, req.InstanceID)
	switch {
	case err != nil:
		return nil, nil, err
	case g.lost(req.Generation):
		return nil, nil, kerr.RebalanceInProgress
	case req.Generation != g.generation:
		return nil, nil, kerr.IllegalGeneration
	case req.ProtocolType != nil && *req.ProtocolType != g.protoType, req.Protocol != nil && *req.Protocol != g.protocol:
		return nil, nil, kerr.InconsistentGroupProtocol
	case g.phase == Empty:
		return nil, nil, kerr.UnknownMemberID
	case g.phase == PreparingRebalance:
		return nil, nil, kerr.RebalanceInProgress
	}
	return g, mb, nil
}

// lost says whether a generation is one that a restart has lost. Nobody was assigned
// anything in it, for that would be in the log; so its members need only join again,
// and keep what they have.
func (g *classic) lost(generation int32) bool { return g.read && generation > g.generation }

// assign makes the leader's assignment that of the generation, and answers all who wait
// for it. A member that the leader forgot gets nothing to do.
func (g *classic) assign(m *Machine, now time.Time, out *coordinator.Out, assigned []kmsg.SyncGroupRequestGroupAssignment) {
	byID := make(map[string][]byte, len(assigned))
	for _, a := range assigned {
		byID[a.MemberID] = a.MemberAssignment
	}
	record := g.record(byID, now)
	if len(record.Value) > m.cfg.MaxRecordBytes {
		g.failAssign(m, now, out, kerr.UnknownServerError)
		return
	}
	out.Write(record) // Replay sets the assignments, and makes the group stable
	m.cfg.Observer.completed()
	for _, mb := range g.members {
		if mb.answerSync(out, g.syncResponse(mb)) {
			g.setSession(m, mb, now.Add(mb.sessionTimeout))
		}
	}
}

// failAssign answers all who wait with err and begins anew.
func (g *classic) failAssign(m *Machine, now time.Time, out *coordinator.Out, err error) {
	for _, mb := range g.members {
		if mb.answerSync(out, syncError(err)) {
			g.setSession(m, mb, now.Add(mb.sessionTimeout))
		}
	}
	g.prepareRebalance(m, now, out)
}

func (g *classic) syncResponse(mb *member) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.ProtocolType = new(g.protoType)
	resp.Protocol = new(g.protocol)
	resp.MemberAssignment = mb.assignment
	return resp
}

func (g *classic) assignments() map[string][]byte {
	byID := make(map[string][]byte, len(g.members))
	for _, mb := range g.members {
		byID[mb.id] = mb.assignment
	}
	return byID
}

// record is the group at its present generation, in Kafka's form.
func (g *classic) record(assignments map[string][]byte, now time.Time) coordinator.Record {
	v := kmsg.NewGroupMetadataValue()
	v.ProtocolType = g.protoType
	v.Generation = g.generation
	v.CurrentStateTimestamp = now.UnixMilli()
	if g.protocol != "" {
		v.Protocol = new(g.protocol)
	}
	if g.leader != "" {
		v.Leader = new(g.leader)
	}
	for _, mb := range g.members {
		rm := kmsg.NewGroupMetadataValueMember()
		rm.MemberID, rm.InstanceID = mb.id, mb.instanceID
		rm.ClientID, rm.ClientHost = mb.client.ID, mb.client.Host
		rm.RebalanceTimeoutMillis = int32(mb.rebalanceTimeout.Milliseconds())
		rm.SessionTimeoutMillis = int32(mb.sessionTimeout.Milliseconds())
		rm.Subscription = mb.metadata(g.protocol)
		rm.Assignment = assignments[mb.id]
		setSilence(&rm, mb.silence)
		v.Members = append(v.Members, rm)
	}
	return coordinator.Record{Key: groupKey(g.groupID), Value: encodeGroup(v)}
}

// replayClassic brings a group to a generation that is written: stable with its members,
// or empty.
func (m *Machine) replayClassic(r coordinator.Record) error {
	var key kmsg.GroupMetadataKey
	if err := key.ReadFrom(r.Key); err != nil {
		return err
	}
	g, _ := m.groups[key.Group].(*classic)
	if r.Value == nil {
		if g != nil {
			m.remove(g)
		}
		return nil
	}
	v, err := decodeGroup(r.Value)
	if err != nil {
		return err
	}
	if g == nil {
		g = m.newClassic(key.Group)
	}
	if g.written = bytes.Clone(r.Value); g.noting {
		return nil
	}
	g.protoType, g.generation = v.ProtocolType, v.Generation
	g.protocol, g.leader = deref(v.Protocol), deref(v.Leader)
	g.since = time.Time{}
	if v.CurrentStateTimestamp >= 0 {
		g.since = time.UnixMilli(v.CurrentStateTimestamp)
	}
	g.replayMembers(v.Members, m.live)
	g.learnTopics()
	g.read = !m.live
	if g.previous = g.phase; len(g.members) > 0 {
		g.phase = Stable
	} else {
		g.phase = Empty
	}
	return nil
}

// replayMembers makes those of a record the group's members. In a live group they are
// already, and more is known of them than the record says.
func (g *classic) replayMembers(members []kmsg.GroupMetadataValueMember, live bool) {
	before := g.byID
	g.members, g.byID = nil, make(map[string]*member, len(members))
	clear(g.static)
	clear(g.supported)
	leader := g.leader
	for _, v := range members {
		mb, ok := before[v.MemberID]
		if !ok || !live {
			mb = g.memberFromRecord(v)
		}
		mb.assignment = bytes.Clone(v.Assignment)
		g.add(mb)
	}
	g.leader = leader
}

func (g *classic) memberFromRecord(v kmsg.GroupMetadataValueMember) *member {
	mb := &member{
		id:               v.MemberID,
		instanceID:       v.InstanceID,
		client:           Client{ID: v.ClientID, Host: v.ClientHost},
		sessionTimeout:   time.Duration(v.SessionTimeoutMillis) * time.Millisecond,
		rebalanceTimeout: time.Duration(v.RebalanceTimeoutMillis) * time.Millisecond,
		protocolType:     g.protoType,
		protocols:        []kmsg.JoinGroupRequestProtocol{{Name: g.protocol, Metadata: bytes.Clone(v.Subscription)}},
		silence:          silenceOf(&v),
	}
	if v.RebalanceTimeoutMillis < 0 {
		mb.rebalanceTimeout = mb.sessionTimeout
	}
	return mb
}

func (g *classic) snapshot() []coordinator.Record {
	if g.written == nil {
		return nil
	}
	return []coordinator.Record{{Key: groupKey(g.groupID), Value: g.written}}
}

func (g *classic) size() int { return 1 }

func (g *classic) tombstones() []coordinator.Record {
	if g.written == nil {
		return nil
	}
	return []coordinator.Record{{Key: groupKey(g.groupID)}}
}

// loaded begins the sessions of the members that were read from the log.
func (g *classic) loaded(m *Machine, now time.Time, out *coordinator.Out) {
	for _, mb := range g.members {
		g.setSession(m, mb, now.Add(mb.afterLoad(mb.sessionTimeout)))
	}
	if len(g.members) > m.cfg.MaxSize {
		g.prepareRebalance(m, now, out)
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
