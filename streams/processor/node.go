package processor

import (
	"fmt"
)

// Instance is a node of one task.
type Instance interface {
	// Connect makes to the next child.
	Connect(name string, to Instance) error
	// Init is called in the order of the nodes, after all are connected.
	Init() error
	Close() error
}

// procNode runs a Processor.
type procNode[KI, VI, KO, VO any] struct {
	ctx  Context[KO, VO]
	proc Processor[KI, VI, KO, VO]
}

// Process gives r to the processor; errors and panics go to the handler here, so that the parent's other children still
// get the record if the handler lets it go on.
func (n *procNode[KI, VI, KO, VO]) Process(r *Record[KI, VI]) (err error) {
	defer n.recover(r, &err)
	if err = n.proc.Process(r); err != nil {
		err = n.ctx.env.failed(n.ctx.node, r.Timestamp, r.Headers, err)
	}
	return err
}

func (n *procNode[KI, VI, KO, VO]) recover(r *Record[KI, VI], err *error) {
	if p := recover(); p != nil {
		*err = n.ctx.env.failed(n.ctx.node, r.Timestamp, r.Headers, Recovered(p))
	}
}

func (n *procNode[KI, VI, KO, VO]) Connect(name string, to Instance) error {
	return n.ctx.connect(name, to)
}

func (n *procNode[KI, VI, KO, VO]) Init() error {
	if err := n.proc.Init(&n.ctx); err != nil {
		return fmt.Errorf("init node %s: %w", n.ctx.node, err)
	}
	return nil
}

func (n *procNode[KI, VI, KO, VO]) Close() error { return n.proc.Close() }

func (c *Context[K, V]) connect(name string, to Instance) error {
	r, ok := to.(Receiver[K, V])
	if !ok {
		var k K
		var v V
		return fmt.Errorf("node %s gives records of [%T, %T], which its child %s (%T) does not take", c.node, k, v, name, to)
	}
	c.children = append(c.children, child[K, V]{name, r})
	c.only = nil
	if len(c.children) == 1 {
		c.only = r
	}
	return nil
}
