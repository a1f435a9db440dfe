package broker

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/quota"
)

// publisher turns changes of the metadata into partitions: it creates, configures and deletes them. It is called by
// the metadata log, one change at a time.
type publisher struct {
	set        *settings
	partitions *partition.Manager
	quotas     *quota.Manager

	mu    sync.Mutex
	fatal error // guarded by mu: of the first delta
	first bool  // guarded by mu
}

func newPublisher(s *settings, m *partition.Manager, q *quota.Manager) *publisher {
	return &publisher{set: s, partitions: m, quotas: q, first: true}
}

// Publish implements metadata.Publisher. What fails for one partition is logged: the partition answers with its error
// until the next start.
func (p *publisher) Publish(d metadata.Delta) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, c := range d.Topics {
		errs = append(errs, p.topic(d.Next, c))
	}
	for _, r := range d.Configs {
		if r.Type == metadata.BrokerResource {
			errs = append(errs, p.configureAll(d.Next))
			p.configureCleaner(d.Next)
			p.limitConnections(d.Next)
			break
		}
	}
	if p.first {
		p.configureCleaner(d.Next)
		p.limitConnections(d.Next)
	}
	p.quotas.Publish(d)
	err := errors.Join(errs...)
	if p.first {
		p.fatal = err
		p.first = false
		return
	}
	if err != nil {
		p.set.log.Error("apply metadata", "err", err)
	}
}

// opened tells how the first delta went, and removes what lies on disk without being in the metadata.
func (p *publisher) opened() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fatal != nil {
		return p.fatal
	}
	if err := p.partitions.DeleteStrays(); err != nil {
		return fmt.Errorf("delete stray partitions: %w", err)
	}
	return nil
}

func (p *publisher) topic(img *metadata.Image, c metadata.TopicChange) error {
	if c.After == nil {
		return p.remove(c.Before)
	}
	config, err := p.config(img, c.After)
	if err != nil {
		return err
	}
	var errs []error
	for i := range c.After.Partitions {
		part := &c.After.Partitions[i]
		if before := partitionBefore(c.Before, part.Index); before != nil && before.LeaderEpoch == part.LeaderEpoch {
			continue
		}
		_, err := p.partitions.Create(partition.Spec{
			Topic: c.After.Name, TopicID: c.After.ID, Index: part.Index, LeaderEpoch: part.LeaderEpoch, Config: config,
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("create partition %s-%d: %w", c.After.Name, part.Index, err))
		}
	}
	if c.Before != nil && !maps.Equal(c.Before.Configs, c.After.Configs) {
		p.partitions.Configure(c.After.Name, config)
	}
	return errors.Join(errs...)
}

func partitionBefore(t *metadata.Topic, index int32) *metadata.Partition {
	if t == nil || int(index) >= len(t.Partitions) {
		return nil
	}
	return &t.Partitions[index]
}

func (p *publisher) remove(t *metadata.Topic) error {
	var errs []error
	for i := range t.Partitions {
		if err := p.partitions.Delete(t.Name, t.Partitions[i].Index); err != nil {
			errs = append(errs, fmt.Errorf("delete partition %s-%d: %w", t.Name, t.Partitions[i].Index, err))
		}
	}
	return errors.Join(errs...)
}

// configureAll applies changed broker keys, which are defaults of topics.
func (p *publisher) configureAll(img *metadata.Image) error {
	var errs []error
	for t := range img.Topics() {
		config, err := p.config(img, t)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.partitions.Configure(t.Name, config)
	}
	return errors.Join(errs...)
}

// configureCleaner applies the keys of compaction.
func (p *publisher) configureCleaner(img *metadata.Image) {
	l := p.layers(img, nil)
	number := func(key string) int64 { return l.Int64(configdef.Broker, key) }
	p.partitions.ConfigureCleaner(partition.CleanerConfig{
		Disabled:    !l.Bool(configdef.Broker, "log.cleaner.enable") || number("log.cleaner.threads") == 0,
		Threads:     int(number("log.cleaner.threads")),
		DedupeBytes: number("log.cleaner.dedupe.buffer.size"),
		LoadFactor:  l.Float64(configdef.Broker, "log.cleaner.io.buffer.load.factor"),
		Backoff:     milliseconds(max(number("log.cleaner.backoff.ms"), 1)),
	})
}

// limitConnections applies the rate at which connections are accepted, of all listeners and of each.
func (p *publisher) limitConnections(img *metadata.Image) {
	const key = "max.connection.creation.rate"
	l := p.layers(img, nil)
	own := make(map[string]int64)
	for i := range p.set.endpoints {
		e := &p.set.endpoints[i]
		for _, layer := range []map[string]string{l.DynamicBroker, l.DynamicDefault, l.Static} {
			value, set := layer[listenerPrefix(e)+key]
			if n, err := strconv.ParseInt(value, 10, 32); set && err == nil {
				own[e.name] = n
				break
			}
		}
	}
	p.quotas.LimitConnections(l.Int64(configdef.Broker, key), own)
}

// layers are where a key's value may stand; override is a topic's own configuration.
func (p *publisher) layers(img *metadata.Image, override map[string]string) configdef.Layers {
	return configdef.Layers{
		Override:       override,
		DynamicBroker:  img.Configs(metadata.ConfigResource{Type: metadata.BrokerResource, Name: strconv.Itoa(int(p.set.nodeID))}),
		DynamicDefault: img.Configs(metadata.ConfigResource{Type: metadata.BrokerResource}),
		Static:         p.set.static,
	}
}

// config resolves a topic's configuration.
func (p *publisher) config(img *metadata.Image, t *metadata.Topic) (partition.TopicConfig, error) {
	layers := p.layers(img, t.Configs)
	c, err := partition.ParseTopicConfig(func(key string) string {
		if _, ok := configdef.Lookup(configdef.Topic, key); !ok {
			return ""
		}
		return layers.Text(configdef.Topic, key)
	})
	if err != nil {
		return c, fmt.Errorf("configuration of topic %s: %w", t.Name, err)
	}
	return c, nil
}

// parseOverrides reads max.connections.per.ip.overrides: address:limit pairs.
func parseOverrides(list []string) (map[string]int, error) {
	m := make(map[string]int)
	for _, pair := range list {
		at := strings.LastIndex(pair, ":")
		if at < 0 {
			return nil, fmt.Errorf("max.connections.per.ip.overrides: %q is not of the form address:limit", pair)
		}
		n, err := strconv.Atoi(strings.TrimSpace(pair[at+1:]))
		if err != nil {
			return nil, fmt.Errorf("max.connections.per.ip.overrides: %q: %w", pair, err)
		}
		m[strings.Trim(strings.TrimSpace(pair[:at]), "[]")] = n
	}
	return m, nil
}
