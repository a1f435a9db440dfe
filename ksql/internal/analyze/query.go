package analyze

import (
	"errors"
	"fmt"
	"strings"

	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/types"
)

// MaxColumns bounds the items of a projection and the columns of a source.
const MaxColumns = 1000

// Source is a source of a query under its alias.
type Source struct {
	Alias string
	*catalog.Source
}

// Has reports whether the source has a column or pseudo column of that name.
func (s *Source) Has(name string) bool {
	if s.Schema.Find(name) >= 0 {
		return true
	}
	return s.pseudo(name)
}

func (s *Source) pseudo(name string) bool {
	_, ok := types.PseudoColumn(name)
	return ok && (!types.IsWindowBound(name) || s.Windowed())
}

// Relation is a Source or a Join.
type Relation interface{ relation() }

// Join is two relations with the expressions that are equal, each over its own side.
type Join struct {
	Type        ast.JoinType
	Left, Right Relation
	LeftExpr    ast.Expr
	RightExpr   ast.Expr
	Within      *ast.Within
	Pos         ast.Pos
}

func (*Source) relation() {}
func (*Join) relation()   {}

// Item is an item of the projection.
type Item struct {
	Expr  ast.Expr
	Alias string
	// Star says that the item came from an unqualified *.
	Star bool
}

// Analysis is a query whose names are resolved.
type Analysis struct {
	From        Relation
	Sources     []*Source
	Items       []Item
	Where       ast.Expr
	GroupBy     []ast.Expr
	Grouped     bool
	PartitionBy []ast.Expr
	Having      ast.Expr
	Window      *ast.Window
	Emit        ast.EmitMode
	Limit       *int64
	// Aggregates and TableFuncs are the calls of such functions in the projection and in HAVING, in order, each once.
	Aggregates []*ast.Call
	TableFuncs []*ast.Call
	// StarAll says that the projection has an unqualified *.
	StarAll bool
	// Query is the query as it is analysed, for error messages that quote the statement.
	Query *ast.Query
}

// Options say in which surroundings a query stands.
type Options struct {
	Catalog   *catalog.Catalog
	Functions *function.Registry
	// Persistent is set for the query of CREATE AS and INSERT INTO.
	Persistent bool
	// Pull is set for a query without EMIT, whose star includes the window bounds of windowed tables.
	Pull bool
	// SinkKind is the kind of what a persistent query creates.
	SinkKind catalog.Kind
}

// Query resolves the names of a query.
func Query(q *ast.Query, opts Options) (*Analysis, error) {
	r := &resolver{opts: opts, windowed: q.Window != nil}
	a := &Analysis{Window: q.Window, Emit: q.Emit, Limit: q.Limit, Query: q}
	var err error
	if a.From, err = r.relation(q.From); err != nil {
		return nil, err
	}
	a.Sources = r.sources
	if err := r.items(q, a); err != nil {
		return nil, err
	}
	if err := r.clauses(q, a); err != nil {
		return nil, err
	}
	if err := a.collectFunctions(opts.Functions); err != nil {
		return nil, err
	}
	if err := a.checkGrouping(opts); err != nil {
		return nil, err
	}
	return a, nil
}

func (r *resolver) clauses(q *ast.Query, a *Analysis) error {
	var err error
	if q.Where != nil {
		if a.Where, err = r.qualify(q.Where, "WHERE"); err != nil {
			return err
		}
		a.Where = MagicTimestamps(a.Where)
	}
	if q.GroupBy != nil {
		a.Grouped = true
		seen := map[string]bool{}
		for _, e := range q.GroupBy.Exprs {
			x, err := r.qualify(e, "GROUP BY")
			if err != nil {
				return err
			}
			if seen[x.String()] {
				return errorAt(e.At(), "Duplicate GROUP BY expression: %s", x)
			}
			seen[x.String()] = true
			a.GroupBy = append(a.GroupBy, x)
		}
	}
	for _, e := range q.PartitionBy {
		x, err := r.qualify(e, "PARTITION BY")
		if err != nil {
			return err
		}
		a.PartitionBy = append(a.PartitionBy, x)
	}
	if q.PartitionBy != nil && len(q.PartitionBy) == 0 {
		return errorAt(q.At(), "PARTITION BY requires at least one expression")
	}
	if q.Having != nil {
		if a.Having, err = r.qualify(q.Having, "HAVING"); err != nil {
			return err
		}
	}
	return nil
}

