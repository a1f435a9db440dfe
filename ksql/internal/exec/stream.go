package exec

import (
	"fmt"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/expr"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/ksql/internal/types"
	"github.com/chortal/chortal/streams"
)

func (b *builder) streamFilter(s *plan.Step, in *node) (*node, error) {
	keep, err := b.predicate(s, in.schema)
	if err != nil {
		return nil, err
	}
	return &node{window: in.window, stream: in.stream.Filter(func(_ Key, r types.Row) bool { return keep(r) }, streams.Name(name(s.Context)))}, nil
}

func (b *builder) streamSelect(s *plan.Step, in *node) (*node, error) {
	project, err := b.projection(s, in.schema)
	if err != nil {
		return nil, err
	}
	return &node{window: in.window, stream: streams.MapValues(in.stream, project, streams.Name(name(s.Context)))}, nil
}

// streamSelectKey gives records a new key, and rows the columns in their new order.
func (b *builder) streamSelectKey(s *plan.Step, in *node, schema types.Schema) (*node, error) {
	keyOf, err := b.keyOf(s, in.schema, false)
	if err != nil {
		return nil, err
	}
	move := relayout(in.schema, schema)
	keys := len(in.schema.Key())
	out := streams.Map(in.stream, func(old Key, r types.Row) (Key, types.Row) {
		if r == nil { // the key of a record without a value can still be made of the old key
			only := make(types.Row, in.schema.Len())
			copy(only[:keys], old)
			return keyOf(only), nil
		}
		k := keyOf(r)
		return k, move(k, r)
	}, streams.Name(name(s.Context)))
	return &node{stream: out}, nil
}

// streamFlatMap runs table functions: as many rows as the longest result has, the shorter ones filled with NULL.
func (b *builder) streamFlatMap(s *plan.Step, in *node, schema types.Schema) (*node, error) {
	calls := make([]tableCall, len(s.Tables))
	for i, e := range s.Tables {
		var err error
		if calls[i], err = b.tableCall(e, in.schema); err != nil {
			return nil, err
		}
	}
	flat := func(r types.Row) []types.Row {
		if r == nil {
			return nil
		}
		results := make([][]types.Value, len(calls))
		longest := 0
		for i, c := range calls {
			var err error
			if results[i], err = c.eval(r); err != nil {
				b.fail(s.Context, fmt.Errorf("Table function %s threw an exception: %w", c.text, err))
			}
			longest = max(longest, len(results[i]))
		}
		rows := make([]types.Row, longest)
		for n := range rows {
			row := make(types.Row, schema.Len())
			copy(row, r)
			for i := range calls {
				if n < len(results[i]) {
					row[len(r)+i] = results[i][n]
				}
			}
			rows[n] = row
		}
		return rows
	}
	return &node{window: in.window, stream: streams.FlatMapValues(in.stream, flat, streams.Name(name(s.Context)))}, nil
}

type tableCall struct {
	text string
	eval func(types.Row) ([]types.Value, error)
}

func (b *builder) tableCall(e plan.Expr, in types.Schema) (tableCall, error) {
	call, err := b.resolver.Table(e.Expr, in)
	if err != nil {
		return tableCall{}, err
	}
	programs, err := b.arguments(e.Expr.(*ast.Call), call.Args, in)
	if err != nil {
		return tableCall{}, err
	}
	return tableCall{text: e.Expr.String(), eval: func(r types.Row) ([]types.Value, error) {
		args, err := evalArgs(programs, r)
		if err != nil {
			return nil, err
		}
		return call.Def.Eval(args)
	}}, nil
}

// arguments compiles the arguments of a call for the types that its function wants.
func (b *builder) arguments(call *ast.Call, want []types.Type, in types.Schema) ([]*expr.Program, error) {
	ctx := b.resolver.Context(in)
	ctx.Env = b.Env
	programs := make([]*expr.Program, 0, len(want))
	for i, t := range want {
		if i >= len(call.Args) {
			break
		}
		p, err := expr.CompileAs(call.Args[i], t, ctx)
		if err != nil {
			return nil, err
		}
		programs = append(programs, p)
	}
	return programs, nil
}

