// Package partition is the state of partitions over their logs: who may append, what readers may see, which producer
// wrote what, and who waits for more.
//
// A [Manager] owns the log dirs: it finds, creates, configures and deletes partitions, and its Run flushes, applies
// retention and writes Kafka's checkpoint files. A [Partition] is a plain struct with a short mutex; it has no
// goroutine.
//
// Errors that a client must see wrap a kerr value; [RecordErrors] carries the faulty records of a batch.
package partition
