package processor

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"
)

// Topology is a graph of sources, processors and sinks, with the state stores that the processors use. The zero value is
// not usable; see [NewTopology].
type Topology struct {
	nodes       []*node
	byName      map[string]*node
	stores      map[string]*storeEntry
	storeOrder  []string
	internal    map[string]InternalTopicProperties
	copartition [][]string // names of source nodes
	err         error
}

// kind is what a node is.
type kind int

const (
	sourceKind kind = iota
	processorKind
	sinkKind
)

type node struct {
	name     string
	kind     kind
	parents  []string
	children []string
	stores   []string
	global   bool // feeds a global store

	topics    []string // of a source
	pattern   *regexp.Regexp
	reset     OffsetReset
	topic     string // of a sink
	topicText string // of a sink with a topic per record

	build func(env *Env, resolve func(topic string) string) Instance
}

type storeEntry struct {
	spec   *StoreSpec
	users  []string
	global bool
	topic  string // source topic of a global store
}

// InternalTopicProperties are what a topology asks of a repartition topic.
type InternalTopicProperties struct {
	// Partitions is the number of partitions, zero to follow the topics that feed it.
	Partitions int32
	// Config are topic properties over the defaults of repartition topics.
	Config map[string]string
}

// NewTopology returns an empty topology.
func NewTopology() *Topology {
	return &Topology{
		byName:   make(map[string]*node),
		stores:   make(map[string]*storeEntry),
		internal: make(map[string]InternalTopicProperties),
	}
}

// Error says that a topology cannot be built.
type Error struct{ Text string }

// Error implements error.
func (e *Error) Error() string { return "invalid topology: " + e.Text }

func invalid(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// Fail records an error of the program that fills the topology; the first one is what Err returns.
func (t *Topology) Fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// Err returns the first error that was recorded while the topology was filled. A topology with an error cannot run.
func (t *Topology) Err() error { return t.err }

// maxNameLen is Kafka's limit for names that become part of topic names.
const maxNameLen = 249

// CheckName says whether name can name a node or a store: letters, digits, '.', '_' and '-'.
func CheckName(name string) error {
	switch {
	case name == "":
		return invalid("a name is empty")
	case name == "." || name == "..":
		return invalid("name %q is not allowed", name)
	case len(name) > maxNameLen:
		return invalid("name %q is longer than %d characters", name, maxNameLen)
	}
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return invalid("name %q has a character other than letters, digits, '.', '_' and '-'", name)
		}
	}
	return nil
}

// add enters n. Its parents must be there already.
func (t *Topology) add(n *node) error {
	if n.name == "" {
		return invalid("a node has no name")
	}
	if t.byName[n.name] != nil {
		return invalid("node %s is already there", n.name)
	}
	if n.kind != sourceKind && len(n.parents) == 0 {
		return invalid("node %s has no parent", n.name)
	}
	for _, p := range n.parents {
		parent := t.byName[p]
		switch {
		case p == n.name:
			return invalid("node %s cannot be its own parent", p)
		case parent == nil:
			return invalid("parent %s of node %s is not there", p, n.name)
		case parent.kind == sinkKind:
			return invalid("sink %s cannot be the parent of %s", p, n.name)
		}
	}
	for _, p := range n.parents {
		t.byName[p].children = append(t.byName[p].children, n.name)
	}
	t.nodes = append(t.nodes, n)
	t.byName[n.name] = n
	return nil
}

// AddSource adds a node that reads topics.
func AddSource[K, V any](t *Topology, name string, cfg SourceConfig[K, V]) error {
	if len(cfg.Topics) == 0 && cfg.Pattern == nil {
		return invalid("source %s has neither topics nor a pattern", name)
	}
	if cfg.Key == nil || cfg.Value == nil {
		return invalid("source %s needs a key and a value serde", name)
	}
	if err := t.checkTopics(name, cfg.Topics, cfg.Pattern); err != nil {
		return err
	}
	return t.add(&node{
		name: name, kind: sourceKind, topics: slices.Clone(cfg.Topics), pattern: cfg.Pattern, reset: cfg.Reset,
		build: func(env *Env, _ func(string) string) Instance {
			n := &sourceNode[K, V]{cfg: &cfg}
			n.ctx.init(env, name)
			return n
		},
	})
}

// checkTopics says whether another source reads one of topics, or of what pattern matches.
func (t *Topology) checkTopics(name string, topics []string, pattern *regexp.Regexp) error {
	for i, topic := range topics {
		if topic == "" {
			return invalid("source %s has an empty topic name", name)
		}
		if slices.Contains(topics[:i], topic) {
			return invalid("topic %s is there twice in source %s", topic, name)
		}
		for _, n := range t.nodes {
			if n.kind != sourceKind {
				continue
			}
			if slices.Contains(n.topics, topic) {
				return invalid("topic %s is already read by source %s", topic, n.name)
			}
			if n.pattern != nil && matches(n.pattern, topic) {
				return invalid("topic %s is already read by source %s through its pattern", topic, n.name)
			}
		}
	}
	if pattern == nil {
		return nil
	}
	for _, n := range t.nodes {
		for _, topic := range n.topics {
			if n.kind == sourceKind && matches(pattern, topic) {
				return invalid("pattern %s matches topic %s, which source %s reads", pattern, topic, n.name)
			}
		}
	}
	return nil
}

// matches says whether p matches all of topic.
func matches(p *regexp.Regexp, topic string) bool {
	p = regexp.MustCompile(`^(?:` + p.String() + `)$`)
	return p.MatchString(topic)
}

