package group

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// actor is a client that plays by the protocol, and dies or is slow at random.
type actor struct {
	name       string
	instance   *string
	id         string
	generation int32
	leader     bool
	peers      []string
	waiting    bool // a request of it is parked
	joined     bool // it knows its generation and has no assignment yet
}

// model is a group of actors, and who was told to own what.
type model struct {
	t        *rapid.T
	w        *world
	actors   []*actor
	owners   map[int32]map[string]string // generation, assignment, member id
	last     int32                       // highest generation heard of in an assignment
	offset   int64                       // acknowledged last
	answered int
	asked    int
}

func (m *model) step(f func(out *coordinator.Out)) {
	out := coordinator.NewOut(m.w.m)
	f(out)
	m.w.log = append(m.w.log, out.Records()...)
	out.Commit(nil)
}

func (m *model) join(a *actor) {
	if a.waiting {
		return
	}
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version = 9
	req.Group, req.MemberID, req.InstanceID = "g", a.id, a.instance
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 10_000, 20_000, "consumer"
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscription(nil)}}
	a.waiting, a.joined = true, false
	m.asked++
	m.step(func(out *coordinator.Out) {
		m.w.m.JoinGroup(m.w.now, out, Client{ID: a.name}, req, func(r *kmsg.JoinGroupResponse, err error) {
			m.answered++
			a.waiting = false
			switch {
			case err != nil:
			case r.ErrorCode == kerr.MemberIDRequired.Code:
				a.id = r.MemberID
			case r.ErrorCode == kerr.UnknownMemberID.Code, r.ErrorCode == kerr.FencedInstanceID.Code:
				a.id = ""
			case r.ErrorCode == 0:
				a.id, a.generation, a.leader, a.joined = r.MemberID, r.Generation, r.LeaderID == r.MemberID && !r.SkipAssignment, true
				a.peers = nil
				for _, p := range r.Members {
					a.peers = append(a.peers, p.MemberID)
				}
				if a.leader && !slices.Contains(a.peers, a.id) {
					m.t.Fatalf("leader %s is not among the members %v", a.id, a.peers)
				}
			}
		})
	})
}

func (m *model) sync(a *actor) {
	if a.waiting || !a.joined {
		return
	}
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation, req.InstanceID = "g", a.id, a.generation, a.instance
	if a.leader {
		for i, p := range a.peers {
			req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: p, MemberAssignment: fmt.Append(nil, i)})
		}
	}
	a.waiting = true
	m.asked++
	generation, id := a.generation, a.id
	m.step(func(out *coordinator.Out) {
		m.w.m.SyncGroup(m.w.now, out, req, func(r *kmsg.SyncGroupResponse, err error) {
			m.answered++
			a.waiting = false
			if err == nil && r.ErrorCode == 0 {
				a.joined = false
				m.own(generation, id, a, string(r.MemberAssignment))
			}
		})
	})
}

// own notes an assignment: nobody else may have heard of it in the same generation,
// but a static member's earlier self.
func (m *model) own(generation int32, id string, a *actor, what string) {
	if generation < m.last {
		m.t.Fatalf("%s is assigned generation %d after %d was", id, generation, m.last)
	}
	m.last = generation
	if what == "" {
		return
	}
	if m.owners[generation] == nil {
		m.owners[generation] = make(map[string]string)
	}
	who := a.name
	if owner, ok := m.owners[generation][what]; ok && owner != who {
		m.t.Fatalf("generation %d: %q is assigned to %s and %s", generation, what, owner, who)
	}
	m.owners[generation][what] = who
}

func (m *model) heartbeat(a *actor) {
	if a.id == "" || a.waiting {
		return
	}
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation, req.InstanceID = "g", a.id, a.generation, a.instance
	m.step(func(out *coordinator.Out) {
		m.w.m.Heartbeat(m.w.now, out, req, func(r *kmsg.HeartbeatResponse, _ error) {
			if r.ErrorCode == kerr.UnknownMemberID.Code || r.ErrorCode == kerr.FencedInstanceID.Code {
				a.id, a.joined = "", false
			}
		})
	})
}

