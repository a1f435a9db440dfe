package group

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// consumerProtocolType is the protocol type of consumers; only their metadata and
// assignments are of a form that the coordinator knows.
const consumerProtocolType = "consumer"

// consumerSubscription is what a consumer of the classic protocol tells the leader.
type consumerSubscription struct {
	version int16
	topics  []string
	owned   []topicPartition
	rackID  *string
}

// decodeSubscription reads ConsumerProtocolSubscription: version 1 added the partitions
// that the member has, 2 its generation, 3 its rack. What a later version adds is not
// looked at.
func decodeSubscription(metadata []byte) (consumerSubscription, error) {
	r := reader{src: metadata}
	s := consumerSubscription{version: r.int16()}
	if s.version < 0 {
		return s, fmt.Errorf("subscription of version %d", s.version)
	}
	for range r.count(2) {
		s.topics = append(s.topics, r.string())
	}
	r.nullableBytes() // for the assignor
	if s.version >= 1 {
		s.owned = r.topicPartitions()
	}
	if s.version >= 2 {
		r.int32()
	}
	if s.version >= 3 {
		s.rackID = r.nullableString()
	}
	if err := r.err(); err != nil {
		return s, fmt.Errorf("decode subscription: %w", err)
	}
	return s, nil
}

// subscribedTopics reads only the topics out of a subscription.
func subscribedTopics(metadata []byte) ([]string, error) {
	r := reader{src: metadata}
	version := r.int16()
	if version < 0 {
		return nil, fmt.Errorf("subscription of version %d", version)
	}
	n := r.count(2)
	topics := make([]string, 0, n)
	for range n {
		topics = append(topics, r.string())
	}
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("decode subscription: %w", err)
	}
	return topics, nil
}

// errUserData says that an assignment carries what only its own assignor understands.
var errUserData = errors.New("assignment with data of a custom assignor")

// decodeAssignment reads ConsumerProtocolAssignment, which is the same in all versions.
func decodeAssignment(b []byte) ([]topicPartition, error) {
	r := reader{src: b}
	if version := r.int16(); version < 0 {
		return nil, fmt.Errorf("assignment of version %d", version)
	}
	partitions := r.topicPartitions()
	data := r.nullableBytes()
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("decode assignment: %w", err)
	}
	if len(data) > 0 {
		return nil, errUserData
	}
	return partitions, nil
}

// encodeAssignment writes ConsumerProtocolAssignment in a version of the subscription's.
// Partitions of topics that do not exist are left out.
func encodeAssignment(version int16, a assignment, topics Topics) []byte {
	w := writer{}
	w.int16(min(version, maxAssignmentVersion))
	named := a.filter(func(id TopicID, _ int32) bool { _, ok := topics.ByID(id); return ok })
	w.int32(int32(len(named)))
	for _, id := range named.ids() {
		t, _ := topics.ByID(id)
		w.string(t.Name)
		w.int32(int32(len(named[id])))
		for _, p := range named[id] {
			w.int32(p)
		}
	}
	w.int32(-1)
	return w.buf
}

const maxAssignmentVersion = 3

// toAssignment gives the partitions of topics that exist.
func toAssignment(partitions []topicPartition, topics Topics) assignment {
	a := assignment{}
	for _, p := range partitions {
		if t, ok := topics.ByName(p.topic); ok {
			a.add(t.ID, p.partition)
		}
	}
	return a
}

func (r *reader) topicPartitions() []topicPartition {
	var list []topicPartition
	for range r.count(6) {
		topic := r.string()
		for range r.count(4) {
			list = append(list, topicPartition{topic, r.int32()})
		}
	}
	return list
}

func (r *reader) nullableBytes() []byte {
	n := int(r.int32())
	if n < 0 {
		return nil
	}
	return r.span(n)
}

func (r *reader) nullableString() *string {
	n := int(r.int16())
	if n < 0 {
		return nil
	}
	return new(string(r.span(n)))
}

// protocolsEqual says whether a member joins with what it joined with before, in the
// same order of preference.
func protocolsEqual(a, b []kmsg.JoinGroupRequestProtocol) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || string(a[i].Metadata) != string(b[i].Metadata) {
			return false
		}
	}
	return true
}
