package api

import (
	"fmt"
	"strings"
)

// Code is a ksqlDB error code: the HTTP status times 100 plus a detail.
type Code int

// The error codes of ksqlDB's REST API.
const (
	CodeBadRequest         Code = 40000
	CodeBadStatement       Code = 40001
	CodeWrongEndpoint      Code = 40002 // a query was sent to /ksql
	CodeTooManyPushQueries Code = 40003
	CodeUnauthorized       Code = 40100
	CodeForbidden          Code = 40300
	CodeNotFound           Code = 40400
	CodeAssertionFailed    Code = 41700
	CodeNoSchemaRegistry   Code = 42801
	CodeServerError        Code = 50000
	CodeCommandTimeout     Code = 50301
	CodeNotReady           Code = 50302
	CodeShuttingDown       Code = 50303
)

// Error is a refused statement or a failed query. Message is ksqlDB's text where ksqlDB refuses the same thing; Line
// and Column say where in Statement, counted from 1 and from 1, zero when unknown; Hint proposes the fix.
type Error struct {
	Code      Code
	Message   string
	Line      int
	Column    int
	Hint      string
	Statement string
	// Index is the position of the refused statement in its script, from 1; zero when unknown.
	Index int
	// Entities are the answers of the statements of the same script that ran before this one.
	Entities []Entity
	// Cause is what lies below, when there is something.
	Cause error
}

// Error returns the message alone; Render adds the source line and the caret.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// HTTPStatus is the status of the HTTP answer that carries the error.
func (e *Error) HTTPStatus() int {
	if e.Code < 10000 {
		return 500
	}
	if e.Code == CodeAssertionFailed {
		return 417
	}
	if e.Code == CodeNoSchemaRegistry {
		return 428
	}
	return int(e.Code) / 100
}

// Render returns the message, the line of the statement it speaks of with a caret under the place, and the hint.
func (e *Error) Render() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if line, ok := sourceLine(e.Statement, e.Line); ok && e.Column > 0 {
		column := min(e.Column, len([]rune(line))+1)
		fmt.Fprintf(&b, "\n  %s\n  %s^", line, caretIndent(line, column-1))
	}
	if e.Hint != "" {
		b.WriteString("\nHint: ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// caretIndent is as wide as the first n runes of line; tabs stay tabs so that the caret lands below its place.
func caretIndent(line string, n int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i == n {
			break
		}
		if r == '\t' {
			b.WriteRune('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func sourceLine(text string, line int) (string, bool) {
	if line < 1 {
		return "", false
	}
	for i, l := range strings.Split(text, "\n") {
		if i == line-1 {
			return strings.TrimRight(l, "\r"), true
		}
	}
	return "", false
}

// Errorf returns a bad-statement error with the given text.
func Errorf(format string, args ...any) *Error {
	return &Error{Code: CodeBadStatement, Message: fmt.Sprintf(format, args...)}
}
