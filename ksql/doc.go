// Package ksql is chortal's SQL engine: ksqlDB's dialect over any Kafka broker.
//
// New takes the brokers' addresses, Run blocks: it replays the command log and keeps the persistent queries running
// until its context ends. Execute runs statements, Query push and pull queries. Everything that Execute changes is
// written to the compacted topic `_chortal_<service id>_commands` before it is answered, so that a new engine with the
// same service id has the same streams, tables and queries.
//
// The way of a statement: internal/parse (text to internal/ast), internal/analyze (names and types against a snapshot
// of internal/catalog), internal/plan (steps, which are JSON and are stored with the statement), internal/exec (steps to
// a streams topology). ksql/server serves the engine as ksqlDB's REST API, ksql/client talks to it.
package ksql
