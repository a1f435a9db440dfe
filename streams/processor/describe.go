package processor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Describe returns the topology as text, in the format of Kafka's TopologyDescription.
func (t *Topology) Describe() string {
	var b strings.Builder
	b.WriteString("Topologies:\n ")
	for id, group := range t.groups() {
		if group[0].global {
			fmt.Fprintf(&b, "  Sub-topology: %d for global store (will not generate tasks)\n", id)
			t.describeNodes(&b, group)
			continue
		}
		fmt.Fprintf(&b, "  Sub-topology: %d\n", id)
		t.describeNodes(&b, group)
		b.WriteString("\n")
	}
	return b.String()
}

// describeNodes writes the nodes with the largest subtree first.
func (t *Topology) describeNodes(b *strings.Builder, group []*node) {
	sizes := make(map[string]int, len(group))
	var size func(n *node) int
	size = func(n *node) int {
		if s, ok := sizes[n.name]; ok {
			return s
		}
		s := 1
		for _, c := range n.children {
			s += size(t.byName[c])
		}
		sizes[n.name] = s
		return s
	}
	sorted := slices.Clone(group)
	slices.SortFunc(sorted, func(x, y *node) int {
		return cmp.Or(cmp.Compare(size(y), size(x)), strings.Compare(x.name, y.name))
	})
	for _, n := range sorted {
		n.describe(b)
	}
}

func (n *node) describe(b *strings.Builder) {
	switch n.kind {
	case sourceKind:
		topics := "[" + strings.Join(n.topics, ", ") + "]"
		if n.pattern != nil {
			topics = n.pattern.String()
		}
		fmt.Fprintf(b, "    Source: %s (topics: %s)\n      --> %s\n", n.name, topics, names(n.children))
	case sinkKind:
		topic := "topic: " + n.topic
		if n.topic == "" {
			topic = "extractor class: " + n.topicText
		}
		fmt.Fprintf(b, "    Sink: %s (%s)\n      <-- %s\n", n.name, topic, names(n.parents))
	default:
		fmt.Fprintf(b, "    Processor: %s (stores: [%s])\n      --> %s\n      <-- %s\n",
			n.name, strings.Join(n.stores, ", "), names(n.children), names(n.parents))
	}
}

func names(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
