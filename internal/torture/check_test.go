package torture

import (
	"bytes"
	"slices"
	"testing"
)

// A history without anomalies: records of worker 1, a committed and an aborted transaction of worker 2, a group, a copy,
// a compacted topic, an admin's topic. Each mutant changes it as a broken broker would have made it.
func calm() History {
	h := History{Topics: map[string]TopicInfo{
		"t": {Partitions: 1}, "source": {Partitions: 1}, "copy": {Partitions: 1, CopyOf: "source"}, "c": {Partitions: 1, Compacted: true},
	}}
	at := int64(0)
	op := int64(0)
	add := func(e Event) {
		at += 10
		e.At = at
		h.Events = append(h.Events, e)
	}
	call := func(e Event, phase Phase, offset int64) int64 {
		op++
		e.Op, e.Phase = op, Invoke
		add(e)
		e.Phase, e.Offset = phase, offset
		add(e)
		return e.Op
	}
	send := func(worker int, topic string, value, offset, txn, source int64, key string) {
		call(Event{Kind: KindSend, Worker: worker, Topic: topic, Value: value, Txn: txn, Source: source, Key: key}, OK, offset)
	}
	send(1, "t", 1, 0, 0, 0, "")
	send(1, "t", 2, 1, 0, 0, "")
	op++
	good := op
	add(Event{Kind: KindTxn, Op: good, Phase: Invoke, Worker: 2})
	send(2, "t", 3, 2, good, 0, "")
	send(2, "t", 4, 3, good, 0, "")
	add(Event{Kind: KindEnd, Txn: good})
	add(Event{Kind: KindTxn, Op: good, Phase: OK, Worker: 2}) // marker at 4
	op++
	bad := op
	add(Event{Kind: KindTxn, Op: bad, Phase: Invoke, Worker: 2})
	send(2, "t", 5, 5, bad, 0, "")
	add(Event{Kind: KindTxn, Op: bad, Phase: Fail, Worker: 2}) // marker at 6
	send(1, "t", 6, 7, 0, 0, "")
	send(3, "source", 10, 0, 0, 0, "")
	send(3, "source", 11, 1, 0, 0, "")
	send(4, "copy", 12, 0, 0, 10, "")
	send(4, "copy", 13, 1, 0, 11, "")
	send(5, "c", 20, 0, 0, 0, "k")
	send(5, "c", 21, 1, 0, 0, "k")
	send(5, "c", 22, 2, 0, 0, "l")
	add(Event{Kind: KindMark, Topic: "t", Offset: 0, High: 8, Stable: 8, Since: at})

	read := func(session int64, topic string, offset, value, source int64, committed, final bool, more Event) {
		more.Kind, more.Session, more.Topic, more.Offset, more.Value, more.Source = KindRead, session, topic, offset, value, source
		more.Committed, more.Final, more.Control = committed, final, value == 0
		add(more)
	}
	// A reader and a member of a group, under way.
	for _, r := range [][2]int64{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {7, 6}} {
		read(1, "t", r[0], r[1], 0, true, false, Event{})
	}
	for _, r := range [][2]int64{{0, 10}, {1, 11}} {
		read(2, "source", r[0], r[1], 0, false, false, Event{Group: "g"})
	}
	commit := Event{Kind: KindCommit, Group: "g", Topic: "source", Offset: 1}
	call(commit, OK, 1)
	commit.Offset = 2
	call(commit, OK, 2)
	call(Event{Kind: KindCommitted, Group: "g", Topic: "source"}, OK, 2)

	call(Event{Kind: KindTopic, Topic: "a", Text: "create", Key: "1"}, OK, 0)
	add(Event{Kind: KindSeen, Topic: "a", Text: "id1", Key: "1"})
	call(Event{Kind: KindTopic, Topic: "a", Text: "alter", Key: "2"}, OK, 0)
	add(Event{Kind: KindSeen, Topic: "a", Text: "id1", Key: "2"})
	call(Event{Kind: KindTopic, Topic: "b", Text: "create", Key: "1"}, OK, 0)
	add(Event{Kind: KindSeen, Topic: "b", Text: "id2", Key: "1"})
	call(Event{Kind: KindTopic, Topic: "b", Text: "delete"}, OK, 0)
	add(Event{Kind: KindSeen, Topic: "b"})

	// Final readers.
	for _, r := range [][2]int64{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 0}, {5, 5}, {6, 0}, {7, 6}} {
		read(11, "t", r[0], r[1], 0, false, true, Event{})
	}
	for _, r := range [][2]int64{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 0}, {6, 0}, {7, 6}} {
		read(12, "t", r[0], r[1], 0, true, true, Event{})
	}
	for _, committed := range []bool{false, true} {
		session := int64(13)
		if committed {
			session = 14
		}
		read(session, "source", 0, 10, 0, committed, true, Event{})
		read(session, "source", 1, 11, 0, committed, true, Event{})
		read(session, "copy", 0, 12, 10, committed, true, Event{})
		read(session, "copy", 1, 13, 11, committed, true, Event{})
		read(session, "c", 1, 21, 0, committed, true, Event{Key: "k"})
		read(session, "c", 2, 22, 0, committed, true, Event{Key: "l"})
	}
	for topic, high := range map[string]int64{"t": 8, "source": 2, "copy": 2, "c": 3} {
		add(Event{Kind: KindMark, Topic: topic, High: high, Stable: high, Since: at, Final: true})
	}
	return h
}

