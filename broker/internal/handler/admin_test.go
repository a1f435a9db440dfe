package handler_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/metadata"
)

// The answers of this file were compared with those of Apache Kafka 4.3.1 on one node.

func electing(version int16, typ int8, topics ...kmsg.ElectLeadersRequestTopic) *kmsg.ElectLeadersRequest {
	req := kmsg.NewPtrElectLeadersRequest()
	req.Version, req.ElectionType, req.Topics, req.TimeoutMillis = version, typ, topics, 1000
	return req
}

func TestElectLeaders(t *testing.T) {
	b := newBroker(t, nil)
	id := b.create("t", 2)
	c := b.client()
	type part = kmsg.ElectLeadersRequestTopic
	f := func(what string, req *kmsg.ElectLeadersRequest, top *kerr.Error, want ...*kerr.Error) {
		t.Helper()
		resp := do[*kmsg.ElectLeadersResponse](c, req)
		if req.Version > 0 {
			wantCode(t, what, resp.ErrorCode, top)
		}
		var got []kmsg.ElectLeadersResponseTopicPartition
		for _, topic := range resp.Topics {
			got = append(got, topic.Partitions...)
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d partitions, want %d", what, len(got), len(want))
		}
		for i := range got {
			wantCode(t, what, got[i].ErrorCode, want[i])
		}
	}
	for v := int16(0); v <= 2; v++ {
		f("stands", electing(v, 0, part{Topic: "t", Partitions: []int32{0, 1}}), nil, kerr.ElectionNotNeeded, kerr.ElectionNotNeeded)
		f("unclean, stands", electing(v, 1, part{Topic: "t", Partitions: []int32{0}}), nil, kerr.ElectionNotNeeded)
		f("unknown", electing(v, 0, part{Topic: "x", Partitions: []int32{0}}, part{Topic: "t", Partitions: []int32{2}}),
			nil, kerr.UnknownTopicOrPartition, kerr.UnknownTopicOrPartition)
		f("all", electing(v, 0), nil)
		if v > 0 {
			f("type", electing(v, 7, part{Topic: "t", Partitions: []int32{0}}), kerr.InvalidRequest, kerr.InvalidRequest)
		}
	}
	lead := func(leader int32, isr, replicas []int32) {
		t.Helper()
		_, err := b.meta.Propose([]metadata.Record{&metadata.PartitionChangeRecord{Topic: id, Leader: leader, ISR: isr, Replicas: replicas}})
		must(t, err)
	}
	leader := func(want, epoch int32, isr ...int32) {
		t.Helper()
		topic, _ := b.meta.Image().Topic("t")
		if p := topic.Partitions[0]; p.Leader != want || p.LeaderEpoch != epoch || !cmp.Equal(p.ISR, isr) {
			t.Errorf("partition is %+v", p)
		}
	}
	lead(2, []int32{1, 2}, []int32{1, 2})
	f("preferred", electing(2, 0, part{Topic: "t", Partitions: []int32{0}}), nil, nil)
	leader(1, 2, 1, 2)
	lead(2, []int32{2}, []int32{1, 2})
	f("preferred is not in sync", electing(2, 0, part{Topic: "t", Partitions: []int32{0}}), nil, kerr.PreferredLeaderNotAvailable)
	f("there is a leader", electing(2, 1, part{Topic: "t", Partitions: []int32{0}}), nil, kerr.ElectionNotNeeded)
	lead(-1, []int32{2}, []int32{2, 1})
	f("unclean of all", electing(2, 1), nil, nil)
	leader(1, 5, 1)
	lead(-1, []int32{2}, []int32{2})
	f("nobody is left", electing(2, 1), nil, kerr.EligibleLeadersNotAvailable)
}

