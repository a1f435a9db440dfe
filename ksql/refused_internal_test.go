package ksql

import (
	"errors"
	"testing"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/exec"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/parse"
	"github.com/chortal/chortal/ksql/internal/plan"
)

// Plans that read the result of a windowed aggregation as a table are not made from SQL, which always reads topics; one
// from the command log is refused all the same.
func TestPlansOverWindowedTables(t *testing.T) {
	p := &planner{functions: function.Builtins(), topics: benchTopics{}}
	cat := benchCatalog(t, p)
	physical := func(sql string) *plan.Step {
		st, err := parse.Statement(sql, parse.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ch, _, err := p.plan(st, statementContext{catalog: cat, text: sql})
		if err != nil {
			t.Fatal(err)
		}
		return ch.start.Physical.Source // without the sink
	}
	windowed := physical("CREATE TABLE w AS SELECT que, COUNT(*) AS n FROM ventas WINDOW TUMBLING (SIZE 1 DAY) GROUP BY que;")
	stream := physical("CREATE STREAM s AS SELECT que AS que2, precio FROM ventas PARTITION BY que;")
	for what, step := range map[string]*plan.Step{
		"Aggregations of windowed tables are not supported yet.": {
			Kind: plan.TableGroupBy, Context: "GroupBy", Source: windowed, Pos: ast.Pos{Line: 2, Column: 3},
			Keys: []plan.Expr{{Expr: &ast.ColumnRef{Name: "N"}}}, KeyNames: []string{"N"},
		},
		"Joins with windowed tables are not supported yet.": {
			Kind: plan.StreamTableJoin, Context: "Join", JoinType: "INNER", Left: stream, Right: windowed, KeyNames: []string{"QUE"}, Pos: ast.Pos{Line: 2, Column: 3},
		},
	} {
		_, err := exec.Build(&plan.Plan{Physical: step}, exec.Options{Functions: p.functions})
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, exec.NotYetError) || e.Message != what || e.Hint == "" || e.Line != 2 || e.Column != 3 {
			t.Errorf("got %+v, want %s", err, what)
		}
	}
}
