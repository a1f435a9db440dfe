package group

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// The first two bytes of a key say what the record is. Kafka's numbers.
const (
	keyOffsetCommitV0 = 0
	keyOffsetCommit   = 1
	keyGroupMetadata  = 2
)

// Versions in which values are written: the newest that Kafka 4.x reads and writes.
// Topic ids are a tagged field of version 4; retention asked for by an old client fits
// only version 1.
const (
	offsetValueVersion       = 4
	offsetValueVersionExpire = 1
	groupValueVersion        = 3
)

func offsetKey(group, topic string, partition int32) []byte {
	k := kmsg.OffsetCommitKey{Version: keyOffsetCommit, Group: group, Topic: topic, Partition: partition}
	return k.AppendTo(make([]byte, 0, 10+len(group)+len(topic)))
}

func groupKey(group string) []byte {
	k := kmsg.GroupMetadataKey{Version: keyGroupMetadata, Group: group}
	return k.AppendTo(nil)
}

func offsetRecord(group, topic string, partition int32, o offset) coordinator.Record {
	v := kmsg.NewOffsetCommitValue()
	v.Version = offsetValueVersion
	v.Offset = o.offset
	v.LeaderEpoch = o.leaderEpoch
	v.Metadata = o.metadata
	v.CommitTimestamp = o.committed
	v.TopicID = o.topicID
	if o.expires >= 0 {
		v.Version = offsetValueVersionExpire
		v.ExpireTimestamp = o.expires
	}
	return coordinator.Record{Key: offsetKey(group, topic, partition), Value: v.AppendTo(nil)}
}

// keyVersion is the kind of record that key belongs to.
func keyVersion(key []byte) (int16, error) {
	if len(key) < 2 {
		return 0, fmt.Errorf("key of %d bytes", len(key))
	}
	return int16(binary.BigEndian.Uint16(key)), nil
}

func decodeOffsetKey(key []byte) (kmsg.OffsetCommitKey, error) {
	var k kmsg.OffsetCommitKey
	if err := k.ReadFrom(key); err != nil {
		return k, fmt.Errorf("decode offset key: %w", err)
	}
	return k, nil
}

// decodeOffset reads all versions of OffsetCommitValue that Kafka ever wrote. It is on
// the path of every commit and of every replay, so it is written out.
func decodeOffset(value []byte) (offset, error) {
	r := reader{src: value}
	version := r.int16()
	if version < 0 || version > offsetValueVersion {
		return offset{}, fmt.Errorf("offset of unknown version %d", version)
	}
	o := offset{offset: r.int64(), leaderEpoch: -1, expires: -1}
	if version >= 3 {
		o.leaderEpoch = r.int32()
	}
	if version >= 4 {
		o.metadata = r.compactString()
	} else {
		o.metadata = r.string()
	}
	o.committed = r.int64()
	if version == offsetValueVersionExpire {
		o.expires = r.int64()
	}
	if version >= 4 {
		r.tags(func(tag int, v []byte) {
			if tag == 0 && len(v) == len(o.topicID) {
				o.topicID = [16]byte(v)
			}
		})
	}
	if err := r.err(); err != nil {
		return offset{}, fmt.Errorf("decode offset: %w", err)
	}
	return o, nil
}

func decodeGroup(value []byte) (kmsg.GroupMetadataValue, error) {
	v := kmsg.NewGroupMetadataValue()
	// Later versions carry tagged fields, of which kmsg reads as many as are claimed.
	if len(value) < 2 || int16(binary.BigEndian.Uint16(value)) > groupValueVersion {
		return v, fmt.Errorf("group metadata of an unknown version")
	}
	if err := v.ReadFrom(bytes.Clone(value)); err != nil {
		return v, fmt.Errorf("decode group metadata: %w", err)
	}
	return v, nil
}
