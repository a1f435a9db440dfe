package recordbatch

import (
	"encoding/binary"
	"fmt"
)

// RawRecord is a record of which only that is read which compaction asks for. Bytes and Key point into what is read.
type RawRecord struct {
	Bytes          []byte // the whole record, its length in front
	TimestampDelta int64
	OffsetDelta    int32
	Key            []byte // nil is null
	HasValue       bool
}

// RawReader iterates uncompressed records without looking at values and headers.
type RawReader struct {
	rest []byte
	left int32
	last int32 // offset delta of the record before
	most int32
}

// NewRawReader reads records, the uncompressed records of b (see [Batch.Decompress]).
func NewRawReader(b Batch, records []byte) RawReader {
	return RawReader{rest: records, left: b.NumRecords(), last: -1, most: b.LastOffsetDelta()}
}

// Next reads the next record into rec; ok is false after the last one. Offsets must rise.
func (r *RawReader) Next(rec *RawRecord) (ok bool, err error) {
	if r.left == 0 {
		if len(r.rest) != 0 {
			return false, fmt.Errorf("%d bytes behind the last record: %w", len(r.rest), ErrInvalid)
		}
		return false, nil
	}
	length, n := rawVarint(r.rest)
	if n <= 0 || length < 0 || length > int64(len(r.rest)-n) {
		return false, fmt.Errorf("record length %d of %d bytes left: %w", length, len(r.rest), ErrInvalid)
	}
	end := n + int(length)
	rec.Bytes = r.rest[:end:end]
	if !rec.parse(n) || rec.OffsetDelta <= r.last || rec.OffsetDelta > r.most {
		return false, fmt.Errorf("record of %d bytes behind offset delta %d: %w", end, r.last, ErrInvalid)
	}
	r.rest, r.last = r.rest[end:], rec.OffsetDelta
	r.left--
	return true, nil
}

// parse reads what lies behind the length, which takes the first n bytes.
func (r *RawRecord) parse(n int) bool {
	p := r.Bytes[n:]
	if len(p) == 0 {
		return false
	}
	p = p[1:] // attributes
	delta, n := rawVarint(p)
	if n <= 0 {
		return false
	}
	p = p[n:]
	offset, n := rawVarint(p)
	if n <= 0 || offset < 0 || offset > 1<<31-1 {
		return false
	}
	p = p[n:]
	r.TimestampDelta, r.OffsetDelta = delta, int32(offset)
	size, n := rawVarint(p)
	if n <= 0 || size < -1 || size > int64(len(p)-n) {
		return false
	}
	p = p[n:]
	r.Key = nil
	if size >= 0 {
		r.Key, p = p[:size:size], p[size:]
	}
	size, n = rawVarint(p)
	r.HasValue = size >= 0
	return n > 0 && size >= -1 && size <= int64(len(p)-n)
}

// rawVarint is binary.Varint with a short way for numbers of one byte.
func rawVarint(p []byte) (int64, int) {
	if len(p) > 0 && p[0] < 0x80 {
		return int64(p[0]>>1) ^ -int64(p[0]&1), 1
	}
	return binary.Varint(p)
}

// AppendShifted appends the record with its timestamp delta changed by shift, as another base timestamp asks for.
func (r *RawRecord) AppendShifted(dst []byte, shift int64) []byte {
	_, n := rawVarint(r.Bytes)
	body := r.Bytes[n:]
	_, m := rawVarint(body[1:])
	rest := body[1+m:]
	delta := r.TimestampDelta + shift
	dst = binary.AppendVarint(dst, int64(1+varintLen(delta)+len(rest)))
	dst = append(dst, body[0])
	dst = binary.AppendVarint(dst, delta)
	return append(dst, rest...)
}

// DeleteHorizon is the time in ms since 1970 from which on tombstones, or the marker of a transaction without records,
// may be removed (KIP-534). ok is false if compaction has not set it yet.
func (b Batch) DeleteHorizon() (ms int64, ok bool) {
	if !b.HasDeleteHorizon() {
		return 0, false
	}
	return b.FirstTimestamp(), true
}

// Survivors are the records of a batch that compaction keeps.
type Survivors struct {
	Records      []byte // uncompressed, one behind the other
	Count        int32
	MaxTimestamp int64
	// BaseTimestamp is what the timestamp deltas of Records refer to; with Horizon it is the delete horizon.
	BaseTimestamp int64
	Horizon       bool
}

// NewSurvivorReader reads the survivors of b.
func NewSurvivorReader(b Batch, s Survivors) RawReader {
	return RawReader{rest: s.Records, left: s.Count, last: -1, most: b.LastOffsetDelta()}
}

// AppendFiltered appends the batch with only its survivors: same offsets and sequences, codec, producer and epoch.
func (b Batch) AppendFiltered(dst []byte, s Survivors) ([]byte, error) {
	start := len(dst)
	dst = append(dst, b[:HeaderLen]...)
	dst, err := appendCompressed(dst, b.Codec(), DefaultLevel, s.Records)
	if err != nil {
		return nil, fmt.Errorf("filter %v: %w", b, err)
	}
	out := Batch(dst[start:])
	attributes := uint16(b.Attributes()) &^ attrDeleteHorizon
	if s.Horizon {
		attributes |= attrDeleteHorizon
	}
	out.patch(attributes, s.BaseTimestamp, s.MaxTimestamp, s.Count)
	return dst, nil
}

// AppendEmpty appends the batch without its records: what is left tells a producer's last sequence, or the last offset.
func (b Batch) AppendEmpty(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, b[:HeaderLen]...)
	out := Batch(dst[start:])
	out.patch(uint16(b.Attributes())&^(attrDeleteHorizon|attrCodecMask), NoTimestamp, b.MaxTimestamp(), 0)
	return dst
}

// patch writes the fields that change when records go, and the checksum.
func (b Batch) patch(attributes uint16, base, largest int64, count int32) {
	be := binary.BigEndian
	be.PutUint32(b[offLength:], uint32(len(b)-logOverhead))
	be.PutUint16(b[offAttributes:], attributes)
	be.PutUint64(b[offFirstTimestamp:], uint64(base))
	be.PutUint64(b[offMaxTimestamp:], uint64(largest))
	be.PutUint32(b[offNumRecords:], uint32(count))
	b.SetCRC()
}
