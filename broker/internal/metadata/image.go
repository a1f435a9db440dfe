package metadata

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Image is the whole metadata at one offset of the log. It is immutable: keep
// it as long as one answer needs one consistent view, then let it go.
type Image struct {
	offset         int64
	clusterID      string
	byName         map[string]*Topic
	byID           map[TopicID]*Topic
	partitions     int
	brokers        map[int32]*Broker
	configs        map[ConfigResource]map[string]string // broker and group; a topic's own are in Topic
	nextProducerID int64
	features       map[string]int16
	acls           *ACLs // nil: none
	scram          map[ScramUser]ScramCredential
	quotas         *Quotas // nil: none
	tokens         map[string]*DelegationToken

	sorted func() []*Topic // by name; computed once, when first asked for
}

// Broker is a registered broker.
type Broker struct {
	ID int32
	// Epoch is the offset of its registration: it grows with every start.
	Epoch     int64
	Rack      string // "": none
	Endpoints []Endpoint
}

// Endpoint is one advertised listener of a broker.
type Endpoint struct {
	Listener string // its name, for example PLAINTEXT
	Host     string
	Port     int32
}

// Endpoint returns the address that a client of the given listener is to
// use: that listener's, or the first one if the broker has none of that name.
func (b *Broker) Endpoint(listener string) Endpoint {
	for _, e := range b.Endpoints {
		if strings.EqualFold(e.Listener, listener) {
			return e
		}
	}
	if len(b.Endpoints) > 0 {
		return b.Endpoints[0]
	}
	return Endpoint{Port: -1}
}

// ResourceType says what a config belongs to. The numbers are Kafka's.
type ResourceType int8

// The resources that the metadata keeps configs of.
const (
	TopicResource  ResourceType = 2
	BrokerResource ResourceType = 4
	ClientMetrics  ResourceType = 16
	GroupResource  ResourceType = 32
)

// ConfigResource names the owner of configs. Broker configs of the whole
// cluster have the name "".
type ConfigResource struct {
	Type ResourceType
	Name string
}

var emptyImage = sync.OnceValue(func() *Image {
	img := &Image{offset: -1}
	img.finish()
	return img
})

// Empty returns the image before the first record. Its offset is -1.
func Empty() *Image { return emptyImage() }

func (i *Image) finish() {
	i.sorted = sync.OnceValue(func() []*Topic {
		return slices.SortedFunc(maps.Values(i.byName), func(a, b *Topic) int { return strings.Compare(a.Name, b.Name) })
	})
}

// Offset is the log offset of the last record in the image.
func (i *Image) Offset() int64 { return i.offset }

// ClusterID is the cluster's id, or "" before it has one.
func (i *Image) ClusterID() string { return i.clusterID }

// Topic returns the topic of that name.
func (i *Image) Topic(name string) (*Topic, bool) {
	t, ok := i.byName[name]
	return t, ok
}

// TopicByID returns the topic with that id.
func (i *Image) TopicByID(id TopicID) (*Topic, bool) {
	t, ok := i.byID[id]
	return t, ok
}

// Topics yields all topics ordered by name.
func (i *Image) Topics() iter.Seq[*Topic] { return slices.Values(i.sorted()) }

// TopicsAfter yields the topics whose names are at or after from, in order.
func (i *Image) TopicsAfter(from string) iter.Seq[*Topic] {
	all := i.sorted()
	at, _ := slices.BinarySearchFunc(all, from, func(t *Topic, name string) int { return strings.Compare(t.Name, name) })
	return slices.Values(all[at:])
}

// NumTopics and NumPartitions count the topics and all their partitions.
func (i *Image) NumTopics() int { return len(i.byName) }

// NumPartitions counts the partitions of all topics.
func (i *Image) NumPartitions() int { return i.partitions }

// Broker returns a registered broker.
func (i *Image) Broker(id int32) (*Broker, bool) {
	b, ok := i.brokers[id]
	return b, ok
}

// Brokers returns the registered brokers ordered by id.
func (i *Image) Brokers() []*Broker {
	return slices.SortedFunc(maps.Values(i.brokers), func(a, b *Broker) int { return int(a.ID) - int(b.ID) })
}

// Configs returns the resource's own settings, without defaults; nil if it
// has none. The map must not be changed.
func (i *Image) Configs(r ConfigResource) map[string]string {
	if r.Type == TopicResource {
		if t, ok := i.byName[r.Name]; ok {
			return t.Configs
		}
		return nil
	}
	return i.configs[r]
}

// Resources yields the resources of a type that have settings of their own,
// ordered by name.
func (i *Image) Resources(t ResourceType) []ConfigResource {
	var rs []ConfigResource
	for r := range i.configs {
		if r.Type == t {
			rs = append(rs, r)
		}
	}
	slices.SortFunc(rs, func(a, b ConfigResource) int { return strings.Compare(a.Name, b.Name) })
	return rs
}

// NextProducerID is the first producer id that was never handed out.
func (i *Image) NextProducerID() int64 { return i.nextProducerID }

// Feature returns the finalized level of a feature, 0 for off; ok is false if
// nobody ever decided.
func (i *Image) Feature(name string) (level int16, ok bool) {
	level, ok = i.features[name]
	return level, ok
}

// Features returns all features that were decided on. The map must not be
// changed.
func (i *Image) Features() map[string]int16 { return i.features }
