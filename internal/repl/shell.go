package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/chortal/chortal/ksql/client"
	"github.com/reeflective/readline"
)

// Prompts: of a statement's first line, and of the lines that continue it.
const (
	primary      = "sql> "
	continuation = "  -> "
)

// Shell runs an interactive prompt on the process's terminal until \q, Ctrl-D
// or the end of ctx. An error of a statement is written and the prompt goes on;
// Ctrl-C stops the statement that runs, or throws away the line being typed.
func Shell(ctx context.Context, cfg Config) error {
	r := newRunner(cfg)
	defer r.close()
	rl, err := newEditor(ctx, r)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		line, err := rl.Readline()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && err.Error() == readline.ErrInterrupt.Error():
			continue
		case err != nil:
			return fmt.Errorf("read a line: %w", err)
		}
		if exit := r.interactive(ctx, line); exit {
			return nil
		}
	}
	return nil
}

// interactive runs what was typed; Ctrl-C ends it alone.
func (r *runner) interactive(ctx context.Context, line string) (exit bool) {
	if strings.TrimSpace(line) == "" {
		return false
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	var err error
	if isMeta(line) {
		exit, err = r.meta(ctx, line)
	} else {
		err = r.script(ctx, line)
	}
	if err != nil && !(errors.Is(err, context.Canceled) && ctx.Err() != nil) {
		r.showError(err)
	}
	return exit
}

func newEditor(ctx context.Context, r *runner) (*readline.Shell, error) {
	rl := readline.NewShell()
	rl.Prompt.Primary(func() string { return primary })
	rl.Prompt.Secondary(func() string { return continuation })
	// Letters such as é are letters, not Meta commands.
	_ = rl.Config.Set("convert-meta", false)
	_ = rl.Config.Set("input-meta", true)
	_ = rl.Config.Set("output-meta", true)
	_ = rl.Config.Set("multiline-column", false)
	_ = rl.Config.Set("multiline-column-numbered", false)
	rl.AcceptMultiline = func(line []rune) bool { return complete(string(line)) }
	c := &completer{ctx: ctx, r: r}
	rl.Completer = c.complete
	if r.cfg.HistoryFile == "" {
		return rl, nil
	}
	if err := ownFile(r.cfg.HistoryFile); err != nil {
		return nil, err
	}
	history, err := readline.NewHistoryFromFile(r.cfg.HistoryFile)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	rl.History.Add("sql", history)
	return rl, nil
}

// complete reports whether Enter runs the text rather than begins a new line.
func complete(text string) bool {
	if strings.TrimSpace(text) == "" || isMeta(text) {
		return true
	}
	_, ok := client.Split(text)
	return ok
}

// ownFile makes sure that a file exists and that only its owner may read it.
func ownFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if err := f.Chmod(0o600); err != nil {
		f.Close()
		return fmt.Errorf("history: %w", err)
	}
	return f.Close()
}
