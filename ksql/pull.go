package ksql

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/chortal/chortal/ksql/internal/analyze"
	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/exec"
	"github.com/chortal/chortal/ksql/internal/expr"
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/ksql/internal/types"
	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams"
)

// Limits of pull queries.
const (
	// maxPullKeys bounds the keys that one query looks up.
	maxPullKeys = 10_000
	// maxPullRows bounds the rows of a reply without a LIMIT.
	maxPullRows = 10_000
	// maxPullPlans bounds the prepared queries that are kept.
	maxPullPlans = 256
)

// pullPlan is a pull query that is ready to be run again and again.
type pullPlan struct {
	catalog *catalog.Catalog // for which it was made
	queryID string
	source  *catalog.Source
	columns []string
	types   []types.Type
	project []*expr.Program
	where   *expr.Program // nil without
	keys    []Key         // to look up; nil for a scan
	from    int64         // bounds of WINDOWSTART, inclusive
	to      int64
	limit   int64 // -1 without
}

// Key is a key of a table in the engine's form.
type Key = exec.Key

// cachedPull runs a pull query that has been seen before.
func (e *Engine) cachedPull(ctx context.Context, sql string, s *session) (*Rows, bool, error) {
	if len(s.vars) > 0 {
		return nil, false, nil
	}
	v, ok := e.pulls.get(sql)
	if !ok || v.catalog != e.catalog.Load() {
		return nil, false, nil
	}
	rows, err := e.runPull(ctx, v)
	return rows, true, err
}

func (e *Engine) pull(ctx context.Context, q *ast.Query, sql string, s *session) (*Rows, error) {
	p, err := e.preparePull(q, e.properties(s.props))
	if err != nil {
		return nil, err
	}
	if len(s.vars) == 0 {
		e.pulls.put(sql, p)
	}
	return e.runPull(ctx, p)
}

func (e *Engine) preparePull(q *ast.Query, props map[string]string) (*pullPlan, error) {
	cat := e.catalog.Load()
	if err := checkPull(q); err != nil {
		return nil, err
	}
	a, err := analyze.Query(q, analyze.Options{Catalog: cat, Functions: e.functions, Pull: true})
	if err != nil {
		return nil, err
	}
	p := &pullPlan{catalog: cat, source: a.Sources[0].Source, limit: -1, from: math.MinInt64, to: math.MaxInt64}
	if q.Limit != nil {
		p.limit = *q.Limit
	}
	if p.queryID, err = materializedBy(cat, p.source); err != nil {
		return nil, analyze.At(q.From.At(), err)
	}
	ctx := expr.Context{Scope: expr.SchemaScope{Schema: pullSchema(p.source)}, Functions: e.functions, Env: e.env(props), Type: cat.Type}
	for _, item := range a.Items {
		prog, err := expr.Compile(analyze.Unqualified(item.Expr), ctx)
		if err != nil {
			return nil, analyze.FromExpr(err, "")
		}
		p.project, p.columns, p.types = append(p.project, prog), append(p.columns, item.Alias), append(p.types, prog.Type)
	}
	if err := p.compileWhere(a, ctx); err != nil {
		return nil, err
	}
	if p.keys == nil && props["ksql.query.pull.table.scan.enabled"] == "false" {
		return nil, api.Errorf("WHERE clause missing key column for keys: %s. Pull queries don't support table scans, as ksql.query.pull.table.scan.enabled is false.", p.source.Schema.Key())
	}
	return p, nil
}

// checkPull refuses the clauses that pull queries do not have.
func checkPull(q *ast.Query) error {
	what := ""
	if _, ok := q.From.(*ast.Join); ok {
		what = "JOIN clauses"
	}
	switch {
	case q.GroupBy != nil:
		what = "GROUP BY clauses"
	case q.PartitionBy != nil:
		what = "PARTITION BY clauses"
	case q.Having != nil:
		what = "HAVING clauses"
	case q.Window != nil:
		what = "WINDOW clauses"
	}
	if what == "" {
		return nil
	}
	e := api.Errorf("Pull queries don't support %s. See https://cnfl.io/queries for more info.\nAdd EMIT CHANGES if you intended to issue a push query.", what)
	e.Hint = "add EMIT CHANGES"
	return e
}

