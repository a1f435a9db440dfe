package ksql

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/chortal/chortal/ksql/internal/exec"
	"github.com/chortal/chortal/ksql/internal/plan"
)

var update = flag.Bool("update", false, "write what the statements give into the golden files")

// TestGolden runs testdata/*.txtar: the statements of -- sql --, the records of -- in/TOPIC -- (a line each: timestamp,
// key, value; - is null), and compares the plan of the last query, its topology, the records of each -- out/TOPIC -- and
// the -- error --. With -update it writes them. An old plan beside it, -- plan/old --, must still build.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { golden(t, file) })
	}
}

func golden(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &qttCase{file: path, properties: map[string]string{}}
	for _, f := range archive.Files {
		topic, in := strings.CutPrefix(f.Name, "in/")
		switch {
		case f.Name == "sql":
			c.test.Statements = []string{string(f.Data)}
		case in:
			for line := range strings.Lines(string(f.Data)) {
				c.test.Inputs = append(c.test.Inputs, goldenRecord(t, topic, strings.TrimSuffix(line, "\n")))
			}
		}
	}
	run := newQTTRun(c)
	run.run(t.Context())
	for i := range archive.Files {
		f := &archive.Files[i]
		if f.Name == "plan/old" {
			old, err := plan.Decode(f.Data)
			if err == nil {
				_, err = exec.Build(old, run.options())
			}
			if err != nil {
				t.Errorf("the old plan does not build any more: %v", err)
			}
			continue
		}
		got, ok := goldenSection(t, run, f.Name)
		switch {
		case !ok:
		case *update:
			f.Data = []byte(got)
		case got != string(f.Data):
			t.Errorf("-- %s --\ngot\n%swant\n%s", f.Name, got, f.Data)
		}
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if run.status != "ok" && !hasSection(archive, "error") {
		t.Errorf("%s: %+v", run.status, run.err)
	}
}

func hasSection(a *txtar.Archive, name string) bool {
	for _, f := range a.Files {
		if f.Name == name {
			return true
		}
	}
	return false
}

func goldenRecord(t *testing.T, topic, line string) qttRecord {
	parts := strings.SplitN(line, " ", 3)
	if len(parts) != 3 {
		t.Fatalf("record %q is not: timestamp key value", line)
	}
	r := qttRecord{Topic: topic}
	if _, err := fmt.Sscan(parts[0], &r.Timestamp); err != nil {
		t.Fatal(err)
	}
	side := func(s string) json.RawMessage {
		switch {
		case s == "-":
			return nil
		case json.Valid([]byte(s)):
			return json.RawMessage(s)
		}
		quoted, _ := json.Marshal(s)
		return quoted
	}
	r.Key, r.Value = side(parts[1]), side(parts[2])
	return r
}

func goldenSection(t *testing.T, run *qttRun, name string) (string, bool) {
	topic, out := strings.CutPrefix(name, "out/")
	switch {
	case name == "error" && run.err != nil:
		return run.err.Message + "\n", true
	case name == "error":
		return "", true
	case name == "plan" && len(run.queries) > 0:
		text, err := json.MarshalIndent(run.queries[len(run.queries)-1], "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return string(text) + "\n", true
	case name == "topology" && len(run.queries) > 0:
		built, err := exec.Build(run.queries[len(run.queries)-1], run.options())
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimRight(built.Topology.Describe(), "\n") + "\n", true
	case out:
		var b strings.Builder
		state := run.topics[topic]
		if state == nil {
			return "", true
		}
		src := run.sourceOf(topic)
		for i, rec := range state.records {
			o := qttRecordOf(topic, i, rec, src)
			key := string(o.Key)
			if o.Window != nil {
				key += fmt.Sprintf("@%d-%d", o.Window.Start, o.Window.End)
			}
			fmt.Fprintf(&b, "%d %s %s\n", o.Timestamp, key, o.Value)
		}
		return b.String(), true
	}
	return "", false
}
