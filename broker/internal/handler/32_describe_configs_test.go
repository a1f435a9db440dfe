package handler_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
)

const (
	topicType  = int8(metadata.TopicResource)
	brokerType = int8(metadata.BrokerResource)
	groupType  = int8(metadata.GroupResource)
)

type op = kmsg.IncrementalAlterConfigsRequestResourceConfig

func (b *broker) alterOps(typ int8, name string, validate bool, ops ...op) int16 {
	b.t.Helper()
	req := latest(kmsg.NewPtrIncrementalAlterConfigsRequest())
	req.ValidateOnly = validate
	req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceType(typ), ResourceName: name, Configs: ops}}
	got := do[*kmsg.IncrementalAlterConfigsResponse](b.client(), req).Resources[0]
	if (got.ErrorCode != 0) != (got.ErrorMessage != nil) {
		b.t.Errorf("%v with message %v", kerr.ErrorForCode(got.ErrorCode), got.ErrorMessage)
	}
	return got.ErrorCode
}

// alter sets one key.
func (b *broker) alter(typ int8, name, key, value string) int16 {
	b.t.Helper()
	return b.alterOps(typ, name, false, op{Name: key, Value: &value})
}

// describe returns the named configs of a resource.
func (b *broker) describe(typ int8, name string, keys ...string) (int16, map[string]kmsg.DescribeConfigsResponseResourceConfig) {
	b.t.Helper()
	req := latest(kmsg.NewPtrDescribeConfigsRequest())
	req.IncludeSynonyms, req.IncludeDocumentation = true, true
	req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceType(typ), ResourceName: name, ConfigNames: keys}}
	got := do[*kmsg.DescribeConfigsResponse](b.client(), req).Resources[0]
	configs := map[string]kmsg.DescribeConfigsResponseResourceConfig{}
	for _, c := range got.Configs {
		configs[c.Name] = c
	}
	return got.ErrorCode, configs
}

// value is a described value; "null" if it has none.
func value(c kmsg.DescribeConfigsResponseResourceConfig) string {
	if c.Value == nil {
		return "null"
	}
	return *c.Value
}

func TestDescribeConfigs(t *testing.T) {
	b := newBroker(t, map[string]string{"log.retention.ms": "5000"})
	b.create("t", 1, "cleanup.policy", "compact")
	_, configs := b.describe(topicType, "t")
	if len(configs) < 25 {
		t.Errorf("%d topic keys", len(configs))
	}
	for name, c := range configs {
		if c.Documentation == nil || *c.Documentation == "" {
			t.Errorf("%s has no documentation", name)
		}
		if c.ConfigType == 0 {
			t.Errorf("%s has no type", name)
		}
		if c.ReadOnly || c.IsSensitive {
			t.Errorf("%s is read-only or sensitive", name)
		}
	}
	f := func(name, want string, source kmsg.ConfigSource, synonyms ...string) {
		t.Helper()
		c := configs[name]
		var got []string
		for _, s := range c.ConfigSynonyms {
			got = append(got, s.Name)
		}
		if value(c) != want || c.Source != source || c.IsDefault != (source == kmsg.ConfigSourceDefaultConfig) || !cmp.Equal(got, synonyms) {
			t.Errorf("%s is %s by %v, synonyms %v", name, value(c), c.Source, got)
		}
	}
	f("cleanup.policy", "compact", kmsg.ConfigSourceDynamicTopicConfig, "cleanup.policy", "log.cleanup.policy")
	f("retention.ms", "5000", kmsg.ConfigSourceStaticBrokerConfig, "log.retention.ms")
	code, one := b.describe(topicType, "t", "segment.bytes", "no.such.key")
	if code != 0 || len(one) != 1 {
		t.Errorf("one key of one unknown: %v, %d", kerr.ErrorForCode(code), len(one))
	}
	g := func(typ int8, name string, want *kerr.Error) {
		t.Helper()
		code, _ := b.describe(typ, name)
		wantCode(t, "describe "+name, code, want)
	}
	g(topicType, "u", kerr.UnknownTopicOrPartition)
	g(topicType, "", kerr.InvalidTopicException)
	g(brokerType, "1", nil)
	g(brokerType, "", nil)
	g(brokerType, "2", kerr.InvalidRequest)
	g(brokerType, "x", kerr.InvalidRequest)
	g(groupType, "g", nil)
	g(groupType, "", kerr.InvalidRequest)
	g(99, "x", kerr.InvalidRequest)
}

