package script

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func topicsTool() Tool {
	return Tool{
		Name: "kafka-topics", About: "Create, delete, describe, or change a topic.", run: runTopics,
		flags: []flag{
			{"list", "", "List all available topics."},
			{"create", "", "Create a new topic."},
			{"delete", "", "Delete a topic."},
			{"alter", "", "Alter the number of partitions."},
			{"describe", "", "List details for the given topics."},
			{"topic", "topic", "The topic; for list, describe, alter and delete a regular expression."},
			{"topic-id", "topic-id", "The id of the topic to describe."},
			{"config", "name=value", "A configuration of the topic that is created."},
			{"partitions", "# of partitions", "The number of partitions."},
			{"replication-factor", "replication factor", "The replication factor of the topic that is created."},
			{"replica-assignment", "broker:broker,broker", "The brokers of each partition."},
			{"under-replicated-partitions", "", "Only show under replicated partitions."},
			{"unavailable-partitions", "", "Only show partitions whose leader is not available."},
			{"under-min-isr-partitions", "", "Only show partitions whose isr count is less than the minimum."},
			{"at-min-isr-partitions", "", "Only show partitions whose isr count is equal to the minimum."},
			{"topics-with-overrides", "", "Only show topics that have overridden configs."},
			{"if-exists", "", "Do nothing where the topic does not exist."},
			{"if-not-exists", "", "Do nothing where the topic exists."},
			{"exclude-internal", "", "Exclude internal topics."},
			{"partition-size-limit-per-response", "maximum", "Accepted for compatibility."},
		},
	}
}

func runTopics(ctx context.Context, c *call) error {
	action, err := c.exactlyOne("--list, --describe, --create, --alter or --delete", "list", "describe", "create", "alter", "delete")
	if err != nil {
		return err
	}
	if !c.has("topic") && (action == "create" || action == "alter" || action == "delete") {
		return misuse("Missing required argument \"[topic]\"")
	}
	ctx, cancel, err := c.admin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	actions := map[string]func(context.Context) error{
		"list": c.listTopics, "describe": c.describeTopics, "create": c.createTopic, "alter": c.alterTopics, "delete": c.deleteTopics,
	}
	err = actions[action](ctx)
	if _, exit := errors.AsType[exitError](err); err == nil || exit {
		return err
	}
	if _, wrong := errors.AsType[*wrongUse](err); wrong {
		return err
	}
	c.printf("Error while executing topic command : %s\n", javaMessage(err))
	return exitError(1)
}

// matching lists the topics that --topic names; required makes none an error.
func (c *call) matching(ctx context.Context, required bool) ([]kadm.TopicDetail, error) {
	all, err := c.adm.ListTopicsWithInternal(ctx)
	if err != nil {
		return nil, err
	}
	var patterns []*regexp.Regexp
	for _, name := range c.list("topic") {
		re, err := regexp.Compile("^(?:" + name + ")$")
		if err != nil {
			return nil, misuse("Invalid regular expression %s: %v", name, err)
		}
		patterns = append(patterns, re)
	}
	var found []kadm.TopicDetail
	for _, t := range all.Sorted() {
		if c.has("exclude-internal") && t.IsInternal || c.has("topic-id") && base64.RawURLEncoding.EncodeToString(t.ID[:]) != c.value("topic-id") {
			continue
		}
		if len(patterns) == 0 || slices.ContainsFunc(patterns, func(re *regexp.Regexp) bool { return re.MatchString(t.Topic) }) {
			found = append(found, t)
		}
	}
	if len(found) > 0 || c.has("if-exists") || !required {
		return found, nil
	}
	if c.has("topic-id") {
		return nil, fmt.Errorf("TopicId '%s' does not exist as expected", c.value("topic-id"))
	}
	if c.has("topic") {
		return nil, fmt.Errorf("Topic '%s' does not exist as expected", c.value("topic")) //nolint:staticcheck // Kafka's words
	}
	return nil, nil
}

func (c *call) listTopics(ctx context.Context) error {
	topics, err := c.matching(ctx, false)
	for _, t := range topics {
		c.printf("%s\n", t.Topic)
	}
	return err
}

func (c *call) describeTopics(ctx context.Context) error {
	topics, err := c.matching(ctx, true)
	if err != nil {
		return err
	}
	only := c.has("under-replicated-partitions") || c.has("unavailable-partitions") || c.has("under-min-isr-partitions") || c.has("at-min-isr-partitions")
	for _, t := range topics {
		configs, minISR, err := c.overrides(ctx, t.Topic)
		if err != nil {
			return err
		}
		if c.has("topics-with-overrides") && configs == "" {
			continue
		}
		if !only {
			c.printf("Topic: %s\tTopicId: %s\tPartitionCount: %d\tReplicationFactor: %d\tConfigs: %s\n",
				t.Topic, base64.RawURLEncoding.EncodeToString(t.ID[:]), len(t.Partitions), t.Partitions.NumReplicas(), configs)
		}
		if c.has("topics-with-overrides") {
			continue
		}
		for _, p := range t.Partitions.Sorted() {
			if !only || c.shown(p, minISR) {
				leader := strconv.Itoa(int(p.Leader))
				if p.Leader < 0 {
					leader = "none"
				}
				c.printf("\tTopic: %s\tPartition: %d\tLeader: %s\tReplicas: %s\tIsr: %s\tElr: \tLastKnownElr: \n", t.Topic, p.Partition, leader, numbers(p.Replicas, ","), numbers(p.ISR, ","))
			}
		}
	}
	return nil
}

