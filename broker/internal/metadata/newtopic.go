package metadata

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// MaxPartitionsPerRequest bounds how many partitions one topic creation or
// extension may add.
const MaxPartitionsPerRequest = 10_000

// NewTopic describes a topic to create. Either Assignments is set, or
// Partitions and ReplicationFactor are; there are no defaults here.
type NewTopic struct {
	Name              string
	ID                TopicID // zero: a new random one
	Partitions        int32
	ReplicationFactor int16
	// Assignments gives the replicas of every partition, the leader first.
	Assignments [][]int32
	// Configs are the topic's own settings, checked by the caller.
	Configs map[string]string
}

// Records returns what creates the topic in one Propose, checked against img.
// Errors: INVALID_TOPIC_EXCEPTION (also for a name that differs from an
// existing one in '.' and '_' only), TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS,
// INVALID_REPLICATION_FACTOR, INVALID_REPLICA_ASSIGNMENT, POLICY_VIOLATION.
func (t NewTopic) Records(img *Image) ([]Record, error) {
	if err := t.checkName(img); err != nil {
		return nil, err
	}
	replicas := t.Assignments
	if replicas == nil {
		if t.Partitions <= 0 {
			return nil, fmt.Errorf("number of partitions was set to the invalid non-positive value %d: %w", t.Partitions, kerr.InvalidPartitions)
		}
		var err error
		if replicas, err = place(img, t.Name, 0, t.Partitions, t.ReplicationFactor); err != nil {
			return nil, err
		}
	}
	if err := checkAssignments(img, replicas); err != nil {
		return nil, err
	}
	id := t.ID
	if id.IsZero() {
		id = NewTopicID()
	}
	recs := []Record{&TopicRecord{Name: t.Name, ID: id}}
	for i, r := range replicas {
		recs = append(recs, &PartitionRecord{Topic: id, Index: int32(i), Replicas: r})
	}
	for _, key := range slices.Sorted(maps.Keys(t.Configs)) {
		value := t.Configs[key]
		recs = append(recs, &ConfigRecord{Resource: ConfigResource{TopicResource, t.Name}, Key: key, Value: &value})
	}
	return recs, nil
}

func (t NewTopic) checkName(img *Image) error {
	if err := CheckTopicName(t.Name); err != nil {
		return err
	}
	if _, ok := img.Topic(t.Name); ok {
		return fmt.Errorf("topic '%s' already exists: %w", t.Name, kerr.TopicAlreadyExists)
	}
	if !mayCollide(t.Name) {
		return nil
	}
	for other := range img.byName {
		if collides(t.Name, other) {
			return fmt.Errorf("topic '%s' collides with existing topic '%s': %w", t.Name, other, kerr.InvalidTopicException)
		}
	}
	return nil
}

// NewPartitions returns what extends a topic to count partitions; assignments
// gives the replicas of the added ones, or is nil to let them be placed.
// Errors: INVALID_PARTITIONS, INVALID_REPLICA_ASSIGNMENT, POLICY_VIOLATION.
func NewPartitions(img *Image, t *Topic, count int32, assignments [][]int32) ([]Record, error) {
	have := int32(len(t.Partitions))
	switch {
	case count == have:
		return nil, fmt.Errorf("topic already has %d partition(s): %w", have, kerr.InvalidPartitions)
	case count < have:
		return nil, fmt.Errorf("the topic %s currently has %d partition(s); %d would not be an increase: %w", t.Name, have, count, kerr.InvalidPartitions)
	case assignments != nil && int32(len(assignments)) != count-have:
		return nil, fmt.Errorf("attempted to add %d additional partition(s), but only %d assignment(s) were specified: %w",
			count-have, len(assignments), kerr.InvalidReplicaAssignment)
	}
	if assignments == nil {
		var err error
		if assignments, err = place(img, t.Name, have, count-have, int16(len(t.Partitions[0].Replicas))); err != nil {
			return nil, err
		}
	}
	if err := checkAssignments(img, assignments); err != nil {
		return nil, err
	}
	recs := make([]Record, len(assignments))
	for i, r := range assignments {
		recs[i] = &PartitionRecord{Topic: t.ID, Index: have + int32(i), Replicas: r}
	}
	return recs, nil
}

// place spreads n partitions from the given index on over the brokers, each
// replica on another one, starting at a broker that the topic's name chooses.
func place(img *Image, topic string, from, n int32, factor int16) ([][]int32, error) {
	brokers := img.Brokers()
	switch {
	case factor <= 0:
		return nil, fmt.Errorf("replication factor must be larger than 0, not %d: %w", factor, kerr.InvalidReplicationFactor)
	case int(factor) > len(brokers):
		return nil, fmt.Errorf("unable to replicate the partition %d time(s): the target replication factor of %d cannot be reached because only %d broker(s) are registered: %w",
			factor, factor, len(brokers), kerr.InvalidReplicationFactor)
	case n > MaxPartitionsPerRequest:
		return nil, tooMany(int(n))
	}
	h := fnv.New32a()
	h.Write([]byte(topic))
	start := int(h.Sum32() % uint32(len(brokers)))
	out := make([][]int32, n)
	for i := range out {
		rs := make([]int32, factor)
		for j := range rs {
			rs[j] = brokers[(start+int(from)+i+j)%len(brokers)].ID
		}
		out[i] = rs
	}
	return out, nil
}

func tooMany(n int) error {
	return fmt.Errorf("excessively large number of partitions per request: %d, at most %d: %w", n, MaxPartitionsPerRequest, kerr.PolicyViolation)
}

func checkAssignments(img *Image, assignments [][]int32) error {
	if len(assignments) == 0 {
		return fmt.Errorf("no partition is assigned: %w", kerr.InvalidReplicaAssignment)
	}
	if len(assignments) > MaxPartitionsPerRequest {
		return tooMany(len(assignments))
	}
	for i, rs := range assignments {
		if len(rs) == 0 {
			return fmt.Errorf("the manual partition assignment of partition %d includes an empty replica list: %w", i, kerr.InvalidReplicaAssignment)
		}
		if len(rs) != len(assignments[0]) {
			return fmt.Errorf("the manual partition assignment includes a partition with %d replica(s), but this is not consistent with previous partitions, which have %d replica(s): %w",
				len(rs), len(assignments[0]), kerr.InvalidReplicaAssignment)
		}
		for j, r := range rs {
			if _, ok := img.Broker(r); !ok {
				return fmt.Errorf("the manual partition assignment includes broker %d, but no such broker is registered: %w", r, kerr.InvalidReplicaAssignment)
			}
			if slices.Contains(rs[:j], r) {
				return fmt.Errorf("the manual partition assignment includes the broker %d more than once: %w", r, kerr.InvalidReplicaAssignment)
			}
		}
	}
	return nil
}
