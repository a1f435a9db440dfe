package exec

import (
	"time"

	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/ksql/internal/types"
	"github.com/chortal/chortal/streams"
)

// tableNode is a table whatever its keys are.
type tableNode interface {
	filter(keep func(types.Row) bool, name string) tableNode
	mapValues(f func(types.Row) types.Row, name string) tableNode
	toStream(name string) *streams.Stream[Key, types.Row]
}

// plainTable is a table by Key.
type plainTable struct {
	t *streams.Table[Key, types.Row]
}

func (p plainTable) filter(keep func(types.Row) bool, name string) tableNode {
	return plainTable{p.t.Filter(func(_ Key, r types.Row) bool { return keep(r) }, streams.Name(name))}
}

func (p plainTable) mapValues(f func(types.Row) types.Row, name string) tableNode {
	return plainTable{streams.MapTable(p.t, func(_ Key, r types.Row) types.Row { return f(r) }, streams.Name(name))}
}

func (p plainTable) toStream(name string) *streams.Stream[Key, types.Row] {
	return p.t.ToStream(streams.Name(name))
}

// windowTable is the result of a windowed aggregation.
type windowTable struct {
	t *streams.Table[streams.Windowed[Key], types.Row]
}

func (w windowTable) filter(keep func(types.Row) bool, name string) tableNode {
	return windowTable{w.t.Filter(func(_ streams.Windowed[Key], r types.Row) bool { return keep(r) }, streams.Name(name))}
}

func (w windowTable) mapValues(f func(types.Row) types.Row, name string) tableNode {
	return windowTable{streams.MapTable(w.t, func(_ streams.Windowed[Key], r types.Row) types.Row { return f(r) }, streams.Name(name))}
}

// toStream puts the window's bounds behind the key's columns.
func (w windowTable) toStream(name string) *streams.Stream[Key, types.Row] {
	return streams.Rekey(w.t.ToStream(streams.Name(name)), func(k streams.Windowed[Key], _ types.Row) Key {
		return windowedKey(k.Key, k.Start, k.End)
	}, streams.Name(name+"-Window"))
}

func windowedKey(k Key, start, end int64) Key {
	out := make(Key, 0, len(k)+2)
	return append(append(out, k...), types.NewBigint(start), types.NewBigint(end))
}

// tableSource reads a topic as a table. Its store keeps the rows as they were read, with their pseudo columns.
func (b *builder) tableSource(s *plan.Step, schema types.Schema) (*node, error) {
	stream, err := b.read(s, schema)
	if err != nil {
		return nil, err
	}
	store := name(s.Context) + "-Reduce"
	keys := len(s.Schema.Key())
	stored := keys
	if s.Formats.Window != nil {
		stored += 2
	}
	t := stream.ToTable(streams.Name(name(s.Context)+"-Table"),
		streams.Store[types.Row](store, rowSerde{schema.Len()}), streams.StoreKeys(rowKeySerde(stored)))
	n := &node{table: plainTable{t}, window: s.Formats.Window}
	if s.Formats.Window == nil {
		n.state = &Materialized{Store: store, KeyColumns: keys, Row: func(_ Key, r types.Row) (types.Row, bool) { return r, r != nil }}
	}
	return n, nil
}

func (b *builder) tableFilter(s *plan.Step, in *node) (*node, error) {
	keep, err := b.predicate(s, in.schema)
	if err != nil {
		return nil, err
	}
	out := &node{window: in.window, table: in.table.filter(keep, name(s.Context))}
	out.state = in.state.then(func(r types.Row) (types.Row, bool) { return r, keep(r) })
	return out, nil
}

func (b *builder) tableSelect(s *plan.Step, in *node) (*node, error) {
	project, err := b.projection(s, in.schema)
	if err != nil {
		return nil, err
	}
	out := &node{window: in.window, table: in.table.mapValues(project, name(s.Context))}
	out.state = in.state.then(func(r types.Row) (types.Row, bool) { return project(r), r != nil })
	return out, nil
}