func TestPartitionReassignments(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 2)
	c := b.client()
	f := func(what string, topic string, index int32, replicas []int32, want *kerr.Error, text string) {
		t.Helper()
		for v := int16(0); v <= 1; v++ {
			req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
			req.Version = v
			req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{
				Topic: topic, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Partition: index, Replicas: replicas}},
			}}
			resp := do[*kmsg.AlterPartitionAssignmentsResponse](c, req)
			wantCode(t, what, resp.ErrorCode, nil)
			got := resp.Topics[0].Partitions[0]
			wantCode(t, what, got.ErrorCode, want)
			if (got.ErrorMessage == nil) != (text == "") || text != "" && *got.ErrorMessage != text {
				t.Errorf("%s: message %v", what, got.ErrorMessage)
			}
		}
	}
	f("as it is", "t", 0, []int32{node}, nil, "")
	f("cancel", "t", 1, nil, kerr.NoReassignmentInProgress, "")
	f("empty", "t", 1, []int32{}, kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	f("twice", "t", 1, []int32{1, 1}, kerr.InvalidReplicaAssignment, "The manual partition assignment includes the broker 1 more than once.")
	f("unknown broker", "t", 1, []int32{1, 7}, kerr.InvalidReplicaAssignment, "The manual partition assignment includes broker 7, but no such broker is registered.")
	f("unknown topic", "x", 0, []int32{1}, kerr.UnknownTopicOrPartition, "Unable to find a topic named x.")
	f("unknown partition", "t", 2, nil, kerr.UnknownTopicOrPartition, "Unable to find partition t:2.")
	_, err := b.meta.Propose([]metadata.Record{&metadata.BrokerRecord{ID: 2}})
	must(t, err)
	f("another broker", "t", 0, []int32{2}, kerr.InvalidReplicaAssignment, "The replicas cannot move to another broker of a cluster of one node")
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Version, req.AllowReplicationFactorChange = 1, false
	req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{
		Topic: "t", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Replicas: []int32{1, 2}}},
	}}
	resp := do[*kmsg.AlterPartitionAssignmentsResponse](c, req)
	wantCode(t, "more replicas", resp.Topics[0].Partitions[0].ErrorCode, kerr.InvalidReplicationFactor)
	list := do[*kmsg.ListPartitionReassignmentsResponse](c, kmsg.NewPtrListPartitionReassignmentsRequest())
	if list.ErrorCode != 0 || len(list.Topics) != 0 {
		t.Errorf("reassignments: %+v", list)
	}
}

func TestDescribeQuorum(t *testing.T) {
	b := newBroker(t, nil)
	c := b.client()
	ask := func(version int16, topic string, partitions ...int32) *kmsg.DescribeQuorumResponse {
		req := kmsg.NewPtrDescribeQuorumRequest()
		req.Version = version
		in := kmsg.DescribeQuorumRequestTopic{Topic: topic}
		for _, p := range partitions {
			in.Partitions = append(in.Partitions, kmsg.DescribeQuorumRequestTopicPartition{Partition: p})
		}
		req.Topics = append(req.Topics, in)
		return do[*kmsg.DescribeQuorumResponse](c, req)
	}
	for v := int16(0); v <= 2; v++ {
		resp := ask(v, "__cluster_metadata", 0)
		p := resp.Topics[0].Partitions[0]
		end := b.meta.Image().Offset() + 1
		if p.ErrorCode != 0 || p.LeaderID != node || p.HighWatermark != end || len(p.Observers) != 0 || len(p.CurrentVoters) != 1 ||
			p.CurrentVoters[0].ReplicaID != node || p.CurrentVoters[0].LogEndOffset != end {
			t.Errorf("version %d: %+v", v, p)
		}
		if v >= 1 && p.CurrentVoters[0].LastCaughtUpTimestamp <= 0 {
			t.Errorf("version %d: %+v", v, p.CurrentVoters[0])
		}
		if v >= 2 && (len(resp.Nodes) != 1 || resp.Nodes[0].NodeID != node || resp.Nodes[0].Listeners[0].Port != 9092) {
			t.Errorf("nodes: %+v", resp.Nodes)
		}
		for _, resp := range []*kmsg.DescribeQuorumResponse{ask(v, "__cluster_metadata", 0, 1), ask(v, "__cluster_metadata", 1), ask(v, "t", 0)} {
			for _, p := range resp.Topics[0].Partitions {
				wantCode(t, "not the metadata log", p.ErrorCode, kerr.UnknownTopicOrPartition)
			}
		}
	}
}