// commit commits a higher offset. It must be taken from a member of the last generation
// that was assigned, and from no one of an earlier one.
func (m *model) commit(a *actor) {
	if a.id == "" || a.waiting {
		return
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version = 9
	req.Group, req.MemberID, req.Generation, req.InstanceID = "g", a.id, a.generation, a.instance
	req.Topics = offsetsOf([]string{fmt.Sprintf("t-0:%d", m.offset+1)})
	m.step(func(out *coordinator.Out) {
		m.w.m.OffsetCommit(m.w.now, out, req, func(r *kmsg.OffsetCommitResponse, _ error) {
			if r.Topics[0].Partitions[0].ErrorCode != 0 {
				return
			}
			if m.offset++; a.generation >= 0 && a.generation < m.last {
				m.t.Fatalf("%s of generation %d commits while %d is assigned", a.id, a.generation, m.last)
			}
		})
	})
}

func (m *model) fetched() int64 {
	req := kmsg.NewOffsetFetchRequestGroup()
	req.Group = "g"
	req.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", Partitions: []int32{0}}}
	at := int64(-2)
	m.step(func(out *coordinator.Out) {
		m.w.m.OffsetFetch(out, req, true, func(r kmsg.OffsetFetchResponseGroup, _ error) { at = r.Topics[0].Partitions[0].Offset })
	})
	return max(at, 0)
}

// TestModel has members join, sync, commit, fall silent, leave, and the broker restart,
// in any order.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{t: rt, w: newWorld(Config{InitialRebalanceDelay: -1}), owners: make(map[int32]map[string]string)}
		for i := range 4 {
			a := &actor{name: string(rune('a' + i)), generation: -1}
			if i >= 2 {
				a.instance = new(a.name)
			}
			m.actors = append(m.actors, a)
		}
		rt.Repeat(m.actions())
		// Left alone, every question is answered.
		m.w.advance(time.Hour)
		if m.answered != m.asked {
			rt.Fatalf("%d of %d requests were answered", m.answered, m.asked)
		}
	})
}

func (m *model) actions() map[string]func(*rapid.T) {
	some := func(f func(a *actor)) func(*rapid.T) {
		return func(t *rapid.T) {
			m.t = t
			f(rapid.SampledFrom(m.actors).Draw(t, "actor"))
		}
	}
	return map[string]func(*rapid.T){
		"join":      some(m.join),
		"sync":      some(m.sync),
		"heartbeat": some(m.heartbeat),
		"commit":    some(m.commit),
		"leave": some(func(a *actor) {
			if a.waiting || a.id == "" {
				return
			}
			req := kmsg.NewPtrLeaveGroupRequest()
			req.Version, req.Group = 5, "g"
			req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: a.id, InstanceID: a.instance}}
			m.step(func(out *coordinator.Out) {
				m.w.m.LeaveGroup(m.w.now, out, req, func(*kmsg.LeaveGroupResponse, error) {})
			})
			a.id, a.joined = "", false
		}),
		"crash": some(func(a *actor) { // the client forgets who it was
			if !a.waiting {
				a.id, a.joined = "", false
			}
		}),
		"wait": func(t *rapid.T) {
			m.t = t
			m.w.advance(time.Duration(rapid.IntRange(1, 12).Draw(t, "seconds")) * time.Second)
		},
		"restart": func(t *rapid.T) {
			m.t = t
			if rapid.Bool().Draw(t, "compact") {
				m.w.log, _ = m.w.m.Snapshot()
			}
			before := m.w.durable()
			m.w.restart()
			if diff := cmp.Diff(before, m.w.durable()); diff != "" {
				t.Fatalf("replayed state differs: %s", diff)
			}
			for _, a := range m.actors {
				a.joined = false
			}
		},
		"": func(t *rapid.T) {
			m.t = t
			m.check()
		},
	}
}

// check looks at what must always hold.
func (m *model) check() {
	if at := m.fetched(); at != m.offset {
		m.t.Fatalf("offset %d is committed, %d was acknowledged last", at, m.offset)
	}
	g, ok := m.w.m.groups["g"].(*classic)
	if !ok {
		return
	}
	var wrong []string
	if _, ok := g.byID[g.leader]; len(g.members) > 0 && !ok {
		wrong = append(wrong, "the leader is no member")
	}
	if len(g.members) != len(g.byID) {
		wrong = append(wrong, "members are counted twice")
	}
	if g.phase == Empty && len(g.members) > 0 || g.phase == Stable && len(g.members) == 0 {
		wrong = append(wrong, "phase and members disagree")
	}
	for instance, id := range g.static {
		if mb, ok := g.byID[id]; !ok || deref(mb.instanceID) != instance {
			wrong = append(wrong, "static member "+instance+" is not there")
		}
	}
	support := make(map[string]int)
	for _, mb := range g.members {
		for _, p := range mb.protocols {
			support[p.Name]++
		}
		if mb.session.index < 0 && !mb.waits() {
			wrong = append(wrong, "member "+mb.id+" has no session")
		}
		if g.phase == Stable && mb.waits() {
			wrong = append(wrong, "member "+mb.id+" waits in a stable group")
		}
	}
	if diff := cmp.Diff(support, g.supported); diff != "" {
		wrong = append(wrong, diff)
	}
	if len(wrong) > 0 {
		m.t.Fatalf("%s", strings.Join(wrong, "\n"))
	}
}
