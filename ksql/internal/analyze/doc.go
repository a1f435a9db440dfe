// Package analyze binds statements to the catalog: which source a column belongs to, what a star stands for, what an
// unnamed expression is called, which expressions are aggregates, what a CREATE's properties mean.
//
// Query returns an Analysis, in which every column is qualified with the alias of its source and every item of the
// projection has its final name; Source returns the catalog entry that a CREATE STREAM or TABLE declares. Both check
// the rules that need no plan, with ksqlDB's words. Errors are *api.Error with the place in the statement.
package analyze
