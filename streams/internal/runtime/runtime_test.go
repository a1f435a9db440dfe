package runtime

import (
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/internal/task"
	"github.com/chortal/chortal/streams/processor"
)

func id(sub int, partition int32) processor.TaskID {
	return processor.TaskID{Subtopology: sub, Partition: partition}
}

func tasks(counts ...int) (list []taskInfo) {
	for sub, n := range counts {
		for p := range n {
			list = append(list, taskInfo{id: id(sub, int32(p)), topics: []string{fmt.Sprint("t", sub)}, state: sub == 1})
		}
	}
	return list
}

func newMember(name string, owned ...processor.TaskID) member {
	m := member{
		id: name, topics: map[string]bool{"t0": true, "t1": true, "t2": true},
		owned: map[processor.TaskID]bool{}, stored: map[processor.TaskID]int64{},
	}
	for _, t := range owned {
		m.owned[t] = true
	}
	return m
}

func TestAssign(t *testing.T) {
	show := func(given map[string][]processor.TaskID) string {
		s := ""
		for _, name := range slices.Sorted(maps.Keys(given)) {
			slices.SortFunc(given[name], compareTasks)
			s += fmt.Sprint(name, given[name], " ")
		}
		return s
	}
	holder := newMember("b")
	holder.stored[id(1, 0)] = 5
	ahead := newMember("a")
	ahead.stored[id(1, 0)] = 9
	narrow := newMember("c")
	narrow.topics = map[string]bool{"t0": true}
	all := newMember("a", id(0, 0), id(0, 1), id(0, 2), id(0, 3), id(1, 0), id(1, 1), id(1, 2), id(1, 3))
	for _, c := range []struct {
		name    string
		members []member
		tasks   []taskInfo
		want    string
	}{
		{"one member has all", []member{newMember("a")}, tasks(2, 1), "a[0_0 0_1 1_0] "},
		{"two share", []member{newMember("a"), newMember("b")}, tasks(2, 2), "a[0_0 1_0] b[0_1 1_1] "},
		{"a new one gets half, of each subtopology", []member{all, newMember("b")}, tasks(4, 4), "a[0_0 0_1 1_0 1_1] b[0_2 0_3 1_2 1_3] "},
		{"who owns keeps", []member{newMember("a", id(0, 1)), newMember("b", id(0, 0))}, tasks(2), "a[0_1] b[0_0] "},
		{"state attracts", []member{newMember("a"), holder}, tasks(0, 2), "a[1_1] b[1_0] "},
		{"more state attracts more", []member{ahead, holder}, tasks(0, 2), "a[1_0] b[1_1] "},
		{"topics not read", []member{newMember("a"), narrow}, tasks(1, 2), "a[1_0 1_1] c[0_0] "},
		{"more members than tasks", []member{newMember("a"), newMember("b"), newMember("c")}, tasks(2), "a[0_0] b[0_1] "},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := show(assign(c.members, c.tasks)); got != c.want {
				t.Errorf("assigned %s, want %s", got, c.want)
			}
		})
	}
}

// TestAssignIsFairAndSticky: whoever comes and goes, all tasks are assigned once, loads differ by one at most, and an
// assignment that stays possible stays.
func TestAssignIsFairAndSticky(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		list := tasks(r.IntN(6), r.IntN(6), r.IntN(6))
		var members []member
		for i := range 1 + r.IntN(5) {
			members = append(members, newMember(fmt.Sprint("m", i)))
		}
		first := assign(members, list)
		check(t, members, list, first)
		for i, m := range members {
			for _, id := range first[m.id] {
				members[i].owned[id] = true
			}
		}
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		second := assign(members, list)
		check(t, members, list, second)
		for name := range first {
			slices.SortFunc(first[name], compareTasks)
			slices.SortFunc(second[name], compareTasks)
			if !slices.Equal(first[name], second[name]) {
				t.Fatalf("without a reason %v became %v", first, second)
			}
		}
		members = members[1:]
		if len(members) > 0 {
			check(t, members, list, assign(members, list))
		}
	}
}

func check(t *testing.T, members []member, list []taskInfo, given map[string][]processor.TaskID) {
	t.Helper()
	seen := make(map[processor.TaskID]bool)
	for _, m := range members {
		if n, least := len(given[m.id]), len(list)/len(members); n < least || n > least+1 {
			t.Fatalf("%s has %d of %d tasks among %d members: %v", m.id, n, len(list), len(members), given)
		}
		for _, id := range given[m.id] {
			if seen[id] {
				t.Fatalf("%v is assigned twice: %v", id, given)
			}
			seen[id] = true
		}
	}
	if len(seen) != len(list) {
		t.Fatalf("%d of %d tasks are assigned", len(seen), len(list))
	}
}

func TestSubscription(t *testing.T) {
	s := subscription{
		owned:  map[processor.TaskID]bool{id(0, 1): true, id(3, 70000): true},
		stored: map[processor.TaskID]int64{id(1, 2): 1 << 40},
	}
	got, err := decodeSubscription(s.encode())
	if err != nil || !maps.Equal(got.owned, s.owned) || !maps.Equal(got.stored, s.stored) {
		t.Errorf("%+v, %v", got, err)
	}
	whole := s.encode()
	for n := range whole {
		if _, err := decodeSubscription(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes decode", n, len(whole))
		}
	}
}

func FuzzDecodeSubscription(f *testing.F) {
	f.Add(subscription{owned: map[processor.TaskID]bool{id(0, 1): true}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSubscription(b)
		if err != nil {
			return
		}
		if again, err := decodeSubscription(s.encode()); err != nil || !maps.Equal(again.owned, s.owned) {
			t.Fatalf("%v, %v", again, err)
		}
	})
}

