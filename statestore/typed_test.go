package statestore_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/statestore/memstore"

	"pgregory.net/rapid"
)

type text struct{}

func (text) Append(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }
func (text) Decode(b []byte) (string, error)             { return string(b), nil }

type number struct{}

func (number) Append(dst []byte, v int64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
}
func (number) Decode(b []byte) (int64, error) { return int64(binary.BigEndian.Uint64(b)), nil }

// topic is a changelog: the records in order.
type topic []statestore.ChangelogRecord

func (l *topic) log(r statestore.ChangelogRecord) error {
	r.Key = slices.Clone(r.Key)
	if r.Value != nil {
		r.Value = append([]byte{}, r.Value...)
	}
	*l = append(*l, r)
	return nil
}

func (l *topic) String() string {
	var b strings.Builder
	for _, r := range *l {
		value := "null"
		if r.Value != nil {
			value = hex.EncodeToString(r.Value)
		}
		fmt.Fprintf(&b, "%s=%s@%d ", hex.EncodeToString(r.Key), value, r.Timestamp)
	}
	return strings.TrimSpace(b.String())
}

// commit does what a task does.
func commit(t testing.TB, e statestore.Engine, stores ...statestore.Store) {
	t.Helper()
	var b statestore.Batch
	for _, s := range stores {
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range stores {
		if err := s.Prepare(&b); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Apply(&b); err != nil {
		t.Fatal(err)
	}
	for _, s := range stores {
		if err := s.Applied(); err != nil {
			t.Fatal(err)
		}
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestKeyValueCaching(t *testing.T) {
	type step struct {
		do   func(s *statestore.KeyValue[string, int64]) error
		want string // changes and log records of the step
	}
	put := func(k string, v, ts int64) func(*statestore.KeyValue[string, int64]) error {
		return func(s *statestore.KeyValue[string, int64]) error { return s.Put(k, v, ts) }
	}
	del := func(k string, ts int64) func(*statestore.KeyValue[string, int64]) error {
		return func(s *statestore.KeyValue[string, int64]) error { return s.Delete(k, ts) }
	}
	flush := func(s *statestore.KeyValue[string, int64]) error { return s.Flush() }
	for name, c := range map[string]struct {
		caching bool
		steps   []step
	}{
		"off": {false, []step{
			{put("a", 1, 10), "log a=1@10, a:1<-none@10"},
			{put("a", 2, 9), "log a=2@9, a:2<-1@9"},
			{del("a", 11), "log a=null@11, a:none<-2@11"},
			{del("b", 12), "log b=null@12, b:none<-none@12"},
			{flush, ""},
		}},
		"on": {true, []step{
			{put("a", 1, 10), ""},
			{put("b", 1, 11), ""},
			{put("a", 2, 9), ""},
			{flush, "log b=1@11, b:1<-none@11, log a=2@9, a:2<-none@9"}, // order of the last update
			{flush, ""},
			{put("a", 3, 20), ""},
			{put("a", 4, 21), ""},
			{flush, "log a=4@21, a:4<-2@21"}, // old value: the last that was sent
			{del("a", 22), ""},
			{put("c", 1, 23), ""},
			{del("c", 24), ""},
			{flush, "log a=null@22, a:none<-4@22"}, // nobody saw c
			{del("d", 25), ""},
			{flush, ""},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var events []string
			e := memstore.New()
			s, err := statestore.NewKeyValue(statestore.Config[string, int64]{
				Name: "s", Engine: e, Keys: text{}, Values: number{}, Caching: c.caching, OldValues: true,
				Log: func(r statestore.ChangelogRecord) error {
					value := "null"
					if r.Value != nil {
						value = fmt.Sprint(binary.BigEndian.Uint64(r.Value))
					}
					events = append(events, fmt.Sprintf("log %s=%s@%d", r.Key, value, r.Timestamp))
					return nil
				},
				OnChange: func(c statestore.Change[string, int64]) error {
					show := func(v int64, has bool) string {
						if !has {
							return "none"
						}
						return fmt.Sprint(v)
					}
					events = append(events, fmt.Sprintf("%s:%s<-%s@%d", c.Key, show(c.New, c.HasNew), show(c.Old, c.HasOld), c.Timestamp))
					return nil
				},
			})
			ok(t, err)
			for i, step := range c.steps {
				events = nil
				ok(t, step.do(s))
				if got := strings.Join(events, ", "); got != step.want {
					t.Errorf("step %d: %s\nwant %s", i, got, step.want)
				}
			}
		})
	}
}

func TestContextIsThatOfTheLastUpdate(t *testing.T) {
	context := "first"
	var got []any
	s, err := statestore.NewKeyValue(statestore.Config[string, int64]{
		Name: "s", Engine: memstore.New(), Keys: text{}, Values: number{}, Caching: true,
		Context:  func() any { return context },
		OnChange: func(c statestore.Change[string, int64]) error { got = append(got, c.Context); return nil },
	})
	ok(t, err)
	ok(t, s.Put("a", 1, 1))
	context = "second"
	ok(t, s.Put("a", 2, 2))
	context = "third"
	ok(t, s.Flush())
	if !slices.Equal(got, []any{"second"}) {
		t.Errorf("contexts %v", got)
	}
}

// TestBlindPut: a value that only the engine knows is still seen as the old one.
func TestBlindPut(t *testing.T) {
	e := memstore.New()
	open := func(old bool, changes *[]statestore.Change[string, int64]) *statestore.KeyValue[string, int64] {
		s, err := statestore.NewKeyValue(statestore.Config[string, int64]{
			Name: "s", Engine: e, Keys: text{}, Values: number{}, Caching: true, OldValues: old,
			OnChange: func(c statestore.Change[string, int64]) error { *changes = append(*changes, c); return nil },
		})
		ok(t, err)
		return s
	}
	var ignored, changes []statestore.Change[string, int64]
	s := open(false, &ignored)
	ok(t, s.Put("a", 1, 1))
	ok(t, s.Put("b", 1, 1))
	commit(t, e, s)
	s = open(true, &changes)
	ok(t, s.Put("a", 2, 2))
	ok(t, s.Delete("b", 3))
	commit(t, e, s)
	s = open(false, &changes)
	ok(t, s.Put("a", 3, 4))
	ok(t, s.Delete("a", 5))
	commit(t, e, s)
	want := []statestore.Change[string, int64]{
		{Key: "a", New: 2, HasNew: true, Old: 1, HasOld: true, Timestamp: 2},
		{Key: "b", Old: 1, HasOld: true, Timestamp: 3},
		{Key: "a", Timestamp: 5},
	}
	if !slices.Equal(changes, want) {
		t.Errorf("changes %+v\nwant %+v", changes, want)
	}
	if _, _, found, err := s.Get("a"); found || err != nil {
		t.Errorf("a is still there: %v", err)
	}
}

// TestKeyValueModel runs random operations against a map: cached or not, with a cache too small for the keys, committed,
// reopened, and restored from the changelog at random moments.
func TestKeyValueModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type stamped struct{ v, ts int64 }
		model := map[string]stamped{}
		var log topic
		e := memstore.New()
		sent := map[string]int64{}
		caching, maxBytes := rapid.Bool().Draw(rt, "caching"), rapid.SampledFrom([]int64{1, 500, 1 << 20}).Draw(rt, "max bytes")
		oldValues := rapid.Bool().Draw(rt, "old values")
		open := func() *statestore.KeyValue[string, int64] {
			s, err := statestore.NewKeyValue(statestore.Config[string, int64]{
				Name: "s", Engine: e, Keys: text{}, Values: number{}, Caching: caching, MaxBytes: maxBytes, OldValues: oldValues,
				Log: log.log,
				OnChange: func(c statestore.Change[string, int64]) error {
					if old, has := sent[c.Key]; oldValues && (has != c.HasOld || old != c.Old) {
						rt.Fatalf("change of %s has old value %d, %v, but %d, %v was sent", c.Key, c.Old, c.HasOld, old, has)
					}
					delete(sent, c.Key)
					if c.HasNew {
						sent[c.Key] = c.New
					}
					return nil
				},
			})
			ok(t, err)
			return s
		}
		s := open()
		key := rapid.SampledFrom([]string{"a", "b", "c", "ab", "a key that is longer than what an entry has room for", "d", ""})
		for i := range rapid.IntRange(1, 60).Draw(rt, "steps") {
			k, ts := key.Draw(rt, "key"), int64(i)
			switch rapid.IntRange(0, 9).Draw(rt, "op") {
			case 0, 1, 2:
				ok(t, s.Put(k, ts, ts))
				model[k] = stamped{ts, ts}
			case 3:
				ok(t, s.Delete(k, ts))
				delete(model, k)
			case 4, 5:
				v, at, found, err := s.Get(k)
				ok(t, err)
				if want, has := model[k]; has != found || has && (want != stamped{v, at}) {
					rt.Fatalf("get %q: %d@%d, %v, want %v, %v", k, v, at, found, want, has)
				}
			case 6:
				commit(t, e, s)
			case 7:
				ok(t, s.Flush())
				for k, want := range model {
					if sent[k] != want.v {
						rt.Fatalf("after flush %q was sent as %d, want %d", k, sent[k], want.v)
					}
				}
				if len(sent) != len(model) {
					rt.Fatalf("sent %v, want %v", sent, model)
				}
			case 8:
				commit(t, e, s)
				if rapid.Bool().Draw(rt, "lose the engine") {
					e = memstore.New()
				}
				s = open()
				var b statestore.Batch
				for _, r := range log {
					ok(t, s.Restore(&b, r))
				}
				ok(t, e.Apply(&b))
			case 9:
				from, to := key.Draw(rt, "from"), key.Draw(rt, "to")
				order := rapid.SampledFrom([]statestore.Order{statestore.Ascending, statestore.Descending}).Draw(rt, "order")
				var got []string
				for entry, err := range s.Range(&from, &to, order) {
					ok(t, err)
					if (model[entry.Key] != stamped{entry.Value, entry.Timestamp}) {
						rt.Fatalf("range has %+v, want %v", entry, model[entry.Key])
					}
					got = append(got, entry.Key)
				}
				want := slices.Sorted(maps.Keys(model))
				want = slices.DeleteFunc(want, func(k string) bool { return k < from || k > to })
				if order == statestore.Descending {
					slices.Reverse(want)
				}
				if !slices.Equal(got, want) {
					rt.Fatalf("range %q to %q: %q, want %q", from, to, got, want)
				}
			}
		}
	})
}

func openWindow(t testing.TB, e statestore.Engine, change func(*statestore.WindowConfig[string, int64])) *statestore.Window[string, int64] {
	t.Helper()
	c := statestore.WindowConfig[string, int64]{KeySerde: text{}, Retention: 50 * time.Millisecond}
	c.Name, c.Engine, c.Values = "w", e, number{}
	if change != nil {
		change(&c)
	}
	s, err := statestore.NewWindow(c)
	ok(t, err)
	return s
}

func showWindows(t testing.TB, seq func(func(statestore.WindowEntry[string, int64], error) bool)) string {
	t.Helper()
	var rows []string
	for w, err := range seq {
		ok(t, err)
		rows = append(rows, fmt.Sprintf("%s@%d=%d", w.Key, w.Start, w.Value))
	}
	return strings.Join(rows, " ")
}

// TestWindowRetention follows Kafka Streams' store: see SS-030 of the recorded cases.
func TestWindowRetention(t *testing.T) {
	var log topic
	s := openWindow(t, memstore.New(), func(c *statestore.WindowConfig[string, int64]) { c.Log = log.log })
	put := func(key string, v, start int64) { t.Helper(); ok(t, s.Put(key, start, v, 0)) }
	all := func(want string) {
		t.Helper()
		if got := showWindows(t, s.All(statestore.Ascending)); got != want {
			t.Errorf("all: %s\nwant %s", got, want)
		}
	}
	put("a", 1, 0)
	put("a", 2, 10)
	put("a", 3, 49)
	all("a@0=1 a@10=2 a@49=3")
	put("b", 4, 50)
	all("a@10=2 a@49=3 b@50=4")
	if _, _, found, _ := s.Get("a", 0); found {
		t.Error("a@0 is past retention")
	}
	put("b", 5, 60)
	put("a", 6, 10) // its segment lives, but it is hidden
	put("a", 7, 11)
	all("a@11=7 a@49=3 b@50=4 b@60=5")
	if got := showWindows(t, s.Fetch("a", 10, 50, statestore.Descending)); got != "a@49=3 a@11=7" {
		t.Errorf("fetch a: %s", got)
	}
	put("b", 8, 1000)
	put("a", 9, 951)
	all("a@951=9 b@1000=8")
	if want := "61000000000000000000000000=0000000000000001@0"; !strings.HasPrefix(log.String(), want) {
		t.Errorf("changelog %s, want %s first", log.String(), want)
	}
}

func TestWindowExpiry(t *testing.T) {
	e := memstore.New()
	expired := 0
	open := func() *statestore.Window[string, int64] {
		return openWindow(t, e, func(c *statestore.WindowConfig[string, int64]) {
			c.SegmentInterval, c.OnExpired, c.MaxBytes = 10*time.Millisecond, func() { expired++ }, 300
		})
	}
	s := open()
	for start := int64(0); start < 1000; start += 5 {
		ok(t, s.Put("k", start, start, start))
		if start%20 == 0 {
			commit(t, e, s)
		}
	}
	commit(t, e, s)
	rows := 0
	for _, err := range e.Scan([]byte{0, 1}, nil, statestore.Ascending) {
		ok(t, err)
		rows++
	}
	if rows > 14 {
		t.Errorf("engine keeps %d rows of a retention of 10", rows)
	}
	if n := s.MemoryBytes(); n > 20000 {
		t.Errorf("store keeps %d bytes", n)
	}
	s = open()
	if s.StreamTime() != 995 {
		t.Errorf("stream time %d after a restart", s.StreamTime())
	}
	ok(t, s.Put("k", 900, 1, 1))
	if expired != 1 {
		t.Errorf("%d puts expired", expired)
	}
	if got, want := showWindows(t, s.All(statestore.Descending)), "k@995=995 k@990=990"; !strings.HasPrefix(got, want) {
		t.Errorf("all backwards: %s", got)
	}
}

// TestWindowModel runs random operations against a map with retention too long to matter.
func TestWindowModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type cell struct {
			key   string
			start int64
		}
		model := map[cell]int64{}
		var log topic
		e := memstore.New()
		open := func() *statestore.Window[string, int64] {
			return openWindow(t, e, func(c *statestore.WindowConfig[string, int64]) {
				c.Retention, c.SegmentInterval, c.Log = time.Hour, 7*time.Millisecond, log.log
				c.Caching = rapid.Bool().Draw(rt, "caching")
				c.MaxBytes = rapid.SampledFrom([]int64{1, 1 << 20}).Draw(rt, "max bytes")
			})
		}
		s := open()
		key, start := rapid.SampledFrom([]string{"a", "ab", "", "a\x00"}), rapid.Int64Range(0, 40)
		for i := range rapid.IntRange(1, 60).Draw(rt, "steps") {
			c, v := cell{key.Draw(rt, "key"), start.Draw(rt, "start")}, int64(i)
			switch rapid.IntRange(0, 6).Draw(rt, "op") {
			case 0, 1:
				ok(t, s.Put(c.key, c.start, v, v))
				model[c] = v
			case 2:
				ok(t, s.Delete(c.key, c.start, v))
				delete(model, c)
			case 3:
				got, _, found, err := s.Get(c.key, c.start)
				ok(t, err)
				if want, has := model[c]; has != found || want != got {
					rt.Fatalf("get %v: %d, %v, want %d, %v", c, got, found, want, has)
				}
			case 4:
				commit(t, e, s)
			case 5:
				commit(t, e, s)
				e = memstore.New()
				s = open()
				var b statestore.Batch
				for _, r := range log {
					ok(t, s.Restore(&b, r))
				}
				ok(t, e.Apply(&b))
			case 6:
				from, to := start.Draw(rt, "from"), start.Draw(rt, "to")
				var want []string
				for c2, v := range model {
					if c2.key == c.key && c2.start >= from && c2.start <= to {
						want = append(want, fmt.Sprintf("%s@%02d=%d", c2.key, c2.start, v))
					}
				}
				slices.Sort(want)
				var got []string
				for w, err := range s.Fetch(c.key, from, to, statestore.Ascending) {
					ok(t, err)
					got = append(got, fmt.Sprintf("%s@%02d=%d", w.Key, w.Start, w.Value))
				}
				if !slices.Equal(got, want) {
					rt.Fatalf("fetch %q %d..%d: %q, want %q", c.key, from, to, got, want)
				}
				n := 0
				for w, err := range s.FetchKeys(&c.key, nil, from, to, statestore.Ascending) {
					ok(t, err)
					if w.Key < c.key || w.Start < from || w.Start > to || model[cell{w.Key, w.Start}] != w.Value {
						rt.Fatalf("fetch keys has %+v", w)
					}
					n++
				}
				for c2 := range model {
					if c2.key >= c.key && c2.start >= from && c2.start <= to {
						n--
					}
				}
				if n != 0 {
					rt.Fatalf("fetch keys has %d rows too many", n)
				}
			}
		}
	})
}

