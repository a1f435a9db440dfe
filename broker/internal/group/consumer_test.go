package group

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// fakeTopics are topics of which the first byte of the id is the first letter of the name.
type fakeTopics struct {
	byName  map[string]Topic
	version int64
}

func (f *fakeTopics) set(name string, partitions int32) {
	if f.byName == nil {
		f.byName = make(map[string]Topic)
	}
	f.version++
	if partitions == 0 {
		delete(f.byName, name)
		return
	}
	f.byName[name] = Topic{ID: TopicID{name[0]}, Name: name, Partitions: partitions}
}

func (f *fakeTopics) ByName(name string) (Topic, bool) { t, ok := f.byName[name]; return t, ok }
func (f *fakeTopics) Version() int64                   { return f.version }

func (f *fakeTopics) ByID(id TopicID) (Topic, bool) {
	for _, t := range f.byName {
		if t.ID == id {
			return t, true
		}
	}
	return Topic{}, false
}

func (f *fakeTopics) All() iter.Seq[Topic] { return maps.Values(f.byName) }

// assignmentText is like t:0,1 u:3.
func assignmentText(topics []kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic) string {
	var parts []string
	for _, t := range topics {
		var numbers []string
		for _, p := range t.Partitions {
			numbers = append(numbers, strconv.Itoa(int(p)))
		}
		parts = append(parts, string(t.TopicID[0])+":"+strings.Join(numbers, ","))
	}
	return strings.Join(parts, " ")
}

// ownedTopics reads t-0, t-1.
func ownedTopics(args []string) []kmsg.ConsumerGroupHeartbeatRequestTopic {
	topics := []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	for _, s := range args {
		name, number, ok := strings.Cut(s, "-")
		if !ok {
			continue // owned=()
		}
		p, _ := strconv.Atoi(number)
		topics = append(topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: TopicID{name[0]}, Partitions: []int32{int32(p)}})
	}
	return topics
}

func (w *world) beat(a arguments) {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version = int16(a.number("version", 1))
	req.Group, req.MemberID, req.MemberEpoch, req.InstanceID = a.text("group", "g"), a.text("member", ""), int32(a.number("epoch", 0)), a.optional("instance")
	req.ServerAssignor, req.SubscribedTopicRegex = a.optional("assignor"), a.optional("regex")
	if a.d.HasArg("topics") {
		req.SubscribedTopicNames = append([]string{}, a.all("topics")...)
	}
	if a.d.HasArg("owned") {
		req.Topics = ownedTopics(a.all("owned"))
	}
	if req.MemberEpoch == 0 && !a.d.HasArg("bare") {
		req.RebalanceTimeoutMillis = 60_000
		req.Topics = ownedTopics(a.all("owned"))
	}
	w.step(func(out *coordinator.Out) {
		w.m.ConsumerGroupHeartbeat(w.now, out, Client{ID: "c", Host: "/127.0.0.1"}, req, func(r *kmsg.ConsumerGroupHeartbeatResponse, _ error) {
			if r.ErrorCode != 0 {
				w.say("%s: %s", errorName(r.ErrorCode), deref(r.ErrorMessage))
				return
			}
			text := fmt.Sprintf("member=%s epoch=%d", deref(r.MemberID), r.MemberEpoch)
			if r.Assignment != nil {
				text += " assignment=[" + assignmentText(r.Assignment.Topics) + "]"
			}
			w.say("%s", text)
		})
	})
}

func (w *world) describeConsumer(a arguments) {
	text := func(as kmsg.Assignment) string {
		var parts []string
		for _, t := range as.TopicPartitions {
			parts = append(parts, fmt.Sprint(t.Topic, ":", t.Partitions))
		}
		return strings.Join(parts, " ")
	}
	w.step(func(out *coordinator.Out) {
		w.m.ConsumerGroupDescribe(out, a.text("group", "g"), func(r kmsg.ConsumerGroupDescribeResponseGroup, _ error) {
			w.say("%s state=%s epoch=%d assignment-epoch=%d assignor=%s", errorName(r.ErrorCode), r.State, r.Epoch, r.AssignmentEpoch, r.AssignorName)
			for _, m := range r.Members {
				w.say("  %s instance=%s epoch=%d topics=%v regex=%q has=[%s] target=[%s]", m.MemberID, deref(m.InstanceID), m.MemberEpoch,
					m.SubscribedTopics, deref(m.SubscribedTopicRegex), text(m.Assignment), text(m.TargetAssignment))
			}
		})
	})
}

