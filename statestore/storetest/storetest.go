// Package storetest is the suite that every state store engine must pass.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/chortal/chortal/statestore"

	"pgregory.net/rapid"
)

// Run checks that the engines that open returns behave as statestore.Engine says. Each call of open returns a new, empty
// engine.
func Run(t *testing.T, open func(testing.TB) statestore.Engine) {
	t.Run("get", func(t *testing.T) { testGet(t, open(t)) })
	t.Run("scan", func(t *testing.T) { testScan(t, open(t)) })
	t.Run("delete range", func(t *testing.T) { testDeleteRange(t, open(t)) })
	t.Run("snapshot", func(t *testing.T) { testSnapshot(t, open(t)) })
	t.Run("offsets", func(t *testing.T) { testOffsets(t, open(t)) })
	t.Run("scan while writing", func(t *testing.T) { testScanWhileWriting(t, open(t)) })
	t.Run("readers and a writer", func(t *testing.T) { testConcurrent(t, open(t)) })
	t.Run("large batch", func(t *testing.T) { testLargeBatch(t, open(t)) })
	t.Run("closed", func(t *testing.T) { testClosed(t, open(t)) })
	t.Run("model", func(t *testing.T) { testModel(t, open) })
}

func testGet(t *testing.T, e statestore.Engine) {
	defer closeEngine(t, e)
	var b statestore.Batch
	b.Put([]byte("a"), []byte("1"))
	b.Put([]byte("b"), nil)
	b.Put([]byte("c"), []byte("3"))
	b.Delete([]byte("c"))
	b.Put([]byte("a"), []byte("2")) // the later write wins
	apply(t, e, &b)
	wantGet(t, e, "a", "2", true)
	wantGet(t, e, "b", "", true)
	wantGet(t, e, "c", "", false)
	wantGet(t, e, "", "", false)
	b.Reset()
	b.Delete([]byte("a"))
	b.Delete([]byte("never there"))
	apply(t, e, &b)
	wantGet(t, e, "a", "", false)
}

func testScan(t *testing.T, e statestore.Engine) {
	defer closeEngine(t, e)
	put(t, e, "b", "bb", "a", "\xff", "\x00", "ba")
	check := func(from, to string, want ...string) {
		t.Helper()
		if got := keys(t, e, from, to, statestore.Ascending); !slices.Equal(got, want) {
			t.Errorf("scan %q to %q: %q, want %q", from, to, got, want)
		}
		slices.Reverse(want)
		if got := keys(t, e, from, to, statestore.Descending); !slices.Equal(got, want) {
			t.Errorf("scan %q to %q backwards: %q, want %q", from, to, got, want)
		}
	}
	check("", "", "\x00", "a", "b", "ba", "bb", "\xff")
	check("b", "", "b", "ba", "bb", "\xff")
	check("", "b", "\x00", "a")
	check("a", "bb", "a", "b", "ba")
	check("aa", "b\x00", "b")
	check("c", "d")
	check("d", "c")
	check("b", "b")
}

func testDeleteRange(t *testing.T, e statestore.Engine) {
	defer closeEngine(t, e)
	for i := range 3000 {
		put(t, e, fmt.Sprintf("%05d", i))
	}
	if err := e.DeleteRange([]byte("00010"), []byte("02990")); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, e, "", "", statestore.Ascending); len(got) != 20 || got[10] != "02990" {
		t.Errorf("kept %q", got)
	}
	if err := e.DeleteRange(nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, e, "", "", statestore.Ascending); len(got) != 0 {
		t.Errorf("kept %q", got)
	}
}

