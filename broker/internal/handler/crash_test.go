package handler_test

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"testing"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/internal/recordbatch"
)

// disk is metadata and partitions on one file system, wired as in a broker.
type disk struct {
	meta  *metadata.Log
	parts *partition.Manager
}

func openDisk(t *testing.T, fsys fs.FS) *disk {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	parts, err := partition.Open(partition.Config{
		Dirs: []partition.Dir{{Path: "/logs", FS: fsys}}, NodeID: node, Logger: log, TailCacheBytes: -1,
	})
	must(t, err)
	meta, err := metadata.Open(fsys, ".", metadata.Options{Logger: log})
	must(t, err)
	meta.Subscribe(metadata.PublisherFunc(func(d metadata.Delta) { publish(t, parts, nil, d) }))
	must(t, parts.DeleteStrays())
	return &disk{meta, parts}
}

func (d *disk) close(t *testing.T) {
	must(t, d.meta.Close())
	must(t, d.parts.Close())
}

// topics is name, id and number of partitions of every topic.
func (d *disk) topics() map[string]string {
	out := map[string]string{}
	for topic := range d.meta.Image().Topics() {
		out[topic.Name] = fmt.Sprint(topic.ID, len(topic.Partitions))
	}
	return out
}

// Power may fail at every operation on the disk while topics are created,
// extended, deleted and created again. What was acknowledged holds, what was
// under way is done or undone as a whole, every topic has its partitions, and
// no record of a deleted topic comes back.
func TestTopicsSurvivePowerLossAnywhere(t *testing.T) {
	fsys := fs.NewCrashMem()
	// The topics before and after the step under way; they are the same between steps.
	var before, after map[string]string
	at := "" // the operation that does not happen
	crashes := 0
	check := func() {
		for mode := range 4 {
			i := 0
			left := fsys.Crash(func(n int) int {
				i++
				if mode < 2 {
					return mode
				}
				return (i + mode) % n
			})
			d := openDisk(t, left)
			got := d.topics()
			if !maps.Equal(got, before) && !maps.Equal(got, after) {
				t.Fatalf("at %s, mode %d: topics %v, neither %v nor %v", at, mode, got, before, after)
			}
			folders := 0
			for topic := range d.meta.Image().Topics() {
				for _, p := range topic.Partitions {
					part, err := d.parts.Get(topic.Name, p.Index)
					if err != nil || part.TopicID() != topic.ID {
						t.Fatalf("at %s, mode %d: partition %s-%d: %v", at, mode, topic.Name, p.Index, err)
					}
					if topic.Name == "b" && part.LogEndOffset() != 0 {
						t.Fatalf("at %s, mode %d: records of a deleted topic are in %s-%d", at, mode, topic.Name, p.Index)
					}
					folders++
				}
			}
			if n := len(d.parts.Partitions()); n != folders {
				t.Fatalf("at %s, mode %d: %d partitions on disk, %d in the metadata", at, mode, n, folders)
			}
			d.close(t)
			crashes++
		}
	}
	d := openDisk(t, fsys)
	before = d.topics()
	after = before
	fsys.OnChange(func(op string) { at = op; check() })
	step := func(want map[string]string, recs ...metadata.Record) {
		t.Helper()
		after = want
		_, err := d.meta.Propose(recs)
		must(t, err)
		before = after
		check()
	}
	ids := []metadata.TopicID{{1}, {2}, {3}}
	text := func(id metadata.TopicID, n int) string { return fmt.Sprint(id, n) }
	create := func(name string, id metadata.TopicID) []metadata.Record {
		return []metadata.Record{
			&metadata.TopicRecord{Name: name, ID: id},
			&metadata.PartitionRecord{Topic: id, Index: 0, Replicas: []int32{node}},
			&metadata.PartitionRecord{Topic: id, Index: 1, Replicas: []int32{node}},
		}
	}
	b0 := map[string]string{"b": text(ids[0], 2)}
	step(b0, create("b", ids[0])...)

	// Records of the first b, durable or not.
	fsys.OnChange(nil)
	part, err := d.parts.Get("b", 0)
	must(t, err)
	bld := recordbatch.NewBuilder(recordbatch.Options{LeaderEpoch: -1})
	bld.Append(1, []byte("k"), []byte("v"))
	records, err := bld.Build()
	must(t, err)
	_, err = part.Append(slices.Clone(records), partition.AppendOptions{Acks: 1}, nil)
	must(t, err)
	must(t, fsys.SyncDir("b-0")) // as the flusher does
	before, after = map[string]string{}, map[string]string{}
	step(map[string]string{}, &metadata.RemoveTopicRecord{ID: ids[0]})
	fsys.OnChange(func(op string) { at = op; check() })

	b1 := map[string]string{"b": text(ids[1], 2)}
	step(b1, create("b", ids[1])...)
	both := map[string]string{"b": text(ids[1], 2), "c": text(ids[2], 2)}
	step(both, create("c", ids[2])...)
	more := map[string]string{"b": text(ids[1], 2), "c": text(ids[2], 3)}
	step(more, &metadata.PartitionRecord{Topic: ids[2], Index: 2, Replicas: []int32{node}})
	step(map[string]string{"c": text(ids[2], 3)}, &metadata.RemoveTopicRecord{ID: ids[1]})
	fsys.OnChange(nil)
	d.close(t)
	t.Logf("%d crashes", crashes)
}
