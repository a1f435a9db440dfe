package metadata_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/metadata"
)

var (
	idA = metadata.TopicID{1}
	idB = metadata.TopicID{2}
)

func ptr[T any](v T) *T { return &v }

// apply builds an image out of nothing.
func apply(t *testing.T, recs ...metadata.Record) *metadata.Image {
	t.Helper()
	d, err := metadata.Apply(metadata.Empty(), 0, recs...)
	if err != nil {
		t.Fatal(err)
	}
	return d.Next
}

func twoTopics() []metadata.Record {
	return []metadata.Record{
		&metadata.ClusterRecord{ID: "c"},
		&metadata.BrokerRecord{ID: 1, Endpoints: []metadata.Endpoint{{Listener: "PLAINTEXT", Host: "h", Port: 9092}}},
		&metadata.TopicRecord{Name: "a", ID: idA},
		&metadata.PartitionRecord{Topic: idA, Index: 0, Replicas: []int32{1}},
		&metadata.PartitionRecord{Topic: idA, Index: 1, Replicas: []int32{2, 1}},
		&metadata.TopicRecord{Name: "b", ID: idB},
		&metadata.PartitionRecord{Topic: idB, Index: 0, Replicas: []int32{1}},
	}
}

func TestApplyRefuses(t *testing.T) {
	img := apply(t, twoTopics()...)
	f := func(want error, recs ...metadata.Record) {
		t.Helper()
		before := img.Offset()
		if _, err := metadata.Apply(img, before+1, recs...); !errors.Is(err, want) {
			t.Errorf("apply: %v, want %v", err, want)
		}
		if img.Offset() != before || img.NumTopics() != 2 || img.NumPartitions() != 3 {
			t.Errorf("a refused record changed the image")
		}
	}
	f(kerr.InconsistentClusterID, &metadata.ClusterRecord{ID: "d"})
	f(kerr.TopicAlreadyExists, &metadata.TopicRecord{Name: "a", ID: metadata.TopicID{9}})
	f(kerr.InvalidRequest, &metadata.TopicRecord{Name: "c", ID: idA}) // ids are never used again
	f(kerr.InvalidRequest, &metadata.TopicRecord{Name: "c"})
	f(kerr.InvalidTopicException, &metadata.TopicRecord{Name: "../c", ID: metadata.TopicID{9}})
	f(kerr.UnknownTopicID, &metadata.PartitionRecord{Topic: metadata.TopicID{9}, Replicas: []int32{1}})
	f(kerr.InvalidPartitions, &metadata.PartitionRecord{Topic: idA, Index: 3, Replicas: []int32{1}}) // a gap
	f(kerr.InvalidPartitions, &metadata.PartitionRecord{Topic: idA, Index: 1, Replicas: []int32{1}}) // exists
	f(kerr.InvalidPartitions, &metadata.PartitionRecord{Topic: idA, Index: 2})
	f(kerr.UnknownTopicOrPartition, &metadata.PartitionChangeRecord{Topic: idA, Index: 2, Leader: 1})
	f(kerr.UnknownTopicID, &metadata.RemoveTopicRecord{ID: metadata.TopicID{9}})
	f(kerr.UnknownTopicID, &metadata.RemoveTopicRecord{ID: idA}, &metadata.RemoveTopicRecord{ID: idA})
	f(kerr.UnknownTopicOrPartition, &metadata.ConfigRecord{Resource: metadata.ConfigResource{Type: metadata.TopicResource, Name: "c"}, Key: "k"})
	f(kerr.InvalidConfig, &metadata.ConfigRecord{Resource: metadata.ConfigResource{Type: metadata.TopicResource, Name: "a"}})
	f(kerr.InvalidRequest, &metadata.ProducerIDsRecord{Next: 0})
	f(kerr.InvalidRequest, &metadata.FeatureRecord{Name: "f", Level: -1})
	// The first record fits, the second does not: neither counts.
	f(kerr.TopicAlreadyExists, &metadata.RemoveTopicRecord{ID: idB}, &metadata.TopicRecord{Name: "a", ID: metadata.TopicID{9}})
}