// errorAt returns a bad-statement error with its place, which ksqlDB puts in front of the text as well.
func errorAt(p ast.Pos, format string, args ...any) *api.Error {
	e := api.Errorf(format, args...)
	e.Line, e.Column = p.Line, p.Column
	return e
}

// At gives an error of a statement its place, unless it has one.
func At(p ast.Pos, err error) error {
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Line > 0 {
		return err
	}
	e.Line, e.Column = p.Line, p.Column
	return err
}

// placed is errorAt with the place in the text.
func placed(p ast.Pos, format string, args ...any) *api.Error {
	e := errorAt(p, format, args...)
	if p.Line > 0 {
		e.Message = fmt.Sprintf("Line: %d, Col: %d: %s", p.Line, p.Column, e.Message)
	}
	return e
}

type resolver struct {
	opts     Options
	sources  []*Source
	windowed bool
}

// relation resolves FROM; sources are gathered from left to right.
func (r *resolver) relation(rel ast.Relation) (Relation, error) {
	switch rel := rel.(type) {
	case *ast.Table:
		src, ok := r.opts.Catalog.Source(rel.Name)
		if !ok {
			return nil, r.unknownSource(rel)
		}
		s := &Source{Alias: rel.SourceAlias(), Source: src}
		for _, other := range r.sources {
			if other.Name == s.Name {
				return nil, errorAt(rel.At(), "Can not join '%s' to '%s': self joins are not yet supported.", other.Name, s.Name)
			}
			if other.Alias == s.Alias {
				return nil, errorAt(rel.At(), "Alias '%s' is used more than once.", s.Alias)
			}
		}
		r.sources = append(r.sources, s)
		return s, nil
	case *ast.Join:
		return r.join(rel)
	}
	return nil, errorAt(rel.At(), "Unsupported relation: %s", rel)
}

func (r *resolver) unknownSource(t *ast.Table) *api.Error {
	err := errorAt(t.At(), "%s does not exist.", t.Name)
	names := make([]string, 0, 8)
	for _, s := range r.opts.Catalog.Sources() {
		names = append(names, s.Name)
	}
	if near := Nearest(t.Name, names); near != "" {
		err.Message += fmt.Sprintf("\nDid you mean %q?", near)
		err.Hint = "FROM " + ast.QuoteName(near)
	}
	return err
}

// Nearest returns the name with the smallest edit distance, if it is near enough to be meant.
func Nearest(name string, names []string) string {
	best, bestDistance := "", 3
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return n
		}
		if d := distance(strings.ToUpper(name), strings.ToUpper(n)); d < bestDistance && d < len(name) {
			best, bestDistance = n, d
		}
	}
	return best
}

// distance is the number of edits between two short texts.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j+1]+1, row[j]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}

// qualify gives every column of an expression the alias of its source.
func (r *resolver) qualify(e ast.Expr, clause string) (ast.Expr, error) {
	var failed error
	out := ast.Rewrite(e, func(x ast.Expr) ast.Expr {
		ref, ok := x.(*ast.ColumnRef)
		if !ok || failed != nil {
			return nil
		}
		q, err := r.column(ref, clause)
		if err != nil {
			failed = err
			return ref
		}
		return q
	})
	return out, failed
}

