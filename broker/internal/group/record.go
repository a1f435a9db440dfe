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
	groupValueVersionTagged  = 4
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

// encodeGroup writes a group's record: in Kafka's version 3, or 4 if members carry tagged
// fields.
func encodeGroup(v kmsg.GroupMetadataValue) []byte {
	v.Version = groupValueVersion
	for i := range v.Members {
		if v.Members[i].UnknownTags.Len() > 0 {
			v.Version = groupValueVersionTagged
		}
	}
	return v.AppendTo(nil)
}

func setSilence(rm *kmsg.GroupMetadataValueMember, s silence) {
	if rm.UnknownTags = (kmsg.Tags{}); s.silent > 0 {
		rm.UnknownTags.Set(silenceTag, s.encode())
	}
}

func silenceOf(rm *kmsg.GroupMetadataValueMember) silence {
	var s silence
	rm.UnknownTags.Each(func(tag uint32, b []byte) {
		if tag == silenceTag {
			s.decode(b)
		}
	})
	return s
}

func decodeGroup(value []byte) (kmsg.GroupMetadataValue, error) {
	v := kmsg.NewGroupMetadataValue()
	if len(value) < 2 {
		return v, fmt.Errorf("group metadata of %d bytes", len(value))
	}
	switch version := int16(binary.BigEndian.Uint16(value)); {
	case version == groupValueVersionTagged:
		return decodeTaggedGroup(value)
	case version > groupValueVersionTagged:
		return v, fmt.Errorf("group metadata of unknown version %d", version)
	}
	if err := v.ReadFrom(bytes.Clone(value)); err != nil {
		return v, fmt.Errorf("decode group metadata: %w", err)
	}
	return v, nil
}

// decodeTaggedGroup reads version 4. kmsg would read as many tagged fields as are claimed.
func decodeTaggedGroup(value []byte) (kmsg.GroupMetadataValue, error) {
	v := kmsg.NewGroupMetadataValue()
	r := reader{src: value}
	v.Version = r.int16()
	v.ProtocolType, v.Generation = r.compactString(), r.int32()
	v.Protocol, v.Leader = r.compactNullable(), r.compactNullable()
	v.CurrentStateTimestamp = r.int64()
	for range r.compactCount(16) {
		rm := kmsg.NewGroupMetadataValueMember()
		rm.MemberID, rm.InstanceID = r.compactString(), r.compactNullable()
		rm.ClientID, rm.ClientHost = r.compactString(), r.compactString()
		rm.RebalanceTimeoutMillis, rm.SessionTimeoutMillis = r.int32(), r.int32()
		rm.Subscription, rm.Assignment = []byte(r.compactString()), []byte(r.compactString())
		r.tags(func(tag int, b []byte) {
			if tag == silenceTag {
				rm.UnknownTags.Set(silenceTag, b)
			}
		})
		v.Members = append(v.Members, rm)
	}
	r.tags(func(int, []byte) {})
	if err := r.err(); err != nil {
		return v, fmt.Errorf("decode group metadata: %w", err)
	}
	return v, nil
}
