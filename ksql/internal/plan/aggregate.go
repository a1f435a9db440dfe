package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chortal/chortal/ksql/internal/analyze"
	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/types"
)

// aggregate plans GROUP BY: the needed columns and expressions are computed once (Prepare), records are grouped, folded,
// filtered by HAVING and projected.
func (b *builder) aggregate() error {
	if len(b.a.Sources) == 1 {
		if err := b.checkValueFormats(); err != nil {
			return err
		}
	}
	table := b.step.IsTable()
	in, err := b.schema()
	if err != nil {
		return err
	}
	prep := &preparation{b: b, in: in}
	groups, err := prep.groups()
	if err != nil {
		return err
	}
	calls, err := prep.calls()
	if err != nil {
		return err
	}
	b.step = prep.step(table)
	if err := b.group(groups, in, table); err != nil {
		return err
	}
	if err := b.fold(calls, table); err != nil {
		return err
	}
	local := b.afterFold()
	if b.a.Having != nil {
		if err := b.filter(TableFilter, "Aggregate/HavingFilter", "HAVING", local(b.a.Having)); err != nil {
			return err
		}
	}
	return b.project("Aggregate/Project", local)
}

// preparation gathers the columns that an aggregation needs of its input.
type preparation struct {
	b       *builder
	in      types.Schema
	columns []Column
	names   map[string]string // by the text of the expression
	next    int
}

// column returns the name of a column with the value of e, adding it where the key columns do not have it.
func (p *preparation) column(e ast.Expr) string {
	text := e.String()
	if name, ok := p.names[text]; ok {
		return name
	}
	if p.names == nil {
		p.names = map[string]string{}
	}
	name := ""
	if ref, ok := e.(*ast.ColumnRef); ok {
		name = ref.Name
	} else {
		name = fmt.Sprintf("KSQL_INTERNAL_COL_%d", p.next)
		p.next++
	}
	p.names[text] = name
	if p.in.FindIn(types.InKey, name) < 0 || !isColumn(e) {
		p.columns = append(p.columns, Column{name, Expr{e}})
	}
	return name
}

func (p *preparation) groups() ([]Column, error) {
	var out []Column
	for _, e := range p.b.a.GroupBy {
		name := p.column(p.b.local(e))
		out = append(out, Column{name, Expr{column(name, e.At())}})
	}
	return out, nil
}

// calls returns the aggregates over prepared columns; constants stay where they are.
func (p *preparation) calls() ([]Expr, error) {
	var out []Expr
	for _, call := range p.b.a.Aggregates {
		c := &ast.Call{Pos: call.Pos, Name: call.Name}
		for _, arg := range call.Args {
			if _, literal := arg.(*ast.Literal); literal {
				c.Args = append(c.Args, arg)
				continue
			}
			c.Args = append(c.Args, column(p.column(p.b.local(arg)), arg.At()))
		}
		out = append(out, Expr{c})
	}
	return out, nil
}

func (p *preparation) step(table bool) *Step {
	kind := StreamSelect
	if table {
		kind = TableSelect
	}
	s := &Step{Kind: kind, Context: "Aggregate/Prepare", Source: p.b.step, Select: p.columns}
	for _, k := range p.in.Key() {
		s.KeyNames = append(s.KeyNames, k.Name)
	}
	return s
}

// group plans the grouping; records that are grouped by their key stay where they are.
func (b *builder) group(groups []Column, in types.Schema, table bool) error {
	keys := in.Key()
	same := b.window == nil && len(keys) == len(groups) && !table
	for i := range groups {
		same = same && keys[i].Name == groups[i].Name
	}
	prepared, err := b.schema()
	if err != nil {
		return err
	}
	step := &Step{Kind: StreamGroupByKey, Context: "Aggregate/GroupBy", Source: b.step, Pos: b.a.Query.At()}
	if len(b.a.GroupBy) > 0 {
		step.Pos = b.a.GroupBy[0].At()
	}
	if !same {
		step.Kind = StreamGroupBy
		if table {
			step.Kind = TableGroupBy
		}
		for _, g := range groups {
			step.Keys = append(step.Keys, g.Expr)
			step.KeyNames = append(step.KeyNames, g.Name)
		}
	}
	b.viable, b.noun, b.grouped, b.synthetic = nil, "grouping expression", true, false
	for i, g := range groups {
		b.viable = append(b.viable, keyUse{name: g.Name, exprs: []ast.Expr{b.a.GroupBy[i]}})
		c := prepared.At(prepared.Find(g.Name))
		if err := analyze.CheckMapKeys([]types.Column{{Name: b.groupAlias(i, g.Name), Type: c.Type}}); err != nil {
			return err
		}
	}
	b.step = step
	return nil
}

