package streams

import (
	"fmt"

	"github.com/chortal/chortal/streams/internal/graph"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// Process runs a custom processor. What needs equal keys together, further down, goes through a repartition topic: use
// ProcessValues where keys stay. The supplier returns a new processor at every call; Stores and OwnStores connect it to
// stores.
func Process[KI, VI, KO, VO any](s *Stream[KI, VI], supplier processor.Supplier[KI, VI, KO, VO], opts ...Option) *Stream[KO, VO] {
	out := process(s, supplier, "KSTREAM-PROCESSOR-", opts)
	out.rekeyed = true
	return out
}

// ProcessValues runs a custom processor that forwards records under the key that they came with.
func ProcessValues[K, V, VO any](s *Stream[K, V], supplier processor.Supplier[K, V, K, VO], opts ...Option) *Stream[K, VO] {
	out := process(s, supplier, "KSTREAM-PROCESSVALUES-", opts)
	if out.key == nil {
		out.key = s.key
	}
	return out
}

func process[KI, VI, KO, VO any](s *Stream[KI, VI], supplier processor.Supplier[KI, VI, KO, VO], prefix string, opts []Option) *Stream[KO, VO] {
	b, o := s.b, optionsOf(opts)
	name := o.name
	if name == "" {
		name = b.g.NewName(prefix)
	}
	b.fail(processor.CheckName(name))
	if supplier == nil {
		b.fail(fmt.Errorf("invalid topology: processor %s has no supplier", name))
	}
	n := &graph.Node{Name: name, Write: func(t *processor.Topology, parents []string) error {
		if err := processor.AddProcessor(t, name, supplier, parents...); err != nil {
			return err
		}
		for _, spec := range o.specs {
			if err := t.AddStateStore(spec, name); err != nil {
				return err
			}
		}
		return t.ConnectProcessorAndStateStores(name, o.stores...)
	}}
	b.g.Add(n, s.node)
	return next(s, n, optKey[KO](b, o), optValue[VO](b, o))
}

// AddStore adds a store for custom processors, which name it with Stores.
func AddStore(b *Builder, spec *processor.StoreSpec) {
	if spec == nil {
		b.fail(fmt.Errorf("invalid topology: a store has no description"))
		return
	}
	if known := b.specs[spec.Name]; known != nil {
		if known != spec {
			b.fail(fmt.Errorf("invalid topology: state store %s is already there", spec.Name))
		}
		return
	}
	b.specs[spec.Name] = spec
	b.g.Add(&graph.Node{Name: "", Write: func(t *processor.Topology, _ []string) error { return t.AddStateStore(spec) }}, b.g.Root())
}

// KeyValueHandle is a key-value store of custom processors, typed when the topology is built.
type KeyValueHandle[K, V any] struct{ name string }

// NewStore adds a key-value store for custom processors. Connect a processor to it with Stores(handle.Name()).
func NewStore[K, V any](b *Builder, name string, key serde.Serde[K], value serde.Serde[V], opts ...Option) KeyValueHandle[K, V] {
	o := optionsOf(opts)
	spec := processor.StoreSpec{Name: name, Logging: o.store.logged(), TopicConfig: o.store.config, InMemory: o.store.memory(b)}
	AddStore(b, processor.KeyValueSpec(spec, processor.KeyValueOptions[K, V]{Key: key, Value: value, Caching: o.store.caching != nil && *o.store.caching}))
	return KeyValueHandle[K, V]{name}
}

// Name returns the store's name.
func (h KeyValueHandle[K, V]) Name() string { return h.name }

// Of returns the store in a processor's context.
func (h KeyValueHandle[K, V]) Of(c interface {
	Store(name string) (any, error)
},
) (*processor.KeyValueStore[K, V], error) {
	a, err := c.Store(h.name)
	if err != nil {
		return nil, err
	}
	s, ok := a.(*processor.KeyValueStore[K, V])
	if !ok {
		return nil, fmt.Errorf("store %s is a %T", h.name, a)
	}
	return s, nil
}

func (s *storeOptions) logged() bool { return s.logging == nil || *s.logging }

func (s *storeOptions) memory(b *Builder) bool {
	if s.inMemory != nil {
		return *s.inMemory
	}
	return b.opts.inMemory
}
