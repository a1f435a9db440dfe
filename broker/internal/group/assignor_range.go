package group

import (
	"slices"
	"strings"
)

// assignRange gives each member one run of each topic's partitions: those of topics with
// as many partitions fall to the same members, as a join of them needs.
func assignRange(members []subscriber, topics map[TopicID]Topic) map[string]assignment {
	ordered := slices.Clone(members)
	slices.SortFunc(ordered, func(a, b subscriber) int { return strings.Compare(a.order(), b.order()) })
	target := emptyTarget(members)
	for id, topic := range topics {
		var takers []subscriber
		for _, s := range ordered {
			if s.topics[id] {
				takers = append(takers, s)
			}
		}
		from := int32(0)
		for i, s := range takers {
			n := topic.Partitions / int32(len(takers))
			if int32(i) < topic.Partitions%int32(len(takers)) {
				n++
			}
			for p := from; p < from+n; p++ {
				target[s.id][id] = append(target[s.id][id], p)
			}
			from += n
		}
	}
	return target
}

func emptyTarget(members []subscriber) map[string]assignment {
	target := make(map[string]assignment, len(members))
	for _, s := range members {
		target[s.id] = assignment{}
	}
	return target
}
