package group

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// kmsg, which follows Kafka's definitions, must read what we write and the other way
// round.
func TestOffsetRecordIsKafkas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := offset{
			offset:      rapid.Int64().Draw(rt, "offset"),
			leaderEpoch: rapid.Int32().Draw(rt, "epoch"),
			metadata:    rapid.String().Draw(rt, "metadata"),
			committed:   rapid.Int64().Draw(rt, "committed"),
			expires:     -1,
		}
		if rapid.Bool().Draw(rt, "with id") {
			o.topicID = [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "id"))
		}
		r := offsetRecord("g", "t", 3, o)
		var k kmsg.OffsetCommitKey
		v := kmsg.NewOffsetCommitValue()
		if err := k.ReadFrom(r.Key); err != nil || k.Version != 1 || k.Group != "g" || k.Topic != "t" || k.Partition != 3 {
			rt.Fatalf("key %+v, %v", k, err)
		}
		if err := v.ReadFrom(r.Value); err != nil || v.Offset != o.offset || v.LeaderEpoch != o.leaderEpoch ||
			v.Metadata != o.metadata || v.CommitTimestamp != o.committed || v.TopicID != o.topicID {
			rt.Fatalf("value %+v, %v", v, err)
		}
		got, err := decodeOffset(r.Value)
		if err != nil || got != o {
			rt.Fatalf("got %+v, want %+v, %v", got, o, err)
		}
	})
}

// Values of all versions that Kafka wrote over the years are read.
func TestDecodeOffsetVersions(t *testing.T) {
	for version := range int16(offsetValueVersion + 1) {
		v := kmsg.NewOffsetCommitValue()
		v.Version, v.Offset, v.LeaderEpoch, v.Metadata, v.CommitTimestamp, v.ExpireTimestamp = version, 42, 7, "m", 99, 100
		want := offset{offset: 42, leaderEpoch: -1, metadata: "m", committed: 99, expires: -1}
		if version >= 3 {
			want.leaderEpoch = 7
		}
		if version == 1 {
			want.expires = 100
		}
		if got, err := decodeOffset(v.AppendTo(nil)); err != nil || got != want {
			t.Errorf("version %d: got %+v, %v, want %+v", version, got, err, want)
		}
	}
}

// The bytes that Kafka writes for group g, topic t, partition 0, offset 5.
func TestOffsetBytes(t *testing.T) {
	r := offsetRecord("g", "t", 0, offset{offset: 5, leaderEpoch: -1, committed: 1, expires: -1})
	if got, want := hex.EncodeToString(r.Key), "0001"+"000167"+"000174"+"00000000"; got != want {
		t.Errorf("key %s, want %s", got, want)
	}
	if got, want := hex.EncodeToString(r.Value), "0004"+"0000000000000005"+"ffffffff"+"01"+"0000000000000001"+"00"; got != want {
		t.Errorf("value %s, want %s", got, want)
	}
}

func TestSubscribedTopics(t *testing.T) {
	f := func(topics []string, owned bool) {
		t.Helper()
		for version := range int16(4) {
			m := kmsg.NewConsumerMemberMetadata()
			m.Version, m.Topics, m.UserData = version, topics, []byte("x")
			if owned {
				m.OwnedPartitions = []kmsg.ConsumerMemberMetadataOwnedPartition{{Topic: "o", Partitions: []int32{1}}}
			}
			got, err := subscribedTopics(m.AppendTo(nil))
			if err != nil || !cmp.Equal(got, topics) {
				t.Errorf("version %d: got %v, %v, want %v", version, got, err, topics)
			}
		}
	}
	f([]string{}, false)
	f([]string{"t"}, false)
	f([]string{"t", "u"}, true)

	bad := func(metadata string) {
		t.Helper()
		b, _ := hex.DecodeString(metadata)
		if got, err := subscribedTopics(b); err == nil {
			t.Errorf("%s is read as %v", metadata, got)
		}
	}
	bad("")
	bad("00")
	bad("ffff00000000")
	bad("0000" + "7fffffff")
	bad("0000" + "00000002" + "000174")
	bad("0000" + "00000001" + "ffff74") // a null topic
}

func TestTooLong(t *testing.T) {
	f := func(s string, limit int, want bool) {
		t.Helper()
		if got := tooLong(s, limit); got != want {
			t.Errorf("tooLong(%d bytes, %d) = %v", len(s), limit, got)
		}
	}
	f("", 0, false)
	f("abc", 3, false)
	f("abcd", 3, true)
	f("ñññ", 3, false)
	f(strings.Repeat("\U0001F600", 2), 3, true) // two units each
}

