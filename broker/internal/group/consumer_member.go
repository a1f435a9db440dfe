package group

import (
	"slices"
	"time"

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

	placed        bool // the log has the record of the following
	epoch         int32
	previousEpoch int32
	state         memberState
	assigned      assignment
	revoking      assignment

	session    *timer
	revocation *timer
}

// reached says that the member has what the target of an epoch gives it.
func (mb *consumerMember) reached(epoch int32) bool { return mb.state == stable && mb.epoch == epoch }

// sameSubscription says whether what a member tells of itself has not changed.
func (mb *consumerMember) sameSubscription(o *consumerMember) bool {
	return slices.Equal(mb.topics, o.topics) && equalText(mb.pattern, o.pattern) && equalText(mb.instanceID, o.instanceID) &&
		equalText(mb.rackID, o.rackID) && equalText(mb.assignor, o.assignor) && mb.client == o.client && mb.rebalanceTimeout == o.rebalanceTimeout
}

func equalText(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

// moved is the member on its way, with another epoch.
func (mb *consumerMember) moved(state memberState, epoch int32, assigned, revoking assignment) *consumerMember {
	next := *mb
	next.state, next.epoch, next.previousEpoch = state, epoch, mb.epoch
	next.assigned, next.revoking = assigned, revoking
	return &next
}

func (mb *consumerMember) samePlace(o *consumerMember) bool {
	return mb.placed == o.placed && mb.state == o.state && mb.epoch == o.epoch && mb.previousEpoch == o.previousEpoch &&
		mb.assigned.equal(o.assigned) && mb.revoking.equal(o.revoking)
}

func (mb *consumerMember) stop(m *Machine) {
	m.timers.cancel(mb.session)
	m.timers.cancel(mb.revocation)
}

// setSession has the member fenced if it is not heard of until then.
func (g *consumer) setSession(m *Machine, mb *consumerMember, until time.Time) {
	if mb.session == nil {
		id := mb.id
		mb.session = newTimer(func(_ time.Time, out *coordinator.Out) {
			if mb, ok := g.members[id]; ok {
				g.fence(out, mb)
			}
		})
	}
	m.timers.set(mb.session, until)
}

// setRevocation gives the member its rebalance timeout to give back what it has to.
func (g *consumer) setRevocation(m *Machine, mb *consumerMember, now time.Time) {
	m.timers.cancel(mb.revocation)
	id, epoch := mb.id, mb.epoch
	mb.revocation = newTimer(func(_ time.Time, out *coordinator.Out) {
		if mb, ok := g.members[id]; ok && mb.epoch == epoch && mb.state == unrevokedPartitions {
			g.fence(out, mb)
		}
	})
	m.timers.set(mb.revocation, now.Add(mb.rebalanceTimeout))
}
