package group

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// classic is a group of the classic protocol: the members' metadata goes to one of them,
// the leader, which assigns; the coordinator only passes on. A group of the protocol
// type "" is a simple one: it has offsets and never had members.
type classic struct {
	groupID    string
	protoType  string // of the members; stays when the last one leaves
	protocol   string // chosen for the generation; "" while empty
	leader     string // member id; "" while empty
	generation int32
	phase      State
	previous   State     // the phase before
	since      time.Time // when the log's state was reached; zero if unknown

	members []*member // in the order of joining
	byID    map[string]*member
	static  map[string]string // group.instance.id to member id
	pending map[string]*timer // ids given out that have not joined yet, with their session

	supported   map[string]int  // how many members know a protocol
	unsynced    map[string]bool // members of the generation that have not sent SyncGroup
	topics      map[string]bool // what the members subscribe to
	topicsKnown bool            // topics could be read from the metadata

	joinTimer *timer // ends the join phase
	syncTimer *timer // ends the sync phase
	grown     bool   // a member came during the initial delay
	written   []byte // the group's record in the log, nil if there is none
	read      bool   // the generation was read from the log: a later one may be lost
	noting    bool   // a record is replayed that changes nothing but written
}

func (m *Machine) newClassic(name string) *classic {
	g := emptyClassic(name)
	m.groups[name] = g
	return g
}

func emptyClassic(name string) *classic {
	return &classic{
		groupID:     name,
		phase:       Empty,
		byID:        make(map[string]*member),
		static:      make(map[string]string),
		pending:     make(map[string]*timer),
		supported:   make(map[string]int),
		unsynced:    make(map[string]bool),
		topicsKnown: true,
	}
}

// classicGroup finds the classic group of that name. It is UNKNOWN_MEMBER_ID for the
// members' requests if there is none: what a member of a forgotten group has to do is
// to join anew.
func (m *Machine) classicGroup(name string) (*classic, error) {
	switch g := m.groups[name].(type) {
	case nil:
		return nil, kerr.UnknownMemberID
	case *classic:
		return g, nil
	}
	return nil, kerr.UnknownMemberID
}

func (g *classic) name() string         { return g.groupID }
func (g *classic) kind() Kind           { return Classic }
func (g *classic) protocolType() string { return g.protoType }
func (g *classic) state() State         { return g.phase }

func (g *classic) enter(s State) { g.previous, g.phase = g.phase, s }

// add takes a member in whose id is not taken.
func (g *classic) add(mb *member) {
	if len(g.members) == 0 {
		g.protoType = mb.protocolType
	}
	if g.leader == "" {
		g.leader = mb.id
	}
	if mb.instanceID != nil {
		g.static[*mb.instanceID] = mb.id
	}
	g.members = append(g.members, mb)
	g.byID[mb.id] = mb
	g.support(mb, 1)
}

// discard takes a member out. Whoever waits in its name is answered with UNKNOWN_MEMBER_ID,
// upon which a client that is still alive joins anew.
func (g *classic) discard(m *Machine, mb *member, out *coordinator.Out) {
	mb.answerJoin(out, joinError("", kerr.UnknownMemberID))
	mb.answerSync(out, syncError(kerr.UnknownMemberID))
	m.timers.cancel(mb.session)
	g.members = slices.DeleteFunc(g.members, func(o *member) bool { return o == mb })
	delete(g.byID, mb.id)
	delete(g.unsynced, mb.id)
	g.support(mb, -1)
	if mb.instanceID != nil && g.static[*mb.instanceID] == mb.id {
		delete(g.static, *mb.instanceID)
	}
	if g.leader == mb.id {
		g.leader = ""
		if len(g.members) > 0 {
			g.leader = g.members[0].id
		}
	}
}

func (g *classic) discardPending(m *Machine, id string) {
	m.timers.cancel(g.pending[id])
	delete(g.pending, id)
}

