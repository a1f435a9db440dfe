package streams

import (
	"errors"
	"fmt"
	"strings"

	"github.com/chortal/chortal/streams/internal/graph"
	"github.com/chortal/chortal/streams/internal/node"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// Builder collects the operators of an application. It is filled by the functions and methods of this package, in one
// goroutine, and turned into a topology by Build.
//
// Errors (a name used twice, a serde of the wrong type) do not stop the program that fills it: Build's topology carries the
// first one, and New returns it.
type Builder struct {
	g        *graph.Graph
	err      error
	opts     builderOptions
	unnamed  []string // internal resources without a name of the user's
	sources  []*sourceGroup
	specs    map[string]*processor.StoreSpec
	topology *processor.Topology
}

type builderOptions struct {
	key, value   any // default serdes
	explicit     bool
	optimization string
	inMemory     bool
}

// BuilderOption configures a Builder.
type BuilderOption func(*builderOptions)

// DefaultSerdes sets the serdes that are used for keys and values of their types where an operator gives none. Without
// it, or for other types, the serde follows from the type: serde.String for string, serde.Int64 for int64, and so on for
// the types with a serde of Kafka's, else serde.JSON.
func DefaultSerdes[K, V any](k serde.Serde[K], v serde.Serde[V]) BuilderOption {
	return func(o *builderOptions) { o.key, o.value = k, v }
}

// Explicit refuses topologies whose internal topics and stores have generated names (KIP-1111): adding an operator to
// such a topology renames them, and the state is lost.
func Explicit() BuilderOption { return func(o *builderOptions) { o.explicit = true } }

// Optimize sets Kafka's topology.optimization: "none" (the default), "all", or a comma-separated list of
// "reuse.ktable.source.topics", "merge.repartition.topics" and "single.store.self.join".
func Optimize(s string) BuilderOption { return func(o *builderOptions) { o.optimization = s } }

// StoresInMemory keeps the stores of all operators in memory unless they say otherwise.
func StoresInMemory() BuilderOption { return func(o *builderOptions) { o.inMemory = true } }

// NewBuilder returns an empty builder.
func NewBuilder(opts ...BuilderOption) *Builder {
	b := &Builder{g: graph.New(), specs: make(map[string]*processor.StoreSpec), opts: builderOptions{optimization: "none"}}
	for _, o := range opts {
		o(&b.opts)
	}
	return b
}

// Build writes all operators into a topology. Further calls return the same topology.
func (b *Builder) Build() *processor.Topology {
	if b.topology == nil {
		b.topology = b.build()
	}
	return b.topology
}

func (b *Builder) build() *processor.Topology {
	failed := func(err error) *processor.Topology {
		t := processor.NewTopology()
		t.Fail(err)
		return t
	}
	o, err := optimizations(b.opts.optimization)
	if err != nil {
		return failed(err)
	}
	if err := errors.Join(b.err, b.mergeSources()); err != nil {
		return failed(err)
	}
	if b.opts.explicit && len(b.unnamed) > 0 {
		return failed(fmt.Errorf("invalid topology: these internal topics and stores have no name: %s", strings.Join(b.unnamed, ", ")))
	}
	t, err := b.g.Build(o)
	if err != nil {
		return failed(err)
	}
	return t
}

func optimizations(s string) (o graph.Optimizations, err error) {
	switch s {
	case "none":
		return o, nil
	case "all":
		return graph.Optimizations{ReuseSourceTopics: true, MergeRepartitions: true}, nil
	}
	for _, part := range strings.Split(s, ",") {
		switch part {
		case "reuse.ktable.source.topics":
			o.ReuseSourceTopics = true
		case "merge.repartition.topics":
			o.MergeRepartitions = true
		case "single.store.self.join": // there is no join of two streams yet
		default:
			return o, fmt.Errorf("invalid topology: unknown optimization %q in %q", part, s)
		}
	}
	return o, nil
}

// fail records the first error.
func (b *Builder) fail(err error) {
	if b.err == nil && err != nil {
		b.err = err
	}
}

// name returns the user's name, or one with prefix and the next index; the index is drawn in both cases.
func (b *Builder) name(given, prefix string) string {
	generated := b.g.NewName(prefix)
	return b.nameOr(given, generated)
}

// suffixed is name for nodes that are named after the operator.
func (b *Builder) suffixed(given, suffix, prefix string) string {
	generated := b.g.NewName(prefix)
	if given == "" {
		return generated
	}
	return b.nameOr(given+suffix, generated)
}

func (b *Builder) nameOr(given, generated string) string {
	if given == "" {
		return generated
	}
	b.fail(processor.CheckName(given))
	return given
}

// keySerde returns the first serde that is given, or the default for K.
func keySerde[K any](b *Builder, where string, candidates ...serde.Serde[K]) serde.Serde[K] {
	return pickSerde(b, where, b.opts.key, candidates)
}

// valueSerde returns the first serde that is given, or the default for V.
func valueSerde[V any](b *Builder, where string, candidates ...serde.Serde[V]) serde.Serde[V] {
	return pickSerde(b, where, b.opts.value, candidates)
}

func pickSerde[T any](b *Builder, where string, byBuilder any, candidates []serde.Serde[T]) serde.Serde[T] {
	for _, c := range candidates {
		if c != nil {
			return c
		}
	}
	if s, ok := byBuilder.(serde.Serde[T]); ok {
		return s
	}
	if s := serdeByType[T](); s != nil {
		return s
	}
	var zero T
	b.fail(fmt.Errorf("invalid topology: %s needs a serde for %T", where, zero))
	return nil
}

// serdeByType returns the serde for a type that has one of Kafka's, or JSON.
func serdeByType[T any]() serde.Serde[T] {
	var s any
	switch any((*T)(nil)).(type) {
	case *string:
		s = serde.String
	case *[]byte:
		s = serde.Bytes
	case *int64:
		s = serde.Int64
	case *int32:
		s = serde.Int32
	case *float64:
		s = serde.Float64
	case *[16]byte:
		s = serde.UUID
	case *any, interface{ windowed() }:
		return nil
	default:
		return serde.JSON[T]()
	}
	return s.(serde.Serde[T])
}

// Windowed is a key in a window: Start and End in milliseconds, the end exclusive for time windows and inclusive for
// session windows.
type Windowed[K any] = node.Windowed[K]

// Repartition topics, changelogs and stores of the DSL end with these.
const repartitionSuffix = "-repartition"
