package group

// Report is what monitoring shows of a group.
type Report struct {
	Group   string
	State   State
	Members int
	Offsets []CommittedOffset // by topic and partition
}

// CommittedOffset is what a group has committed for a partition.
type CommittedOffset struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Reports are those of all groups, by name.
func (m *Machine) Reports() []Report {
	var all []Report
	for _, name := range m.names() {
		g := m.groups[name]
		r := Report{Group: name, State: g.state()}
		switch g := g.(type) {
		case *classic:
			r.Members = len(g.members)
		case *consumer:
			r.Members = len(g.members)
		}
		m.offsets.each(name, func(topic string, partition int32, v offset) {
			r.Offsets = append(r.Offsets, CommittedOffset{topic, partition, v.offset})
		})
		all = append(all, r)
	}
	return all
}