func TestStoresShareAnEngine(t *testing.T) {
	e := memstore.New()
	open := func(name string) *statestore.KeyValue[string, int64] {
		s, err := statestore.NewKeyValue(statestore.Config[string, int64]{Name: name, Engine: e, Keys: text{}, Values: number{}})
		ok(t, err)
		return s
	}
	x, y := open("x"), open("y")
	ok(t, x.Put("k", 1, 0))
	ok(t, y.Put("k", 2, 0))
	commit(t, e, x, y)
	y, x = open("y"), open("x") // another order of opening
	if v, _, _, _ := x.Get("k"); v != 1 {
		t.Errorf("x has %d", v)
	}
	if v, _, _, _ := y.Get("k"); v != 2 {
		t.Errorf("y has %d", v)
	}
}

func TestCacheStaysInItsBudget(t *testing.T) {
	e := memstore.New()
	s, err := statestore.NewKeyValue(statestore.Config[string, int64]{
		Name: "s", Engine: e, Keys: text{}, Values: number{}, MaxBytes: 1 << 16, Caching: true,
	})
	ok(t, err)
	for i := range int64(20000) {
		ok(t, s.Put(fmt.Sprintf("key-%d", i), i, i))
		if s.UncommittedBytes() > 1<<16 {
			commit(t, e, s)
		}
	}
	commit(t, e, s)
	if n := s.MemoryBytes(); n > 1<<16+64000 { // and the filter of what left
		t.Errorf("cache holds %d bytes", n)
	}
	for i := range int64(20000) {
		if v, _, found, err := s.Get(fmt.Sprintf("key-%d", i)); v != i || !found || err != nil {
			t.Fatalf("key-%d: %d, %v, %v", i, v, found, err)
		}
	}
	if _, _, found, _ := s.Get("key-20000"); found {
		t.Error("a key that was never put is found")
	}
}

