package analyze

import (
	"fmt"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/expr"
	"github.com/chortal/chortal/ksql/internal/types"
)

// items expands the stars of the projection and names what has no name.
func (r *resolver) items(q *ast.Query, a *Analysis) error {
	names := r.newNamer()
	for i := range q.Select {
		item := &q.Select[i]
		var err error
		switch {
		case item.Star && item.Expr != nil:
			err = r.structStar(item, a)
		case item.Star:
			err = r.star(item, a, names)
		default:
			err = r.single(item, a, names)
		}
		if err != nil {
			return err
		}
		if len(a.Items) > MaxColumns {
			return errorAt(item.At(), "The projection has more than %d columns.", MaxColumns)
		}
	}
	return nil
}

// star expands * and source.*.
func (r *resolver) star(item *ast.SelectItem, a *Analysis, names *namer) error {
	sources := r.sources
	if item.Source != "" {
		s := r.alias(item.Source)
		if s == nil {
			return errorAt(item.At(), "Failed to prepare statement: '%s' is not a valid stream/table name or alias.", item.Source)
		}
		sources = []*Source{s}
	} else {
		a.StarAll = true
	}
	for _, s := range sources {
		for _, name := range r.starColumns(s) {
			alias := name
			if len(r.sources) > 1 {
				alias = s.Alias + "_" + name
			}
			a.Items = append(a.Items, Item{Expr: &ast.ColumnRef{Pos: item.At(), Source: s.Alias, Name: name}, Alias: alias, Star: item.Source == ""})
		}
	}
	return nil
}

// starColumns are the columns of a source that a star stands for: keys first, and for queries that are not persistent
// the window bounds behind them.
func (r *resolver) starColumns(s *Source) []string {
	var out []string
	for _, c := range s.Schema.Key() {
		out = append(out, c.Name)
	}
	if s.Windowed() && !r.opts.Persistent {
		out = append(out, types.WindowStart, types.WindowEnd)
	}
	for _, c := range s.Schema.Columns() {
		if c.Namespace != types.InKey {
			out = append(out, c.Name)
		}
	}
	return out
}

// structStar expands expr->*.
func (r *resolver) structStar(item *ast.SelectItem, a *Analysis) error {
	base, err := r.qualify(item.Expr, "SELECT")
	if err != nil {
		return err
	}
	t, err := expr.TypeOf(base, r.context())
	if err != nil {
		return FromExpr(err, "")
	}
	if t.Kind() != types.KindStruct {
		return placed(item.At(), "Cannot use the -> operator with * on a value of type %s: %s", t, base)
	}
	for _, f := range t.Fields() {
		a.Items = append(a.Items, Item{Expr: &ast.Deref{Pos: item.At(), Base: base, Field: f.Name}, Alias: f.Name})
	}
	return nil
}

// context types expressions whose columns are qualified with the aliases of the sources.
func (r *resolver) context() expr.Context {
	return expr.Context{Scope: sourceScope{r.sources}, Functions: r.opts.Functions, Type: r.opts.Catalog.Type}
}

// sourceScope finds qualified columns; indexes mean nothing, as it is for types alone.
type sourceScope struct{ sources []*Source }

func (s sourceScope) Column(source, name string) (int, types.Type, bool) {
	for _, src := range s.sources {
		if src.Alias != source {
			continue
		}
		if i := src.Schema.Find(name); i >= 0 {
			return 0, src.Schema.At(i).Type, true
		}
		if src.pseudo(name) {
			t, ok := types.PseudoColumn(name)
			return 0, t, ok
		}
	}
	return 0, types.Type{}, false
}

func (r *resolver) single(item *ast.SelectItem, a *Analysis, names *namer) error {
	if ref, ok := item.Expr.(*ast.ColumnRef); ok && r.opts.Persistent && (item.Alias == ref.Name || item.Alias == "" && !r.clashes(ref.Name)) {
		if _, reserved := types.PseudoColumn(ref.Name); reserved {
			return errorAt(item.At(), "Reserved column name in select: `%s`. Please remove or alias the column.", ref.Name)
		}
	}
	e, err := r.qualify(item.Expr, "SELECT")
	if err != nil {
		return err
	}
	alias := item.Alias
	if alias != "" {
		if _, reserved := types.PseudoColumn(alias); reserved && r.opts.Persistent {
			return errorAt(item.At(), "`%s` is a reserved column name. You cannot use it as an alias for a column.", alias)
		}
	} else {
		alias = names.name(e)
	}
	if _, reserved := types.PseudoColumn(alias); reserved && r.opts.Persistent {
		return errorAt(item.At(), "Reserved column name in select: `%s`. Please remove or alias the column.", alias)
	}
	a.Items = append(a.Items, Item{Expr: e, Alias: alias})
	return nil
}

// namer names the items without an alias: columns by their name, fields by theirs, all others KSQL_COL_n.
type namer struct {
	r    *resolver
	used map[string]bool
	next int
}

func (r *resolver) newNamer() *namer {
	n := &namer{r: r, used: map[string]bool{}}
	for _, s := range r.sources {
		for _, c := range s.Schema.Columns() {
			n.used[c.Name] = true
		}
	}
	return n
}

func (n *namer) name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.ColumnRef:
		if e.Source != "" && n.r.clashes(e.Name) {
			return e.Source + "_" + e.Name
		}
		return e.Name
	case *ast.Deref:
		return n.unique(e.Field)
	}
	return n.generated()
}

// unique is the name itself, or the name with the first number that makes it new.
func (n *namer) unique(name string) string {
	candidate := name
	for i := 1; n.used[candidate]; i++ {
		candidate = fmt.Sprintf("%s_%d", name, i)
	}
	n.used[candidate] = true
	return candidate
}

func (n *namer) generated() string {
	for {
		name := fmt.Sprintf("KSQL_COL_%d", n.next)
		n.next++
		if !n.used[name] {
			return name
		}
	}
}

// KeyName is the name of the key column that a PARTITION BY or GROUP BY expression without an alias gets.
func KeyName(e ast.Expr, taken func(string) bool) string {
	var base string
	switch e := e.(type) {
	case *ast.ColumnRef:
		return e.Name
	case *ast.Deref:
		base = e.Field
		if !taken(base) {
			return base
		}
	default:
		for i := 0; ; i++ {
			if name := fmt.Sprintf("KSQL_COL_%d", i); !taken(name) {
				return name
			}
		}
	}
	for i := 1; ; i++ {
		if name := fmt.Sprintf("%s_%d", base, i); !taken(name) {
			return name
		}
	}
}
