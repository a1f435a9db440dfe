package ksql_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/chortal/chortal/internal/testcluster"
	"github.com/chortal/chortal/ksql"
)

// engine is an engine that runs until its test, or stop, ends it.
type engine struct {
	*ksql.Engine
	t    testing.TB
	stop func()
}

func start(t testing.TB, cl *testcluster.Cluster, more func(*ksql.Config)) *engine {
	t.Helper()
	cfg := ksql.Config{Brokers: cl.Seeds(), Dialer: cl.Dialer(), CommitInterval: 50 * time.Millisecond}
	if os.Getenv("KSQL_TEST_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if more != nil {
		more(&cfg)
	}
	e, err := ksql.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	select {
	case <-e.Ready():
	case err := <-done:
		t.Fatalf("Run ended: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("engine is not ready")
	}
	return &engine{e, t, stop}
}

func (e *engine) exec(sql string) []ksql.Entity {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := e.Execute(ctx, sql, ksql.Options{Properties: map[string]string{"auto.offset.reset": "earliest"}})
	if err != nil {
		e.t.Fatalf("%s\n%v", sql, err)
	}
	return out
}

func (e *engine) refused(sql string) *ksql.Error {
	e.t.Helper()
	_, err := e.Execute(context.Background(), sql, ksql.Options{})
	var out *ksql.Error
	if !errors.As(err, &out) {
		e.t.Fatalf("%s\nwas not refused: %v", sql, err)
	}
	return out
}

// rows reads n rows of a query, or all if n is negative.
func (e *engine) rows(sql string, n int) []string {
	e.t.Helper()
	out, err := e.tryRows(sql, n)
	if err != nil {
		e.t.Fatalf("%s\n%v", sql, err)
	}
	return out
}

func (e *engine) tryRows(sql string, n int) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	rows, err := e.Query(ctx, sql, ksql.Options{Properties: map[string]string{"auto.offset.reset": "earliest"}})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for len(out) != n && rows.Next(ctx) {
		out = append(out, string(rows.AppendJSON(nil)))
	}
	return out, rows.Err()
}

// eventually asks until the answer is the wanted one.
func (e *engine) eventually(sql string, want ...string) {
	e.t.Helper()
	var got []string
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got, err = e.tryRows(sql, -1); err == nil && strings.Join(got, "|") == strings.Join(want, "|") {
			return
		}
	}
	e.t.Fatalf("%s\ngot  %q, %v\nwant %q", sql, got, err, want)
}

const ventas = `
CREATE STREAM ventas (que STRING, precio DOUBLE, dia STRING)
  WITH (KAFKA_TOPIC='ventas', VALUE_FORMAT='JSON', PARTITIONS=2, TIMESTAMP='dia', TIMESTAMP_FORMAT='yyyy-MM-dd');
CREATE TABLE por_dia AS SELECT que, SUM(precio) AS total, COUNT(*) AS n FROM ventas
  WINDOW TUMBLING (SIZE 1 DAY, RETENTION 100 DAYS, GRACE PERIOD 90 DAYS) GROUP BY que;
CREATE TABLE totales AS SELECT que, SUM(precio) AS total FROM ventas GROUP BY que;
`

func (e *engine) sell(que string, precio float64, dia string) {
	e.t.Helper()
	e.exec(fmt.Sprintf("INSERT INTO ventas (que, precio, dia) VALUES ('%s', %g, '%s');", que, precio, dia))
}

func TestTablesAndPullQueries(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	e := start(t, cl, nil)
	e.exec(ventas)
	e.sell("café", 3, "2026-03-02")
	e.sell("té", 2.5, "2026-03-02")
	e.sell("café", 4, "2026-03-03")
	e.eventually("SELECT * FROM totales WHERE que = 'café';", `["café",7.0]`)
	e.eventually("SELECT que, total FROM totales WHERE que IN ('té', 'café', 'ron');", `["té",2.5]`, `["café",7.0]`)
	e.eventually("SELECT que, WINDOWSTART, WINDOWEND, total, n FROM por_dia WHERE que = 'café';",
		`["café",1772409600000,1772496000000,3.0,1]`, `["café",1772496000000,1772582400000,4.0,1]`)
	e.eventually("SELECT total FROM por_dia WHERE que = 'café' AND WINDOWSTART >= '2026-03-03';", `[4.0]`)
	e.eventually("SELECT que FROM totales WHERE total > 5;", `["café"]`)
	if err := e.refused("SELECT * FROM totales;"); err.Code != ksql.CodeWrongEndpoint {
		t.Errorf("a query sent to Execute: %v", err)
	}
}

func TestPushQueries(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	e := start(t, cl, nil)
	e.exec(ventas)
	e.sell("café", 3, "2026-03-02")
	e.sell("té", 12.5, "2026-03-02")
	got := e.rows("SELECT que, precio * 2 AS doble FROM ventas WHERE precio > 10 EMIT CHANGES LIMIT 1;", -1)
	if len(got) != 1 || got[0] != `["té",25.0]` {
		t.Errorf("push query gave %q", got)
	}
	got = e.rows("PRINT ventas FROM BEGINNING LIMIT 2;", -1)
	if len(got) < 3 || !strings.Contains(strings.Join(got, "\n"), "caf") {
		t.Errorf("PRINT gave %q", got)
	}
	_, err := e.tryRows("SELECT nada FROM ventas EMIT CHANGES;", 1)
	var ke *ksql.Error
	if !errors.As(err, &ke) || ke.Line != 1 || ke.Column != 8 {
		t.Errorf("unknown column: %+v", err)
	}
}

