package repl

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/chortal/chortal/ksql/client"
)

// Formats are the output formats; the first is the default of a terminal.
var formats = []string{"table", "json", "csv"}

// Config is what a prompt needs. Client, In, Out and Err are required.
type Config struct {
	// Client is the connection to the server; statements and \connect may replace it.
	Client *client.Client
	// In is where statements are read from, Out where results go, Err where
	// errors and remarks go.
	In       io.Reader
	Out, Err io.Writer
	// Output is table, json (one object a line) or csv; empty means table.
	Output string
	// Variables are defined from the start, as by DEFINE.
	Variables map[string]string
	// Color allows terminal attributes on Out and Err.
	Color bool
	// HistoryFile keeps the statements of a Shell, readable by its owner only;
	// empty keeps them in memory.
	HistoryFile string
	// Size tells the terminal's width and height; nil, or zeros, mean unknown.
	Size func() (width, height int)
}

func (c Config) size() (width, height int) {
	if c.Size == nil {
		return 0, 0
	}
	return c.Size()
}

// ValidOutput reports whether Output may have this value.
func ValidOutput(name string) bool { return slices.Contains(formats, name) }

// Outputs names the output formats.
func Outputs() []string { return slices.Clone(formats) }

// runner executes statements for one prompt or script.
type runner struct {
	cfg      Config
	session  *client.Session
	out      io.Writer // cfg.Out, or that and the spool file
	spool    io.Closer
	timing   bool
	expanded bool
	last     string // the latest query, for \watch
	depth    int    // of scripts that run scripts
}

func newRunner(cfg Config) *runner {
	if cfg.Output == "" {
		cfg.Output = formats[0]
	}
	r := &runner{cfg: cfg, session: client.NewSession(cfg.Client), out: cfg.Out}
	for k, v := range cfg.Variables {
		r.session.Variables[k] = v
	}
	return r
}

func (r *runner) close() {
	if r.spool != nil {
		r.spool.Close()
		r.spool = nil
	}
	r.out = r.cfg.Out
}

// note writes a remark for the person, never data.
func (r *runner) note(format string, args ...any) {
	fmt.Fprintf(r.cfg.Err, format+"\n", args...)
}

// paint adds a terminal attribute where they are allowed.
func (r *runner) paint(text, attribute string) string {
	if !r.cfg.Color {
		return text
	}
	return "\x1b[" + attribute + "m" + text + "\x1b[0m"
}

// showError writes an error with its place, its caret and its hint.
func (r *runner) showError(err error) {
	text := err.Error()
	if e, ok := asError(err); ok {
		text = e.Render()
	}
	first, rest, more := strings.Cut(text, "\n")
	fmt.Fprintf(r.cfg.Err, "%s %s\n", r.paint("error:", "31"), first)
	if more {
		fmt.Fprintln(r.cfg.Err, rest)
	}
}