// AddProcessor adds a node that runs one Processor of supplier per task. It may be connected to stores later.
func AddProcessor[KI, VI, KO, VO any](t *Topology, name string, supplier Supplier[KI, VI, KO, VO], parents ...string) error {
	if supplier == nil {
		return invalid("node %s has no supplier", name)
	}
	return t.add(&node{
		name: name, kind: processorKind, parents: slices.Clone(parents),
		build: func(env *Env, _ func(string) string) Instance {
			n := &procNode[KI, VI, KO, VO]{proc: supplier()}
			n.ctx.init(env, name)
			return n
		},
	})
}

// AddSink adds a node that writes to a topic.
func AddSink[K, V any](t *Topology, name string, cfg SinkConfig[K, V], parents ...string) error {
	if cfg.Topic == "" && cfg.TopicOf == nil {
		return invalid("sink %s has no topic", name)
	}
	if cfg.Key == nil || cfg.Value == nil {
		return invalid("sink %s needs a key and a value serde", name)
	}
	return t.add(&node{
		name: name, kind: sinkKind, parents: slices.Clone(parents), topic: cfg.Topic, topicText: cfg.TopicText,
		build: func(env *Env, resolve func(string) string) Instance {
			n := &sinkNode[K, V]{env: env, node: name, cfg: &cfg}
			if cfg.TopicOf == nil {
				n.topic = resolve(cfg.Topic)
			}
			n.base, _ = cfg.Key.(BaseKeySerde[K])
			return n
		},
	})
}

func (c *Context[K, V]) init(env *Env, name string) {
	c.env, c.node, c.stores = env, name, make(map[string]any)
	c.keyNil, c.valueNil = NilOf[K](), NilOf[V]()
}

// AddInternalTopic says that topic is a repartition topic: the application creates it, with its id as a prefix.
func (t *Topology) AddInternalTopic(topic string, p InternalTopicProperties) { t.internal[topic] = p }

// AddStateStore adds a store and connects it to processors. Adding the same spec again only connects.
func (t *Topology) AddStateStore(spec *StoreSpec, processors ...string) error {
	if spec == nil || spec.Open == nil {
		return invalid("a state store has no description")
	}
	if err := CheckName(spec.Name); err != nil {
		return err
	}
	if e := t.stores[spec.Name]; e == nil {
		t.stores[spec.Name] = &storeEntry{spec: spec}
		t.storeOrder = append(t.storeOrder, spec.Name)
	} else if e.spec != spec {
		return invalid("state store %s is already there", spec.Name)
	}
	for _, p := range processors {
		if err := t.ConnectProcessorAndStateStores(p, spec.Name); err != nil {
			return err
		}
	}
	return nil
}

// HasStateStore says whether there is a store of that name, global or not.
func (t *Topology) HasStateStore(name string) bool { return t.stores[name] != nil }

// ConnectProcessorAndStateStores lets a processor use stores. It puts all of them into one subtopology.
func (t *Topology) ConnectProcessorAndStateStores(processor string, stores ...string) error {
	n := t.byName[processor]
	if n == nil {
		return invalid("node %s is not there", processor)
	}
	if n.kind != processorKind {
		return invalid("node %s cannot be connected to a state store: it is no processor", processor)
	}
	for _, s := range stores {
		e := t.stores[s]
		if e == nil {
			return invalid("state store %s is not there", s)
		}
		if e.global {
			return invalid("global store %s need not be connected to %s: every processor can use it", s, processor)
		}
		if !slices.Contains(n.stores, s) {
			n.stores = append(n.stores, s)
			e.users = append(e.users, processor)
		}
	}
	return nil
}

// ConnectSourceStoreAndTopic says that the store is restored from the source topic: it has no changelog of its own.
func (t *Topology) ConnectSourceStoreAndTopic(store, topic string) error {
	e := t.stores[store]
	if e == nil {
		return invalid("state store %s is not there", store)
	}
	e.spec.ChangelogTopic = topic
	return nil
}

// CopartitionSources says that the topics of these source nodes must have equal numbers of partitions.
func (t *Topology) CopartitionSources(sources []string) {
	if len(sources) > 0 {
		s := slices.Clone(sources)
		slices.Sort(s)
		t.copartition = append(t.copartition, s)
	}
}

// AddGlobalStore adds a store that holds all partitions of a topic in every instance. supplier's processor, called for
// each record, maintains it.
func AddGlobalStore[K, V, KO, VO any](t *Topology, spec *StoreSpec, source, processor string, cfg SourceConfig[K, V], supplier Supplier[K, V, KO, VO]) error {
	if spec == nil || spec.Open == nil {
		return invalid("a global store has no description")
	}
	if len(cfg.Topics) != 1 {
		return invalid("global store %s needs one topic", spec.Name)
	}
	if source == processor {
		return invalid("source and processor of global store %s have the same name", spec.Name)
	}
	if t.stores[spec.Name] != nil {
		return invalid("state store %s is already there", spec.Name)
	}
	if err := AddSource(t, source, cfg); err != nil {
		return err
	}
	if err := AddProcessor(t, processor, supplier, source); err != nil {
		return err
	}
	spec.Logging = false
	t.stores[spec.Name] = &storeEntry{spec: spec, users: []string{processor}, global: true, topic: cfg.Topics[0]}
	t.storeOrder = append(t.storeOrder, spec.Name)
	t.byName[source].global, t.byName[processor].global = true, true
	t.byName[processor].stores = []string{spec.Name}
	return nil
}

// millis turns milliseconds into a Duration, the longest there is if they are too many.
func millis(ms int64) time.Duration {
	if ms > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return time.Duration(ms) * time.Millisecond
}

// ErrNoSources is what a topology without any source cannot be run for.
var ErrNoSources = errors.New("invalid topology: no source")
