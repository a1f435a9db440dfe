package group

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// Epochs of a heartbeat that say something else than how far the member is.
const (
	joinEpoch        = 0
	leaveEpoch       = -1
	leaveStaticEpoch = -2
)

// maxPattern bounds the text of a subscription by regular expression.
const maxPattern = 4096

// ConsumerGroupHeartbeat is all that a member of the consumer protocol ever sends: it
// joins with epoch 0, leaves with -1 (or -2 if it will be back), and in between tells
// what has changed, keeps its session and gets its assignment (KIP-848).
//
// Versions: 1 has the client choose the member id, and adds subscriptions by regular
// expression.
func (m *Machine) ConsumerGroupHeartbeat(now time.Time, out *coordinator.Out, from Client, req *kmsg.ConsumerGroupHeartbeatRequest, reply Reply[*kmsg.ConsumerGroupHeartbeatResponse]) {
	h := &beat{m: m, now: now, out: out, from: from, topics: m.cfg.topics(), settings: m.cfg.settings(req.Group), req: req}
	resp, err := h.handle()
	if err != nil {
		resp = kmsg.NewPtrConsumerGroupHeartbeatResponse()
		resp.ErrorCode, resp.ErrorMessage = errorCode(err), new(errorText(err))
	}
	answer(out, reply, resp)
}

// ConsumerSettings are what a group of the consumer protocol may have of its own. Zero
// stands for the broker's.
type ConsumerSettings struct {
	// SessionTimeout is how long a member may be silent.
	SessionTimeout time.Duration
	// HeartbeatInterval is how often it is told to send heartbeats.
	HeartbeatInterval time.Duration
	// AssignmentInterval is the least time between two assignments; negative: none.
	AssignmentInterval time.Duration
}

func (s ConsumerSettings) orElse(c Config) ConsumerSettings {
	if s.SessionTimeout == 0 {
		s.SessionTimeout = c.ConsumerSessionTimeout
	}
	if s.HeartbeatInterval == 0 {
		s.HeartbeatInterval = c.ConsumerHeartbeatInterval
	}
	if s.AssignmentInterval == 0 {
		s.AssignmentInterval = c.ConsumerAssignmentInterval
	}
	return s
}

// errorText is what is said of an error beside its code.
func errorText(err error) string {
	ke, ok := errors.AsType[*kerr.Error](err)
	if !ok {
		return err.Error()
	}
	if text := strings.TrimSuffix(strings.TrimSuffix(err.Error(), ke.Error()), ": "); text != "" {
		return text
	}
	return ke.Description
}

func invalid(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, kerr.InvalidRequest)...)
}

// beat is one heartbeat on its way.
type beat struct {
	m        *Machine
	now      time.Time
	out      *coordinator.Out
	from     Client
	topics   Topics
	settings ConsumerSettings
	req      *kmsg.ConsumerGroupHeartbeatRequest
}

func (h *beat) handle() (*kmsg.ConsumerGroupHeartbeatResponse, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	if h.req.MemberEpoch < 0 {
		return h.leave()
	}
	if h.req.MemberEpoch == joinEpoch && h.req.MemberID == "" {
		h.req.MemberID = h.m.cfg.NewID() // version 0
	}
	g, err := h.group()
	if err != nil {
		return nil, err
	}
	mb, err := h.member(g)
	if err != nil {
		return nil, err
	}
	next := consumerMember{id: h.req.MemberID, rebalanceTimeout: 5 * time.Minute}
	if mb != nil {
		next = *mb
	}
	h.update(&next)
	changed := h.subscribe(g, mb, &next)
	h.retarget(g)
	return h.advance(g, changed), nil
}

