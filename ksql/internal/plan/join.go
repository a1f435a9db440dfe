package plan

import (
	"fmt"
	"slices"

	"github.com/chortal/chortal/ksql/internal/analyze"
	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/expr"
	"github.com/chortal/chortal/ksql/internal/types"
)

// joinSource plans FROM with joins. The columns of every source carry its alias from here on: L.A is L_A.
func (b *builder) joinSource(j *analyze.Join) error {
	if err := b.checkValueFormats(); err != nil {
		return err
	}
	b.rename = func(ref *ast.ColumnRef) ast.Expr {
		if ref.Source == "" {
			return column(ref.Name, ref.Pos)
		}
		return column(ref.Source+"_"+ref.Name, ref.Pos)
	}
	step, err := b.join(j, "")
	if err != nil {
		return err
	}
	b.step, b.noun = step, "join expression"
	return nil
}

// side plans one side of a join.
func (b *builder) side(r analyze.Relation, prefix, name string) (*Step, error) {
	switch r := r.(type) {
	case *analyze.Source:
		return b.prepend(r, prefix, name)
	case *analyze.Join:
		return b.join(r, prefix+"L_")
	}
	return nil, api.Errorf("a join needs two sources")
}

// prepend gives the columns of a source the alias of the source.
func (b *builder) prepend(s *analyze.Source, prefix, name string) (*Step, error) {
	source := sourceStep(s, prefix+"KafkaTopic_"+name)
	in, err := b.resolver.Schema(source)
	if err != nil {
		return nil, err
	}
	kind := StreamSelect
	if source.IsTable() {
		kind = TableSelect
	}
	step := &Step{Kind: kind, Context: prefix + "PrependAlias" + name, Source: source}
	for _, c := range in.Columns() {
		if c.Namespace == types.InKey {
			step.KeyNames = append(step.KeyNames, s.Alias+"_"+c.Name)
		} else {
			step.Select = append(step.Select, Column{s.Alias + "_" + c.Name, Expr{column(c.Name, ast.Pos{})}})
		}
	}
	return step, nil
}

func (b *builder) join(j *analyze.Join, prefix string) (*Step, error) {
	left, err := b.side(j.Left, prefix, "Left")
	if err != nil {
		return nil, err
	}
	inner := b.viable
	right, err := b.side(j.Right, prefix, "Right")
	if err != nil {
		return nil, err
	}
	if err := b.checkWindows(j); err != nil {
		return nil, err
	}
	l, r := b.local(j.LeftExpr), b.local(j.RightExpr)
	if err := b.checkTypes(j, left, right, l, r); err != nil {
		return nil, err
	}
	step := &Step{Context: prefix + "Join", JoinType: joinName(j.Type), Pos: j.Pos}
	step.Kind = joinKind(j)
	b.viable = []keyUse{b.joinKey(j, inner)}
	step.KeyNames = []string{b.viable[0].name}
	if err := b.joinSides(j, step, left, right, l, r, prefix); err != nil {
		return nil, err
	}
	if j.Within != nil {
		step.BeforeMs, step.AfterMs = j.Within.Before.Duration().Milliseconds(), j.Within.After.Duration().Milliseconds()
		if j.Within.Grace != nil {
			ms := j.Within.Grace.Duration().Milliseconds()
			step.GraceMs = &ms
		}
	}
	_, err = b.resolver.Schema(step)
	return step, err
}

func joinName(t ast.JoinType) string {
	return [...]string{"INNER", "LEFT", "RIGHT", "OUTER"}[t]
}

func joinKind(j *analyze.Join) string {
	left, right := analyze.KindOf(j.Left), analyze.KindOf(j.Right)
	switch {
	case left == catalog.Table:
		return TableTableJoin
	case right == catalog.Table:
		return StreamTableJoin
	}
	return StreamStreamJoin
}

// joinSides brings both sides to the join's key. Tables are not moved: they have to be joined on their key.
func (b *builder) joinSides(j *analyze.Join, step, left, right *Step, l, r ast.Expr, prefix string) error {
	got := fmt.Sprintf("%s = %s", j.LeftExpr, j.RightExpr)
	rightIsKey, err := b.isKey(right, r)
	if err != nil {
		return err
	}
	leftIsKey, err := b.isKey(left, l)
	if err != nil {
		return err
	}
	switch step.Kind {
	case StreamTableJoin:
		if !rightIsKey {
			return api.Errorf("Invalid join condition: stream-table joins require to join on the table's primary key. Got %s.", got)
		}
	case TableTableJoin:
		if !rightIsKey {
			return api.Errorf("Invalid join condition: table-table joins require to join on the primary key of the right input table. Got %s.", got)
		}
		if !leftIsKey {
			return b.foreignKey(j, step, left, right, l)
		}
	}
	if !leftIsKey {
		left = rekey(left, prefix+"LeftSourceKeyed", l, b.rekeyName(left, l))
	}
	if step.Kind == StreamStreamJoin && !rightIsKey {
		right = rekey(right, prefix+"RightSourceKeyed", r, b.rekeyName(right, r))
	}
	if b.window != nil && (!leftIsKey || !rightIsKey) {
		return api.Errorf("Implicit repartitioning of windowed sources is not supported. See https://github.com/confluentinc/ksql/issues/4385.")
	}
	step.Left, step.Right = left, right
	return nil
}

