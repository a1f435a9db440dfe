package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

const cliPage = "../../docs/cli.md"

// The page of the command line is made from the commands. UPDATE_DOCS=1 writes it anew.
func TestPageOfTheCommandLine(t *testing.T) {
	var b strings.Builder
	b.WriteString("# The command line\n\nGenerated from the commands by `UPDATE_DOCS=1 go test ./cmd/chortal -run PageOfTheCommandLine`; `--help` shows the same.\n\n" +
		"Exit codes: 0 done, 1 failed, 2 the command line is wrong, 3 no connection or no answer in time, 4 some of several failed, 130 interrupted.\n" +
		"Data goes to standard output, all else to standard error; `-o json` has one object a line.\n")
	root := newRoot(&settings{})
	b.WriteString("\nFlags of every command:\n\n```text\n" + root.PersistentFlags().FlagUsages() + "```\n")
	describeCommands(&b, root)
	b.WriteString("\n## Kafka's tools\n\nThese answer with Kafka's flags and Kafka's output, also when the program is called by such a name, as a link does (with or without `.sh`):\n\n")
	for _, c := range scriptCommands(&settings{}) {
		fmt.Fprintf(&b, "- `%s`: %s\n", c.Use, strings.ReplaceAll(c.Long, "\n", " "))
	}
	if os.Getenv("UPDATE_DOCS") != "" {
		if err := os.WriteFile(cliPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(cliPage)
	if err != nil || string(page) != b.String() {
		t.Errorf("docs/cli.md is not what the commands say (%v): run with UPDATE_DOCS=1", err)
	}
}

func describeCommands(b *strings.Builder, c *cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.GroupID == scriptGroup || sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" {
			continue
		}
		level := strings.Repeat("#", min(strings.Count(sub.CommandPath(), " ")+1, 4))
		fmt.Fprintf(b, "\n%s %s\n\n%s\n", level, sub.CommandPath(), sub.Long)
		if !sub.HasSubCommands() {
			fmt.Fprintf(b, "\n```text\n%s\n", sub.UseLine())
			if own := sub.NonInheritedFlags().FlagUsages(); own != "" {
				fmt.Fprintf(b, "\n%s", own)
			}
			b.WriteString("```\n")
		}
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(sub.Example, "  "), "\n  ", "\n"))
		describeCommands(b, sub)
	}
}

// A link to the program by the name of one of Kafka's scripts is that script.
func TestCalledByAScriptsName(t *testing.T) {
	var out, errs strings.Builder
	term := terminal{in: strings.NewReader(""), out: &out, err: &errs}
	if code, ok := runScript(t.Context(), "/usr/bin/kafka-topics.sh", []string{"--version"}, term); !ok || code != 0 || out.String() != version+"\n" {
		t.Errorf("kafka-topics.sh --version: %d, %t, %q", code, ok, out.String())
	}
	if _, ok := runScript(t.Context(), "/usr/bin/chortal", []string{"--version"}, term); ok {
		t.Error("the program itself is taken for a script")
	}
}
