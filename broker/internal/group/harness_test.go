package group

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// world is a machine with a clock and a log, driven by the commands of testdata/transcripts.
type world struct {
	cfg  Config
	m    *Machine
	now  time.Time
	log  []coordinator.Record
	said []string
	ids  int

	topics fakeTopics
}

var epoch = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func newWorld(cfg Config) *world {
	w := &world{now: epoch}
	cfg.NewID = func() string { w.ids++; return strconv.Itoa(w.ids) }
	cfg.Topics = func() Topics { return &w.topics }
	if cfg.ConsumerAssignmentInterval == 0 {
		cfg.ConsumerAssignmentInterval = -1
	}
	w.cfg = cfg
	w.restart()
	return w
}

// step runs one step, keeps its records and gives its answers.
func (w *world) step(f func(out *coordinator.Out)) {
	out := coordinator.NewOut(w.m)
	f(out)
	for _, r := range out.Records() {
		w.log = append(w.log, r)
		w.say("log %s", recordText(r))
	}
	out.Commit(nil)
}

func (w *world) say(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

// restart replays the log into a new machine. Those who waited in the old one are told.
func (w *world) restart() {
	if w.m != nil {
		w.m.Unload(kerr.NotCoordinator)
	}
	w.m = New(w.cfg)
	for _, r := range w.log {
		if err := w.m.Replay(r); err != nil {
			w.say("replay: %v", err)
		}
	}
	w.step(func(out *coordinator.Out) { w.m.Loaded(w.now, out) })
}

// advance lets time pass, with each timer at its time.
func (w *world) advance(d time.Duration) {
	until := w.now.Add(d)
	for {
		next := w.m.Deadline()
		if next.IsZero() || next.After(until) {
			break
		}
		w.now = maxTime(w.now, next)
		w.step(func(out *coordinator.Out) { w.m.Expire(w.now, out) })
	}
	w.now = until
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func errorName(code int16) string {
	if code == 0 {
		return "ok"
	}
	ke, _ := errors.AsType[*kerr.Error](kerr.ErrorForCode(code))
	return ke.Message
}

// recordText is a record for people.
func recordText(r coordinator.Record) string {
	version, _ := keyVersion(r.Key)
	if version == keyGroupMetadata {
		var k kmsg.GroupMetadataKey
		_ = k.ReadFrom(r.Key)
		if r.Value == nil {
			return "group " + k.Group + " gone"
		}
		v, err := decodeGroup(r.Value)
		if err != nil {
			return err.Error()
		}
		text := fmt.Sprintf("group %s generation=%d type=%s protocol=%s leader=%s", k.Group, v.Generation, v.ProtocolType, deref(v.Protocol), deref(v.Leader))
		for _, m := range v.Members {
			text += fmt.Sprintf(" %s=%s", m.MemberID, assignedText(m.Assignment))
			if m.SessionTimeoutMillis == 1 {
				text += "(left)"
			}
			if s := silenceOf(&m); s.silent > 0 {
				text += fmt.Sprintf("(silent %v)", s.silent)
			}
		}
		return text
	}
	if version > keyGroupMetadata {
		return consumerRecordText(version, r)
	}
	k, _ := decodeOffsetKey(r.Key)
	if r.Value == nil {
		return fmt.Sprintf("offset %s %s-%d gone", k.Group, k.Topic, k.Partition)
	}
	v, err := decodeOffset(r.Value)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("offset %s %s-%d at %d epoch=%d metadata=%q", k.Group, k.Topic, k.Partition, v.offset, v.leaderEpoch, v.metadata)
}

// arguments gives typed access to those of a command.
type arguments struct {
	t *testing.T
	d *datadriven.TestData
}

func (a arguments) text(key, other string) string {
	if a.d.HasArg(key) {
		var s string
		a.d.ScanArgs(a.t, key, &s)
		return s
	}
	return other
}

func (a arguments) all(key string) []string {
	for _, arg := range a.d.CmdArgs {
		if arg.Key == key {
			return arg.Vals
		}
	}
	return nil
}

func (a arguments) number(key string, other int) int {
	n, err := strconv.Atoi(a.text(key, strconv.Itoa(other)))
	if err != nil {
		a.t.Fatal(err)
	}
	return n
}

func (a arguments) duration(key, other string) time.Duration {
	d, err := time.ParseDuration(a.text(key, other))
	if err != nil {
		a.t.Fatal(err)
	}
	return d
}

func (a arguments) optional(key string) *string {
	if !a.d.HasArg(key) {
		return nil
	}
	return new(a.text(key, ""))
}

// subscription is a consumer's metadata for topics.
func subscription(topics []string, owned ...string) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Topics = topics
	if len(owned) > 0 {
		m.Version = 1
	}
	for _, t := range ownedTopics(owned) {
		m.OwnedPartitions = append(m.OwnedPartitions, kmsg.ConsumerMemberMetadataOwnedPartition{Topic: string(t.TopicID[0]), Partitions: t.Partitions})
	}
	return m.AppendTo(nil)
}

// memberAssignments reads a-1:t-0, a-1:t-1.
func memberAssignments(words []string) []kmsg.SyncGroupRequestGroupAssignment {
	var list []kmsg.SyncGroupRequestGroupAssignment
	for _, word := range words {
		id, partition, _ := strings.Cut(word, ":")
		i := slices.IndexFunc(list, func(a kmsg.SyncGroupRequestGroupAssignment) bool { return a.MemberID == id })
		if i < 0 {
			i = len(list)
			list = append(list, kmsg.SyncGroupRequestGroupAssignment{MemberID: id})
		}
		m := kmsg.NewConsumerMemberAssignment()
		if list[i].MemberAssignment != nil {
			_ = m.ReadFrom(list[i].MemberAssignment)
		}
		for _, t := range ownedTopics([]string{partition}) {
			m.Topics = append(m.Topics, kmsg.ConsumerMemberAssignmentTopic{Topic: string(t.TopicID[0]), Partitions: t.Partitions})
		}
		list[i].MemberAssignment = m.AppendTo(nil)
	}
	return list
}

// assignedText is a consumer's assignment, or what else there is.
func assignedText(b []byte) string {
	partitions, err := decodeAssignment(b)
	if err != nil {
		return fmt.Sprintf("%q", b)
	}
	var words []string
	for _, p := range partitions {
		words = append(words, fmt.Sprintf("%s-%d", p.topic, p.partition))
	}
	return "[" + strings.Join(words, " ") + "]"
}

func (w *world) run(t *testing.T, d *datadriven.TestData) string {
	a := arguments{t, d}
	w.said = nil
	switch d.Cmd {
	case "config":
		w.configure(a)
	case "join":
		w.join(a)
	case "sync":
		w.sync(a)
	case "heartbeat":
		w.heartbeat(a)
	case "leave":
		w.leave(a)
	case "commit":
		w.commit(a)
	case "txn-commit":
		w.txnCommit(a)
	case "txn-end":
		_ = w.m.ReplayMarker(coordinator.Producer{ID: int64(a.number("producer", 0))}, a.text("with", "") == "commit")
	case "fetch":
		w.fetch(a)
	case "describe":
		w.describe(a)
	case "list":
		w.list(a)
	case "delete":
		w.step(func(out *coordinator.Out) {
			w.m.DeleteGroup(out, a.text("group", "g"), func(r kmsg.DeleteGroupsResponseGroup, _ error) { w.say("delete %s", errorName(r.ErrorCode)) })
		})
	case "offset-delete":
		w.offsetDelete(a)
	case "beat":
		w.beat(a)
	case "describe-consumer":
		w.describeConsumer(a)
	case "topic":
		w.topics.set(a.text("name", "t"), int32(a.number("partitions", 0)))
	case "delete-topics":
		w.step(func(out *coordinator.Out) { w.m.DeleteTopics(out, a.all("topics")) })
	case "advance":
		w.advance(a.duration("by", d.CmdArgs[0].Key))
	case "restart":
		w.restart()
	case "compact":
		records, ok := w.m.Snapshot()
		if w.say("%d records become %d", len(w.log), len(records)); ok {
			w.log = records
		}
	default:
		t.Fatalf("unknown command %q", d.Cmd)
	}
	if len(w.said) == 0 {
		return "-\n"
	}
	return strings.Join(w.said, "\n") + "\n"
}

func (w *world) configure(a arguments) {
	w.cfg.MaxSize = a.number("max-size", w.cfg.MaxSize)
	w.cfg.InitialRebalanceDelay = a.duration("initial-delay", w.cfg.InitialRebalanceDelay.String())
	w.cfg.MaxRecordBytes = a.number("max-record-bytes", w.cfg.MaxRecordBytes)
	w.restart()
}

func (w *world) join(a arguments) {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version = int16(a.number("version", 9))
	req.Group, req.MemberID, req.InstanceID = a.text("group", "g"), a.text("member", ""), a.optional("instance")
	req.SessionTimeoutMillis = int32(a.duration("session", "10s").Milliseconds())
	req.RebalanceTimeoutMillis = int32(a.duration("rebalance", "60s").Milliseconds())
	req.ProtocolType = a.text("type", "consumer")
	topics := a.all("topics")
	protocols := a.all("protocols")
	if protocols == nil {
		protocols = []string{"range"}
	}
	for _, p := range protocols {
		req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: p, Metadata: subscription(topics, a.all("owned")...)})
	}
	if a.d.HasArg("garbage") {
		req.Protocols[0].Metadata = []byte("?")
	}
	who := a.text("as", "join")
	w.step(func(out *coordinator.Out) {
		w.m.JoinGroup(w.now, out, Client{ID: a.text("client", "c"), Host: "/127.0.0.1"}, req, func(r *kmsg.JoinGroupResponse, err error) {
			w.say("%s: %s", who, joinText(r, err))
		})
	})
}