func TestOffsetMetadata(t *testing.T) {
	for _, m := range []offsetMetadata{
		{partitionTime: -1},
		{partitionTime: 1700000000000},
		{partitionTime: 5, emitted: map[string]int64{"KSTREAM-AGGREGATE-0000000003": 7, "x": -1}},
	} {
		got, err := decodeOffsetMetadata(m.encode())
		if err != nil || got.partitionTime != m.partitionTime || !maps.Equal(got.emitted, m.emitted) {
			t.Errorf("%+v became %+v, %v", m, got, err)
		}
	}
	if m, err := decodeOffsetMetadata(""); err != nil || m.partitionTime != -1 {
		t.Errorf("no metadata: %+v, %v", m, err)
	}
	// As Kafka Streams writes it for a partition time of 10 and nothing else.
	if m, err := decodeOffsetMetadata("AgAAAAAAAAAK"); err != nil || m.partitionTime != 10 {
		t.Errorf("Kafka's metadata: %+v, %v", m, err)
	}
	for _, text := range []string{"x", "consumed by somebody", "AwAAAAAAAAAK", "AgAAAAAA"} {
		if _, err := decodeOffsetMetadata(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func FuzzDecodeOffsetMetadata(f *testing.F) {
	f.Add(offsetMetadata{partitionTime: 5, emitted: map[string]int64{"a": 7}}.encode())
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := decodeOffsetMetadata(text); err == nil && text != "" {
			if again, err := decodeOffsetMetadata(m.encode()); err != nil || !maps.Equal(again.emitted, m.emitted) {
				t.Fatalf("%+v, %v", again, err)
			}
		}
	})
}

func TestStaleState(t *testing.T) {
	now := time.UnixMilli(1700000000000)
	topic := [16]byte{1}
	for _, c := range []struct {
		name  string
		at    statestore.Offset
		known bool
		bound changelogBound
		stale bool
	}{
		{name: "no state", bound: changelogBound{end: 10}},
		{name: "fresh", known: true, at: statestore.Offset{Next: 5, TopicID: topic, At: now}, bound: changelogBound{end: 10}},
		{name: "another topic", known: true, at: statestore.Offset{Next: 5, TopicID: [16]byte{2}, At: now}, bound: changelogBound{end: 10}, stale: true},
		{name: "topic without id", known: true, at: statestore.Offset{Next: 5, At: now}, bound: changelogBound{end: 10}},
		{name: "beyond the end", known: true, at: statestore.Offset{Next: 11, TopicID: topic, At: now}, bound: changelogBound{end: 10}, stale: true},
		{name: "before the start", known: true, at: statestore.Offset{Next: 1, TopicID: topic, At: now}, bound: changelogBound{start: 2, end: 10}, stale: true},
		{name: "before the start, where windows expire", known: true, at: statestore.Offset{Next: 1, TopicID: topic, At: now}, bound: changelogBound{start: 2, end: 10, deletes: true}},
		{name: "old", known: true, at: statestore.Offset{Next: 5, TopicID: topic, At: now.Add(-24 * time.Hour)}, bound: changelogBound{end: 10}, stale: true},
		{name: "old, but nothing has happened since", known: true, at: statestore.Offset{Next: 10, TopicID: topic, At: now.Add(-240 * time.Hour)}, bound: changelogBound{end: 10}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.bound.topicID, c.bound.tombstones = topic, defaultDeleteRetention
			logs := []task.Changelog{{Topic: "log", Checkpoint: c.at, Known: c.known}}
			if got := staleState(logs, map[string]changelogBound{"log": c.bound}, now); (got != "") != c.stale {
				t.Errorf("stale: %q, want %v", got, c.stale)
			}
		})
	}
}

func TestStateDir(t *testing.T) {
	dir := t.TempDir()
	d, err := openStateDir(dir, "app")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openStateDir(dir, "app"); err == nil {
		t.Error("a folder in use can be opened")
	}
	other, err := openStateDir(dir, "other")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.close(); err != nil {
		t.Error(err)
	}
	rt := &Runtime{dir: d, cfg: Config{ApplicationID: "app"}}
	if err := rt.cfg.complete(); err == nil {
		t.Error("a configuration without brokers is complete")
	}
	for p := range int32(3) {
		rt.log = slog.New(slog.DiscardHandler)
		e, err := rt.openEngine(id(1, p), false)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	keep := func(t processor.TaskID) bool { return t == id(1, 1) }
	if err := d.clean(time.Now(), time.Hour, keep); err != nil {
		t.Fatal(err)
	}
	if ids, _ := d.stored(); len(ids) != 3 {
		t.Errorf("before the delay only %v are left", ids)
	}
	if err := d.clean(time.Now().Add(2*time.Hour), time.Hour, keep); err != nil {
		t.Fatal(err)
	}
	if ids, _ := d.stored(); !slices.Equal(ids, []processor.TaskID{id(1, 1)}) {
		t.Errorf("after the delay %v are left", ids)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	again, err := openStateDir(dir, "app")
	if err != nil {
		t.Fatal(err)
	}
	_ = again.close()
}

func TestParseTaskID(t *testing.T) {
	for text, want := range map[string]processor.TaskID{"0_0": id(0, 0), "12_345": id(12, 345)} {
		if got, ok := parseTaskID(text); !ok || got != want {
			t.Errorf("%s: %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "1", "_", "1_", "_1", "a_1", "1_b", "-1_1", "1_-1", ".lock", "1_2_3"} {
		if got, ok := parseTaskID(text); ok {
			t.Errorf("%q is %v", text, got)
		}
	}
}
