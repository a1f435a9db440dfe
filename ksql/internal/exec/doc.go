// Package exec builds plans: steps become operators of the streams DSL, expressions become closures over rows.
//
// Build returns the topology of a plan and, for tables that can be asked, how their store is read. A record's key is a Key,
// its value a row of the step's columns: the key columns first, so that expressions see them. Rows are never changed
// after the operator that made them has sent them on.
//
// An expression that fails on a row gives NULL, or drops the row where it is a condition or a key, and is reported to
// the processing log; see DESIGN.md.
package exec
