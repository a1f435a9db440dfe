package repl

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/chortal/chortal/ksql/client"
)

const help = `Statements end with a semicolon and may span lines. Ctrl-C stops a running query, Ctrl-D leaves.

  \d              all streams and tables        \d NAME     columns of one (SQL: DESCRIBE NAME;)
  \ds  \dt        streams, tables               \df [NAME]  functions, or one of them
  \dq             queries that run              \topics     topics
  \x              rows as columns, on or off    \timing     how long statements took, on or off
  \o table|json|csv   output format             \watch [S]  the last query again every S seconds (2)
  \i FILE         run a script                  \spool FILE|off   write results to a file as well
  \connect [URL]  another server                \? help     \q leave

ksqlDB's own words work too: help, exit, output [FORMAT], server [URL], run script 'FILE', spool, history, clear, version.
`

// words are ksqlDB's CLI commands that are no SQL; they need no semicolon.
var words = map[string]string{
	"help": `\?`, "exit": `\q`, "quit": `\q`, "output": `\o`, "server": `\connect`, "spool": `\spool`,
	"history": `\history`, "clear": `\clear`, "version": `\version`,
}

// isMeta reports whether a line is a command for the prompt rather than SQL.
func isMeta(line string) bool {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, `\`) {
		return true
	}
	fields := strings.Fields(strings.TrimSuffix(line, ";"))
	if len(fields) == 0 || len(fields) > 2 {
		return false
	}
	_, ok := words[strings.ToLower(fields[0])]
	return ok
}

// meta runs a command of the prompt. exit is true when it was the last one.
func (r *runner) meta(ctx context.Context, line string) (exit bool, err error) {
	fields := strings.Fields(strings.TrimSuffix(strings.TrimSpace(line), ";"))
	name, arg := fields[0], strings.Trim(strings.Join(fields[1:], " "), "'")
	if alias, ok := words[strings.ToLower(name)]; ok {
		name = alias
	}
	switch name {
	case `\q`, `\quit`, `\exit`:
		return true, nil
	case `\?`, `\h`, `\help`:
		_, err = io.WriteString(r.out, help)
	case `\d`:
		err = r.describe(ctx, arg)
	case `\ds`:
		err = r.script(ctx, "SHOW STREAMS;")
	case `\dt`:
		err = r.script(ctx, "SHOW TABLES;")
	case `\dq`:
		err = r.script(ctx, "SHOW QUERIES;")
	case `\topics`:
		err = r.script(ctx, "SHOW TOPICS;")
	case `\df`:
		err = r.functions(ctx, arg)
	case `\x`:
		r.expanded = !r.expanded
		r.note("Expanded display is %s.", onOff(r.expanded))
	case `\timing`:
		r.timing = !r.timing
		r.note("Timing is %s.", onOff(r.timing))
	case `\o`, `\output`:
		err = r.setOutput(arg)
	case `\i`, `\include`:
		err = r.file(ctx, arg)
	case `\spool`:
		err = r.setSpool(arg)
	case `\watch`:
		err = r.watch(ctx, arg)
	case `\connect`, `\c`:
		err = r.connect(ctx, arg)
	case `\version`:
		err = r.version(ctx)
	case `\clear`:
		if r.cfg.Color {
			_, err = io.WriteString(r.cfg.Out, "\x1b[H\x1b[2J")
		}
	case `\history`:
		r.note(`the arrow keys and Ctrl-R go through the history`)
	default:
		err = fmt.Errorf(`unknown command %s (\? lists the commands)`, name)
	}
	return false, err
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func (r *runner) describe(ctx context.Context, name string) error {
	if name != "" {
		return r.script(ctx, "DESCRIBE "+name+";")
	}
	if err := r.script(ctx, "SHOW STREAMS;"); err != nil {
		return err
	}
	return r.script(ctx, "SHOW TABLES;")
}

func (r *runner) functions(ctx context.Context, name string) error {
	if name != "" {
		return r.script(ctx, "DESCRIBE FUNCTION "+name+";")
	}
	return r.script(ctx, "SHOW FUNCTIONS;")
}

func (r *runner) setOutput(name string) error {
	if name == "" {
		r.note("Output format is %s.", r.cfg.Output)
		return nil
	}
	name = strings.ToLower(name)
	if name == "tabular" {
		name = "table" // ksqlDB's word
	}
	if !ValidOutput(name) {
		return fmt.Errorf("output format %q: want %s", name, strings.Join(formats, ", "))
	}
	r.cfg.Output = name
	return nil
}

func (r *runner) setSpool(path string) error {
	r.close()
	if path == "" || strings.EqualFold(path, "off") {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	r.spool, r.out = f, io.MultiWriter(r.cfg.Out, f)
	return nil
}

// watch repeats the last query until it is interrupted.
func (r *runner) watch(ctx context.Context, arg string) error {
	if r.last == "" {
		return fmt.Errorf(`\watch repeats the last query, and there was none`)
	}
	every := 2 * time.Second
	if arg != "" {
		seconds, err := strconv.ParseFloat(arg, 64)
		if err != nil || seconds < 0.1 || seconds > 86_400 {
			return fmt.Errorf(`\watch %s: want seconds between 0.1 and 86400`, arg)
		}
		every = time.Duration(seconds * float64(time.Second))
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		fmt.Fprintln(r.out, time.Now().Format(time.DateTime))
		if err := r.script(ctx, r.last+";"); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// connect moves the session to another server; properties and variables stay.
func (r *runner) connect(ctx context.Context, url string) error {
	if url == "" {
		r.note("Connected to %s.", r.session.Client.URL())
		return nil
	}
	c, err := client.New(client.Config{URL: url})
	if err != nil {
		return err
	}
	info, err := c.Info(ctx)
	if err != nil {
		c.Close()
		return err
	}
	r.session.Client = c
	r.note("Connected to %s (version %s).", c.URL(), info.Version)
	return nil
}

func (r *runner) version(ctx context.Context) error {
	info, err := r.session.Client.Info(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.out, "%s, cluster %s, service %s\n", info.Version, info.KafkaClusterID, info.KsqlServiceID)
	return err
}
