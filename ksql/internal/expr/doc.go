// Package expr types expressions and compiles them to closures.
//
// The main function is Compile: it walks an expression once, resolves its columns against a Scope, its functions
// against the registry, inserts the casts that SQL makes by itself, folds constants and returns a Program, whose Eval
// runs on one row. The analyser uses the same function for its types alone, so that typing and evaluation cannot
// disagree.
//
// The rules are ksqlDB's where they differ from the SQL standard: a comparison with NULL is false and not unknown,
// arithmetic with NULL is NULL, whole numbers wrap around. An error while a row is evaluated is returned: the caller
// makes it a NULL and a record in the processing log.
package expr