func TestAlterBrokerConfigs(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1)
	effective := func() string {
		_, c := b.describe(topicType, "t", "max.message.bytes")
		return value(c["max.message.bytes"])
	}
	f := func(code int16, want *kerr.Error, max string) {
		t.Helper()
		wantCode(t, "alter", code, want)
		if got := effective(); got != max {
			t.Errorf("max.message.bytes of the topic is %s, want %s", got, max)
		}
	}
	f(b.alter(brokerType, "", "message.max.bytes", "5000"), nil, "5000")
	f(b.alter(brokerType, "1", "message.max.bytes", "6000"), nil, "6000")
	f(b.alter(topicType, "t", "max.message.bytes", "7000"), nil, "7000")
	f(b.alterOps(topicType, "t", false, op{Name: "max.message.bytes", Op: kmsg.IncrementalAlterConfigOpDelete}), nil, "6000")
	f(b.alterOps(brokerType, "1", false, op{Name: "message.max.bytes", Op: kmsg.IncrementalAlterConfigOpDelete}), nil, "5000")
	f(b.alter(brokerType, "", "message.max.bytes", "-1"), kerr.InvalidConfig, "5000")
	f(b.alter(brokerType, "1", "log.dirs", "/x"), kerr.InvalidRequest, "5000") // only at start
	f(b.alter(brokerType, "2", "message.max.bytes", "1"), kerr.InvalidRequest, "5000")
	_, all := b.describe(brokerType, "")
	if len(all) != 1 || value(all["message.max.bytes"]) != "5000" {
		t.Errorf("configs of all brokers: %v", all)
	}
}

func TestIncrementalAlterConfigs(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1)
	val := func(s string) *string { return &s }
	do := func(key string, o kmsg.IncrementalAlterConfigOp, value *string) op {
		return op{Name: key, Op: o, Value: value}
	}
	f := func(want *kerr.Error, policy string, ops ...op) {
		t.Helper()
		wantCode(t, "alter", b.alterOps(topicType, "t", false, ops...), want)
		_, c := b.describe(topicType, "t", "cleanup.policy")
		if got := value(c["cleanup.policy"]); got != policy {
			t.Errorf("cleanup.policy is %s, want %s", got, policy)
		}
	}
	const (
		set      = kmsg.IncrementalAlterConfigOpSet
		remove   = kmsg.IncrementalAlterConfigOpDelete
		add      = kmsg.IncrementalAlterConfigOpAppend
		subtract = kmsg.IncrementalAlterConfigOpSubtract
	)
	f(nil, "delete,compact", do("cleanup.policy", add, val("compact"))) // to the default
	f(nil, "delete,compact", do("cleanup.policy", add, val("compact"))) // once
	f(nil, "compact", do("cleanup.policy", subtract, val("delete")))
	f(nil, "delete", do("cleanup.policy", remove, nil))
	f(nil, "compact", do("cleanup.policy", set, val("compact")), do("retention.ms", set, val("1")))
	f(kerr.InvalidConfig, "compact", do("cleanup.policy", set, val("delete")), do("retention.ms", set, val("x"))) // all or nothing
	f(kerr.InvalidConfig, "compact", do("cleanup.policy", set, val("maybe")))
	f(kerr.InvalidConfig, "compact", do("retention.ms", add, val("1")))
	f(kerr.InvalidConfig, "compact", do("no.such.key", set, val("1")))
	f(kerr.InvalidRequest, "compact", do("cleanup.policy", set, nil))
	f(kerr.InvalidRequest, "compact", do("cleanup.policy", 9, val("delete")))
	f(kerr.InvalidRequest, "compact", do("retention.ms", set, val("1")), do("retention.ms", remove, nil))
	wantCode(t, "unknown topic", b.alterOps(topicType, "u", false), kerr.UnknownTopicOrPartition)
	wantCode(t, "validate", b.alterOps(topicType, "t", true, do("cleanup.policy", set, val("delete"))), nil)
	f(nil, "compact")

	wantCode(t, "group", b.alter(groupType, "g", "consumer.session.timeout.ms", "50000"), nil)
	_, g := b.describe(groupType, "g", "consumer.session.timeout.ms")
	if c := g["consumer.session.timeout.ms"]; value(c) != "50000" {
		t.Errorf("group config: %+v", c)
	}
	wantCode(t, "below the broker's least", b.alter(groupType, "g", "consumer.session.timeout.ms", "1"), kerr.InvalidConfig)
	wantCode(t, "above the broker's most", b.alter(groupType, "g", "consumer.session.timeout.ms", "90000"), kerr.InvalidConfig)
	wantCode(t, "unknown group key", b.alter(groupType, "g", "retention.ms", "1"), kerr.InvalidConfig)
}