func joinText(r *kmsg.JoinGroupResponse, err error) string {
	if err != nil {
		return err.Error()
	}
	if r.ErrorCode != 0 {
		return fmt.Sprintf("%s member=%s", errorName(r.ErrorCode), r.MemberID)
	}
	text := fmt.Sprintf("joined member=%s generation=%d protocol=%s leader=%s", r.MemberID, r.Generation, deref(r.Protocol), r.LeaderID)
	if r.SkipAssignment {
		text += " skip-assignment"
	}
	for i, m := range r.Members {
		if i == 0 {
			text += " members="
		} else {
			text += ","
		}
		text += m.MemberID
	}
	return text
}

func (w *world) sync(a arguments) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version = 5
	req.Group, req.MemberID, req.InstanceID = a.text("group", "g"), a.text("member", ""), a.optional("instance")
	req.Generation = int32(a.number("generation", 1))
	req.ProtocolType, req.Protocol = a.optional("type"), a.optional("protocol")
	for _, s := range a.all("assign") {
		id, what, _ := strings.Cut(s, ":")
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: []byte(what)})
	}
	req.GroupAssignment = append(req.GroupAssignment, memberAssignments(a.all("partitions"))...)
	who := a.text("as", "sync "+req.MemberID)
	w.step(func(out *coordinator.Out) {
		w.m.SyncGroup(w.now, out, req, func(r *kmsg.SyncGroupResponse, err error) {
			switch {
			case err != nil:
				w.say("%s: %v", who, err)
			case r.ErrorCode != 0:
				w.say("%s: %s", who, errorName(r.ErrorCode))
			default:
				w.say("%s: assigned %s", who, assignedText(r.MemberAssignment))
			}
		})
	})
}

