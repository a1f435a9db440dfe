package handler_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// topicsOf is name: partitions, or the error, for each topic of an answer.
func topicsOf(resp *kmsg.MetadataResponse) []string {
	out := []string{}
	for _, t := range resp.Topics {
		name := "(null)"
		if t.Topic != nil {
			name = *t.Topic
		}
		what := fmt.Sprint(len(t.Partitions))
		if t.ErrorCode != 0 {
			what = kerr.TypedErrorForCode(t.ErrorCode).Message
		}
		out = append(out, name+": "+what)
	}
	return out
}

func metadataRequest(version int16, names ...string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = version
	req.Topics = []kmsg.MetadataRequestTopic{}
	for i := range names {
		req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: &names[i]})
	}
	return req
}

func TestMetadataTopics(t *testing.T) {
	b := newBroker(t, nil)
	b.create("b", 2)
	b.create("a", 1)
	c := b.client()
	f := func(what string, req *kmsg.MetadataRequest, want ...string) {
		t.Helper()
		if want == nil {
			want = []string{}
		}
		if diff := cmp.Diff(want, topicsOf(do[*kmsg.MetadataResponse](c, req))); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	all := metadataRequest(9)
	all.Topics = nil
	f("version 0: empty is all", metadataRequest(0), "a: 1", "b: 2")
	f("empty is none", metadataRequest(9))
	f("null is all", all, "a: 1", "b: 2")
	for v := int16(0); v <= 13; v++ {
		f("by name", metadataRequest(v, "b"), "b: 2")
	}
	f("unknown and bad names", metadataRequest(9, "u", "a b", "a"), "u: UNKNOWN_TOPIC_OR_PARTITION", "a b: INVALID_TOPIC_EXCEPTION", "a: 1")
	b.delete("a")
	f("deleted is gone at once", all, "b: 2")
}

func TestMetadataByID(t *testing.T) {
	b := newBroker(t, nil)
	id := b.create("a", 1)
	c := b.client()
	f := func(version int16, id metadata.TopicID, want string) {
		t.Helper()
		req := kmsg.NewPtrMetadataRequest()
		req.Version, req.Topics = version, []kmsg.MetadataRequestTopic{{TopicID: id}}
		resp := do[*kmsg.MetadataResponse](c, req)
		if diff := cmp.Diff([]string{want}, topicsOf(resp)); diff != "" {
			t.Errorf("version %d: %s", version, diff)
		}
		if version >= 12 && resp.Topics[0].TopicID != id {
			t.Errorf("version %d: id %v for %v", version, resp.Topics[0].TopicID, id)
		}
	}
	f(12, id, "a: 1")
	f(13, id, "a: 1")
	f(12, metadata.TopicID{9}, "(null): UNKNOWN_TOPIC_ID")
	f(11, id, ": INVALID_REQUEST")
}

func TestMetadataAutoCreate(t *testing.T) {
	b := newBroker(t, map[string]string{"num.partitions": "3"})
	c := b.client()
	ask := func(version int16, allow bool, name string) string {
		req := metadataRequest(version, name)
		req.AllowAutoTopicCreation = allow
		return topicsOf(do[*kmsg.MetadataResponse](c, req))[0]
	}
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	f(ask(9, false, "n"), "n: UNKNOWN_TOPIC_OR_PARTITION")
	f(ask(9, true, "n"), "n: 3")
	f(ask(3, false, "m"), "m: 3") // before version 4 there is no choice
	f(ask(9, true, "a/b"), "a/b: INVALID_TOPIC_EXCEPTION")
	f(ask(9, true, metadata.OffsetsTopic), metadata.OffsetsTopic+": UNKNOWN_TOPIC_OR_PARTITION")
	b.alter(int8(metadata.BrokerResource), "", "auto.create.topics.enable", "false")
	if b.meta.Image().Configs(metadata.ConfigResource{Type: metadata.BrokerResource}) != nil {
		t.Fatal("auto.create.topics.enable is no dynamic key")
	}

	off := newBroker(t, map[string]string{"auto.create.topics.enable": "false"})
	c = off.client()
	f(ask(9, true, "n"), "n: UNKNOWN_TOPIC_OR_PARTITION")
}

func TestMetadataDetails(t *testing.T) {
	b := newBroker(t, nil)
	id := b.create("a", 2)
	req := metadataRequest(10, "a")
	req.IncludeClusterAuthorizedOperations, req.IncludeTopicAuthorizedOperations = true, true
	resp := do[*kmsg.MetadataResponse](b.client(), req)
	if *resp.ClusterID != "cluster" || resp.ControllerID != node || len(resp.Brokers) != 1 {
		t.Errorf("cluster: %+v", resp)
	}
	if got := resp.Brokers[0]; got.NodeID != node || got.Host != "broker" || got.Port != 9092 || got.Rack != nil {
		t.Errorf("broker: %+v", got)
	}
	if resp.AuthorizedOperations != 8096 || resp.Topics[0].AuthorizedOperations != 3576 {
		t.Errorf("operations %d and %d", resp.AuthorizedOperations, resp.Topics[0].AuthorizedOperations)
	}
	p := resp.Topics[0].Partitions[1]
	if resp.Topics[0].TopicID != id || p.Partition != 1 || p.Leader != node || p.LeaderEpoch != 0 ||
		!cmp.Equal(p.Replicas, []int32{node}) || !cmp.Equal(p.ISR, []int32{node}) || len(p.OfflineReplicas) != 0 {
		t.Errorf("partition: %+v", p)
	}
	resp = do[*kmsg.MetadataResponse](b.client(), metadataRequest(10, "a"))
	if resp.AuthorizedOperations != -1<<31 || resp.Topics[0].AuthorizedOperations != -1<<31 {
		t.Error("operations that nobody asked for")
	}
}

func TestDescribeTopicPartitions(t *testing.T) {
	b := newBroker(t, nil)
	b.create("a", 3)
	b.create("b", 2)
	c := b.client()
	// All topics, two partitions at a time, must come to the same as at once.
	var got []string
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit = 2
	for range 10 {
		resp := do[*kmsg.DescribeTopicPartitionsResponse](c, req)
		n := 0
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				got = append(got, fmt.Sprintf("%s-%d", *topic.Topic, p.Partition))
				n++
			}
		}
		if n > 2 {
			t.Errorf("%d partitions in a page of 2", n)
		}
		if resp.NextCursor == nil {
			break
		}
		req.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: resp.NextCursor.Topic, Partition: resp.NextCursor.Partition}
	}
	if diff := cmp.Diff([]string{"a-0", "a-1", "a-2", "b-0", "b-1"}, got); diff != "" {
		t.Error(diff)
	}
	req = kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit = 100
	req.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "u"}, {Topic: "b"}, {Topic: "b"}}
	resp := do[*kmsg.DescribeTopicPartitionsResponse](c, req)
	if len(resp.Topics) != 2 || *resp.Topics[0].Topic != "b" || resp.Topics[1].ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("named topics: %+v", resp.Topics)
	}
}

