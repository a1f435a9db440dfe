package ksql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/ksql/internal/api"
)

// cluster is the engine's own access to the brokers: topics, single writes and reads from an offset. Queries bring
// their own clients.
type cluster struct {
	client   *kgo.Client
	admin    *kadm.Client
	options  []kgo.Opt
	replicas int16
}

// newCluster makes the clients; it does not connect.
func newCluster(cfg Config) (*cluster, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.ClientID("ksql-" + cfg.ServiceID),
		kgo.MaxDecompressBatchBytes(128 << 20),
		kgo.MetadataMinAge(250 * time.Millisecond), // topics are used right after they were made
	}
	if cfg.Dialer != nil {
		options = append(options, kgo.Dialer(cfg.Dialer))
	}
	client, err := kgo.NewClient(append(options,
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // Java's murmur2, so that keys land where Kafka's clients put them
		kgo.ProducerLinger(0),
		kgo.RecordDeliveryTimeout(30*time.Second),
	)...)
	if err != nil {
		return nil, fmt.Errorf("ksql: make a Kafka client: %w", err)
	}
	replicas := int16(-1)
	if cfg.Replicas > 0 {
		replicas = int16(cfg.Replicas)
	}
	return &cluster{client: client, admin: kadm.NewClient(client), options: options, replicas: replicas}, nil
}

func (c *cluster) close() { c.client.Close() }

// id returns the cluster's id.
func (c *cluster) id(ctx context.Context) (string, error) {
	m, err := c.admin.BrokerMetadata(ctx)
	if err != nil {
		return "", fmt.Errorf("read the cluster's metadata: %w", err)
	}
	return m.Cluster, nil
}

// topicInfo is what DDL needs to know of a topic.
type topicInfo struct {
	name       string
	partitions int
	replicas   int
	internal   bool
}

// topic describes one topic; ok is false if there is none.
func (c *cluster) topic(ctx context.Context, name string) (info topicInfo, ok bool, err error) {
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(name)
	req.Topics = append(req.Topics, t)
	req.AllowAutoTopicCreation = false
	resp, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return info, false, fmt.Errorf("describe topic %s: %w", name, err)
	}
	if len(resp.Topics) != 1 {
		return info, false, nil
	}
	got := resp.Topics[0]
	switch err := kerr.ErrorForCode(got.ErrorCode); {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return info, false, nil
	case err != nil && len(got.Partitions) == 0:
		return info, false, fmt.Errorf("describe topic %s: %w", name, err)
	}
	info = topicInfo{name: name, partitions: len(got.Partitions), internal: got.IsInternal}
	if len(got.Partitions) > 0 {
		info.replicas = len(got.Partitions[0].Replicas)
	}
	return info, true, nil
}

// createTopic creates a topic; that it exists already is no error.
func (c *cluster) createTopic(ctx context.Context, name string, partitions, replicas int, configs map[string]string) error {
	values := make(map[string]*string, len(configs))
	for k, v := range configs {
		values[k] = &v
	}
	factor := c.replicas
	if replicas > 0 {
		factor = int16(replicas)
	}
	resp, err := c.admin.CreateTopic(ctx, int32(partitions), factor, values, name)
	if err == nil {
		err = resp.Err
	}
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", name, err)
	}
	return nil
}

// deleteTopic deletes a topic; that there is none is no error.
func (c *cluster) deleteTopic(ctx context.Context, name string) error {
	resp, err := c.admin.DeleteTopic(ctx, name)
	if err == nil {
		err = resp.Err
	}
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("delete topic %s: %w", name, err)
	}
	return nil
}

// produce writes records and returns when the brokers have all of them.
func (c *cluster) produce(ctx context.Context, records ...*kgo.Record) error {
	if err := c.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("write to topic %s: %w", records[0].Topic, err)
	}
	return nil
}

// bounds are the first and the next offset of every partition of a topic.
func (c *cluster) bounds(ctx context.Context, topic string) (start, end map[int32]int64, err error) {
	read := func(list func(context.Context, ...string) (kadm.ListedOffsets, error)) (map[int32]int64, error) {
		listed, err := list(ctx, topic)
		if err != nil {
			return nil, fmt.Errorf("read the offsets of topic %s: %w", topic, err)
		}
		out := map[int32]int64{}
		for p, o := range listed[topic] {
			if o.Err != nil {
				return nil, fmt.Errorf("read the offsets of topic %s: %w", topic, o.Err)
			}
			out[p] = o.Offset
		}
		return out, nil
	}
	if start, err = read(c.admin.ListStartOffsets); err != nil {
		return nil, nil, err
	}
	end, err = read(c.admin.ListEndOffsets)
	return start, end, err
}

// reader returns a client that reads the given partitions from the given offsets. The caller closes it.
func (c *cluster) reader(topic string, from map[int32]int64, more ...kgo.Opt) (*kgo.Client, error) {
	offsets := make(map[int32]kgo.Offset, len(from))
	for p, o := range from {
		offsets[p] = kgo.NewOffset().At(o)
	}
	opts := append(append([]kgo.Opt{}, c.options...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}),
		kgo.FetchMaxWait(250*time.Millisecond))
	client, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, fmt.Errorf("read topic %s: %w", topic, err)
	}
	return client, nil
}

