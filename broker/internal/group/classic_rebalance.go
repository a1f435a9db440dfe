package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// rebalanceOrComplete begins a rebalance, or ends the join phase of the one that is
// under way if this was the last member it waited for.
func (g *classic) rebalanceOrComplete(m *Machine, now time.Time, out *coordinator.Out) {
	if g.phase == PreparingRebalance {
		g.maybeCompleteJoin(m, now, out)
		return
	}
	g.prepareRebalance(m, now, out)
}

// prepareRebalance begins the join phase: members learn of it by their next heartbeat.
// The first members of an empty group wait for further ones, since those that are
// started together come within seconds.
func (g *classic) prepareRebalance(m *Machine, now time.Time, out *coordinator.Out) {
	if g.phase == CompletingRebalance {
		for _, mb := range g.members {
			if mb.answerSync(out, syncError(kerr.RebalanceInProgress)) {
				g.setSession(m, mb, now.Add(mb.sessionTimeout))
			}
		}
	}
	m.timers.cancel(g.syncTimer)
	initial := g.phase == Empty
	g.enter(PreparingRebalance)
	m.cfg.Observer.rebalance(Classic)
	switch {
	case initial:
		g.grown = false
		delay := m.cfg.InitialRebalanceDelay
		g.awaitNewcomers(m, now, out, delay, max(g.rebalanceTimeout()-delay, 0))
	case g.allJoined():
		g.completeJoin(m, now, out)
	default:
		g.setJoinTimer(m, now.Add(g.rebalanceTimeout()), g.completeJoinLater(m))
	}
}

// awaitNewcomers ends the first join phase after a delay, and prolongs it as long as
// members keep coming, up to the rebalance timeout.
func (g *classic) awaitNewcomers(m *Machine, now time.Time, out *coordinator.Out, delay, remaining time.Duration) {
	if delay == 0 {
		g.completeJoin(m, now, out)
		return
	}
	g.setJoinTimer(m, now.Add(delay), func(now time.Time, out *coordinator.Out) {
		if !g.grown || remaining == 0 {
			g.completeJoin(m, now, out)
			return
		}
		g.grown = false
		next := min(m.cfg.InitialRebalanceDelay, remaining)
		g.awaitNewcomers(m, now, out, next, max(remaining-delay, 0))
	})
}

func (g *classic) setJoinTimer(m *Machine, at time.Time, fire func(time.Time, *coordinator.Out)) {
	m.timers.cancel(g.joinTimer)
	g.joinTimer = newTimer(fire)
	m.timers.set(g.joinTimer, at)
}

func (g *classic) completeJoinLater(m *Machine) func(time.Time, *coordinator.Out) {
	return func(now time.Time, out *coordinator.Out) { g.completeJoin(m, now, out) }
}

// rebalanceTimeout is the longest that any member asks for.
func (g *classic) rebalanceTimeout() time.Duration {
	var longest time.Duration
	for _, mb := range g.members {
		longest = max(longest, mb.rebalanceTimeout)
	}
	return longest
}

// allJoined says that no member is missing and no id that was given out is still to come.
func (g *classic) allJoined() bool { return len(g.pending) == 0 && g.joined() == len(g.members) }

// maybeCompleteJoin ends the join phase if all have joined. The first one of a group
// lasts its delay nevertheless.
func (g *classic) maybeCompleteJoin(m *Machine, now time.Time, out *coordinator.Out) {
	if g.phase == PreparingRebalance && g.previous != Empty && g.allJoined() {
		g.completeJoin(m, now, out)
	}
}

// completeJoin ends the join phase: dynamic members that have not joined are out, the
// others are the next generation. Static members stay until their session is over.
func (g *classic) completeJoin(m *Machine, now time.Time, out *coordinator.Out) {
	m.timers.cancel(g.joinTimer)
	for _, mb := range append([]*member(nil), g.members...) {
		if mb.join == nil && mb.instanceID == nil {
			g.discard(m, mb, out)
		}
	}
	if len(g.members) > 0 && !g.electLeader() {
		// Nobody who could lead is there: sessions will take out those that are gone.
		g.setJoinTimer(m, now.Add(g.rebalanceTimeout()), g.completeJoinLater(m))
		return
	}
	g.generation++
	clear(g.unsynced)
	if len(g.members) == 0 {
		g.becomeEmpty(m, now, out)
		return
	}
	g.protocol = g.selectProtocol()
	g.learnTopics()
	g.enter(CompletingRebalance)
	for _, mb := range g.members {
		mb.answerJoin(out, g.joinResponse(mb))
		mb.fresh = false
		g.setSession(m, mb, now.Add(mb.sessionTimeout))
		g.unsynced[mb.id] = true
	}
	g.awaitSync(m, now)
}

// electLeader sees to it that the leader is one of those who have joined.
func (g *classic) electLeader() bool {
	if mb, ok := g.byID[g.leader]; ok && mb.join != nil {
		return true
	}
	for _, mb := range g.members {
		if mb.join != nil {
			g.leader = mb.id
			return true
		}
	}
	return false
}

// becomeEmpty ends the rebalance of a group that everybody has left. That is written,
// for the generation must not come again.
func (g *classic) becomeEmpty(m *Machine, now time.Time, out *coordinator.Out) {
	g.protocol, g.leader = "", ""
	g.learnTopics()
	g.enter(Empty)
	out.Write(g.record(nil, now))
}

// awaitSync gives the members of a new generation the rebalance timeout to send
// SyncGroup. Those that do not are out, and the others join again.
func (g *classic) awaitSync(m *Machine, now time.Time) {
	m.timers.cancel(g.syncTimer)
	g.syncTimer = newTimer(func(now time.Time, out *coordinator.Out) {
		if len(g.unsynced) == 0 || g.phase != Stable && g.phase != CompletingRebalance {
			return
		}
		for _, mb := range append([]*member(nil), g.members...) {
			if g.unsynced[mb.id] {
				g.discard(m, mb, out)
			}
		}
		g.prepareRebalance(m, now, out)
	})
	m.timers.set(g.syncTimer, now.Add(g.rebalanceTimeout()))
}

func (g *classic) synced(m *Machine, id string) {
	delete(g.unsynced, id)
	if len(g.unsynced) == 0 {
		m.timers.cancel(g.syncTimer)
	}
}

// setSession has the member's session end at a time, instead of when it would have.
func (g *classic) setSession(m *Machine, mb *member, until time.Time) {
	if mb.session == nil {
		mb.session = newTimer(func(now time.Time, out *coordinator.Out) { g.expireSession(m, mb, now, out) })
	}
	m.timers.set(mb.session, until)
}

// extendSession notes that the member was heard of. A member whose first JoinGroup is
// parked has no session yet.
func (g *classic) extendSession(m *Machine, mb *member, now time.Time) {
	mb.heard()
	if !mb.fresh {
		g.setSession(m, mb, now.Add(mb.sessionTimeout))
	}
}

// expireSession takes a silent member out. One that waits for an answer cannot send
// heartbeats; its session begins when it is answered. But the first JoinGroup of a
// member is not kept for ever.
func (g *classic) expireSession(m *Machine, mb *member, now time.Time, out *coordinator.Out) {
	if g.byID[mb.id] != mb || mb.waits() && !mb.fresh {
		return
	}
	g.discard(m, mb, out)
	g.afterLeaving(m, now, out)
	g.noteDeparture(out)
}

// afterLeaving goes on after members were taken out.
func (g *classic) afterLeaving(m *Machine, now time.Time, out *coordinator.Out) {
	if g.phase != Empty {
		g.rebalanceOrComplete(m, now, out)
	}
}
