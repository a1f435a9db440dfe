package group

import "slices"

// assignor distributes partitions over members. It is pure and gives the same for the
// same, whatever the order of the maps.
type assignor struct {
	name   string
	assign func(members []subscriber, topics map[TopicID]Topic) map[string]assignment
}

// assignors are those that members may ask for; the first is taken if they do not.
// Their names are Kafka's.
var assignors = []assignor{
	{"uniform", assignUniform},
	{"range", assignRange},
}

func findAssignor(name string) (assignor, bool) {
	i := slices.IndexFunc(assignors, func(a assignor) bool { return a.name == name })
	if i < 0 {
		return assignor{}, false
	}
	return assignors[i], true
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