func (r *resolver) column(ref *ast.ColumnRef, clause string) (ast.Expr, error) {
	if ref.Source != "" {
		s := r.alias(ref.Source)
		switch {
		case s == nil:
			return nil, errorAt(ref.Pos, "Failed to prepare statement: '%s' is not a valid stream/table name or alias.", ref.Source)
		case !s.Has(ref.Name):
			return nil, r.unknownColumn(ref, clause, []*Source{s})
		}
		return &ast.ColumnRef{Pos: ref.Pos, Source: s.Alias, Name: ref.Name}, nil
	}
	var found []*Source
	for _, s := range r.sources {
		if s.Has(ref.Name) {
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 1:
		return &ast.ColumnRef{Pos: ref.Pos, Source: found[0].Alias, Name: ref.Name}, nil
	case len(found) > 1:
		names := make([]string, len(found))
		for i, s := range found {
			names[i] = (&ast.ColumnRef{Source: s.Alias, Name: ref.Name}).String()
		}
		err := placed(ref.Pos, "Column '%s' is ambiguous. Could be %s.", ref.Name, strings.Join(names, " or "))
		err.Message = "Exception while preparing statement: " + err.Message
		err.Hint = names[0]
		return nil, err
	case r.windowed && types.IsWindowBound(ref.Name) && len(r.sources) == 1 && (clause == "SELECT" || clause == "HAVING"):
		return ref, nil // the bounds of the query's own windows
	case len(r.sources) > 1 && strings.HasPrefix(ref.Name, SyntheticKey) && (clause == "SELECT" || clause == "PARTITION BY"):
		return ref, nil // the key of a join whose criteria are no columns; the plan knows whether there is one
	}
	return nil, r.unknownColumn(ref, clause, r.sources)
}

// SyntheticKey is the name of a key column that no source has: of joins on expressions and of full outer joins.
const SyntheticKey = "ROWKEY"

func (r *resolver) unknownColumn(ref *ast.ColumnRef, clause string, in []*Source) *api.Error {
	err := placed(ref.Pos, "%s column '%s' cannot be resolved.", clause, plainName(ref))
	if clause == "PARTITION BY" || clause == "GROUP BY" {
		err.Message += fmt.Sprintf(" '%s' must be a column in the source schema since %s is applied on the input.", plainName(ref), clause)
	}
	var names []string
	for _, s := range in {
		for _, c := range s.Schema.Columns() {
			names = append(names, c.Name)
		}
	}
	if near := Nearest(ref.Name, names); near != "" {
		err.Hint = "did you mean " + ast.QuoteName(near) + "?"
	}
	return err
}

func plainName(ref *ast.ColumnRef) string {
	if ref.Source == "" {
		return ref.Name
	}
	return ref.Source + "." + ref.Name
}

func (r *resolver) alias(name string) *Source {
	for _, s := range r.sources {
		if s.Alias == name {
			return s
		}
	}
	return nil
}

// clashes reports whether more than one source has a column of that name.
func (r *resolver) clashes(name string) bool {
	n := 0
	for _, s := range r.sources {
		if s.Has(name) {
			n++
		}
	}
	return n > 1
}

// MagicTimestamps replaces the text that ROWTIME and the window bounds are compared with by milliseconds.
func MagicTimestamps(e ast.Expr) ast.Expr {
	return ast.Rewrite(e, func(x ast.Expr) ast.Expr {
		switch x := x.(type) {
		case *ast.Comparison:
			c := *x
			if isTimeColumn(x.L) {
				c.R = asMillis(x.R)
			}
			if isTimeColumn(x.R) {
				c.L = asMillis(x.L)
			}
			if c.L != x.L || c.R != x.R {
				return &c
			}
		case *ast.Between:
			if isTimeColumn(x.X) {
				c := *x
				c.Low, c.High = asMillis(x.Low), asMillis(x.High)
				return &c
			}
		}
		return nil
	})
}

func isTimeColumn(e ast.Expr) bool {
	ref, ok := e.(*ast.ColumnRef)
	return ok && (ref.Name == types.RowTime || types.IsWindowBound(ref.Name))
}

func asMillis(e ast.Expr) ast.Expr {
	l, ok := e.(*ast.Literal)
	if !ok || l.Type.Kind() != types.KindString || l.Value.IsNull() {
		return e
	}
	ms, err := types.ParseTimestampText(l.Value.Str())
	if err != nil {
		return e // the comparison is refused with both types
	}
	return &ast.Literal{Pos: l.Pos, Value: types.NewBigint(ms), Type: types.Bigint}
}
