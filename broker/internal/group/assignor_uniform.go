package group

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// assignUniform gives all members as many partitions as their subscriptions allow, and
// moves as few as it must: what a member had, it keeps as long as nobody has two less.
func assignUniform(members []subscriber, topics map[TopicID]Topic) map[string]assignment {
	u := newUniform(members, topics)
	u.keep()
	u.spread()
	u.balance()
	target := emptyTarget(members)
	for i, s := range u.members {
		for _, p := range u.owned[i] {
			target[s.id].add(p.topic, p.partition)
		}
	}
	return target
}

// slot is a partition to be assigned.
type slot struct {
	topic     TopicID
	partition int32
}

func (a slot) compare(b slot) int {
	return cmp.Or(bytes.Compare(a.topic[:], b.topic[:]), cmp.Compare(a.partition, b.partition))
}

// uniform is an assignment in the making. Members are numbered in their order.
type uniform struct {
	members []subscriber
	topics  map[TopicID]Topic
	takers  map[TopicID][]int // members that subscribe to a topic
	owned   [][]slot          // by member
	free    map[slot]bool
}

func newUniform(members []subscriber, topics map[TopicID]Topic) *uniform {
	u := &uniform{
		members: slices.Clone(members), topics: topics, takers: make(map[TopicID][]int),
		owned: make([][]slot, len(members)), free: make(map[slot]bool),
	}
	slices.SortFunc(u.members, func(a, b subscriber) int { return strings.Compare(a.order(), b.order()) })
	for i, s := range u.members {
		for id := range s.topics {
			u.takers[id] = append(u.takers[id], i)
		}
	}
	for id, topic := range topics {
		if len(u.takers[id]) == 0 {
			continue
		}
		for p := range topic.Partitions {
			u.free[slot{id, p}] = true
		}
	}
	return u
}

// keep leaves every member what it had and may still have.
func (u *uniform) keep() {
	for i, s := range u.members {
		s.before.each(func(topic TopicID, partition int32) {
			if p := (slot{topic, partition}); s.topics[topic] && u.free[p] {
				delete(u.free, p)
				u.owned[i] = append(u.owned[i], p)
			}
		})
	}
}

// spread gives each partition that nobody has to the member with the fewest: first those
// with the least choice.
func (u *uniform) spread() {
	free := make([]slot, 0, len(u.free))
	for p := range u.free {
		free = append(free, p)
	}
	slices.SortFunc(free, func(a, b slot) int {
		return cmp.Or(cmp.Compare(len(u.takers[a.topic]), len(u.takers[b.topic])), a.compare(b))
	})
	for _, p := range free {
		to := u.poorest(p.topic)
		u.owned[to] = append(u.owned[to], p)
	}
}

func (u *uniform) poorest(topic TopicID) int {
	return slices.MinFunc(u.takers[topic], func(a, b int) int {
		return cmp.Or(cmp.Compare(len(u.owned[a]), len(u.owned[b])), cmp.Compare(a, b))
	})
}

// balance moves partitions from members to such that have at least two less, until
// there are none. Each move brings the sum of squares down, so it ends.
func (u *uniform) balance() {
	for moved := true; moved; {
		moved = false
		for _, from := range u.byWealth() {
			for at := len(u.owned[from]) - 1; at >= 0; at-- {
				p := u.owned[from][at]
				if to := u.poorest(p.topic); len(u.owned[from])-len(u.owned[to]) >= 2 {
					u.owned[from] = slices.Delete(u.owned[from], at, at+1)
					u.owned[to] = append(u.owned[to], p)
					moved = true
				}
			}
		}
	}
}

// byWealth are the members, those with the most partitions first.
func (u *uniform) byWealth() []int {
	order := make([]int, len(u.members))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(u.owned[b]), len(u.owned[a])) })
	return order
}
