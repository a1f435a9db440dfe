package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chortal/chortal/cmd/chortal/internal/clientconf"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// terminal is where a command reads and writes. Data goes to out, all else to err.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

// isTerminal reports whether a stream is a person's screen or keyboard.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// settings are the flags that every command shares.
type settings struct {
	terminal
	connection
	output  string
	timeout time.Duration
	noColor bool
	quiet   bool
	verbose bool
}

// logger writes to the error stream at the level that -q and -v ask for.
func (s *settings) logger() *slog.Logger {
	level := slog.LevelInfo
	switch {
	case s.quiet:
		level = slog.LevelError
	case s.verbose:
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: level}))
}

// color reports whether text on the stream may be coloured: never with
// --no-color or NO_COLOR, always with FORCE_COLOR, else on a terminal.
func (s *settings) color(stream any) bool {
	switch {
	case s.noColor || os.Getenv("NO_COLOR") != "":
		return false
	case os.Getenv("FORCE_COLOR") != "" || os.Getenv("CLICOLOR_FORCE") != "":
		return true
	}
	return isTerminal(stream)
}

// run executes one command line and returns the process's exit code.
func run(ctx context.Context, args []string, t terminal) int {
	s := &settings{terminal: t}
	root := newRoot(s)
	root.SetArgs(args)
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	err := root.ExecuteContext(ctx)
	return report(ctx, s, err)
}

const defaultBroker = "127.0.0.1:9092"

func newRoot(s *settings) *cobra.Command {
	root := &cobra.Command{
		Use:   "chortal",
		Short: "A Kafka-compatible broker, stream processing and SQL in one binary",
		Long: `chortal is a streaming platform in one binary: a broker that speaks the Kafka
protocol, a streams library for Go, and a SQL engine in ksqlDB's dialect.`,
		Example: `  chortal demo                      # sales per product per day, in a few seconds
  chortal dev                       # broker and SQL server on this computer
  chortal sql                       # a prompt for the SQL server
  chortal topic consume ventas      # read a topic`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			return s.resolve(c)
		},
	}
	f := root.PersistentFlags()
	s.connection.flags(f)
	f.DurationVar(&s.timeout, "timeout", 10*time.Second, "longest wait for one answer of a broker or server")
	f.BoolVar(&s.noColor, "no-color", false, "never colour the output (env NO_COLOR)")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "only errors on the error stream")
	f.BoolVarP(&s.verbose, "verbose", "v", false, "say on the error stream what is being done")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, err) })
	root.AddCommand(newDemo(s), newDev(s), newServer(s), newSQL(s), newTopic(s), newGroup(s), newTxn(s), newACL(s), newUser(s), newQuota(s), newConfig(s), newCluster(s), newLog(s), newProfile(s), newVersion(s))
	root.AddGroup(&cobra.Group{ID: scriptGroup, Title: "Commands under the names of Kafka's scripts (also as links to this program):"})
	root.AddCommand(scriptCommands(s)...)
	checkArgs(root)
	return root
}

// checkArgs makes every refused argument a usage error, and has a command that
// only holds others say which of them was probably meant.
func checkArgs(c *cobra.Command) {
	for _, sub := range c.Commands() {
		checkArgs(sub)
	}
	if c.HasSubCommands() && c.RunE == nil {
		c.Args = cobra.ArbitraryArgs // so that RunE sees what is no command
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return usage(c, unknownCommand(c, args[0]))
		}
		return
	}
	validate := c.Args
	if validate == nil {
		validate = cobra.NoArgs
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if err := validate(c, args); err != nil {
			return usage(c, err)
		}
		return nil
	}
}

func unknownCommand(c *cobra.Command, name string) error {
	msg := fmt.Sprintf("unknown command %q for %q", name, c.CommandPath())
	c.SuggestionsMinimumDistance = 2
	if like := c.SuggestionsFor(name); len(like) > 0 {
		msg += fmt.Sprintf(" (did you mean %q?)", like[0])
	}
	return fmt.Errorf("%s", msg)
}

// resolve fills in what flags left open: -X, then the environment, then the file of a client, then the default.
func (s *settings) resolve(c *cobra.Command) error {
	if slices.Contains(s.extra, "list") || slices.Contains(s.extra, "help") {
		for _, k := range clientconf.Keys() {
			fmt.Fprintf(s.out, "%-38s %s\n", k.Name, k.Doc)
		}
		return errDone
	}
	if err := s.connection.resolve(); err != nil {
		return usage(c, err)
	}
	if d, err := clientconf.Timeout(s.props); err != nil {
		return usage(c, err)
	} else if d > 0 && !c.Flags().Changed("timeout") {
		s.timeout = d
	}
	if f := c.Flags().Lookup("output"); f != nil {
		if !f.Changed {
			s.output = f.DefValue // every command has the variable, so the last one made has set it
		}
		formats := f.Annotations["formats"]
		if len(formats) > 0 && !slices.Contains(formats, s.output) {
			return usage(c, fmt.Errorf("--output %s: want %s", s.output, strings.Join(formats, ", ")))
		}
	}
	return nil
}

// outputFlag adds -o/--output with the formats that a command has; the first is the default.
func (s *settings) outputFlag(c *cobra.Command, formats ...string) {
	c.Flags().StringVarP(&s.output, "output", "o", formats[0], "output format: "+strings.Join(formats, ", "))
	_ = c.Flags().SetAnnotation("output", "formats", formats)
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}
