package recordbatch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
)

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

// Records iterates the records, decompressing at most maxBytes (0: [DefaultMaxBytes]). After an error it ends. An
// iteration that runs to the end has checked that the records are as many as the header says and leave no rest.
func (b Batch) Records(maxBytes int) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		raw, release, err := b.decompress(maxBytes)
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer release()
		r := RecordReader{batch: b, raw: raw, left: b.NumRecords()}
		for {
			rec, err := r.Next()
			if err == io.EOF {
				return
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// Decompress appends the uncompressed records to dst, at most maxBytes of them (0: [DefaultMaxBytes]).
func (b Batch) Decompress(dst []byte, maxBytes int) ([]byte, error) {
	return appendDecompressed(dst, b.Codec(), b.RawRecords(), limit(maxBytes))
}

func limit(maxBytes int) int {
	if maxBytes <= 0 {
		return DefaultMaxBytes
	}
	return maxBytes
}

// decompress gives the uncompressed records, in a pooled buffer if they were compressed.
func (b Batch) decompress(maxBytes int) (raw []byte, release func(), err error) {
	if b.Codec() == None {
		return b.RawRecords(), func() {}, nil
	}
	buf := bufferPool.Get().(*bytes.Buffer)
	release = func() { putBuffer(buf) }
	out, err := appendDecompressed(buf.AvailableBuffer(), b.Codec(), b.RawRecords(), limit(maxBytes))
	if err != nil {
		release()
		return nil, nil, fmt.Errorf("decompress %v records: %w", b.Codec(), err)
	}
	// The buffer keeps what append has grown, so that the next batch finds it large enough.
	*buf = *bytes.NewBuffer(out[:0])
	return out, release, nil
}

// RecordReader walks uncompressed records without allocating, except for headers.
type RecordReader struct {
	batch   Batch
	raw     []byte
	left    int32
	headers []Header
}

// NewRecordReader reads raw, the uncompressed records of b (see [Batch.Decompress]).
func NewRecordReader(b Batch, raw []byte) *RecordReader {
	return &RecordReader{batch: b, raw: raw, left: b.NumRecords()}
}

// Next gives the next record, or io.EOF after the last one.
func (r *RecordReader) Next() (Record, error) {
	if r.left == 0 {
		if len(r.raw) != 0 {
			return Record{}, fmt.Errorf("%d bytes behind the last record: %w", len(r.raw), ErrInvalid)
		}
		return Record{}, io.EOF
	}
	length, n := binary.Varint(r.raw)
	if n <= 0 || length < 0 || length > int64(len(r.raw)-n) {
		return Record{}, fmt.Errorf("record length %d of %d bytes left: %w", length, len(r.raw), ErrInvalid)
	}
	body := r.raw[n : n+int(length)]
	r.raw = r.raw[n+int(length):]
	r.left--
	rec, err := r.parse(body)
	if err != nil {
		return Record{}, fmt.Errorf("record %d: %w", r.batch.NumRecords()-r.left-1, err)
	}
	return rec, nil
}

// parse reads a record behind its length. Kafka's varints are zig-zag, as encoding/binary's are.
func (r *RecordReader) parse(body []byte) (rec Record, err error) {
	c := cursor{p: body}
	rec.Attributes = int8(c.byte())
	timestampDelta := c.varint()
	offsetDelta := c.varint()
	rec.Key = c.bytes()
	rec.Value = c.bytes()
	headers := c.varint()
	if c.bad || headers < 0 || headers > int64(len(c.p)) {
		return Record{}, fmt.Errorf("cut short: %w", ErrInvalid)
	}
	r.headers = r.headers[:0]
	for range headers {
		key := c.bytes()
		value := c.bytes()
		if c.bad || key == nil {
			return Record{}, fmt.Errorf("bad header: %w", ErrInvalid)
		}
		r.headers = append(r.headers, Header{Key: string(key), Value: value})
	}
	if len(c.p) != 0 || offsetDelta < 0 || offsetDelta > int64(r.batch.LastOffsetDelta()) {
		return Record{}, fmt.Errorf("offset delta %d, %d bytes left: %w", offsetDelta, len(c.p), ErrInvalid)
	}
	rec.Headers = r.headers
	rec.Offset = r.batch.BaseOffset() + offsetDelta
	rec.Timestamp = r.batch.FirstTimestamp() + timestampDelta
	if r.batch.TimestampType() == LogAppendTime {
		rec.Timestamp = r.batch.MaxTimestamp()
	}
	return rec, nil
}

// cursor reads fields from the front of p; bad is set by the first that does not fit.
type cursor struct {
	p   []byte
	bad bool
}

func (c *cursor) byte() byte {
	if len(c.p) == 0 {
		c.bad = true
		return 0
	}
	b := c.p[0]
	c.p = c.p[1:]
	return b
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.p)
	if n <= 0 {
		c.bad = true
		return 0
	}
	c.p = c.p[n:]
	return v
}

// bytes reads a length and as many bytes; the length -1 gives nil.
func (c *cursor) bytes() []byte {
	n := c.varint()
	if n == -1 || c.bad {
		return nil
	}
	if n < 0 || n > int64(len(c.p)) {
		c.bad = true
		return nil
	}
	b := c.p[:n:n]
	c.p = c.p[n:]
	return b
}
