package group

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Members of the classic protocol in a group of the consumer protocol. The coordinator
// assigns to them as to all others. They hear of it by their heartbeats, join, and are
// given at once what they may have; JoinGroup is the heartbeat that says what they own,
// SyncGroup fetches what they were assigned.

// joinConsumer has a member of the classic protocol join a group that has members.
func (j *joining) joinConsumer(g *consumer) {
	resp, err := j.intoConsumer(g)
	if err != nil {
		j.refuse(err)
		return
	}
	answer(j.out, j.reply, resp)
}

func (j *joining) intoConsumer(g *consumer) (*kmsg.JoinGroupResponse, error) {
	if j.m.cfg.Migration == MigrationDisabled {
		return nil, fmt.Errorf("join consumer group %s with the classic protocol, while migration is disabled: %w", g.groupID, kerr.InconsistentGroupProtocol)
	}
	id := cmp.Or(j.req.MemberID, j.m.cfg.NewID())
	if _, known := g.members[id]; !known && len(g.members) >= j.m.cfg.MaxConsumerSize {
		return nil, kerr.GroupMaxSizeReached
	}
	if !g.supportsClassic(j.req) {
		return nil, kerr.InconsistentGroupProtocol
	}
	if j.req.MemberID == "" && j.req.InstanceID == nil && j.req.Version >= 4 {
		return joinError(id, kerr.MemberIDRequired), nil
	}
	subscription, err := decodeSubscription(j.req.Protocols[0].Metadata)
	if err != nil {
		return nil, fmt.Errorf("join consumer group %s: %w: %w", g.groupID, err, kerr.UnknownServerError)
	}
	downgrade := j.downgrades(g)
	before, err := j.classicMember(g, id)
	if err != nil {
		return nil, err
	}
	h := &beat{m: j.m, now: j.now, out: j.out, from: j.from, topics: j.m.cfg.topics(), settings: j.m.cfg.settings(g.groupID)}
	next := j.asMember(id, before, subscription)
	changed := h.subscribe(g, before, next)
	mb := g.members[id]
	rebalance := downgrade && g.targetEpoch < g.epoch
	if !downgrade {
		h.retarget(g)
	}
	if !rebalance {
		h.reconcile(g, mb, new(toAssignment(subscription.owned, h.topics)), changed)
	}
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.MemberID, resp.Generation = id, mb.epoch
	resp.ProtocolType, resp.Protocol = new(consumerProtocolType), new(mb.classic.protocols[0].Name)
	if downgrade && j.m.downgrade(j.now, j.out, g, nil, rebalance) {
		return resp, nil
	}
	mb.heard()
	j.m.timers.cancel(mb.rejoin)
	g.setSession(j.m, mb, j.now.Add(mb.classic.sessionTimeout))
	g.fenceAt(j.m, &mb.sync, mb, j.now.Add(mb.rebalanceTimeout))
	return resp, nil
}

// supportsClassic says whether a member fits those that speak the classic protocol too:
// there must be an assignor that all of them know.
func (g *consumer) supportsClassic(req *kmsg.JoinGroupRequest) bool {
	if req.ProtocolType != consumerProtocolType {
		return false
	}
	known := make(map[string]int)
	all := 0
	for _, mb := range g.members {
		if mb.classic == nil {
			continue
		}
		all++
		for _, p := range mb.classic.protocols {
			known[p.Name]++
		}
	}
	return slices.ContainsFunc(req.Protocols, func(p kmsg.JoinGroupRequestProtocol) bool { return known[p.Name] == all })
}

// classicMember finds who joins: nil for one that is not known. A static member that was
// restarted takes the place of its former self, whichever protocol that spoke.
func (j *joining) classicMember(g *consumer, id string) (*consumerMember, error) {
	if j.req.InstanceID == nil {
		return g.members[id], nil
	}
	owner, ok := g.static[*j.req.InstanceID]
	switch {
	case j.req.MemberID != "":
		return g.findMember(id, j.req.InstanceID)
	case !ok:
		return nil, nil
	}
	return g.replace(j.out, g.members[owner], id), nil
}

