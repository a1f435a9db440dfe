package partition_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		fmt.Fprintln(os.Stderr, victim(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// broker is a manager that runs, or was never started.
type broker struct {
	*partition.Manager
	stop func() error
}

// open opens a manager over a file system and runs it until the test ends or stop is called.
func open(t testing.TB, c partition.Config) *broker {
	t.Helper()
	m, err := partition.Open(c)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	b := &broker{Manager: m}
	stopped := false
	b.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() { _ = b.stop() })
	return b
}

func memConfig(fsys fs.FS) partition.Config {
	return partition.Config{Dirs: []partition.Dir{{Path: "/mem", FS: fsys}}, NodeID: 1}
}

func (b *broker) create(t testing.TB, topic string, change ...func(*partition.TopicConfig)) *partition.Partition {
	t.Helper()
	c := partition.DefaultTopicConfig()
	for _, f := range change {
		f(&c)
	}
	p, err := b.Create(partition.Spec{Topic: topic, TopicID: [16]byte{1}, Config: c})
	must(t, err)
	return p
}

func batch(t testing.TB, o recordbatch.Options, values ...string) recordbatch.Batch {
	t.Helper()
	b := recordbatch.NewBuilder(o)
	for i, v := range values {
		b.Append(time.Now().UnixMilli()+int64(i), []byte("key"), []byte(v))
	}
	out, err := b.Build()
	must(t, err)
	return append(recordbatch.Batch(nil), out...)
}

func produce(t testing.TB, p *partition.Partition, values ...string) partition.Appended {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	a, err := p.AppendWait(ctx, batch(t, recordbatch.Options{}, values...), partition.AppendOptions{Acks: -1})
	must(t, err)
	return a
}

func read(t testing.TB, p *partition.Partition, from int64) (values []string) {
	t.Helper()
	for {
		r, err := p.Read(partition.ReadOptions{Offset: from, MaxBytes: 1 << 20, AtLeastOne: true, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1})
		must(t, err)
		if r.Slice == nil {
			return values
		}
		data, err := r.Slice.AppendTo(nil)
		must(t, err)
		if int64(len(data)) != r.Slice.Len() {
			t.Fatalf("slice of %d bytes gave %d", r.Slice.Len(), len(data))
		}
		r.Slice.Release()
		for b, err := range recordbatch.Split(data) {
			must(t, err)
			must(t, recordbatch.CheckCRC(b))
			for rec, err := range b.Records(0) {
				must(t, err)
				if rec.Offset >= from {
					values = append(values, fmt.Sprintf("%d:%s", rec.Offset, rec.Value))
				}
			}
			from = b.NextOffset()
		}
	}
}

func TestAppendRead(t *testing.T) {
	for _, d := range []partition.Durability{partition.Fsync, partition.None} {
		t.Run(d.String(), func(t *testing.T) {
			c := memConfig(fs.NewMem())
			c.Durability = d
			b := open(t, c)
			p := b.create(t, "ventas")
			if a := produce(t, p, "a", "b"); a.BaseOffset != 0 || a.LastOffset != 1 || a.LogAppendTime != -1 {
				t.Fatalf("%+v", a)
			}
			produce(t, p, "c")
			if got := []int64{p.LogStartOffset(), p.HighWatermark(), p.LastStableOffset(), p.LogEndOffset()}; cmp.Diff([]int64{0, 3, 3, 3}, got) != "" {
				t.Fatal(got)
			}
			if diff := cmp.Diff([]string{"1:b", "2:c"}, read(t, p, 1)); diff != "" {
				t.Fatal(diff)
			}
			_, err := p.Read(partition.ReadOptions{Offset: 4, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1})
			if !errors.Is(err, kerr.OffsetOutOfRange) {
				t.Fatal(err)
			}
		})
	}
}

func TestRestart(t *testing.T) {
	disk, err := fs.NewOS(t.TempDir())
	must(t, err)
	for name, fsys := range map[string]fs.FS{"mem": fs.NewMem(), "os": disk} {
		t.Run(name, func(t *testing.T) {
			b := open(t, memConfig(fsys))
			p := b.create(t, "ventas")
			for i := range 100 {
				produce(t, p, fmt.Sprint(i))
			}
			id := b.ClusterID()
			must(t, b.stop())
			if _, err := p.Append(batch(t, recordbatch.Options{}, "x"), partition.AppendOptions{}, nil); !errors.Is(err, kerr.NotLeaderForPartition) {
				t.Fatal(err)
			}
			b = open(t, memConfig(fsys))
			p = b.create(t, "ventas")
			if got := read(t, p, 0); len(got) != 100 || got[99] != "99:99" {
				t.Fatal(got)
			}
			if b.ClusterID() != id || id == "" {
				t.Fatalf("cluster id %q became %q", id, b.ClusterID())
			}
			produce(t, p, "more")
			if got := read(t, p, 99); cmp.Diff([]string{"99:99", "100:more"}, got) != "" {
				t.Fatal(got)
			}
		})
	}
}
