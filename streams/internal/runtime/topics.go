package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chortal/chortal/streams/processor"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicTimeout is how long a topic that was created may take to be known everywhere.
const topicTimeout = 15 * time.Second

var (
	errTopicMissing    = errors.New("topic does not exist")
	errTopicPartitions = errors.New("topic has the wrong number of partitions")
)

// prepareTopics checks the source topics and creates the internal topics that are missing.
func (rt *Runtime) prepareTopics(ctx context.Context) error {
	external, internal := rt.topicNames()
	details, err := rt.admin.ListTopicsWithInternal(ctx, append(slices.Clone(external), internal...)...)
	if err != nil {
		return fmt.Errorf("look up topics: %w", err)
	}
	for _, topic := range external {
		if d := details[topic]; d.Err != nil || len(d.Partitions) == 0 {
			return fmt.Errorf("source topic %s: %w: %w", topic, errTopicMissing, cmpErr(d.Err))
		}
	}
	counts, _, err := rt.plan.PartitionCounts(func(topic string) int32 { return int32(len(details[topic].Partitions)) })
	if err != nil {
		return err
	}
	for _, t := range rt.internalTopics() {
		n := counts[t.Name]
		if d := details[t.Name]; d.Err == nil && len(d.Partitions) > 0 {
			if int32(len(d.Partitions)) != n {
				return fmt.Errorf("internal topic %s: %w: %d instead of %d (the source topics have changed: reset the application)",
					t.Name, errTopicPartitions, len(d.Partitions), n)
			}
			continue
		}
		if err := rt.createTopic(ctx, t, n); err != nil {
			return err
		}
	}
	return rt.awaitTopics(ctx, internal)
}

func cmpErr(err error) error {
	if err == nil {
		return kerr.UnknownTopicOrPartition
	}
	return err
}

// topicNames returns the topics that the application reads and does not own, and those that it owns.
func (rt *Runtime) topicNames() (external, internal []string) {
	own := make(map[string]bool)
	for _, t := range rt.internalTopics() {
		own[t.Name] = true
	}
	for _, s := range rt.plan.Subtopologies {
		for _, topic := range s.SourceTopics {
			if !own[topic] {
				external = append(external, topic)
			}
		}
	}
	slices.Sort(external)
	return slices.Compact(external), slices.Sorted(maps.Keys(own))
}

func (rt *Runtime) internalTopics() []processor.InternalTopic {
	var list []processor.InternalTopic
	for _, s := range rt.plan.Subtopologies {
		list = append(list, s.Repartitions...)
		list = append(list, s.Changelogs...)
	}
	return list
}

func (rt *Runtime) createTopic(ctx context.Context, t processor.InternalTopic, partitions int32) error {
	configs := make(map[string]*string, len(t.Config))
	for k, v := range t.Config {
		configs[k] = kadm.StringPtr(v)
	}
	_, err := rt.admin.CreateTopic(ctx, partitions, rt.cfg.ReplicationFactor, configs, t.Name)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) { // another instance may have been quicker
		return fmt.Errorf("create internal topic %s: %w", t.Name, err)
	}
	rt.log.Info("internal topic created", "topic", t.Name, "partitions", partitions)
	return nil
}

// awaitTopics waits until all partitions of topics have leaders, and remembers the topics' ids.
func (rt *Runtime) awaitTopics(ctx context.Context, topics []string) error {
	if len(topics) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, topicTimeout)
	defer cancel()
	return retry(ctx, func() error {
		details, err := rt.admin.ListTopicsWithInternal(ctx, topics...)
		if err != nil {
			return fmt.Errorf("look up internal topics: %w", err)
		}
		for _, topic := range topics {
			d := details[topic]
			if d.Err != nil || len(d.Partitions) == 0 {
				return fmt.Errorf("internal topic %s: %w: %w", topic, errTopicMissing, cmpErr(d.Err))
			}
			for _, p := range d.Partitions {
				if p.Err != nil || p.Leader < 0 {
					return fmt.Errorf("internal topic %s: partition %d has no leader: %w", topic, p.Partition, cmpErr(p.Err))
				}
			}
		}
		return nil
	})
}

// partitionCount returns the number of partitions of any topic. The brokers may create it upon the question.
func (rt *Runtime) partitionCount(ctx context.Context, topic string) (n int32, err error) {
	ctx, cancel := context.WithTimeout(ctx, topicTimeout)
	defer cancel()
	err = retry(ctx, func() error {
		req := kmsg.NewPtrMetadataRequest()
		req.AllowAutoTopicCreation = true
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, t)
		resp, err := req.RequestWith(ctx, rt.client)
		if err != nil {
			return fmt.Errorf("look up topic %s: %w", topic, err)
		}
		if len(resp.Topics) != 1 {
			return fmt.Errorf("look up topic %s: %w", topic, errTopicMissing)
		}
		if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
			return fmt.Errorf("look up topic %s: %w", topic, err)
		}
		n = int32(len(resp.Topics[0].Partitions))
		return nil
	})
	return n, err
}

// purgeRepartitions deletes the records of repartition topics that are processed and committed.
func (rt *Runtime) purgeRepartitions(ctx context.Context) error {
	repartition := make(map[string]bool)
	for _, s := range rt.plan.Subtopologies {
		for _, t := range s.Repartitions {
			repartition[t.Name] = true
		}
	}
	var offsets kadm.Offsets
	for tp, at := range rt.committedOffsets() {
		if repartition[tp.Topic] && at > 0 {
			offsets.Add(kadm.Offset{Topic: tp.Topic, Partition: tp.Partition, At: at, LeaderEpoch: -1})
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	resp, err := rt.admin.DeleteRecords(ctx, offsets)
	if err != nil {
		return fmt.Errorf("purge repartition topics: %w", err)
	}
	return resp.Error()
}

// retry calls fn until it succeeds, fails for good, or ctx ends; then it returns fn's last error.
func retry(ctx context.Context, fn func() error) error {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := fn()
		if err == nil || isFatal(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

// isFatal says whether an error of a request stays the same however often it is sent.
func isFatal(err error) bool {
	k, ok := errors.AsType[*kerr.Error](err)
	return ok && !k.Retriable || errors.Is(err, kgo.ErrClientClosed)
}

// produceErrorIsOfRecord says whether a record could not be produced because of what it is, so that the next one may be.
func produceErrorIsOfRecord(err error) bool {
	for _, of := range []error{
		kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.CorruptMessage,
		kerr.UnknownTopicOrPartition, kerr.InvalidTopicException, kerr.TopicAuthorizationFailed, kgo.ErrRecordTimeout,
		kgo.ErrRecordRetries,
	} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}
