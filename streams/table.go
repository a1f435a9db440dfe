package streams

import (
	"github.com/chortal/chortal/streams/internal/graph"
	"github.com/chortal/chortal/streams/internal/node"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// Table is a stream of changes: for each key there is one current value.
type Table[K, V any] struct {
	b       *Builder
	name    string
	key     serde.Serde[K]
	value   serde.Serde[V]
	sources []string
	node    *graph.Node
	// store is the name of the store that the user named, empty if there is none.
	store  string
	source tableSource[K, V]
}

// tableSource is the node that makes a table, as the operators below see it.
type tableSource[K, V any] interface {
	// wantOld makes it send old values; without force only if that needs no new store. It says whether it does.
	wantOld(force bool) bool
	// view reads the table's current values. It may make a store necessary.
	view() node.View[K, V]
}

// storedTable is a tableSource with a store of its own.
type storedTable[K, V any] struct {
	oldValues *bool
	v         node.View[K, V]
}

func stored[K, V any](oldValues *bool, v node.View[K, V]) tableSource[K, V] {
	return &storedTable[K, V]{oldValues, v}
}

func (s *storedTable[K, V]) wantOld(bool) bool {
	*s.oldValues = true
	return true
}

func (s *storedTable[K, V]) view() node.View[K, V] { return s.v }

// topicTable is the tableSource of a table over a topic: its store is made when it is needed.
type topicTable[K, V any] struct {
	m      *materialized[K, V]
	needed bool
}

func (s *topicTable[K, V]) wantOld(force bool) bool {
	if !force && !s.needed {
		return false
	}
	s.needed = true
	*s.m.oldValues = true
	return true
}

func (s *topicTable[K, V]) view() node.View[K, V] {
	s.needed = true
	return node.StoreView[K, V](s.m.name)
}

// storeIfNeeded is the store's name, empty if there is none.
func (s *topicTable[K, V]) storeIfNeeded() string {
	if s.needed {
		return s.m.name
	}
	return ""
}

// StoreName returns the name of the table's store if it was given one, and else nothing.
func (t *Table[K, V]) StoreName() string { return t.store }

// TableFrom reads a topic as a table: a record sets the value of its key, a null value deletes the key. The table gets a
// store if it is named or needed downstream.
func TableFrom[K, V any](b *Builder, topic string, key serde.Serde[K], value serde.Serde[V], opts ...Option) *Table[K, V] {
	o := optionsOf(opts)
	m := materialize(b, o, topic+"-", key, value).named()
	source := b.suffixed(o.name, "-source", "KSTREAM-SOURCE-")
	name := b.name(o.name, "KTABLE-SOURCE-")
	cfg := processor.SourceConfig[K, V]{
		Topics: []string{topic}, Reset: o.reset, Extractor: extractor[K, V](b, o),
		Key: keySerde(b, "table "+topic, key), Value: valueSerde(b, "table "+topic, value),
	}
	src := &topicTable[K, V]{m: m, needed: !m.generated}
	info := new(graph.TableSource)
	n := &graph.Node{Name: name, TableSource: info, Write: func(t *processor.Topology, _ []string) error {
		if err := processor.AddSource(t, source, cfg); err != nil {
			return err
		}
		if err := processor.AddProcessor(t, name, src.supplier, source); err != nil || !src.needed {
			return err
		}
		spec := m.keyValue()
		if info.ReuseTopic {
			spec.ChangelogTopic = topic
		}
		return b.addStore(t, spec, name)
	}}
	b.addSource(&sourceGroup{topics: []string{topic}, node: n, table: true})
	b.g.Add(n, b.g.Root())
	return &Table[K, V]{
		b: b, name: name, key: firstSerde(m.key, key), value: firstSerde(m.value, value), sources: []string{source}, node: n,
		store: m.storeName(), source: src,
	}
}

func (s *topicTable[K, V]) supplier() processor.Processor[K, V, K, node.Change[V]] {
	return &node.TableSource[K, V]{Store: s.storeIfNeeded(), OldValues: s.m.oldValues}
}

// ToTable turns a stream into a table: a record sets the value of its key, a null value deletes the key.
func (s *Stream[K, V]) ToTable(opts ...Option) *Table[K, V] {
	b, o := s.b, optionsOf(opts)
	name := b.name(o.name, "KSTREAM-TOTABLE-")
	m := materialize(b, o, "KSTREAM-TOTABLE-", s.key, s.value).named()
	from := s
	if s.rekeyed {
		r := *s
		r.key, r.value = m.key, m.value
		var rn *graph.Node
		if o.name == "" {
			b.unnamed = append(b.unnamed, name+repartitionSuffix)
		}
		rn, from = repartition(&r, name, repartitionOptions[K, V]{optimizable: true})
		b.g.Add(rn, s.node)
	}
	src := &topicTable[K, V]{m: m, needed: !m.generated}
	n := &graph.Node{Name: name, Write: func(t *processor.Topology, parents []string) error {
		if err := processor.AddProcessor(t, name, src.supplier, parents...); err != nil || !src.needed {
			return err
		}
		return b.addStore(t, m.keyValue(), name)
	}}
	b.g.Add(n, from.node)
	return &Table[K, V]{
		b: b, name: name, key: m.key, value: m.value, sources: from.sources, node: n, store: m.storeName(), source: src,
	}
}

// ToStream returns the table's changes as a stream of new values; a deletion is a null value.
func (t *Table[K, V]) ToStream(opts ...Option) *Stream[K, V] {
	b := t.b
	name := b.name(optionsOf(opts).name, "KTABLE-TOSTREAM-")
	n := add(b, name, func() processor.Processor[K, node.Change[V], K, V] { return &node.TableToStream[K, V]{} }, t.node)
	return &Stream[K, V]{b: b, name: name, key: t.key, value: t.value, sources: t.sources, node: n}
}

// mappedTable is the tableSource of a filtered or mapped table.
type mappedTable[K, V, V2 any] struct {
	parent    *Table[K, V]
	store     string // empty if not materialized
	fn        func(K, V) (V2, bool, error)
	oldValues *bool
}

func (s *mappedTable[K, V, V2]) wantOld(force bool) bool {
	if s.store != "" || s.parent.source.wantOld(force) {
		*s.oldValues = true
	}
	return *s.oldValues
}

func (s *mappedTable[K, V, V2]) view() node.View[K, V2] {
	if s.store != "" {
		return node.StoreView[K, V2](s.store)
	}
	return node.MappedView(s.parent.source.view(), s.fn)
}

// Filter keeps the rows for which keep is true. A row that stops to pass is deleted from the result.
func (t *Table[K, V]) Filter(keep func(K, V) bool, opts ...Option) *Table[K, V] {
	return t.TryFilter(func(k K, v V) (bool, error) { return keep(k, v), nil }, opts...)
}

// FilterNot keeps the rows for which drop is false.
func (t *Table[K, V]) FilterNot(drop func(K, V) bool, opts ...Option) *Table[K, V] {
	return t.TryFilter(func(k K, v V) (bool, error) { return !drop(k, v), nil }, opts...)
}

// TryFilter is Filter with a function that may fail: the error goes to the processing exception handler.
func (t *Table[K, V]) TryFilter(keep func(K, V) (bool, error), opts ...Option) *Table[K, V] {
	return mapTable(t, func(k K, v V) (V, bool, error) {
		ok, err := keep(k, v)
		return v, ok, err
	}, "KTABLE-FILTER-", true, opts, t.value)
}

// MapTable gives each row of a table another value.
func MapTable[K, V, V2 any](t *Table[K, V], f func(K, V) V2, opts ...Option) *Table[K, V2] {
	return TryMapTable(t, func(k K, v V) (V2, error) { return f(k, v), nil }, opts...)
}

// TryMapTable is MapTable with a function that may fail: the error goes to the processing exception handler.
func TryMapTable[K, V, V2 any](t *Table[K, V], f func(K, V) (V2, error), opts ...Option) *Table[K, V2] {
	isNil := processor.NilOf[V2]()
	return mapTable(t, func(k K, v V) (V2, bool, error) {
		v2, err := f(k, v)
		return v2, !isNil.Is(&v2), err
	}, "KTABLE-MAPVALUES-", false, opts, nil)
}

func mapTable[K, V, V2 any](t *Table[K, V], fn func(K, V) (V2, bool, error), prefix string, filter bool, opts []Option, value serde.Serde[V2]) *Table[K, V2] {
	b, o := t.b, optionsOf(opts)
	m := &materialized[K, V2]{b: b, o: &o.store, name: o.store.name, oldValues: new(bool), key: t.key, value: value}
	if o.store.given {
		if m.name == "" {
			b.g.NewStoreName(prefix)
		}
		m.key, m.value = firstSerde(storeKey[K](b, o), t.key), firstSerde(storeValue[V2](b, o), value)
	}
	name := b.name(o.name, prefix)
	if filter {
		*m.oldValues = t.source.wantOld(false)
	}
	n := &graph.Node{Name: name, Write: func(top *processor.Topology, parents []string) error {
		err := processor.AddProcessor(top, name, func() processor.Processor[K, node.Change[V], K, node.Change[V2]] {
			return &node.TableMap[K, V, V2]{Store: m.name, Map: fn, OldValues: m.oldValues, SkipNothing: filter}
		}, parents...)
		if err != nil || m.name == "" {
			return err
		}
		return b.addStore(top, m.keyValue(), name)
	}}
	b.g.Add(n, t.node)
	return &Table[K, V2]{
		b: b, name: name, key: m.key, value: m.value, sources: t.sources, node: n, store: m.name,
		source: &mappedTable[K, V, V2]{parent: t, store: m.name, fn: fn, oldValues: m.oldValues},
	}
}

// TransformTable gives each row of a table another value, and may give values to keys without a row: f also sees
// deletions, as nil.
func TransformTable[K, V, V2 any](t *Table[K, V], f func(K, *V) V2, opts ...Option) *Table[K, V2] {
	isNil := processor.NilOf[V2]()
	b, o := t.b, optionsOf(opts)
	fn := func(k K, v V, has bool) (V2, bool, error) {
		p := &v
		if !has {
			p = nil
		}
		v2 := f(k, p)
		return v2, !isNil.Is(&v2), nil
	}
	m := &materialized[K, V2]{b: b, o: &o.store, name: o.store.name, oldValues: new(bool), key: t.key}
	if o.store.given {
		if m.name == "" {
			b.g.NewStoreName("KTABLE-TRANSFORMVALUES-")
		}
		m.key, m.value = firstSerde(storeKey[K](b, o), t.key), storeValue[V2](b, o)
	}
	name := b.name(o.name, "KTABLE-TRANSFORMVALUES-")
	n := &graph.Node{Name: name, Write: func(top *processor.Topology, parents []string) error {
		err := processor.AddProcessor(top, name, func() processor.Processor[K, node.Change[V], K, node.Change[V2]] {
			return &node.TableTransform[K, V, V2]{Store: m.name, Map: fn, OldValues: m.oldValues}
		}, parents...)
		if err != nil || m.name == "" {
			return err
		}
		return b.addStore(top, m.keyValue(), name)
	}}
	b.g.Add(n, t.node)
	mapped := func(k K, v V) (V2, bool, error) { return fn(k, v, true) }
	return &Table[K, V2]{
		b: b, name: name, key: m.key, value: m.value, sources: t.sources, node: n, store: m.name,
		source: &mappedTable[K, V, V2]{parent: t, store: m.name, fn: mapped, oldValues: m.oldValues},
	}
}
