// Package recordbatch reads, checks, changes in place and builds Kafka's record batches (magic 2).
//
// A [Batch] is the bytes of one whole batch as they lie on the wire and on disk:
//
//	offset  size  field
//	     0     8  base offset
//	     8     4  length of what follows
//	    12     4  partition leader epoch
//	    16     1  magic (2)
//	    17     4  CRC-32C of what follows
//	    21     2  attributes: bits 0-2 codec, 3 log append time, 4 transactional, 5 control, 6 delete horizon
//	    23     4  last offset delta
//	    27     8  base timestamp, ms
//	    35     8  max timestamp, ms
//	    43     8  producer id
//	    51     2  producer epoch
//	    53     4  base sequence
//	    57     4  number of records
//	    61        records, compressed as a whole
//
// Base offset and leader epoch lie outside the CRC, so a broker assigns offsets without touching the rest.
//
// Accessors trust that the header is there: call [Validate], [ValidateHeader] or [Split] on outside bytes first.
// Everything that decompresses takes a limit in bytes, so a small batch cannot become a large one.
package recordbatch
