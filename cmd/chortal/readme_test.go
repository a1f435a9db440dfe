package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chortal/chortal/internal/repl"
	"github.com/chortal/chortal/ksql/client"
)

// fenced returns the code blocks of a language that follow a heading of a page.
func fenced(t *testing.T, page, heading, language string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no section %q", page, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for {
		_, rest, ok := strings.Cut(section, "```"+language+"\n")
		if !ok {
			return blocks
		}
		block, after, ok := strings.Cut(rest, "```")
		if !ok {
			t.Fatalf("%s: a block is not closed", page)
		}
		blocks = append(blocks, block)
		section = after
	}
}

const readme = "../../README.md"

// The README's SQL tour runs as it stands there, and says what it claims.
func TestReadmeSQL(t *testing.T) {
	tour := fenced(t, readme, "Ask with SQL", "sql")
	if len(tour) != 1 {
		t.Fatalf("%d blocks of SQL", len(tour))
	}
	n := startNode(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cl, err := n.client()
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := loadSample(ctx, cl); err != nil {
		t.Fatal(err)
	}
	sql, err := client.New(client.Config{URL: n.sqlURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer sql.Close()
	var out, errs bytes.Buffer
	cfg := repl.Config{Client: sql, Out: &out, Err: &errs}
	if err := repl.Script(ctx, cfg, tour, nil); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
	}
	for _, want := range []string{"ventas ", "| QUE ", "CTAS_VENTAS_POR_DIA_", "CSAS_CARAS_", "WINDOWSTART", "TOTAL"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the tour does not show %q:\n%s", want, out.String())
		}
	}
	var mistake bytes.Buffer
	code := run(ctx, []string{"sql", n.sqlURL(), "-e", "SELCT 1;"}, terminal{in: strings.NewReader(""), out: &out, err: &mistake})
	if want := fenced(t, readme, "Ask with SQL", "text"); code != 1 || !strings.HasPrefix(mistake.String(), want[0]) {
		t.Errorf("a mistake is answered with\n%s\nthe README shows\n%s", mistake.String(), want[0])
	}
}

// The demo's statements are those that the README shows, and its Go code is
// the example's.
func TestReadmeShowsWhatRuns(t *testing.T) {
	shown := strings.Join(fenced(t, readme, "See it work", "sql"), "\n")
	for _, statement := range []string{demoStream, demoTable} {
		if !strings.Contains(shown, statement) {
			t.Errorf("the README does not show\n%s", statement)
		}
	}
	example, err := os.ReadFile("../../examples/ventas/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range fenced(t, readme, "Write a Go program", "go") {
		for line := range strings.SplitSeq(strings.TrimSpace(block), "\n") {
			if !strings.Contains(string(example), strings.TrimSpace(line)) {
				t.Errorf("the README's line %q is not in the example", line)
			}
		}
	}
}

// Every command line of the README exists.
func TestReadmeCommands(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		line = strings.Replace(line, "go run ./cmd/chortal ", "chortal ", 1)
		if strings.HasPrefix(line, "chortal ") && len(strings.Fields(line)) > 1 {
			found++
			checkExample(t, line)
		}
	}
	if found < 4 {
		t.Errorf("only %d command lines found", found)
	}
}
