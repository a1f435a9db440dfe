package group

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// A session is about time in which a member could have been heard of. When a log is read
// all sessions would begin anew, and a broker that is killed more often than sessions
// last would never miss a member that is gone. So while members that were read from the
// log have not been heard of, it is noted now and then in the log for how long; what a
// restart finds noted is taken off their sessions. A member that is heard of has its
// note removed. While all are heard of, nothing is written.

const (
	// silenceStep is when silence is noted first; every note then takes twice as long.
	silenceStep = 2 * time.Second
	// loadGrace is how long a member may be silent after the log was read, at least.
	loadGrace = 1500 * time.Millisecond
	// silenceTag is the tagged field in which records of members carry it: milliseconds,
	// as an int32. Kafka passes over fields that it does not know.
	silenceTag = 10_000
)

// silence is what is known of a member that was read from the log.
type silence struct {
	silent  time.Duration // noted so far
	unheard bool          // since the log was read
}

func (s *silence) encode() []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(s.silent.Milliseconds()))
}

func (s *silence) decode(b []byte) {
	if len(b) == 4 {
		s.silent = time.Duration(binary.BigEndian.Uint32(b)) * time.Millisecond
	}
}

// afterLoad begins the silence of a member that was read, and gives what is left of its
// session.
func (s *silence) afterLoad(session time.Duration) time.Duration {
	s.unheard = true
	return max(session-s.silent, min(session, loadGrace))
}

// heard ends the silence.
func (s *silence) heard() { s.unheard = false }

// next is what is to be noted now: it differs from what is noted if the member is silent
// still, or is not any more. more is the time since the last note.
func (s *silence) next(more time.Duration) time.Duration {
	if s.unheard {
		return s.silent + more
	}
	return 0
}

// listen notes silence as long as there is any: when some time has passed, when that has
// passed again, and so on with twice the time.
func (m *Machine) listen(now time.Time) { m.listenFor(now, silenceStep, silenceStep) }

func (m *Machine) listenFor(now time.Time, wait, then time.Duration) {
	t := newTimer(func(now time.Time, out *coordinator.Out) {
		again := false
		for _, name := range m.names() {
			again = m.groups[name].noteSilence(wait, out) || again
		}
		if again {
			m.listenFor(now, then, wait+then)
		}
	})
	m.timers.set(t, now.Add(wait))
}

// noteSilence writes the silence of members anew, and says whether there is any.
func (g *consumer) noteSilence(more time.Duration, out *coordinator.Out) bool {
	any := false
	for _, id := range g.memberIDs() {
		mb := g.members[id]
		silent := mb.next(more)
		any = any || mb.unheard
		if silent != mb.silent {
			next := *mb
			next.silent = silent
			out.Write(consumerMemberRecord(g.groupID, &next))
		}
	}
	return any
}

// noteSilence writes the group at the generation that is in the log, with the silence of
// its members.
func (g *classic) noteSilence(more time.Duration, out *coordinator.Out) bool {
	any, changed := false, false
	for _, mb := range g.members {
		silent := mb.next(more)
		any = any || mb.unheard
		changed = changed || silent != mb.silent
		mb.silent = silent
	}
	if changed {
		g.rewrite(out)
	}
	return any
}

// departed is the session timeout of members that have left while the group was in a
// rebalance: it must not be waited for them if the rebalance is lost by a restart.
const departed = time.Millisecond

// maxRewrite bounds the records that are written to note that a member has left.
const maxRewrite = 64 << 10

// noteDeparture writes that members of the generation in the log have left, unless the
// next generation has been written already.
func (g *classic) noteDeparture(out *coordinator.Out) {
	if g.phase != Empty && g.written != nil && len(g.written) <= maxRewrite {
		g.rewrite(out)
	}
}

// rewrite writes the generation that is in the log again, with what has become of its
// members. The group itself is further.
func (g *classic) rewrite(out *coordinator.Out) {
	if g.written == nil {
		return
	}
	v, err := decodeGroup(g.written)
	if err != nil {
		return // it was read once already
	}
	for i := range v.Members {
		rm := &v.Members[i]
		mb, ok := g.byID[rm.MemberID]
		if !ok {
			rm.SessionTimeoutMillis = int32(departed.Milliseconds())
			continue
		}
		setSilence(rm, mb.silence)
	}
	value := encodeGroup(v)
	if bytes.Equal(value, g.written) {
		return
	}
	g.noting = true
	out.Write(coordinator.Record{Key: groupKey(g.groupID), Value: value})
	g.noting = false
}
