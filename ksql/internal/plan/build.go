package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chortal/chortal/ksql/internal/analyze"
	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/expr"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/types"
)

// Input is what a plan is made from.
type Input struct {
	Analysis  *analyze.Analysis
	Functions *function.Registry
	Catalog   *catalog.Catalog
	QueryID   string
	// Target is what the query writes; nil for a query that only answers.
	Target *Target
}

// Target is the source that CREATE AS makes, or that INSERT INTO fills.
type Target struct {
	Name  string
	Kind  catalog.Kind
	Props *analyze.Properties
	// Existing is the source that INSERT INTO names.
	Existing *catalog.Source
	// Statement is the text that messages quote.
	Statement string
	Defaults  analyze.Defaults
}

// Build plans a query.
func Build(in Input) (*Plan, error) {
	b := &builder{Input: in, a: in.Analysis, resolver: &Resolver{Functions: in.Functions, Types: in.Catalog.Type}}
	if err := b.build(); err != nil {
		return nil, asAPI(err)
	}
	p := &Plan{Version: FormatVersion, QueryID: in.QueryID, Physical: b.step, Sink: b.sink}
	for _, s := range b.a.Sources {
		p.Sources = append(p.Sources, s.Name)
	}
	return p, nil
}

func asAPI(err error) error { return analyze.FromExpr(err, "") }

type builder struct {
	Input
	a        *analyze.Analysis
	resolver *Resolver
	step     *Step
	sink     *Sink
	// rename turns a qualified column into a column of the current step.
	rename func(*ast.ColumnRef) ast.Expr
	// viable are, per key column, the expressions of the query that stand for it.
	viable []keyUse
	// noun is what messages call the key: key column, partitioning expression, ...
	noun      string
	window    *catalog.Window
	grouped   bool
	synthetic bool // the key is a column that no source has
}

// keyUse is a key column of the current step.
type keyUse struct {
	name  string
	exprs []ast.Expr // as the query writes it; any of them in the projection will do
}

func (b *builder) build() error {
	if err := b.source(); err != nil {
		return err
	}
	if err := b.where(); err != nil {
		return err
	}
	if err := b.partitionBy(); err != nil {
		return err
	}
	if err := b.flatMap(); err != nil {
		return err
	}
	var err error
	if b.a.Grouped {
		err = b.aggregate()
	} else {
		err = b.project("Project", b.local)
	}
	if err != nil {
		return err
	}
	return b.output()
}

// local is an expression over the columns of the current step.
func (b *builder) local(e ast.Expr) ast.Expr {
	return ast.Rewrite(e, func(x ast.Expr) ast.Expr {
		if ref, ok := x.(*ast.ColumnRef); ok {
			return b.rename(ref)
		}
		return nil
	})
}

func (b *builder) schema() (types.Schema, error) { return b.resolver.Schema(b.step) }

func column(name string, at ast.Pos) *ast.ColumnRef { return &ast.ColumnRef{Pos: at, Name: name} }

// source plans FROM.
func (b *builder) source() error {
	switch from := b.a.From.(type) {
	case *analyze.Source:
		b.step = sourceStep(from, "KsqlTopic")
		b.window = from.Formats.Window
		b.rename = func(ref *ast.ColumnRef) ast.Expr { return column(ref.Name, ref.Pos) }
		b.noun = "key column"
		for _, k := range from.Schema.Key() {
			b.viable = append(b.viable, keyUse{name: k.Name, exprs: []ast.Expr{column(k.Name, ast.Pos{})}})
		}
		return b.checkValueFormats()
	case *analyze.Join:
		return b.joinSource(from)
	}
	return api.Errorf("a query needs a source")
}

func sourceStep(s *analyze.Source, context string) *Step {
	kind := StreamSource
	switch {
	case s.Kind == catalog.Stream && s.Windowed():
		kind = WindowedStreamSource
	case s.Kind == catalog.Table && s.Windowed():
		kind = WindowedTableSource
	case s.Kind == catalog.Table:
		kind = TableSource
	}
	formats := s.Formats
	return &Step{
		Kind: kind, Context: context + "/Source", Topic: s.Topic, Formats: &formats, Timestamp: s.Timestamp,
		Schema: Schema{s.Source.Schema}, SourceName: s.Name,
	}
}