// consumerRecordText is a record of the consumer protocol for people.
func consumerRecordText(kind int16, r coordinator.Record) string {
	m := New(Config{NewID: func() string { return "" }})
	key := reader{src: r.Key[2:]}
	name := key.string()
	second := ""
	if len(key.src) > 0 {
		second = " " + key.string()
	}
	what := map[int16]string{
		keyConsumerGroup: "consumer-group", keyConsumerMember: "member", keyConsumerTargetEpoch: "target-epoch",
		keyConsumerTarget: "target", keyConsumerCurrent: "current", keyConsumerPattern: "regex",
	}[kind] + " " + name + second
	if r.Value == nil {
		return what + " gone"
	}
	if err := m.replayConsumer(kind, r); err != nil {
		return what + " " + err.Error()
	}
	g := m.groups[name].(*consumer)
	second = strings.TrimSpace(second)
	text := func(a assignment) string { return "[" + assignmentText(heartbeatAssignment(a).Topics) + "]" }
	switch kind {
	case keyConsumerGroup:
		return fmt.Sprintf("%s epoch=%d", what, g.epoch)
	case keyConsumerTargetEpoch:
		return fmt.Sprintf("%s %d", what, g.targetEpoch)
	case keyConsumerTarget:
		return what + " " + text(g.target[second])
	case keyConsumerCurrent:
		mb := g.members[second]
		return fmt.Sprintf("%s epoch=%d previous=%d state=%d has=%s revoking=%s", what, mb.epoch, mb.previousEpoch, mb.state, text(mb.assigned), text(mb.revoking))
	case keyConsumerPattern:
		return fmt.Sprintf("%s %v", what, g.patterns[second].topics)
	}
	mb := g.members[second]
	what = fmt.Sprintf("%s topics=%v regex=%q instance=%s", what, mb.topics, deref(mb.pattern), deref(mb.instanceID))
	if mb.classic != nil {
		what += " classic=" + mb.classic.sessionTimeout.String()
		for _, p := range mb.classic.protocols {
			what += "," + p.Name
		}
	}
	if mb.silent > 0 {
		what += " silent=" + mb.silent.String()
	}
	return what
}

func TestAssignors(t *testing.T) {
	topic := func(name string, n int32) Topic { return Topic{ID: TopicID{name[0]}, Name: name, Partitions: n} }
	topics := map[TopicID]Topic{}
	for _, x := range []Topic{topic("a", 3), topic("b", 3), topic("c", 2)} {
		topics[x.ID] = x
	}
	// members are like "m1 ab" or, with what they had, "m1 ab a0 b1".
	f := func(name string, members []string, want ...string) {
		t.Helper()
		var subs []subscriber
		for _, s := range members {
			words := strings.Fields(s)
			sub := subscriber{id: words[0], topics: map[TopicID]bool{}, before: assignment{}}
			for _, r := range words[1] {
				sub.topics[TopicID{byte(r)}] = true
			}
			for _, had := range words[2:] {
				sub.before.add(TopicID{had[0]}, int32(had[1]-'0'))
			}
			subs = append(subs, sub)
		}
		a, _ := findAssignor(assignors, name)
		target := a.assign(subs, topics)
		var got []string
		for _, id := range slices.Sorted(maps.Keys(target)) {
			got = append(got, id+" "+assignmentText(heartbeatAssignment(target[id]).Topics))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s of %v: %s", name, members, diff)
		}
	}
	f("range", []string{"m1 ab", "m2 ab"}, "m1 a:0,1 b:0,1", "m2 a:2 b:2")
	f("range", []string{"m1 abc", "m2 b", "m3 c"}, "m1 a:0,1,2 b:0,1 c:0", "m2 b:2", "m3 c:1")
	f("uniform", []string{"m1 ab", "m2 ab"}, "m1 a:0,2 b:1", "m2 a:1 b:0,2")
	f("uniform", []string{"m1 ab a0 a1 a2 b0 b1 b2", "m2 ab"}, "m1 a:0,1,2", "m2 b:0,1,2")
	f("uniform", []string{"m1 ab a0 a1 a2", "m2 ab b0 b1 b2", "m3 ab"}, "m1 a:0,1", "m2 b:0,1", "m3 a:2 b:2")
	f("uniform", []string{"m1 a a0", "m2 ab a1 b0 b1", "m3 c"}, "m1 a:0,1,2", "m2 b:0,1,2", "m3 c:0,1")
	f("uniform", []string{"m1 a", "m2 z"}, "m1 a:0,1,2", "m2 ")
}

