package group

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// Member types of ConsumerGroupDescribe.
const (
	memberTypeClassic  = 0
	memberTypeConsumer = 1
)

// ConsumerGroupDescribe describes a group of the consumer protocol. Partitions of topics
// that do not exist any more are left out.
func (m *Machine) ConsumerGroupDescribe(out *coordinator.Out, name string, reply Reply[kmsg.ConsumerGroupDescribeResponseGroup]) {
	resp := kmsg.NewConsumerGroupDescribeResponseGroup()
	resp.Group = name
	g, ok := m.groups[name].(*consumer)
	if !ok {
		err := fmt.Errorf("group %s not found: it is not a consumer group: %w", name, kerr.GroupIDNotFound)
		resp.ErrorCode, resp.ErrorMessage = errorCode(err), new(errorText(err))
		answer(out, reply, resp)
		return
	}
	topics := m.cfg.topics()
	resp.State, resp.Epoch, resp.AssignmentEpoch = string(g.state()), g.epoch, g.targetEpoch
	resp.AssignorName = g.assignorOf(m.cfg.assignors).name
	for _, id := range g.memberIDs() {
		mb := g.members[id]
		rm := kmsg.NewConsumerGroupDescribeResponseGroupMember()
		rm.MemberID, rm.InstanceID, rm.RackID, rm.MemberEpoch = mb.id, mb.instanceID, mb.rackID, mb.epoch
		rm.ClientID, rm.ClientHost = mb.client.ID, mb.client.Host
		rm.SubscribedTopics, rm.SubscribedTopicRegex = mb.topics, mb.pattern
		rm.Assignment, rm.TargetAssignment = describedAssignment(mb.assigned, topics), describedAssignment(g.target[id], topics)
		if rm.MemberType = memberTypeConsumer; mb.classic != nil {
			rm.MemberType = memberTypeClassic
		}
		resp.Members = append(resp.Members, rm)
	}
	answer(out, reply, resp)
}

func describedAssignment(a assignment, topics Topics) kmsg.Assignment {
	d := kmsg.NewAssignment()
	for _, id := range a.ids() {
		if t, ok := topics.ByID(id); ok {
			tp := kmsg.NewAssignmentTopicPartition()
			tp.TopicID, tp.Topic, tp.Partitions = id, t.Name, append([]int32(nil), a[id]...)
			d.TopicPartitions = append(d.TopicPartitions, tp)
		}
	}
	return d
}
