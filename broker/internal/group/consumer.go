package group

import (
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// consumer is a group of the consumer protocol (KIP-848): the coordinator assigns, and
// each member is led from what it has to what it is to have by its own heartbeats.
//
//   - epoch counts the changes of members, subscriptions and topics;
//   - targetEpoch is the epoch for which target, the assignment that is aimed at, was
//     computed;
//   - a member's epoch is that of the target it has reached or, in the middle of giving
//     partitions back, the one before.
//
// A partition is given to a member when no other has it or is still giving it back.
// All of it is in the log; only timers are not.
type consumer struct {
	groupID     string
	epoch       int32
	hash        int64 // of the topics subscribed to, at epoch
	targetEpoch int32
	targetAt    int64                 // when target was computed, in milliseconds since the epoch; 0: not known
	target      map[string]assignment // by member id
	members     map[string]*consumerMember
	static      map[string]string // group.instance.id to member id
	owners      map[slot]string   // who has a partition, or is giving it back
	patterns    map[string]resolution
	written     bool  // the log has the group's epoch
	seen        int64 // version of the topics that hash and patterns were looked up in
}

// resolution is what a subscription by pattern came to.
type resolution struct {
	topics    []string
	version   int64
	timestamp int64
}

func (m *Machine) newConsumer(name string) *consumer {
	g := &consumer{
		groupID:  name,
		target:   make(map[string]assignment),
		members:  make(map[string]*consumerMember),
		static:   make(map[string]string),
		owners:   make(map[slot]string),
		patterns: make(map[string]resolution),
		seen:     -1,
	}
	m.groups[name] = g
	return g
}

func (g *consumer) name() string         { return g.groupID }
func (g *consumer) kind() Kind           { return Consumer }
func (g *consumer) protocolType() string { return consumerProtocolType }
func (g *consumer) idle() bool           { return len(g.members) == 0 }

func (g *consumer) state() State {
	if len(g.members) == 0 {
		return Empty
	}
	if g.epoch > g.targetEpoch {
		return Assigning
	}
	for _, mb := range g.members {
		if !mb.reached(g.targetEpoch) {
			return Reconciling
		}
	}
	return Stable
}

// memberIDs are those of all members, sorted.
func (g *consumer) memberIDs() []string { return slices.Sorted(maps.Keys(g.members)) }

// commitAllowed checks a commit: of anyone while the group is empty, else of a member at
// its present epoch or, since an answer with a newer one may be on its way, at one at
// which it had the partitions already (KIP-1251). Producers know of another epoch as of
// another generation only: what they do not know is fatal to them, where they could have
// aborted.
func (g *consumer) commitAllowed(m *Machine, c *commit) error {
	by := c.by
	if by.generation < 0 && len(g.members) == 0 {
		return nil
	}
	if by.transactional && by.generation < 0 && by.memberID == "" && by.instanceID == nil {
		return nil // a producer that does not know of KIP-447
	}
	mb, ok := g.members[by.memberID]
	switch {
	case !ok:
		return kerr.UnknownMemberID
	case !by.transactional && mb.classic == nil && by.version < 9:
		return kerr.UnsupportedVersion
	case by.generation == mb.epoch:
		return nil
	case by.generation > mb.epoch:
		return mb.staleEpoch(by.transactional)
	}
	for _, t := range c.topics {
		id := t.TopicID
		if id == (TopicID{}) {
			topic, _ := m.cfg.topics().ByName(t.Topic)
			id = topic.ID
		}
		for _, p := range t.Partitions {
			if since, ok := mb.since[slot{id, p.Partition}]; !ok || by.generation < since {
				return mb.staleEpoch(by.transactional)
			}
		}
	}
	return nil
}

// staleEpoch says that a request is of another epoch, in the words of its protocol.
func (mb *consumerMember) staleEpoch(transactional bool) error {
	if mb.classic != nil || transactional {
		return kerr.IllegalGeneration
	}
	return kerr.StaleMemberEpoch
}

func (g *consumer) fetchAllowed(memberID *string, epoch int32) error {
	if memberID == nil && epoch < 0 {
		return nil
	}
	mb, ok := g.members[deref(memberID)]
	switch {
	case !ok:
		return kerr.UnknownMemberID
	case epoch != mb.epoch:
		return mb.staleEpoch(false)
	}
	return nil
}

func (g *consumer) deleteAllowed() error {
	if len(g.members) > 0 {
		return kerr.NonEmptyGroup
	}
	return nil
}

func (g *consumer) offsetDeleteAllowed() error { return nil }

func (g *consumer) subscribedTo(topic string) bool {
	for _, mb := range g.members {
		if slices.Contains(mb.topics, topic) || slices.Contains(g.patterns[deref(mb.pattern)].topics, topic) {
			return true
		}
	}
	return false
}

func (g *consumer) offsetAge(topic string, committed int64) (int64, bool) {
	return committed, !g.subscribedTo(topic)
}

// subscriptions are the topics that each member subscribes to, by name or pattern, as
// far as they exist; and all of them.
func (g *consumer) subscriptions(topics Topics) ([]subscriber, map[TopicID]Topic) {
	all := make(map[TopicID]Topic)
	var members []subscriber
	for _, id := range g.memberIDs() {
		mb := g.members[id]
		members = append(members, subscriber{id: id, instance: deref(mb.instanceID), topics: g.topicsOf(mb, topics, all), before: g.target[id]})
	}
	return members, all
}

// topicsOf are the topics that a member subscribes to, as far as they exist. They are
// added to all.
func (g *consumer) topicsOf(mb *consumerMember, topics Topics, all map[TopicID]Topic) map[TopicID]bool {
	ids := make(map[TopicID]bool)
	for _, names := range [][]string{mb.topics, g.patterns[deref(mb.pattern)].topics} {
		for _, name := range names {
			if t, ok := topics.ByName(name); ok {
				ids[t.ID], all[t.ID] = true, t
			}
		}
	}
	return ids
}

// hashTopics tells whether the topics subscribed to have changed. No topics are 0.
func hashTopics(topics map[TopicID]Topic) int64 {
	var sum uint64
	for id, t := range topics {
		h := fnv.New64a()
		_, _ = h.Write(id[:])
		_, _ = h.Write([]byte(t.Name))
		n := uint32(t.Partitions)
		_, _ = h.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		sum += h.Sum64() // in any order
	}
	return int64(sum)
}

// assignorOf is the assignor that most members ask for; those that ask for none leave
// it to the others. Of several with as many, the first of the list is taken.
func (g *consumer) assignorOf(offered []assignor) assignor {
	votes := make(map[string]int)
	for _, mb := range g.members {
		if mb.assignor != nil {
			votes[*mb.assignor]++
		}
	}
	best := offered[0]
	for _, a := range offered[1:] {
		if votes[a.name] > votes[best.name] {
			best = a
		}
	}
	return best
}

func (g *consumer) snapshot() []coordinator.Record {
	if !g.written {
		return nil
	}
	records := []coordinator.Record{consumerGroupRecord(g.groupID, g.epoch, g.hash)}
	for _, id := range g.memberIDs() {
		records = append(records, consumerMemberRecord(g.groupID, g.members[id]))
	}
	for _, pattern := range slices.Sorted(maps.Keys(g.patterns)) {
		records = append(records, consumerPatternRecord(g.groupID, pattern, g.patterns[pattern]))
	}
	for _, id := range slices.Sorted(maps.Keys(g.target)) {
		records = append(records, consumerTargetRecord(g.groupID, id, g.target[id]))
	}
	records = append(records, consumerTargetEpochRecord(g.groupID, g.targetEpoch, g.targetAt))
	for _, id := range g.memberIDs() {
		if mb := g.members[id]; mb.placed {
			records = append(records, consumerCurrentRecord(g.groupID, mb))
		}
	}
	return records
}

func (g *consumer) size() int { return 2 + 3*len(g.members) + len(g.patterns) }

func (g *consumer) tombstones() []coordinator.Record {
	if !g.written {
		return nil
	}
	var records []coordinator.Record
	for _, id := range g.memberIDs() {
		records = append(records, g.erasure(id)...)
	}
	for _, pattern := range slices.Sorted(maps.Keys(g.patterns)) {
		records = append(records, coordinator.Record{Key: consumerKey(keyConsumerPattern, g.groupID, pattern)})
	}
	return append(records,
		coordinator.Record{Key: consumerKey(keyConsumerTargetEpoch, g.groupID)},
		coordinator.Record{Key: consumerKey(keyConsumerGroup, g.groupID)},
	)
}

func (g *consumer) loaded(m *Machine, now time.Time, _ *coordinator.Out) {
	settings := m.cfg.settings(g.groupID)
	for _, mb := range g.members {
		g.setSession(m, mb, now.Add(mb.afterLoad(mb.sessionTimeout(settings))))
		if mb.state == unrevokedPartitions {
			g.setRevocation(m, mb, now)
		}
	}
}

// drop has nobody to answer: heartbeats never wait.
func (g *consumer) drop(m *Machine, _ error) {
	for _, mb := range g.members {
		mb.stop(m)
	}
}
