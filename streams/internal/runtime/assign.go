package runtime

import (
	"cmp"
	"slices"

	"github.com/chortal/chortal/streams/processor"
)

// member is what the assignment knows of one instance.
type member struct {
	id string
	// topics that it reads; only tasks that read no others can be given to it.
	topics map[string]bool
	// owned are the tasks that it runs, or ran before the rebalance.
	owned map[processor.TaskID]bool
	// stored are the tasks of which it has state, with the sum of their changelog offsets.
	stored map[processor.TaskID]int64
}

// taskInfo is a task to be assigned.
type taskInfo struct {
	id     processor.TaskID
	topics []string
	state  bool
}

// assign gives every task to one member: equal numbers, as far as the members read the topics; tasks stay where they are;
// others go where their state is, and otherwise apart from tasks of the same subtopology. It depends on nothing but its
// arguments, whose order does not matter.
func assign(members []member, tasks []taskInfo) map[string][]processor.TaskID {
	a := assignment{members: slices.Clone(members), tasks: len(tasks), given: make(map[string][]processor.TaskID)}
	slices.SortFunc(a.members, func(x, y member) int { return cmp.Compare(x.id, y.id) })
	a.ofSubtopology = make(map[int]int)
	for _, t := range tasks {
		a.ofSubtopology[t.id.Subtopology]++
	}
	if len(members) == 0 {
		return a.given
	}
	open := slices.Clone(tasks)
	slices.SortFunc(open, func(x, y taskInfo) int { return compareTasks(x.id, y.id) })
	open = a.pass(open, func(t taskInfo) []member {
		return a.preferring(t, func(m member) int64 {
			if m.owned[t.id] {
				return 1
			}
			return 0
		})
	})
	open = a.pass(open, func(t taskInfo) []member {
		if !t.state {
			return nil
		}
		return a.preferring(t, func(m member) int64 { return m.stored[t.id] })
	})
	slices.SortStableFunc(open, func(x, y taskInfo) int { return cmp.Compare(a.readers(x), a.readers(y)) })
	for _, t := range open {
		if m, ok := a.lightest(t); ok {
			a.give(m, t)
		}
	}
	return a.given
}

func compareTasks(x, y processor.TaskID) int {
	return cmp.Or(cmp.Compare(x.Subtopology, y.Subtopology), cmp.Compare(x.Partition, y.Partition))
}

type assignment struct {
	members []member
	tasks   int
	given   map[string][]processor.TaskID
	// ofSubtopology counts the tasks of each subtopology.
	ofSubtopology map[int]int
}

// pass gives tasks to the first of their candidates that has room, and returns those that nobody took.
func (a *assignment) pass(tasks []taskInfo, candidates func(taskInfo) []member) (open []taskInfo) {
	for _, t := range tasks {
		ms := candidates(t)
		i := slices.IndexFunc(ms, func(m member) bool { return a.hasRoom(m, t) })
		if i < 0 {
			open = append(open, t)
			continue
		}
		a.give(ms[i], t)
	}
	return open
}

// preferring returns the members that score above zero for t, the best first.
func (a *assignment) preferring(t taskInfo, score func(member) int64) []member {
	var found []member
	for _, m := range a.members {
		if m.reads(t) && score(m) > 0 {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(x, y member) int { return cmp.Compare(score(y), score(x)) })
	return found
}

// hasRoom says whether m may have t: all members get the same number of tasks, some of them one more, and nobody more
// than a fair share of one subtopology.
func (a *assignment) hasRoom(m member, t taskInfo) bool {
	share := (a.ofSubtopology[t.id.Subtopology] + len(a.members) - 1) / len(a.members)
	if a.same(m, t) >= share {
		return false
	}
	least, extra := a.tasks/len(a.members), a.tasks%len(a.members)
	n := len(a.given[m.id])
	if n < least {
		return true
	}
	above := 0
	for _, other := range a.members {
		if len(a.given[other.id]) > least {
			above++
		}
	}
	return n == least && above < extra
}

// same counts m's tasks of t's subtopology.
func (a *assignment) same(m member, t taskInfo) (n int) {
	for _, id := range a.given[m.id] {
		if id.Subtopology == t.id.Subtopology {
			n++
		}
	}
	return n
}

// readers counts the members that read all topics of t.
func (a *assignment) readers(t taskInfo) (n int) {
	for _, m := range a.members {
		if m.reads(t) {
			n++
		}
	}
	return n
}

// lightest returns the member with the fewest tasks, of those the one with the fewest of the same subtopology.
func (a *assignment) lightest(t taskInfo) (best member, ok bool) {
	weight := func(m member) int { return len(a.given[m.id])<<20 + a.same(m, t) }
	for _, m := range a.members {
		if m.reads(t) && (!ok || weight(m) < weight(best)) {
			best, ok = m, true
		}
	}
	return best, ok
}

func (a *assignment) give(m member, t taskInfo) { a.given[m.id] = append(a.given[m.id], t.id) }

func (m member) reads(t taskInfo) bool {
	for _, topic := range t.topics {
		if !m.topics[topic] {
			return false
		}
	}
	return true
}
