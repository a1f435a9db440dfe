// Package catalog holds what statements have defined: streams, tables, types and persistent queries.
//
// The main type is Catalog, an immutable snapshot: every change returns a new one, so that a statement is analysed
// against one state whatever runs beside it, and a script can be tried on a copy. The rules of DDL live here, in the
// order in which ksqlDB checks them and with its words: what may be replaced, what may be dropped, who depends on whom.
package catalog