// Whatever the members and what they had: every partition has one owner that subscribes
// to it, and no one could give one away to somebody who has two less.
func TestAssignorsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		topics := map[TopicID]Topic{}
		for i := range rapid.IntRange(1, 5).Draw(rt, "topics") {
			id := TopicID{byte(i + 1)}
			topics[id] = Topic{ID: id, Name: fmt.Sprint(i), Partitions: rapid.Int32Range(1, 9).Draw(rt, "partitions")}
		}
		var members []subscriber
		for i := range rapid.IntRange(1, 6).Draw(rt, "members") {
			s := subscriber{id: fmt.Sprint("m", i), topics: map[TopicID]bool{}, before: assignment{}}
			for id := range topics {
				if rapid.Bool().Draw(rt, "subscribes") {
					s.topics[id] = true
				}
				for p := range int32(9) {
					if rapid.IntRange(0, 4).Draw(rt, "had") == 0 {
						s.before.add(id, p)
					}
				}
			}
			members = append(members, s)
		}
		a := rapid.SampledFrom(assignors).Draw(rt, "assignor")
		target := a.assign(members, topics)
		if again := a.assign(members, topics); !maps.EqualFunc(target, again, assignment.equal) {
			rt.Fatalf("%s gives different answers", a.name)
		}
		owners := map[slot]int{}
		for _, s := range members {
			target[s.id].each(func(id TopicID, p int32) {
				if owners[slot{id, p}]++; !s.topics[id] {
					rt.Fatalf("%s does not subscribe to %v", s.id, id)
				}
			})
		}
		for id, topic := range topics {
			taken := slices.ContainsFunc(members, func(s subscriber) bool { return s.topics[id] })
			for p := range topic.Partitions {
				if got := owners[slot{id, p}]; taken && got != 1 || !taken && got != 0 {
					rt.Fatalf("%s: partition %v-%d has %d owners", a.name, id, p, got)
				}
			}
		}
		if a.name != "uniform" {
			return
		}
		for _, rich := range members {
			target[rich.id].each(func(id TopicID, p int32) {
				for _, poor := range members {
					if poor.topics[id] && target[rich.id].len()-target[poor.id].len() >= 2 {
						rt.Fatalf("%s has %d and could give to %s with %d", rich.id, target[rich.id].len(), poor.id, target[poor.id].len())
					}
				}
			})
		}
	})
}

// modernMember is a client of the consumer protocol that gives back what it is told to,
// sooner or later.
type modernMember struct {
	id       string
	instance *string
	epoch    int32
	owned    assignment // what it reads from
	told     assignment // what it was told last
	lost     bool       // an answer did not come: the next request says everything
	lives    int        // a static member comes back under another id
}

// stop ends the client: it reads from nothing any more.
func (mb *modernMember) stop() { mb.epoch, mb.owned, mb.told = joinEpoch, assignment{}, assignment{} }

type modern struct {
	t       *rapid.T
	w       *world
	members []*modernMember
	commits map[slot]int64 // accepted last
}