func TestUpdateFeatures(t *testing.T) {
	files := fs.NewMem()
	b := newGroupBroker(t, files)
	c := b.client()
	f := func(validateOnly bool, name string, level int16, kind int8, refused string) {
		t.Helper()
		for v := int16(1); v <= 2; v++ {
			req := kmsg.NewPtrUpdateFeaturesRequest()
			req.Version, req.ValidateOnly = v, validateOnly
			req.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: name, MaxVersionLevel: level, UpgradeType: kind}}
			resp := do[*kmsg.UpdateFeaturesResponse](c, req)
			if refused == "" {
				wantCode(t, name, resp.ErrorCode, nil)
				if v == 1 && (len(resp.Results) != 1 || resp.Results[0].Feature != name || resp.Results[0].ErrorCode != 0) {
					t.Errorf("results: %+v", resp.Results)
				}
				continue
			}
			wantCode(t, name, resp.ErrorCode, kerr.InvalidUpdateVersion)
			const all = "The update failed for all features since the following feature had an error: Invalid update version "
			if got := *resp.ErrorMessage; got != all+refused {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
	level := func(name string, want int16) {
		t.Helper()
		resp := do[*kmsg.ApiVersionsResponse](c, apiVersions(4))
		var got int16
		for _, fin := range resp.FinalizedFeatures {
			if fin.Name == name {
				got = fin.MaxVersionLevel
			}
		}
		if got != want || resp.FinalizedFeaturesEpoch != b.meta.Image().Offset() {
			t.Errorf("%s is finalized at %d, want %d (epoch %d)", name, got, want, resp.FinalizedFeaturesEpoch)
		}
	}
	const tv, gv = "transaction.version", "group.version"
	const needsKind = "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."
	f(false, "nope", 1, 1, "1 for feature nope. Local controller 1 does not support this feature.")
	f(false, "nope", 0, 2, "0 for feature nope. Feature nope not found.")
	f(false, tv, 99, 1, "99 for feature transaction.version. Local controller 1 only supports versions 0-2")
	f(false, tv, -1, 1, "-1 for feature transaction.version. A feature version cannot be less than 0.")
	f(false, tv, 1, 0, "1 for feature transaction.version. The controller does not support the given upgrade type.")
	f(false, tv, 1, 9, "1 for feature transaction.version. The controller does not support the given upgrade type.")
	f(false, tv, 1, 1, "1 for feature transaction.version. "+needsKind)
	f(false, tv, 2, 2, "")
	f(true, tv, 1, 2, "")
	level(tv, 2)
	f(false, tv, 1, 2, "")
	level(tv, 1)
	f(false, tv, 2, 3, "2 for feature transaction.version. Can't downgrade to a newer version.")
	f(false, tv, 2, 1, "")
	f(false, tv, 0, 3, "")
	level(tv, 0)

	// One that fails leaves all as they are.
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.Version = 2
	req.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{
		{Feature: gv, MaxVersionLevel: 0, UpgradeType: 2}, {Feature: tv, MaxVersionLevel: 7, UpgradeType: 1},
	}
	wantCode(t, "two", do[*kmsg.UpdateFeaturesResponse](c, req).ErrorCode, kerr.InvalidUpdateVersion)
	level(gv, 1)

	heartbeat := func(want *kerr.Error) {
		t.Helper()
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Version, req.Group, req.MemberID, req.RebalanceTimeoutMillis = 1, "g", "m", 1000
		req.SubscribedTopicNames, req.Topics = []string{"t"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		wantCode(t, "heartbeat", do[*kmsg.ConsumerGroupHeartbeatResponse](c, req).ErrorCode, want)
		describe := kmsg.NewPtrConsumerGroupDescribeRequest()
		describe.Version, describe.Groups = 1, []string{"g"}
		got := do[*kmsg.ConsumerGroupDescribeResponse](c, describe).Groups[0]
		wantCode(t, "describe", got.ErrorCode, want)
	}
	f(false, gv, 0, 2, "")
	level(gv, 0)
	heartbeat(kerr.UnsupportedVersion)
	f(false, gv, 1, 1, "")
	heartbeat(nil)

	b.stop() // levels outlive a restart
	b = newGroupBroker(t, files)
	c = b.client()
	level(tv, 0)
	level(gv, 1)
}

func TestTelemetry(t *testing.T) {
	b := newBroker(t, map[string]string{"telemetry.max.bytes": "100"})
	c := b.client()
	subscribe := func(id [16]byte, want *kerr.Error) *kmsg.GetTelemetrySubscriptionsResponse {
		t.Helper()
		req := kmsg.NewPtrGetTelemetrySubscriptionsRequest()
		req.ClientInstanceID = id
		resp := do[*kmsg.GetTelemetrySubscriptionsResponse](c, req)
		wantCode(t, "subscribe", resp.ErrorCode, want)
		return resp
	}
	s := subscribe([16]byte{}, nil)
	if s.ClientInstanceID == ([16]byte{}) || len(s.RequestedMetrics) != 0 || s.TelemetryMaxBytes != 100 || s.PushIntervalMillis != 300_000 ||
		!cmp.Equal(s.AcceptedCompressionTypes, []int8{4, 3, 1, 2}) || !s.DeltaTemporality {
		t.Errorf("subscription: %+v", s)
	}
	push := func(what string, id [16]byte, subscription int32, terminating bool, codec int8, bytes int, want *kerr.Error) {
		t.Helper()
		req := kmsg.NewPtrPushTelemetryRequest()
		req.ClientInstanceID, req.SubscriptionID, req.Terminating, req.CompressionType = id, subscription, terminating, codec
		req.Metrics = make([]byte, bytes)
		wantCode(t, what, do[*kmsg.PushTelemetryResponse](c, req).ErrorCode, want)
	}
	subscribe(s.ClientInstanceID, kerr.ThrottlingQuotaExceeded)
	subscribe([16]byte{15: 1}, kerr.InvalidRequest)
	push("first", s.ClientInstanceID, s.SubscriptionID, false, 0, 10, nil)
	push("too soon", s.ClientInstanceID, s.SubscriptionID, false, 0, 10, kerr.ThrottlingQuotaExceeded)
	push("last", s.ClientInstanceID, s.SubscriptionID, true, 0, 10, nil)
	push("after the last", s.ClientInstanceID, s.SubscriptionID, true, 0, 10, kerr.InvalidRequest)
	push("no id", [16]byte{}, s.SubscriptionID, false, 0, 10, kerr.InvalidRequest)
	own := [16]byte{1, 2, 3}
	push("never subscribed", own, 5, false, 0, 10, kerr.UnknownSubscriptionID)
	s = subscribe(own, nil) // at once, as the push had a wrong subscription
	push("codec", own, s.SubscriptionID, false, 9, 10, kerr.UnsupportedCompressionType)
	s = subscribe(own, nil)
	push("size", own, s.SubscriptionID, false, 0, 101, kerr.TelemetryTooLarge)
}

func TestClientMetricsConfigs(t *testing.T) {
	b := newBroker(t, nil)
	c := b.client()
	set := func(name, key, value string, want *kerr.Error) {
		t.Helper()
		req := latest(kmsg.NewPtrIncrementalAlterConfigsRequest())
		req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
			ResourceType: kmsg.ConfigResourceTypeClientMetrics, ResourceName: name,
			Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: key, Value: &value}},
		}}
		wantCode(t, key+"="+value, do[*kmsg.IncrementalAlterConfigsResponse](c, req).Resources[0].ErrorCode, want)
	}
	set("", "metrics", "a.", kerr.InvalidRequest)
	set("s", "nope", "a.", kerr.InvalidRequest)
	set("s", "interval.ms", "99", kerr.InvalidRequest)
	set("s", "interval.ms", "x", kerr.InvalidConfig)
	set("s", "match", "nope=1", kerr.InvalidConfig)
	set("s", "match", "client_id=(", kerr.InvalidConfig)
	set("s", "interval.ms", "100", nil)
	set("s", "match", "client_id=a.*,client_source_port=1", nil)
	req := latest(kmsg.NewPtrDescribeConfigsRequest())
	req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeClientMetrics, ResourceName: "s"}}
	got := map[string]string{}
	for _, e := range do[*kmsg.DescribeConfigsResponse](c, req).Resources[0].Configs {
		got[e.Name] = *e.Value + " " + e.Source.String()
	}
	want := map[string]string{
		"interval.ms": "100 CLIENT_METRICS_CONFIG", "match": "client_id=a.*,client_source_port=1 CLIENT_METRICS_CONFIG", "metrics": " DEFAULT_CONFIG",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Moves themselves are tested where they are made, in package partition.
func TestAlterReplicaLogDirs(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 2)
	c := b.client()
	f := func(dir, topic string, index int32, want *kerr.Error) {
		t.Helper()
		for v := int16(0); v <= 2; v++ {
			req := kmsg.NewPtrAlterReplicaLogDirsRequest()
			req.Version = v
			req.Dirs = []kmsg.AlterReplicaLogDirsRequestDir{{
				Dir: dir, Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: topic, Partitions: []int32{index}}},
			}}
			resp := do[*kmsg.AlterReplicaLogDirsResponse](c, req)
			if len(resp.Topics) != 1 || resp.Topics[0].Topic != topic || resp.Topics[0].Partitions[0].Partition != index {
				t.Fatalf("%+v", resp)
			}
			wantCode(t, dir, resp.Topics[0].Partitions[0].ErrorCode, want)
		}
	}
	f("/logs", "t", 1, nil)
	f("/logs/", "t", 1, kerr.LogDirNotFound)
	f("/other", "nope", 0, kerr.LogDirNotFound)
	f("/logs", "nope", 0, kerr.UnknownTopicOrPartition)
	f("/logs", "t", 2, kerr.UnknownTopicOrPartition)
}