func TestAlterConfigsReplaces(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1, "retention.ms", "1", "segment.bytes", "1048576")
	f := func(want *kerr.Error, validate bool, configs []kmsg.AlterConfigsRequestResourceConfig, left map[string]string) {
		t.Helper()
		req := latest(kmsg.NewPtrAlterConfigsRequest())
		req.ValidateOnly = validate
		req.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "t", Configs: configs}}
		wantCode(t, "alter", do[*kmsg.AlterConfigsResponse](b.client(), req).Resources[0].ErrorCode, want)
		topic, _ := b.meta.Image().Topic("t")
		if diff := cmp.Diff(left, topic.Configs); diff != "" {
			t.Error(diff)
		}
	}
	two, bad := "2", "x"
	before := map[string]string{"retention.ms": "1", "segment.bytes": "1048576"}
	f(nil, true, nil, before)
	f(kerr.InvalidConfig, false, []kmsg.AlterConfigsRequestResourceConfig{{Name: "retention.ms", Value: &bad}}, before)
	f(kerr.InvalidRequest, false, []kmsg.AlterConfigsRequestResourceConfig{{Name: "retention.ms"}}, before)
	f(nil, false, []kmsg.AlterConfigsRequestResourceConfig{{Name: "retention.ms", Value: &two}}, map[string]string{"retention.ms": "2"})
	f(nil, false, nil, map[string]string{})

	req := latest(kmsg.NewPtrAlterConfigsRequest())
	twice := kmsg.AlterConfigsRequestResource{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "t"}
	req.Resources = []kmsg.AlterConfigsRequestResource{twice, twice}
	for _, r := range do[*kmsg.AlterConfigsResponse](b.client(), req).Resources {
		wantCode(t, "named twice", r.ErrorCode, kerr.InvalidRequest)
	}
}

func TestListConfigResources(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1)
	b.alter(groupType, "g", "consumer.session.timeout.ms", "50000")
	f := func(version int16, types []int8, want *kerr.Error, names ...string) {
		t.Helper()
		req := kmsg.NewPtrListConfigResourcesRequest()
		req.Version, req.ResourceTypes = version, types
		resp := do[*kmsg.ListConfigResourcesResponse](b.client(), req)
		wantCode(t, "list", resp.ErrorCode, want)
		var got []string
		for _, r := range resp.ConfigResources {
			got = append(got, r.Name)
		}
		if diff := cmp.Diff(names, got); diff != "" {
			t.Error(diff)
		}
	}
	f(0, nil, nil)
	f(1, nil, nil, "t", "1", "g")
	f(1, []int8{groupType}, nil, "g")
	f(1, []int8{topicType, 99}, kerr.UnsupportedVersion)
}
