package metadata_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/metadata"
)

var quiet = metadata.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}

func open(t *testing.T, fsys fs.FS, o metadata.Options) *metadata.Log {
	t.Helper()
	o.Logger = quiet.Logger
	l, err := metadata.Open(fsys, "meta", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func propose(t *testing.T, l *metadata.Log, recs ...metadata.Record) {
	t.Helper()
	if _, err := l.Propose(recs); err != nil {
		t.Fatal(err)
	}
}

// topic is the records of one whole topic creation.
func topic(n int) []metadata.Record {
	id := metadata.TopicID{0: 7, 1: byte(n >> 8), 2: byte(n)}
	name := fmt.Sprintf("t%d", n)
	return []metadata.Record{
		&metadata.TopicRecord{Name: name, ID: id},
		&metadata.PartitionRecord{Topic: id, Index: 0, Replicas: []int32{1}},
		&metadata.PartitionRecord{Topic: id, Index: 1, Replicas: []int32{1}},
		&metadata.ConfigRecord{Resource: metadata.ConfigResource{Type: metadata.TopicResource, Name: name}, Key: "k", Value: ptr(name)},
	}
}

// dump is everything that an image holds.
func dump(img *metadata.Image) []any {
	out := []any{img.Offset(), img.ClusterID(), img.NumTopics(), img.NumPartitions(), img.NextProducerID(), img.Features(), img.Brokers()}
	for topic := range img.Topics() {
		out = append(out, topic)
	}
	for _, typ := range []metadata.ResourceType{metadata.BrokerResource, metadata.GroupResource} {
		for _, r := range img.Resources(typ) {
			out = append(out, r, img.Configs(r))
		}
	}
	return out
}

func everything() []metadata.Record {
	broker := metadata.ConfigResource{Type: metadata.BrokerResource}
	group := metadata.ConfigResource{Type: metadata.GroupResource, Name: "g"}
	recs := twoTopics()
	return append(recs,
		&metadata.ConfigRecord{Resource: broker, Key: "x", Value: ptr("1")},
		&metadata.ConfigRecord{Resource: broker, Key: "y", Value: ptr("")},
		&metadata.ConfigRecord{Resource: group, Key: "z", Value: ptr("3")},
		&metadata.ConfigRecord{Resource: metadata.ConfigResource{Type: metadata.TopicResource, Name: "a"}, Key: "w", Value: ptr("4")},
		&metadata.PartitionChangeRecord{Topic: idA, Index: 1, Leader: -1, ISR: []int32{}, Replicas: []int32{2, 1}},
		&metadata.ProducerIDsRecord{Broker: 1, Next: 1000},
		&metadata.FeatureRecord{Name: "transaction.version", Level: 2},
		&metadata.FeatureRecord{Name: "off", Level: 1},
		&metadata.FeatureRecord{Name: "off"},
		&metadata.RemoveTopicRecord{ID: idB},
		&metadata.BrokerRecord{ID: 1, Rack: "r", Unclean: true, Endpoints: []metadata.Endpoint{{"A", "a", 1}, {"B", "b", 2}}},
	)
}

func TestLogReopens(t *testing.T) {
	for _, compact := range []int64{0, 1} { // 1: every Propose rewrites the log as a snapshot
		fsys := fs.NewMem()
		l := open(t, fsys, metadata.Options{CompactBytes: compact})
		for _, rec := range everything() {
			propose(t, l, rec)
		}
		want := dump(l.Image())
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = open(t, fsys, metadata.Options{CompactBytes: compact})
		if diff := cmp.Diff(want, dump(l.Image()), cmpEmpty); diff != "" {
			t.Errorf("compact=%d: %s", compact, diff)
		}
		propose(t, l, topic(1)...) // it goes on
		if l.Image().Offset() != want[0].(int64)+4 {
			t.Errorf("offset %d after %d and four records", l.Image().Offset(), want[0])
		}
	}
}

// cmpEmpty takes nil and empty for the same.
var cmpEmpty = cmp.FilterPath(func(p cmp.Path) bool {
	return p.Last().Type() != nil && p.Last().Type().String() == "[]int32"
}, cmp.Comparer(func(a, b []int32) bool { return fmt.Sprint(a) == fmt.Sprint(b) }))

func TestLogStaysSmall(t *testing.T) {
	fsys := fs.NewMem()
	l := open(t, fsys, metadata.Options{CompactBytes: 4096})
	for n := range 2000 { // topics come and go
		propose(t, l, topic(n)...)
		propose(t, l, &metadata.RemoveTopicRecord{ID: topic(n)[0].(*metadata.TopicRecord).ID})
	}
	info, err := fsys.Stat("meta/" + metadata.FileName)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size > 3*4096 {
		t.Errorf("the log of an empty cluster has %d bytes", info.Size)
	}
}

// content reads the log's file.
func content(t *testing.T, fsys fs.FS) []byte {
	t.Helper()
	b, err := fs.ReadFile(fsys, "meta/"+metadata.FileName, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reopen opens a log whose file holds these bytes.
func reopen(t *testing.T, data []byte) (*metadata.Log, error) {
	t.Helper()
	fsys := fs.NewMem()
	if err := fsys.MkdirAll("meta"); err != nil {
		t.Fatal(err)
	}
	if err := fs.WriteFileAtomic(fsys, "meta/"+metadata.FileName, data); err != nil {
		t.Fatal(err)
	}
	return metadata.Open(fsys, "meta", quiet)
}

// Cut anywhere in the last frame, the log opens without it.
func TestLogCutsTornTail(t *testing.T) {
	fsys := fs.NewMem()
	l := open(t, fsys, metadata.Options{})
	propose(t, l, topic(1)...)
	whole := len(content(t, fsys))
	propose(t, l, topic(2)...)
	data := content(t, fsys)
	for cut := whole; cut < len(data); cut++ {
		for _, tail := range [][]byte{data[:cut], append(append([]byte{}, data[:cut]...), make([]byte, len(data)-cut)...)} {
			l, err := reopen(t, tail)
			if err != nil {
				t.Fatalf("cut at %d of %d: %v", cut, len(data), err)
			}
			n := l.Image().NumTopics()
			if n != 1 && string(tail) != string(data) { // a tail of zeros may be the true one
				t.Fatalf("cut at %d of %d: %d topics", cut, len(data), n)
			}
			propose(t, l, topic(3)...)
			if got := l.Image().Offset(); n == 1 && got != 7 {
				t.Fatalf("cut at %d: offset %d after eight records", cut, got)
			}
			l.Close()
		}
	}
}

// A wrong bit anywhere but in the last frame is refused, not served, and does
// not silently undo what follows.
func TestLogRefusesDamageInTheMiddle(t *testing.T) {
	fsys := fs.NewMem()
	l := open(t, fsys, metadata.Options{})
	propose(t, l, topic(1)...)
	middle := len(content(t, fsys))
	propose(t, l, topic(2)...)
	data := content(t, fsys)
	for at := range middle {
		bad := append([]byte{}, data...)
		bad[at] ^= 0x10
		if l, err := reopen(t, bad); err == nil {
			t.Errorf("byte %d of %d: opened with %d topics", at, middle, l.Image().NumTopics())
		}
	}
}

func TestLogRefusesWhatItDoesNotKnow(t *testing.T) {
	fsys := fs.NewMem()
	open(t, fsys, metadata.Options{}).Close()
	data := content(t, fsys)
	data[4]++ // the version byte
	if _, err := reopen(t, data); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("a file of the next version: %v", err)
	}
	if _, err := reopen(t, nil); err == nil {
		t.Error("an empty file was taken for a log")
	}
}

// At every operation on the disk the power may fail, and what was not synced
// may be lost, kept or torn. What was acknowledged is always there, whole.
func TestLogSurvivesPowerLossAnywhere(t *testing.T) {
	fsys := fs.NewCrashMem()
	acked := 0
	crashes := 0
	check := func() {
		for mode := range 6 {
			i := 0
			after := fsys.Crash(func(n int) int {
				i++
				switch {
				case mode < 3:
					return mode % n
				}
				return (i + mode) % n
			})
			l, err := metadata.Open(after, "meta", quiet)
			if err != nil {
				t.Fatalf("after %d acked, mode %d: %v", acked, mode, err)
			}
			n := l.Image().NumTopics()
			if n < acked || n > acked+1 {
				t.Fatalf("after %d acked, mode %d: %d topics", acked, mode, n)
			}
			for i := range n {
				got, ok := l.Image().Topic(fmt.Sprintf("t%d", i))
				if !ok || len(got.Partitions) != 2 || got.Configs["k"] != got.Name {
					t.Fatalf("after %d acked, mode %d: topic %d is %+v", acked, mode, i, got)
				}
			}
			if _, err := l.Propose(topic(100)); err != nil {
				t.Fatalf("after %d acked, mode %d: %v", acked, mode, err)
			}
			l.Close()
			crashes++
		}
	}
	fsys.OnChange(func(string) { check() })
	l := open(t, fsys, metadata.Options{CompactBytes: 512}) // rewritten now and then
	for n := range 12 {
		propose(t, l, topic(n)...)
		acked++
		check()
	}
	t.Logf("%d crashes", crashes)
}

// A full disk refuses, and heals; a failed sync refuses until the next start.
func TestLogWhenTheDiskFails(t *testing.T) {
	f := func(op fs.Op, fault error, heals bool) {
		t.Helper()
		inner := fs.NewMem()
		var broken bool
		fsys := fs.NewFaulty(inner, func(o fs.Op, _ string) error {
			if broken && o == op {
				return fault
			}
			return nil
		})
		l := open(t, fsys, metadata.Options{})
		propose(t, l, topic(1)...)
		broken = true
		if _, err := l.Propose(topic(2)); !errors.Is(err, kerr.KafkaStorageError) || !errors.Is(err, fault) {
			t.Errorf("%s: %v", op, err)
		}
		if l.Image().NumTopics() != 1 {
			t.Errorf("%s: what was refused is in the image", op)
		}
		broken = false
		if _, err := l.Propose(topic(3)); (err == nil) != heals {
			t.Errorf("%s: afterwards: %v", op, err)
		}
		l.Close()
		again := open(t, inner, metadata.Options{})
		if _, ok := again.Image().Topic("t1"); !ok {
			t.Errorf("%s: lost what was acknowledged", op)
		}
		if _, ok := again.Image().Topic("t3"); ok != heals {
			t.Errorf("%s: t3 is there: %v", op, ok)
		}
	}
	f(fs.OpWrite, syscall.ENOSPC, true)
	f(fs.OpSync, syscall.EIO, false)
}

func TestLogPublishesInOrderBeforeTheImageShows(t *testing.T) {
	l := open(t, fs.NewMem(), metadata.Options{})
	propose(t, l, topic(0)...)
	var seen []int64
	cancel := l.Subscribe(metadata.PublisherFunc(func(d metadata.Delta) {
		if len(seen) == 0 {
			if d.Prev.Offset() != -1 || len(d.Topics) != 1 {
				t.Errorf("first delta: from %d, %d topics", d.Prev.Offset(), len(d.Topics))
			}
		} else if l.Image() != d.Prev {
			t.Error("the image was shown before it was published")
		}
		seen = append(seen, d.Next.Offset())
	}))
	propose(t, l, topic(1)...)
	propose(t, l) // nothing
	propose(t, l, topic(2)...)
	cancel()
	propose(t, l, topic(3)...)
	if diff := cmp.Diff([]int64{3, 7, 11}, seen); diff != "" {
		t.Errorf("published: %s", diff)
	}
}

// Many that want one name get one topic.
func TestEnsureTopicRaces(t *testing.T) {
	l := open(t, fs.NewMem(), metadata.Options{})
	propose(t, l, &metadata.BrokerRecord{ID: 1})
	var wg sync.WaitGroup
	ids := make([]metadata.TopicID, 16)
	for i := range ids {
		wg.Go(func() {
			got, err := metadata.EnsureTopic(l, metadata.NewTopic{Name: "same", Partitions: 3, ReplicationFactor: 1})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = got.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] || id.IsZero() {
			t.Errorf("ids %v and %v", ids[0], id)
		}
	}
}

func FuzzOpen(f *testing.F) {
	fsys := fs.NewMem()
	l, err := metadata.Open(fsys, "meta", quiet)
	if err != nil {
		f.Fatal(err)
	}
	for _, rec := range everything() {
		if _, err := l.Propose([]metadata.Record{rec}); err != nil {
			f.Fatal(err)
		}
	}
	l.Close()
	data, err := fs.ReadFile(fsys, "meta/"+metadata.FileName, 1<<20)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:24])
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := reopen(t, data)
		if err != nil {
			return
		}
		defer l.Close()
		want := dump(l.Image())
		l.Close()
		// What opens once opens again, as the same.
		again, err := reopen(t, data)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if diff := cmp.Diff(want, dump(again.Image()), cmpEmpty); diff != "" {
			t.Fatal(diff)
		}
	})
}

func BenchmarkPropose(b *testing.B) {
	l, err := metadata.Open(fs.NewMem(), "meta", metadata.Options{Logger: quiet.Logger, CompactBytes: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	for n := range 1000 {
		if _, err := l.Propose(topic(n)); err != nil {
			b.Fatal(err)
		}
	}
	res := metadata.ConfigResource{Type: metadata.TopicResource, Name: "t500"}
	for i := 0; b.Loop(); i++ {
		if _, err := l.Propose([]metadata.Record{&metadata.ConfigRecord{Resource: res, Key: "k", Value: ptr(fmt.Sprint(i))}}); err != nil {
			b.Fatal(err)
		}
	}
}
