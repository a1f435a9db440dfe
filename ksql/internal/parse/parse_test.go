package parse_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chortal/chortal/ksql/internal/parse"
)

var all = parse.Options{Test: true, Scripts: true}

// TestPrint holds text against its canonical form, and the form against itself.
func TestPrint(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		s, err := parse.Statement(in, all)
		if err != nil {
			t.Errorf("%s\n%v", in, err)
			return
		}
		got := strings.Join(strings.Fields(s.String()), " ")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n%s", in, diff)
		}
		again, err := parse.Statement(s.String(), all)
		if err != nil {
			t.Errorf("%s\n%v", s, err)
			return
		}
		if diff := cmp.Diff(tree(s), tree(again)); diff != "" {
			t.Errorf("%s\n%s", in, diff)
		}
	}
	f("select * from s;", "SELECT * FROM S")
	f("select a, B as c, `d e` f, s.* from s emit changes limit 3", "SELECT A, B C, `d e` F, S.* FROM S EMIT CHANGES LIMIT 3")
	f("select a->b->c, a->* from s", "SELECT A->B->C, A->* FROM S")
	f("select -5, - 5, -(5), - -5, +x, 1.50, .5, 1e3, 2147483648, true, null, 'it''s' from s",
		"SELECT -5, -5, -(5), -(-5), +X, 1.50, 0.5, 1000.0E0, 2147483648, true, null, 'it''s' FROM S")
	f("select a+b*c-d, (a+b)*c, a||b||'x' from s", "SELECT ((A + (B * C)) - D), ((A + B) * C), CONCAT(CONCAT(A, B), 'x') FROM S")
	f("select * from s where a = 1 or not b > 2 and c is not null and d in (1,2) and e not like 'a!%' escape '!'",
		"SELECT * FROM S WHERE ((A = 1) OR ((((NOT (B > 2)) AND (C IS NOT NULL)) AND (D IN (1, 2))) AND (E NOT LIKE 'a!%' ESCAPE '!')))")
	f("select * from s where a between 1 and 2 and b is distinct from c", "SELECT * FROM S WHERE ((A BETWEEN 1 AND 2) AND (B IS DISTINCT FROM C))")
	f("select case when a then 1 else 2 end, case x when 1 then 'a' end from s", "SELECT (CASE WHEN A THEN 1 ELSE 2 END), (CASE X WHEN 1 THEN 'a' END) FROM S")
	f("select cast(a as struct<x int, `y` decimal(4,2)>), array[1,2], map('a':=1), struct(f:=1), array[], m['k'][1] from s",
		"SELECT CAST(A AS STRUCT<X INTEGER, `y` DECIMAL(4, 2)>), ARRAY[1, 2], MAP('a':=1), STRUCT(F:=1), ARRAY[], M['k'][1] FROM S")
	f("select transform(a, x => x + 1), reduce(m, 0, (s, k, v) => s + v), transform(a, (x) => transform(x, y => x)) from s",
		"SELECT TRANSFORM(A, (X) => (X + 1)), REDUCE(M, 0, (S, K, V) => (S + V)), TRANSFORM(A, (X) => TRANSFORM(X, (Y) => X)) FROM S")
	f("select dateadd(days, 1, d), days, count(*), count(a), map, array, struct from s", "SELECT DATEADD(DAYS, 1, D), DAYS, COUNT(*), COUNT(A), MAP, ARRAY, STRUCT FROM S")
	f("select a at time zone 'UTC' from s", "SELECT (A AT TIME ZONE 'UTC') FROM S")
	f("select 1a, _x, \"Q\" from 2b", "SELECT `1A`, _X, Q FROM `2B`")
	f("create stream s (id string key, a int) with (kafka_topic='t', 'ssl.x'=1, retention=-5)",
		"CREATE STREAM S (ID STRING KEY, A INTEGER) WITH (KAFKA_TOPIC='t', 'ssl.x'=1, RETENTION=-5)")
	f("create or replace source table if not exists t (id int primary key, h array<struct<key string, value bytes>> headers, k bytes header('x')) with (kafka_topic='t')",
		"CREATE OR REPLACE SOURCE TABLE IF NOT EXISTS T (ID INTEGER PRIMARY KEY, H ARRAY<STRUCT<KEY STRING, VALUE BYTES>> HEADERS, K BYTES HEADER('x')) WITH (KAFKA_TOPIC='t')")
	f("create table x as select a, count(*) from s window tumbling (size 1 day, retention 2 days, grace period 1 hour) where a > 1 group by a, (b) partition by c having count(*) > 1 emit final",
		"CREATE TABLE X AS SELECT A, COUNT(*) FROM S WINDOW TUMBLING ( SIZE 1 DAYS , RETENTION 2 DAYS , GRACE PERIOD 1 HOURS ) WHERE (A > 1) GROUP BY A, B PARTITION BY C HAVING (COUNT(*) > 1) EMIT FINAL")
	f("select a from s window hopping (size 1 minute, advance by 10 seconds) group by ()", "SELECT A FROM S WINDOW HOPPING ( SIZE 1 MINUTES , ADVANCE BY 10 SECONDS ) GROUP BY ()")
	f("select a from s window session (5 minutes) group by (a, b)", "SELECT A FROM S WINDOW SESSION ( 5 MINUTES ) GROUP BY A, B")
	f("select * from a x left join b y within (1 hour, 2 days) grace period 3 seconds on x.i = y.i full outer join c on c.i = x.i",
		"SELECT * FROM A X LEFT OUTER JOIN B Y WITHIN (1 HOURS, 2 DAYS) GRACE PERIOD 3 SECONDS ON ((X.I = Y.I)) FULL OUTER JOIN C ON ((C.I = X.I))")
	f("insert into s with (query_id='q') select * from t", "INSERT INTO S WITH (QUERY_ID='q') SELECT * FROM T")
	f("insert into s (a, b) values (1, array['x'])", "INSERT INTO S (A, B) VALUES (1, ARRAY['x'])")
	f("drop table if exists t delete topic", "DROP TABLE IF EXISTS T DELETE TOPIC")
	f("alter stream s add column a int, add b map<string, bigint>", "ALTER STREAM S ADD COLUMN A INTEGER, ADD COLUMN B MAP<STRING, BIGINT>")
	f("create type if not exists p as array<int>", "CREATE TYPE IF NOT EXISTS P AS ARRAY<INTEGER>")
	f("drop type p", "DROP TYPE P")
	for _, s := range []string{
		"TERMINATE ALL", "PAUSE Q1", "RESUME ALL", "EXPLAIN Q1", "EXPLAIN ANALYZE SELECT * FROM S", "SHOW PROPERTIES", "SHOW ALL TOPICS EXTENDED",
		"SHOW STREAMS EXTENDED", "SHOW TABLES", "SHOW QUERIES", "SHOW FUNCTIONS", "SHOW SOURCE CONNECTORS", "SHOW CONNECTOR PLUGINS", "SHOW TYPES",
		"SHOW VARIABLES", "DESCRIBE S EXTENDED", "DESCRIBE STREAMS", "DESCRIBE TABLES EXTENDED", "DESCRIBE FUNCTION F", "DESCRIBE CONNECTOR C",
		"PRINT 't' FROM BEGINNING INTERVAL 2 LIMIT 3", "SET 'a'='b'", "UNSET 'a'", "ALTER SYSTEM 'a'='b'", "DEFINE V='x'", "UNDEFINE V",
		"CREATE SOURCE CONNECTOR C WITH ('a.b'='c')", "DROP CONNECTOR IF EXISTS C", "ASSERT TOPIC 't' WITH (PARTITIONS=1) TIMEOUT 10 SECONDS",
		"ASSERT NOT EXISTS SCHEMA SUBJECT 's' ID 3", "ASSERT VALUES S (A) VALUES (1)", "ASSERT NULL VALUES S (A) KEY (1)",
		"ASSERT STREAM S (A INTEGER) WITH (X=1)", "RUN SCRIPT 'f.sql'",
	} {
		f(s, s)
	}
	f("list topics", "SHOW TOPICS")
	f("print my_Topic", "PRINT 'my_Topic'")
}

