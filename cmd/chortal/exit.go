package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Exit codes, the same for every command.
const (
	exitOK         = 0
	exitFailed     = 1   // the operation failed
	exitUsage      = 2   // the command line is wrong
	exitConnection = 3   // no connection, or no answer in time
	exitPartial    = 4   // some of several topics, groups ... failed
	exitInterrupt  = 130 // SIGINT
)

// errDone ends a command early and without fault.
var errDone = errors.New("done")

// usageError is a mistake in the command line.
type usageError struct {
	cause error
	help  string // the command whose help to show
}

func (e *usageError) Error() string { return e.cause.Error() }
func (e *usageError) Unwrap() error { return e.cause }

func usage(c *cobra.Command, err error) error {
	return &usageError{cause: err, help: c.CommandPath() + " --help"}
}

// partialError says that some parts of a request failed; each was reported already.
type partialError struct{ failed, all int }

func (e *partialError) Error() string { return fmt.Sprintf("%d of %d failed", e.failed, e.all) }

// hintError carries advice for the person.
type hintError struct {
	cause error
	hint  string
}

func (e *hintError) Error() string { return e.cause.Error() }
func (e *hintError) Unwrap() error { return e.cause }

func withHint(err error, format string, args ...any) error {
	return &hintError{cause: err, hint: fmt.Sprintf(format, args...)}
}

// codeError ends the process with a code, after a command has said why.
type codeError int

func (e codeError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// report writes the error, if any, to the error stream and returns the exit code.
func report(ctx context.Context, s *settings, err error) int {
	if err == nil || errors.Is(err, errDone) {
		return exitOK
	}
	if code, ok := errors.AsType[codeError](err); ok {
		return int(code)
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return exitInterrupt
	}
	fmt.Fprintf(s.err, "%s %s\n", s.paint("error:", red), describe(err))
	if hint := hintFor(s, err); hint != "" {
		fmt.Fprintf(s.err, "%s %s\n", s.paint("hint:", bold), hint)
	}
	return exitCode(err)
}

// describe adds Kafka's number of an error to its text, which has the name.
func describe(err error) string {
	if ke, ok := errors.AsType[*kerr.Error](err); ok {
		return fmt.Sprintf("%v (code %d)", err, ke.Code)
	}
	return err.Error()
}

func exitCode(err error) int {
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*partialError](err); ok {
		return exitPartial
	}
	if isConnection(err) {
		return exitConnection
	}
	return exitFailed
}

func isConnection(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op != "listen"
	}
	if _, ok := errors.AsType[*kgo.ErrGroupSession](err); ok {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, kerr.RequestTimedOut)
}

func hintFor(s *settings, err error) string {
	if h, ok := errors.AsType[*hintError](err); ok {
		return h.hint
	}
	if u, ok := errors.AsType[*usageError](err); ok {
		return u.help + " says how it is called"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "listen" {
		return "another program listens there: choose another port for that listener, or an empty value to switch it off"
	}
	if isConnection(err) {
		return fmt.Sprintf("is a broker running at %v? `chortal dev` starts one; -b HOST:PORT names another", s.brokers)
	}
	return ""
}

// Terminal attributes (SGR).
const (
	red  = "31"
	bold = "1"
)

// paint colours text for the error stream.
func (s *settings) paint(text, attribute string) string {
	if !s.color(s.err) {
		return text
	}
	return "\x1b[" + attribute + "m" + text + "\x1b[0m"
}
