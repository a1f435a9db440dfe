// Package repl is the prompt of `chortal sql`: it reads statements from a
// terminal or a script, sends them to a SQL server, and writes what comes back
// as tables, CSV or JSON.
//
// Shell is the interactive form with editing, history and completion; Script
// runs statements from a pipe, a file or the command line and writes no escape
// sequence at all. Both share one runner, so that a statement does the same in
// either.
package repl
