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
	brokers  []string
	extra    []string // -X key=value
	output   string
	clientID string
	timeout  time.Duration
	noColor  bool
	quiet    bool
	verbose  bool
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
	f.StringSliceVarP(&s.brokers, "brokers", "b", nil, "brokers as host:port, comma separated (env CHORTAL_BROKERS or KAFKA_BROKERS; default "+defaultBroker+")")
	f.StringSliceVar(&s.brokers, "bootstrap-server", nil, "the same as --brokers")
	_ = f.MarkHidden("bootstrap-server")
	f.StringArrayVarP(&s.extra, "set", "X", nil, "client setting as key=value; -X list names them")
	f.DurationVar(&s.timeout, "timeout", 10*time.Second, "longest wait for one answer of a broker or server")
	f.BoolVar(&s.noColor, "no-color", false, "never colour the output (env NO_COLOR)")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "only errors on the error stream")
	f.BoolVarP(&s.verbose, "verbose", "v", false, "say on the error stream what is being done")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, err) })
	root.AddCommand(newDemo(s), newDev(s), newServer(s), newSQL(s), newTopic(s), newGroup(s), newVersion(s))
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

// resolve fills in what flags left open: -X, then the environment, then the default.
func (s *settings) resolve(c *cobra.Command) error {
	for _, kv := range s.extra {
		if kv == "list" || kv == "help" {
			fmt.Fprint(s.out, clientSettingsHelp)
			return errDone
		}
		key, value, ok := strings.Cut(kv, "=")
		if !ok {
			return usage(c, fmt.Errorf("-X %s: want key=value (-X list names the keys)", kv))
		}
		if err := s.setClient(key, value); err != nil {
			return usage(c, err)
		}
	}
	for _, name := range []string{"CHORTAL_BROKERS", "KAFKA_BROKERS"} {
		if v := os.Getenv(name); len(s.brokers) == 0 && v != "" {
			s.brokers = strings.Split(v, ",")
		}
	}
	if len(s.brokers) == 0 {
		s.brokers = []string{defaultBroker}
	}
	if f := c.Flags().Lookup("output"); f != nil {
		formats := f.Annotations["formats"]
		if len(formats) > 0 && !slices.Contains(formats, s.output) {
			return usage(c, fmt.Errorf("--output %s: want %s", s.output, strings.Join(formats, ", ")))
		}
	}
	return nil
}

const clientSettingsHelp = `bootstrap.servers  brokers as host:port, comma separated
client.id          the name by which brokers know this client
request.timeout.ms longest wait for one answer, in milliseconds
`

func (s *settings) setClient(key, value string) error {
	switch key {
	case "bootstrap.servers", "brokers":
		if len(s.brokers) == 0 {
			s.brokers = strings.Split(value, ",")
		}
	case "client.id":
		s.clientID = value
	case "request.timeout.ms":
		d, err := time.ParseDuration(value + "ms")
		if err != nil || d <= 0 {
			return fmt.Errorf("-X %s=%s: want a positive number of milliseconds", key, value)
		}
		s.timeout = d
	default:
		return fmt.Errorf("-X %s: unknown setting (-X list names the keys)", key)
	}
	return nil
}

// outputFlag adds -o/--output with the formats that a command has; the first is the default.
func (s *settings) outputFlag(c *cobra.Command, formats ...string) {
	c.Flags().StringVarP(&s.output, "output", "o", formats[0], "output format: "+strings.Join(formats, ", "))
	_ = c.Flags().SetAnnotation("output", "formats", formats)
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}