func evalArgs(programs []*expr.Program, r types.Row) ([]types.Value, error) {
	args := make([]types.Value, len(programs))
	env := expr.Env{Row: r}
	for i, p := range programs {
		var err error
		if args[i], err = p.Eval(&env); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// streamGroupBy moves records to the key of their group; a row with a NULL in its grouping expressions is left out.
func (b *builder) streamGroupBy(s *plan.Step, in *node, schema types.Schema) (*node, error) {
	keyOf, err := b.keyOf(s, in.schema, true)
	if err != nil {
		return nil, err
	}
	move := relayout(in.schema, schema)
	keyed := streams.Map(in.stream, func(_ Key, r types.Row) (Key, types.Row) {
		k := keyOf(r)
		return k, move(k, r)
	}, streams.Name(name(s.Context)+"-Key"))
	grouped := keyed.GroupByKey(streams.Name(name(s.Context)),
		streams.KeySerde(rowKeySerde(len(schema.Key()))), streams.ValueSerde[types.Row](rowSerde{schema.Len()}))
	return &node{grouped: grouped}, nil
}

func (b *builder) streamGroupByKey(s *plan.Step, in *node) (*node, error) {
	grouped := in.stream.GroupByKey(streams.Name(name(s.Context)),
		streams.KeySerde(rowKeySerde(len(in.schema.Key()))), streams.ValueSerde[types.Row](rowSerde{in.schema.Len()}))
	return &node{grouped: grouped}, nil
}

// fold is the aggregates of a step over rows of its source: the state of each is a column of the stored row.
type fold struct {
	b       *builder
	context string
	calls   []aggregateCall
}

type aggregateCall struct {
	function.Aggregate
	text string
	args []*expr.Program
}

func (b *builder) newFold(s *plan.Step, in types.Schema) (*fold, error) {
	f := &fold{b: b, context: s.Context}
	for _, e := range s.Calls {
		resolved, err := b.resolver.Aggregate(e.Expr, in)
		if err != nil {
			return nil, err
		}
		agg, err := resolved.Bind(b.Env)
		if err != nil {
			return nil, err
		}
		programs, err := b.arguments(e.Expr.(*ast.Call), resolved.Args, in)
		if err != nil {
			return nil, err
		}
		f.calls = append(f.calls, aggregateCall{agg, e.Expr.String(), programs})
	}
	return f, nil
}

// first is the state of a group without rows.
func (f *fold) first() (types.Row, error) {
	state := make(types.Row, len(f.calls))
	for i := range f.calls {
		state[i] = f.calls[i].Init()
	}
	return state, nil
}

// add returns the state with a row more. An aggregate that fails keeps its state.
func (f *fold) add(_ Key, r types.Row, state types.Row) (types.Row, error) {
	return f.apply(r, state, func(c *aggregateCall, s types.Value, args []types.Value) (types.Value, error) { return c.Add(s, args) })
}

// undo returns the state with a row less.
func (f *fold) undo(_ Key, r types.Row, state types.Row) (types.Row, error) {
	return f.apply(r, state, func(c *aggregateCall, s types.Value, args []types.Value) (types.Value, error) { return c.Undo(s, args) })
}

func (f *fold) apply(r, state types.Row, step func(*aggregateCall, types.Value, []types.Value) (types.Value, error)) (types.Row, error) {
	if r == nil {
		return state, nil
	}
	next := make(types.Row, len(state))
	for i := range f.calls {
		c := &f.calls[i]
		next[i] = state[i]
		args, err := evalArgs(c.args, r)
		if err == nil {
			var v types.Value
			if v, err = step(c, state[i], args); err == nil {
				next[i] = v
				continue
			}
		}
		f.b.fail(f.context, fmt.Errorf("Error computing aggregate %s: %w", c.text, err))
	}
	return next, nil
}

// result is the row of a group: its key, the results, and the bounds of its window.
func (f *fold) result(k Key, state types.Row, window []int64) types.Row {
	if state == nil {
		return nil
	}
	out := make(types.Row, 0, len(k)+len(state)+len(window))
	out = append(out, k...)
	for i := range f.calls {
		v, err := f.calls[i].Result(state[i])
		if err != nil {
			f.b.fail(f.context, fmt.Errorf("Error computing aggregate %s: %w", f.calls[i].text, err))
			v = types.Null
		}
		out = append(out, v)
	}
	for _, bound := range window {
		out = append(out, types.NewBigint(bound))
	}
	return out
}