func rekey(source *Step, context string, e ast.Expr, name string) *Step {
	return &Step{Kind: StreamSelectKey, Context: context, Source: source, Keys: []Expr{{e}}, KeyNames: []string{name}}
}

// rekeyName is the key's name below a join; the join renames it.
func (b *builder) rekeyName(s *Step, e ast.Expr) string {
	in, err := b.resolver.Schema(s)
	return analyze.KeyName(e, func(name string) bool { return err == nil && in.Find(name) >= 0 })
}

// isKey reports whether e is the only key column of a step.
func (b *builder) isKey(s *Step, e ast.Expr) (bool, error) {
	in, err := b.resolver.Schema(s)
	if err != nil {
		return false, err
	}
	keys := in.Key()
	ref, ok := e.(*ast.ColumnRef)
	if !ok || len(keys) != 1 {
		return false, nil
	}
	if keys[0].Name == ref.Name {
		return true, nil
	}
	// The key of an inner join stands under another of its names, too.
	return s.Left != nil && slices.ContainsFunc(b.viableOf(s), func(n string) bool { return n == ref.Name }), nil
}

func (b *builder) viableOf(s *Step) []string {
	var out []string
	for _, k := range b.viable {
		if len(s.KeyNames) == 1 && k.name == s.KeyNames[0] {
			for _, e := range k.exprs {
				if ref, ok := b.local(e).(*ast.ColumnRef); ok {
					out = append(out, ref.Name)
				}
			}
		}
	}
	return out
}

func (b *builder) checkTypes(j *analyze.Join, left, right *Step, l, r ast.Expr) error {
	ls, err := b.resolver.Schema(left)
	if err != nil {
		return err
	}
	rs, err := b.resolver.Schema(right)
	if err != nil {
		return err
	}
	lt, err := expr.TypeOf(l, b.resolver.Context(ls))
	if err != nil {
		return err
	}
	rt, err := expr.TypeOf(r, b.resolver.Context(rs))
	if err != nil {
		return err
	}
	if name := b.local(j.LeftExpr).String(); isColumn(j.LeftExpr) {
		if err := analyze.CheckMapKeys([]types.Column{{Name: name, Type: lt}}); err != nil {
			return err
		}
	}
	if !lt.Equal(rt) {
		return api.Errorf("Invalid join condition: types don't match. Got %s{%s} = %s{%s}.", j.LeftExpr, lt, j.RightExpr, rt)
	}
	return nil
}

// joinKey says which column is the key of a join's result: one of the joined columns, as the projection has it, or a
// column that no source has.
func (b *builder) joinKey(j *analyze.Join, inner []keyUse) keyUse {
	var exprs []ast.Expr
	if j.Type != ast.FullJoin {
		for _, e := range []ast.Expr{j.LeftExpr, j.RightExpr} {
			if isColumn(e) {
				exprs = append(exprs, e)
			}
		}
	}
	if j.Type != ast.FullJoin && len(inner) == 1 && isColumn(j.LeftExpr) {
		same := func(e ast.Expr) bool { return ast.Same(e, j.LeftExpr) }
		if slices.ContainsFunc(inner[0].exprs, same) {
			for _, e := range inner[0].exprs {
				if !slices.ContainsFunc(exprs, func(x ast.Expr) bool { return ast.Same(x, e) }) {
					exprs = append(exprs, e)
				}
			}
		}
	}
	b.synthetic = len(exprs) == 0
	if b.synthetic {
		name := b.syntheticName()
		key := &ast.ColumnRef{Name: name}
		if b.a.StarAll && b.isOutermost(j) {
			b.a.Items = slices.Insert(slices.Clone(b.a.Items), 0, analyze.Item{Expr: key, Alias: name, Star: true})
		}
		return keyUse{name: name, exprs: []ast.Expr{key}}
	}
	use := keyUse{exprs: exprs}
	for _, e := range exprs {
		selected := slices.ContainsFunc(b.a.Items, func(it analyze.Item) bool { return ast.Same(it.Expr, e) })
		if selected {
			use.name = b.local(e).(*ast.ColumnRef).Name
			break
		}
	}
	if use.name == "" {
		use.name = b.local(exprs[0]).(*ast.ColumnRef).Name
	}
	return use
}