func TestErrors(t *testing.T) {
	f := func(in, want, hint string) {
		t.Helper()
		_, err := parse.Script(in, parse.Options{Variables: map[string]string{}})
		var e *parse.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v", in, err)
			return
		}
		if diff := cmp.Diff(want, e.Message); diff != "" {
			t.Errorf("%s\n%s", in, diff)
		}
		if e.Hint != hint {
			t.Errorf("%s: hint %q, want %q", in, e.Hint, hint)
		}
	}
	f("SELEC * FROM s;", "line 1:1: Syntax Error\nUnknown statement 'SELEC'\nDid you mean 'SELECT'?", "did you mean SELECT?")
	f("select 1;\nRUN SCRIPT 'x';", "line 1:9: Syntax Error\nSyntax error at or near ';' at line 1:9\nExpecting {'FROM', ','}", "")
	f("select * from a;\n run script 'x';", "line 2:2: Syntax Error\nUnknown statement 'run'", "")
	f("select a from s group by a, (b, c)", "line 1:31: Syntax Error\nmissing ')' at ','", "")
	f("select cast(a as null) from s", "line 1:18: Syntax Error\nSyntax error at or near 'null' at line 1:18\n\"null\" is a reserved keyword and it can't be used as an identifier. You can use it as an identifier by escaping it as `null`", "to use it as a name write `null`")
	f("assert values s values (1);", "line 1:8: Syntax Error\nSyntax error at or near 'values' at line 1:8", "this form of ASSERT is for test scripts only")
	f("select * form s;", "line 1:10: Syntax Error\nSyntax error at or near 'form' at line 1:10\nExpecting {'FROM', ','}", "did you mean FROM?")
	f("select a form s;", "line 1:15: Syntax Error\nSyntax error at or near 's' at line 1:15\nExpecting {'FROM', ','}", "did you mean FROM instead of form?")
	f("select 'abc from s;", "line 1:8: Syntax Error\nthe string is not closed", "add the closing quote '; a quote inside a string is doubled: ''")
	f("select ${x} from s;", "line 1:8: Syntax Error\nthe variable ${x} is not defined", "DEFINE it first: DEFINE name = 'value';")
	f("select (a from s;", "line 1:11: Syntax Error\nmissing ')' at 'from'", "")
	f("select count(a from s;", "line 1:16: Syntax Error\nSyntax error at or near 'from' at line 1:16\nExpecting {',', ')'}", "")
	f("select 99999999999999999999 from s;", "line 1:8: Syntax Error\nInvalid numeric literal: 99999999999999999999", "the largest whole number is 9223372036854775807; write it with a decimal point to make it a DECIMAL")
	f("select a # b from s;", "line 1:10: Syntax Error\nSyntax error at or near '#' at line 1:10\nExpecting {'FROM', ','}", "")
	f("select f(x => x, a) from s", "line 1:10: Syntax Error\nLambda expressions must be the last arguments of a function", "put the lambdas after all other arguments")
	f("select a from s window tumbling (size 1 month) group by a", "line 1:41: Syntax Error\nMONTHS have no fixed length", "use DAYS, HOURS, MINUTES, SECONDS or MILLISECONDS")
	f("select ? from s", "line 1:8: Syntax Error\nSyntax error at or near '?' at line 1:8", "")
}