// materializedBy returns the query whose store holds a table.
func materializedBy(cat *catalog.Catalog, src *catalog.Source) (string, error) {
	if src.Kind == catalog.Stream {
		e := api.Errorf("Pull queries on streams are not supported yet: %s is a stream.\nAdd EMIT CHANGES if you intended to issue a push query.", src.Name)
		e.Hint = "add EMIT CHANGES"
		return "", e
	}
	if src.CreatedBy != "" {
		if _, ok := cat.Query(src.CreatedBy); ok {
			return src.CreatedBy, nil
		}
	}
	for _, id := range cat.Readers(src.Name) {
		if len(id) > 4 && id[:4] == catalog.HiddenQueryPrefix {
			return id, nil
		}
	}
	e := api.Errorf("The %s isn't queryable. To derive a queryable table, you can do 'CREATE TABLE QUERYABLE_%s AS SELECT * FROM %s'. See https://cnfl.io/queries for more info.\nAdd EMIT CHANGES if you intended to issue a push query.", types.Quote(src.Name), src.Name, src.Name)
	e.Hint = "CREATE TABLE QUERYABLE_" + src.Name + " AS SELECT * FROM " + ast.QuoteName(src.Name) + ";"
	return "", e
}

// pullSchema are the columns that a pull query sees.
func pullSchema(src *catalog.Source) types.Schema {
	columns := src.Schema.Key()
	for _, c := range src.Schema.Columns() {
		if c.Namespace != types.InKey {
			columns = append(columns, types.Column{Name: c.Name, Type: c.Type})
		}
	}
	return types.MustSchema(append(columns, plan.PseudoColumns(src.Windowed())...)...)
}

// compileWhere compiles WHERE and takes the keys and window bounds from it that its ANDs fix.
func (p *pullPlan) compileWhere(a *analyze.Analysis, ctx expr.Context) error {
	if a.Where == nil {
		return nil
	}
	where := analyze.Unqualified(a.Where)
	prog, err := expr.Compile(where, ctx)
	if err != nil {
		return analyze.FromExpr(err, "Error in WHERE expression: ")
	}
	if prog.Type.Kind() != types.KindBoolean {
		return api.Errorf("Type error in WHERE expression: Should evaluate to boolean but is %s (%s) instead.", where, prog.Type)
	}
	p.where = prog
	keyColumns := p.source.Schema.Key()
	values := make([][]types.Value, len(keyColumns))
	for _, term := range conjuncts(where, nil) {
		p.constrain(term, keyColumns, values, ctx)
	}
	p.keys = product(values)
	return nil
}

func conjuncts(e ast.Expr, out []ast.Expr) []ast.Expr {
	if l, ok := e.(*ast.Logical); ok && !l.Or {
		return conjuncts(l.R, conjuncts(l.L, out))
	}
	return append(out, e)
}

// constrain uses one term of WHERE, if it is about a key column or a window bound and constants.
func (p *pullPlan) constrain(term ast.Expr, keys []types.Column, values [][]types.Value, ctx expr.Context) {
	switch t := term.(type) {
	case *ast.Comparison:
		l, r, op := t.L, t.R, t.Op
		if _, ok := l.(*ast.ColumnRef); !ok {
			l, r, op = r, l, mirror(op)
		}
		ref, ok := l.(*ast.ColumnRef)
		if !ok {
			return
		}
		if types.IsWindowBound(ref.Name) {
			if v, ok := constantOf(r, types.Bigint, ctx); ok {
				p.bound(ref.Name, op, v.Bigint())
			}
			return
		}
		if op == types.OpEqual {
			restrict(ref.Name, []ast.Expr{r}, keys, values, ctx)
		}
	case *ast.In:
		if ref, ok := t.X.(*ast.ColumnRef); ok && !t.Not {
			restrict(ref.Name, t.List, keys, values, ctx)
		}
	case *ast.Between:
		ref, ok := t.X.(*ast.ColumnRef)
		if !ok || t.Not || !types.IsWindowBound(ref.Name) {
			return
		}
		low, ok1 := constantOf(t.Low, types.Bigint, ctx)
		high, ok2 := constantOf(t.High, types.Bigint, ctx)
		if ok1 && ok2 {
			p.bound(ref.Name, types.OpGreaterEqual, low.Bigint())
			p.bound(ref.Name, types.OpLessEqual, high.Bigint())
		}
	}
}

