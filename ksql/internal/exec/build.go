package exec

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/expr"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/ksql/internal/types"
	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
)

// DefaultGrace is how long windows take late records where the query does not say.
const DefaultGrace = 24 * time.Hour

// Failure is a row that an expression, a decoder or an encoder could not handle, for the processing log.
type Failure struct {
	Step string // context of the step
	Err  error
}

// Options are what a topology is built with.
type Options struct {
	Functions *function.Registry
	Env       function.Env
	// OnFailure gets failures; it may be called by several goroutines.
	OnFailure func(Failure)
	// Output gets the rows of a query without a sink.
	Output func(Record)
	// FailOnTimestamp ends the query at a record whose timestamp column cannot be read; otherwise it is left out.
	FailOnTimestamp bool
	// Reset says where sources begin without committed offsets.
	Reset processor.OffsetReset
}

// Record is a row of a query's result.
type Record struct {
	Key       Key
	Row       types.Row // nil is a deletion
	Timestamp int64
}

// Built is a plan as a topology.
type Built struct {
	Topology *processor.Topology
	// Schema are the columns of the result.
	Schema types.Schema
	// Materialized says how the result can be asked for; nil if it cannot.
	Materialized *Materialized
}

// Materialized describes the store that a table's rows come from.
type Materialized struct {
	Store string
	// Window is set if the store is one of windows.
	Window *catalog.Window
	// KeyColumns is the number of key columns.
	KeyColumns int
	// Row computes the table's row from a row of the store; ok is false if HAVING or WHERE leaves it out.
	Row func(key Key, state types.Row) (row types.Row, ok bool)
}

// Build builds a plan.
func Build(p *plan.Plan, opts Options) (*Built, error) {
	b := &builder{
		Options: opts, b: streams.NewBuilder(), resolver: &plan.Resolver{Functions: opts.Functions},
		needed: neededColumns(p.Physical), persistent: p.Sink != nil,
	}
	if b.OnFailure == nil {
		b.OnFailure = func(Failure) {}
	}
	n, err := b.build(p.Physical)
	if err != nil {
		return nil, err
	}
	out := &Built{Materialized: n.state}
	if out.Schema, err = b.resolver.Schema(p.Physical); err != nil {
		return nil, err
	}
	if p.Sink == nil {
		b.answer(n)
	}
	out.Topology = b.b.Build()
	return out, out.Topology.Err()
}

type builder struct {
	Options
	b          *streams.Builder
	resolver   *plan.Resolver
	needed     func(name string) bool
	persistent bool
}

// node is what a step builds: a stream, or a table with keys of one of two kinds.
type node struct {
	schema types.Schema
	window *catalog.Window
	stream *streams.Stream[Key, types.Row]
	table  tableNode
	// grouped is set between a grouping and its aggregation.
	grouped      *streams.Grouped[Key, types.Row]
	groupedTable *streams.GroupedTable[Key, types.Row]
	state        *Materialized
}

// name is the operator name of a step's context.
func name(context string) string { return strings.ReplaceAll(context, "/", "-") }

func (b *builder) build(s *plan.Step) (*node, error) {
	schema, err := b.resolver.Schema(s)
	if err != nil {
		return nil, fmt.Errorf("step %s: %w", s.Context, err)
	}
	var n *node
	switch s.Kind {
	case plan.StreamSource, plan.WindowedStreamSource:
		n, err = b.streamSource(s, schema)
	case plan.TableSource, plan.WindowedTableSource:
		n, err = b.tableSource(s, schema)
	case plan.StreamTableJoin:
		n, err = b.streamTableJoin(s, schema)
	case plan.StreamStreamJoin, plan.TableTableJoin, plan.ForeignKeyJoin:
		err = notYet(s, joinNames[s.Kind], joinHints[s.Kind])
	default:
		n, err = b.unary(s, schema)
	}
	if err != nil {
		return nil, err
	}
	n.schema = schema
	return n, nil
}

var joinNames = map[string]string{
	plan.StreamStreamJoin: "Stream-stream joins are", plan.TableTableJoin: "Table-table joins are", plan.ForeignKeyJoin: "Foreign-key joins are",
}

var joinHints = map[string]string{
	plan.StreamStreamJoin: "make a table of one of the streams (CREATE TABLE ... AS SELECT ... GROUP BY) and join the other stream with it",
	plan.TableTableJoin:   "declare a stream over the topic of one of the tables and join it with the other table",
	plan.ForeignKeyJoin:   "declare a stream over the topic of the left table and join it with the right table",
}

// NotYetError is the cause of errors about what is parsed and planned but cannot be run by this version.
var NotYetError = errors.New("not supported yet")

func notYet(s *plan.Step, what, hint string) error {
	e := api.Errorf("%s not supported yet.", what)
	e.Cause, e.Hint, e.Line, e.Column = NotYetError, hint, s.Pos.Line, s.Pos.Column
	return e
}