// drop removes the events that a predicate chooses.
func drop(h *History, gone func(Event) bool) { h.Events = slices.DeleteFunc(h.Events, gone) }

// change edits the events that a predicate chooses.
func change(h *History, of func(Event) bool, edit func(*Event)) {
	for i := range h.Events {
		if of(h.Events[i]) {
			edit(&h.Events[i])
		}
	}
}

func isRead(e Event, session, value int64) bool {
	return e.Kind == KindRead && e.Session == session && e.Value == value
}

func ack(e Event, value int64) bool { return e.Kind == KindSend && e.Phase == OK && e.Value == value }

func TestCheckFindsMutants(t *testing.T) {
	if found := Check(calm()); len(found) > 0 {
		t.Fatalf("a history without anomalies has %v", found)
	}
	for _, m := range []struct {
		defect, want string
		mutate       func(*History)
	}{
		{"ack before write", "lost-write", func(h *History) { drop(h, func(e Event) bool { return e.Kind == KindRead && e.Value == 6 }) }},
		{"an acknowledged record is invisible to read_committed", "lost-write", func(h *History) { drop(h, func(e Event) bool { return isRead(e, 12, 6) }) }},
		{"a committed transaction is invisible", "lost-write", func(h *History) {
			drop(h, func(e Event) bool { return e.Session != 11 && (e.Value == 3 || e.Value == 4) && e.Kind == KindRead })
		}},
		{"marker on a part of the partitions", "torn-txn", func(h *History) {
			change(h, func(e Event) bool { return e.Kind == KindTxn && e.Phase == OK }, func(e *Event) { e.Phase = Info })
			drop(h, func(e Event) bool { return isRead(e, 12, 4) })
		}},
		{"a producer's state is forgotten", "duplicate", func(h *History) {
			h.Events = append(h.Events, Event{At: 1e6, Kind: KindRead, Session: 21, Topic: "t", Offset: 8, Value: 2})
		}},
		{"the tail is cut and written again", "inconsistent-offsets", func(h *History) {
			h.Events = append(h.Events, Event{At: 1e6, Kind: KindRead, Session: 21, Topic: "t", Offset: 1, Value: 1})
		}},
		{"last stable offset is the high watermark", "dirty-read", func(h *History) {
			change(h, func(e Event) bool { return isRead(e, 1, 3) }, func(e *Event) { e.At = 60 })
		}},
		{"no aborted transactions in a fetch", "aborted-read", func(h *History) {
			i := slices.IndexFunc(h.Events, func(e Event) bool { return isRead(e, 1, 6) })
			e := h.Events[i]
			e.Offset, e.Value = 5, 5
			h.Events = slices.Insert(h.Events, i, e)
		}},
		{"an old epoch is not fenced", "fenced-commit", func(h *History) {
			i := slices.IndexFunc(h.Events, func(e Event) bool { return e.Kind == KindTxn && e.Phase == Fail })
			e := h.Events[i]
			e.Phase = OK
			h.Events = slices.Insert(h.Events, i+1, e)
		}},
		{"records of one producer change places", "nonmonotonic-send", func(h *History) {
			change(h, func(e Event) bool { return ack(e, 1) }, func(e *Event) { e.Offset = 1 })
			change(h, func(e Event) bool { return ack(e, 2) }, func(e *Event) { e.Offset = 0 })
		}},
		{"an offset is given before an older one", "order", func(h *History) {
			change(h, func(e Event) bool { return ack(e, 6) }, func(e *Event) { e.Offset = 0 })
		}},
		{"a reader goes back", "nonmonotonic-poll", func(h *History) {
			i := slices.IndexFunc(h.Events, func(e Event) bool { return isRead(e, 1, 2) })
			h.Events = slices.Insert(h.Events, i+1, h.Events[i-1])
		}},
		{"a reader is sent on", "poll-skip", func(h *History) { drop(h, func(e Event) bool { return isRead(e, 1, 2) }) }},
		{"a gap", "hole", func(h *History) {
			drop(h, func(e Event) bool { return e.Kind == KindRead && e.Final && e.Offset == 4 })
		}},
		{"log start is lost on restart", "regress", func(h *History) {
			change(h, func(e Event) bool { return e.Kind == KindMark && !e.Final }, func(e *Event) { e.Offset = 1 })
		}},
		{"high watermark beyond what is durable", "regress", func(h *History) {
			change(h, func(e Event) bool { return e.Kind == KindMark && !e.Final }, func(e *Event) { e.High = 9 })
		}},
		{"last stable offset goes back", "regress", func(h *History) {
			change(h, func(e Event) bool { return e.Kind == KindMark && !e.Final }, func(e *Event) { e.Stable = 9 })
		}},
		{"a transaction stays open", "hanging-txn", func(h *History) {
			change(h, func(e Event) bool { return e.Kind == KindMark && e.Final }, func(e *Event) { e.Stable = e.High - 1 })
		}},
		{"an offset is acknowledged before it is written", "offset-regress", func(h *History) {
			change(h, func(e Event) bool { return e.Kind == KindCommitted && e.Phase == OK }, func(e *Event) { e.Offset = 1 })
		}},
		{"a committed offset out of nothing", "offset-regress", func(h *History) {
			change(h, func(e Event) bool { return e.Kind == KindCommitted && e.Phase == OK }, func(e *Event) { e.Offset = 9 })
		}},
		{"a member is not given a record", "group-skip", func(h *History) { drop(h, func(e Event) bool { return isRead(e, 2, 10) }) }},
		{"a copy is not atomic with its offsets: twice", "copy", func(h *History) {
			change(h, func(e Event) bool { return e.Topic == "copy" && e.Kind == KindRead && e.Value == 13 }, func(e *Event) { e.Source = 10 })
		}},
		{"a copy is not atomic with its offsets: never", "copy", func(h *History) {
			drop(h, func(e Event) bool { return e.Topic == "copy" && e.Kind == KindRead && e.Value == 13 })
		}},
		{"copies change places", "copy", func(h *History) {
			change(h, func(e Event) bool { return e.Topic == "copy" && e.Kind == KindRead }, func(e *Event) { e.Source = 21 - e.Source })
		}},
		{"compaction drops the last value", "compaction", func(h *History) {
			drop(h, func(e Event) bool { return e.Topic == "c" && e.Kind == KindRead && e.Value == 21 })
		}},
		{"a buffer is used again too early", "bytes", func(h *History) {
			change(h, func(e Event) bool { return isRead(e, 11, 2) || isRead(e, 12, 2) }, func(e *Event) { e.Value = 11 })
		}},
		{"a topic is forgotten", "topic-lost", func(h *History) {
			change(h, func(e Event) bool { return e.Kind == KindSeen && e.Key == "2" }, func(e *Event) { e.Text, e.Key = "", "" })
		}},
		{"a config is forgotten", "topic-lost", func(h *History) {
			change(h, func(e Event) bool { return e.Kind == KindSeen && e.Key == "2" }, func(e *Event) { e.Key = "1" })
		}},
		{"a topic has another id", "topic-lost", func(h *History) {
			change(h, func(e Event) bool { return e.Kind == KindSeen && e.Key == "2" }, func(e *Event) { e.Text = "id7" })
		}},
		{"a deleted topic comes back", "topic-resurrected", func(h *History) {
			h.Events = append(h.Events, Event{At: 1e6, Kind: KindSeen, Topic: "b", Text: "id2", Key: "1"})
		}},
		{"the broker panics", "crash", func(h *History) {
			h.Events = append(h.Events, Event{At: 1e6, Kind: KindBroken, Key: "crash", Text: "panic: x"})
		}},
	} {
		h := calm()
		m.mutate(&h)
		found := Check(h)
		if !slices.ContainsFunc(found, func(a Anomaly) bool { return a.Name == m.want }) {
			t.Errorf("%s: want %s, found %v", m.defect, m.want, found)
		}
	}
}

func TestHistoryFile(t *testing.T) {
	h := calm()
	var b bytes.Buffer
	if err := h.Write(&b); err != nil {
		t.Fatal(err)
	}
	whole := b.Len()
	for _, n := range []int{whole, whole - 5} { // the second one is torn
		got, err := ReadHistory(bytes.NewReader(b.Bytes()[:n]))
		if err != nil {
			t.Fatal(err)
		}
		if n == whole && (len(got.Topics) != len(h.Topics) || !slices.Equal(got.Events, h.Events)) {
			t.Errorf("read %d events of %d", len(got.Events), len(h.Events))
		}
		if n < whole && len(got.Events) != len(h.Events)-1 {
			t.Errorf("read %d events of %d", len(got.Events), len(h.Events))
		}
	}
}

func TestPayload(t *testing.T) {
	p := payload{value: 1 << 40, source: 7, worker: 3, topic: "ventas", partition: 2, pad: 50}
	b := p.encode()
	got, err := decodePayload(b)
	if err != nil || got != p {
		t.Errorf("%+v %v", got, err)
	}
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 1
		if _, err := decodePayload(bad); err == nil {
			t.Errorf("byte %d is flipped and nobody saw it", i)
		}
	}
}