// check is about the request alone.
func (h *beat) check() error {
	r := h.req
	switch {
	case r.Group == "":
		return invalid("GroupId can't be empty")
	case r.MemberEpoch < leaveStaticEpoch:
		return invalid("MemberEpoch is %d, but must be greater than or equal to -2", r.MemberEpoch)
	case r.MemberID == "" && (r.Version >= 1 || r.MemberEpoch != joinEpoch):
		return invalid("MemberId can't be empty")
	case r.InstanceID != nil && *r.InstanceID == "":
		return invalid("InstanceId can't be empty")
	case r.MemberEpoch == leaveStaticEpoch && r.InstanceID == nil:
		return invalid("InstanceId can't be null")
	case r.RackID != nil && *r.RackID == "":
		return invalid("RackId can't be empty")
	}
	if r.MemberEpoch == joinEpoch {
		switch {
		case r.RebalanceTimeoutMillis == -1:
			return invalid("RebalanceTimeoutMs must be provided in first request")
		case r.Topics == nil || len(r.Topics) > 0:
			return invalid("TopicPartitions must be empty when (re-)joining")
		case r.SubscribedTopicNames == nil && r.SubscribedTopicRegex == nil:
			return invalid("either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining")
		}
	}
	if r.ServerAssignor != nil {
		if !slices.ContainsFunc(h.m.cfg.assignors, func(a assignor) bool { return a.name == *r.ServerAssignor }) {
			return fmt.Errorf("ServerAssignor %s is not supported. Supported assignors: %s: %w",
				*r.ServerAssignor, assignorNames(h.m.cfg.assignors), kerr.UnsupportedAssignor)
		}
	}
	if r.SubscribedTopicRegex != nil && *r.SubscribedTopicRegex != "" {
		if _, err := compilePattern(*r.SubscribedTopicRegex); err != nil {
			return fmt.Errorf("SubscribedTopicRegex %w: %w", err, kerr.InvalidRegularExpression)
		}
	}
	return nil
}

// compilePattern compiles RE2, which takes time linear in its input whatever it says. A
// topic must match as a whole.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("of %d bytes is too long", len(pattern))
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile(`^(?:` + pattern + `)$`)
}

// group finds the group, or makes it for a member that joins. An empty group of the
// classic protocol becomes one of this.
func (h *beat) group() (*consumer, error) {
	switch g := h.m.groups[h.req.Group].(type) {
	case *consumer:
		_, known := g.members[h.req.MemberID]
		if !known && len(g.members) >= h.m.cfg.MaxConsumerSize {
			return nil, fmt.Errorf("group %s has reached its maximum size of %d: %w", h.req.Group, h.m.cfg.MaxConsumerSize, kerr.GroupMaxSizeReached)
		}
		return g, nil
	case *classic:
		switch {
		case h.req.MemberEpoch != joinEpoch:
			return nil, fmt.Errorf("group %s is not a consumer group: %w", h.req.Group, kerr.GroupIDNotFound)
		case len(g.members) > 0:
			return h.m.upgrade(h.now, h.out, g)
		}
		h.out.Write(g.tombstones()...)
		g.drop(h.m, kerr.UnknownMemberID)
	case nil:
		if h.req.MemberEpoch != joinEpoch {
			return nil, fmt.Errorf("consumer group %s not found: %w", h.req.Group, kerr.GroupIDNotFound)
		}
	default:
		return nil, fmt.Errorf("group %s is not a consumer group: %w", h.req.Group, kerr.GroupIDNotFound)
	}
	return h.m.newConsumer(h.req.Group), nil
}

// member finds who sends the heartbeat. It is nil for one that joins and is not known.
func (h *beat) member(g *consumer) (*consumerMember, error) {
	if h.req.InstanceID != nil {
		return h.staticMember(g)
	}
	mb, ok := g.members[h.req.MemberID]
	if !ok {
		if h.req.MemberEpoch == joinEpoch {
			return nil, nil
		}
		return nil, fmt.Errorf("member %s is not a member of group %s: %w", h.req.MemberID, g.groupID, kerr.UnknownMemberID)
	}
	return mb, h.checkEpoch(mb)
}

// staticMember finds a member by its instance id. One that comes back with another
// member id takes the place of its former self, if that has said that it would.
func (h *beat) staticMember(g *consumer) (*consumerMember, error) {
	instance := *h.req.InstanceID
	id, ok := g.static[instance]
	joins := h.req.MemberEpoch == joinEpoch
	switch {
	case !ok && joins:
		if mb := g.members[h.req.MemberID]; mb != nil {
			return mb, nil
		}
		return nil, nil
	case !ok:
		return nil, fmt.Errorf("instance id %s is unknown: %w", instance, kerr.UnknownMemberID)
	}
	former := g.members[id]
	switch {
	case id == h.req.MemberID:
		return former, h.checkEpoch(former)
	case !joins:
		return nil, fmt.Errorf("static member %s with instance id %s was fenced by member %s: %w", h.req.MemberID, instance, id, kerr.FencedInstanceID)
	case former.epoch != leftStatic && former.classic == nil:
		return nil, fmt.Errorf("static member %s with instance id %s cannot join the group because the instance id is owned by member %s: %w", h.req.MemberID, instance, id, kerr.UnreleasedInstanceID)
	}
	return g.replace(h.out, former, h.req.MemberID), nil
}

