package operate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConfigEntry is one key of a resource, with where its value comes from.
type ConfigEntry struct {
	Name      string
	Value     *string // nil: none, or not shown
	Source    kmsg.ConfigSource
	Sensitive bool
	ReadOnly  bool
	Synonyms  []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym
	Doc       string
}

// Dynamic reports whether the value was made for this resource, rather than taken from a file or a default. Among brokers
// those of one broker and of the cluster count.
func (e ConfigEntry) Dynamic(of kmsg.ConfigResourceType) bool {
	switch of {
	case kmsg.ConfigResourceTypeTopic:
		return e.Source == kmsg.ConfigSourceDynamicTopicConfig
	case kmsg.ConfigResourceTypeBroker:
		return e.Source == kmsg.ConfigSourceDynamicBrokerConfig || e.Source == kmsg.ConfigSourceDynamicDefaultBrokerConfig
	case kmsg.ConfigResourceTypeBrokerLogger:
		return e.Source == kmsg.ConfigSourceDynamicBrokerLoggerConfig
	case kmsg.ConfigResourceTypeClientMetrics:
		return e.Source == kmsg.ConfigSourceClientMetricsConfig
	case kmsg.ConfigResourceTypeGroupConfig:
		return e.Source == kmsg.ConfigSourceGroupConfig
	}
	return false
}

// DescribeConfig lists the keys of a resource by name.
func DescribeConfig(ctx context.Context, cl *kgo.Client, of kmsg.ConfigResourceType, name string) ([]ConfigEntry, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.IncludeSynonyms, req.IncludeDocumentation = true, true
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType, r.ResourceName = of, name
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("configuration of %s %q: %w", ResourceWord(of), name, err)
	}
	var all []ConfigEntry
	for _, r := range resp.Resources {
		if err := withMessage(r.ErrorCode, r.ErrorMessage); err != nil {
			return nil, fmt.Errorf("configuration of %s %q: %w", ResourceWord(of), name, err)
		}
		for _, c := range r.Configs {
			all = append(all, ConfigEntry{c.Name, c.Value, c.Source, c.IsSensitive, c.ReadOnly, c.ConfigSynonyms, text(c.Documentation)})
		}
	}
	slices.SortFunc(all, func(a, b ConfigEntry) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// ConfigChange is one operation on one key.
type ConfigChange struct {
	Name  string
	Op    kmsg.IncrementalAlterConfigOp
	Value string // not for a deletion
}

// AlterConfig changes keys of a resource; validate only asks whether it would be allowed.
func AlterConfig(ctx context.Context, cl *kgo.Client, of kmsg.ConfigResourceType, name string, changes []ConfigChange, validate bool) error {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.ValidateOnly = validate
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = of, name
	for _, ch := range changes {
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Op = ch.Name, ch.Op
		if ch.Op != kmsg.IncrementalAlterConfigOpDelete {
			c.Value = &ch.Value
		}
		r.Configs = append(r.Configs, c)
	}
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("configure %s %q: %w", ResourceWord(of), name, err)
	}
	for _, r := range resp.Resources {
		if err := withMessage(r.ErrorCode, r.ErrorMessage); err != nil {
			return fmt.Errorf("configure %s %q: %w", ResourceWord(of), name, err)
		}
	}
	return nil
}

// ListConfigResources names the groups or client-metrics subscriptions that have a configuration.
func ListConfigResources(ctx context.Context, cl *kgo.Client, of kmsg.ConfigResourceType) ([]string, error) {
	req := kmsg.NewPtrListConfigResourcesRequest()
	req.ResourceTypes = []int8{int8(of)}
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, fmt.Errorf("list configurations: %w", err)
	}
	var names []string
	for _, r := range resp.ConfigResources {
		if cmp.Or(kmsg.ConfigResourceType(r.Type), of) == of {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// ResourceWord is the word for a kind of resource.
func ResourceWord(of kmsg.ConfigResourceType) string {
	switch of {
	case kmsg.ConfigResourceTypeTopic:
		return "topic"
	case kmsg.ConfigResourceTypeBroker:
		return "broker"
	case kmsg.ConfigResourceTypeBrokerLogger:
		return "broker-logger"
	case kmsg.ConfigResourceTypeClientMetrics:
		return "client-metric"
	case kmsg.ConfigResourceTypeGroupConfig:
		return "group"
	}
	return "resource"
}
