package ksql_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/chortal/chortal/internal/testcluster"
	"github.com/chortal/chortal/ksql"
)

const refusable = `
CREATE STREAM a (k STRING KEY, v STRING) WITH (KAFKA_TOPIC='a', FORMAT='JSON', PARTITIONS=1);
CREATE STREAM b (k STRING KEY, v STRING) WITH (KAFKA_TOPIC='b', FORMAT='JSON', PARTITIONS=1);
CREATE STREAM joined (k STRING KEY, v STRING) WITH (KAFKA_TOPIC='joined', FORMAT='JSON', PARTITIONS=1);
CREATE TABLE t (k STRING PRIMARY KEY, v STRING) WITH (KAFKA_TOPIC='t', FORMAT='JSON', PARTITIONS=1);
CREATE TABLE u (k STRING PRIMARY KEY, v STRING) WITH (KAFKA_TOPIC='u', FORMAT='JSON', PARTITIONS=1);
`

// What cannot run is refused with its place and a way out before anything is made for it.
func TestWhatCannotRunIsRefused(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	e := start(t, cl, nil)
	e.exec(refusable)
	state := func() string {
		end, err := kadm.NewClient(cl.Client()).ListEndOffsets(t.Context(), commands)
		if err != nil {
			t.Fatal(err)
		}
		o, _ := end.Lookup(commands, 0)
		out := fmt.Sprintln(o.Offset, topicsOf(t, cl))
		for _, entity := range e.exec("SHOW STREAMS; SHOW TABLES; SHOW QUERIES;") {
			_, rows := entity.Table()
			out += fmt.Sprintln(rows)
		}
		return out
	}
	before := state()
	for _, c := range []struct{ sql, message, at string }{
		{"CREATE TABLE x AS SELECT k, COUNT(*) FROM a WINDOW SESSION (1 HOUR) GROUP BY k;", "Session windows are not supported yet.", "SESSION"},
		{"CREATE STREAM x AS\n  SELECT a.k, b.v FROM a JOIN b WITHIN 1 HOUR ON a.k = b.k;", "Stream-stream joins are not supported yet.", "JOIN"},
		{"INSERT INTO joined SELECT a.k AS k, b.v AS v FROM a JOIN b WITHIN 1 HOUR ON a.k = b.k;", "Stream-stream joins are not supported yet.", "JOIN"},
		{"CREATE TABLE x AS SELECT t.k, u.v FROM t JOIN u ON t.k = u.k;", "Table-table joins are not supported yet.", "JOIN"},
		{"CREATE TABLE x AS SELECT t.k, u.v FROM t JOIN u ON t.v = u.k;", "Foreign-key joins are not supported yet.", "JOIN"},
	} {
		err := e.refused(c.sql)
		if err.Message != c.message || err.Hint == "" || err.Code != ksql.CodeBadStatement {
			t.Errorf("%s\ngot %d %s, hint %q", c.sql, err.Code, err.Message, err.Hint)
		}
		lines := strings.Split(c.sql, "\n")
		if err.Line < 1 || err.Line > len(lines) || err.Column < 1 || !strings.HasPrefix(lines[err.Line-1][err.Column-1:], c.at) {
			t.Errorf("%s\nthe place is %d:%d, want that of %s", c.sql, err.Line, err.Column, c.at)
		}
	}
	if after := state(); after != before {
		t.Errorf("refused statements left something behind\nbefore\n%safter\n%s", before, after)
	}
}

// Every refusal says where, and proposes what was probably meant.
func TestRefusalsHaveAPlace(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	e := start(t, cl, nil)
	e.exec(refusable)
	e.exec("INSERT INTO b WITH (QUERY_ID='copia') SELECT * FROM a;")
	for _, c := range []struct{ sql, message, at, hint string }{
		{"SHOW CONNECTORS;", "SHOW CONNECTORS is not supported yet.", "SHOW", "connectors are not part"},
		{"DROP CONNECTOR x;", "CONNECTOR statements are not supported yet.", "DROP", "connectors are not part"},
		{"DESCRIBE CONNECTOR x;", "CONNECTOR statements are not supported yet.", "DESCRIBE", "connectors are not part"},
		{"PAUSE copia;", "PAUSE is not supported yet.", "PAUSE", "TERMINATE"},
		{"RESUME ALL;", "RESUME is not supported yet.", "RESUME", "TERMINATE"},
		{"TERMINATE copiar;", "Unknown queryId: COPIAR", "copiar", "COPIA?"},
		{"TERMINATE nada;", "Unknown queryId: NADA", "nada", "SHOW QUERIES"},
		{"EXPLAIN copai;", "Query with id:COPAI does not exist", "copai", "COPIA?"},
		{"CREATE OR REPLACE STREAM a AS SELECT * FROM b;", "CREATE OR REPLACE STREAM AS SELECT of stream 'A', which exists, is not supported yet.", "CREATE", "DROP STREAM A"},
		{"CREATE STREAM x (k INT) WITH (KAFKA_TOPIC='a',\n VALUE_FORMAT='JSONN');", "Unknown format: JSONN", "VALUE_FORMAT", "JSON?"},
		{"CREATE STREAM x (k INT) WITH (KAFKA_TOPIC='a', FORMAT='AVRO');", "Format AVRO needs a schema registry", "FORMAT", "use JSON"},
		{"CREATE STREAM x WITH (VALUE_FORMAT='AVRO') AS SELECT * FROM a;", "Format AVRO needs a schema registry", "VALUE_FORMAT", "use JSON"},
		{"CREATE STREAM x (k INT) WITH (KAFKA_TOPIC='nada', FORMAT='JSON');", "Topic 'nada' does not exist.", "KAFKA_TOPIC", "PARTITIONS"},
		{"CREATE STREAM x (k INT) WITH (KAFKA_TOPIC='a', PARTITIONS=9, FORMAT='JSON');", "A Kafka topic with the name 'a' already exists", "PARTITIONS", ""},
		{"DROP STREAM joind;", "Stream JOIND does not exist.", "DROP", "JOINED?"},
		{"DESCRIBE joind;", "Could not find STREAM/TABLE 'JOIND' in the Metastore", "DESCRIBE", "JOINED?"},
		{"INSERT INTO joind SELECT * FROM a;", "INSERT INTO target does not exist: JOIND", "INSERT", "JOINED?"},
	} {
		check(t, e.refused(c.sql), c.sql, c.message, c.at, c.hint)
	}
	_, err := e.tryRows("SELECT * FROM a;", 1)
	var out *ksql.Error
	if !errors.As(err, &out) {
		t.Fatalf("a pull query on a stream: %v", err)
	}
	check(t, out, "SELECT * FROM a;", "Pull queries on streams are not supported yet: A is a stream.", "a;", "EMIT CHANGES")
}

func check(t *testing.T, err *ksql.Error, sql, message, at, hint string) {
	t.Helper()
	if !strings.HasPrefix(err.Message, message) || !strings.Contains(err.Hint, hint) {
		t.Errorf("%s\ngot %s, hint %q", sql, err.Message, err.Hint)
	}
	lines := strings.Split(sql, "\n")
	if err.Line < 1 || err.Line > len(lines) || err.Column < 1 || !strings.HasPrefix(lines[err.Line-1][err.Column-1:], at) {
		t.Errorf("%s\nthe place is %d:%d, want that of %s", sql, err.Line, err.Column, at)
	}
	if !strings.Contains(err.Render(), "^") {
		t.Errorf("%s\nno caret: %s", sql, err.Render())
	}
}
