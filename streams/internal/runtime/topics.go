package runtime

import (
	"context"
	"crypto/tls"
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
	var details kadm.TopicDetails
	err := rt.retry(ctx, "look up topics", func() (err error) {
		details, err = rt.admin.ListTopicsWithInternal(ctx, slices.Concat(external, internal)...)
		return err
	})
	if err != nil {
		return fmt.Errorf("look up topics: %w", err)
	}
	for _, topic := range external {
		if d := details[topic]; d.Err != nil && !isMissingTopic(d.Err) {
			return fmt.Errorf("source topic %s: %w", topic, d.Err)
		} else if d.Err != nil || len(d.Partitions) == 0 {
			return &MissingSourceTopicError{Topic: topic, Err: cmpErr(d.Err)}
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

// createTimeout is how long the creation of a topic goes on in an application that is told to end.
const createTimeout = 10 * time.Second

func (rt *Runtime) createTopic(ctx context.Context, t processor.InternalTopic, partitions int32) error {
	configs := make(map[string]*string, len(t.Config))
	for k, v := range t.Config {
		configs[k] = kadm.StringPtr(v)
	}
	err := rt.retry(ctx, "create internal topic", func() error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// Whoever ends the application may delete its topics next: a request that is on its way is waited for, lest
		// the brokers obey it afterwards.
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
		defer cancel()
		_, err := rt.admin.CreateTopic(asking, partitions, rt.cfg.ReplicationFactor, configs, t.Name)
		return err
	})
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
	var p patience
	return rt.retry(ctx, "look up internal topics", func() error {
		details, err := rt.admin.ListTopicsWithInternal(ctx, topics...)
		if err != nil {
			return fmt.Errorf("look up internal topics: %w", err)
		}
		for _, topic := range topics {
			d := details[topic]
			if d.Err != nil || len(d.Partitions) == 0 {
				return p.wait(fmt.Errorf("internal topic %s: %w: %w", topic, errTopicMissing, cmpErr(d.Err)))
			}
			for _, of := range d.Partitions {
				if of.Err != nil || of.Leader < 0 {
					return p.wait(fmt.Errorf("internal topic %s: partition %d has no leader: %w", topic, of.Partition, cmpErr(of.Err)))
				}
			}
		}
		return nil
	})
}

// partitionCount returns the number of partitions of any topic. The brokers may create it upon the question.
func (rt *Runtime) partitionCount(ctx context.Context, topic string) (n int32, err error) {
	var p patience
	err = rt.retry(ctx, "look up topic "+topic, func() error {
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
			return p.wait(fmt.Errorf("look up topic %s: %w", topic, errTopicMissing))
		}
		if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
			return p.wait(fmt.Errorf("look up topic %s: %w", topic, err))
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

// patience bounds how long an answer of the brokers may stay the same. Brokers that do not answer are no matter of it.
type patience struct{ first time.Time }

// wait returns err, as one that is final when it has come for topicTimeout.
func (p *patience) wait(err error) error {
	if p.first.IsZero() {
		p.first = time.Now()
	}
	if time.Since(p.first) < topicTimeout {
		return err
	}
	return finalError{err}
}

// finalError is not worth another try.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// retryWarning is how often retry says that it still tries.
const retryWarning = 10 * time.Second

// retry calls fn until it succeeds, fails for good, or ctx ends; then it returns fn's last error. Brokers that cannot be
// reached are waited for.
func (rt *Runtime) retry(ctx context.Context, what string, fn func() error) error {
	warned := time.Now()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := fn()
		if err == nil || isFatal(err) {
			return err
		}
		if now := time.Now(); now.Sub(warned) >= retryWarning {
			rt.log.Warn("trying again", "what", what, "err", err)
			warned = now
		}
		if sleep(ctx, wait); ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

// isFatal says whether an error of a request stays the same however often it is sent.
func isFatal(err error) bool {
	if k, ok := errors.AsType[*kerr.Error](err); ok && !k.Retriable {
		return true
	}
	_, final := errors.AsType[finalError](err)
	_, distrust := errors.AsType[*tls.CertificateVerificationError](err)
	return final || distrust || errors.Is(err, kgo.ErrClientClosed)
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
