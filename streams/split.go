package streams

import (
	"strconv"

	"github.com/chortal/chortal/streams/internal/graph"
	"github.com/chortal/chortal/streams/internal/node"
	"github.com/chortal/chortal/streams/processor"
)

// Branches splits a stream: each record goes to the first branch whose predicate is true, or to the default branch, or
// nowhere.
type Branches[K, V any] struct {
	from  *Stream[K, V]
	name  string
	node  *graph.Node
	cases *[]node.Case[K, V]
	names []string
}

// Split begins a split of the stream. Name gives the prefix of the branches' names.
func (s *Stream[K, V]) Split(opts ...Option) *Branches[K, V] {
	name := s.b.name(optionsOf(opts).name, "KSTREAM-BRANCH-")
	cases := new([]node.Case[K, V])
	n := add(s.b, name, func() processor.Processor[K, V, K, V] { return &node.Split[K, V]{Cases: *cases} }, s.node)
	return &Branches[K, V]{from: s, name: name, node: n, cases: cases}
}

// Branch returns the stream of the records for which when is true and that no earlier branch took.
func (b *Branches[K, V]) Branch(when func(K, V) bool, opts ...Option) *Stream[K, V] {
	return b.TryBranch(func(k K, v V) (bool, error) { return when(k, v), nil }, opts...)
}

// TryBranch is Branch with a function that may fail: the error goes to the processing exception handler.
func (b *Branches[K, V]) TryBranch(when func(K, V) (bool, error), opts ...Option) *Stream[K, V] {
	return b.branch(when, len(*b.cases)+1, opts)
}

// Default returns the stream of the records that no branch took. It ends the split.
func (b *Branches[K, V]) Default(opts ...Option) *Stream[K, V] { return b.branch(nil, 0, opts) }

func (b *Branches[K, V]) branch(when func(K, V) (bool, error), index int, opts []Option) *Stream[K, V] {
	name := b.name + strconv.Itoa(index)
	if given := optionsOf(opts).name; given != "" {
		name = b.name + given
		b.from.b.fail(processor.CheckName(name))
	}
	b.from.b.g.NewName(name)
	*b.cases = append(*b.cases, node.Case[K, V]{When: when, Child: name})
	b.names = append(b.names, name)
	n := add(b.from.b, name, func() processor.Processor[K, V, K, V] { return &node.PassThrough[K, V]{} }, b.node)
	return next(b.from, n, b.from.key, b.from.value)
}

// Prefix returns what the names of the branches begin with.
func (b *Branches[K, V]) Prefix() string { return b.name }

// Names returns the names of the branches so far.
func (b *Branches[K, V]) Names() []string { return b.names }