// groupAlias is the name that the projection gives a grouping expression.
func (b *builder) groupAlias(i int, name string) string {
	for _, item := range b.a.Items {
		if ast.Same(item.Expr, b.a.GroupBy[i]) {
			return item.Alias
		}
	}
	return name
}

// fold plans the aggregation itself.
func (b *builder) fold(calls []Expr, table bool) error {
	in, err := b.schema()
	if err != nil {
		return err
	}
	step := &Step{Kind: StreamAggregate, Context: "Aggregate/Aggregate", Source: b.step, Calls: calls, Pos: b.a.Query.At()}
	if w := b.a.Query.Window; w != nil {
		step.Pos = w.At()
	}
	var noUndo []string
	for _, c := range calls {
		call, err := b.resolver.Aggregate(c.Expr, in)
		if err != nil {
			return err
		}
		if err := b.checkState(call); err != nil {
			return err
		}
		if name := strings.ToUpper(call.Def.Name); table && !call.Def.Tables && !slices.Contains(noUndo, name) {
			noUndo = append(noUndo, name)
		}
	}
	switch {
	case len(noUndo) == 1:
		return api.Errorf("The aggregation function %s cannot be applied to a table source, only to a stream source.", noUndo[0])
	case len(noUndo) > 1:
		return api.Errorf("The aggregation functions %s cannot be applied to a table source, only to a stream source.", listOf(noUndo, "and"))
	}
	if table {
		step.Kind = TableAggregate
	}
	b.window = nil
	if w := b.a.Window; w != nil {
		step.Kind = StreamWindowAggregate
		step.Window = windowOf(w)
		step.Window.Final = b.a.Emit == ast.EmitFinal
		if err := checkWindow(w); err != nil {
			return err
		}
		b.window = step.Window.Info()
	}
	b.step = step
	_, err = b.schema()
	return err
}

// checkState refuses aggregates whose state the source's value format cannot hold. Our own state is in a codec that
// holds everything; the rule is kept so that statements are accepted or refused alike.
func (b *builder) checkState(call *function.AggregateCall) error {
	agg, err := call.Bind(function.Env{})
	if err != nil {
		return err
	}
	formats := b.a.Sources[0].Formats
	if formats.Value.Name != "DELIMITED" || !agg.State.Kind().IsNested() {
		return nil
	}
	return api.Errorf("One of the functions used in the statement has an intermediate type that the value format can not handle. Please remove the function or change the format.")
}

func windowOf(w *ast.Window) *Window {
	out := &Window{Type: catalog.WindowType(w.Kind.String()), SizeMs: w.Size.Duration().Milliseconds()}
	if w.Kind == ast.Hopping {
		out.AdvanceMs = w.Advance.Duration().Milliseconds()
	}
	if w.Grace != nil {
		ms := w.Grace.Duration().Milliseconds()
		out.GraceMs = &ms
	}
	if w.Retention != nil {
		ms := w.Retention.Duration().Milliseconds()
		out.RetentionMs = &ms
	}
	return out
}

func checkWindow(w *ast.Window) error {
	size := w.Size.Duration()
	switch {
	case size <= 0:
		return placedAt(w, "The size of a window must be larger than zero.")
	case w.Kind == ast.Hopping && (w.Advance.Duration() <= 0 || w.Advance.Duration() > size):
		return placedAt(w, "The advance of a hopping window must be larger than zero and not larger than its size.")
	case w.Retention != nil && w.Grace != nil && w.Retention.Duration() < size+w.Grace.Duration():
		return placedAt(w, "The retention period must be at least the window size plus the grace period.")
	case w.Retention != nil && w.Retention.Duration() < size:
		return placedAt(w, "The retention period must be at least the window size plus the grace period.")
	}
	return nil
}

func placedAt(n ast.Node, format string, args ...any) *api.Error {
	e := api.Errorf(format, args...)
	e.Line, e.Column = n.At().Line, n.At().Column
	return e
}

// afterFold rewrites expressions to the columns of the aggregation: grouping expressions are keys, aggregates their
// variables.
func (b *builder) afterFold() func(ast.Expr) ast.Expr {
	replaced := map[string]string{}
	for i, call := range b.a.Aggregates {
		replaced[call.String()] = AggregateVariable(i)
	}
	for i, e := range b.a.GroupBy {
		replaced[e.String()] = b.viable[i].name
	}
	return func(e ast.Expr) ast.Expr {
		return ast.Rewrite(e, func(x ast.Expr) ast.Expr {
			if name, ok := replaced[x.String()]; ok {
				return column(name, x.At())
			}
			if ref, ok := x.(*ast.ColumnRef); ok {
				return column(ref.Name, ref.Pos)
			}
			return nil
		})
	}
}