// checkValueFormats refuses what the KAFKA format cannot do as an intermediate.
func (b *builder) checkValueFormats() error {
	what := ""
	switch {
	case b.a.Grouped:
		what = "GROUP BY"
	case len(b.a.Sources) > 1:
		what = "JOIN"
	default:
		return nil
	}
	var names []string
	for _, s := range b.a.Sources {
		if s.Formats.Value.Name == "KAFKA" {
			names = append(names, s.Name)
		}
	}
	if len(names) > 0 {
		return api.Errorf("Source(s) %s are using the 'KAFKA' value format. This format does not yet support %s.", strings.Join(names, ", "), what)
	}
	return nil
}

func (b *builder) where() error {
	if b.a.Where == nil {
		return nil
	}
	kind := StreamFilter
	if b.step.IsTable() {
		kind = TableFilter
	}
	return b.filter(kind, "WhereFilter", "WHERE", b.local(b.a.Where))
}

// filter adds a filter whose expression must be BOOLEAN.
func (b *builder) filter(kind, context, clause string, e ast.Expr) error {
	in, err := b.schema()
	if err != nil {
		return err
	}
	t, err := expr.TypeOf(e, b.resolver.Context(in))
	if err != nil {
		return analyze.FromExpr(err, "Error in "+clause+" expression: ")
	}
	if t.Kind() != types.KindBoolean {
		e := api.Errorf("Type error in %s expression: Should evaluate to boolean but is %s (%s) instead.", clause, e, t)
		return e
	}
	b.step = &Step{Kind: kind, Context: context, Source: b.step, Filter: &Expr{e}}
	return nil
}

func (b *builder) partitionBy() error {
	list := b.a.PartitionBy
	if len(list) == 0 {
		return nil
	}
	if b.step.IsTable() {
		return b.tablePartition()
	}
	in, err := b.schema()
	if err != nil {
		return err
	}
	step := &Step{Kind: StreamSelectKey, Context: "PartitionBy", Source: b.step}
	b.viable, b.noun = nil, "partitioning expression"
	taken := func(name string) bool { return in.Find(name) >= 0 || slices.Contains(step.KeyNames, name) }
	for _, e := range list {
		x := b.local(e)
		t, err := expr.TypeOf(x, b.resolver.Context(in))
		if err != nil {
			return analyze.FromExpr(err, "")
		}
		if t.IsNull() && len(list) > 1 {
			return api.Errorf("Cannot PARTITION BY multiple columns including NULL")
		}
		name := analyze.KeyName(x, taken)
		step.Keys = append(step.Keys, Expr{x})
		step.KeyNames = append(step.KeyNames, name)
		if err := analyze.CheckMapKeys([]types.Column{{Name: name, Type: t}}); err != nil {
			return err
		}
		if !t.IsNull() {
			b.viable = append(b.viable, keyUse{name: name, exprs: []ast.Expr{e}})
		}
	}
	if b.window != nil {
		return api.Errorf("Implicit repartitioning of windowed sources is not supported. See https://github.com/confluentinc/ksql/issues/4385.")
	}
	b.step = step
	b.starBehindKey()
	b.addKeyToStar()
	return nil
}

func (b *builder) tablePartition() error {
	return api.Errorf("PARTITION BY is not supported on tables: use GROUP BY instead.")
}

// starBehindKey puts what was the key behind the other columns of a *: it is a value now.
func (b *builder) starBehindKey() {
	old := map[string]bool{}
	for _, s := range b.a.Sources {
		for _, k := range s.Schema.Key() {
			old[(&ast.ColumnRef{Source: s.Alias, Name: k.Name}).String()] = true
		}
	}
	items := slices.Clone(b.a.Items)
	slices.SortStableFunc(items, func(x, y analyze.Item) int {
		if !x.Star || !y.Star {
			return 0
		}
		xOld, yOld := old[x.Expr.String()], old[y.Expr.String()]
		switch {
		case xOld && !yOld:
			return 1
		case yOld && !xOld:
			return -1
		}
		return 0
	})
	b.a.Items = items
}

