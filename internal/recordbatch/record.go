package recordbatch

import "iter"

// Header is a record header.
type Header struct {
	Key   string
	Value []byte // nil is null
}

// Record is one record. Key, Value and Headers point into the batch or into the iteration's buffer: they are valid
// until the next record; copy what must live longer.
type Record struct {
	Attributes int8
	Offset     int64
	Timestamp  int64  // ms since 1970
	Key        []byte // nil is null
	Value      []byte // nil is null
	Headers    []Header
}

// DefaultMaxBytes is the limit of decompressed bytes where a caller gives 0.
const DefaultMaxBytes = 128 << 20

// Records iterates the records, decompressing at most maxBytes (0: [DefaultMaxBytes]). After an error it ends.
func (b Batch) Records(maxBytes int) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {}
}