func TestApplyLeavesOldImagesAlone(t *testing.T) {
	topicA := metadata.ConfigResource{Type: metadata.TopicResource, Name: "a"}
	broker := metadata.ConfigResource{Type: metadata.BrokerResource, Name: "1"}
	one := apply(t, append(twoTopics(),
		&metadata.ConfigRecord{Resource: topicA, Key: "k", Value: ptr("1")},
		&metadata.ConfigRecord{Resource: broker, Key: "k", Value: ptr("1")})...)
	d, err := metadata.Apply(one, one.Offset()+1,
		&metadata.PartitionRecord{Topic: idA, Index: 2, Replicas: []int32{1}},
		&metadata.PartitionChangeRecord{Topic: idA, Index: 1, Leader: 1, ISR: []int32{1}, Replicas: []int32{1}},
		&metadata.ConfigRecord{Resource: topicA, Key: "k", Value: ptr("2")},
		&metadata.ConfigRecord{Resource: broker, Key: "k"},
		&metadata.RemoveTopicRecord{ID: idB})
	if err != nil {
		t.Fatal(err)
	}
	two := d.Next
	describe := func(img *metadata.Image) []any {
		a, _ := img.Topic("a")
		_, b := img.TopicByID(idB)
		p, _ := a.Partition(1)
		return []any{len(a.Partitions), a.Configs["k"], b, img.Configs(broker)["k"], img.NumPartitions(), p.Leader, p.LeaderEpoch}
	}
	if diff := cmp.Diff([]any{2, "1", true, "1", 3, int32(2), int32(0)}, describe(one)); diff != "" {
		t.Errorf("old image: %s", diff)
	}
	if diff := cmp.Diff([]any{3, "2", false, "", 3, int32(1), int32(1)}, describe(two)); diff != "" {
		t.Errorf("new image: %s", diff)
	}
	var changed []string
	for _, c := range d.Topics {
		switch {
		case c.Before == nil:
			changed = append(changed, "+"+c.After.Name)
		case c.After == nil:
			changed = append(changed, "-"+c.Before.Name)
		default:
			changed = append(changed, "~"+c.After.Name)
		}
	}
	if diff := cmp.Diff([]string{"~a", "-b"}, changed); diff != "" {
		t.Errorf("delta: %s", diff)
	}
	if diff := cmp.Diff([]metadata.ConfigResource{broker}, d.Configs); diff != "" {
		t.Errorf("delta of configs: %s", diff)
	}
}

func TestApplyDeletedAndCreatedAgainIsAnotherTopic(t *testing.T) {
	img := apply(t, twoTopics()...)
	id := metadata.NewTopicID()
	d, err := metadata.Apply(img, img.Offset()+1,
		&metadata.RemoveTopicRecord{ID: idA},
		&metadata.TopicRecord{Name: "a", ID: id},
		&metadata.PartitionRecord{Topic: id, Replicas: []int32{1}})
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := d.Next.Topic("a"); a.ID != id || len(a.Partitions) != 1 {
		t.Errorf("topic a is %v with %d partitions", a.ID, len(a.Partitions))
	}
	if _, ok := d.Next.TopicByID(idA); ok {
		t.Error("the old id lives on")
	}
	if len(d.Topics) != 2 || d.Topics[0].After != nil || d.Topics[1].Before != nil {
		t.Errorf("delta: %+v", d.Topics)
	}
}

func TestApplyUncleanStartBumpsLeaderEpochs(t *testing.T) {
	img := apply(t, twoTopics()...)
	f := func(unclean bool, wantLed, wantOther int32) {
		t.Helper()
		d, err := metadata.Apply(img, img.Offset()+1, &metadata.BrokerRecord{ID: 1, Unclean: unclean})
		if err != nil {
			t.Fatal(err)
		}
		a, _ := d.Next.Topic("a")
		if a.Partitions[0].LeaderEpoch != wantLed || a.Partitions[1].LeaderEpoch != wantOther {
			t.Errorf("unclean=%v: epochs %d, %d", unclean, a.Partitions[0].LeaderEpoch, a.Partitions[1].LeaderEpoch)
		}
		if b, _ := d.Next.Broker(1); b.Epoch != d.Next.Offset() {
			t.Errorf("broker epoch %d, want %d", b.Epoch, d.Next.Offset())
		}
	}
	f(false, 0, 0)
	f(true, 1, 0) // partition 1 is led by broker 2
}

