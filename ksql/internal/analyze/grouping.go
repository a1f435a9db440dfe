package analyze

import (
	"errors"
	"slices"
	"strings"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/expr"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/types"
)

// FromExpr makes the error of an expression the error of its statement.
func FromExpr(err error, prefix string) error {
	e, ok := errors.AsType[*expr.Error](err)
	if !ok {
		return err
	}
	return errorAt(e.Pos, "%s%s", prefix, e.Message)
}

// Unqualified is an expression without the aliases of its columns, as messages about single sources write it.
func Unqualified(e ast.Expr) ast.Expr {
	return ast.Rewrite(e, func(x ast.Expr) ast.Expr {
		if ref, ok := x.(*ast.ColumnRef); ok && ref.Source != "" {
			return &ast.ColumnRef{Pos: ref.Pos, Name: ref.Name}
		}
		return nil
	})
}

// collectFunctions finds the aggregate and table functions; an aggregate without arguments counts ROWTIME.
func (a *Analysis) collectFunctions(functions *function.Registry) error {
	rewrite := func(e ast.Expr) (ast.Expr, error) {
		return a.collect(e, functions)
	}
	var err error
	for i := range a.Items {
		if a.Items[i].Expr, err = rewrite(a.Items[i].Expr); err != nil {
			return err
		}
	}
	if a.Having != nil {
		if a.Having, err = rewrite(a.Having); err != nil {
			return err
		}
	}
	for _, e := range a.GroupBy {
		if name, ok := findAggregate(e, functions); ok {
			return errorAt(e.At(), "GROUP BY does not support aggregate functions: %s is an aggregate function.", name)
		}
	}
	for _, e := range a.PartitionBy {
		if name, ok := findAggregate(e, functions); ok {
			return errorAt(e.At(), "PARTITION BY does not support aggregate functions: %s is an aggregate function.", name)
		}
	}
	if a.Where != nil {
		if name, ok := findAggregate(a.Where, functions); ok {
			return errorAt(a.Where.At(), "WHERE does not support aggregate functions: %s is an aggregate function.", name)
		}
	}
	return nil
}

func findAggregate(e ast.Expr, functions *function.Registry) (name string, ok bool) {
	ast.Walk(e, func(x ast.Expr) bool {
		if call, isCall := x.(*ast.Call); isCall && !ok {
			if class, _ := functions.Class(call.Name); class == function.AggregateFunction {
				name, ok = call.Name, true
			}
		}
		return !ok
	})
	return name, ok
}

func (a *Analysis) collect(e ast.Expr, functions *function.Registry) (ast.Expr, error) {
	var failed error
	out := ast.Rewrite(e, func(x ast.Expr) ast.Expr {
		call, ok := x.(*ast.Call)
		if !ok || failed != nil {
			return nil
		}
		class, ok := functions.Class(call.Name)
		switch {
		case !ok:
			failed = errorAt(call.At(), "%s", functions.UnknownError(call.Name))
		case class == function.AggregateFunction:
			if len(call.Args) == 0 {
				call = &ast.Call{Pos: call.Pos, Name: call.Name, Args: []ast.Expr{&ast.ColumnRef{Pos: call.Pos, Source: a.Sources[0].Alias, Name: types.RowTime}}}
			}
			failed = nestedAggregate(x.(*ast.Call), functions)
			a.Aggregates = addCall(a.Aggregates, call)
		case class == function.ScalarFunction && call.Star:
			_, err := functions.ResolveScalar(call.Name, nil)
			if err == nil {
				err = functions.UnknownError(call.Name + "(*)")
			}
			failed = errorAt(call.At(), "%s", err)
		case class == function.TableFunction:
			a.TableFuncs = addCall(a.TableFuncs, call)
		default:
			return nil
		}
		return call
	})
	return out, failed
}

func nestedAggregate(call *ast.Call, functions *function.Registry) error {
	for _, arg := range call.Args {
		if _, ok := findAggregate(arg, functions); ok {
			return errorAt(call.At(), "Aggregate functions can not be nested: %s", Unqualified(call))
		}
	}
	return nil
}

func addCall(calls []*ast.Call, call *ast.Call) []*ast.Call {
	if slices.ContainsFunc(calls, func(c *ast.Call) bool { return ast.Same(c, call) }) {
		return calls
	}
	return append(calls, call)
}