// beat sends a heartbeat. Before that, the client may have acted upon the last one. A
// client that is quiet does not say what it has, unless it has to. An answer that is lost
// is as if never heard.
func (m *modern) beat(mb *modernMember, act, quiet, lost bool) {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.MemberEpoch, req.InstanceID = 1, "g", mb.id, mb.epoch, mb.instance
	if mb.epoch == 0 {
		mb.stop()
	}
	if mb.epoch == 0 || mb.lost {
		quiet = false
		req.RebalanceTimeoutMillis, req.SubscribedTopicNames = 60_000, []string{"a", "b"}
	}
	if act {
		mb.owned = mb.told.or(assignment{})
	}
	if !quiet {
		req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		for id, partitions := range mb.owned {
			req.Topics = append(req.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: id, Partitions: partitions})
		}
	}
	mb.lost = lost
	out := coordinator.NewOut(m.w.m)
	m.w.m.ConsumerGroupHeartbeat(m.w.now, out, Client{}, req, func(r *kmsg.ConsumerGroupHeartbeatResponse, err error) {
		if lost {
			return
		}
		switch r.ErrorCode {
		case 0:
			mb.epoch = r.MemberEpoch
			if r.Assignment != nil {
				mb.told = assignment{}
				for _, t := range r.Assignment.Topics {
					mb.told[t.TopicID] = t.Partitions
				}
			}
		case kerr.FencedMemberEpoch.Code, kerr.UnknownMemberID.Code, kerr.GroupIDNotFound.Code:
			mb.stop()
		default:
			m.t.Fatalf("heartbeat: %s %s", errorName(r.ErrorCode), deref(r.ErrorMessage))
		}
	})
	m.w.log = append(m.w.log, out.Records()...)
	out.Commit(nil)
	// What it may read from now on is in what it was told; what it was told to give back it
	// may still read from until it acts.
	if !lost {
		m.resume(mb, mb.told.minus(mb.owned))
		mb.owned = mb.owned.or(mb.told)
	}
}

// resume fetches the offsets of what a member has got: they must be those that the owner
// before has committed.
func (m *modern) resume(mb *modernMember, added assignment) {
	req := kmsg.NewOffsetFetchRequestGroup()
	req.Group, req.MemberID, req.MemberEpoch = "g", new(mb.id), mb.epoch
	added.each(func(topic TopicID, p int32) {
		req.Topics = append(req.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: string(topic[:1]), TopicID: topic, Partitions: []int32{p}})
	})
	if len(req.Topics) == 0 {
		return
	}
	out := coordinator.NewOut(m.w.m)
	m.w.m.OffsetFetch(out, req, true, func(r kmsg.OffsetFetchResponseGroup, _ error) {
		if r.ErrorCode != 0 {
			m.t.Fatalf("%s of epoch %d fetches offsets: %s", mb.id, mb.epoch, errorName(r.ErrorCode))
		}
		for _, t := range r.Topics {
			want, ok := m.commits[slot{t.TopicID, t.Partitions[0].Partition}]
			if got := t.Partitions[0].Offset; ok && got != want || !ok && got != -1 {
				m.t.Fatalf("%s begins %s-%d at %d, %d was committed", mb.id, t.Topic, t.Partitions[0].Partition, got, want)
			}
		}
	})
	out.Commit(nil)
}

