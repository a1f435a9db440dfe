package metadata

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Apply returns the image after the records, or the error of the first one
// that does not fit; prev is unchanged either way. offset is the log offset
// of the first record.
func Apply(prev *Image, offset int64, recs ...Record) (Delta, error) {
	b := newBuilder(prev)
	for i, rec := range recs {
		b.next.offset = offset + int64(i)
		if err := rec.apply(b); err != nil {
			return Delta{}, fmt.Errorf("metadata record %d: %w", b.next.offset, err)
		}
	}
	return b.build(), nil
}

// builder makes an image from another. Maps and topics are copied when they
// are first changed, so a change costs what it touches.
type builder struct {
	prev, next *Image
	topics     bool           // byName and byID are our own copies
	configs    bool           // so is the outer map of configs
	owned      map[*Topic]int // topics that we may change, to their index in changes
	touched    map[ConfigResource]bool
	quotas     map[QuotaEntity]bool // entities whose limits are our own copies
	changes    []TopicChange
}

func newBuilder(prev *Image) *builder {
	next := *prev
	return &builder{prev: prev, next: &next, owned: map[*Topic]int{}, touched: map[ConfigResource]bool{}}
}

func (b *builder) build() Delta {
	b.next.finish()
	d := Delta{Prev: b.prev, Next: b.next}
	for _, c := range b.changes {
		if c.Before != nil || c.After != nil { // created and deleted at once: nobody saw it
			d.Topics = append(d.Topics, c)
		}
	}
	for r := range b.touched {
		d.Configs = append(d.Configs, r)
	}
	slices.SortFunc(d.Configs, func(x, y ConfigResource) int {
		if x.Type != y.Type {
			return int(x.Type) - int(y.Type)
		}
		if x.Name < y.Name {
			return -1
		}
		return 1
	})
	return d
}

func (b *builder) ownTopics() {
	if b.topics {
		return
	}
	b.topics = true
	b.next.byName = cloned(b.next.byName)
	b.next.byID = cloned(b.next.byID)
}