func testSnapshot(t *testing.T, e statestore.Engine) {
	defer closeEngine(t, e)
	put(t, e, "a", "b")
	s, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, "c")
	if err := e.DeleteRange([]byte("a"), []byte("b")); err != nil {
		t.Fatal(err)
	}
	if got, want := keys(t, s, "", "", statestore.Ascending), []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("snapshot has %q, want %q", got, want)
	}
	if _, ok, err := s.Get([]byte("a")); err != nil || !ok {
		t.Errorf("get a of the snapshot: %v, %v", ok, err)
	}
	if _, ok, err := s.Get([]byte("c")); err != nil || ok {
		t.Errorf("get c of the snapshot: %v, %v", ok, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got, want := keys(t, e, "", "", statestore.Ascending), []string{"b", "c"}; !slices.Equal(got, want) {
		t.Errorf("engine has %q, want %q", got, want)
	}
}

func testOffsets(t *testing.T, e statestore.Engine) {
	defer closeEngine(t, e)
	check := func(want statestore.Offsets) {
		t.Helper()
		got, err := e.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		if !maps.EqualFunc(got, want, func(x, y statestore.Offset) bool {
			return x.Next == y.Next && x.LeaderEpoch == y.LeaderEpoch && x.TopicID == y.TopicID && x.At.Equal(y.At)
		}) {
			t.Errorf("checkpoint %v, want %v", got, want)
		}
	}
	check(statestore.Offsets{})
	x, y := statestore.TopicPartition{Topic: "x", Partition: 1}, statestore.TopicPartition{Topic: "y-z", Partition: 70000}
	first := statestore.Offset{Next: 7, LeaderEpoch: -1, TopicID: [16]byte{1, 2}, At: time.UnixMilli(1700000000123)}
	var b statestore.Batch
	b.SetOffset(x, first)
	apply(t, e, &b)
	check(statestore.Offsets{x: first})
	b.Reset()
	second := statestore.Offset{Next: 1 << 40, LeaderEpoch: 3, At: time.UnixMilli(1700000000124)}
	b.Put([]byte("k"), []byte("v"))
	b.SetOffset(y, second)
	apply(t, e, &b)
	check(statestore.Offsets{x: first, y: second})
	if got := keys(t, e, "", "", statestore.Ascending); !slices.Equal(got, []string{"k"}) {
		t.Errorf("offsets show among the entries: %q", got)
	}
	if err := e.DeleteRange(nil, nil); err != nil {
		t.Fatal(err)
	}
	check(statestore.Offsets{x: first, y: second})
}

func testScanWhileWriting(t *testing.T, e statestore.Engine) {
	defer closeEngine(t, e)
	for i := range 200 {
		put(t, e, fmt.Sprintf("%03d", i))
	}
	n := 0
	for _, err := range e.Scan(nil, nil, statestore.Ascending) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		put(t, e, fmt.Sprintf("x%03d", n))
	}
	if n != 200 {
		t.Errorf("scan met %d entries, want the 200 of its beginning", n)
	}
}