// commit commits all that a member reads from, be it about to give it back or not. It must
// be taken as long as the member has heard what was answered to it last.
func (m *modern) commit(mb *modernMember) {
	if mb.epoch == 0 || mb.owned.len() == 0 {
		return
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 9, "g", mb.id, mb.epoch
	mb.owned.each(func(topic TopicID, p int32) {
		rp := kmsg.NewOffsetCommitRequestTopicPartition()
		rp.Partition, rp.Offset = p, m.commits[slot{topic, p}]+1
		req.Topics = append(req.Topics, kmsg.OffsetCommitRequestTopic{Topic: string(topic[:1]), TopicID: topic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{rp}})
	})
	out := coordinator.NewOut(m.w.m)
	m.w.m.OffsetCommit(m.w.now, out, req, func(r *kmsg.OffsetCommitResponse, _ error) {
		switch code := r.Topics[0].Partitions[0].ErrorCode; {
		case code == 0:
			mb.owned.each(func(topic TopicID, p int32) { m.commits[slot{topic, p}]++ })
		case !mb.lost || code != kerr.StaleMemberEpoch.Code:
			m.t.Fatalf("%s of epoch %d commits what it owns: %s", mb.id, mb.epoch, errorName(code))
		}
	})
	m.w.log = append(m.w.log, out.Records()...)
	out.Commit(nil)
}

func (m *modern) pick(t *rapid.T) *modernMember {
	m.t = t
	return rapid.SampledFrom(m.members).Draw(t, "member")
}

func TestConsumerModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &modern{t: rt, w: newWorld(Config{}), commits: make(map[slot]int64)}
		m.w.topics.set("a", 4)
		m.w.topics.set("b", 3)
		for i := range 4 {
			mb := &modernMember{id: fmt.Sprint("m", i)}
			if i >= 2 {
				mb.instance = new(mb.id)
			}
			m.members = append(m.members, mb)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"beat": func(t *rapid.T) {
				mb := m.pick(t)
				m.beat(mb, rapid.Bool().Draw(t, "acts"), rapid.Bool().Draw(t, "quiet"), rapid.IntRange(0, 5).Draw(t, "lost") == 0)
			},
			"commit": func(t *rapid.T) { m.commit(m.pick(t)) },
			"leave": func(t *rapid.T) {
				if mb := m.pick(t); mb.epoch > 0 {
					mb.stop()
					mb.epoch = leaveEpoch
					m.beat(mb, false, false, true)
					mb.stop()
				}
			},
			"come back": func(t *rapid.T) { // a static member is restarted
				if mb := m.pick(t); mb.epoch > 0 && mb.instance != nil {
					mb.stop()
					mb.epoch = leaveStaticEpoch
					m.beat(mb, false, false, true)
					mb.stop()
					mb.lives++
					mb.id = fmt.Sprint(*mb.instance, "-", mb.lives)
				}
			},
			"forget": func(t *rapid.T) { m.pick(t).stop() }, // as a client that was fenced
			"topics": func(t *rapid.T) {
				m.t = t
				m.w.topics.set("b", rapid.Int32Range(3, 6).Draw(t, "partitions"))
			},
			"restart": func(t *rapid.T) {
				m.t = t
				before := m.w.durable()
				if rapid.Bool().Draw(t, "compact") {
					m.w.log, _ = m.w.m.Snapshot()
				}
				m.w.restart()
				if diff := cmp.Diff(before, m.w.durable()); diff != "" {
					t.Fatalf("replayed state differs: %s", diff)
				}
			},
			"wait": func(t *rapid.T) {
				m.t = t
				// Those that are fenced meanwhile have noticed: a client stops reading when it
				// cannot reach its coordinator for so long.
				m.w.advance(time.Duration(rapid.IntRange(1, 50).Draw(t, "seconds")) * time.Second)
				g, _ := m.w.m.groups["g"].(*consumer)
				for _, mb := range m.members {
					if g == nil || g.members[mb.id] == nil {
						mb.stop()
					}
				}
			},
			"": func(t *rapid.T) {
				m.t = t
				m.check()
			},
		})
		m.converge()
	})
}

// check: no two members read from the same partition.
func (m *modern) check() {
	readers := map[slot]string{}
	for _, mb := range m.members {
		mb.owned.each(func(topic TopicID, p int32) {
			if other, ok := readers[slot{topic, p}]; ok {
				m.t.Fatalf("%s and %s both own %c-%d", other, mb.id, topic[0], p)
			}
			readers[slot{topic, p}] = mb.id
		})
	}
}

// converge has all send heartbeats until nothing moves: everything is assigned then.
func (m *modern) converge() {
	for range 12 {
		for _, mb := range m.members {
			m.beat(mb, true, false, false)
		}
	}
	m.check()
	g := m.w.m.groups["g"].(*consumer)
	if s := g.state(); s != Stable {
		m.t.Fatalf("the group is %s in the end", s)
	}
	total := 0
	for _, mb := range m.members {
		total += mb.owned.len()
		if n := mb.owned.len(); n == 0 {
			m.t.Fatalf("%s has nothing", mb.id)
		}
	}
	want := 0
	for _, topic := range m.w.topics.byName {
		want += int(topic.Partitions)
	}
	if total != want {
		m.t.Fatalf("%d of %d partitions are assigned", total, want)
	}
}
