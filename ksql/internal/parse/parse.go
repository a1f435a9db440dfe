package parse

import (
	"github.com/chortal/chortal/ksql/internal/ast"
)

// The limits on SQL text.
const (
	MaxBytes  = 1 << 20 // of a script
	MaxTokens = 100_000 // of a script
	MaxDepth  = 250     // of nested parentheses, brackets, CASEs and operators of one statement
)

// Piece is the text of one statement of a script.
type Piece struct {
	// Text is the statement with its final semicolon, without the blanks and comments before it.
	Text string
	// Pos is the place of its first token in the script.
	Pos ast.Pos
	// Directives are the comments before it that start with --@, without the two dashes.
	Directives []string
	// Terminated says that it ends with a semicolon.
	Terminated bool
}

// Parsed is one statement of a script with its text.
type Parsed struct {
	Piece
	Statement ast.Statement
}

// Error is a syntax error.
type Error struct {
	Line, Column int    // from 1; 0 if the error has no place
	Message      string // whole, such as: line 1:8: Syntax Error ...
	Reason       string // without the place
	Hint         string // what to do, or ""
	Source       string // the line of the text
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }
