package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSQLQTT(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("ventas.json", `{"tests": [
		{"name": "copy", "statements": ["CREATE STREAM v (a INT) WITH (kafka_topic='v', value_format='JSON');", "CREATE STREAM o AS SELECT * FROM v;"],
		 "inputs": [{"topic": "v", "value": {"a": 1}}]},
		{"name": "refused", "statements": ["SELECT nothing"]}]}`)
	bad := write("bad.json", `{"tests": [`)
	f := func(code int, wantOut string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		got := run(t.Context(), append([]string{"sql", "qtt"}, args...), terminal{in: strings.NewReader(""), out: &out, err: &errs})
		if got != code {
			t.Errorf("chortal sql qtt %s ends with %d, want %d: %s", strings.Join(args, " "), got, code, errs.String())
		}
		var status []string
		for line := range strings.Lines(out.String()) {
			_, rest, _ := strings.Cut(line, `"status":"`)
			s, _, _ := strings.Cut(rest, `"`)
			status = append(status, s)
		}
		if got := strings.Join(status, " "); got != wantOut {
			t.Errorf("chortal sql qtt %s gives %q, want %q", strings.Join(args, " "), got, wantOut)
		}
	}
	f(0, "ok rejected", good)
	f(0, "ok", "--jobs", "1", "--filter", "^ventas - copy$", good)
	f(1, "timeout timeout", "--case-timeout", "1ns", good)
	f(2, "", bad)
	f(2, "", filepath.Join(dir, "none.json"))
	f(2, "", "--filter", "(", good)
	f(2, "", "--jobs", "-1", good)
	f(2, "", "--case-timeout", "0s", good)
	f(2, "")
}
