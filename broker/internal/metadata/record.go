package metadata

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kbin"
)

// Record is one change of the metadata. The concrete types are the *Record
// structs of this file.
type Record interface {
	kind() kind
	append(dst []byte) []byte
	read(r *kbin.Reader)
	apply(b *builder) error
}

// kind is the first byte of a record on disk. The numbers are final.
type kind byte

const (
	kindCluster kind = iota + 1
	kindBroker
	kindTopic
	kindPartition
	kindPartitionChange
	kindRemoveTopic
	kindConfig
	kindProducerIDs
	kindFeature
	kindACL
	kindRemoveACL
	kindScramCredential
	kindRemoveScramCredential
	kindQuota
	kindDelegationToken
	kindRemoveDelegationToken
)

// recordVersion is the second byte of a record: the version of its body.
const recordVersion = 1

// ClusterRecord gives the cluster its id, once.
type ClusterRecord struct{ ID string }

// BrokerRecord registers a broker at its start, replacing an older
// registration. Unclean says that it was not shut down properly and that what
// it had written may be gone: the leader epoch of every partition that it leads
// then grows, so that clients notice.
type BrokerRecord struct {
	ID        int32
	Rack      string
	Unclean   bool
	Endpoints []Endpoint
}

// TopicRecord creates a topic without partitions; its [PartitionRecord]s
// follow in the same Propose.
type TopicRecord struct {
	Name string
	ID   TopicID
}

// PartitionRecord adds the next partition to a topic. Leader, epoch and ISR
// follow from the replicas: the first one leads with epoch 0.
type PartitionRecord struct {
	Topic    TopicID
	Index    int32
	Replicas []int32
}

// PartitionChangeRecord replaces leader, ISR and replicas of a partition. The
// leader epoch grows if the leader changes.
type PartitionChangeRecord struct {
	Topic    TopicID
	Index    int32
	Leader   int32
	ISR      []int32
	Replicas []int32
}

// RemoveTopicRecord deletes a topic with its partitions and configs.
type RemoveTopicRecord struct{ ID TopicID }

// ConfigRecord sets (Value not nil) or removes one config of a resource.
type ConfigRecord struct {
	Resource ConfigResource
	Key      string
	Value    *string
}

// ProducerIDsRecord moves the first free producer id up: the ids between the
// old and the new one belong to Broker.
type ProducerIDsRecord struct {
	Broker int32
	Next   int64
}

// FeatureRecord finalizes a feature at a level; 0 is off, which is not the
// same as nobody having decided.
type FeatureRecord struct {
	Name  string
	Level int16
}

func (*ClusterRecord) kind() kind         { return kindCluster }
func (*BrokerRecord) kind() kind          { return kindBroker }
func (*TopicRecord) kind() kind           { return kindTopic }
func (*PartitionRecord) kind() kind       { return kindPartition }
func (*PartitionChangeRecord) kind() kind { return kindPartitionChange }
func (*RemoveTopicRecord) kind() kind     { return kindRemoveTopic }
func (*ConfigRecord) kind() kind          { return kindConfig }
func (*ProducerIDsRecord) kind() kind     { return kindProducerIDs }
func (*FeatureRecord) kind() kind         { return kindFeature }

func newRecord(k kind) (Record, error) {
	switch k {
	case kindCluster:
		return new(ClusterRecord), nil
	case kindBroker:
		return new(BrokerRecord), nil
	case kindTopic:
		return new(TopicRecord), nil
	case kindPartition:
		return new(PartitionRecord), nil
	case kindPartitionChange:
		return new(PartitionChangeRecord), nil
	case kindRemoveTopic:
		return new(RemoveTopicRecord), nil
	case kindConfig:
		return new(ConfigRecord), nil
	case kindProducerIDs:
		return new(ProducerIDsRecord), nil
	case kindFeature:
		return new(FeatureRecord), nil
	case kindACL:
		return new(ACLRecord), nil
	case kindRemoveACL:
		return new(RemoveACLRecord), nil
	case kindScramCredential:
		return new(ScramCredentialRecord), nil
	case kindRemoveScramCredential:
		return new(RemoveScramCredentialRecord), nil
	case kindQuota:
		return new(QuotaRecord), nil
	case kindDelegationToken:
		return new(DelegationTokenRecord), nil
	case kindRemoveDelegationToken:
		return new(RemoveDelegationTokenRecord), nil
	case kindTopicState:
		return new(topicState), nil
	case kindBrokerState:
		return new(brokerState), nil
	}
	return nil, fmt.Errorf("metadata record of unknown kind %d", k)
}

// appendRecord appends kind, version and body.
func appendRecord(dst []byte, rec Record) []byte {
	return rec.append(append(dst, byte(rec.kind()), recordVersion))
}

