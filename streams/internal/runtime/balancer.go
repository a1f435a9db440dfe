package runtime

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/chortal/chortal/streams/processor"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// protocolName is that of our group protocol. It is not Kafka Streams' "stream", so that the two cannot share a group by
// accident.
const protocolName = "chortal-streams"

// balancer is the group's balancer: it hands out tasks, not partitions, so that the partitions of a task stay together.
type balancer struct{ rt *Runtime }

var _ kgo.GroupBalancer = (*balancer)(nil)

// ProtocolName implements kgo.GroupBalancer.
func (b *balancer) ProtocolName() string { return protocolName }

// IsCooperative implements kgo.GroupBalancer. Rebalances are eager: tasks are committed and stopped, but those that stay
// keep their stores open.
func (b *balancer) IsCooperative() bool { return false }

// JoinGroupMetadata implements kgo.GroupBalancer.
func (b *balancer) JoinGroupMetadata(topics []string, _ map[string][]int32, _ int32) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version = 0
	m.Topics = topics
	m.UserData = b.rt.subscription().encode()
	return m.AppendTo(nil)
}

// ParseSyncAssignment implements kgo.GroupBalancer.
func (b *balancer) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	return kgo.ParseConsumerSyncAssignment(assignment)
}

// MemberBalancer implements kgo.GroupBalancer.
func (b *balancer) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	c, err := kgo.NewConsumerBalancer(b, members)
	if err != nil {
		return nil, nil, fmt.Errorf("read the members of group %s: %w", b.rt.cfg.ApplicationID, err)
	}
	return c, c.MemberTopics(), nil
}

// Balance implements kgo.ConsumerBalancerBalance: it is called on the leader of the group.
func (b *balancer) Balance(c *kgo.ConsumerBalancer, partitions map[string]int32) kgo.IntoSyncAssignment {
	var members []member
	byID := make(map[string]*kmsg.JoinGroupResponseMember)
	c.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		s, err := decodeSubscription(meta.UserData)
		if err != nil {
			b.rt.log.Warn("group member has unreadable user data", "member", m.MemberID, "err", err)
		}
		one := member{id: m.MemberID, topics: make(map[string]bool), owned: s.owned, stored: s.stored}
		for _, topic := range meta.Topics {
			one.topics[topic] = true
		}
		members = append(members, one)
		byID[m.MemberID] = m
	})
	tasks := tasksOf(b.rt.plan, partitions)
	plan := c.NewPlan()
	for id, given := range assign(members, tasks) {
		for _, t := range given {
			for _, topic := range topicsOf(b.rt.plan, t, partitions) {
				plan.AddPartition(byID[id], topic, t.Partition)
			}
		}
	}
	return plan
}

// tasksOf lists the tasks of a plan over topics with so many partitions.
func tasksOf(p *processor.Plan, partitions map[string]int32) []taskInfo {
	var tasks []taskInfo
	for _, s := range p.Subtopologies {
		n := int32(0)
		for _, topic := range s.SourceTopics {
			n = max(n, partitions[topic])
		}
		for i := range n {
			id := processor.TaskID{Subtopology: s.ID, Partition: i}
			tasks = append(tasks, taskInfo{id: id, topics: topicsOf(p, id, partitions), state: len(s.Stores) > 0})
		}
	}
	return tasks
}

// topicsOf lists the topics of which a task reads a partition.
func topicsOf(p *processor.Plan, id processor.TaskID, partitions map[string]int32) []string {
	s := subtopology(p, id.Subtopology)
	return slices.DeleteFunc(slices.Clone(s.SourceTopics), func(topic string) bool { return partitions[topic] <= id.Partition })
}

// subtopology returns the subtopology with that id; there is one.
func subtopology(p *processor.Plan, id int) *processor.Subtopology {
	for _, s := range p.Subtopologies {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// subscription is what an instance tells the leader when it joins. Its bytes are
//
//	version(1) = 1, count(4) of owned tasks, each subtopology(4) partition(4),
//	count(4) of stored tasks, each subtopology(4) partition(4) offset sum(8)
//
// with all numbers big-endian; later versions may add to the end.
type subscription struct {
	owned  map[processor.TaskID]bool
	stored map[processor.TaskID]int64
}

const subscriptionVersion = 1

var errSubscription = errors.New("user data is not valid")

func (s subscription) encode() []byte {
	b := []byte{subscriptionVersion}
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.owned)))
	for _, id := range sortedTasks(s.owned) {
		b = appendTask(b, id)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.stored)))
	for _, id := range sortedTasks(s.stored) {
		b = binary.BigEndian.AppendUint64(appendTask(b, id), uint64(s.stored[id]))
	}
	return b
}

func sortedTasks[V any](m map[processor.TaskID]V) []processor.TaskID {
	ids := make([]processor.TaskID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, compareTasks)
	return ids
}

func appendTask(b []byte, id processor.TaskID) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(id.Subtopology))
	return binary.BigEndian.AppendUint32(b, uint32(id.Partition))
}

// decodeSubscription reads the user data of another member.
func decodeSubscription(b []byte) (s subscription, err error) {
	s.owned, s.stored = make(map[processor.TaskID]bool), make(map[processor.TaskID]int64)
	if len(b) == 0 || b[0] < subscriptionVersion {
		return s, errSubscription
	}
	b = b[1:]
	read := func(size int, keep func(id processor.TaskID, rest []byte)) error {
		if len(b) < 4 || uint64(binary.BigEndian.Uint32(b))*uint64(size) > uint64(len(b)-4) {
			return errSubscription
		}
		n := binary.BigEndian.Uint32(b)
		b = b[4:]
		for range n {
			keep(processor.TaskID{
				Subtopology: int(binary.BigEndian.Uint32(b)), Partition: int32(binary.BigEndian.Uint32(b[4:])),
			}, b[8:])
			b = b[size:]
		}
		return nil
	}
	if err := read(8, func(id processor.TaskID, _ []byte) { s.owned[id] = true }); err != nil {
		return s, err
	}
	return s, read(16, func(id processor.TaskID, rest []byte) { s.stored[id] = int64(binary.BigEndian.Uint64(rest)) })
}
