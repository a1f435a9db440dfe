package handler_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/handler"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/server"
)

// noDelay has a group's first rebalance end at once.
var noDelay = map[string]string{"group.initial.rebalance.delay.ms": "0"}

// groupBroker is a broker with the group coordinator, which can be stopped and started
// anew over the same files.
type groupBroker struct {
	*broker
	files fs.FS
	stop  func()
}

func newGroupBroker(t testing.TB, files fs.FS) *groupBroker {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	parts, err := partition.Open(partition.Config{Dirs: []partition.Dir{{Path: "/logs", FS: files}}, NodeID: node, Logger: log})
	must(t, err)
	meta, err := metadata.Open(files, ".", metadata.Options{Logger: log})
	must(t, err)
	if meta.Image().ClusterID() == "" {
		_, err = meta.Propose([]metadata.Record{
			&metadata.ClusterRecord{ID: "cluster"},
			&metadata.BrokerRecord{ID: node, Endpoints: []metadata.Endpoint{{Listener: "PLAINTEXT", Host: "broker", Port: 9092}}},
		})
		must(t, err)
	}
	var found metadata.Delta
	for topic := range meta.Image().Topics() {
		found.Topics = append(found.Topics, metadata.TopicChange{After: topic})
	}
	publish(t, parts, noDelay, found)
	meta.Subscribe(metadata.PublisherFunc(func(d metadata.Delta) { publish(t, parts, noDelay, d) }))
	groups := handler.NewGroups(handler.GroupsConfig{NodeID: node, Metadata: meta, Partitions: parts, Static: noDelay, Logger: log})
	txns := handler.NewTxns(handler.TxnsConfig{NodeID: node, Metadata: meta, Partitions: parts, Groups: groups, Static: noDelay, Logger: log})
	srv, err := server.New(server.Config{
		Routes: handler.Routes(handler.Deps{NodeID: node, Metadata: meta, Partitions: parts, Static: noDelay, Logger: log, Groups: groups, Txns: txns}),
		Logger: log, DrainTimeout: time.Second,
	})
	must(t, err)
	b := &groupBroker{broker: &broker{t: t, meta: meta, pipe: server.NewPipeListener("broker:9092")}, files: files}
	var ends []func()
	run := func(f func(context.Context) error) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- f(ctx) }()
		ends = append(ends, func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("end: %v", err)
			}
		})
	}
	run(parts.Run)
	run(groups.Run)
	run(txns.Run)
	run(func(ctx context.Context) error {
		return srv.Serve(ctx, server.Listener{Name: "PLAINTEXT", Net: b.pipe})
	})
	b.stop = func() {
		for _, end := range slices.Backward(ends) {
			end()
		}
		ends = nil
		must(t, meta.Close())
		b.stop = func() {}
	}
	t.Cleanup(func() { b.stop() })
	return b
}

// member is a consumer by hand.
type member struct {
	b          *groupBroker
	c          *client
	id         string
	generation int32
}

func joinRequest(id string) *kmsg.JoinGroupRequest {
	req := latest(kmsg.NewPtrJoinGroupRequest())
	req.Group, req.MemberID, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = "g", id, 10_000, 10_000
	req.ProtocolType = "consumer"
	subscription := kmsg.NewConsumerMemberMetadata()
	subscription.Topics = []string{"t"}
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscription.AppendTo(nil)}}
	return req
}

// join makes a group of one member, which is assigned "all".
func (b *groupBroker) join() *member {
	b.t.Helper()
	m := &member{b: b, c: b.client()}
	first := do[*kmsg.JoinGroupResponse](m.c, joinRequest(""))
	wantCode(b.t, "first join", first.ErrorCode, kerr.MemberIDRequired)
	m.id = first.MemberID
	second := do[*kmsg.JoinGroupResponse](m.c, joinRequest(m.id))
	wantCode(b.t, "join", second.ErrorCode, nil)
	m.generation = second.Generation
	sync := latest(kmsg.NewPtrSyncGroupRequest())
	sync.Group, sync.MemberID, sync.Generation = "g", m.id, m.generation
	sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: m.id, MemberAssignment: []byte("all")}}
	synced := do[*kmsg.SyncGroupResponse](m.c, sync)
	wantCode(b.t, "sync", synced.ErrorCode, nil)
	if string(synced.MemberAssignment) != "all" {
		b.t.Errorf("assigned %q", synced.MemberAssignment)
	}
	return m
}

func (m *member) heartbeat() int16 {
	req := latest(kmsg.NewPtrHeartbeatRequest())
	req.Group, req.MemberID, req.Generation = "g", m.id, m.generation
	return do[*kmsg.HeartbeatResponse](m.c, req).ErrorCode
}