func testConcurrent(t *testing.T, e statestore.Engine) {
	defer closeEngine(t, e)
	done := make(chan error, 2)
	stop := make(chan struct{})
	for range cap(done) {
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				if err := readAll(e); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	var b statestore.Batch
	for i := range 300 {
		b.Reset()
		for j := range 10 { // one batch carries one value: a reader must never see two
			b.Put(fmt.Appendf(nil, "k%d", j), fmt.Appendf(nil, "%d", i))
		}
		apply(t, e, &b)
	}
	close(stop)
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// readAll fails if a scan sees half of a batch.
func readAll(e statestore.Engine) error {
	var first []byte
	for entry, err := range e.Scan(nil, nil, statestore.Ascending) {
		if err != nil {
			return err
		}
		if first == nil {
			first = bytes.Clone(entry.Value)
		} else if !bytes.Equal(first, entry.Value) {
			return fmt.Errorf("scan sees batch %s and batch %s", first, entry.Value)
		}
	}
	return nil
}

func testLargeBatch(t *testing.T, e statestore.Engine) {
	defer closeEngine(t, e)
	const n = 60000
	var b statestore.Batch
	for i := range n {
		b.Put(fmt.Appendf(nil, "%08d", (i*7919)%n), bytes.Repeat([]byte{byte(i)}, 100))
	}
	tp := statestore.TopicPartition{Topic: "t"}
	b.SetOffset(tp, statestore.Offset{Next: n, At: time.UnixMilli(1)})
	apply(t, e, &b)
	count := 0
	for _, err := range e.Scan(nil, nil, statestore.Ascending) {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	offsets, err := e.Checkpoint()
	if err != nil || count != n || offsets[tp].Next != n {
		t.Errorf("%d entries, offsets %v, %v", count, offsets, err)
	}
}

func testClosed(t *testing.T, e statestore.Engine) {
	put(t, e, "a")
	closeEngine(t, e)
	var b statestore.Batch
	b.Put([]byte("a"), nil)
	_, _, getErr := e.Get([]byte("a"))
	_, snapshotErr := e.Snapshot()
	_, checkpointErr := e.Checkpoint()
	var scanErr error
	for _, scanErr = range e.Scan(nil, nil, statestore.Ascending) {
	}
	for what, err := range map[string]error{
		"get": getErr, "apply": e.Apply(&b), "delete range": e.DeleteRange(nil, nil), "snapshot": snapshotErr,
		"checkpoint": checkpointErr, "scan": scanErr,
	} {
		if !errors.Is(err, statestore.ErrClosed) {
			t.Errorf("%s on a closed engine: %v", what, err)
		}
	}
	if err := e.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

// testModel runs random operations against a map.
func testModel(t *testing.T, open func(testing.TB) statestore.Engine) {
	rapid.Check(t, func(rt *rapid.T) {
		e := open(t)
		defer closeEngine(t, e)
		model := map[string]string{}
		key := rapid.StringMatching(`[ab]{0,4}`).Filter(func(s string) bool { return s != "" })
		steps := rapid.IntRange(1, 8).Draw(rt, "steps")
		for range steps {
			var b statestore.Batch
			for range rapid.IntRange(0, 30).Draw(rt, "writes") {
				k := key.Draw(rt, "key")
				if rapid.Bool().Draw(rt, "delete") {
					b.Delete([]byte(k))
					delete(model, k)
					continue
				}
				v := rapid.StringN(0, 3, 5).Draw(rt, "value")
				b.Put([]byte(k), []byte(v))
				model[k] = v
			}
			apply(t, e, &b)
			from, to := key.Draw(rt, "from"), key.Draw(rt, "to")
			if rapid.IntRange(0, 4).Draw(rt, "delete range") == 0 {
				if err := e.DeleteRange([]byte(from), []byte(to)); err != nil {
					rt.Fatal(err)
				}
				maps.DeleteFunc(model, func(k, _ string) bool { return k >= from && k < to })
			}
			want := slices.Sorted(maps.Keys(model))
			if got := keys(t, e, "", "", statestore.Ascending); !slices.Equal(got, want) {
				rt.Fatalf("keys %q, want %q", got, want)
			}
			want = slices.DeleteFunc(want, func(k string) bool { return k < from || k >= to })
			slices.Reverse(want)
			if got := keys(t, e, from, to, statestore.Descending); !slices.Equal(got, want) {
				rt.Fatalf("keys from %q to %q backwards %q, want %q", from, to, got, want)
			}
			for k, v := range model {
				wantGet(t, e, k, v, true)
			}
		}
	})
}

func put(t testing.TB, e statestore.Engine, keys ...string) {
	t.Helper()
	var b statestore.Batch
	for _, k := range keys {
		b.Put([]byte(k), []byte("value of "+k))
	}
	apply(t, e, &b)
}

func apply(t testing.TB, e statestore.Engine, b *statestore.Batch) {
	t.Helper()
	if err := e.Apply(b); err != nil {
		t.Fatal(err)
	}
}

// keys scans e; empty bounds are open.
func keys(t testing.TB, r statestore.Reader, from, to string, order statestore.Order) (found []string) {
	t.Helper()
	var low, high []byte
	if from != "" {
		low = []byte(from)
	}
	if to != "" {
		high = []byte(to)
	}
	for e, err := range r.Scan(low, high, order) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, string(e.Key))
	}
	return found
}

func wantGet(t testing.TB, r statestore.Reader, key, value string, ok bool) {
	t.Helper()
	got, found, err := r.Get([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	if found != ok || string(got) != value {
		t.Errorf("get %q: %q, %v, want %q, %v", key, got, found, value, ok)
	}
}

func closeEngine(t testing.TB, e statestore.Engine) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
