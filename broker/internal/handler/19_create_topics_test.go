package handler_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
)

func newTopic(name string, partitions int32, factor int16) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, factor
	return t
}

func TestCreateTopics(t *testing.T) {
	b := newBroker(t, map[string]string{"num.partitions": "3", "log.retention.ms": "77"})
	c := b.client()
	create := func(validate bool, topics ...kmsg.CreateTopicsRequestTopic) []kmsg.CreateTopicsResponseTopic {
		req := latest(kmsg.NewPtrCreateTopicsRequest())
		req.Topics, req.ValidateOnly = topics, validate
		return do[*kmsg.CreateTopicsResponse](c, req).Topics
	}
	f := func(what string, topic kmsg.CreateTopicsRequestTopic, want *kerr.Error) {
		t.Helper()
		got := create(false, topic)[0]
		wantCode(t, what, got.ErrorCode, want)
		if (got.ErrorMessage != nil) != (want != nil) {
			t.Errorf("%s: message %v", what, got.ErrorMessage)
		}
		if _, ok := b.meta.Image().Topic(topic.Topic); ok != (want == nil || want == kerr.TopicAlreadyExists) {
			t.Errorf("%s: exists: %v", what, ok)
		}
	}
	config := func(name, key string, value *string) kmsg.CreateTopicsRequestTopic {
		topic := newTopic(name, 1, 1)
		topic.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: key, Value: value}}
		return topic
	}
	assigned := func(name string, partitions int32, as ...kmsg.CreateTopicsRequestTopicReplicaAssignment) kmsg.CreateTopicsRequestTopic {
		topic := newTopic(name, partitions, -1)
		topic.ReplicaAssignment = as
		return topic
	}
	at := func(p int32, replicas ...int32) kmsg.CreateTopicsRequestTopicReplicaAssignment {
		return kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: p, Replicas: replicas}
	}
	good, bad := "1000", "many"
	f("plain", newTopic("a", 2, 1), nil)
	f("again", newTopic("a", 2, 1), kerr.TopicAlreadyExists)
	f("config", config("b", "retention.ms", &good), nil)
	f("unknown key", config("c", "retention.mz", &good), kerr.InvalidConfig)
	f("bad value", config("c", "retention.ms", &bad), kerr.InvalidConfig)
	f("no value", config("c", "retention.ms", nil), kerr.InvalidConfig)
	f("bad name", newTopic("c/d", 1, 1), kerr.InvalidTopicException)
	f("no partitions", newTopic("c", 0, 1), kerr.InvalidPartitions)
	f("too many partitions", newTopic("c", 1<<31-1, 1), kerr.PolicyViolation)
	f("no replicas", newTopic("c", 1, 0), kerr.InvalidReplicationFactor)
	f("more replicas than brokers", newTopic("c", 1, 3), kerr.InvalidReplicationFactor)
	f("assigned", assigned("e", -1, at(1, node), at(0, node)), nil)
	f("assigned and counted", assigned("c", 2, at(0, node), at(1, node)), kerr.InvalidRequest)
	f("a gap", assigned("c", -1, at(0, node), at(2, node)), kerr.InvalidReplicaAssignment)
	f("no such broker", assigned("c", -1, at(0, 9)), kerr.InvalidReplicaAssignment)
	f("on none", assigned("c", -1, at(0)), kerr.InvalidReplicaAssignment)

	got := create(false, newTopic("d", -1, -1))[0]
	if got.NumPartitions != 3 || got.ReplicationFactor != 1 || metadata.TopicID(got.TopicID).IsZero() {
		t.Errorf("defaults: %+v", got)
	}
	values := map[string]string{}
	for _, c := range got.Configs {
		if c.Value != nil {
			values[c.Name] = *c.Value
		}
	}
	if values["retention.ms"] != "77" || values["cleanup.policy"] != "delete" {
		t.Errorf("configs: %v", values)
	}

	both := create(false, newTopic("x", 1, 1), newTopic("y", 1, 1), newTopic("x", 2, 1))
	if len(both) != 2 {
		t.Fatalf("answers: %+v", both)
	}
	wantCode(t, "named twice", both[0].ErrorCode, kerr.InvalidRequest)
	wantCode(t, "beside it", both[1].ErrorCode, nil)

	wantCode(t, "validate", create(true, newTopic("v", 1, 1))[0].ErrorCode, nil)
	wantCode(t, "validate a bad one", create(true, newTopic("v", 0, 1))[0].ErrorCode, kerr.InvalidPartitions)
	if _, ok := b.meta.Image().Topic("v"); ok {
		t.Error("validation created a topic")
	}
	if many := create(true, newTopic("m1", 9999, 1), newTopic("m2", 2, 1)); many[1].ErrorCode != kerr.PolicyViolation.Code {
		t.Errorf("more than the limit together: %v", kerr.ErrorForCode(many[1].ErrorCode))
	}
}

