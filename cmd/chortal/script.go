package main

import (
	"context"
	"time"

	"github.com/chortal/chortal/cmd/chortal/internal/script"
	"github.com/spf13/cobra"
)

// scriptEnv is what the tools under Kafka's names get of this process.
func (s *settings) scriptEnv() script.Env {
	return script.Env{In: s.in, Out: s.out, Err: s.err, Version: version, Timeout: scriptTimeout}
}

// scriptTimeout is the longest wait of those tools for one answer, as Kafka's default.api.timeout.ms.
const scriptTimeout = time.Minute

// runScript runs a tool when the program was called by its name, as a link does.
func runScript(ctx context.Context, program string, args []string, t terminal) (code int, ok bool) {
	tool, ok := script.Lookup(program)
	if !ok {
		return 0, false
	}
	s := &settings{terminal: t}
	return script.Run(ctx, tool, args, s.scriptEnv()), true
}

// scriptCommands are the tools as commands. They read their flags themselves.
func scriptCommands(s *settings) []*cobra.Command {
	var all []*cobra.Command
	for _, tool := range script.Tools() {
		all = append(all, &cobra.Command{
			Use:                tool.Name,
			Aliases:            []string{tool.Name + ".sh"},
			Short:              "Kafka's tool of this name, with its flags and its output",
			Long:               tool.About,
			Example:            "  chortal " + tool.Name + " --help",
			GroupID:            scriptGroup,
			DisableFlagParsing: true,
			Args:               cobra.ArbitraryArgs,
			PersistentPreRunE:  func(*cobra.Command, []string) error { return nil }, // no flag and no file of ours
			RunE: func(c *cobra.Command, args []string) error {
				if code := script.Run(c.Context(), tool, args, s.scriptEnv()); code != 0 {
					return codeError(code)
				}
				return nil
			},
		})
	}
	return all
}

// scriptGroup is the heading of those commands in the help.
const scriptGroup = "scripts"
