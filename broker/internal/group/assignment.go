package group

import (
	"bytes"
	"maps"
	"slices"
)

// assignment is a set of partitions: by topic, sorted, no topic without one.
type assignment map[TopicID][]int32

func (a assignment) equal(b assignment) bool { return maps.EqualFunc(a, b, slices.Equal[[]int32]) }

// ids are the topics, sorted.
func (a assignment) ids() []TopicID {
	return slices.SortedFunc(maps.Keys(a), func(x, y TopicID) int { return bytes.Compare(x[:], y[:]) })
}

func (a assignment) has(topic TopicID, partition int32) bool {
	_, ok := slices.BinarySearch(a[topic], partition)
	return ok
}

func (a assignment) add(topic TopicID, partition int32) {
	if at, ok := slices.BinarySearch(a[topic], partition); !ok {
		a[topic] = slices.Insert(a[topic], at, partition)
	}
}

// filter gives the partitions for which keep holds.
func (a assignment) filter(keep func(topic TopicID, partition int32) bool) assignment {
	kept := assignment{}
	for topic, partitions := range a {
		for _, p := range partitions {
			if keep(topic, p) {
				kept[topic] = append(kept[topic], p)
			}
		}
	}
	return kept
}

func (a assignment) and(b assignment) assignment { return a.filter(b.has) }

func (a assignment) minus(b assignment) assignment {
	return a.filter(func(topic TopicID, partition int32) bool { return !b.has(topic, partition) })
}

func (a assignment) or(b assignment) assignment {
	all := assignment{}
	for _, part := range []assignment{a, b} {
		for topic, partitions := range part {
			for _, p := range partitions {
				all.add(topic, p)
			}
		}
	}
	return all
}

// each goes through all partitions in order.
func (a assignment) each(f func(topic TopicID, partition int32)) {
	for _, topic := range a.ids() {
		for _, p := range a[topic] {
			f(topic, p)
		}
	}
}

// len is the number of partitions.
func (a assignment) len() int {
	n := 0
	for _, partitions := range a {
		n += len(partitions)
	}
	return n
}
