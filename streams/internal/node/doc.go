// Package node holds the processors behind the DSL, one family per file.
//
// Every processor is typed: records go from one to the next by pointer, without boxing and without allocation. A processor
// that changes a record fills a record of its own, which it reuses for the next one.
//
// User functions arrive as func(k, v) (result, error); the DSL wraps the shorter forms. Where Kafka would pass a null
// value to the function and the Go type has no nil, the function is not called: predicates are false and mapped values
// null, and what cannot be mapped (a new key) is dropped and counted.
package node