// readRange calls fn with every record from start up to end, without end, in order per partition. All of them have to
// be there already. It changes start.
func (c *cluster) readRange(ctx context.Context, topic string, start, end map[int32]int64, fn func(*kgo.Record) error) error {
	left := map[int32]bool{}
	for p := range end {
		if start[p] < end[p] {
			left[p] = true
		} else {
			delete(start, p)
		}
	}
	if len(left) == 0 {
		return nil
	}
	client, err := c.reader(topic, start, kgo.KeepControlRecords())
	if err != nil {
		return err
	}
	defer client.Close()
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fetchError(fetches); err != nil {
			return fmt.Errorf("read topic %s: %w", topic, err)
		}
		var failed error
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset < end[r.Partition] && failed == nil && !r.Attrs.IsControl() {
				failed = fn(r)
			}
			if r.Offset >= end[r.Partition]-1 {
				delete(left, r.Partition)
			}
		})
		if failed != nil {
			return failed
		}
		c.dropReached(ctx, topic, client, end, left)
	}
	return nil
}

// dropReached removes the partitions whose position has passed the end without a record there: compaction may have
// removed the last ones.
func (c *cluster) dropReached(_ context.Context, topic string, client *kgo.Client, end map[int32]int64, left map[int32]bool) {
	for p, o := range client.UncommittedOffsets()[topic] {
		if o.Offset >= end[p] {
			delete(left, p)
		}
	}
}

// fetchError returns the first error that does not pass by itself.
func fetchError(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		if !errors.Is(e.Err, context.Canceled) && !errors.Is(e.Err, context.DeadlineExceeded) {
			return fmt.Errorf("partition %d: %w", e.Partition, e.Err)
		}
	}
	return nil
}

// list describes all topics, by name. It asks the brokers: the client's own metadata may be older.
func (c *cluster) list(ctx context.Context) ([]topicInfo, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = nil // all
	resp, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	out := make([]topicInfo, 0, len(resp.Topics))
	for _, t := range resp.Topics {
		if t.Topic == nil || len(t.Partitions) == 0 {
			continue // being made, or being deleted
		}
		out = append(out, topicInfo{name: *t.Topic, partitions: len(t.Partitions), replicas: len(t.Partitions[0].Replicas), internal: t.IsInternal})
	}
	slices.SortFunc(out, func(a, b topicInfo) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// deleteGroup deletes a consumer group; that there is none is no error.
func (c *cluster) deleteGroup(ctx context.Context, group string) error {
	resp, err := c.admin.DeleteGroup(ctx, group)
	if err == nil {
		err = resp.Err
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("delete group %s: %w", group, err)
	}
	return nil
}

// clusterTopics answers a planner's questions within one statement.
type clusterTopics struct {
	ctx     context.Context //nolint:containedctx // lives as long as the statement
	cluster *cluster
}

func (t clusterTopics) lookup(topic string) (partitions, replicas int, ok bool, err error) {
	info, ok, err := t.cluster.topic(t.ctx, topic)
	return info.partitions, info.replicas, ok, err
}

// readers counts, per topic, the members and the groups that read it.
func (c *cluster) readers(ctx context.Context) (consumers, groups map[string]int, err error) {
	described, err := c.admin.DescribeGroups(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("describe groups: %w", err)
	}
	consumers, groups = map[string]int{}, map[string]int{}
	for _, g := range described {
		for topic := range g.AssignedPartitions() {
			groups[topic]++
		}
		for _, m := range g.Members {
			assigned, ok := m.Assigned.AsConsumer()
			if !ok {
				continue
			}
			for _, t := range assigned.Topics {
				consumers[t.Topic]++
			}
		}
	}
	return consumers, groups, nil
}

// groupOffsets are the positions of a group beside the bounds of its partitions.
func (c *cluster) groupOffsets(ctx context.Context, group string) (api.QueryOffsets, error) {
	out := api.QueryOffsets{GroupID: group, TopicSummaries: []api.TopicOffsets{}}
	committed, err := c.admin.FetchOffsets(ctx, group)
	if err != nil {
		return out, fmt.Errorf("read the offsets of group %s: %w", group, err)
	}
	byTopic := map[string][]api.PartitionOffsets{}
	committed.Each(func(o kadm.OffsetResponse) {
		byTopic[o.Topic] = append(byTopic[o.Topic], api.PartitionOffsets{Partition: int(o.Partition), ConsumerOffset: o.At})
	})
	for topic, list := range byTopic {
		start, end, err := c.bounds(ctx, topic)
		if err != nil {
			return out, err
		}
		for i := range list {
			p := int32(list[i].Partition)
			list[i].LogStartOffset, list[i].LogEndOffset = start[p], end[p]
		}
		slices.SortFunc(list, func(a, b api.PartitionOffsets) int { return a.Partition - b.Partition })
		out.TopicSummaries = append(out.TopicSummaries, api.TopicOffsets{KafkaTopic: topic, Offsets: list})
	}
	slices.SortFunc(out.TopicSummaries, func(a, b api.TopicOffsets) int { return strings.Compare(a.KafkaTopic, b.KafkaTopic) })
	return out, nil
}

// leaveGroup removes a static member of a group, which does not leave by itself when its client closes.
func (c *cluster) leaveGroup(ctx context.Context, group, instance string) error {
	resp, err := c.admin.LeaveGroup(ctx, kadm.LeaveGroup(group).InstanceIDs(instance).Reason("query dropped"))
	if err == nil {
		err = resp.Error()
	}
	if err != nil {
		return fmt.Errorf("leave group %s: %w", group, err)
	}
	return nil
}
