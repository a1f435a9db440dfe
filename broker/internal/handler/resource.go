package handler

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/metadata"
)

// brokerResource names the configs of one broker.
func brokerResource(node int32) metadata.ConfigResource {
	return metadata.ConfigResource{Type: metadata.BrokerResource, Name: strconv.Itoa(int(node))}
}

// configured is a resource that exists and can be configured: a topic, this
// broker, all brokers (named ""), or a group.
type configured struct {
	metadata.ConfigResource
	scope  configdef.Scope
	layers configdef.Layers
}

// configured checks that a resource of a request exists.
func (r *request) configured(typ int8, name string) (configured, error) {
	c := configured{ConfigResource: metadata.ConfigResource{Type: metadata.ResourceType(typ), Name: name}}
	switch c.Type {
	case metadata.TopicResource:
		t, err := r.topic(name)
		if err != nil {
			return c, err
		}
		c.scope, c.layers = configdef.Topic, r.h.topicLayers(r.img, t)
	case metadata.BrokerResource:
		if name != "" && name != brokerResource(r.h.node).Name {
			return c, fmt.Errorf("unexpected broker id, expected %d or an empty string, but received %s: %w", r.h.node, name, kerr.InvalidRequest)
		}
		c.scope, c.layers = configdef.Broker, r.h.layers(r.img)
		if name == "" {
			c.layers.DynamicBroker = nil
		}
	case metadata.GroupResource:
		if name == "" {
			return c, fmt.Errorf("default group resources are not allowed: %w", kerr.InvalidRequest)
		}
		c.scope, c.layers = configdef.Group, r.h.layers(r.img)
		c.layers.Override = r.img.Configs(c.ConfigResource)
	case metadata.ClientMetrics:
		if name == "" {
			return c, fmt.Errorf("Client metrics subscription name must not be empty: %w", kerr.InvalidRequest) //nolint:staticcheck // Kafka's text
		}
		c.scope, c.layers = configdef.ClientMetrics, configdef.Layers{Override: r.img.Configs(c.ConfigResource)}
	default:
		return c, fmt.Errorf("unsupported resource type %d: %w", typ, kerr.InvalidRequest)
	}
	return c, nil
}

// forAll reports whether the resource is the configs of all brokers.
func (c configured) forAll() bool { return c.Type == metadata.BrokerResource && c.Name == "" }

// check says whether a key of the resource may be set to value, or removed if
// value is nil.
func (c configured) check(key string, value *string) error {
	k, ok := configdef.Lookup(c.scope, key)
	if !ok {
		switch {
		case value == nil:
			return nil // what an older version knew may be removed
		case c.scope == configdef.ClientMetrics:
			return fmt.Errorf("Unknown client metrics configuration: %s: %w", key, kerr.InvalidRequest) //nolint:staticcheck // Kafka's text
		}
		return fmt.Errorf("unknown %s config name: %s: %w", c.scopeName(), key, kerr.InvalidConfig)
	}
	if c.scope == configdef.Broker {
		switch {
		case k.Mode == configdef.ReadOnly:
			return fmt.Errorf("cannot update these configs dynamically: %s: %w", key, kerr.InvalidRequest)
		case k.Mode == configdef.PerBroker && c.forAll():
			return fmt.Errorf("cannot update these configs at default cluster level, broker id must be specified: %s: %w", key, kerr.InvalidRequest)
		}
	}
	if value == nil {
		return nil
	}
	if err := configdef.Check(c.scope, key, *value); err != nil {
		if _, notNumber := strconv.Atoi(*value); c.scope == configdef.ClientMetrics && notNumber == nil {
			return fmt.Errorf("%w: %w", err, kerr.InvalidRequest) // as Kafka answers an interval out of its bounds
		}
		return fmt.Errorf("%w: %w", err, kerr.InvalidConfig)
	}
	return c.checkBounds(key, *value)
}

// checkBounds holds a group's setting within what the broker allows: for
// consumer.session.timeout.ms these are group.consumer.min.session.timeout.ms
// and group.consumer.max.session.timeout.ms, and so on.
func (c configured) checkBounds(key, value string) error {
	kind, rest, ok := strings.Cut(key, ".")
	n, err := strconv.ParseInt(value, 10, 64)
	if c.scope != configdef.Group || !ok || err != nil {
		return nil
	}
	low, high := "group."+kind+".min."+rest, "group."+kind+".max."+rest
	if _, ok := configdef.Lookup(configdef.Broker, low); ok && n < c.layers.Int64(configdef.Broker, low) {
		return fmt.Errorf("%s must be greater than or equal to %s: %w", key, low, kerr.InvalidConfig)
	}
	if _, ok := configdef.Lookup(configdef.Broker, high); ok && n > c.layers.Int64(configdef.Broker, high) {
		return fmt.Errorf("%s must be less than or equal to %s: %w", key, high, kerr.InvalidConfig)
	}
	return nil
}

func (c configured) scopeName() string {
	switch c.scope {
	case configdef.Topic:
		return "topic"
	case configdef.Group:
		return "group"
	case configdef.ClientMetrics:
		return "client metrics"
	}
	return "broker"
}

// change proposes changes of a resource's own settings; a nil value removes.
func (r *request) change(c configured, changes map[string]*string, validateOnly bool) error {
	var recs []metadata.Record
	have := r.img.Configs(c.ConfigResource)
	for key, value := range changes {
		if err := c.check(key, value); err != nil {
			return err
		}
		if old, ok := have[key]; ok && value != nil && old == *value || !ok && value == nil {
			continue
		}
		recs = append(recs, &metadata.ConfigRecord{Resource: c.ConfigResource, Key: key, Value: value})
	}
	if validateOnly || len(recs) == 0 {
		return nil
	}
	if _, err := r.h.metadata.Propose(recs); err != nil {
		return err
	}
	r.img = r.h.metadata.Image()
	return nil
}
