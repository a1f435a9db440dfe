package ksql

import (
	"fmt"
	"testing"

	"github.com/chortal/chortal/ksql/internal/analyze"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/exec"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/parse"
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/streamstest"
)

const benchSource = "CREATE STREAM ventas (que STRING, precio DOUBLE, qty INT, region STRING, dia STRING) WITH (KAFKA_TOPIC='ventas', VALUE_FORMAT='JSON');"

const benchQuery = `CREATE TABLE por_dia AS SELECT que, SUM(precio * qty) AS total, COUNT(*) AS n, AVG(precio) AS media,
    CASE WHEN SUM(qty) > 100 THEN 'mucho' WHEN SUM(qty) BETWEEN 10 AND 100 THEN 'algo' ELSE 'poco' END AS cuanto
  FROM ventas
  WINDOW TUMBLING (SIZE 1 DAY, GRACE PERIOD 90 DAYS)
  WHERE precio * qty * 1.21 > 100 AND region <> 'X' AND que IN ('a', 'b', 'c') OR dia LIKE '2026-%'
  GROUP BY que
  HAVING COUNT(*) > 1;`

type benchTopics struct{}

func (benchTopics) lookup(string) (int, int, bool, error) { return 1, 1, true, nil }

func benchCatalog(tb testing.TB, p *planner) *catalog.Catalog {
	st, err := parse.Statement(benchSource, parse.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	ch, _, err := p.plan(st, statementContext{catalog: &catalog.Catalog{}, text: benchSource})
	if err != nil {
		tb.Fatal(err)
	}
	return ch.catalog
}

func BenchmarkParseAndPlan(b *testing.B) {
	p := &planner{functions: function.Builtins(), topics: benchTopics{}}
	cat := benchCatalog(b, p)
	b.ReportAllocs()
	for b.Loop() {
		st, err := parse.Statement(benchQuery, parse.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := p.plan(st, statementContext{catalog: cat, text: benchQuery}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPipeline is the cost of a record from JSON bytes through a filter and a projection to JSON bytes.
func BenchmarkPipeline(b *testing.B) {
	benchPipeline(b, "CREATE STREAM o AS SELECT que, precio * qty * 1.21 AS total FROM ventas WHERE precio * qty * 1.21 > 100 AND region <> 'X';")
}

// BenchmarkWindowedAggregation is the cost of a record through a repartition topic into a windowed aggregation.
func BenchmarkWindowedAggregation(b *testing.B) {
	benchPipeline(b, "CREATE TABLE o AS SELECT que, SUM(precio) AS total, COUNT(*) AS n FROM ventas WINDOW TUMBLING (SIZE 1 DAY) GROUP BY que;")
}

func benchPipeline(b *testing.B, sql string) {
	p := &planner{functions: function.Builtins(), topics: benchTopics{}}
	cat := benchCatalog(b, p)
	st, err := parse.Statement(sql, parse.Options{})
	if err != nil {
		b.Fatal(err)
	}
	ch, _, err := p.plan(st, statementContext{catalog: cat, text: sql})
	if err != nil {
		b.Fatal(err)
	}
	built, err := exec.Build(ch.start, exec.Options{Functions: p.functions})
	if err != nil {
		b.Fatal(err)
	}
	d, err := streamstest.New(built.Topology, streamstest.Config{
		Caching: true, ManualCommit: true, Discard: func(string) bool { return true }, Deserialization: streamstest.LogAndContinue,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	records := make([][]byte, 256)
	for i := range records {
		records[i] = fmt.Appendf(nil, `{"que":"p%d","precio":%d.5,"qty":%d,"region":"norte","a_quien":"Ana","dia":"2026-03-02","nota":"una venta como otra cualquiera"}`, i%40, 100+i, 1+i%7)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := d.Pipe("ventas", 0, processor.RawRecord{Value: records[i%len(records)], Timestamp: int64(i)}); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.StopTimer()
}

// BenchmarkAnalyze is the part of planning behind the parser.
func BenchmarkAnalyze(b *testing.B) {
	p := &planner{functions: function.Builtins(), topics: benchTopics{}}
	cat := benchCatalog(b, p)
	st, err := parse.Statement(benchQuery, parse.Options{})
	if err != nil {
		b.Fatal(err)
	}
	create := st.(*ast.CreateAs)
	b.ReportAllocs()
	for b.Loop() {
		a, err := analyze.Query(create.Query, analyze.Options{Catalog: cat, Functions: p.functions, Persistent: true})
		if err != nil {
			b.Fatal(err)
		}
		target := &plan.Target{Name: "O", Kind: catalog.Table, Props: &analyze.Properties{}}
		if _, err := plan.Build(plan.Input{Analysis: a, Functions: p.functions, Catalog: cat, Target: target}); err != nil {
			b.Fatal(err)
		}
	}
}