func (g *classic) support(mb *member, by int) {
	for _, p := range mb.protocols {
		if g.supported[p.Name] += by; g.supported[p.Name] <= 0 {
			delete(g.supported, p.Name)
		}
	}
}

// supports says whether a member with these protocols fits those that are there: there
// must be a protocol that all of them know.
func (g *classic) supports(protocolType string, protocols []kmsg.JoinGroupRequestProtocol) bool {
	if g.phase == Empty {
		return protocolType != "" && len(protocols) > 0
	}
	return protocolType == g.protoType && slices.ContainsFunc(protocols, func(p kmsg.JoinGroupRequestProtocol) bool {
		return g.supported[p.Name] == len(g.members)
	})
}

// selectProtocol has each member vote for the first of its protocols that all know. Of
// several with equal votes, the one that the oldest member prefers is taken.
func (g *classic) selectProtocol() string {
	votes := make(map[string]int)
	for _, mb := range g.members {
		for _, p := range mb.protocols {
			if g.supported[p.Name] == len(g.members) {
				votes[p.Name]++
				break
			}
		}
	}
	best := ""
	for _, p := range g.members[0].protocols {
		if votes[p.Name] > votes[best] {
			best = p.Name
		}
	}
	return best
}

// member finds a member by what its request says of it.
func (g *classic) member(id string, instanceID *string) (*member, error) {
	if instanceID != nil {
		switch owner, ok := g.static[*instanceID]; {
		case !ok:
			return nil, kerr.UnknownMemberID
		case owner != id:
			return nil, kerr.FencedInstanceID
		}
	}
	mb, ok := g.byID[id]
	if !ok {
		return nil, kerr.UnknownMemberID
	}
	return mb, nil
}

// learnTopics reads what the members subscribe to. A subscription that cannot be read
// leaves it open.
func (g *classic) learnTopics() {
	g.topics, g.topicsKnown = make(map[string]bool), true
	if len(g.members) == 0 {
		return
	}
	if g.topicsKnown = g.protoType == consumerProtocolType && g.protocol != ""; !g.topicsKnown {
		return
	}
	for _, mb := range g.members {
		topics, err := subscribedTopics(mb.metadata(g.protocol))
		if err != nil {
			g.topics, g.topicsKnown = nil, false
			return
		}
		for _, t := range topics {
			g.topics[t] = true
		}
	}
}

func (g *classic) subscribedTo(topic string) bool {
	if !g.topicsKnown {
		return g.protoType == consumerProtocolType
	}
	return g.topics[topic]
}

func (g *classic) idle() bool { return g.phase == Empty && len(g.pending) == 0 }

func (g *classic) deleteAllowed() error {
	if g.phase != Empty {
		return kerr.NonEmptyGroup
	}
	return nil
}

func (g *classic) offsetDeleteAllowed() error {
	if g.phase != Empty && g.protoType != consumerProtocolType {
		return kerr.NonEmptyGroup
	}
	return nil
}

func (g *classic) fetchAllowed(*string, int32) error { return nil }

func (g *classic) offsetAge(topic string, committed int64) (int64, bool) {
	switch {
	case g.protoType == "":
		return committed, true
	case g.phase == Empty && !g.since.IsZero():
		return g.since.UnixMilli(), true
	case g.phase == Empty:
		return committed, true
	case g.phase == Stable && g.protoType == consumerProtocolType && g.topicsKnown && !g.topics[topic]:
		return committed, true
	}
	return 0, false
}

func (g *classic) drop(m *Machine, err error) {
	for _, mb := range g.members {
		m.timers.cancel(mb.session)
		if f := mb.takeJoin(); f != nil {
			f(nil, err)
		}
		if f := mb.takeSync(); f != nil {
			f(nil, err)
		}
	}
	for id := range g.pending {
		g.discardPending(m, id)
	}
	m.timers.cancel(g.joinTimer)
	m.timers.cancel(g.syncTimer)
}