// unary builds the steps with one source.
func (b *builder) unary(s *plan.Step, schema types.Schema) (*node, error) {
	in, err := b.build(s.Source)
	if err != nil {
		return nil, err
	}
	switch s.Kind {
	case plan.StreamFilter:
		return b.streamFilter(s, in)
	case plan.StreamSelect:
		return b.streamSelect(s, in)
	case plan.StreamSelectKey:
		return b.streamSelectKey(s, in, schema)
	case plan.StreamFlatMap:
		return b.streamFlatMap(s, in, schema)
	case plan.StreamGroupBy:
		return b.streamGroupBy(s, in, schema)
	case plan.StreamGroupByKey:
		return b.streamGroupByKey(s, in)
	case plan.StreamAggregate, plan.StreamWindowAggregate:
		return b.streamAggregate(s, in)
	case plan.TableFilter:
		return b.tableFilter(s, in)
	case plan.TableSelect:
		return b.tableSelect(s, in)
	case plan.TableGroupBy:
		return b.tableGroupBy(s, in)
	case plan.TableAggregate:
		return b.tableAggregate(s, in)
	case plan.StreamSink, plan.TableSink:
		return b.sink(s, in)
	}
	return nil, fmt.Errorf("unknown step %q in a plan", s.Kind)
}

// compile compiles an expression over the columns of a step.
func (b *builder) compile(e plan.Expr, in types.Schema) (*expr.Program, error) {
	ctx := b.resolver.Context(in)
	ctx.Env = b.Env
	return expr.Compile(e.Expr, ctx)
}

// predicate compiles a condition; a row on which it fails is left out.
func (b *builder) predicate(s *plan.Step, in types.Schema) (func(types.Row) bool, error) {
	p, err := b.compile(*s.Filter, in)
	if err != nil {
		return nil, err
	}
	return func(r types.Row) bool {
		if r == nil {
			return false
		}
		v, err := p.Eval(&expr.Env{Row: r})
		if err != nil {
			b.fail(s.Context, fmt.Errorf("Error evaluating predicate %s: %w", s.Filter.Expr, err))
			return false
		}
		return !v.IsNull() && v.Boolean()
	}, nil
}

func (b *builder) fail(step string, err error) { b.OnFailure(Failure{Step: step, Err: err}) }

// projection compiles the columns of a select; a column on which its expression fails is NULL.
func (b *builder) projection(s *plan.Step, in types.Schema) (func(types.Row) types.Row, error) {
	keys := len(in.Key())
	programs := make([]*expr.Program, len(s.Select))
	for i, c := range s.Select {
		var err error
		if programs[i], err = b.compile(c.Expr, in); err != nil {
			return nil, err
		}
	}
	onError := func(err error) { b.fail(s.Context, err) }
	return func(r types.Row) types.Row {
		if r == nil {
			return nil
		}
		out := make(types.Row, keys+len(programs))
		copy(out, r[:keys])
		env := expr.Env{Row: r, OnError: onError}
		for i, p := range programs {
			v, err := p.Eval(&env)
			if err != nil {
				b.fail(s.Context, fmt.Errorf("Error computing expression %s for column %s: %w", s.Select[i].Expr.Expr, s.Select[i].Name, err))
				v = types.Null
			}
			out[keys+i] = v
		}
		return out
	}, nil
}

// keyOf compiles key expressions; a key on which one fails is null.
func (b *builder) keyOf(s *plan.Step, in types.Schema, anyNull bool) (func(types.Row) Key, error) {
	programs := make([]*expr.Program, 0, len(s.Keys))
	for _, e := range s.Keys {
		p, err := b.compile(e, in)
		if err != nil {
			return nil, err
		}
		if !p.Type.IsNull() {
			programs = append(programs, p)
		}
	}
	return func(r types.Row) Key {
		if r == nil || len(programs) == 0 {
			return nil
		}
		k := make(Key, len(programs))
		env := expr.Env{Row: r}
		nulls := 0
		for i, p := range programs {
			v, err := p.Eval(&env)
			if err != nil {
				b.fail(s.Context, fmt.Errorf("Error computing key expression %s: %w", s.Keys[i].Expr, err))
			}
			if v.IsNull() {
				nulls++
			}
			k[i] = v
		}
		if anyNull && nulls > 0 || nulls == 1 && len(k) == 1 {
			return nil
		}
		return k
	}, nil
}

// relayout says where the columns of a schema lie in rows of another; keys come from the key.
func relayout(from, to types.Schema) func(Key, types.Row) types.Row {
	keys := len(to.Key())
	at := make([]int, to.Len())
	for i, c := range to.Columns() {
		at[i] = from.Find(c.Name)
	}
	return func(k Key, r types.Row) types.Row {
		if r == nil {
			return nil
		}
		out := make(types.Row, len(at))
		for i := range at {
			switch {
			case i < keys && i < len(k):
				out[i] = k[i]
			case i >= keys && at[i] >= 0:
				out[i] = r[at[i]]
			}
		}
		return out
	}
}
