package parse

import (
	"fmt"

	"github.com/chortal/chortal/grammar/parser"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/types"
)

func (b *builder) query(c parser.IQueryContext) *ast.Query {
	q := &ast.Query{Pos: at(c), From: b.relation(c.Relation())}
	for _, item := range c.AllSelectItem() {
		q.Select = append(q.Select, b.selectItem(item))
	}
	if w := c.Window(); w != nil {
		q.Window = b.window(w)
	}
	if e := c.GetWhere(); e != nil {
		q.Where = b.expr(e)
	}
	if g := c.GroupBy(); g != nil {
		q.GroupBy = &ast.GroupBy{Pos: at(c), Exprs: b.items(g.AllExpressionItem())}
		q.GroupBy.Pos = place(c.GROUP().GetSymbol())
	}
	if p := c.PartitionBy(); p != nil {
		q.PartitionBy = b.items(p.AllExpressionItem())
	}
	if e := c.GetHaving(); e != nil {
		q.Having = b.expr(e)
	}
	switch {
	case c.CHANGES() != nil:
		q.Emit = ast.EmitChanges
	case c.FINAL() != nil:
		q.Emit = ast.EmitFinal
	}
	q.Limit = b.limit(c)
	return q
}

// limit allows negative numbers: the analyser refuses them, in words that depend on the kind of query.
func (b *builder) limit(c parser.IQueryContext) *int64 {
	if c.LIMIT() == nil {
		return nil
	}
	n, minus := c.Number(), false
	if s := c.SignedNumber(); s != nil {
		n, minus = s.Number(), s.MINUS() != nil
	}
	l := b.number(at(n), n, minus)
	if k := l.Type.Kind(); k != types.KindInteger && k != types.KindBigint {
		b.fail(l.Pos, "write a whole number", "Value must be integer for command: LIMIT")
	}
	v := l.Value.Bigint()
	return &v
}

func (b *builder) items(list []parser.IExpressionItemContext) []ast.Expr {
	out := make([]ast.Expr, len(list))
	for i, e := range list {
		out[i] = b.value(e.ValueExpression())
	}
	return out
}

func (b *builder) selectItem(c parser.ISelectItemContext) ast.SelectItem {
	switch c := c.(type) {
	case *parser.SelectAllContext:
		return ast.SelectItem{Pos: at(c), Star: true}
	case *parser.SelectSourceContext:
		return ast.SelectItem{Pos: at(c), Star: true, Source: identifier(c.Identifier())}
	case *parser.SelectExpressionContext:
		if s := structAll(c.Expression()); s != nil {
			if c.Alias() != nil {
				b.fail(at(c.Alias()), "select the fields one by one to name them", "->* cannot have an alias")
			}
			return ast.SelectItem{Pos: at(c), Star: true, Expr: b.primary(s.GetBase())}
		}
		item := ast.SelectItem{Pos: at(c), Expr: b.expr(c.Expression())}
		if a := c.Alias(); a != nil {
			item.Alias = alias(a)
		}
		return item
	}
	panic(fmt.Sprintf("unknown item %T", c))
}

// structAll returns the s->* that is the whole of an expression, or nil.
func structAll(c parser.IExpressionContext) *parser.StructAllContext {
	p, ok := c.BooleanExpression().(*parser.PredicatedContext)
	if !ok || p.Predicate() != nil {
		return nil
	}
	v, ok := p.ValueExpression().(*parser.PrimaryContext)
	if !ok {
		return nil
	}
	s, _ := v.PrimaryExpression().(*parser.StructAllContext)
	return s
}

func alias(c parser.IAliasContext) string {
	if id := c.Identifier(); id != nil {
		return identifier(id)
	}
	return name(c.BareAlias().GetStart())
}

func (b *builder) relation(c parser.IRelationContext) ast.Relation {
	var out ast.Relation = b.table(c.AliasedSource())
	for _, j := range c.AllJoinedSource() {
		join := &ast.Join{
			Pos: at(j), Type: joinType(j.JoinType()), Left: out, Right: b.table(j.AliasedSource()), On: b.expr(j.Expression()),
		}
		if w := j.Within(); w != nil {
			join.Within = b.within(w)
		}
		out = join
	}
	return out
}

func (b *builder) table(c parser.IAliasedSourceContext) *ast.Table {
	t := &ast.Table{Pos: at(c), Name: source(c.SourceName())}
	if a := c.Alias(); a != nil {
		t.Alias = alias(a)
	}
	return t
}

func joinType(c parser.IJoinTypeContext) ast.JoinType {
	switch {
	case c.LEFT() != nil:
		return ast.LeftJoin
	case c.RIGHT() != nil:
		return ast.RightJoin
	case c.FULL() != nil:
		return ast.FullJoin
	}
	return ast.InnerJoin
}

func (b *builder) within(c parser.IWithinContext) *ast.Within {
	intervals := c.AllInterval()
	w := &ast.Within{Pos: at(c)}
	if c.GRACE() != nil {
		w.Grace = b.intervalRef(intervals[len(intervals)-1])
		intervals = intervals[:len(intervals)-1]
	}
	w.Before = b.interval(intervals[0])
	w.After = w.Before
	if len(intervals) > 1 {
		w.After = b.interval(intervals[1])
	}
	return w
}

func (b *builder) window(c parser.IWindowContext) *ast.Window {
	var w *ast.Window
	var options []parser.IWindowOptionContext
	switch c := c.(type) {
	case *parser.TumblingWindowContext:
		w = &ast.Window{Pos: at(c), Kind: ast.Tumbling, Size: b.interval(c.Interval())}
		options = c.AllWindowOption()
	case *parser.HoppingWindowContext:
		w = &ast.Window{Pos: at(c), Kind: ast.Hopping, Size: b.interval(c.Interval(0)), Advance: b.interval(c.Interval(1))}
		options = c.AllWindowOption()
	case *parser.SessionWindowContext:
		w = &ast.Window{Pos: at(c), Kind: ast.Session, Size: b.interval(c.Interval())}
		options = c.AllWindowOption()
	default:
		panic(fmt.Sprintf("unknown window %T", c))
	}
	for _, o := range options {
		target, what := &w.Grace, "GRACE PERIOD"
		if o.RETENTION() != nil {
			target, what = &w.Retention, "RETENTION"
		}
		if *target != nil {
			b.fail(at(o), "", "%s is given twice", what)
		}
		*target = b.intervalRef(o.Interval())
	}
	return w
}