// cloned copies a map; a nil one becomes empty.
func cloned[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

// change returns the topic with that id for writing.
func (b *builder) change(id TopicID) (*Topic, error) {
	t, ok := b.next.byID[id]
	if !ok {
		return nil, fmt.Errorf("topic id %v: %w", id, kerr.UnknownTopicID)
	}
	if _, ok := b.owned[t]; ok {
		return t, nil
	}
	return b.put(t, &Topic{Name: t.Name, ID: t.ID, Partitions: slices.Clone(t.Partitions), Configs: maps.Clone(t.Configs)}), nil
}

// put installs a new or changed topic and notes the change.
func (b *builder) put(before, after *Topic) *Topic {
	b.ownTopics()
	b.next.byName[after.Name] = after
	b.next.byID[after.ID] = after
	b.owned[after] = len(b.changes)
	b.changes = append(b.changes, TopicChange{before, after})
	return after
}

func (m *ClusterRecord) apply(b *builder) error {
	if b.next.clusterID != "" && b.next.clusterID != m.ID {
		return fmt.Errorf("cluster is %q, not %q: %w", b.next.clusterID, m.ID, kerr.InconsistentClusterID)
	}
	b.next.clusterID = m.ID
	return nil
}

func (m *BrokerRecord) apply(b *builder) error {
	b.next.brokers = cloned(b.next.brokers)
	b.next.brokers[m.ID] = &Broker{ID: m.ID, Epoch: b.next.offset, Rack: m.Rack, Endpoints: m.Endpoints}
	if !m.Unclean {
		return nil
	}
	for id, t := range b.next.byID {
		if !slices.ContainsFunc(t.Partitions, func(p Partition) bool { return p.Leader == m.ID }) {
			continue
		}
		t, err := b.change(id)
		if err != nil {
			return err
		}
		for i := range t.Partitions {
			if p := &t.Partitions[i]; p.Leader == m.ID {
				p.LeaderEpoch++
				p.Epoch++
			}
		}
	}
	return nil
}

func (m *TopicRecord) apply(b *builder) error {
	if err := CheckTopicName(m.Name); err != nil {
		return err
	}
	if _, ok := b.next.byName[m.Name]; ok {
		return fmt.Errorf("topic %q: %w", m.Name, kerr.TopicAlreadyExists)
	}
	if _, ok := b.next.byID[m.ID]; ok || m.ID.IsZero() {
		return fmt.Errorf("topic %q with id %v, which is taken or zero: %w", m.Name, m.ID, kerr.InvalidRequest)
	}
	b.put(nil, &Topic{Name: m.Name, ID: m.ID})
	return nil
}

func (m *PartitionRecord) apply(b *builder) error {
	t, err := b.change(m.Topic)
	if err != nil {
		return err
	}
	if int(m.Index) != len(t.Partitions) || len(m.Replicas) == 0 {
		return fmt.Errorf("partition %d of %q, which has %d partitions: %w", m.Index, t.Name, len(t.Partitions), kerr.InvalidPartitions)
	}
	t.Partitions = append(t.Partitions, Partition{
		Index: m.Index, Leader: m.Replicas[0], Replicas: m.Replicas, ISR: m.Replicas,
	})
	b.next.partitions++
	return nil
}

func (m *PartitionChangeRecord) apply(b *builder) error {
	t, err := b.change(m.Topic)
	if err != nil {
		return err
	}
	if m.Index < 0 || int(m.Index) >= len(t.Partitions) {
		return fmt.Errorf("partition %d of %q: %w", m.Index, t.Name, kerr.UnknownTopicOrPartition)
	}
	p := &t.Partitions[m.Index]
	if p.Leader != m.Leader {
		p.LeaderEpoch++
	}
	p.Epoch++
	p.Leader, p.ISR, p.Replicas = m.Leader, m.ISR, m.Replicas
	return nil
}

func (m *RemoveTopicRecord) apply(b *builder) error {
	t, ok := b.next.byID[m.ID]
	if !ok {
		return fmt.Errorf("topic id %v: %w", m.ID, kerr.UnknownTopicID)
	}
	b.ownTopics()
	delete(b.next.byName, t.Name)
	delete(b.next.byID, t.ID)
	b.next.partitions -= len(t.Partitions)
	if at, ok := b.owned[t]; ok {
		b.changes[at].After = nil
		return nil
	}
	b.changes = append(b.changes, TopicChange{Before: t})
	return nil
}

func (m *ConfigRecord) apply(b *builder) error {
	if m.Key == "" {
		return fmt.Errorf("config of %v without a key: %w", m.Resource, kerr.InvalidConfig)
	}
	if m.Resource.Type == TopicResource {
		return m.applyToTopic(b)
	}
	if !b.configs {
		b.configs = true
		b.next.configs = cloned(b.next.configs)
	}
	if !b.touched[m.Resource] {
		b.touched[m.Resource] = true
		b.next.configs[m.Resource] = cloned(b.next.configs[m.Resource])
	}
	set(b.next.configs[m.Resource], m.Key, m.Value)
	if len(b.next.configs[m.Resource]) == 0 {
		delete(b.next.configs, m.Resource)
		b.touched[m.Resource] = false // a further change begins with a new map
	}
	return nil
}

func (m *ConfigRecord) applyToTopic(b *builder) error {
	t, ok := b.next.byName[m.Resource.Name]
	if !ok {
		return fmt.Errorf("configs of topic %q: %w", m.Resource.Name, kerr.UnknownTopicOrPartition)
	}
	t, err := b.change(t.ID)
	if err != nil {
		return err
	}
	if t.Configs == nil {
		t.Configs = map[string]string{}
	}
	set(t.Configs, m.Key, m.Value)
	return nil
}

func set(m map[string]string, key string, value *string) {
	if value == nil {
		delete(m, key)
		return
	}
	m[key] = *value
}

func (m *ProducerIDsRecord) apply(b *builder) error {
	if m.Next <= b.next.nextProducerID {
		return fmt.Errorf("producer ids up to %d are given out, %d is not above: %w", b.next.nextProducerID, m.Next, kerr.InvalidRequest)
	}
	b.next.nextProducerID = m.Next
	return nil
}

func (m *FeatureRecord) apply(b *builder) error {
	if m.Name == "" || m.Level < 0 {
		return fmt.Errorf("feature %q at level %d: %w", m.Name, m.Level, kerr.InvalidRequest)
	}
	b.next.features = cloned(b.next.features)
	b.next.features[m.Name] = m.Level
	return nil
}