// decodeRecord reads what appendRecord wrote. It fails on a kind or version
// that a newer chortal wrote, and on bytes left over.
func decodeRecord(src []byte) (Record, error) {
	if len(src) < 2 {
		return nil, fmt.Errorf("metadata record of %d bytes", len(src))
	}
	rec, err := newRecord(kind(src[0]))
	if err != nil {
		return nil, err
	}
	if src[1] != recordVersion {
		return nil, fmt.Errorf("metadata record of kind %d has version %d, this program knows %d", src[0], src[1], recordVersion)
	}
	r := kbin.Reader{Src: src[2:]}
	rec.read(&r)
	if err := r.Complete(); err != nil {
		return nil, fmt.Errorf("metadata record of kind %d: %w", src[0], err)
	}
	if len(r.Src) != 0 {
		return nil, fmt.Errorf("metadata record of kind %d has %d bytes too many", src[0], len(r.Src))
	}
	return rec, nil
}

func (m *ClusterRecord) append(dst []byte) []byte { return kbin.AppendCompactString(dst, m.ID) }
func (m *ClusterRecord) read(r *kbin.Reader)      { m.ID = r.CompactString() }

func (m *BrokerRecord) append(dst []byte) []byte {
	dst = kbin.AppendInt32(dst, m.ID)
	dst = kbin.AppendCompactString(dst, m.Rack)
	dst = kbin.AppendBool(dst, m.Unclean)
	dst = kbin.AppendCompactArrayLen(dst, len(m.Endpoints))
	for _, e := range m.Endpoints {
		dst = kbin.AppendCompactString(dst, e.Listener)
		dst = kbin.AppendCompactString(dst, e.Host)
		dst = kbin.AppendInt32(dst, e.Port)
	}
	return dst
}

func (m *BrokerRecord) read(r *kbin.Reader) {
	m.ID = r.Int32()
	m.Rack = r.CompactString()
	m.Unclean = r.Bool()
	for range arrayLen(r) {
		m.Endpoints = append(m.Endpoints, Endpoint{Listener: r.CompactString(), Host: r.CompactString(), Port: r.Int32()})
	}
}

func (m *TopicRecord) append(dst []byte) []byte {
	return append(kbin.AppendCompactString(dst, m.Name), m.ID[:]...)
}

func (m *TopicRecord) read(r *kbin.Reader) {
	m.Name = r.CompactString()
	m.ID = r.Uuid()
}

func (m *PartitionRecord) append(dst []byte) []byte {
	dst = append(dst, m.Topic[:]...)
	dst = kbin.AppendInt32(dst, m.Index)
	return appendInt32s(dst, m.Replicas)
}

func (m *PartitionRecord) read(r *kbin.Reader) {
	m.Topic = r.Uuid()
	m.Index = r.Int32()
	m.Replicas = readInt32s(r)
}

func (m *PartitionChangeRecord) append(dst []byte) []byte {
	dst = append(dst, m.Topic[:]...)
	dst = kbin.AppendInt32(dst, m.Index)
	dst = kbin.AppendInt32(dst, m.Leader)
	dst = appendInt32s(dst, m.ISR)
	return appendInt32s(dst, m.Replicas)
}

func (m *PartitionChangeRecord) read(r *kbin.Reader) {
	m.Topic = r.Uuid()
	m.Index = r.Int32()
	m.Leader = r.Int32()
	m.ISR = readInt32s(r)
	m.Replicas = readInt32s(r)
}

func (m *RemoveTopicRecord) append(dst []byte) []byte { return append(dst, m.ID[:]...) }
func (m *RemoveTopicRecord) read(r *kbin.Reader)      { m.ID = r.Uuid() }

func (m *ConfigRecord) append(dst []byte) []byte {
	dst = kbin.AppendInt8(dst, int8(m.Resource.Type))
	dst = kbin.AppendCompactString(dst, m.Resource.Name)
	dst = kbin.AppendCompactString(dst, m.Key)
	return kbin.AppendCompactNullableString(dst, m.Value)
}

func (m *ConfigRecord) read(r *kbin.Reader) {
	m.Resource.Type = ResourceType(r.Int8())
	m.Resource.Name = r.CompactString()
	m.Key = r.CompactString()
	m.Value = r.CompactNullableString()
}

func (m *ProducerIDsRecord) append(dst []byte) []byte {
	return kbin.AppendInt64(kbin.AppendInt32(dst, m.Broker), m.Next)
}

func (m *ProducerIDsRecord) read(r *kbin.Reader) {
	m.Broker = r.Int32()
	m.Next = r.Int64()
}

func (m *FeatureRecord) append(dst []byte) []byte {
	return kbin.AppendInt16(kbin.AppendCompactString(dst, m.Name), m.Level)
}

func (m *FeatureRecord) read(r *kbin.Reader) {
	m.Name = r.CompactString()
	m.Level = r.Int16()
}

func appendInt32s(dst []byte, vs []int32) []byte {
	dst = kbin.AppendCompactArrayLen(dst, len(vs))
	for _, v := range vs {
		dst = kbin.AppendInt32(dst, v)
	}
	return dst
}

func readInt32s(r *kbin.Reader) []int32 {
	n := arrayLen(r)
	if n == 0 {
		return nil
	}
	vs := make([]int32, 0, n)
	for range n {
		vs = append(vs, r.Int32())
	}
	return vs
}

// arrayLen reads an array length, which kbin checks against the bytes left;
// a null or impossible one counts as empty and leaves the reader failed.
func arrayLen(r *kbin.Reader) int { return max(int(r.CompactArrayLen()), 0) }
