package group

import (
	"slices"
	"strings"
)

// assignor distributes partitions over members. It is pure and gives the same for the
// same, whatever the order of the maps.
type assignor struct {
	name   string
	class  string
	assign func(members []subscriber, topics map[TopicID]Topic) map[string]assignment
}

// assignors are those that members may ask for; the first is taken if they do not.
// Their names are Kafka's.
var assignors = []assignor{
	{"uniform", "org.apache.kafka.coordinator.group.assignor.UniformAssignor", assignUniform},
	{"range", "org.apache.kafka.coordinator.group.assignor.RangeAssignor", assignRange},
}

func findAssignor(offered []assignor, name string) (assignor, bool) {
	i := slices.IndexFunc(offered, func(a assignor) bool { return a.name == name || a.class == name })
	if i < 0 {
		return assignor{}, false
	}
	return offered[i], true
}

// offeredAssignors are those of a list of names, or all if it names none.
func offeredAssignors(names []string) []assignor {
	var offered []assignor
	for _, name := range names {
		if a, ok := findAssignor(assignors, name); ok {
			offered = append(offered, a)
		}
	}
	if len(offered) == 0 {
		return assignors
	}
	return offered
}

func assignorNames(offered []assignor) string {
	names := make([]string, len(offered))
	for i, a := range offered {
		names[i] = a.name
	}
	return strings.Join(names, ", ")
}

// subscriber is a member as an assignor sees it.
type subscriber struct {
	id       string
	instance string           // group.instance.id, or ""
	topics   map[TopicID]bool // subscribed, and existing
	before   assignment       // what it was to have until now
}

// order is by instance id if there is one, else by member id: a restarted static member
// keeps its place.
func (s subscriber) order() string {
	if s.instance != "" {
		return s.instance
	}
	return s.id
}