// then reads a store through one operator more.
func (m *Materialized) then(f func(types.Row) (types.Row, bool)) *Materialized {
	if m == nil {
		return nil
	}
	out := *m
	out.Row = func(k Key, state types.Row) (types.Row, bool) {
		r, ok := m.Row(k, state)
		if !ok {
			return nil, false
		}
		return f(r)
	}
	return &out
}

// streamAggregate folds a grouped stream, by window if the step has one.
func (b *builder) streamAggregate(s *plan.Step, in *node) (*node, error) {
	f, err := b.newFold(s, in.schema)
	if err != nil {
		return nil, err
	}
	keys := len(in.schema.Key())
	store := name(s.Context) + "-Materialize"
	opts := []streams.Option{
		streams.Name(name(s.Context)), streams.Store[types.Row](store, rowSerde{len(f.calls)}), streams.StoreKeys(rowKeySerde(keys)),
	}
	state := &Materialized{Store: store, KeyColumns: keys}
	if s.Window == nil {
		t := streams.TryAggregate[Key, types.Row, Key](in.grouped, f.first, f.add, opts...)
		state.Row = func(k Key, st types.Row) (types.Row, bool) { return f.result(k, st, nil), st != nil }
		result := streams.MapTable(t, func(k Key, st types.Row) types.Row { return f.result(k, st, nil) }, streams.Name(name(s.Context)+"-ToOutputSchema"))
		return &node{table: plainTable{result}, state: state}, nil
	}
	return b.windowAggregate(s, in, f, state, opts)
}

func (b *builder) windowAggregate(s *plan.Step, in *node, f *fold, state *Materialized, opts []streams.Option) (*node, error) {
	w := s.Window
	if w.Type == catalog.Session {
		return nil, notYet(s, "Session windows are", "use WINDOW TUMBLING or WINDOW HOPPING")
	}
	size := time.Duration(w.SizeMs) * time.Millisecond
	advance := size
	if w.Type == catalog.Hopping {
		advance = time.Duration(w.AdvanceMs) * time.Millisecond
	}
	grace := DefaultGrace
	if w.Final {
		grace = 0 // there would be no result for a day otherwise
	}
	switch {
	case w.GraceMs != nil:
		grace = time.Duration(*w.GraceMs) * time.Millisecond
	case w.RetentionMs != nil:
		grace = min(grace, max(0, time.Duration(*w.RetentionMs)*time.Millisecond-size))
	}
	windows := streams.Hopping(size, advance).Grace(grace)
	if w.Final {
		windows = windows.EmitOnClose()
	}
	if w.RetentionMs != nil {
		opts = append(opts, streams.Retention(time.Duration(*w.RetentionMs)*time.Millisecond))
	}
	t := streams.TryAggregate[Key, types.Row, streams.Windowed[Key]](streams.Window(in.grouped, windows), f.first, f.add, opts...)
	result := streams.MapTable(t, func(k streams.Windowed[Key], st types.Row) types.Row {
		return f.result(k.Key, st, []int64{k.Start, k.End})
	}, streams.Name(name(s.Context)+"-WindowSelect"))
	keys := state.KeyColumns
	state.Window = w.Info()
	state.Row = func(k Key, st types.Row) (types.Row, bool) {
		return f.result(k[:keys], st, []int64{k[keys].Bigint(), k[keys+1].Bigint()}), st != nil
	}
	return &node{table: windowTable{result}, window: w.Info(), state: state}, nil
}

