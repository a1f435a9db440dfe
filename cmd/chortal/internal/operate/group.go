package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListedGroup is one group of a listing.
type ListedGroup struct {
	Group        string
	Type         string // classic, consumer, share, streams; empty from an old broker
	State        string
	ProtocolType string
	Coordinator  int32
}

// ListGroups lists the groups of all brokers, those of the given types and states only where any are given.
func ListGroups(ctx context.Context, cl *kgo.Client, types, states []string) ([]ListedGroup, error) {
	req := kmsg.NewPtrListGroupsRequest()
	req.TypesFilter, req.StatesFilter = types, states
	var all []ListedGroup
	for _, shard := range cl.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return nil, fmt.Errorf("list groups of broker %d: %w", shard.Meta.NodeID, shard.Err)
		}
		resp := shard.Resp.(*kmsg.ListGroupsResponse)
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			return nil, fmt.Errorf("list groups of broker %d: %w", shard.Meta.NodeID, err)
		}
		for _, g := range resp.Groups {
			all = append(all, ListedGroup{g.Group, g.GroupType, g.GroupState, g.ProtocolType, shard.Meta.NodeID})
		}
	}
	slices.SortFunc(all, func(a, b ListedGroup) int { return strings.Compare(a.Group, b.Group) })
	return all, nil
}

// Group is a consumer group, of the classic or of the consumer protocol.
type Group struct {
	Name         string
	Type         string // Classic or Consumer
	State        string
	ProtocolType string
	Assignor     string // the classic protocol's assignment strategy, or the server-side assignor
	Coordinator  kadm.BrokerDetail
	Epoch        int32 // of the consumer protocol, else -1
	TargetEpoch  int32 // of the consumer protocol, else -1
	Members      []Member
}

// Active reports whether anybody is in the group.
func (g *Group) Active() bool { return g.State != "Empty" && g.State != "Dead" }

// Member is one member of a group.
type Member struct {
	ID, InstanceID string
	Host, ClientID string
	Rack           string
	Epoch          int32          // of the consumer protocol, else -1
	Upgraded       bool           // speaks the consumer protocol; false: the classic one
	Assigned       kadm.TopicsSet // what it reads
	Target         kadm.TopicsSet // what it shall read, in the consumer protocol
	Topics         []string       // what it subscribed to
	Regex          string         // what it subscribed to, as a pattern
}

// DescribeGroup describes a group of either protocol. A group that does not exist is kerr.GroupIDNotFound.
func DescribeGroup(ctx context.Context, adm *kadm.Client, name string) (*Group, error) {
	described, err := adm.DescribeConsumerGroups(ctx, name)
	if err == nil {
		d := described[name]
		if d.Err == nil && d.Group == name {
			return consumerGroup(d), nil
		}
		err = d.Err
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) && !errors.Is(err, kerr.UnsupportedVersion) && !isUnsupported(err) {
		return nil, fmt.Errorf("describe group %q: %w", name, err)
	}
	classic, err := adm.DescribeGroups(ctx, name)
	if err == nil {
		err = classic[name].Err
	}
	if err != nil {
		return nil, fmt.Errorf("describe group %q: %w", name, err)
	}
	d := classic[name]
	if d.State == "Dead" || d.Group != name {
		return nil, fmt.Errorf("describe group %q: %w", name, kerr.GroupIDNotFound)
	}
	return classicGroup(d), nil
}

// isUnsupported tells that the broker does not know a request at all.
func isUnsupported(err error) bool {
	return strings.Contains(err.Error(), "unable to be used") || strings.Contains(err.Error(), "broker is too old")
}

func consumerGroup(d kadm.DescribedConsumerGroup) *Group {
	g := &Group{
		Name: d.Group, Type: "Consumer", State: d.State, ProtocolType: "consumer", Assignor: d.AssignorName,
		Coordinator: d.Coordinator, Epoch: d.Epoch, TargetEpoch: d.AssignmentEpoch,
	}
	for _, m := range d.Members {
		g.Members = append(g.Members, Member{
			ID: m.MemberID, InstanceID: text(m.InstanceID), Host: m.ClientHost, ClientID: m.ClientID, Rack: text(m.RackID), Epoch: m.MemberEpoch,
			Upgraded: m.MemberType != 0, Assigned: m.Assignment, Target: m.TargetAssignment, Topics: m.SubscribedTopics, Regex: text(m.SubscribedTopicRegex),
		})
	}
	return g
}

