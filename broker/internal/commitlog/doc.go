// Package commitlog is one partition on one disk: segments in Kafka's own file format, their indexes, recovery,
// retention, and a tail cache in memory.
//
// A [Log] appends record batches and assigns their offsets, reads runs of whole batches as a [Slice], and after a crash
// keeps exactly a prefix of what was appended that contains everything that [Log.Flush] had made durable. See DESIGN.md
// for the files, the order of writes and what recovery cuts or refuses.
package commitlog
