// Package grammar holds the ANTLR grammar of chortal's SQL, Ksql.g4, and makes the Go code in grammar/parser from it.
//
// The tool is the jar of the npm package antlr4ng-cli, version 2.0.0; it needs Java and npm. The generated code is
// committed, so neither is needed to build.
package grammar

//go:generate sh generate.sh
