package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"chortal": main})
}

// startNode runs a node in the test's process, with its data in a temporary
// folder and every port chosen by the system.
func startNode(t testing.TB, properties ...string) *node {
	t.Helper()
	var errs bytes.Buffer
	s := &settings{terminal: terminal{out: &errs, err: &errs}, quiet: true}
	cfg, err := s.readServer(strings.NewReader("log.dirs="+escapeProperty(t.TempDir())+"/log\n"+
		"listeners=PLAINTEXT://127.0.0.1:0\nsql.listeners=http://127.0.0.1:0\nadmin.listeners=http://127.0.0.1:0\n"+
		"group.initial.rebalance.delay.ms=0\n"+strings.Join(properties, "\n")+"\n"), true)
	if err != nil {
		t.Fatal(err)
	}
	n, err := newNode(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("node: %v", err)
		}
	})
	select {
	case <-n.ready:
	case err := <-done:
		done <- nil
		t.Fatalf("node: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the node was not ready after a minute")
	}
	return n
}

// The scripts of testdata/script run the command line against one server.
func TestScripts(t *testing.T) {
	n := startNode(t, "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("CHORTAL_BROKERS", n.kafkaAddr())
			e.Setenv("SQL", n.sqlURL())
			e.Setenv("ADMIN", n.adminURL())
			e.Setenv("LOGDIR", logDir(n.cfg.broker))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_CONFIG_HOME", e.WorkDir+"/config")
			return nil
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

// Every command says what it does, shows how, and has a flag help that is true.
func TestEveryCommandIsExplained(t *testing.T) {
	root := newRoot(&settings{})
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" || c.Long == "" || c.Example == "" {
			t.Errorf("%s lacks a short text, a long one or an example", c.CommandPath())
		}
		if strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: the short text ends with a full stop", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}

// Examples in the help are commands that exist, with flags that exist.
func TestExamplesParse(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for line := range strings.SplitSeq(c.Example, "\n") {
			checkExample(t, line)
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(&settings{}))
}

func checkExample(t *testing.T, line string) {
	t.Helper()
	line, _, _ = strings.Cut(line, "#")
	_, args, ok := strings.Cut(line, "chortal ")
	if !ok {
		return
	}
	args, _, _ = strings.Cut(args, " <")
	words := splitWords(args)
	root := newRoot(&settings{})
	c, rest, err := root.Find(words)
	if err != nil || c == root {
		t.Errorf("example %q: %v", line, err)
		return
	}
	if err := c.ParseFlags(rest); err != nil {
		t.Errorf("example %q: %v", line, err)
	} else if c.Args != nil && c.Args(c, c.Flags().Args()) != nil {
		t.Errorf("example %q: %v", line, c.Args(c, c.Flags().Args()))
	}
}

// splitWords cuts a command line as a shell does that knows single quotes only.
func splitWords(line string) []string {
	var words []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}

// Scripts and monitors rely on the exit codes.
func TestExitCodes(t *testing.T) {
	f := func(want int, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(t.Context(), args, terminal{in: strings.NewReader(""), out: &out, err: &errs}); got != want {
			t.Errorf("chortal %s ends with %d, want %d: %s", strings.Join(args, " "), got, want, errs.String())
		}
	}
	f(0, "version")
	f(0, "topic")
	f(2, "topik")
	f(2, "topic", "lst")
	f(2, "topic", "create")
	f(2, "topic", "list", "--nonsense")
	f(2, "topic", "list", "-o", "yaml")
	f(2, "topic", "delete", "ventas")
	f(2, "dev", "--port-offset", "-1")
	f(3, "topic", "list", "-b", "127.0.0.1:1", "--timeout", "500ms")
	f(3, "sql", "http://127.0.0.1:1", "-e", "SHOW STREAMS;")
	f(1, "server", "-c", "no-such-file")
}

func TestNearestName(t *testing.T) {
	f := func(name, want string, candidates ...string) {
		t.Helper()
		if got := nearest(name, candidates); got != want {
			t.Errorf("nearest(%q, %q) = %q, want %q", name, candidates, got, want)
		}
	}
	f("vntas", "ventas", "clientes", "ventas")
	f("ventas", "ventas", "ventas")
	f("x", "", "ventas")
	f("abc", "")
}

func TestOffsets(t *testing.T) {
	for _, bad := range []string{"", "first", "@yesterday", "@-5", "1.5"} {
		if _, err := parseOffset(bad); err == nil {
			t.Errorf("offset %q is taken", bad)
		}
	}
	for _, good := range []string{"start", "end", "0", "17", "-3", "@0", "@2026-03-02", "@2026-03-02T10:00:00Z"} {
		if _, err := parseOffset(good); err != nil {
			t.Errorf("offset %q: %v", good, err)
		}
	}
}
