// Package client talks to a SQL server over its REST API, chortal's or ksqlDB's.
//
// A Client is stateless and safe for concurrent use. Session adds what ksqlDB's own command line keeps on the client's
// side: the properties of SET and the variables of DEFINE. Split cuts a script into statements and says which of them
// are queries, so that a program knows whether to call Execute or Query.
package client
