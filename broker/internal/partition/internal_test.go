package partition

import (
	"bytes"
	"testing"

	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSnapshotRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := producers{byID: map[int64]*producer{}}
		for range rapid.IntRange(0, 5).Draw(t, "producers") {
			p := s.get(rapid.Int64Range(0, 1<<40).Draw(t, "id"))
			p.epoch = rapid.Int16Range(0, 100).Draw(t, "epoch")
			p.coordinatorEpoch = rapid.Int32Range(-1, 9).Draw(t, "coordinator")
			p.txnStart = rapid.Int64Range(-1, 1<<40).Draw(t, "txn")
			p.batches = nil
			for range rapid.IntRange(0, rememberedBatches).Draw(t, "batches") {
				last := rapid.Int32Range(0, 1<<31-1).Draw(t, "last")
				delta := rapid.Int32Range(0, 1000).Draw(t, "delta")
				offset := rapid.Int64Range(2000, 1<<40).Draw(t, "offset")
				p.timestamp = rapid.Int64Range(0, 1<<40).Draw(t, "ts")
				p.batches = append(p.batches, sentBatch{
					firstSequence: subtractSequence(last, delta), lastSequence: last,
					baseOffset: offset - int64(delta), lastOffset: offset, timestamp: p.timestamp,
				})
			}
		}
		got, err := decodeProducers(s.encode())
		if err != nil {
			t.Fatal(err)
		}
		want := s.encode()
		if !bytes.Equal(got.encode(), want) {
			t.Fatalf("%+v", got)
		}
		for id, p := range s.byID {
			if d := cmp.Diff(len(p.batches), len(got.byID[id].batches)); d != "" {
				t.Fatal(d)
			}
		}
		// Kafka reads and writes it without our part.
		data := s.encode()
		i := bytes.Index(data, []byte(extensionMagic))
		if i < 0 {
			t.Fatal("no extension")
		}
	})
}

func FuzzProducerSnapshot(f *testing.F) {
	s := producers{}
	s.get(3).batches = []sentBatch{{firstSequence: 1, lastSequence: 2, baseOffset: 5, lastOffset: 6, timestamp: 7}, {firstSequence: 3, lastSequence: 3, baseOffset: 7, lastOffset: 7}}
	f.Add(s.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := decodeProducers(data); err == nil {
			again, err := decodeProducers(s.encode())
			if err != nil || len(again.byID) != len(s.byID) {
				t.Fatal("does not survive a round trip", err)
			}
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	f.Add(encodeCheckpoint([]checkpointLine{{TopicPartition{"ventas", 1}, 7}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, err := parseCheckpoint(data)
		if err != nil {
			return
		}
		again, err := parseCheckpoint(encodeCheckpoint(lines))
		if err != nil || cmp.Diff(lines, again, cmp.AllowUnexported(checkpointLine{})) != "" {
			t.Fatal("does not survive a round trip", err)
		}
	})
}

func TestFolderNames(t *testing.T) {
	f := func(name string, want TopicPartition, ok bool) {
		t.Helper()
		if got, isOK := parseFolder(name); isOK != ok || ok && got != want {
			t.Errorf("%q: %v %v", name, got, isOK)
		}
	}
	f("ventas-0", TopicPartition{"ventas", 0}, true)
	f("a-b-12", TopicPartition{"a-b", 12}, true)
	f("ventas", TopicPartition{}, false)
	f("ventas-01", TopicPartition{}, false)
	f("-1", TopicPartition{}, false)
	f("..-1", TopicPartition{}, false)
	f("ventas-0.0011-delete", TopicPartition{}, false)
}

func TestParseTopicConfig(t *testing.T) {
	f := func(key, value string, read func(TopicConfig) any, want any) {
		t.Helper()
		c, err := ParseTopicConfig(func(k string) string {
			if k == key {
				return value
			}
			return ""
		})
		if err != nil {
			if want != error(nil) {
				t.Errorf("%s=%s: %v", key, value, err)
			}
			return
		}
		if got := read(c); got != want {
			t.Errorf("%s=%s: %v, want %v", key, value, got, want)
		}
	}
	f("none", "", func(c TopicConfig) any { return c == DefaultTopicConfig() }, true)
	f("retention.ms", "-1", func(c TopicConfig) any { return c.RetentionAge < 0 }, true)
	f("retention.ms", "1000", func(c TopicConfig) any { return c.RetentionAge.Seconds() }, 1.0)
	f("message.timestamp.before.max.ms", "9223372036854775807", func(c TopicConfig) any { return c.TimestampBeforeMax }, forever)
	f("cleanup.policy", "compact,delete", func(c TopicConfig) any { return c.Compact && c.Delete }, true)
	f("cleanup.policy", "compact", func(c TopicConfig) any { return c.Delete }, false)
	f("compression.type", "zstd", func(c TopicConfig) any { return c.Compression.String() }, "zstd")
	f("compression.type", "producer", func(c TopicConfig) any { return c.KeepCodec }, true)
	f("compression.type", "rar", nil, error(nil))
	f("compression.zstd.level", "9", func(c TopicConfig) any { return c.Level }, recordbatch.DefaultLevel) // not its codec
	f("preallocate", "true", func(c TopicConfig) any { return c.Preallocate }, true)
	f("max.message.bytes", "77", func(c TopicConfig) any { return c.MaxMessageBytes }, int32(77))
	f("max.message.bytes", "many", nil, error(nil))
	f("validate.records", "full", func(c TopicConfig) any { return c.ValidateFull }, true)
}

// FuzzMeta reads any text as meta.properties or partition.metadata.
func FuzzMeta(f *testing.F) {
	f.Add([]byte("version=1\ncluster.id=x\nnode.id=1\n"), "ventas-0", "AAAAAAAAAAAAAAAAAAAAAQ")
	f.Add([]byte("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\n"), "..-0", "")
	f.Fuzz(func(t *testing.T, text []byte, folder, id string) {
		parseProperties(text, "=")
		parseProperties(text, ": ")
		if tp, ok := parseFolder(folder); ok && (checkTopic(tp.Topic) != nil || tp.Index < 0 || tp.String() != folder) {
			t.Errorf("folder %q is %v", folder, tp)
		}
		if id, err := decodeID(id); err == nil {
			if again, err := decodeID(encodeID(id)); err != nil || again != id {
				t.Errorf("%v does not survive a round trip", id)
			}
		}
	})
}
