package ksql_test

import (
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
