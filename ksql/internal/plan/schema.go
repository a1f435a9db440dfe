package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/expr"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/types"
)

func msDuration(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// Resolver computes the schemas of steps. The columns of a step are its key columns and then all others; a row of the
// step has its values in that order.
type Resolver struct {
	Functions *function.Registry
	// Types finds named types; nil when there are none.
	Types func(string) (types.Type, bool)
	cache map[*Step]types.Schema
}

// Context compiles expressions over the columns of a step.
func (r *Resolver) Context(schema types.Schema) expr.Context {
	return expr.Context{Scope: expr.SchemaScope{Schema: schema}, Functions: r.Functions, Type: r.Types}
}

// Schema returns the columns of a step's rows.
func (r *Resolver) Schema(s *Step) (types.Schema, error) {
	if schema, ok := r.cache[s]; ok {
		return schema, nil
	}
	schema, err := r.resolve(s)
	if err != nil {
		return schema, err
	}
	if r.cache == nil {
		r.cache = map[*Step]types.Schema{}
	}
	r.cache[s] = schema
	return schema, nil
}

func (r *Resolver) resolve(s *Step) (types.Schema, error) {
	switch s.Kind {
	case StreamSource, TableSource:
		return sourceSchema(s, false)
	case WindowedStreamSource, WindowedTableSource:
		return sourceSchema(s, true)
	case StreamStreamJoin, StreamTableJoin, TableTableJoin, ForeignKeyJoin:
		return r.join(s)
	}
	if s.Source == nil {
		return types.Schema{}, fmt.Errorf("step %s of a plan has no source", s.Kind)
	}
	in, err := r.Schema(s.Source)
	if err != nil {
		return in, err
	}
	switch s.Kind {
	case StreamFilter, TableFilter, TableSuppress, StreamSink, TableSink, StreamGroupByKey:
		return in, nil
	case StreamSelect, TableSelect:
		return r.project(s, in)
	case StreamSelectKey, TableSelectKey, StreamGroupBy, TableGroupBy:
		return r.selectKey(s, in)
	case StreamAggregate, StreamWindowAggregate, TableAggregate:
		return r.aggregate(s, in)
	case StreamFlatMap:
		return r.flatMap(s, in)
	}
	return in, fmt.Errorf("unknown step %q in a plan", s.Kind)
}

// PseudoColumns are the columns that every source has beside its own.
func PseudoColumns(windowed bool) []types.Column {
	names := []string{types.RowTime, types.RowPartition, types.RowOffset}
	if windowed {
		names = append(names, types.WindowStart, types.WindowEnd)
	}
	out := make([]types.Column, len(names))
	for i, n := range names {
		t, _ := types.PseudoColumn(n)
		out[i] = types.Column{Name: n, Type: t}
	}
	return out
}

// sourceSchema puts the keys first and the pseudo columns last.
func sourceSchema(s *Step, windowed bool) (types.Schema, error) {
	columns := s.Schema.Key()
	for _, c := range s.Schema.Columns() {
		if c.Namespace != types.InKey {
			columns = append(columns, types.Column{Name: c.Name, Type: c.Type})
		}
	}
	for _, p := range PseudoColumns(windowed) {
		if !slices.ContainsFunc(columns, func(c types.Column) bool { return c.Name == p.Name }) {
			columns = append(columns, p)
		}
	}
	return types.NewSchema(columns...)
}

func (r *Resolver) typeOf(e ast.Expr, in types.Schema) (types.Type, error) {
	return expr.TypeOf(e, r.Context(in))
}

// project keeps the key columns under their new names and computes the rest.
func (r *Resolver) project(s *Step, in types.Schema) (types.Schema, error) {
	var columns []types.Column
	for i, k := range in.Key() {
		if i < len(s.KeyNames) {
			k.Name = s.KeyNames[i]
		}
		columns = append(columns, k)
	}
	for _, c := range s.Select {
		t, err := r.typeOf(c.Expr.Expr, in)
		if err != nil {
			return in, err
		}
		columns = append(columns, types.Column{Name: c.Name, Type: t})
	}
	return types.NewSchema(columns...)
}

// selectKey makes the key expressions the key columns and keeps all other columns.
func (r *Resolver) selectKey(s *Step, in types.Schema) (types.Schema, error) {
	var columns []types.Column
	for i, e := range s.Keys {
		t, err := r.typeOf(e.Expr, in)
		if err != nil {
			return in, err
		}
		if t.IsNull() {
			continue // PARTITION BY NULL has no key column
		}
		columns = append(columns, types.Column{Name: s.KeyNames[i], Type: t, Namespace: types.InKey})
	}
	for _, c := range in.Columns() {
		if slices.Contains(s.KeyNames, c.Name) {
			continue
		}
		columns = append(columns, types.Column{Name: c.Name, Type: c.Type})
	}
	return types.NewSchema(columns...)
}

// AggregateVariable is the name of the column of the i-th aggregate.
func AggregateVariable(i int) string { return fmt.Sprintf("KSQL_AGG_VARIABLE_%d", i) }

// aggregate gives the keys, the retained columns, the results of the aggregates and the bounds of the window.
func (r *Resolver) aggregate(s *Step, in types.Schema) (types.Schema, error) {
	columns := in.Key()
	for _, name := range s.Retained {
		i := in.Find(name)
		if i < 0 {
			return in, fmt.Errorf("column %s of an aggregation is not in its input", name)
		}
		if in.At(i).Namespace != types.InKey {
			columns = append(columns, types.Column{Name: name, Type: in.At(i).Type})
		}
	}
	for i, e := range s.Calls {
		call, err := r.Aggregate(e.Expr, in)
		if err != nil {
			return in, err
		}
		columns = append(columns, types.Column{Name: AggregateVariable(i), Type: call.Type})
	}
	if s.Window != nil {
		for _, name := range []string{types.WindowStart, types.WindowEnd} {
			columns = append(columns, types.Column{Name: name, Type: types.Bigint})
		}
	}
	return types.NewSchema(columns...)
}

// Aggregate resolves the call of an aggregate function.
func (r *Resolver) Aggregate(e ast.Expr, in types.Schema) (*function.AggregateCall, error) {
	call, ok := e.(*ast.Call)
	if !ok {
		return nil, fmt.Errorf("%s is no call of an aggregate function", e)
	}
	args, err := expr.Arguments(call.Args, r.Context(in))
	if err != nil {
		return nil, err
	}
	out, err := r.Functions.ResolveAggregate(call.Name, args)
	if err != nil {
		return nil, &expr.Error{Pos: call.At(), Message: err.Error()}
	}
	return out, nil
}

// Table resolves the call of a table function.
func (r *Resolver) Table(e ast.Expr, in types.Schema) (*function.TableCall, error) {
	call, ok := e.(*ast.Call)
	if !ok {
		return nil, fmt.Errorf("%s is no call of a table function", e)
	}
	args, err := expr.Arguments(call.Args, r.Context(in))
	if err != nil {
		return nil, err
	}
	out, err := r.Functions.ResolveTable(call.Name, args)
	if err != nil {
		return nil, &expr.Error{Pos: call.At(), Message: err.Error()}
	}
	return out, nil
}

// SynthColumn is the name of the column of the i-th table function.
func SynthColumn(i int) string { return fmt.Sprintf("KSQL_SYNTH_%d", i) }

func (r *Resolver) flatMap(s *Step, in types.Schema) (types.Schema, error) {
	columns := slices.Clone(in.Columns())
	for i, e := range s.Tables {
		call, err := r.Table(e.Expr, in)
		if err != nil {
			return in, err
		}
		columns = append(columns, types.Column{Name: SynthColumn(i), Type: call.Type})
	}
	return types.NewSchema(columns...)
}

// join gives the key under the join's name, then the columns of both sides; a key column of a side under its own name
// is among them, as a value.
func (r *Resolver) join(s *Step) (types.Schema, error) {
	left, err := r.Schema(s.Left)
	if err != nil {
		return left, err
	}
	right, err := r.Schema(s.Right)
	if err != nil {
		return right, err
	}
	keys := left.Key()
	columns := make([]types.Column, 0, left.Len()+right.Len()+1)
	for i, k := range keys {
		if i < len(s.KeyNames) {
			k.Name = s.KeyNames[i]
		}
		columns = append(columns, k)
	}
	for _, side := range []types.Schema{left, right} {
		for _, c := range side.Columns() {
			if !slices.ContainsFunc(columns, func(k types.Column) bool { return k.Name == c.Name }) {
				columns = append(columns, types.Column{Name: c.Name, Type: c.Type})
			}
		}
	}
	return types.NewSchema(columns...)
}
