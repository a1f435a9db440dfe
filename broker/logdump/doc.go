// Package logdump writes what stands in the files of a log dir, in the words of Kafka's DumpLogSegments: segments, offset and
// time indexes, transaction indexes, producer snapshots, leader epochs, checkpoints, meta.properties and our metadata.log.
//
// It reads files of chortal and of Apache Kafka, and only reads. Records of __consumer_offsets, __transaction_state and
// Kafka's __cluster_metadata are decoded by the schemas in schemas.go, which are generated from Kafka's message definitions.
// Nothing in a file is trusted: whatever is cut short or wrong ends the file with an error that names the place.
package logdump

//go:generate go run ./generate
