package processor

import (
	"errors"
	"fmt"
	"time"
)

// Processor handles the records of one node in one task. A supplier returns a new one for every task, and a task calls it
// from one goroutine at a time.
type Processor[KI, VI, KO, VO any] interface {
	// Init is called once before the first record. c stays valid until Close.
	Init(c *Context[KO, VO]) error
	// Process handles one record; what it forwards is processed before Forward returns. An error goes to the processing
	// exception handler. r is valid until Process returns.
	Process(r *Record[KI, VI]) error
	// Close is called once when the task ends.
	Close() error
}

// Supplier makes the Processor of one task.
type Supplier[KI, VI, KO, VO any] func() Processor[KI, VI, KO, VO]

// PunctuationType is the clock of a schedule.
type PunctuationType int

const (
	// StreamTime advances with the timestamps of the task's records. A schedule is aligned to 0 and fires once after a
	// gap, however long.
	StreamTime PunctuationType = iota
	// WallClockTime advances with the clock of the runtime. The first call comes one interval after Schedule.
	WallClockTime
)

// Punctuator is called with the current stream time or wall-clock time in milliseconds.
type Punctuator func(now int64) error

// Schedule is a punctuation that can be cancelled.
type Schedule struct {
	Node     string
	Type     PunctuationType
	Interval int64 // milliseconds
	Next     int64 // the time at which it is due
	Call     Punctuator
	// Cancelled stops the schedule, also from inside its own call.
	Cancelled bool
}

// Cancel stops the punctuation.
func (s *Schedule) Cancel() { s.Cancelled = true }

// RecordMetadata says where the record being processed came from.
type RecordMetadata struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Context is what a processor sees of its task, and its way to the next nodes.
type Context[K, V any] struct {
	env      *Env
	node     string
	children []child[K, V]
	only     Receiver[K, V] // the only child, if there is one child
	stores   map[string]any
	keyNil   Nil[K]
	valueNil Nil[V]
}

type child[K, V any] struct {
	name string
	to   Receiver[K, V]
}

// Receiver takes records of a node.
type Receiver[K, V any] interface {
	Process(r *Record[K, V]) error
}

// Forward gives r to all children, one after the other. An error has already been through the exception handler: return it.
func (c *Context[K, V]) Forward(r *Record[K, V]) error {
	if c.only != nil {
		return c.only.Process(r)
	}
	for i := range c.children {
		if err := c.children[i].to.Process(r); err != nil {
			return err
		}
	}
	return nil
}

// ForwardChecked is Forward for records that were made by hand: for types that have a nil it sets KeyNull and ValueNull by
// the values, so that a nil Value is Kafka's null.
func (c *Context[K, V]) ForwardChecked(r *Record[K, V]) error {
	c.normalize(r)
	return c.Forward(r)
}

func (c *Context[K, V]) normalize(r *Record[K, V]) {
	if c.keyNil.has {
		r.KeyNull = c.keyNil.Is(&r.Key)
	}
	if c.valueNil.has {
		r.ValueNull = c.valueNil.Is(&r.Value)
	}
}

// ErrUnknownChild is returned by ForwardTo for a name that is no child of the node.
var ErrUnknownChild = errors.New("unknown child node")

// ForwardTo gives r to the child of that name.
func (c *Context[K, V]) ForwardTo(name string, r *Record[K, V]) error {
	c.normalize(r)
	for i := range c.children {
		if c.children[i].name == name {
			return c.children[i].to.Process(r)
		}
	}
	return fmt.Errorf("forward from %s to %q: %w", c.node, name, ErrUnknownChild)
}

// Schedule calls fn every interval of the given clock. What fn forwards should carry the timestamp that it is given.
func (c *Context[K, V]) Schedule(interval time.Duration, t PunctuationType, fn Punctuator) (*Schedule, error) {
	if interval < time.Millisecond {
		return nil, fmt.Errorf("schedule in %s: interval %v is below a millisecond", c.node, interval)
	}
	s := &Schedule{Node: c.node, Type: t, Interval: interval.Milliseconds(), Call: fn}
	if t == WallClockTime {
		s.Next = c.env.WallTime + s.Interval
	}
	c.env.Runtime.Schedule(s)
	return s, nil
}

// ErrNotConnected is returned for a store that the node is not connected to.
var ErrNotConnected = errors.New("state store is not connected to the node")

// Store returns the store of that name. The node must have been connected to it when the topology was built.
func (c *Context[K, V]) Store(name string) (any, error) {
	s, ok := c.stores[name]
	if !ok {
		return nil, fmt.Errorf("store %q of node %s: %w", name, c.node, ErrNotConnected)
	}
	return s, nil
}

// StoreOf returns the store of that name as an S, usually *[KeyValueStore] or *[WindowStore].
func StoreOf[S, K, V any](c *Context[K, V], name string) (S, error) {
	var zero S
	a, err := c.Store(name)
	if err != nil {
		return zero, err
	}
	s, ok := a.(S)
	if !ok {
		return zero, fmt.Errorf("store %q of node %s is a %T, not a %T", name, c.node, a, zero)
	}
	return s, nil
}

// Node returns the name of the node.
func (c *Context[K, V]) Node() string { return c.node }

// Env returns the task's environment.
func (c *Context[K, V]) Env() *Env { return c.env }

// HasChildren says whether the node forwards to anything.
func (c *Context[K, V]) HasChildren() bool { return len(c.children) > 0 }

// ApplicationID returns the id of the application.
func (c *Context[K, V]) ApplicationID() string { return c.env.ApplicationID }

// TaskID returns the id of the task.
func (c *Context[K, V]) TaskID() TaskID { return c.env.TaskID }

// RecordMetadata returns the origin of the record that is being processed; ok is false where there is none. In a
// punctuator the topic is empty and partition and offset are -1.
func (c *Context[K, V]) RecordMetadata() (m RecordMetadata, ok bool) {
	return c.env.Meta, c.env.HasMeta
}

// StreamTime returns the largest timestamp that the task has seen, -1 at first.
func (c *Context[K, V]) StreamTime() int64 { return c.env.StreamTime }

// WallTime returns the wall-clock time of the runtime in milliseconds.
func (c *Context[K, V]) WallTime() int64 { return c.env.WallTime }

// Commit asks for a commit as soon as the current record is done.
func (c *Context[K, V]) Commit() { c.env.Runtime.RequestCommit() }

// Drop counts a record that is left out, as Kafka's dropped-records metric does.
func (c *Context[K, V]) Drop() { c.env.Dropped++ }
