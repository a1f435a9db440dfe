// Package runtime runs a topology against a Kafka cluster: it is the shell around package task, and the only user of the
// Kafka client in the streams library.
//
// The main type is [Runtime]. It creates the internal topics, joins the consumer group of the application, runs one
// goroutine per task ([worker]), and commits. DESIGN.md beside this file tells how the parts fit together and what must
// hold.
package runtime