// tableGroupBy groups the rows of a table; a row with a NULL in its grouping expressions is left out.
func (b *builder) tableGroupBy(s *plan.Step, in *node) (*node, error) {
	plain, ok := in.table.(plainTable)
	if !ok {
		return nil, notYet(s, "Aggregations of windowed tables are", "aggregate the stream that the windowed table is made from")
	}
	schema, err := b.resolver.Schema(s)
	if err != nil {
		return nil, err
	}
	keyOf, err := b.keyOf(s, in.schema, true)
	if err != nil {
		return nil, err
	}
	move := relayout(in.schema, schema)
	g := streams.GroupTable(plain.t, func(_ Key, r types.Row) (Key, types.Row) {
		k := keyOf(r)
		return k, move(k, r)
	}, rowKeySerde(len(schema.Key())), rowSerde{schema.Len()}, streams.Name(name(s.Context)))
	return &node{groupedTable: g}, nil
}

func (b *builder) tableAggregate(s *plan.Step, in *node) (*node, error) {
	f, err := b.newFold(s, in.schema)
	if err != nil {
		return nil, err
	}
	keys := len(in.schema.Key())
	store := name(s.Context) + "-Materialize"
	t := streams.TryAggregateTable(in.groupedTable, f.first, f.add, f.undo,
		streams.Name(name(s.Context)), streams.Store[types.Row](store, rowSerde{len(f.calls)}), streams.StoreKeys(rowKeySerde(keys)))
	result := streams.MapTable(t, func(k Key, st types.Row) types.Row { return f.result(k, st, nil) }, streams.Name(name(s.Context)+"-ToOutputSchema"))
	state := &Materialized{Store: store, KeyColumns: keys, Row: func(k Key, st types.Row) (types.Row, bool) { return f.result(k, st, nil), st != nil }}
	return &node{table: plainTable{result}, state: state}, nil
}

// streamTableJoin looks each row of the left side up in the table on the right.
func (b *builder) streamTableJoin(s *plan.Step, schema types.Schema) (*node, error) {
	left, err := b.build(s.Left)
	if err != nil {
		return nil, err
	}
	right, err := b.build(s.Right)
	if err != nil {
		return nil, err
	}
	table, ok := right.table.(plainTable)
	if !ok {
		return nil, notYet(s, "Joins with windowed tables are", "join with a table that has no windows")
	}
	formats := sourceFormats(s.Right)
	key, err := NewKeySerde(*formats, right.schema.Key())
	if err != nil {
		return nil, err
	}
	opts := []streams.Option{
		streams.Name(name(s.Context)), streams.KeySerde(key), streams.ValueSerde[types.Row](rowSerde{left.schema.Len()}),
	}
	combine := combiner(schema, left.schema, right.schema)
	var out *streams.Stream[Key, types.Row]
	if s.JoinType == "LEFT" {
		out = streams.LeftJoin(left.stream, table.t, func(k Key, l types.Row, r *types.Row) types.Row {
			if r == nil {
				return combine(k, l, nil)
			}
			return combine(k, l, *r)
		}, opts...)
	} else {
		out = streams.Join(left.stream, table.t, combine, opts...)
	}
	return &node{stream: out, window: left.window}, nil
}

// sourceFormats are the formats of the topic below a step: a join's sides have to have equal keys as bytes.
func sourceFormats(s *plan.Step) *catalog.Formats {
	for ; s != nil; s = s.Source {
		if s.Formats != nil {
			return s.Formats
		}
	}
	return &catalog.Formats{Key: catalog.Format{Name: "KAFKA"}}
}

// combiner puts the columns of both sides into rows of the join's schema.
func combiner(schema, left, right types.Schema) func(k Key, l, r types.Row) types.Row {
	keys := len(schema.Key())
	type place struct{ left, right int }
	places := make([]place, schema.Len())
	for i, c := range schema.Columns() {
		places[i] = place{left.Find(c.Name), right.Find(c.Name)}
	}
	return func(k Key, l, r types.Row) types.Row {
		out := make(types.Row, len(places))
		for i, p := range places {
			switch {
			case i < keys && i < len(k):
				out[i] = k[i]
			case p.left >= 0 && l != nil:
				out[i] = l[p.left]
			case p.right >= 0 && r != nil:
				out[i] = r[p.right]
			}
		}
		return out
	}
}