// TestWindowTimeOrder: time-ordered stores answer by start and key, from any layout, with rows in cache and engine.
func TestWindowTimeOrder(t *testing.T) {
	for name, change := range map[string]func(*statestore.WindowConfig[string, int64]){
		"layout": func(c *statestore.WindowConfig[string, int64]) { c.TimeOrdered = true },
		"sorted": func(c *statestore.WindowConfig[string, int64]) { c.ExactRetention = true },
	} {
		t.Run(name, func(t *testing.T) {
			e := memstore.New()
			s := openWindow(t, e, func(c *statestore.WindowConfig[string, int64]) {
				c.Retention, c.SegmentInterval = time.Second, 10*time.Millisecond
				change(c)
			})
			for i, w := range []struct {
				key   string
				start int64
			}{{"b", 5}, {"a", 25}, {"c", 5}, {"a", 9}, {"b", 25}, {"ab", 9}} {
				ok(t, s.Put(w.key, w.start, int64(i), 0))
				if i == 2 {
					commit(t, e, s)
				}
			}
			if got, want := showWindows(t, s.All(statestore.Ascending)), "b@5=0 c@5=2 a@9=3 ab@9=5 a@25=1 b@25=4"; got != want {
				t.Errorf("all: %s\nwant %s", got, want)
			}
			if got, want := showWindows(t, s.All(statestore.Descending)), "b@25=4 a@25=1 ab@9=5 a@9=3 c@5=2 b@5=0"; got != want {
				t.Errorf("all backwards: %s\nwant %s", got, want)
			}
			if got, want := showWindows(t, s.Fetch("a", 0, 100, statestore.Ascending)), "a@9=3 a@25=1"; got != want {
				t.Errorf("fetch a: %s\nwant %s", got, want)
			}
			from, to := "aa", "b"
			if got, want := showWindows(t, s.FetchKeys(&from, &to, 6, 25, statestore.Ascending)), "ab@9=5 b@25=4"; got != want {
				t.Errorf("fetch aa..b: %s\nwant %s", got, want)
			}
		})
	}
}