func (w *world) heartbeat(a arguments) {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.InstanceID = a.text("group", "g"), a.text("member", ""), a.optional("instance")
	req.Generation = int32(a.number("generation", 1))
	w.step(func(out *coordinator.Out) {
		w.m.Heartbeat(w.now, out, req, func(r *kmsg.HeartbeatResponse, _ error) { w.say("heartbeat %s", errorName(r.ErrorCode)) })
	})
}

func (w *world) leave(a arguments) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version = int16(a.number("version", 5))
	req.Group, req.MemberID = a.text("group", "g"), a.text("member", "")
	for _, id := range a.all("members") {
		req.Members = append(req.Members, kmsg.LeaveGroupRequestMember{MemberID: id})
	}
	for _, id := range a.all("instances") {
		req.Members = append(req.Members, kmsg.LeaveGroupRequestMember{InstanceID: new(id)})
	}
	w.step(func(out *coordinator.Out) {
		w.m.LeaveGroup(w.now, out, req, func(r *kmsg.LeaveGroupResponse, _ error) {
			w.say("leave %s", errorName(r.ErrorCode))
			for _, m := range r.Members {
				w.say("  %s%s %s", m.MemberID, deref(m.InstanceID), errorName(m.ErrorCode))
			}
		})
	})
}

// offsetsOf reads arguments like t-0:5.
func offsetsOf(args []string) []kmsg.OffsetCommitRequestTopic {
	var topics []kmsg.OffsetCommitRequestTopic
	for _, s := range args {
		where, at, _ := strings.Cut(s, ":")
		dash := strings.LastIndexByte(where, '-')
		partition, _ := strconv.Atoi(where[dash+1:])
		offset, _ := strconv.Atoi(at)
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset = int32(partition), int64(offset)
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic = where[:dash]
		t.Partitions = append(t.Partitions, p)
		topics = append(topics, t)
	}
	return topics
}

func (w *world) commit(a arguments) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version = int16(a.number("version", 9))
	req.Group, req.MemberID, req.InstanceID = a.text("group", "g"), a.text("member", ""), a.optional("instance")
	req.Generation = int32(a.number("generation", -1))
	req.RetentionTimeMillis = int64(a.number("retention", -1))
	req.Topics = offsetsOf(a.all("offsets"))
	for i := range req.Topics {
		for j := range req.Topics[i].Partitions {
			req.Topics[i].Partitions[j].Metadata = a.optional("metadata")
			if n := a.number("metadata-length", 0); n > 0 {
				req.Topics[i].Partitions[j].Metadata = new(strings.Repeat("x", n))
			}
		}
		if id := a.number("topic-id", 0); id > 0 {
			req.Topics[i].TopicID[15] = byte(id)
		}
	}
	w.step(func(out *coordinator.Out) {
		w.m.OffsetCommit(w.now, out, req, func(r *kmsg.OffsetCommitResponse, _ error) {
			for _, t := range r.Topics {
				for _, p := range t.Partitions {
					w.say("commit %s-%d %s", t.Topic, p.Partition, errorName(p.ErrorCode))
				}
			}
		})
	})
}

