package metadata

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Two kinds of record appear in snapshots only: what a topic and a broker have
// become, with the epochs that the changes gave them.
const (
	kindTopicState kind = iota + 32
	kindBrokerState
)

type topicState struct{ topic *Topic }

type brokerState struct{ broker *Broker }

func (*topicState) kind() kind  { return kindTopicState }
func (*brokerState) kind() kind { return kindBrokerState }

// appendSnapshot appends a whole file that holds the image.
func appendSnapshot(dst []byte, img *Image) []byte {
	var frames [][]byte
	var recs []Record
	size := 0
	for rec, n := range snapshotRecords(img) {
		recs = append(recs, rec)
		if size += n; size >= snapshotFrameBytes {
			frames = append(frames, appendFrame(nil, img.offset, recs))
			recs, size = recs[:0], 0
		}
	}
	if len(recs) > 0 {
		frames = append(frames, appendFrame(nil, img.offset, recs))
	}
	dst = appendHeader(dst, header{offset: img.offset, frames: uint32(len(frames))})
	for _, f := range frames {
		dst = append(dst, f...)
	}
	return dst
}

// snapshotRecords yields records that make the image out of the empty one,
// each with about its size in bytes.
func snapshotRecords(img *Image) func(yield func(Record, int) bool) {
	return func(yield func(Record, int) bool) {
		emit := func(r Record, size int) bool { return yield(r, size) }
		if img.clusterID != "" && !emit(&ClusterRecord{ID: img.clusterID}, 32) {
			return
		}
		for _, b := range img.Brokers() {
			if !emit(&brokerState{b}, 128) {
				return
			}
		}
		for t := range img.Topics() {
			if !emit(&topicState{t}, 64+40*len(t.Partitions)+64*len(t.Configs)) {
				return
			}
		}
		for r, configs := range img.configs {
			for key, value := range configs {
				if !emit(&ConfigRecord{Resource: r, Key: key, Value: &value}, len(key)+len(value)) {
					return
				}
			}
		}
		if img.nextProducerID > 0 && !emit(&ProducerIDsRecord{Broker: -1, Next: img.nextProducerID}, 16) {
			return
		}
		for acl := range img.ACLs().set {
			if !emit(&ACLRecord{ACL: acl}, 16+len(acl.Name)+len(acl.Principal)+len(acl.Host)) {
				return
			}
		}
		for user, c := range img.scram {
			if !emit(&ScramCredentialRecord{User: user, Credential: c}, 16+len(user.Name)+len(c.Salt)+len(c.StoredKey)+len(c.ServerKey)) {
				return
			}
		}
		for entity, limits := range img.Quotas().set {
			size := 32 + len(entity.User.Name) + len(entity.ClientID.Name) + len(entity.IP.Name)
			for key, value := range limits {
				if !emit(&QuotaRecord{Entity: entity, Key: key, Value: value}, size+len(key)) {
					return
				}
			}
		}
		for _, t := range img.DelegationTokens() {
			if !emit(&DelegationTokenRecord{Token: *t}, 64+len(t.Owner)+len(t.Requester)+32*len(t.Renewers)) {
				return
			}
		}
		for name, level := range img.features {
			if !emit(&FeatureRecord{Name: name, Level: level}, 16+len(name)) {
				return
			}
		}
	}
}

func (m *topicState) append(dst []byte) []byte {
	t := m.topic
	dst = append(kbin.AppendCompactString(dst, t.Name), t.ID[:]...)
	dst = kbin.AppendCompactArrayLen(dst, len(t.Partitions))
	for _, p := range t.Partitions {
		dst = kbin.AppendInt32(dst, p.Leader)
		dst = kbin.AppendInt32(dst, p.LeaderEpoch)
		dst = kbin.AppendInt32(dst, p.Epoch)
		dst = appendInt32s(dst, p.Replicas)
		dst = appendInt32s(dst, p.ISR)
	}
	dst = kbin.AppendCompactArrayLen(dst, len(t.Configs))
	for _, key := range slices.SortedFunc(maps.Keys(t.Configs), strings.Compare) {
		dst = kbin.AppendCompactString(dst, key)
		dst = kbin.AppendCompactString(dst, t.Configs[key])
	}
	return dst
}

func (m *topicState) read(r *kbin.Reader) {
	t := &Topic{Name: r.CompactString(), ID: r.Uuid()}
	for i := range arrayLen(r) {
		t.Partitions = append(t.Partitions, Partition{
			Index: int32(i), Leader: r.Int32(), LeaderEpoch: r.Int32(), Epoch: r.Int32(),
			Replicas: readInt32s(r), ISR: readInt32s(r),
		})
	}
	if n := arrayLen(r); n > 0 {
		t.Configs = make(map[string]string)
		for range n {
			key := r.CompactString()
			t.Configs[key] = r.CompactString()
		}
	}
	m.topic = t
}

func (m *topicState) apply(b *builder) error {
	if err := CheckTopicName(m.topic.Name); err != nil {
		return err
	}
	if _, ok := b.next.byName[m.topic.Name]; ok {
		return fmt.Errorf("topic %q: %w", m.topic.Name, kerr.TopicAlreadyExists)
	}
	b.put(nil, m.topic)
	b.next.partitions += len(m.topic.Partitions)
	return nil
}

func (m *brokerState) append(dst []byte) []byte {
	b := m.broker
	dst = kbin.AppendInt64(dst, b.Epoch)
	return (&BrokerRecord{ID: b.ID, Rack: b.Rack, Endpoints: b.Endpoints}).append(dst)
}

func (m *brokerState) read(r *kbin.Reader) {
	epoch := r.Int64()
	var rec BrokerRecord
	rec.read(r)
	m.broker = &Broker{ID: rec.ID, Epoch: epoch, Rack: rec.Rack, Endpoints: rec.Endpoints}
}

func (m *brokerState) apply(b *builder) error {
	b.next.brokers = cloned(b.next.brokers)
	b.next.brokers[m.broker.ID] = m.broker
	return nil
}
