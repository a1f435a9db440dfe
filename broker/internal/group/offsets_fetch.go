package group

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// OffsetFetch gives the offsets committed for a group. Topics of the request carry their
// name, and their id if it is known: an offset of a topic that was deleted and made anew
// is none. Topics nil asks for all. A group that is not known has no offset, which is no
// error: that is how a consumer without membership begins.
//
// An offset that a transaction is about to change is UNSTABLE_OFFSET_COMMIT to those
// who ask for stable ones (KIP-447).
func (m *Machine) OffsetFetch(out *coordinator.Out, req kmsg.OffsetFetchRequestGroup, requireStable bool, reply Reply[kmsg.OffsetFetchResponseGroup]) {
	resp := kmsg.NewOffsetFetchResponseGroup()
	resp.Group = req.Group
	if g, ok := m.groups[req.Group]; ok {
		if err := g.fetchAllowed(req.MemberID, req.MemberEpoch); err != nil {
			resp.ErrorCode = errorCode(err)
			answer(out, reply, resp)
			return
		}
	}
	topics := req.Topics
	if topics == nil {
		topics = m.allTopics(req.Group)
	}
	for _, t := range topics {
		rt := kmsg.NewOffsetFetchResponseGroupTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rt.Partitions = append(rt.Partitions, m.fetchOffset(req.Group, t, p, requireStable))
		}
		resp.Topics = append(resp.Topics, rt)
	}
	answer(out, reply, resp)
}

// allTopics are the partitions that have an offset, or will have one when a transaction
// is committed.
func (m *Machine) allTopics(group string) []kmsg.OffsetFetchRequestGroupTopic {
	partitions := make(map[string][]int32)
	m.offsets.each(group, func(topic string, partition int32, _ offset) {
		partitions[topic] = append(partitions[topic], partition)
	})
	for tp := range m.offsets.unstable[group] {
		if !slices.Contains(partitions[tp.topic], tp.partition) {
			partitions[tp.topic] = append(partitions[tp.topic], tp.partition)
		}
	}
	topics := make([]kmsg.OffsetFetchRequestGroupTopic, 0, len(partitions))
	for _, topic := range slices.Sorted(maps.Keys(partitions)) {
		t := kmsg.NewOffsetFetchRequestGroupTopic()
		t.Topic, t.Partitions = topic, partitions[topic]
		slices.Sort(t.Partitions)
		topics = append(topics, t)
	}
	return topics
}

func (m *Machine) fetchOffset(group string, t kmsg.OffsetFetchRequestGroupTopic, partition int32, requireStable bool) kmsg.OffsetFetchResponseGroupTopicPartition {
	rp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = partition, -1, -1, new("")
	if requireStable && m.offsets.isPending(group, t.Topic, partition) {
		rp.ErrorCode = kerr.UnstableOffsetCommit.Code
		return rp
	}
	v, ok := m.offsets.get(group, t.Topic, partition)
	if !ok || v.otherTopic(t.TopicID) {
		return rp
	}
	rp.Offset, rp.LeaderEpoch, rp.Metadata = v.offset, v.leaderEpoch, new(v.metadata)
	return rp
}

// otherTopic says that the offset was committed for a topic of the same name but
// another id.
func (v offset) otherTopic(id [16]byte) bool {
	return id != [16]byte{} && v.topicID != [16]byte{} && v.topicID != id
}