func (w *world) txnCommit(a arguments) {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version = int16(a.number("version", 5))
	req.Group, req.MemberID, req.ProducerID = a.text("group", "g"), a.text("member", ""), int64(a.number("producer", 0))
	req.Generation = int32(a.number("generation", -1))
	for _, t := range offsetsOf(a.all("offsets")) {
		rt := kmsg.NewTxnOffsetCommitRequestTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			rp.Partition, rp.Offset = p.Partition, p.Offset
			rt.Partitions = append(rt.Partitions, rp)
		}
		req.Topics = append(req.Topics, rt)
	}
	w.step(func(out *coordinator.Out) {
		w.m.TxnOffsetCommit(w.now, out, req, func(r *kmsg.TxnOffsetCommitResponse, _ error) {
			for _, t := range r.Topics {
				for _, p := range t.Partitions {
					w.say("txn-commit %s-%d %s", t.Topic, p.Partition, errorName(p.ErrorCode))
				}
			}
		})
	})
}

func (w *world) fetch(a arguments) {
	req := kmsg.NewOffsetFetchRequestGroup()
	req.Group, req.MemberID, req.MemberEpoch = a.text("group", "g"), a.optional("member"), int32(a.number("epoch", -1))
	for _, t := range offsetsOf(a.all("partitions")) {
		rt := kmsg.NewOffsetFetchRequestGroupTopic()
		rt.Topic, rt.Partitions = t.Topic, []int32{t.Partitions[0].Partition}
		if id := a.number("topic-id", 0); id > 0 {
			rt.TopicID[15] = byte(id)
		}
		req.Topics = append(req.Topics, rt)
	}
	w.step(func(out *coordinator.Out) {
		w.m.OffsetFetch(out, req, a.d.HasArg("stable"), func(r kmsg.OffsetFetchResponseGroup, _ error) {
			w.say("fetch %s", errorName(r.ErrorCode))
			for _, t := range r.Topics {
				for _, p := range t.Partitions {
					w.say("  %s-%d %s at %d metadata=%q", t.Topic, p.Partition, errorName(p.ErrorCode), p.Offset, deref(p.Metadata))
				}
			}
		})
	})
}

func (w *world) describe(a arguments) {
	w.step(func(out *coordinator.Out) {
		w.m.DescribeGroup(out, a.text("group", "g"), int16(a.number("version", 5)), func(r kmsg.DescribeGroupsResponseGroup, _ error) {
			w.say("%s state=%s type=%s protocol=%s", errorName(r.ErrorCode), r.State, r.ProtocolType, r.Protocol)
			for _, m := range r.Members {
				w.say("  %s client=%s host=%s instance=%s metadata=%d assignment=%q", m.MemberID, m.ClientID, m.ClientHost, deref(m.InstanceID), len(m.ProtocolMetadata), m.MemberAssignment)
			}
		})
	})
}

func (w *world) list(a arguments) {
	w.step(func(out *coordinator.Out) {
		w.m.ListGroups(out, a.all("states"), a.all("types"), func(groups []kmsg.ListGroupsResponseGroup, _ error) {
			for _, g := range groups {
				w.say("%s %s %s type=%s", g.Group, g.GroupState, g.GroupType, g.ProtocolType)
			}
		})
	})
}

func (w *world) offsetDelete(a arguments) {
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = a.text("group", "g")
	for _, t := range offsetsOf(a.all("partitions")) {
		req.Topics = append(req.Topics, kmsg.OffsetDeleteRequestTopic{
			Topic: t.Topic, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: t.Partitions[0].Partition}},
		})
	}
	w.step(func(out *coordinator.Out) {
		w.m.OffsetDelete(out, req, func(r *kmsg.OffsetDeleteResponse, _ error) {
			w.say("offset-delete %s", errorName(r.ErrorCode))
			for _, t := range r.Topics {
				for _, p := range t.Partitions {
					w.say("  %s-%d %s", t.Topic, p.Partition, errorName(p.ErrorCode))
				}
			}
		})
	})
}

func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		w := newWorld(Config{})
		datadriven.RunTest(t, path, w.run)
	})
}

// durable is what a restart has to bring back, as text.
func (w *world) durable() string {
	records, _ := w.m.Snapshot()
	var lines []string
	for _, r := range records {
		lines = append(lines, recordText(r))
	}
	sort.Strings(lines)
	return strings.Join(slices.Compact(lines), "\n")
}
