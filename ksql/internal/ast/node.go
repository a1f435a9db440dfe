package ast

import "fmt"

// Pos is a place in the text: line and column count from 1. Columns count characters. The zero Pos is unknown.
type Pos struct{ Line, Column int }

// At returns the position itself; nodes embed Pos and so implement Node.
func (p Pos) At() Pos { return p }

// String returns line:column.
func (p Pos) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

// Node is anything with a place in the text.
type Node interface{ At() Pos }

// Statement is one SQL statement. Its String is the statement's text without the final semicolon.
type Statement interface {
	Node
	fmt.Stringer
	statement()
}

// Expr is an expression.
type Expr interface {
	Node
	fmt.Stringer
	expr()
}

// Relation is what a query reads from.
type Relation interface {
	Node
	fmt.Stringer
	relation()
}
