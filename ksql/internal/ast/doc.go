// Package ast holds the syntax tree of SQL: statements, queries and expressions, each with the position of its first
// token, and a printer whose output parses to the same tree.
//
// Names are in their final case: unquoted identifiers were folded to upper case by the parser. String on an expression
// gives the canonical text that error messages and generated column names use, so two expressions are the same exactly
// if their texts are. Nodes are built by the parser and by rewrites; they are not changed once shared.
package ast