func TestDeleteTopics(t *testing.T) {
	b := newBroker(t, nil)
	b.create("a", 1)
	b.create("b", 1)
	id := b.create("c", 1)
	if _, err := metadata.EnsureTopic(b.meta, metadata.NewTopic{Name: metadata.OffsetsTopic, Partitions: 1, ReplicationFactor: 1}); err != nil {
		t.Fatal(err)
	}
	c := b.client()
	f := func(version int16, name string, id metadata.TopicID, want *kerr.Error) {
		t.Helper()
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version = version
		topic := kmsg.DeleteTopicsRequestTopic{TopicID: id}
		if name != "" {
			topic.Topic = &name
		}
		if req.Topics = append(req.Topics, topic); version < 6 {
			req.Topics, req.TopicNames = nil, []string{name}
		}
		got := do[*kmsg.DeleteTopicsResponse](c, req).Topics[0]
		wantCode(t, "delete "+name, got.ErrorCode, want)
	}
	f(1, "a", metadata.TopicID{}, nil)
	f(5, "a", metadata.TopicID{}, kerr.UnknownTopicOrPartition)
	f(6, "b", metadata.TopicID{}, nil)
	f(6, "", id, nil)
	f(6, "", id, kerr.UnknownTopicID)
	f(6, "", metadata.TopicID{}, kerr.InvalidRequest)
	f(6, "c", id, kerr.InvalidRequest)
	f(6, metadata.OffsetsTopic, metadata.TopicID{}, kerr.InvalidTopicException)
	if n := b.meta.Image().NumTopics(); n != 1 {
		t.Errorf("%d topics are left", n)
	}
	b.create("a", 1) // the name is free again, and the topic empty
	if base := b.fill("a", 0, 1); base != 0 {
		t.Errorf("first offset %d", base)
	}
	off := newBroker(t, map[string]string{"delete.topic.enable": "false"})
	off.create("a", 1)
	c = off.client()
	f(6, "a", metadata.TopicID{}, kerr.TopicDeletionDisabled)
	f(1, "a", metadata.TopicID{}, kerr.InvalidRequest)
}

func TestCreatePartitions(t *testing.T) {
	b := newBroker(t, nil)
	b.create("a", 2)
	c := b.client()
	f := func(name string, count int32, validate bool, assignment [][]int32, want *kerr.Error, have int) {
		t.Helper()
		req := latest(kmsg.NewPtrCreatePartitionsRequest())
		topic := kmsg.NewCreatePartitionsRequestTopic()
		topic.Topic, topic.Count = name, count
		for _, a := range assignment {
			topic.Assignment = append(topic.Assignment, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: a})
		}
		req.Topics, req.ValidateOnly = append(req.Topics, topic), validate
		wantCode(t, "create partitions", do[*kmsg.CreatePartitionsResponse](c, req).Topics[0].ErrorCode, want)
		if got, _ := b.meta.Image().Topic("a"); len(got.Partitions) != have {
			t.Errorf("%d partitions, want %d", len(got.Partitions), have)
		}
	}
	f("a", 4, true, nil, nil, 2)
	f("a", 4, false, nil, nil, 4)
	f("a", 4, false, nil, kerr.InvalidPartitions, 4)
	f("a", 3, false, nil, kerr.InvalidPartitions, 4)
	f("a", 5, false, [][]int32{{node}}, nil, 5)
	f("a", 6, false, [][]int32{{9}}, kerr.InvalidReplicaAssignment, 5)
	f("u", 6, false, nil, kerr.UnknownTopicOrPartition, 5)
	if base := b.fill("a", 4, 1); base != 0 {
		t.Errorf("first offset of a new partition: %d", base)
	}
}
