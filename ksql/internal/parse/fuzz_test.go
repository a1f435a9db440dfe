package parse_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/parse"
)

// FuzzParse: any text parses or gives an error, and what parses prints as text of the same tree.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"select a.b->c[1], -5, - -x, x at time zone 'UTC', 'it''s' || `q``q` from s a left join t on a.i = t.i emit changes",
		"create stream s (id string key, a decimal(4,2), b struct<x int, y map<string, array<bytes>>>) with (kafka_topic='t', x=-1.5)",
		"create table t as select count(*), sum(case when a then 1.50 else 1e-7 end) from s window hopping (size 1 day, advance by 1 hour, grace period 5 seconds) group by (a, b) having a not between 1 and 2",
		"insert into s (a) values (array[1, null], map('a' := true), struct(f := x), f(a, (x, y) => x + y, z => not z))",
		"print 't' from beginning interval 1 limit 2; show all topics extended", "assert not exists schema subject s id 1 timeout 1 minute",
		"select \"A\", 1a, array, map from 2b where a is distinct from b and a like 'x' escape '!' or c in (1)",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		pieces, err := parse.Split(in)
		if err != nil || len(pieces) > 8 {
			return
		}
		for _, p := range pieces {
			s, err := p.Parse(all)
			if err == nil {
				same(t, s)
			}
		}
	})
}

func same(t *testing.T, s ast.Statement) {
	text := s.String()
	again, err := parse.Statement(text, all)
	if err != nil {
		// The canonical text has more brackets than the original, which may have been at the limit.
		if len(text) > 400 {
			return
		}
		t.Fatalf("%s\n%v", text, err)
	}
	if diff := cmp.Diff(tree(s), tree(again)); diff != "" {
		t.Fatalf("%s\n%s", text, diff)
	}
}

// FuzzComplete: completion and variables survive any text.
func FuzzComplete(f *testing.F) {
	f.Add("select * from s where a = ${v} and b = '${v}'", 20)
	f.Fuzz(func(t *testing.T, in string, offset int) {
		if len(in) > 200 {
			return
		}
		parse.Complete(in, offset)
		_, _ = parse.Script(in, parse.Options{Variables: map[string]string{"V": "x"}})
	})
}
