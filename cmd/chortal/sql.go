package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/chortal/chortal/internal/repl"
	"github.com/chortal/chortal/ksql/client"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

type sqlFlags struct {
	execute, files []string
	defines        []string
	user, password string
}

func newSQL(s *settings) *cobra.Command {
	var f sqlFlags
	c := &cobra.Command{
		Use:   "sql [URL]",
		Short: "A prompt for the SQL server",
		Long: `A prompt for a SQL server, chortal's or ksqlDB's (default ` + client.DefaultURL + `).

With -e, -f or statements on standard input it runs those and ends, at the
first error with exit code 1. Output json is one object a line.`,
		Example: `  chortal sql
  chortal sql -e 'SHOW STREAMS;' --output json
  chortal sql http://127.0.0.1:8088 -f ventas.sql
  echo 'SELECT * FROM ventas_por_dia;' | chortal sql`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg := client.Config{User: f.user, Password: f.password}
			if len(args) > 0 {
				cfg.URL = args[0]
			}
			return s.sql(c, cfg, f)
		},
	}
	c.Flags().StringArrayVarP(&f.execute, "execute", "e", nil, "run this statement and end, repeatable")
	c.Flags().StringArrayVarP(&f.files, "file", "f", nil, "run the statements of this file and end, repeatable")
	c.Flags().StringArrayVarP(&f.defines, "define", "d", nil, "define a variable as name=value, repeatable")
	c.Flags().StringVarP(&f.user, "user", "u", "", "user for basic authentication")
	c.Flags().StringVarP(&f.password, "password", "p", "", "password for basic authentication")
	s.outputFlag(c, repl.Outputs()...)
	c.AddCommand(newSQLQTT(s))
	return c
}

func (s *settings) sql(c *cobra.Command, cc client.Config, f sqlFlags) error {
	cl, err := client.New(cc)
	if err != nil {
		return usage(c, err)
	}
	defer cl.Close()
	cfg := repl.Config{Client: cl, In: s.in, Out: s.out, Err: s.err, Output: s.output, Variables: map[string]string{}}
	for _, d := range f.defines {
		k, v, ok := strings.Cut(d, "=")
		if !ok {
			return usage(c, fmt.Errorf("--define %s: want name=value", d))
		}
		cfg.Variables[k] = v
	}
	err = s.runSQL(c, cfg, f)
	if e, ok := errors.AsType[*client.Error](err); ok {
		err = &sqlError{e}
	}
	if isConnection(err) {
		err = withHint(err, "is a SQL server running at %s? `chortal dev` starts one", cl.URL())
	}
	return err
}

// sqlError shows a server's error with the place and the hint that it carries.
type sqlError struct{ cause *client.Error }

func (e *sqlError) Error() string { return e.cause.Render() }
func (e *sqlError) Unwrap() error { return e.cause }

func (s *settings) runSQL(c *cobra.Command, cfg repl.Config, f sqlFlags) error {
	ctx := c.Context()
	switch {
	case len(f.execute)+len(f.files) > 0:
		return repl.Script(ctx, cfg, f.execute, f.files)
	case !isTerminal(s.in) || !isTerminal(s.out):
		return repl.Pipe(ctx, cfg)
	}
	return s.prompt(ctx, cfg)
}

// prompt runs the interactive form. Ctrl-C belongs to it: it stops a query,
// not the program.
func (s *settings) prompt(ctx context.Context, cfg repl.Config) error {
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	info, err := cfg.Client.Info(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "Connected to %s (version %s). \\? for help, Tab completes, Ctrl-C stops a query, Ctrl-D leaves.\n",
		strings.TrimPrefix(cfg.Client.URL(), "http://"), info.Version)
	cfg.Color = s.color(s.out)
	cfg.HistoryFile = historyFile()
	cfg.Size = func() (int, int) {
		w, h, err := term.GetSize(int(os.Stdout.Fd()))
		if err != nil {
			return 0, 0
		}
		return w, h
	}
	return repl.Shell(ctx, cfg)
}

// historyFile is where a person's statements are kept: CHORTAL_HISTORY, or a
// file in the user's configuration folder; empty keeps none.
func historyFile() string {
	if path, ok := os.LookupEnv("CHORTAL_HISTORY"); ok {
		return path
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "chortal", "sql_history")
}
