package group

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// OffsetDelete forgets offsets of topics that no member subscribes to (KIP-496).
func (m *Machine) OffsetDelete(out *coordinator.Out, req *kmsg.OffsetDeleteRequest, reply Reply[*kmsg.OffsetDeleteResponse]) {
	resp := kmsg.NewPtrOffsetDeleteResponse()
	g, ok := m.groups[req.Group]
	err := error(kerr.GroupIDNotFound)
	if ok {
		err = g.offsetDeleteAllowed()
	}
	if resp.ErrorCode = errorCode(err); err != nil {
		answer(out, reply, resp)
		return
	}
	deleted := 0
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetDeleteResponseTopic()
		rt.Topic = t.Topic
		subscribed := g.subscribedTo(t.Topic)
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetDeleteResponseTopicPartition()
			rp.Partition = p.Partition
			if subscribed {
				rp.ErrorCode = kerr.GroupSubscribedToTopic.Code
			} else if _, ok := m.offsets.get(req.Group, t.Topic, p.Partition); ok {
				out.Write(coordinator.Record{Key: offsetKey(req.Group, t.Topic, p.Partition)})
				deleted++
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	m.cfg.Observer.deleted(deleted)
	answer(out, reply, resp)
}

// DeleteGroup forgets an empty group with its offsets.
func (m *Machine) DeleteGroup(out *coordinator.Out, name string, reply Reply[kmsg.DeleteGroupsResponseGroup]) {
	resp := kmsg.NewDeleteGroupsResponseGroup()
	resp.Group = name
	if err := m.deleteGroup(out, name); err != nil {
		resp.ErrorCode = errorCode(err)
	}
	answer(out, reply, resp)
}

func (m *Machine) deleteGroup(out *coordinator.Out, name string) error {
	g, ok := m.groups[name]
	if !ok {
		return kerr.GroupIDNotFound
	}
	if err := g.deleteAllowed(); err != nil {
		return err
	}
	before := m.offsets.len()
	m.offsets.each(name, func(topic string, partition int32, _ offset) {
		out.Write(coordinator.Record{Key: offsetKey(name, topic, partition)})
	})
	m.cfg.Observer.deleted(before - m.offsets.len())
	m.forget(g, out)
	return nil
}

// hasOffsets says whether a group has committed offsets, or will have when a transaction
// is committed.
func (m *Machine) hasOffsets(name string) bool {
	return len(m.offsets.byGroup[name]) > 0 || len(m.offsets.unstable[name]) > 0
}

// forget removes a group that has no offset left, from the log too if it is there.
func (m *Machine) forget(g group, out *coordinator.Out) {
	if tombstones := g.tombstones(); len(tombstones) > 0 {
		out.Write(tombstones...)
	}
	if m.groups[g.name()] == g {
		m.remove(g)
	}
}

// DeleteTopics forgets the offsets of topics that were deleted.
func (m *Machine) DeleteTopics(out *coordinator.Out, topics []string) {
	for _, topic := range topics {
		m.offsets.dropPending(topic)
	}
	for _, name := range m.names() {
		m.offsets.each(name, func(topic string, partition int32, _ offset) {
			if slices.Contains(topics, topic) {
				out.Write(coordinator.Record{Key: offsetKey(name, topic, partition)})
			}
		})
	}
}

// expireOffsets forgets offsets that have been of no use for the retention time, and
// empty groups without offsets.
func (m *Machine) expireOffsets(now time.Time, out *coordinator.Out) {
	before := m.offsets.len()
	defer func() { m.cfg.Observer.expired(before - m.offsets.len()) }()
	for _, name := range m.names() {
		g := m.groups[name]
		m.offsets.each(name, func(topic string, partition int32, v offset) {
			if m.expired(g, topic, partition, v, now) {
				out.Write(coordinator.Record{Key: offsetKey(name, topic, partition)})
			}
		})
		if g.idle() && !m.hasOffsets(name) {
			m.forget(g, out)
		}
	}
}

func (m *Machine) expired(g group, topic string, partition int32, v offset, now time.Time) bool {
	since, unused := g.offsetAge(topic, v.committed)
	switch {
	case !unused, m.offsets.isPending(g.name(), topic, partition):
		return false
	case v.expires >= 0:
		return now.UnixMilli() >= v.expires
	}
	return now.UnixMilli()-since >= m.cfg.OffsetsRetention.Milliseconds()
}