func (c *call) shown(p kadm.PartitionDetail, minISR int) bool {
	return c.has("under-replicated-partitions") && len(p.ISR) < len(p.Replicas) || c.has("unavailable-partitions") && p.Leader < 0 ||
		c.has("under-min-isr-partitions") && len(p.ISR) < minISR || c.has("at-min-isr-partitions") && len(p.ISR) == minISR
}

// overrides lists what of a topic's configuration is no default, and min.insync.replicas.
func (c *call) overrides(ctx context.Context, topic string) (text string, minISR int, err error) {
	entries, err := operate.DescribeConfig(ctx, c.cl, kmsg.ConfigResourceTypeTopic, topic)
	if err != nil {
		return "", 0, err
	}
	var list []string
	for _, e := range entries {
		if e.Value == nil {
			continue
		}
		if e.Name == "min.insync.replicas" {
			minISR, _ = strconv.Atoi(*e.Value)
		}
		if e.Source != kmsg.ConfigSourceDefaultConfig {
			list = append(list, e.Name+"="+*e.Value)
		}
	}
	return strings.Join(list, ","), minISR, nil
}

func (c *call) createTopic(ctx context.Context) error {
	topic := c.value("topic")
	if strings.ContainsAny(topic, "._") {
		c.printf("WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. To avoid issues it is best to use either, but not both.\n")
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(c.Timeout.Milliseconds())
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, -1, -1
	for _, f := range []struct {
		name string
		set  func(int)
	}{{"partitions", func(n int) { t.NumPartitions = int32(n) }}, {"replication-factor", func(n int) { t.ReplicationFactor = int16(n) }}} {
		if !c.has(f.name) {
			continue
		}
		n, err := strconv.Atoi(c.value(f.name))
		if err != nil {
			return misuse("Cannot parse argument '%s' of option %s", c.value(f.name), f.name)
		}
		if n < 1 {
			return fmt.Errorf("The %s must be greater than 0", strings.ReplaceAll(f.name, "-", " ")) //nolint:staticcheck // Kafka's words
		}
		f.set(n)
	}
	assignment, err := parseReplicaAssignment(c.value("replica-assignment"))
	if err != nil {
		return err
	}
	t.ReplicaAssignment = assignment
	for _, kv := range c.values["config"] {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			return errors.New("requirement failed: Invalid topic config: all configs to be added must be in the format \"key=val\".")
		}
		tc := kmsg.NewCreateTopicsRequestTopicConfig()
		tc.Name, tc.Value = k, &v
		t.Configs = append(t.Configs, tc)
	}
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, c.cl)
	if err != nil {
		return err
	}
	for _, r := range resp.Topics {
		err := kerr.ErrorForCode(r.ErrorCode)
		if errors.Is(err, kerr.TopicAlreadyExists) && c.has("if-not-exists") {
			return nil
		}
		if errors.Is(err, kerr.TopicAlreadyExists) {
			return &operate.BrokerError{Message: fmt.Sprintf("Topic '%s' already exists.", topic), Cause: err}
		}
		if err != nil && r.ErrorMessage != nil {
			return &operate.BrokerError{Message: *r.ErrorMessage, Cause: err}
		} else if err != nil {
			return err
		}
	}
	c.printf("Created topic %s.\n", topic)
	return nil
}

// parseReplicaAssignment reads 1:2,2:1: the brokers of partition 0, then of partition 1.
func parseReplicaAssignment(text string) ([]kmsg.CreateTopicsRequestTopicReplicaAssignment, error) {
	if text == "" {
		return nil, nil
	}
	var all []kmsg.CreateTopicsRequestTopicReplicaAssignment
	for i, one := range strings.Split(text, ",") {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition = int32(i)
		for b := range strings.SplitSeq(one, ":") {
			id, err := strconv.ParseInt(strings.TrimSpace(b), 10, 32)
			if err != nil || slices.Contains(a.Replicas, int32(id)) {
				return nil, fmt.Errorf("Partition replica lists may not contain duplicate entries or names: %s", one) //nolint:staticcheck // Kafka's words
			}
			a.Replicas = append(a.Replicas, int32(id))
		}
		all = append(all, a)
	}
	return all, nil
}

func (c *call) alterTopics(ctx context.Context) error {
	n, err := strconv.Atoi(c.value("partitions"))
	if err != nil {
		return misuse("Missing required argument \"[partitions]\"")
	}
	topics, err := c.matching(ctx, true)
	if err != nil {
		return err
	}
	for _, t := range topics {
		rs, err := c.adm.UpdatePartitions(ctx, n, t.Topic)
		if err != nil {
			return err
		}
		if r := rs[t.Topic]; r.Err != nil && r.ErrMessage != "" {
			return &operate.BrokerError{Message: r.ErrMessage, Cause: r.Err}
		} else if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

func (c *call) deleteTopics(ctx context.Context) error {
	topics, err := c.matching(ctx, true)
	if err != nil {
		return err
	}
	for _, t := range topics {
		r, err := c.adm.DeleteTopic(ctx, t.Topic)
		if err = errors.Join(err, r.Err); err != nil {
			return err
		}
	}
	return nil
}