func mirror(op types.CompareOp) types.CompareOp {
	switch op {
	case types.OpLess:
		return types.OpGreater
	case types.OpLessEqual:
		return types.OpGreaterEqual
	case types.OpGreater:
		return types.OpLess
	case types.OpGreaterEqual:
		return types.OpLessEqual
	}
	return op
}

// restrict notes the values that a key column may have; of two terms about one column the first counts, as the whole
// condition is evaluated on every row in any case.
func restrict(name string, list []ast.Expr, keys []types.Column, values [][]types.Value, ctx expr.Context) {
	for i, k := range keys {
		if k.Name != name || values[i] != nil {
			continue
		}
		var found []types.Value
		for _, e := range list {
			v, ok := constantOf(e, k.Type, ctx)
			if !ok {
				return
			}
			if !v.IsNull() {
				found = append(found, v)
			}
		}
		if found == nil {
			found = []types.Value{}
		}
		values[i] = found
	}
}

// constantOf evaluates an expression without columns as a value of a type; casts that lose something are no use for a
// lookup.
func constantOf(e ast.Expr, t types.Type, ctx expr.Context) (types.Value, bool) {
	v, from, err := expr.ConstValue(e, ctx)
	if err != nil {
		return types.Null, false
	}
	if v.IsNull() || from.Equal(t) {
		return v, true
	}
	if !types.FitsInto(from, t) && from.Kind() != types.KindString {
		return types.Null, false
	}
	cast, err := types.Cast(from, t)
	if err != nil {
		return types.Null, false
	}
	out, err := cast(v)
	return out, err == nil
}

// bound narrows the range of WINDOWSTART.
func (p *pullPlan) bound(column string, op types.CompareOp, ms int64) {
	if column == types.WindowEnd {
		size := p.source.Formats.Window.Size.Milliseconds()
		if size == 0 {
			return // the end of a session says nothing about its start
		}
		ms -= size
	}
	switch op {
	case types.OpEqual:
		p.from, p.to = max(p.from, ms), min(p.to, ms)
	case types.OpGreater:
		p.from = max(p.from, ms+1)
	case types.OpGreaterEqual:
		p.from = max(p.from, ms)
	case types.OpLess:
		p.to = min(p.to, ms-1)
	case types.OpLessEqual:
		p.to = min(p.to, ms)
	}
}

// product combines the values of the key columns; nil if one of them is open or there are too many.
func product(values [][]types.Value) []Key {
	keys := []Key{{}}
	for _, list := range values {
		if list == nil {
			return nil
		}
		if len(keys)*len(list) > maxPullKeys {
			return nil
		}
		next := make([]Key, 0, len(keys)*len(list))
		seen := map[string]bool{}
		for _, k := range keys {
			for _, v := range list {
				key := append(append(make(Key, 0, len(values)), k...), v)
				if text := string(types.AppendRow(nil, key)); !seen[text] {
					seen[text] = true
					next = append(next, key)
				}
			}
		}
		keys = next
	}
	return keys
}

