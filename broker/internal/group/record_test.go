package group

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

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

func FuzzSubscribedTopics(f *testing.F) {
	f.Add(subscription([]string{"t", "u"}))
	f.Fuzz(func(t *testing.T, b []byte) {
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