// replace gives the place of a static member to its successor, with all that it has and
// is to have.
func (g *consumer) replace(out *coordinator.Out, former *consumerMember, id string) *consumerMember {
	next := *former
	next.id, next.session, next.revocation, next.rejoin, next.sync = id, nil, nil, nil, nil
	next.silence = silence{}
	next.epoch, next.previousEpoch, next.state, next.revoking = joinEpoch, joinEpoch, stable, assignment{}
	target := g.target[former.id]
	out.Write(g.erasure(former.id)...)
	out.Write(consumerMemberRecord(g.groupID, &next), consumerTargetRecord(g.groupID, id, target), consumerCurrentRecord(g.groupID, &next))
	return g.members[id]
}

// checkEpoch lets a member on that is where we think it is. One that did not hear of
// its last step may repeat it, if it has nothing that it should not have.
func (h *beat) checkEpoch(mb *consumerMember) error {
	switch epoch := h.req.MemberEpoch; {
	case epoch == joinEpoch, epoch == mb.epoch:
		return nil
	case epoch < mb.epoch && epoch == mb.previousEpoch && h.req.Topics != nil && h.owned().minus(mb.assigned).len() == 0:
		return nil
	}
	return fmt.Errorf("the consumer group member has epoch %d, but epoch %d is known: %w", h.req.MemberEpoch, mb.epoch, kerr.FencedMemberEpoch)
}

// owned are the partitions that the member says it has.
func (h *beat) owned() assignment {
	a := assignment{}
	for _, t := range h.req.Topics {
		for _, p := range t.Partitions {
			a.add(t.TopicID, p)
		}
	}
	return a
}

// subscribe writes what a member tells of itself if it is new, and says whether it
// subscribes to something else than before. The group's epoch is a new one then.
func (h *beat) subscribe(g *consumer, before, next *consumerMember) bool {
	changed := before == nil || !slices.Equal(next.topics, before.topics) || !equalText(next.pattern, before.pattern)
	if before == nil || !next.sameSubscription(before) {
		h.out.Write(consumerMemberRecord(g.groupID, next))
	}
	h.refresh(g, changed)
	return changed
}

// update takes over what the request carries; what it does not carry is unchanged.
func (h *beat) update(mb *consumerMember) {
	mb.client, mb.classic = h.from, nil
	if h.req.InstanceID != nil {
		mb.instanceID = h.req.InstanceID
	}
	if h.req.RackID != nil {
		mb.rackID = h.req.RackID
	}
	if h.req.RebalanceTimeoutMillis >= 0 {
		mb.rebalanceTimeout = time.Duration(h.req.RebalanceTimeoutMillis) * time.Millisecond
	}
	if h.req.ServerAssignor != nil {
		mb.assignor = h.req.ServerAssignor
	}
	if h.req.SubscribedTopicNames != nil {
		names := slices.Clone(h.req.SubscribedTopicNames)
		slices.Sort(names)
		mb.topics = slices.Compact(names)
	}
	if h.req.SubscribedTopicRegex != nil {
		if mb.pattern = h.req.SubscribedTopicRegex; *mb.pattern == "" {
			mb.pattern = nil
		}
	}
}

// refresh looks at the topics again if they or the subscriptions have changed, and
// begins a new epoch of the group if that makes a difference.
func (h *beat) refresh(g *consumer, changed bool) {
	if !changed && g.seen == h.topics.Version() && g.written {
		return
	}
	h.resolve(g)
	_, topics := g.subscriptions(h.topics)
	hash := hashTopics(topics)
	g.seen = h.topics.Version()
	if changed || hash != g.hash || !g.written {
		h.out.Write(consumerGroupRecord(g.groupID, g.epoch+1, hash))
		h.m.cfg.Observer.rebalance(Consumer)
	}
}