// commit commits an offset of topic t, partition 0, in a version.
func (m *member) commit(version int16, topic string, id metadata.TopicID, at int64) int16 {
	m.b.t.Helper()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.Generation = version, "g", m.id, m.generation
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic, t.TopicID = topic, id
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset, p.Metadata = at, new("here")
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	resp := do[*kmsg.OffsetCommitResponse](m.c, req)
	return resp.Topics[0].Partitions[0].ErrorCode
}

// fetched reads the offset of topic t, partition 0, in a version.
func (b *groupBroker) fetched(version int16, topic string, id metadata.TopicID) (int64, int16) {
	b.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version = version
	if version < 8 {
		req.Group = "g"
		req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: topic, Partitions: []int32{0}}}
		resp := do[*kmsg.OffsetFetchResponse](b.client(), req)
		return resp.Topics[0].Partitions[0].Offset, resp.ErrorCode + resp.Topics[0].Partitions[0].ErrorCode
	}
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = "g"
	t := kmsg.NewOffsetFetchRequestGroupTopic()
	t.Topic, t.TopicID, t.Partitions = topic, id, []int32{0}
	g.Topics = append(g.Topics, t)
	req.Groups = append(req.Groups, g)
	resp := do[*kmsg.OffsetFetchResponse](b.client(), req).Groups[0]
	return resp.Topics[0].Partitions[0].Offset, resp.ErrorCode + resp.Topics[0].Partitions[0].ErrorCode
}

func TestFindCoordinator(t *testing.T) {
	b := newGroupBroker(t, fs.NewMem())
	c := b.client()
	for v := range int16(7) {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.Version, req.CoordinatorKey, req.CoordinatorKeys = v, "g", []string{"g", "h"}
		resp := do[*kmsg.FindCoordinatorResponse](c, req)
		id, host, port := resp.NodeID, resp.Host, resp.Port
		if v >= 4 {
			if len(resp.Coordinators) != 2 || resp.Coordinators[1].Key != "h" {
				t.Fatalf("version %d: %+v", v, resp.Coordinators)
			}
			id, host, port = resp.Coordinators[0].NodeID, resp.Coordinators[0].Host, resp.Coordinators[0].Port
		}
		if id != node || host != "broker" || port != 9092 {
			t.Errorf("version %d: node %d at %s:%d", v, id, host, port)
		}
		req.CoordinatorType = 9
		resp = do[*kmsg.FindCoordinatorResponse](c, req)
		switch {
		case v >= 4:
			wantCode(t, "unknown type", resp.Coordinators[0].ErrorCode, kerr.InvalidRequest)
		case v >= 1:
			wantCode(t, "unknown type", resp.ErrorCode, kerr.InvalidRequest)
		}
	}
}

func TestGroupSurvivesRestart(t *testing.T) {
	b := newGroupBroker(t, fs.NewMem())
	id := b.create("t", 1)
	m := b.join()
	wantCode(t, "heartbeat", m.heartbeat(), nil)
	for v := int16(1); v <= 10; v++ {
		wantCode(t, "commit", m.commit(v, "t", id, int64(v)), nil)
		for w := range int16(11) {
			if at, code := b.fetched(w, "t", id); at != int64(v) || code != 0 {
				t.Errorf("offset %d, %v in version %d after a commit of %d", at, kerr.ErrorForCode(code), w, v)
			}
		}
	}
	b.stop()

	b = newGroupBroker(t, b.files)
	m.b, m.c = b, b.client()
	wantCode(t, "heartbeat after restart", m.heartbeat(), nil)
	if at, _ := b.fetched(9, "t", id); at != 10 {
		t.Errorf("offset %d after restart", at)
	}
	wantCode(t, "commit after restart", m.commit(9, "t", id, 11), nil)

	leave := latest(kmsg.NewPtrLeaveGroupRequest())
	leave.Group, leave.Members = "g", []kmsg.LeaveGroupRequestMember{{MemberID: m.id}}
	wantCode(t, "leave", do[*kmsg.LeaveGroupResponse](m.c, leave).Members[0].ErrorCode, nil)
	remove := latest(kmsg.NewPtrDeleteGroupsRequest())
	remove.Groups = []string{"g", "nobody"}
	removed := do[*kmsg.DeleteGroupsResponse](m.c, remove)
	wantCode(t, "delete", removed.Groups[0].ErrorCode, nil)
	wantCode(t, "delete of an unknown group", removed.Groups[1].ErrorCode, kerr.GroupIDNotFound)
	b.stop()

	b = newGroupBroker(t, b.files)
	if at, code := b.fetched(9, "t", id); at != -1 || code != 0 {
		t.Errorf("offset %d, error %d of a deleted group", at, code)
	}
}