func (b *builder) isOutermost(j *analyze.Join) bool { return b.a.From == analyze.Relation(j) }

// syntheticName is ROWKEY, with a number where a source has such a column.
func (b *builder) syntheticName() string {
	name := analyze.SyntheticKey
	for i := 1; ; i++ {
		taken := slices.ContainsFunc(b.a.Sources, func(s *analyze.Source) bool { return s.Has(name) })
		if !taken {
			return name
		}
		name = fmt.Sprintf("%s_%d", analyze.SyntheticKey, i)
	}
}

// checkWindows applies the rules for joins of windowed sources.
func (b *builder) checkWindows(j *analyze.Join) error {
	left, ok1 := j.Left.(*analyze.Source)
	right, ok2 := j.Right.(*analyze.Source)
	if !ok1 || !ok2 {
		return nil
	}
	lw, rw := left.Formats.Window, right.Formats.Window
	switch {
	case lw == nil && rw == nil:
		return nil
	case lw == nil || rw == nil:
		return api.Errorf("Can not join windowed source to non-windowed source.\n%s is %s\n%s is %s",
			types.Quote(left.Alias), windowText(lw), types.Quote(right.Alias), windowText(rw))
	case (lw.Type == catalog.Session) != (rw.Type == catalog.Session):
		return api.Errorf("Incompatible windowed sources.\nLeft source: %s\nRight source: %s\nSession windowed sources can only be joined to other session windowed sources, and may still not result in expected behaviour as session bounds must be an exact match for the join to work\nHopping and tumbling windowed sources can only be joined to other hopping and tumbling windowed sources", lw.Type, rw.Type)
	}
	if lw.Size != rw.Size {
		return api.Errorf("Implicit repartitioning of windowed sources is not supported. See https://github.com/confluentinc/ksql/issues/4385.")
	}
	b.window = lw
	return nil
}

func windowText(w *catalog.Window) string {
	if w == nil {
		return "not windowed"
	}
	return string(w.Type) + " windowed"
}

// foreignKey plans a join of tables on a column of the left one: its key is the left table's.
func (b *builder) foreignKey(j *analyze.Join, step, left, right *Step, l ast.Expr) error {
	if j.Type == ast.RightJoin {
		return api.Errorf("Invalid join type: RIGHT OUTER JOIN on a foreign key is not supported. Got %s = %s.", j.LeftExpr, j.RightExpr)
	}
	if j.Type == ast.FullJoin {
		return api.Errorf("Invalid join type: FULL OUTER JOIN on a foreign key is not supported. Got %s = %s.", j.LeftExpr, j.RightExpr)
	}
	source, ok := j.Left.(*analyze.Source)
	if !ok || !b.isOutermost(j) {
		return api.Errorf("Invalid join condition: foreign-key table-table joins are not supported as part of n-way joins. Got %s = %s.", j.LeftExpr, j.RightExpr)
	}
	step.Kind, step.LeftKey, step.Left, step.Right = ForeignKeyJoin, &Expr{l}, left, right
	step.KeyNames = nil
	b.viable, b.synthetic = nil, false
	var missing []string
	for _, k := range source.Schema.Key() {
		e := &ast.ColumnRef{Source: source.Alias, Name: k.Name}
		name := source.Alias + "_" + k.Name
		b.viable = append(b.viable, keyUse{name: name, exprs: []ast.Expr{e}})
		step.KeyNames = append(step.KeyNames, name)
		if !slices.ContainsFunc(b.a.Items, func(it analyze.Item) bool { return ast.Same(it.Expr, e) }) {
			missing = append(missing, types.Quote(k.Name))
		}
	}
	if b.Target == nil || len(missing) == 0 {
		return nil
	}
	plural := ""
	if len(missing) > 1 {
		plural = "s"
	}
	return api.Errorf("Primary key column%s missing in projection. For foreign-key table-table joins, the projection must include all primary key columns from the left input table (%s). Missing column%s: %s.",
		plural, types.Quote(source.Alias), plural, joinTexts(missing))
}

func joinTexts(texts []string) string {
	out := ""
	for i, t := range texts {
		if i > 0 {
			out += ", "
		}
		out += t
	}
	return out
}