// checkGrouping applies the rules of GROUP BY, HAVING, WINDOW and EMIT.
func (a *Analysis) checkGrouping(opts Options) error {
	if len(a.TableFuncs) > 0 && (len(a.Aggregates) > 0 || a.Grouped) {
		return errorAt(a.TableFuncs[0].At(), "Table functions cannot be used with aggregations.")
	}
	if !a.Grouped {
		return a.checkUngrouped(opts)
	}
	if len(a.Aggregates) == 0 {
		return errorAt(a.Query.At(), "GROUP BY requires aggregate functions in either the SELECT or HAVING clause.")
	}
	if len(a.PartitionBy) > 0 {
		return errorAt(a.Query.At(), "PARTITION BY cannot be used with GROUP BY.")
	}
	if a.Window != nil && KindOf(a.From) == catalog.Table {
		return errorAt(a.Window.At(), "WINDOW clause is only supported on stream sources.")
	}
	if a.Emit == ast.EmitFinal && a.Window == nil {
		return errorAt(a.Query.At(), "EMIT FINAL is only supported for windowed aggregations.")
	}
	return a.checkGroupedItems()
}

func (a *Analysis) checkUngrouped(opts Options) error {
	switch {
	case len(a.Aggregates) > 0 && a.Window != nil:
		return a.notGrouped()
	case len(a.Aggregates) > 0 && a.checkGroupedItems() != nil:
		return a.checkGroupedItems()
	case len(a.Aggregates) > 0:
		kind := "SELECT"
		if opts.Persistent {
			kind = "CREATE " + opts.SinkKind.String() + " AS SELECT"
		}
		return errorAt(a.Aggregates[0].At(), "%s statement does not support aggregate function [%s] without a GROUP BY clause.", kind, Unqualified(a.Aggregates[0]))
	case a.Having != nil:
		return errorAt(a.Having.At(), "HAVING clause requires a GROUP BY clause.")
	case a.Window != nil:
		return errorAt(a.Window.At(), "WINDOW clause requires a GROUP BY clause.")
	case a.Emit == ast.EmitFinal:
		return errorAt(a.Query.At(), "EMIT FINAL is only supported for windowed aggregations.")
	}
	return nil
}

func (a *Analysis) notGrouped() error {
	if err := a.checkGroupedItems(); err != nil {
		return err
	}
	return errorAt(a.Window.At(), "WINDOW clause requires a GROUP BY clause.")
}

// checkGroupedItems says which expressions are neither grouped nor aggregated.
func (a *Analysis) checkGroupedItems() error {
	grouped := map[string]bool{}
	for _, e := range a.GroupBy {
		grouped[e.String()] = true
	}
	var bad []string
	for _, item := range a.Items {
		if len(a.loose(item.Expr, grouped, nil)) > 0 {
			bad = append(bad, Unqualified(item.Expr).String())
		}
	}
	if len(bad) > 0 {
		return errorAt(a.Query.At(), "Non-aggregate SELECT expression(s) not part of GROUP BY: %s\nEither add the column(s) to the GROUP BY or remove them from the SELECT.", strings.Join(bad, ", "))
	}
	if a.Having == nil {
		return nil
	}
	if loose := a.loose(a.Having, grouped, nil); len(loose) > 0 {
		texts := make([]string, len(loose))
		for i, e := range loose {
			texts[i] = Unqualified(e).String()
		}
		return errorAt(a.Having.At(), "Non-aggregate HAVING expression not part of GROUP BY: %s", strings.Join(texts, ", "))
	}
	return nil
}

// loose returns the columns of an expression that are outside of grouping expressions and aggregates.
func (a *Analysis) loose(e ast.Expr, grouped map[string]bool, out []ast.Expr) []ast.Expr {
	if grouped[e.String()] || slices.ContainsFunc(a.Aggregates, func(c *ast.Call) bool { return ast.Same(c, e) }) {
		return out
	}
	if ref, ok := e.(*ast.ColumnRef); ok {
		if ref.Source == "" && types.IsWindowBound(ref.Name) {
			return out
		}
		return append(out, ref)
	}
	ast.Children(e, func(c ast.Expr) { out = a.loose(c, grouped, out) })
	return out
}