// TestWindowClosed: windows past retention are still there for whoever has to emit them, and no longer.
func TestWindowClosed(t *testing.T) {
	e, held := memstore.New(), int64(0)
	s := openWindow(t, e, func(c *statestore.WindowConfig[string, int64]) {
		c.TimeOrdered, c.SegmentInterval, c.Hold = true, 10*time.Millisecond, func() int64 { return held }
	})
	for _, start := range []int64{3, 10, 30} {
		ok(t, s.Put("k", start, start, 0))
	}
	ok(t, s.Put("k", 1000, 1000, 0))
	commit(t, e, s)
	if got := showWindows(t, s.All(statestore.Ascending)); got != "k@1000=1000" {
		t.Errorf("all: %s", got)
	}
	if got := showWindows(t, s.Closed(0, 900)); got != "k@3=3 k@10=10 k@30=30" {
		t.Errorf("closed: %s", got)
	}
	held = 30
	ok(t, s.Put("k", 1001, 1001, 0))
	commit(t, e, s)
	if got := showWindows(t, s.Closed(0, 900)); got != "k@30=30" {
		t.Errorf("closed, once the first are emitted: %s", got)
	}
}

// TestCachedWindowsAreShown although their retention is over: Kafka Streams does so, as long as they are cached.
func TestCachedWindowsAreShown(t *testing.T) {
	e := memstore.New()
	open := func() *statestore.Window[string, int64] {
		return openWindow(t, e, func(c *statestore.WindowConfig[string, int64]) { c.Caching = true })
	}
	s := open()
	ok(t, s.Put("a", 0, 1, 0))
	ok(t, s.Put("b", 60, 2, 0))
	commit(t, e, s)
	if got := showWindows(t, s.All(statestore.Ascending)); got != "a@0=1 b@60=2" {
		t.Errorf("all: %s", got)
	}
	if v, _, found, err := s.Get("a", 0); v != 1 || !found || err != nil {
		t.Errorf("a@0: %d, %v, %v", v, found, err)
	}
	s = open()
	if got := showWindows(t, s.All(statestore.Ascending)); got != "b@60=2" {
		t.Errorf("all, with an empty cache: %s", got)
	}
}