func TestSnippet(t *testing.T) {
	_, err := parse.Script("select a,\n\tb form s;", parse.Options{})
	var e *parse.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if diff := cmp.Diff("\tb form s;\n\t       ^", e.Snippet()); diff != "" {
		t.Error(diff)
	}
}

func TestSplit(t *testing.T) {
	pieces, err := parse.Split("-- a; comment\n--@test: one\nselect ';' from s;; /* ; */\n  bad stuff here;\nselect `a;` from\n t -- end")
	if err != nil {
		t.Fatal(err)
	}
	type piece struct {
		Text, Pos  string
		Directives int
		Terminated bool
	}
	var got []piece
	for _, p := range pieces {
		got = append(got, piece{p.Text, p.Pos.String(), len(p.Directives), p.Terminated})
	}
	want := []piece{
		{"select ';' from s;", "3:1", 1, true},
		{"bad stuff here;", "4:3", 0, true},
		{"select `a;` from\n t", "5:1", 0, false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestVariables(t *testing.T) {
	vars := map[string]string{"T": "ventas", "N": "5", "S": "it's", "E": "a; drop stream x"}
	f := func(in, want string) {
		t.Helper()
		out, err := parse.Script(in, parse.Options{Variables: vars})
		if err != nil {
			if got := err.Error(); !strings.Contains(got, want) {
				t.Errorf("%s: %s", in, got)
			}
			return
		}
		if got := strings.Join(strings.Fields(out[0].Statement.String()), " "); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	f("select * from ${t} limit ${N};", "SELECT * FROM VENTAS LIMIT 5")
	f("select '${S} ${t} ${none}' from `${t}`;", "SELECT 'it''s ventas ${none}' FROM `ventas`")
	f("select * from ${e};", "is not a name")
	f("select * from ${none};", "the variable ${none} is not defined")
}

func TestComplete(t *testing.T) {
	check := func(in string, want bool, words ...string) {
		t.Helper()
		c := parse.Complete(in, len(in))
		for _, w := range words {
			if slices.Contains(c.Keywords, w) != want {
				t.Errorf("%q: %s: want %v: %v", in, w, want, c.Keywords)
			}
		}
	}
	check("", true, "SELECT", "CREATE", "SHOW", "DROP", "PRINT")
	check("sel", true, "SELECT")
	check("select * ", true, "FROM")
	check("select * ", false, "WHERE", "SELECT")
	check("select * from s ", true, "WHERE", "EMIT", "GROUP", "WINDOW", "LEFT", "JOIN")
	check("select * from s where a = 1 emit ", true, "CHANGES", "FINAL")
	check("create ", true, "STREAM", "TABLE", "OR", "TYPE", "SOURCE")
	check("select 1 from x; show ", true, "STREAMS", "TABLES", "TOPICS")
	check("create stream s (a int) ", true, "WITH")
	if c := parse.Complete("select * from ve", 16); !c.Sources || !c.Names || c.Prefix != "ve" {
		t.Errorf("got %+v", c)
	}
	if c := parse.Complete("select que", 10); !c.Names || c.Sources || c.Prefix != "que" {
		t.Errorf("got %+v", c)
	}
}

// TestLimits: whatever the text, an error in time and no stack overflow.
func TestLimits(t *testing.T) {
	f := func(name, in, want string) {
		t.Helper()
		_, err := parse.Statement(in, all)
		got := "ok"
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %.200s, want %s", name, got, want)
		}
	}
	rep := strings.Repeat
	f("parens", "select "+rep("(", 300)+"1"+rep(")", 300)+" from s", "nested deeper")
	f("parens ok", "select "+rep("(", 240)+"1"+rep(")", 240)+" from s", "ok")
	f("calls ok", "select "+rep("f(", 240)+"1"+rep(")", 240)+" from s", "ok")
	f("lambdas", "select "+rep("f(a, x => ", 260)+"1"+rep(")", 260)+" from s", "nested deeper")
	f("not", "select * from s where "+rep("not ", 5000)+"a", "nested deeper")
	f("minus", "select "+rep("- ", 5000)+"a from s", "nested deeper")
	f("case", "select "+rep("case when a then ", 300)+"1"+rep(" end", 300)+" from s", "nested deeper")
	f("type", "select cast(a as "+rep("array<", 300)+"int"+rep(">", 300)+") from s", "nested deeper")
	f("explain", rep("explain ", 300)+"select * from s", "nested deeper")
	f("open only", "select "+rep("(", 99_000), "nested deeper")
	f("subscripts", "select a"+rep("[1]", 5000)+" from s", "ok")
	f("and", "select * from s where a"+rep(" and a", 5000), "ok")
	f("tokens", rep("a ", 100_001), "more than 100000 tokens")
	f("bytes", rep("a", 1<<20+1), "longer than")
	f("in", "select * from s where a in (1"+rep(",1", 10_000)+")", "ok")
}