// addKeyToStar gives a * the key columns that the sources do not have.
func (b *builder) addKeyToStar() {
	if !b.a.StarAll {
		return
	}
	var added []analyze.Item
	for _, k := range b.viable {
		ref, ok := k.exprs[0].(*ast.ColumnRef)
		if ok {
			_, ok = types.PseudoColumn(ref.Name)
			ok = !ok
		}
		if !ok {
			added = append(added, analyze.Item{Expr: k.exprs[0], Alias: k.name, Star: true})
		}
	}
	i := slices.IndexFunc(b.a.Items, func(it analyze.Item) bool { return it.Star })
	b.a.Items = slices.Insert(slices.Clone(b.a.Items), max(i, 0), added...)
}

// flatMap computes the table functions; each is a column afterwards.
func (b *builder) flatMap() error {
	if len(b.a.TableFuncs) == 0 {
		return nil
	}
	if b.step.IsTable() {
		return api.Errorf("Table source is not supported with table functions")
	}
	step := &Step{Kind: StreamFlatMap, Context: "FlatMap", Source: b.step}
	replaced := map[string]string{}
	for i, call := range b.a.TableFuncs {
		step.Tables = append(step.Tables, Expr{b.local(call)})
		replaced[call.String()] = SynthColumn(i)
	}
	items := slices.Clone(b.a.Items)
	for i := range items {
		items[i].Expr = ast.Rewrite(items[i].Expr, func(x ast.Expr) ast.Expr {
			if call, ok := x.(*ast.Call); ok {
				if name, ok := replaced[call.String()]; ok {
					return &ast.ColumnRef{Pos: call.Pos, Name: name}
				}
			}
			return nil
		})
	}
	b.a.Items = items
	inner := b.rename
	b.rename = func(ref *ast.ColumnRef) ast.Expr {
		if ref.Source == "" {
			return ref
		}
		return inner(ref)
	}
	b.step = step
	_, err := b.schema()
	return err
}

// projection is the projection split into key columns and values.
type projection struct {
	keyNames []string
	values   []Column
}

// project plans the projection: expressions that are the key's become the key's names, all others values.
func (b *builder) project(context string, local func(ast.Expr) ast.Expr) error {
	in, err := b.schema()
	if err != nil {
		return err
	}
	kind := StreamSelect
	if b.step.IsTable() {
		kind = TableSelect
	}
	step := &Step{Kind: kind, Context: context, Source: b.step}
	if b.Target == nil {
		for i, k := range in.Key() {
			step.KeyNames = append(step.KeyNames, fmt.Sprintf("KSQL_KEY_%d_%s", i, k.Name))
		}
		for _, item := range b.a.Items {
			step.Select = append(step.Select, Column{item.Alias, Expr{local(b.keyOf(item.Expr))}})
		}
	} else {
		for _, item := range b.a.Items {
			if _, err := b.resolver.typeOf(local(b.keyOf(item.Expr)), in); err != nil {
				return analyze.FromExpr(err, "Invalid Select: ")
			}
		}
		p, err := b.split(local)
		if err != nil {
			return err
		}
		step.KeyNames, step.Select = p.keyNames, p.values
	}
	b.step = step
	schema, err := b.schema()
	if err != nil {
		return analyze.FromExpr(err, "Invalid Select: ")
	}
	if b.Target != nil {
		for _, c := range schema.Value() {
			if schema.FindIn(types.InKey, c.Name) >= 0 {
				return api.Errorf("Duplicate value columns found in schema: %s", c)
			}
		}
	}
	return nil
}