func TestDescribeCluster(t *testing.T) {
	b := newBroker(t, nil)
	c := b.client()
	f := func(version int16, typ int8, want *kerr.Error) {
		t.Helper()
		req := kmsg.NewPtrDescribeClusterRequest()
		req.Version, req.EndpointType = version, typ
		got := do[*kmsg.DescribeClusterResponse](c, req)
		wantCode(t, "describe cluster", got.ErrorCode, want)
		if want == nil && (got.ClusterID != "cluster" || got.ControllerID != node || len(got.Brokers) != 1 || got.Brokers[0].Host != "broker") {
			t.Errorf("cluster: %+v", got)
		}
	}
	f(0, 1, nil)
	f(1, 1, nil)
	f(2, 1, nil)
	f(1, 2, kerr.MismatchedEndpointType)
	f(1, 3, kerr.UnsupportedEndpointType)
}

func TestDescribeLogDirs(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 2)
	b.fill("t", 1, 3)
	c := b.client()
	f := func(topics []kmsg.DescribeLogDirsRequestTopic, want ...string) {
		t.Helper()
		req := latest(kmsg.NewPtrDescribeLogDirsRequest())
		req.Topics = topics
		resp := do[*kmsg.DescribeLogDirsResponse](c, req)
		if len(resp.Dirs) != 1 || resp.Dirs[0].Dir != "/logs" || resp.Dirs[0].ErrorCode != 0 {
			t.Fatalf("dirs: %+v", resp.Dirs)
		}
		got := []string{}
		for _, topic := range resp.Dirs[0].Topics {
			for _, p := range topic.Partitions {
				got = append(got, fmt.Sprintf("%s-%d %v", topic.Topic, p.Partition, p.Size > 0))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	f(nil, "t-0 false", "t-1 true")
	f([]kmsg.DescribeLogDirsRequestTopic{{Topic: "t", Partitions: []int32{1, 5}}}, "t-1 true")
}
