// Package handler serves the Kafka APIs: one file per API, named after its
// key, and routes.go with the table of all that is served.
//
// A handler translates and does not decide: it reads the request, asks the
// metadata image, a partition or a coordinator, and writes the response. Every
// error becomes a code in one place, [code]. A request that names many topics
// or partitions is answered for each of them; one that fails does not spoil
// the others.
package handler
