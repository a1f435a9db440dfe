package torture

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

func seconds(ns int64) string { return fmt.Sprintf("%.3fs", time.Duration(ns).Seconds()) }

// checkTxns decides whether transactions are there as a whole, or not at all.
func (c *checker) checkTxns() {
	for _, id := range slices.Sorted(maps.Keys(c.txns)) {
		t := c.txns[id]
		if t.fenced {
			c.report("fenced-commit", "transaction %d of worker %d was committed after it had been aborted or fenced", id, t.Worker)
		}
		switch {
		case t.phase == OK && t.missing > 0:
			c.report("lost-write", "transaction %d of worker %d is committed, %d of its %d records are invisible", id, t.Worker, t.missing, len(t.sends))
		case t.phase == Info && t.committed > 0 && t.missing > 0:
			c.report("torn-txn", "transaction %d of worker %d: %d records are visible, %d are not", id, t.Worker, t.committed, t.missing)
		}
	}
}

// groupLog is what is known of a group's offset in one partition.
type groupLog struct {
	read    map[int64]bool // offsets that its members got
	commits []Event        // acknowledged ones, by the time of the answer
	asked   map[int64]bool // offsets whose commit was asked for
	fetches []Event
	began   map[int64]int64 // call to time
}

func (c *checker) checkGroups() {
	type key struct {
		group string
		tp    topicPartition
	}
	groups := map[key]*groupLog{}
	for _, e := range c.history.Events {
		if e.Group == "" {
			continue
		}
		k := key{e.Group, topicPartition{e.Topic, e.Partition}}
		g := groups[k]
		if g == nil {
			g = &groupLog{read: map[int64]bool{}, asked: map[int64]bool{}, began: map[int64]int64{}}
			groups[k] = g
		}
		switch {
		case e.Kind == KindRead:
			g.read[e.Offset] = true
		case e.Phase == Invoke:
			g.began[e.Op] = e.At
			if e.Kind == KindCommit {
				g.asked[e.Offset] = true
			}
		case e.Kind == KindCommit && e.Phase == OK:
			g.commits = append(g.commits, e)
		case e.Kind == KindCommitted && e.Phase == OK:
			g.fetches = append(g.fetches, e)
		}
	}
	keys := slices.SortedFunc(maps.Keys(groups), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.group, b.group), compareTP(a.tp, b.tp))
	})
	for _, k := range keys {
		c.checkGroup(k.group, k.tp, groups[k])
	}
}

func (c *checker) checkGroup(group string, tp topicPartition, g *groupLog) {
	slices.SortFunc(g.fetches, func(a, b Event) int { return cmp.Compare(g.began[a.Op], g.began[b.Op]) })
	acked, i := int64(-1), 0
	for _, f := range g.fetches {
		for ; i < len(g.commits) && g.commits[i].At < g.began[f.Op]; i++ {
			acked = max(acked, g.commits[i].Offset)
		}
		switch {
		case f.Offset < acked:
			c.report("offset-regress", "group %s had committed offset %d of %v, at %s it has %d", group, acked, tp, seconds(f.At), f.Offset)
		case f.Offset >= 0 && len(g.asked) > 0 && !g.asked[f.Offset]:
			c.report("offset-regress", "group %s has offset %d of %v, which nobody committed", group, f.Offset, tp)
		}
	}
	p := c.partitions[tp]
	if p == nil || len(g.read) == 0 {
		return
	}
	end := int64(0)
	for _, e := range g.commits {
		end = max(end, e.Offset)
	}
	for o, e := range p.all {
		if o < end && o >= p.trimmed && !e.Control && !g.read[o] && c.groupSees(e) {
			c.report("group-skip", "group %s committed offset %d of %v, no member got offset %d", group, end, tp, o)
		}
	}
}

// groupSees reports whether members, which read committed records only, had to get a record.
func (c *checker) groupSees(e Event) bool {
	s := c.byValue[e.Value]
	return s == nil || c.txns[s.Txn].state() == OK
}

// topicState is one way a topic may stand.
type topicState struct {
	there bool
	id    string // empty: not known yet
	value string // of its config
}

// late is how long a call without an answer may still take effect: its frame lies in a socket's buffer.
const late = 5 * time.Second

// topicLog follows one name. Calls about one name come one after the other.
type topicLog struct {
	states  map[topicState]bool
	pending []Event
	ids     map[string]bool // of topics that were deleted
}

func (c *checker) checkTopics() {
	logs := map[string]*topicLog{}
	for _, e := range c.history.Events {
		if e.Kind != KindTopic && e.Kind != KindSeen {
			continue
		}
		l := logs[e.Topic]
		if l == nil {
			l = &topicLog{states: map[topicState]bool{{}: true}, ids: map[string]bool{}}
			logs[e.Topic] = l
		}
		l.pending = slices.DeleteFunc(l.pending, func(p Event) bool { return e.At-p.At > int64(late) })
		switch {
		case e.Kind == KindSeen:
			c.checkSeen(e, l)
		case e.Phase == OK:
			next := map[topicState]bool{}
			for s := range l.states {
				next[s.after(e, true)] = true
			}
			if e.Text == "delete" {
				for s := range l.states {
					if s.id != "" {
						l.ids[s.id] = true
					}
				}
			}
			l.states = next
		case e.Phase == Info:
			l.pending = append(l.pending, e)
			l.spread()
		}
	}
}

// spread adds the states that pending calls may lead to.
func (l *topicLog) spread() {
	for range len(l.pending) + 1 {
		for s := range maps.Clone(l.states) {
			for _, p := range l.pending {
				l.states[s.after(p, false)] = true
			}
		}
	}
}

// after is the state that a call leads to. One that was not acknowledged changes nothing where it is refused.
func (s topicState) after(e Event, acked bool) topicState {
	switch {
	case e.Text == "create" && (acked || !s.there):
		return topicState{there: true, value: e.Key}
	case e.Text == "delete":
		return topicState{}
	case e.Text == "alter" && s.there:
		s.value = e.Key
	}
	return s
}

func (c *checker) checkSeen(e Event, l *topicLog) {
	l.spread()
	now := topicState{there: e.Text != "", id: e.Text, value: e.Key}
	for s := range l.states {
		if s.there == now.there && s.value == now.value && (s.id == "" || s.id == now.id) && !l.ids[now.id] {
			l.states = map[topicState]bool{now: true}
			return
		}
	}
	name := "topic-lost"
	if now.there && l.states[topicState{}] && len(l.states) == 1 || l.ids[now.id] {
		name = "topic-resurrected"
	}
	c.report(name, "%s is %+v at %s, it may only be one of %+v", e.Topic, now, seconds(e.At), slices.Collect(maps.Keys(l.states)))
	l.states = map[topicState]bool{now: true}
}
