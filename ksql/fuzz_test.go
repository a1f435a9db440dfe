package ksql

import (
	"testing"

	"github.com/chortal/chortal/ksql/internal/exec"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/parse"
)

// FuzzPlan plans any statement that parses: it is refused or gives a plan that builds, and nothing panics.
func FuzzPlan(f *testing.F) {
	for _, sql := range []string{
		benchQuery, benchSource,
		"CREATE STREAM o AS SELECT *, ROWTIME AS t FROM ventas v PARTITION BY que, precio;",
		"CREATE TABLE o AS SELECT que, COUNT(*) FROM ventas WINDOW HOPPING (SIZE 2 DAYS, ADVANCE BY 1 DAY) GROUP BY que HAVING que > 'a';",
		"CREATE STREAM o AS SELECT EXPLODE(ARRAY[precio, 1]) FROM ventas WHERE que IN ('a', NULL) AND qty BETWEEN 1 AND '2';",
		"INSERT INTO ventas SELECT * FROM ventas;",
		"CREATE STREAM o AS SELECT STRUCT(a := MAP('x' := qty))->a['x'], TRANSFORM(ARRAY[1], x => x + qty) FROM ventas;",
		"CREATE TYPE t AS STRUCT<a INT>; DROP TYPE t; DROP STREAM ventas; ALTER STREAM ventas ADD COLUMN z INT;",
	} {
		f.Add(sql)
	}
	p := &planner{functions: function.Builtins(), topics: benchTopics{}}
	cat := benchCatalog(f, p)
	f.Fuzz(func(t *testing.T, sql string) {
		list, err := parse.Script(sql, parse.Options{})
		if err != nil {
			return
		}
		for _, st := range list {
			ch, ok, err := p.plan(st.Statement, statementContext{catalog: cat, text: st.Text})
			if err != nil || !ok || ch.start == nil {
				continue
			}
			_, _ = exec.Build(ch.start, exec.Options{Functions: p.functions}) // may refuse what it cannot run
		}
	})
}
