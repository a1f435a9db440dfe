package graph

import (
	"fmt"
	"slices"
)

// Optimizations are the parts of Kafka's topology.optimization.
type Optimizations struct {
	// ReuseSourceTopics restores tables from their source topics.
	ReuseSourceTopics bool
	// MergeRepartitions joins the repartitions below one key-changing operator into one.
	MergeRepartitions bool
}

func (g *Graph) optimize(o Optimizations) error {
	if o.ReuseSourceTopics {
		for _, n := range g.nodes {
			if n.TableSource != nil {
				n.TableSource.ReuseTopic = true
			}
		}
	}
	if o.MergeRepartitions {
		if err := g.mergeRepartitions(); err != nil {
			return err
		}
	}
	g.relaxNullKeys()
	return nil
}

// group is a key-changing node with the repartitions below it that can become one.
type group struct {
	changer      *Node
	repartitions []*Node
}

// mergeRepartitions puts one repartition directly below each key-changing node, instead of those further down.
func (g *Graph) mergeRepartitions() error {
	for _, gr := range g.repartitionGroups() {
		if len(gr.repartitions) == 0 {
			continue
		}
		if err := g.mergeGroup(gr); err != nil {
			return err
		}
	}
	return nil
}

func (g *Graph) mergeGroup(gr *group) error {
	var make func(sink, filter, source string) *Node
	for _, r := range gr.repartitions {
		if make == nil {
			make = r.Repartition.Again
		}
	}
	topic := gr.repartitions[0].Repartition.Topic
	sink, filter, source := g.RepartitionNames(topic)
	single := make(sink, filter, source)
	single.priority = gr.changer.priority
	for _, r := range gr.repartitions {
		child := findUp(r, func(n *Node) bool { return slices.Contains(n.parents, gr.changer) })
		if child == nil {
			return fmt.Errorf("optimize topology: no path from %s to %s", gr.changer.Name, r.Name)
		}
		single.adopt(child)
		gr.changer.disown(child)
		for _, c := range slices.Clone(r.children) {
			for _, p := range r.parents {
				p.adopt(c)
			}
			r.disown(c)
		}
		for _, p := range slices.Clone(r.parents) {
			p.disown(r)
		}
		g.renameSource(r.Name, single.Name)
	}
	gr.changer.adopt(single)
	return nil
}

func (g *Graph) renameSource(from, to string) {
	for _, c := range g.copartition {
		for i := range c {
			if c[i] == from {
				c[i] = to
			}
		}
	}
}

// repartitionGroups finds, in the order of the program, the key-changing nodes with their repartitions. Those above a
// merge are replaced by the merge.
func (g *Graph) repartitionGroups() []*group {
	var groups []*group
	byChanger := make(map[*Node]*group)
	add := func(n *Node) *group {
		gr := &group{changer: n}
		groups = append(groups, gr)
		byChanger[n] = gr
		return gr
	}
	for _, n := range g.nodes {
		if n.KeyChanging {
			add(n)
		}
		if n.Repartition != nil && n.Repartition.Optimizable {
			if c := keyChangingParent(n); c != nil && byChanger[c] != nil {
				byChanger[c].repartitions = append(byChanger[c].repartitions, n)
			}
		}
	}
	removed := make(map[*Node]bool)
	var merges []*group
	for _, m := range g.nodes {
		if !m.Merge {
			continue
		}
		merged := &group{changer: m}
		for _, gr := range groups {
			above := findUp(m, func(n *Node) bool { return slices.Contains(n.parents, gr.changer) }) != nil
			if above && feeds(m, gr.repartitions) {
				removed[gr.changer] = true
				for _, r := range gr.repartitions {
					if !slices.Contains(merged.repartitions, r) {
						merged.repartitions = append(merged.repartitions, r)
					}
				}
			}
		}
		merges = append(merges, merged)
	}
	groups = slices.DeleteFunc(groups, func(gr *group) bool { return removed[gr.changer] })
	return append(groups, merges...)
}

// feeds says whether merge is above one of the repartitions.
func feeds(merge *Node, repartitions []*Node) bool {
	for _, r := range repartitions {
		if findUp(r, func(n *Node) bool { return slices.Contains(n.parents, merge) }) != nil {
			return true
		}
	}
	return false
}

// keyChangingParent returns the key-changing node above n, unless values change in between.
func keyChangingParent(n *Node) *Node {
	either := findUp(n, func(n *Node) bool { return n.KeyChanging || n.ValueChanging })
	key := findUp(n, func(n *Node) bool { return n.KeyChanging })
	if either != nil && either == key {
		return key
	}
	return nil
}

// findUp returns the first node from n upwards for which match is true: parents before what is above them, and the path
// of the last parent if none of them matches itself.
func findUp(n *Node, match func(*Node) bool) *Node {
	if match(n) {
		return n
	}
	var found *Node
	for _, p := range n.parents {
		if match(p) {
			return p
		}
		found = findUp(p, match)
	}
	return found
}

// RepartitionNames draws the indices of a repartition and returns the names of its nodes. Those of a topic with a
// generated name have the indices in them, others the topic.
func (g *Graph) RepartitionNames(topic string) (sink, filter, source string) {
	sink, filter, source = g.NewName("KSTREAM-SINK-"), g.NewName("KSTREAM-FILTER-"), g.NewName("KSTREAM-SOURCE-")
	if generated.MatchString(topic) {
		return sink, filter, source
	}
	return topic + "-sink", topic + "-filter", topic + "-source"
}

// relaxNullKeys lets records without a key pass the repartitions above joins that accept them.
func (g *Graph) relaxNullKeys() {
	var up func(n *Node)
	up = func(n *Node) {
		for _, p := range n.parents {
			if p.Repartition != nil {
				p.Repartition.KeepNullKeys = true
			}
			up(p)
		}
	}
	for _, n := range g.nodes {
		if n.RelaxedNullKey {
			up(n)
		}
	}
}
