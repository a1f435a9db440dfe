package group

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// upgrade makes a classic group with members one of the consumer protocol, for a member of
// that joins (KIP-848). The members stay, with the assignment of the last generation as
// what they have and are to have; that the new one takes part makes a new epoch, for
// which they are told to join again.
func (m *Machine) upgrade(now time.Time, out *coordinator.Out, g *classic) (*consumer, error) {
	refused := func(why string) error {
		return fmt.Errorf("cannot upgrade classic group %s to consumer group because %s: %w", g.groupID, why, kerr.GroupIDNotFound)
	}
	switch {
	case !m.cfg.Migration.upgrades():
		return nil, refused("online upgrade is disabled")
	case g.protoType != consumerProtocolType:
		return nil, refused("the group does not use the consumer embedded protocol")
	case len(g.members) > m.cfg.MaxConsumerSize:
		return nil, refused("the group size exceeds the consumer group maximum size")
	}
	topics := m.cfg.topics()
	members, err := g.asConsumers(topics)
	switch {
	case errors.Is(err, errUserData):
		return nil, refused("an unsupported custom assignor is in use. Please refer to the documentation or switch to a default assignor before re-attempting the upgrade")
	case err != nil:
		return nil, refused("the embedded consumer protocol is malformed")
	}
	for _, mb := range g.members {
		mb.answerJoin(out, joinError(mb.id, kerr.RebalanceInProgress))
		mb.answerSync(out, syncError(kerr.RebalanceInProgress))
	}
	name, generation := g.groupID, g.generation
	out.Write(g.tombstones()...)
	if m.groups[name] == g {
		m.remove(g)
	}
	next := m.newConsumer(name)
	for _, mb := range members {
		out.Write(consumerMemberRecord(name, mb))
	}
	_, all := next.subscriptions(topics)
	out.Write(consumerGroupRecord(name, generation, hashTopics(all)))
	for _, mb := range members {
		out.Write(consumerTargetRecord(name, mb.id, mb.assigned))
	}
	out.Write(consumerTargetEpochRecord(name, generation, 0))
	for _, mb := range members {
		out.Write(consumerCurrentRecord(name, mb))
	}
	for _, mb := range next.members {
		next.setSession(m, mb, now.Add(mb.classic.sessionTimeout))
	}
	return next, nil
}

// asConsumers are the group's members as members of the consumer protocol: at the group's
// generation, with what the last generation gave them.
func (g *classic) asConsumers(topics Topics) ([]*consumerMember, error) {
	protocol := g.protocol
	if protocol == "" {
		protocol = g.selectProtocol() // the first generation is under way
	}
	var members []*consumerMember
	for _, mb := range g.members {
		subscription, err := decodeSubscription(mb.metadata(protocol))
		if err != nil {
			return nil, fmt.Errorf("subscription of %s: %w", mb.id, err)
		}
		var had []topicPartition
		if len(mb.assignment) > 0 {
			if had, err = decodeAssignment(mb.assignment); err != nil {
				return nil, fmt.Errorf("assignment of %s: %w", mb.id, err)
			}
		}
		slices.Sort(subscription.topics)
		next := consumerMember{
			id: mb.id, instanceID: mb.instanceID, rackID: subscription.rackID, client: mb.client,
			topics: slices.Compact(subscription.topics), rebalanceTimeout: mb.rebalanceTimeout,
			classic: &classicPart{sessionTimeout: mb.sessionTimeout, protocols: mb.protocols},
			epoch:   g.generation,
		}
		members = append(members, next.moved(stable, g.generation, toAssignment(had, topics), assignment{}, g.generation))
	}
	slices.SortFunc(members, func(a, b *consumerMember) int { return strings.Compare(a.id, b.id) })
	return members, nil
}

// downgrades says whether a joining member of the classic protocol takes the place of the
// only member that does not speak it.
func (j *joining) downgrades(g *consumer) bool {
	if j.req.InstanceID == nil {
		return false
	}
	former, ok := g.members[g.static[*j.req.InstanceID]]
	if !ok || former.classic != nil || g.modern() != 1 {
		return false
	}
	return j.m.cfg.Migration.downgrades() && len(g.members) <= j.m.cfg.MaxSize
}

// modern is how many members speak the consumer protocol.
func (g *consumer) modern() int {
	n := 0
	for _, mb := range g.members {
		if mb.classic == nil {
			n++
		}
	}
	return n
}

// downgradeWithout makes the group a classic one if all that stay speak the classic
// protocol.
func (m *Machine) downgradeWithout(now time.Time, out *coordinator.Out, g *consumer, leaving []*consumerMember) bool {
	modern := g.modern()
	for _, mb := range leaving {
		if mb.classic == nil {
			modern--
		}
	}
	stay := len(g.members) - len(leaving)
	if modern > 0 || stay == 0 || stay > m.cfg.MaxSize || !m.cfg.Migration.downgrades() {
		return false
	}
	return m.downgrade(now, out, g, leaving, true)
}

// downgrade makes a group of the consumer protocol a classic one, stable at its epoch with
// the target as the members' assignment. With rebalance the members are told to join
// again. It is false if the group cannot be one.
func (m *Machine) downgrade(now time.Time, out *coordinator.Out, g *consumer, leaving []*consumerMember, rebalance bool) bool {
	topics := m.cfg.topics()
	next, assignments, err := g.asClassic(leaving, topics)
	if err != nil {
		return false
	}
	record := next.record(assignments, now)
	if len(record.Value) > m.cfg.MaxRecordBytes {
		return false
	}
	name := g.groupID
	out.Write(g.tombstones()...)
	out.Write(record)
	written := m.groups[name].(*classic)
	written.supported = next.supported // the record has only the protocol that was chosen
	for _, mb := range written.members {
		mb.protocols = next.byID[mb.id].protocols
		written.setSession(m, mb, now.Add(mb.sessionTimeout))
	}
	if rebalance {
		written.prepareRebalance(m, now, out)
	}
	return true
}

// asClassic is the group as a classic one, without those that leave.
func (g *consumer) asClassic(leaving []*consumerMember, topics Topics) (*classic, map[string][]byte, error) {
	next := emptyClassic(g.groupID)
	next.generation = g.epoch
	for _, id := range g.memberIDs() {
		mb := g.members[id]
		if slices.Contains(leaving, mb) {
			continue
		}
		next.add(&member{
			id: id, instanceID: mb.instanceID, client: mb.client, rebalanceTimeout: mb.rebalanceTimeout,
			sessionTimeout: mb.classic.sessionTimeout, protocolType: consumerProtocolType, protocols: mb.classic.protocols,
		})
	}
	next.protocol = next.selectProtocol()
	assignments := make(map[string][]byte, len(next.members))
	for _, mb := range next.members {
		subscription, err := decodeSubscription(mb.metadata(next.protocol))
		if err != nil {
			return nil, nil, fmt.Errorf("subscription of %s: %w", mb.id, err)
		}
		assignments[mb.id] = encodeAssignment(subscription.version, g.target[mb.id], topics)
	}
	return next, assignments, nil
}