func TestNewTopic(t *testing.T) {
	img := apply(t, append(twoTopics(), &metadata.BrokerRecord{ID: 2}, &metadata.BrokerRecord{ID: 3})...)
	f := func(topic metadata.NewTopic, want error, partitions int) {
		t.Helper()
		recs, err := topic.Records(img)
		if !errors.Is(err, want) {
			t.Errorf("%+v: %v, want %v", topic, err, want)
			return
		}
		if err != nil {
			return
		}
		d, err := metadata.Apply(img, img.Offset()+1, recs...)
		if err != nil {
			t.Errorf("%+v: %v", topic, err)
			return
		}
		got, ok := d.Next.Topic(topic.Name)
		if !ok || len(got.Partitions) != partitions || !cmp.Equal(got.Configs, topic.Configs) {
			t.Errorf("%+v became %+v", topic, got)
		}
	}
	many := make([][]int32, metadata.MaxPartitionsPerRequest+1)
	for i := range many {
		many[i] = []int32{1}
	}
	f(metadata.NewTopic{Name: "n", Partitions: 4, ReplicationFactor: 1}, nil, 4)
	f(metadata.NewTopic{Name: "n", Partitions: 4, ReplicationFactor: 3, Configs: map[string]string{"k": "v", "l": ""}}, nil, 4)
	f(metadata.NewTopic{Name: "n", Assignments: [][]int32{{1, 2}, {2, 1}}}, nil, 2)
	f(metadata.NewTopic{Name: "n.m", Partitions: 1, ReplicationFactor: 1}, nil, 1)
	f(metadata.NewTopic{Name: "a", Partitions: 1, ReplicationFactor: 1}, kerr.TopicAlreadyExists, 0)
	f(metadata.NewTopic{Name: "", Partitions: 1, ReplicationFactor: 1}, kerr.InvalidTopicException, 0)
	f(metadata.NewTopic{Name: "n", Partitions: 0, ReplicationFactor: 1}, kerr.InvalidPartitions, 0)
	f(metadata.NewTopic{Name: "n", Partitions: -1, ReplicationFactor: 1}, kerr.InvalidPartitions, 0)
	f(metadata.NewTopic{Name: "n", Partitions: 1, ReplicationFactor: 0}, kerr.InvalidReplicationFactor, 0)
	f(metadata.NewTopic{Name: "n", Partitions: 1, ReplicationFactor: 4}, kerr.InvalidReplicationFactor, 0)
	f(metadata.NewTopic{Name: "n", Partitions: 1<<31 - 1, ReplicationFactor: 1}, kerr.PolicyViolation, 0)
	f(metadata.NewTopic{Name: "n", Assignments: many}, kerr.PolicyViolation, 0)
	f(metadata.NewTopic{Name: "n", Assignments: [][]int32{{1}, {}}}, kerr.InvalidReplicaAssignment, 0)
	f(metadata.NewTopic{Name: "n", Assignments: [][]int32{{1}, {1, 2}}}, kerr.InvalidReplicaAssignment, 0)
	f(metadata.NewTopic{Name: "n", Assignments: [][]int32{{7}}}, kerr.InvalidReplicaAssignment, 0)
	f(metadata.NewTopic{Name: "n", Assignments: [][]int32{{1, 1}}}, kerr.InvalidReplicaAssignment, 0)
}

func TestNewTopicPlacesReplicasOnDifferentBrokers(t *testing.T) {
	img := apply(t, &metadata.BrokerRecord{ID: 1}, &metadata.BrokerRecord{ID: 2}, &metadata.BrokerRecord{ID: 3})
	recs, err := metadata.NewTopic{Name: "n", Partitions: 9, ReplicationFactor: 2}.Records(img)
	if err != nil {
		t.Fatal(err)
	}
	leads := map[int32]int{}
	for _, rec := range recs {
		if p, ok := rec.(*metadata.PartitionRecord); ok {
			leads[p.Replicas[0]]++
			if p.Replicas[0] == p.Replicas[1] {
				t.Errorf("partition %d has both replicas on broker %d", p.Index, p.Replicas[0])
			}
		}
	}
	if diff := cmp.Diff(map[int32]int{1: 3, 2: 3, 3: 3}, leads); diff != "" {
		t.Errorf("leaders: %s", diff)
	}
}

func TestNewPartitions(t *testing.T) {
	img := apply(t, twoTopics()...)
	a, _ := img.Topic("b")
	f := func(count int32, assignments [][]int32, want error) {
		t.Helper()
		recs, err := metadata.NewPartitions(img, a, count, assignments)
		if !errors.Is(err, want) {
			t.Errorf("to %d partitions: %v, want %v", count, err, want)
		}
		if err == nil && len(recs) != int(count)-1 {
			t.Errorf("to %d partitions: %d records", count, len(recs))
		}
	}
	f(3, nil, nil)
	f(2, [][]int32{{1}}, nil)
	f(1, nil, kerr.InvalidPartitions)
	f(0, nil, kerr.InvalidPartitions)
	f(3, [][]int32{{1}}, kerr.InvalidReplicaAssignment)
	f(2, [][]int32{{5}}, kerr.InvalidReplicaAssignment)
	f(1<<31-1, nil, kerr.PolicyViolation)
}

func TestTopicNames(t *testing.T) {
	f := func(name string, ok bool) {
		t.Helper()
		if err := metadata.CheckTopicName(name); (err == nil) != ok || err != nil && !errors.Is(err, kerr.InvalidTopicException) {
			t.Errorf("%q: %v", name, err)
		}
	}
	long := string(make([]byte, 0, 249))
	for range 249 {
		long += "x"
	}
	f("ventas", true)
	f("A.b_c-9", true)
	f("...", true)
	f(long, true)
	f(long+"x", false)
	f("", false)
	f(".", false)
	f("..", false)
	f("a/b", false)
	f("a b", false)
	f("café", false)
	f("a\x00", false)
}

func TestTopicNamesThatCollide(t *testing.T) {
	img := apply(t, &metadata.BrokerRecord{ID: 1}, &metadata.TopicRecord{Name: "x.y_z", ID: idA})
	f := func(name string, want error) {
		t.Helper()
		if _, err := (metadata.NewTopic{Name: name, Partitions: 1, ReplicationFactor: 1}).Records(img); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
	f("x_y_z", kerr.InvalidTopicException)
	f("x.y.z", kerr.InvalidTopicException)
	f("x.y_z", kerr.TopicAlreadyExists)
	f("x-y-z", nil)
	f("x.y", nil)
}
