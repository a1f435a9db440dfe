package group

import (
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// memberState is how far a member is on its way to the target. The numbers are Kafka's.
type memberState int8

const (
	stable               memberState = 0 // it has what its epoch says
	unrevokedPartitions  memberState = 1 // it has to give partitions back first
	unreleasedPartitions memberState = 2 // it waits for partitions that others have to give back
)

// leftStatic is the epoch of a static member that is away for a short time.
const leftStatic = -2

// consumerMember is a member of a group of the consumer protocol.
type consumerMember struct {
	id               string
	instanceID       *string
	rackID           *string
	client           Client
	topics           []string // subscribed by name, sorted
	pattern          *string  // subscribed by regular expression
	rebalanceTimeout time.Duration
	assignor         *string
	classic          *classicPart // nil: it speaks the consumer protocol
	silence

	placed        bool // the log has the record of the following
	epoch         int32
	previousEpoch int32
	state         memberState
	assigned      assignment
	revoking      assignment
	since         map[slot]int32 // the epoch at which it got what it has, or gives back (KIP-1251)

	session    *timer
	revocation *timer
	rejoin     *timer // of a member of the classic protocol: until it has to send JoinGroup
	sync       *timer // and SyncGroup
}

// classicPart is what a member of the classic protocol is beyond one of the consumer
// protocol.
type classicPart struct {
	sessionTimeout time.Duration
	protocols      []kmsg.JoinGroupRequestProtocol // in its order of preference
}

func (c *classicPart) equal(o *classicPart) bool {
	return c == o || c != nil && o != nil && c.sessionTimeout == o.sessionTimeout && protocolsEqual(c.protocols, o.protocols)
}

// reached says that the member has what the target of an epoch gives it.
func (mb *consumerMember) reached(epoch int32) bool { return mb.state == stable && mb.epoch == epoch }

// sameSubscription says whether what a member tells of itself has not changed.
func (mb *consumerMember) sameSubscription(o *consumerMember) bool {
	return slices.Equal(mb.topics, o.topics) && equalText(mb.pattern, o.pattern) && equalText(mb.instanceID, o.instanceID) &&
		equalText(mb.rackID, o.rackID) && equalText(mb.assignor, o.assignor) && mb.client.same(o.client) &&
		mb.rebalanceTimeout == o.rebalanceTimeout && mb.classic.equal(o.classic)
}

func equalText(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

// moved is the member on its way, with another epoch. What it gains, it has since an
// epoch that is given.
func (mb *consumerMember) moved(state memberState, epoch int32, assigned, revoking assignment, gained int32) *consumerMember {
	next := *mb
	next.state, next.epoch, next.previousEpoch = state, epoch, mb.epoch
	next.assigned, next.revoking = assigned, revoking
	next.since = make(map[slot]int32, len(mb.since))
	for _, a := range []assignment{assigned, revoking} {
		a.each(func(topic TopicID, partition int32) {
			p := slot{topic, partition}
			if next.since[p] = gained; mb.assigned.has(topic, partition) || revoking.has(topic, partition) {
				next.since[p] = mb.since[p]
			}
		})
	}
	return &next
}

// away is a static member that will be back: for its successor everything is new.
func (mb *consumerMember) away() *consumerMember {
	next := mb.moved(mb.state, leftStatic, mb.assigned, assignment{}, 0)
	next.previousEpoch = mb.previousEpoch
	clear(next.since)
	mb.assigned.each(func(topic TopicID, partition int32) { next.since[slot{topic, partition}] = 0 })
	return next
}

func (mb *consumerMember) samePlace(o *consumerMember) bool {
	return mb.placed == o.placed && mb.state == o.state && mb.epoch == o.epoch && mb.previousEpoch == o.previousEpoch &&
		mb.assigned.equal(o.assigned) && mb.revoking.equal(o.revoking) && maps.Equal(mb.since, o.since)
}

func (mb *consumerMember) stop(m *Machine) {
	for _, t := range []*timer{mb.session, mb.revocation, mb.rejoin, mb.sync} {
		m.timers.cancel(t)
	}
}

// sessionTimeout is how long the member may be silent. One of the classic protocol has
// chosen that itself.
func (mb *consumerMember) sessionTimeout(s ConsumerSettings) time.Duration {
	if mb.classic != nil {
		return mb.classic.sessionTimeout
	}
	return s.SessionTimeout
}

// fenceAt has a member taken out at a time, unless the timer is set again or cancelled
// before.
func (g *consumer) fenceAt(m *Machine, t **timer, mb *consumerMember, at time.Time) {
	if *t == nil {
		id := mb.id
		*t = newTimer(func(now time.Time, out *coordinator.Out) {
			if mb, ok := g.members[id]; ok {
				g.fence(m, now, out, mb)
			}
		})
	}
	m.timers.set(*t, at)
}

// setSession has the member fenced if it is not heard of until then.
func (g *consumer) setSession(m *Machine, mb *consumerMember, until time.Time) {
	g.fenceAt(m, &mb.session, mb, until)
}

// setRevocation gives the member its rebalance timeout to give back what it has to.
func (g *consumer) setRevocation(m *Machine, mb *consumerMember, now time.Time) {
	m.timers.cancel(mb.revocation)
	id, epoch := mb.id, mb.epoch
	mb.revocation = newTimer(func(now time.Time, out *coordinator.Out) {
		if mb, ok := g.members[id]; ok && mb.epoch == epoch && mb.state == unrevokedPartitions {
			g.fence(m, now, out, mb)
		}
	})
	m.timers.set(mb.revocation, now.Add(mb.rebalanceTimeout))
}
