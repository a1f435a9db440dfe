package repl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/chortal/chortal/ksql/client"
)

// Script runs statements, then those of files, without a prompt and in one
// session. It stops at the first error, which it returns; it was not written yet.
func Script(ctx context.Context, cfg Config, texts, files []string) error {
	r := newRunner(cfg)
	defer r.close()
	for _, text := range texts {
		if err := r.script(ctx, text); err != nil {
			return err
		}
	}
	for _, path := range files {
		if err := r.file(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// Pipe reads statements from cfg.In and runs each as soon as its semicolon was
// read, so that a program can talk to it. It stops at the first error.
func Pipe(ctx context.Context, cfg Config) error {
	r := newRunner(cfg)
	defer r.close()
	in := bufio.NewReader(cfg.In)
	var pending strings.Builder
	for {
		line, err := in.ReadString('\n')
		pending.WriteString(line)
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return fmt.Errorf("read statements: %w", err)
		}
		if pending.Len() > maxScriptBytes {
			return fmt.Errorf("a statement has more than %d bytes", maxScriptBytes)
		}
		if !end && !strings.Contains(line, ";") && !isMeta(pending.String()) {
			continue
		}
		done, err := r.pipeStep(ctx, &pending, end)
		if err != nil || done || end {
			return err
		}
	}
}

// pipeStep runs what is complete in pending, and leaves the rest there.
func (r *runner) pipeStep(ctx context.Context, pending *strings.Builder, end bool) (exit bool, err error) {
	text := pending.String()
	if isMeta(text) {
		pending.Reset()
		return r.meta(ctx, strings.TrimSpace(text))
	}
	statements, complete := client.Split(text)
	if !complete && !end {
		return false, nil
	}
	pending.Reset()
	for _, st := range statements {
		if err := r.statement(ctx, st); err != nil {
			return false, err
		}
	}
	return false, nil
}
