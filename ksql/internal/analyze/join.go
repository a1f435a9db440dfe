package analyze

import (
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/types"
)

// join resolves one join: which side of the equality belongs to which relation.
func (r *resolver) join(j *ast.Join) (Relation, error) {
	left, err := r.relation(j.Left)
	if err != nil {
		return nil, err
	}
	leftCount := len(r.sources)
	right, err := r.relation(j.Right)
	if err != nil {
		return nil, err
	}
	on, ok := j.On.(*ast.Comparison)
	if !ok || on.Op != types.OpEqual {
		return nil, r.badCondition(j.On)
	}
	if err := r.knownAliases(on); err != nil {
		return nil, err
	}
	l, err := r.qualify(on.L, "JOIN ON")
	if err != nil {
		return nil, err
	}
	rt, err := r.qualify(on.R, "JOIN ON")
	if err != nil {
		return nil, err
	}
	leftSides, rightSides := aliases(r.sources[:leftCount]), aliases(r.sources[leftCount:])
	switch {
	case within(l, leftSides) && within(rt, rightSides):
	case within(l, rightSides) && within(rt, leftSides):
		l, rt = rt, l
	default:
		if err := r.oneSided(on, l, rt); err != nil {
			return nil, err
		}
		return nil, errorAt(j.At(), "Each side of the join must reference exactly one source and not the same source. Got (%s = %s)", l, rt)
	}
	out := &Join{Type: j.Type, Left: left, Right: right, LeftExpr: l, RightExpr: rt, Within: j.Within, Pos: j.At()}
	return out, out.check()
}

// knownAliases checks the aliases of a condition before its columns.
func (r *resolver) knownAliases(e ast.Expr) error {
	var failed error
	ast.Walk(e, func(x ast.Expr) bool {
		if ref, ok := x.(*ast.ColumnRef); ok && failed == nil && ref.Source != "" && r.alias(ref.Source) == nil {
			_, failed = r.column(ref, "JOIN ON")
		}
		return failed == nil
	})
	return failed
}

func (r *resolver) badCondition(on ast.Expr) error {
	x, err := r.qualify(on, "JOIN ON")
	if err != nil {
		return err
	}
	if l, ok := on.(*ast.Logical); ok && !l.Or {
		return errorAt(on.At(), "Invalid join condition: joins on multiple conditions are not yet supported. Got %s.", x)
	}
	return errorAt(on.At(), "Invalid join condition: only equality joins are supported. Got %s.", x)
}

// oneSided names the side of a join condition that refers to no source, or to several.
func (r *resolver) oneSided(on *ast.Comparison, l, rt ast.Expr) error {
	for _, e := range []ast.Expr{l, rt} {
		used := sourcesOf(e)
		switch {
		case len(used) == 0:
			return errorAt(e.At(), "Invalid comparison expression '%s' in join '%s'. Each side of the join comparision must contain references from exactly one source.", e, &ast.Comparison{Op: on.Op, L: l, R: rt})
		case len(used) > 1:
			return errorAt(e.At(), "Invalid comparison expression '%s' in join '%s'. Each side of the join comparision must contain references from exactly one source.", e, &ast.Comparison{Op: on.Op, L: l, R: rt})
		}
	}
	return nil
}

func aliases(sources []*Source) map[string]bool {
	out := make(map[string]bool, len(sources))
	for _, s := range sources {
		out[s.Alias] = true
	}
	return out
}

func sourcesOf(e ast.Expr) map[string]bool {
	out := map[string]bool{}
	ast.Walk(e, func(x ast.Expr) bool {
		if ref, ok := x.(*ast.ColumnRef); ok {
			out[ref.Source] = true
		}
		return true
	})
	return out
}

// within reports whether all columns of e belong to the given sources, and there is one at least.
func within(e ast.Expr, sides map[string]bool) bool {
	used := sourcesOf(e)
	for s := range used {
		if !sides[s] {
			return false
		}
	}
	return len(used) > 0
}

// KindOf returns whether a relation is a stream or a table: a join is a table if both sides are.
func KindOf(r Relation) catalog.Kind {
	switch r := r.(type) {
	case *Source:
		return r.Kind
	case *Join:
		if KindOf(r.Left) == catalog.Table && KindOf(r.Right) == catalog.Table {
			return catalog.Table
		}
	}
	return catalog.Stream
}

// Names returns the names of the sources of a relation as messages about joins write them.
func Names(r Relation) string {
	switch r := r.(type) {
	case *Source:
		return r.Name
	case *Join:
		return Names(r.Left)
	}
	return ""
}

var joinForm = map[ast.JoinType]string{
	ast.InnerJoin: "[INNER] JOIN", ast.LeftJoin: "LEFT [OUTER] JOIN", ast.RightJoin: "RIGHT [OUTER] JOIN", ast.FullJoin: "[FULL] OUTER JOIN",
}

// check applies the rules on what may be joined with what.
func (j *Join) check() error {
	left, right := KindOf(j.Left), KindOf(j.Right)
	got := Names(j.Left) + " " + joinForm[j.Type] + " " + Names(j.Right)
	switch {
	case left == catalog.Table && right == catalog.Stream:
		return errorAt(j.Pos, "Invalid join order: table-stream joins are not supported; only stream-table joins. Got %s.", got)
	case left == catalog.Stream && right == catalog.Table && j.Type == ast.FullJoin:
		return errorAt(j.Pos, "Invalid join type: full-outer join not supported for stream-table join. Got %s.", got)
	case left == catalog.Stream && right == catalog.Table && j.Type == ast.RightJoin:
		return errorAt(j.Pos, "Invalid join type: right-outer join not supported for stream-table join. Got %s.", got)
	case left == catalog.Stream && right == catalog.Stream && j.Within == nil:
		return errorAt(j.Pos, "%s JOIN %s: stream-stream joins must have a WITHIN clause specified. None was provided. To learn about how to specify a WITHIN clause with a stream-stream join, please visit: https://docs.confluent.io/current/ksql/docs/syntax-reference.html#create-stream-as-select", Names(j.Left), Names(j.Right))
	case !(left == catalog.Stream && right == catalog.Stream) && j.Within != nil:
		return errorAt(j.Pos, "A window definition was provided for a %s-%s join. These joins are not windowed. Please remove the window definition (i.e. the WITHIN clause) and try to execute your join again.", left, right)
	}
	return nil
}
