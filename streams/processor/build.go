package processor

import (
	"fmt"

	"github.com/chortal/chortal/statestore"
)

// Built are the nodes of one task.
type Built struct {
	// Sources by name.
	Sources map[string]Source
	nodes   []Instance
}

// Build makes the nodes of one task. stores are the task's own, by name; global are those that every node may use. Init
// must be called before the first record.
func (s *Subtopology) Build(env *Env, stores, global map[string]statestore.Store) (*Built, error) {
	b := &Built{Sources: make(map[string]Source)}
	byName := make(map[string]Instance, len(s.nodes))
	for _, n := range s.nodes {
		inst := n.build(env, s.plan.Resolve)
		if c, ok := inst.(interface{ useStore(string, any) }); ok {
			for name, g := range global {
				c.useStore(name, g)
			}
			for _, name := range n.stores {
				st, ok := stores[name]
				if !ok {
					return nil, fmt.Errorf("build node %s: store %s is not open", n.name, name)
				}
				c.useStore(name, st)
			}
		}
		for _, p := range n.parents {
			if err := byName[p].Connect(n.name, inst); err != nil {
				return nil, err
			}
		}
		if src, ok := inst.(Source); ok {
			b.Sources[n.name] = src
		}
		byName[n.name] = inst
		b.nodes = append(b.nodes, inst)
	}
	return b, nil
}

func (n *procNode[KI, VI, KO, VO]) useStore(name string, s any) { n.ctx.stores[name] = s }

// Init initializes the nodes in the order in which they were added to the topology.
func (b *Built) Init() error {
	for _, n := range b.nodes {
		if err := n.Init(); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the nodes, and returns the first error.
func (b *Built) Close() error {
	var first error
	for _, n := range b.nodes {
		if err := n.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
