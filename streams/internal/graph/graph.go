package graph

import (
	"container/heap"
	"fmt"
	"slices"

	"github.com/chortal/chortal/streams/processor"
)

// Node is an operator of the DSL.
type Node struct {
	// Name is the name of the last topology node that it writes: the parent of its children.
	Name string
	// KeyChanging and ValueChanging say what the operator may do to records.
	KeyChanging, ValueChanging bool
	// Merge marks the merge of two streams.
	Merge bool
	// RelaxedNullKey marks joins that accept records without a key: repartitions above them let those through.
	RelaxedNullKey bool
	// Repartition is set on repartition nodes.
	Repartition *Repartition
	// TableSource is set on the sources of tables.
	TableSource *TableSource
	// Write adds the node to t below the topology nodes parents.
	Write func(t *processor.Topology, parents []string) error

	parents, children []*Node
	after, before     []*Node // nodes that are written before, and after, without being parents or children
	priority          int
	written           bool
}

// Repartition is what the optimiser knows of a repartition node.
type Repartition struct {
	// Topic is the topic's name without the application's id.
	Topic string
	// Optimizable says that the node may be merged with others.
	Optimizable bool
	// KeepNullKeys lets records without a key through.
	KeepNullKeys bool
	// Again makes another node for the same records under new names, nil if it is not known how to serialize them.
	Again func(sink, filter, source string) *Node
}

// TableSource is what the optimiser decides about a table's source.
type TableSource struct {
	// ReuseTopic makes the source topic the changelog of the table's store.
	ReuseTopic bool
}

// Graph is the graph of one builder.
type Graph struct {
	root  *Node
	nodes []*Node
	index int
	// copartition are groups of source names, changed when repartitions merge.
	copartition [][]string
}

// New returns an empty graph.
func New() *Graph { return &Graph{root: &Node{}} }

// Root returns the node above all sources.
func (g *Graph) Root() *Node { return g.root }

// NewName returns prefix with the next index.
func (g *Graph) NewName(prefix string) string {
	name := fmt.Sprintf("%s%010d", prefix, g.index)
	g.index++
	return name
}

// NewStoreName returns the name of a store with the next index.
func (g *Graph) NewStoreName(prefix string) string { return g.NewName(prefix + "STATE-STORE-") }

// Add enters n below parents.
func (g *Graph) Add(n *Node, parents ...*Node) *Node {
	for _, p := range parents {
		p.adopt(n)
	}
	n.priority = len(g.nodes)
	g.nodes = append(g.nodes, n)
	return n
}

// Copartition says that the topics of these sources need equal numbers of partitions.
func (g *Graph) Copartition(sources []string) {
	g.copartition = append(g.copartition, slices.Clone(sources))
}

func (n *Node) adopt(child *Node) {
	if slices.Contains(n.children, child) {
		return
	}
	n.children = append(n.children, child)
	child.parents = append(child.parents, n)
}

func (n *Node) disown(child *Node) {
	n.children = slices.DeleteFunc(n.children, func(x *Node) bool { return x == child })
	child.parents = slices.DeleteFunc(child.parents, func(x *Node) bool { return x == n })
}

// Build applies the optimisations and writes the nodes into a topology: a node after its parents, and otherwise in the
// order of the program.
func (g *Graph) Build(o Optimizations) (*processor.Topology, error) {
	if err := g.optimize(o); err != nil {
		return nil, err
	}
	t := processor.NewTopology()
	queue := &byPriority{}
	g.root.written = true
	for _, n := range g.root.children {
		heap.Push(queue, n)
	}
	for queue.Len() > 0 {
		n := heap.Pop(queue).(*Node)
		if !n.written && n.parentsWritten() {
			if err := n.Write(t, n.parentNames()); err != nil {
				return nil, err
			}
			n.written = true
		}
		for _, c := range slices.Concat(n.children, n.before) {
			if !c.written {
				heap.Push(queue, c)
			}
		}
	}
	for _, c := range g.copartition {
		t.CopartitionSources(c)
	}
	return t, nil
}

func (n *Node) parentsWritten() bool {
	for _, p := range n.parents {
		if !p.written {
			return false
		}
	}
	for _, p := range n.after {
		if !p.written {
			return false
		}
	}
	return true
}

func (n *Node) parentNames() []string {
	var names []string
	for _, p := range n.parents {
		if p.Name != "" {
			names = append(names, p.Name)
		}
	}
	return names
}

type byPriority []*Node

func (q byPriority) Len() int           { return len(q) }
func (q byPriority) Less(i, j int) bool { return q[i].priority < q[j].priority }
func (q byPriority) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *byPriority) Push(x any)        { *q = append(*q, x.(*Node)) }
func (q *byPriority) Pop() any {
	old := *q
	n := old[len(old)-1]
	*q = old[:len(old)-1]
	return n
}

// MergeInto gives the children of a source to another source of the same topics; the first node is then not written.
func (g *Graph) MergeInto(n, into *Node) {
	for _, c := range append([]*Node(nil), n.children...) {
		n.disown(c)
		into.adopt(c)
	}
	for _, p := range append([]*Node(nil), n.parents...) {
		p.disown(n)
	}
	g.renameSource(n.Name, into.Name)
}

// AddAfter enters n below parent, to be written after the other nodes as well, which do not become its parents in the
// topology: it uses their stores.
func (g *Graph) AddAfter(n, parent *Node, others ...*Node) *Node {
	n.after = append(n.after, others...)
	g.Add(n, parent)
	for _, o := range others {
		o.before = append(o.before, n)
	}
	return n
}