func TestReplay(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	dir := t.TempDir()
	more := func(c *ksql.Config) { c.StateDir = dir }
	e := start(t, cl, more)
	e.exec(ventas)
	e.exec("CREATE TYPE dinero AS DECIMAL(9, 2); CREATE STREAM s2 (a dinero) WITH (KAFKA_TOPIC='s2', VALUE_FORMAT='JSON', PARTITIONS=1);")
	e.exec("CREATE STREAM fuera AS SELECT * FROM s2; DROP STREAM fuera;")
	e.sell("café", 3, "2026-03-02")
	e.eventually("SELECT total FROM totales WHERE que = 'café';", `[3.0]`)
	before := e.exec("SHOW QUERIES; SHOW STREAMS; SHOW TABLES; SHOW TYPES;")
	e.stop()

	e = start(t, cl, more)
	after := e.exec("SHOW QUERIES; SHOW STREAMS; SHOW TABLES; SHOW TYPES;")
	for i := range before {
		_, a := before[i].Table()
		_, b := after[i].Table()
		for _, rows := range [][][]string{a, b} {
			for _, r := range rows {
				if before[i].Type == "queries" {
					r[2] = ""
				}
			}
		}
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("after the restart %s is\n%v\nbefore it was\n%v", before[i].StatementText, b, a)
		}
	}
	e.sell("café", 4, "2026-03-02")
	e.eventually("SELECT total FROM totales WHERE que = 'café';", `[7.0]`)
}

func TestDropAndTerminate(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	e := start(t, cl, nil)
	e.exec(ventas)
	err := e.refused("DROP STREAM ventas;")
	if !strings.Contains(err.Message, "CTAS_TOTALES_") || err.Hint == "" {
		t.Errorf("DROP of a source that is read: %v, hint %q", err, err.Hint)
	}
	e.exec("DROP TABLE totales DELETE TOPIC; DROP TABLE por_dia; DROP STREAM ventas;")
	if out := e.exec("SHOW QUERIES;"); len(out[0].Queries) != 0 {
		t.Errorf("queries after DROP: %v", out[0].Queries)
	}
	topics := fmt.Sprint(e.exec("SHOW ALL TOPICS;")[0].Topics)
	if strings.Contains(topics, "TOTALES") || strings.Contains(topics, "_confluent-ksql") {
		t.Errorf("topics after DROP: %s", topics)
	}
}

func TestSecondEngineTakesOver(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	cfg := ksql.Config{Brokers: cl.Seeds(), Dialer: cl.Dialer()}
	first, err := ksql.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- first.Run(ctx) }()
	<-first.Ready()
	start(t, cl, nil)
	select {
	case err := <-done:
		if !errors.Is(err, ksql.ErrSuperseded) {
			t.Errorf("the first engine ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the first engine goes on")
	}
}

func TestRefusals(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	e := start(t, cl, nil)
	e.exec(ventas)
	f := func(sql, want string) {
		t.Helper()
		if err := e.refused(sql); !strings.Contains(err.Message, want) {
			t.Errorf("%s\nsays %q\nwant %q", sql, err.Message, want)
		}
	}
	f("CREATE STREAM x (a INT) WITH (KAFKA_TOPIC='none', VALUE_FORMAT='JSON');", "Topic 'none' does not exist")
	f("CREATE STREAM ventas (a INT) WITH (KAFKA_TOPIC='ventas', VALUE_FORMAT='JSON');", "A stream with the same name already exists")
	f("CREATE SINK CONNECTOR c WITH ('a'='b');", "CONNECTOR statements are not supported yet")
	f("PAUSE ALL;", "PAUSE is not supported yet")
	f("CREATE OR REPLACE TABLE totales AS SELECT que, COUNT(*) AS n FROM ventas GROUP BY que;", "not supported yet")
	f("INSERT INTO nada VALUES (1);", "unknown stream/table")
	f("TERMINATE nada;", "Unknown queryId")
	f("SET 'no.such' = '1';", "Unknown property")
	f("CREATE STREAM a AS SELECT * FROM nada;", "NADA does not exist")
	f("SELEC 1;", "Syntax Error")
	err := e.refused("SHOW STREAMS;\nCREATE STREAM a AS SELECT quee FROM ventas;")
	if err.Index != 2 || len(err.Entities) != 1 || err.Line != 1 || err.Column != 27 {
		t.Errorf("error in a script: index %d, %d entities, at %d:%d", err.Index, len(err.Entities), err.Line, err.Column)
	}
	if text := err.Render(); !strings.Contains(text, "^") {
		t.Errorf("no caret in\n%s", text)
	}
}

// After a crash the engine's queries get their partitions back without waiting for the session of their former selves.
func TestResumesAtOnceAfterACrash(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	dir := t.TempDir()
	cfg := ksql.Config{Brokers: cl.Seeds(), Dialer: cl.Dialer(), StateDir: dir, CommitInterval: 50 * time.Millisecond}
	e := start(t, cl, func(c *ksql.Config) { *c = cfg })
	e.exec(ventas)
	e.sell("café", 3, "2026-03-02")
	e.eventually("SELECT total FROM totales WHERE que = 'café';", `[3.0]`)
	e.stop() // a static member does not leave its group when it ends: for the broker this is a crash
	began := time.Now()
	e = start(t, cl, func(c *ksql.Config) { *c = cfg })
	e.sell("café", 4, "2026-03-02")
	e.eventually("SELECT total FROM totales WHERE que = 'café';", `[7.0]`)
	if d := time.Since(began); d > 15*time.Second {
		t.Errorf("it took %v", d)
	}
	e.exec("DROP TABLE totales;")
	groups, err := kadm.NewClient(cl.Client()).ListGroups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.Groups() {
		if strings.Contains(g, "CTAS_TOTALES") {
			t.Errorf("group %s is left", g)
		}
	}
}