// keyOf replaces an expression that is a key column by that column.
func (b *builder) keyOf(e ast.Expr) ast.Expr {
	for _, k := range b.viable {
		if slices.ContainsFunc(k.exprs, func(x ast.Expr) bool { return ast.Same(x, e) }) && !isColumn(e) {
			return column(k.name, e.At())
		}
	}
	return e
}

func isColumn(e ast.Expr) bool {
	_, ok := e.(*ast.ColumnRef)
	return ok
}

// split divides the items of a persistent query's projection into keys and values.
func (b *builder) split(local func(ast.Expr) ast.Expr) (projection, error) {
	var p projection
	names := make([]string, len(b.viable))
	var aliases [][]string = make([][]string, len(b.viable))
	for _, item := range b.a.Items {
		e := local(b.keyOf(item.Expr))
		k := b.keyIndex(e)
		if k < 0 {
			p.values = append(p.values, Column{item.Alias, Expr{e}})
			continue
		}
		names[k] = item.Alias
		aliases[k] = append(aliases[k], item.Alias)
	}
	for k := range b.viable {
		if len(aliases[k]) > 1 {
			return p, b.repeatedKey(k, aliases[k])
		}
	}
	var missing []keyUse
	for k := range b.viable {
		if len(aliases[k]) == 0 {
			missing = append(missing, b.viable[k])
		}
	}
	if len(missing) > 0 {
		if !b.grouped {
			missing = b.viable
		}
		return p, b.missingKey(missing)
	}
	if len(p.values) == 0 && b.step.IsTable() {
		return p, api.Errorf("The projection contains no value columns.")
	}
	p.keyNames = names
	return p, nil
}

func (b *builder) keyIndex(e ast.Expr) int {
	ref, ok := e.(*ast.ColumnRef)
	if !ok {
		return -1
	}
	return slices.IndexFunc(b.viable, func(k keyUse) bool { return k.name == ref.Name })
}

func (b *builder) repeatedKey(k int, aliases []string) error {
	aliases = slices.Sorted(slices.Values(aliases))
	if b.grouped {
		quoted := make([]string, len(aliases))
		for i, a := range aliases {
			quoted[i] = types.Quote(a)
		}
		return api.Errorf("The projection contains a key column more than once: %s.", listOf(quoted, "and"))
	}
	return api.Errorf("The projection contains a key column (%s) more than once, aliased as: %s.", types.Quote(b.viable[k].name), listOf(aliases, "and"))
}

func listOf(texts []string, word string) string {
	if len(texts) < 2 {
		return strings.Join(texts, "")
	}
	return strings.Join(texts[:len(texts)-1], ", ") + " " + word + " " + texts[len(texts)-1]
}

// missingKey says which expressions the projection has to include.
func (b *builder) missingKey(missing []keyUse) error {
	plural := ""
	var listed, example string
	if len(missing) == 1 {
		texts := make([]string, len(missing[0].exprs))
		for i, e := range missing[0].exprs {
			texts[i] = b.keyText(e)
		}
		listed, example = listOf(texts, "or"), texts[0]
		if len(texts) > 1 {
			plural = "s"
		}
	} else {
		texts := make([]string, len(missing))
		for i, k := range missing {
			texts[i] = b.keyText(k.exprs[0])
		}
		listed, example, plural = listOf(texts, "and"), strings.Join(texts, ", "), "s"
	}
	suffix := ""
	if b.synthetic {
		suffix = "\n" + b.viable[0].name + " was added as a synthetic key column because the join criteria did not match any source column. This expression must be included in the projection and may be aliased."
	}
	err := api.Errorf("Key missing from projection (ie, SELECT). See https://cnfl.io/2LV7ouS.\nThe query used to build %s must include the %s%s %s in its projection (eg, SELECT %s...).%s",
		types.Quote(b.Target.Name), b.noun, plural, listed, example, suffix)
	err.Hint = "SELECT " + example + ", ..."
	return err
}

func (b *builder) keyText(e ast.Expr) string {
	if b.grouped {
		return analyze.Unqualified(e).String()
	}
	return e.String()
}