// runPull reads the store of the query that maintains the table.
func (e *Engine) runPull(ctx context.Context, p *pullPlan) (*Rows, error) {
	e.state.RLock()
	q := e.queries[p.queryID]
	e.state.RUnlock()
	if q == nil {
		return nil, api.Errorf("The table %s is not maintained by a query any more.", types.Quote(p.source.Name))
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		rows, err := e.readStore(ctx, p, q)
		if !errors.Is(err, streams.ErrStoreNotReady) || time.Now().After(deadline) {
			if errors.Is(err, streams.ErrStoreNotReady) {
				err = &Error{Code: CodeNotReady, Message: fmt.Sprintf("Table %s cannot be read yet: its query %s is starting or moving.", types.Quote(p.source.Name), p.queryID), Cause: err}
			}
			if err != nil {
				return nil, err
			}
			return newRows(p.columns, p.types, rows), nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (e *Engine) readStore(ctx context.Context, p *pullPlan, q *persistentQuery) ([]types.Row, error) {
	run := q.running()
	if run == nil {
		return nil, streams.ErrStoreNotReady
	}
	if run.materialized == nil {
		return nil, api.Errorf("The %s isn't queryable: its query keeps no state.", types.Quote(p.source.Name))
	}
	var out []types.Row
	reader := pullReader{p: p, m: run.materialized}
	for row, err := range reader.rows(ctx, run.app) {
		if err != nil {
			return nil, err
		}
		if p.limit >= 0 && int64(len(out)) >= p.limit {
			break
		}
		if p.limit < 0 && len(out) >= maxPullRows {
			err := api.Errorf("The result has more than %d rows.", maxPullRows)
			err.Hint = "add a LIMIT, or a condition on the key"
			return nil, err
		}
		result, err := reader.project(row)
		if err != nil {
			return nil, err
		}
		out = append(out, result)
	}
	return out, nil
}

type pullReader struct {
	p *pullPlan
	m *exec.Materialized
}

// rows gives the rows of the table that pass WHERE.
func (r pullReader) rows(ctx context.Context, app *streams.App) iter.Seq2[types.Row, error] {
	return func(yield func(types.Row, error) bool) {
		var env expr.Env
		give := func(key Key, state types.Row, ts int64) bool {
			row, ok := r.row(key, state, ts)
			if !ok {
				return true
			}
			if r.p.where != nil {
				env.Row = row
				v, err := r.p.where.Eval(&env)
				if err != nil || v.IsNull() || !v.Boolean() {
					return true
				}
			}
			return yield(row, nil)
		}
		var err error
		switch {
		case r.m.Window == nil && r.p.keys != nil:
			err = r.getKeys(ctx, app, give)
		case r.m.Window == nil:
			err = each(streams.StoreRange[Key, types.Row](ctx, app, r.m.Store, nil, nil), func(e statestore.KeyValueEntry[Key, types.Row]) bool {
				return give(e.Key, e.Value, e.Timestamp)
			})
		case r.p.keys != nil:
			err = r.fetchKeys(ctx, app, give)
		default:
			err = each(streams.StoreFetchAll[Key, types.Row](ctx, app, r.m.Store, nil, nil, max(r.p.from, 0), r.p.to), func(e statestore.WindowEntry[Key, types.Row]) bool {
				return give(r.windowed(e.Key, e.Start), e.Value, e.Timestamp)
			})
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func each[R any](rows iter.Seq2[R, error], give func(R) bool) error {
	for row, err := range rows {
		if err != nil {
			return err
		}
		if !give(row) {
			return nil
		}
	}
	return nil
}

func (r pullReader) getKeys(ctx context.Context, app *streams.App, give func(Key, types.Row, int64) bool) error {
	for _, key := range r.p.keys {
		state, ts, ok, err := streams.StoreGet[Key, types.Row](ctx, app, r.m.Store, key)
		if err != nil {
			return err
		}
		if ok && !give(key, state, ts) {
			return nil
		}
	}
	return nil
}

func (r pullReader) fetchKeys(ctx context.Context, app *streams.App, give func(Key, types.Row, int64) bool) error {
	for _, key := range r.p.keys {
		more := true
		err := each(streams.StoreFetch[Key, types.Row](ctx, app, r.m.Store, key, max(r.p.from, 0), r.p.to), func(e statestore.WindowEntry[Key, types.Row]) bool {
			more = give(r.windowed(key, e.Start), e.Value, e.Timestamp)
			return more
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

func (r pullReader) windowed(key Key, start int64) Key {
	end := start + r.m.Window.Size.Milliseconds()
	out := append(make(Key, 0, len(key)+2), key...)
	return append(out, types.NewBigint(start), types.NewBigint(end))
}

// row completes a row of the table with its pseudo columns.
func (r pullReader) row(key Key, state types.Row, ts int64) (types.Row, bool) {
	row, ok := r.m.Row(key, state)
	if !ok || row == nil {
		return nil, false
	}
	columns := r.p.source.Schema.Len()
	out := make(types.Row, columns, columns+5)
	copy(out, row)
	out = append(out, types.NewBigint(ts), types.Null, types.Null)
	if r.m.Window != nil {
		out = append(out, key[r.m.KeyColumns], key[r.m.KeyColumns+1])
	}
	return out, true
}

func (r pullReader) project(row types.Row) (types.Row, error) {
	out := make(types.Row, len(r.p.project))
	env := expr.Env{Row: row}
	for i, prog := range r.p.project {
		v, err := prog.Eval(&env)
		if err != nil {
			v = types.Null
		}
		out[i] = v
	}
	return out, nil
}
