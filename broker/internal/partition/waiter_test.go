package partition_test

import (
	"testing"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/internal/recordbatch"
)

// fetch is a long poll in the making.
type fetch struct {
	*partition.Waiter
	woken chan struct{}
}

func newFetch(minBytes int64) *fetch {
	f := &fetch{woken: make(chan struct{}, 2)}
	f.Waiter = partition.NewWaiter(minBytes, func() { f.woken <- struct{}{} })
	return f
}

func (f *fetch) isWoken() bool {
	select {
	case <-f.woken:
		return true
	default:
		return false
	}
}

func mark(t testing.TB, p *partition.Partition, from int64, iso partition.Isolation, maxBytes int32) partition.Mark {
	t.Helper()
	r, err := p.Read(partition.ReadOptions{Offset: from, MaxBytes: maxBytes, Isolation: iso, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1})
	must(t, err)
	if r.Slice != nil {
		r.Slice.Release()
	}
	return r.Mark
}

// TestWaiters lists what wakes a fetch that waits, and what does not.
func TestWaiters(t *testing.T) {
	size := int64(len(batch(t, recordbatch.Options{}, "x")))
	var b *broker
	var p, other *partition.Partition
	for _, c := range []struct {
		name string
		min  int64
		iso  partition.Isolation
		do   func()
		want bool
	}{
		{"nothing", 1, partition.ReadUncommitted, func() {}, false},
		{"an append", 1, partition.ReadUncommitted, func() { produce(t, p, "x") }, true},
		{"too few bytes", size + 1, partition.ReadUncommitted, func() { produce(t, p, "x") }, false},
		{"enough from one", 2 * size, partition.ReadUncommitted, func() { produce(t, p, "x"); produce(t, p, "x") }, true},
		{"enough from two", 2 * size, partition.ReadUncommitted, func() { produce(t, p, "x"); produce(t, other, "x") }, true},
		{"another's leadership", 1, partition.ReadUncommitted, func() { must(t, other.BecomeLeader(1)) }, true},
		{"an old epoch", 1, partition.ReadUncommitted, func() { must(t, other.BecomeLeader(0)) }, false},
		{"deletion", 1, partition.ReadUncommitted, func() { must(t, b.Delete("otra", 0)) }, true},
		{"shutdown", 1, partition.ReadUncommitted, func() { must(t, b.stop()) }, true},
		{"an open transaction", 1, partition.ReadCommitted, func() {
			x := batch(t, recordbatch.Options{HasProducer: true, ProducerID: 1, Transactional: true}, "x")
			appendTxn(t, p, x)
		}, false},
		{"a committed transaction", size, partition.ReadCommitted, func() {
			x := batch(t, recordbatch.Options{HasProducer: true, ProducerID: 1, Transactional: true}, "x")
			appendTxn(t, p, x)
			m := recordbatch.EndTxnMarker(recordbatch.Commit, 1, 0, 0, time.Now().UnixMilli())
			_, err := p.AppendWait(t.Context(), m, partition.AppendOptions{Acks: -1, Origin: partition.Internal})
			must(t, err)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b = open(t, memConfig(fs.NewMem()))
			p, other = b.create(t, "ventas"), b.create(t, "otra")
			f := newFetch(c.min)
			defer f.Stop()
			f.Watch(p, mark(t, p, 0, c.iso, 1<<20), c.iso)
			f.Watch(other, mark(t, other, 0, c.iso, 1<<20), c.iso)
			c.do()
			if c.want {
				select {
				case <-f.woken:
				case <-time.After(10 * time.Second):
					t.Fatal("not woken")
				}
			} else if f.isWoken() {
				t.Fatal("woken")
			}
			f.Stop()
			if f.isWoken() {
				t.Fatal("woken twice")
			}
		})
	}
}

// TestNothingIsMissedBeforeWatch appends between the read and the watch.
func TestNothingIsMissedBeforeWatch(t *testing.T) {
	b := open(t, memConfig(fs.NewMem()))
	p := b.create(t, "ventas")
	m := mark(t, p, 0, partition.ReadUncommitted, 1<<20)
	produce(t, p, "x")
	f := newFetch(1)
	f.Watch(p, m, partition.ReadUncommitted)
	if !f.isWoken() {
		t.Fatal("not woken")
	}
	f.Stop()
	// A read that left something out must not wait.
	m = mark(t, p, 0, partition.ReadUncommitted, 1)
	if !m.More() {
		t.Fatal("a read that was cut by max bytes says it saw all")
	}
	f = newFetch(1 << 20)
	f.Watch(p, m, partition.ReadUncommitted)
	if !f.isWoken() {
		t.Fatal("waits although there is more")
	}
	f.Stop()
	f.Watch(p, m, partition.ReadUncommitted)
	if f.isWoken() {
		t.Fatal("woken after Stop")
	}
}