// TestUnencodableValue leaves a store without caching as it was.
func TestUnencodableValue(t *testing.T) {
	var log topic
	e := memstore.New()
	s, err := statestore.NewKeyValue(statestore.Config[string, string]{Name: "s", Engine: e, Keys: text{}, Values: picky{}, Log: log.log})
	ok(t, err)
	ok(t, s.Put("a", "good", 1))
	for _, k := range []string{"a", "b"} {
		if err := s.Put(k, "bad", 2); err == nil {
			t.Errorf("put of a bad value for %s succeeds", k)
		}
	}
	commit(t, e, s)
	if v, ts, found, _ := s.Get("a"); v != "good" || ts != 1 || !found {
		t.Errorf("a is %q@%d, %v", v, ts, found)
	}
	if _, _, found, _ := s.Get("b"); found {
		t.Error("b is there")
	}
	if len(log) != 1 {
		t.Errorf("changelog: %v", log.String())
	}
}

// picky does not encode "bad".
type picky struct{ text }

func (picky) Append(dst []byte, v string) ([]byte, error) {
	if v == "bad" {
		return dst, fmt.Errorf("%q cannot be encoded", v)
	}
	return append(dst, v...), nil
}

// TestLayoutChange: state of another layout is not read as if it were of this one.
func TestLayoutChange(t *testing.T) {
	e := memstore.New()
	openWindow(t, e, nil)
	for name, change := range map[string]func(*statestore.WindowConfig[string, int64]){
		"order":   func(c *statestore.WindowConfig[string, int64]) { c.TimeOrdered = true },
		"segment": func(c *statestore.WindowConfig[string, int64]) { c.SegmentInterval = time.Second },
	} {
		c := statestore.WindowConfig[string, int64]{KeySerde: text{}, Retention: 50 * time.Millisecond}
		c.Name, c.Engine, c.Values = "w", e, number{}
		change(&c)
		_, err := statestore.NewWindow(c)
		if _, corrupt := errors.AsType[*statestore.CorruptionError](err); !corrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
}