// resolve finds the topics of all patterns that members subscribe to, and forgets those
// of which nobody does.
func (h *beat) resolve(g *consumer) {
	wanted := make(map[string]bool)
	for _, mb := range g.members {
		if mb.pattern != nil {
			wanted[*mb.pattern] = true
		}
	}
	for _, pattern := range slices.Sorted(maps.Keys(wanted)) {
		topics := h.matching(pattern)
		if known, ok := g.patterns[pattern]; ok && slices.Equal(known.topics, topics) {
			continue
		}
		r := resolution{topics: topics, version: h.topics.Version(), timestamp: h.now.UnixMilli()}
		h.out.Write(consumerPatternRecord(g.groupID, pattern, r))
	}
	for _, pattern := range slices.Sorted(maps.Keys(g.patterns)) {
		if !wanted[pattern] {
			h.out.Write(coordinator.Record{Key: consumerKey(keyConsumerPattern, g.groupID, pattern)})
		}
	}
}

func (h *beat) matching(pattern string) []string {
	topics := []string{}
	re, err := compilePattern(pattern)
	if err != nil {
		return topics // it was checked; a newer version may know what we do not
	}
	for t := range h.topics.All() {
		if re.MatchString(t.Name) && (h.from.Sees == nil || h.from.Sees(t.Name)) {
			topics = append(topics, t.Name)
		}
	}
	slices.Sort(topics)
	return topics
}

// retarget computes the target of a new epoch, but not sooner than the assignment
// interval after the last one: members that come together are assigned together.
func (h *beat) retarget(g *consumer) {
	now := h.now.UnixMilli()
	if wait := h.settings.AssignmentInterval.Milliseconds(); g.epoch <= g.targetEpoch || g.targetAt != 0 && wait > 0 && now < g.targetAt+wait {
		return
	}
	members, topics := g.subscriptions(h.topics)
	target := g.assignorOf(h.m.cfg.assignors).assign(members, topics)
	for _, id := range g.memberIDs() {
		if before, ok := g.target[id]; !ok || !before.equal(target[id]) {
			h.out.Write(consumerTargetRecord(g.groupID, id, target[id]))
		}
	}
	h.out.Write(consumerTargetEpochRecord(g.groupID, g.epoch, now))
}

// advance takes the member a step further, keeps its session and answers. The answer has
// the assignment if that is new, or if the member asks for all.
func (h *beat) advance(g *consumer, changed bool) *kmsg.ConsumerGroupHeartbeatResponse {
	mb := g.members[h.req.MemberID]
	var owned *assignment
	if h.req.Topics != nil {
		owned = new(h.owned())
	}
	before := mb.assigned
	h.reconcile(g, mb, owned, changed)
	h.m.timers.cancel(mb.rejoin) // it may have been one of the classic protocol
	h.m.timers.cancel(mb.sync)
	mb.heard()
	g.setSession(h.m, mb, h.now.Add(h.settings.SessionTimeout))
	resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	resp.MemberID, resp.MemberEpoch = new(mb.id), mb.epoch
	resp.HeartbeatIntervalMillis = int32(h.settings.HeartbeatInterval.Milliseconds())
	if h.asksForAll() || !before.equal(mb.assigned) {
		resp.Assignment = heartbeatAssignment(mb.assigned)
	}
	return resp
}

// reconcile takes the member a step further. One that has to give partitions back has its
// rebalance timeout for that; if it speaks the classic protocol, it has to join again in
// that time instead.
func (h *beat) reconcile(g *consumer, mb *consumerMember, owned *assignment, changed bool) {
	r := reconciling{g: g, mb: mb, owned: owned, changed: changed}
	r.topics = g.topicsOf(mb, h.topics, make(map[TopicID]Topic))
	next := r.step()
	if mb.placed && next.samePlace(mb) {
		return
	}
	h.out.Write(consumerCurrentRecord(g.groupID, next))
	if h.m.timers.cancel(mb.revocation); mb.state == unrevokedPartitions && mb.classic == nil {
		g.setRevocation(h.m, mb, h.now)
	}
}

// asksForAll says that the request carries everything, as after an error.
func (h *beat) asksForAll() bool {
	r := h.req
	return r.MemberEpoch == joinEpoch ||
		r.RebalanceTimeoutMillis != -1 && (r.SubscribedTopicNames != nil || r.SubscribedTopicRegex != nil) && r.Topics != nil
}

func heartbeatAssignment(a assignment) *kmsg.ConsumerGroupHeartbeatResponseAssignment {
	ra := kmsg.NewConsumerGroupHeartbeatResponseAssignment()
	for _, id := range a.ids() {
		t := kmsg.NewConsumerGroupHeartbeatResponseAssignmentTopic()
		t.TopicID, t.Partitions = id, slices.Clone(a[id])
		ra.Topics = append(ra.Topics, t)
	}
	return &ra
}
