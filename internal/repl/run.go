package repl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chortal/chortal/ksql/client"
)

// Limits of scripts: of one file, and of scripts that run scripts.
const (
	maxScriptBytes = 16 << 20
	maxScriptDepth = 16
)

func asError(err error) (*client.Error, bool) {
	return errors.AsType[*client.Error](err)
}

// script runs the statements of a text in order and stops at the first error.
func (r *runner) script(ctx context.Context, text string) error {
	statements, _ := client.Split(text)
	for _, st := range statements {
		if err := r.statement(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

// statement runs one statement and writes its answer.
func (r *runner) statement(ctx context.Context, st client.Statement) error {
	began := time.Now()
	var err error
	switch st.Kind {
	case client.KindQuery:
		r.last = st.Text
		err = r.query(ctx, st)
	case client.KindScript:
		err = r.runScript(ctx, st.Text)
	default:
		err = r.execute(ctx, st)
	}
	if r.timing && err == nil {
		r.note("Time: %s", time.Since(began).Round(10*time.Microsecond))
	}
	return err
}

func (r *runner) execute(ctx context.Context, st client.Statement) error {
	entities, err := r.session.Execute(ctx, st)
	if e, ok := asError(err); ok {
		entities = e.Entities
	}
	for _, e := range entities {
		if st.Kind == client.KindSession { // the session's business, no data
			r.note("%s", e.Message())
			continue
		}
		if err := r.entity(e); err != nil {
			return err
		}
	}
	return err
}

func (r *runner) query(ctx context.Context, st client.Statement) error {
	rows, err := r.session.Query(ctx, st)
	if err != nil {
		return err
	}
	defer rows.Close()
	stop := context.AfterFunc(ctx, func() { rows.Close() })
	defer stop()
	err = r.result(ctx, rows)
	if ctx.Err() != nil {
		if rows.QueryID != "" {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = r.session.Client.CloseQuery(closing, rows.QueryID) // the server also sees the connection end
		}
		return ctx.Err()
	}
	return err
}

// runScript reads RUN SCRIPT 'file' and runs the file.
func (r *runner) runScript(ctx context.Context, text string) error {
	_, quoted, ok := strings.Cut(text, "'")
	path, _, closed := strings.Cut(quoted, "'")
	if !ok || !closed || path == "" {
		return fmt.Errorf("RUN SCRIPT wants the path of a file in quotes: RUN SCRIPT 'ventas.sql';")
	}
	return r.file(ctx, path)
}

// file runs the statements of a file on this computer.
func (r *runner) file(ctx context.Context, path string) error {
	if r.depth >= maxScriptDepth {
		return fmt.Errorf("script %s: scripts run scripts more than %d deep", path, maxScriptDepth)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("script: %w", err)
	}
	if info.Size() > maxScriptBytes {
		return fmt.Errorf("script %s has %d bytes, more than %d", path, info.Size(), maxScriptBytes)
	}
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return fmt.Errorf("script: %w", err)
	}
	r.depth++
	defer func() { r.depth-- }()
	return r.script(ctx, string(text))
}