func TestOffsetsOfTopics(t *testing.T) {
	b := newGroupBroker(t, fs.NewMem())
	id := b.create("t", 1)
	m := b.join()
	wantCode(t, "unknown topic", m.commit(9, "u", metadata.TopicID{}, 1), kerr.UnknownTopicOrPartition)
	wantCode(t, "unknown topic id", m.commit(10, "", metadata.TopicID{9}, 1), kerr.UnknownTopicID)
	wantCode(t, "commit", m.commit(10, "", id, 5), nil)
	if _, code := b.fetched(10, "", metadata.TopicID{9}); code != kerr.UnknownTopicID.Code {
		t.Errorf("fetch by unknown id: %v", kerr.ErrorForCode(code))
	}
	if at, code := b.fetched(9, "u", metadata.TopicID{}); at != -1 || code != 0 {
		t.Errorf("offset of an unknown topic: %d, error %d", at, code)
	}

	// The offsets of a deleted topic are no offsets of the next one of its name.
	b.delete("t")
	b.create("t", 1)
	if at, code := b.fetched(9, "t", metadata.TopicID{}); at != -1 || code != 0 {
		t.Errorf("offset %d, error %d of the topic before", at, code)
	}

	remove := latest(kmsg.NewPtrOffsetDeleteRequest())
	remove.Group = "g"
	for _, name := range []string{"t", "u"} {
		remove.Topics = append(remove.Topics, kmsg.OffsetDeleteRequestTopic{
			Topic: name, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}},
		})
	}
	resp := do[*kmsg.OffsetDeleteResponse](m.c, remove)
	wantCode(t, "offset delete of a subscribed topic", resp.Topics[0].Partitions[0].ErrorCode, kerr.GroupSubscribedToTopic)
	wantCode(t, "offset delete of an unknown topic", resp.Topics[1].Partitions[0].ErrorCode, kerr.UnknownTopicOrPartition)
}

func TestDescribeAndListGroups(t *testing.T) {
	b := newGroupBroker(t, fs.NewMem())
	b.create("t", 1)
	m := b.join()
	for v := range int16(7) {
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Version, req.Groups, req.IncludeAuthorizedOperations = v, []string{"g", "nobody"}, v >= 3
		resp := do[*kmsg.DescribeGroupsResponse](m.c, req)
		g := resp.Groups[0]
		if g.State != "Stable" || g.Protocol != "range" || len(g.Members) != 1 || g.Members[0].MemberID != m.id || g.Members[0].ClientID != "test" {
			t.Errorf("version %d: %+v", v, g)
		}
		if v >= 3 && g.AuthorizedOperations == -1<<31 {
			t.Errorf("version %d: no operations", v)
		}
		want := (*kerr.Error)(nil)
		if v >= 6 {
			want = kerr.GroupIDNotFound
		}
		if wantCode(t, "describe", resp.Groups[1].ErrorCode, want); resp.Groups[1].State != "Dead" {
			t.Errorf("version %d: %+v", v, resp.Groups[1])
		}
	}
	f := func(version int16, states, types []string, want int) {
		t.Helper()
		req := kmsg.NewPtrListGroupsRequest()
		req.Version, req.StatesFilter, req.TypesFilter = version, states, types
		resp := do[*kmsg.ListGroupsResponse](m.c, req)
		if wantCode(t, "list", resp.ErrorCode, nil); len(resp.Groups) != want {
			t.Errorf("%d groups, want %d", len(resp.Groups), want)
		}
	}
	f(0, nil, nil, 1)
	f(4, []string{"stable"}, nil, 1)
	f(4, []string{"Empty", "Dead"}, nil, 0)
	f(5, nil, []string{"Classic"}, 1)
	f(5, []string{"Stable"}, []string{"consumer"}, 0)
}

// Two members on two connections: the first is parked until the second is there.
func TestParkedJoin(t *testing.T) {
	b := newGroupBroker(t, fs.NewMem())
	first := b.join()
	second := b.client()
	req := joinRequest("")
	id := do[*kmsg.JoinGroupResponse](second, req).MemberID
	req = joinRequest(id)
	second.send(req)
	for first.heartbeat() != kerr.RebalanceInProgress.Code {
		time.Sleep(time.Millisecond)
	}
	again := do[*kmsg.JoinGroupResponse](first.c, joinRequest(first.id))
	wantCode(t, "join again", again.ErrorCode, nil)
	joined := second.receive(req).(*kmsg.JoinGroupResponse)
	if wantCode(t, "parked join", joined.ErrorCode, nil); joined.Generation != again.Generation || joined.LeaderID != first.id {
		t.Errorf("generation %d led by %s, %d led by %s", joined.Generation, joined.LeaderID, again.Generation, again.LeaderID)
	}
	if len(again.Members) != 2 || len(joined.Members) != 0 {
		t.Errorf("the leader sees %d members, the other %d", len(again.Members), len(joined.Members))
	}
}