// No bytes make a replay panic, or have it allocate more than they are worth.
func FuzzReplay(f *testing.F) {
	g := (&classic{groupID: "g", protoType: "consumer", protocol: "range", leader: "m", generation: 1}).record(nil, epoch)
	o := offsetRecord("g", "t", 0, offset{offset: 5, expires: -1})
	f.Add(g.Key, g.Value)
	f.Add(o.Key, o.Value)
	f.Add([]byte("\x00\x02"), []byte("\x00\x03"))
	silent := consumerMemberRecord("g", silentMember())
	f.Add(silent.Key, silent.Value)
	held := consumerCurrentRecord("g", silentMember())
	f.Add(held.Key, held.Value)
	tagged := kmsg.NewGroupMetadataValue()
	tagged.Members = []kmsg.GroupMetadataValueMember{taggedMember()}
	f.Add(g.Key, encodeGroup(tagged))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		w := newWorld(Config{})
		if err := w.m.Replay(coordinator.Record{Key: key, Value: value}); err != nil {
			return
		}
		out := coordinator.NewOut(w.m)
		w.m.Loaded(epoch, out)
		if _, ok := w.m.Snapshot(); !ok {
			t.Error("no snapshot")
		}
	})
}

// silentMember is one of the classic protocol with a bit of everything.
func silentMember() *consumerMember {
	a := assignment{TopicID{1}: {0, 2}}
	return &consumerMember{
		id: "m", topics: []string{"t"}, epoch: 3, previousEpoch: 2, assigned: a, revoking: assignment{},
		since:   map[slot]int32{{TopicID{1}, 0}: 1, {TopicID{1}, 2}: 3},
		silence: silence{silent: 4 * time.Second},
		classic: &classicPart{sessionTimeout: time.Second, protocols: []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte("x")}}},
	}
}

func taggedMember() kmsg.GroupMetadataValueMember {
	rm := kmsg.NewGroupMetadataValueMember()
	rm.MemberID, rm.ClientID, rm.ClientHost = "m", "c", "/h"
	rm.InstanceID = new("one")
	rm.Subscription, rm.Assignment = []byte("s"), []byte("a")
	setSilence(&rm, silence{silent: 2 * time.Second})
	return rm
}

// The tagged form of a group's record is Kafka's version 4.
func TestTaggedGroupIsKafkas(t *testing.T) {
	v := kmsg.NewGroupMetadataValue()
	v.ProtocolType, v.Generation, v.Protocol, v.Leader, v.CurrentStateTimestamp = "consumer", 5, new("range"), new("m"), 99
	v.Members = []kmsg.GroupMetadataValueMember{taggedMember(), taggedMember()}
	encoded := encodeGroup(v)
	theirs := kmsg.NewGroupMetadataValue()
	if err := theirs.ReadFrom(encoded); err != nil || theirs.Version != 4 {
		t.Fatalf("version %d, %v", theirs.Version, err)
	}
	ours, err := decodeGroup(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if again := ours.AppendTo(nil); !bytes.Equal(again, theirs.AppendTo(nil)) {
		t.Errorf("read as %+v, want %+v", ours, theirs)
	}
	if s := silenceOf(&ours.Members[1]); s.silent != 2*time.Second {
		t.Errorf("silent %v", s.silent)
	}
}

// What a member of the consumer protocol is and has comes back from its records.
func TestConsumerRecordsAreReadBack(t *testing.T) {
	w := newWorld(Config{})
	mb := silentMember()
	for _, r := range []coordinator.Record{consumerMemberRecord("g", mb), consumerCurrentRecord("g", mb)} {
		if err := w.m.Replay(r); err != nil {
			t.Fatal(err)
		}
	}
	got := w.m.groups["g"].(*consumer).members["m"]
	mb.placed = true
	if !got.samePlace(mb) || !got.sameSubscription(mb) || got.silent != mb.silent {
		t.Errorf("got %+v, want %+v", got, mb)
	}
}

func FuzzSubscribedTopics(f *testing.F) {
	f.Add(subscription([]string{"t", "u"}))
	f.Add(subscription([]string{"t"}, "t-0", "t-1"))
	f.Add(encodeAssignment(1, assignment{TopicID{'t'}: {0, 1}}, noTopics{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := decodeSubscription(b); err == nil && len(s.topics)+len(s.owned) > len(b) {
			t.Errorf("%d bytes give %d topics and %d partitions", len(b), len(s.topics), len(s.owned))
		}
		if partitions, err := decodeAssignment(b); err == nil && len(partitions) > len(b) {
			t.Errorf("%d bytes give %d partitions", len(b), len(partitions))
		}
		topics, err := subscribedTopics(bytes.Clone(b))
		if n := 0; err == nil {
			for _, s := range topics {
				n += len(s)
			}
			if n > len(b) {
				t.Errorf("%d bytes give topics of %d", len(b), n)
			}
		}
	})
}