// asMember is the member as its request has it.
func (j *joining) asMember(id string, before *consumerMember, s consumerSubscription) *consumerMember {
	next := consumerMember{id: id, rebalanceTimeout: 5 * time.Minute}
	if before != nil {
		next = *before
	}
	next.client = j.from
	if j.req.InstanceID != nil {
		next.instanceID = j.req.InstanceID
	}
	if s.rackID != nil {
		next.rackID = s.rackID
	}
	next.rebalanceTimeout = j.rebalanceTimeout()
	next.topics = slices.Clone(s.topics)
	slices.Sort(next.topics)
	next.topics, next.pattern = slices.Compact(next.topics), nil
	next.classic = &classicPart{sessionTimeout: j.sessionTimeout(), protocols: cloneProtocols(j.req.Protocols)}
	return &next
}

// classicInConsumer finds a member of the classic protocol by its request.
func (g *consumer) classicInConsumer(id string, instanceID *string, generation int32) (*consumerMember, error) {
	if id == "" {
		return nil, kerr.UnknownMemberID
	}
	mb, err := g.findMember(id, instanceID)
	switch {
	case err != nil:
		return nil, err
	case mb.classic == nil:
		return nil, kerr.UnknownMemberID
	case generation != mb.epoch:
		return nil, kerr.IllegalGeneration
	}
	return mb, nil
}

// syncClassic gives a member of the classic protocol what it has. One for which there is a
// new target has to join again first, unless it is about to give partitions back.
func (g *consumer) syncClassic(m *Machine, now time.Time, req *kmsg.SyncGroupRequest) *kmsg.SyncGroupResponse {
	mb, err := g.classicInConsumer(req.MemberID, req.InstanceID, req.Generation)
	switch {
	case err != nil:
		return syncError(err)
	case req.ProtocolType != nil && *req.ProtocolType != consumerProtocolType, req.Protocol != nil && *req.Protocol != mb.classic.protocols[0].Name:
		return syncError(kerr.InconsistentGroupProtocol)
	case g.targetEpoch > mb.epoch && mb.state != unrevokedPartitions:
		g.expectJoin(m, mb, now)
		return syncError(kerr.RebalanceInProgress)
	}
	subscription, err := decodeSubscription(mb.classic.protocols[0].Metadata)
	if err != nil {
		return syncError(kerr.UnknownServerError)
	}
	mb.heard()
	m.timers.cancel(mb.sync)
	g.setSession(m, mb, now.Add(mb.classic.sessionTimeout))
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.ProtocolType, resp.Protocol = req.ProtocolType, req.Protocol
	resp.MemberAssignment = encodeAssignment(subscription.version, mb.assigned, m.cfg.topics())
	return resp
}

// heartbeatClassic keeps the session of a member of the classic protocol. It is told to
// join again if there is a new target, if it has to give partitions back, or if what it
// waited for is free.
func (g *consumer) heartbeatClassic(m *Machine, now time.Time, req *kmsg.HeartbeatRequest) error {
	mb, err := g.classicInConsumer(req.MemberID, req.InstanceID, req.Generation)
	if err != nil {
		return err
	}
	mb.heard()
	g.setSession(m, mb, now.Add(mb.classic.sessionTimeout))
	if mb.epoch < g.targetEpoch || mb.state == unrevokedPartitions || mb.state == unreleasedPartitions && !g.waitsForOthers(mb) {
		g.expectJoin(m, mb, now)
		return kerr.RebalanceInProgress
	}
	return nil
}

// expectJoin gives a member that was told to join again its rebalance timeout for that.
func (g *consumer) expectJoin(m *Machine, mb *consumerMember, now time.Time) {
	if mb.rejoin == nil || mb.rejoin.index < 0 {
		g.fenceAt(m, &mb.rejoin, mb, now.Add(mb.rebalanceTimeout))
	}
}

// waitsForOthers says whether others still have something that the member is to have.
func (g *consumer) waitsForOthers(mb *consumerMember) bool {
	wanted := g.target[mb.id].minus(mb.assigned)
	return wanted.filter(func(topic TopicID, partition int32) bool {
		_, taken := g.owners[slot{topic, partition}]
		return taken
	}).len() > 0
}
