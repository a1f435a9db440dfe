package client_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chortal/chortal/ksql/client"
)

func TestSplit(t *testing.T) {
	f := func(script string, complete bool, want ...client.Statement) {
		t.Helper()
		got, ok := client.Split(script)
		if diff := cmp.Diff(want, got); diff != "" || ok != complete {
			t.Errorf("%q: complete %v, %s", script, ok, diff)
		}
	}
	st := func(text string, kind client.Kind, line int) client.Statement {
		return client.Statement{Text: text, Kind: kind, Line: line}
	}
	f("", true)
	f(" ; ;\n", true)
	f("-- only a comment\n", true)
	f("SHOW STREAMS;", true, st("SHOW STREAMS", client.KindStatement, 1))
	f("show streams", false, st("show streams", client.KindStatement, 1))
	f("a;\n\nselect 1;", true, st("a", client.KindStatement, 1), st("select 1", client.KindQuery, 3))
	f("INSERT INTO s VALUES ('a;b', \"c;d\", `e;f`);", true, st("INSERT INTO s VALUES ('a;b', \"c;d\", `e;f`)", client.KindStatement, 1))
	f("/* a; b */ PRINT t; -- c; d\nset 'a'='b';", true, st("PRINT t", client.KindQuery, 1), st("set 'a'='b'", client.KindSession, 2))
	f("SELECT 'open", false, st("SELECT 'open", client.KindQuery, 1))
	f("SELECT 1; /* open", false, st("SELECT 1", client.KindQuery, 1))
	f("RUN SCRIPT 'x';", true, st("RUN SCRIPT 'x'", client.KindScript, 1))
	f("DEFINE a = 'it''s; so';", true, st("DEFINE a = 'it''s; so'", client.KindSession, 1))
}

func TestSession(t *testing.T) {
	s := client.NewSession(nil)
	f := func(text, want string) {
		t.Helper()
		out, err := s.Execute(t.Context(), client.Statement{Text: text, Kind: client.KindSession})
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = out[0].Message()
		}
		if got != want {
			t.Errorf("%s\nsays %q\nwant %q", text, got, want)
		}
	}
	f("SET 'auto.offset.reset' = 'earliest'", "Successfully changed local property 'auto.offset.reset' to 'earliest'.")
	f("SET 'auto.offset.reset'='latest'", "Successfully changed local property 'auto.offset.reset' from 'earliest' to 'latest'.")
	f("UNSET 'auto.offset.reset'", "Successfully unset local property 'auto.offset.reset' (value was 'latest').")
	f("UNSET 'auto.offset.reset'", "Cannot unset property 'auto.offset.reset' which was not set in the first place.")
	f("DEFINE t = 'ventas'", "Variable t defined.")
	f("SET 'x' = '${t}'", "Successfully changed local property 'x' to 'ventas'.")
	if got := s.Substitute("PRINT ${t} ${other}"); got != "PRINT ventas ${other}" {
		t.Errorf("Substitute gave %q", got)
	}
	f("UNDEFINE t", "Variable t undefined.")
	f("SET x", "Syntax error in a session statement.")
}
