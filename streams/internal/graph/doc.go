// Package graph is the logical graph that the DSL builds: nodes in the order of the program, the counter that names them,
// the optimisations that move them, and the walk that writes them into a processor.Topology.
//
// The names and their indices are a contract: stores and internal topics carry them, so they are Kafka Streams' to the
// number. Every operator draws its indices from [Graph.NewName] and [Graph.NewStoreName] in Kafka's order, also for names
// that it does not use.
package graph