func classicGroup(d kadm.DescribedGroup) *Group {
	g := &Group{
		Name: d.Group, Type: "Classic", State: d.State, ProtocolType: d.ProtocolType, Assignor: d.Protocol,
		Coordinator: d.Coordinator, Epoch: -1, TargetEpoch: -1,
	}
	for _, m := range d.Members {
		member := Member{ID: m.MemberID, InstanceID: text(m.InstanceID), Host: m.ClientHost, ClientID: m.ClientID, Epoch: -1, Assigned: kadm.TopicsSet{}}
		if join, ok := m.Join.AsConsumer(); ok {
			member.Topics = join.Topics
		}
		if assigned, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range assigned.Topics {
				member.Assigned.Add(t.Topic, t.Partitions...)
			}
		}
		g.Members = append(g.Members, member)
	}
	return g
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// Position is how far a group has read one partition.
type Position struct {
	Topic      string
	Partition  int32
	Committed  int64 // -1: nothing was committed
	Epoch      int32 // leader epoch of the commit, -1 if unknown
	Start, End int64 // -1: unknown
	Member     *Member
}

// Lag is what is left to read. ok is false where nothing was committed or the end is unknown.
func (p Position) Lag() (n int64, ok bool) {
	if p.Committed < 0 || p.End < 0 {
		return 0, false
	}
	return max(p.End-p.Committed, 0), true
}

// Positions lists what a group has committed or is assigned: the partitions of the members first, in the order of the members.
func Positions(ctx context.Context, adm *kadm.Client, g *Group) ([]Position, error) {
	committed, err := adm.FetchOffsets(ctx, g.Name)
	if err != nil {
		return nil, fmt.Errorf("offsets of group %q: %w", g.Name, err)
	}
	var all []Position
	owned := kadm.TopicsSet{}
	for i := range g.Members {
		m := &g.Members[i]
		for _, tp := range m.Assigned.Sorted() {
			for _, p := range tp.Partitions {
				owned.Add(tp.Topic, p)
				all = append(all, position(committed, tp.Topic, p, m))
			}
		}
	}
	for _, o := range committed.Offsets().Sorted() {
		if !owned.Lookup(o.Topic, o.Partition) && o.At >= 0 {
			all = append(all, position(committed, o.Topic, o.Partition, nil))
		}
	}
	return all, addEnds(ctx, adm, all)
}

func position(committed kadm.OffsetResponses, topic string, partition int32, m *Member) Position {
	p := Position{Topic: topic, Partition: partition, Committed: -1, Epoch: -1, Start: -1, End: -1, Member: m}
	if o, ok := committed.Lookup(topic, partition); ok && o.Err == nil && o.At >= 0 {
		p.Committed, p.Epoch = o.At, o.LeaderEpoch
	}
	return p
}

func addEnds(ctx context.Context, adm *kadm.Client, all []Position) error {
	topics := map[string]struct{}{}
	for _, p := range all {
		topics[p.Topic] = struct{}{}
	}
	if len(topics) == 0 {
		return nil
	}
	names := make([]string, 0, len(topics))
	for t := range topics {
		names = append(names, t)
	}
	start, err := adm.ListStartOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("start offsets: %w", err)
	}
	end, err := adm.ListEndOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("end offsets: %w", err)
	}
	for i := range all {
		if o, ok := start.Lookup(all[i].Topic, all[i].Partition); ok && o.Err == nil {
			all[i].Start = o.Offset
		}
		if o, ok := end.Lookup(all[i].Topic, all[i].Partition); ok && o.Err == nil {
			all[i].End = o.Offset
		}
	}
	return nil
}

// TotalLag is the sum of what is left to read.
func TotalLag(all []Position) int64 {
	var sum int64
	for _, p := range all {
		if n, ok := p.Lag(); ok {
			sum += n
		}
	}
	return sum
}

// SortedPartitions lists the partitions of a set by topic and number.
func SortedPartitions(s kadm.TopicsSet) []TopicPartition {
	var all []TopicPartition
	s.Each(func(t string, p int32) { all = append(all, TopicPartition{t, p}) })
	slices.SortFunc(all, func(a, b TopicPartition) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return all
}

// TopicPartition is one partition of a topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

func (tp TopicPartition) String() string { return fmt.Sprintf("%s-%d", tp.Topic, tp.Partition) }
