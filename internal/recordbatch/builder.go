package recordbatch

import (
	"encoding/binary"
	"fmt"
)

// Options qualify the batch that a [Builder] makes. The zero value is an uncompressed batch of no producer.
type Options struct {
	Codec Codec
	// ProducerID, ProducerEpoch and BaseSequence belong to an idempotent producer if HasProducer is set.
	HasProducer   bool
	ProducerID    int64
	ProducerEpoch int16
	BaseSequence  int32
	Transactional bool
	// TimestampType is LogAppendTime where the broker's time is stamped.
	TimestampType TimestampType
	BaseOffset    int64
	// LeaderEpoch of a batch that no leader has appended is -1; the zero value writes 0.
	LeaderEpoch int32

	control bool
}

// Builder collects records into one batch. It can be used again after Reset and allocates only to grow.
type Builder struct {
	o       Options
	records []byte // uncompressed
	count   int32
	last    int32 // last offset delta
	first   int64 // base timestamp
	max     int64 // largest timestamp
	out     []byte
}

// NewBuilder makes an empty builder.
func NewBuilder(o Options) *Builder {
	b := &Builder{}
	b.Reset(o)
	return b
}

// Reset empties the builder for the next batch. The batch that Build gave becomes invalid.
func (b *Builder) Reset(o Options) {
	*b = Builder{o: o, records: b.records[:0], out: b.out[:0], first: NoTimestamp, max: NoTimestamp, last: -1}
}

// Append adds a record behind the others. A nil key or value is null. timestamp is in ms since 1970.
func (b *Builder) Append(timestamp int64, key, value []byte, headers ...Header) {
	b.AppendAt(b.last+1, timestamp, key, value, headers...)
}

// AppendAt adds a record at a distance from the base offset: larger than the one before, with gaps where compaction
// has removed records.
func (b *Builder) AppendAt(offsetDelta int32, timestamp int64, key, value []byte, headers ...Header) {
	if b.count == 0 {
		b.first = timestamp
	}
	b.max = max(b.max, timestamp)
	b.last = offsetDelta
	b.count++
	body := 1 + varintLen(timestamp-b.first) + varintLen(int64(offsetDelta)) + bytesLen(key) + bytesLen(value) + varintLen(int64(len(headers)))
	for i := range headers {
		body += varintLen(int64(len(headers[i].Key))) + len(headers[i].Key) + bytesLen(headers[i].Value)
	}
	p := binary.AppendVarint(b.records, int64(body))
	p = append(p, 0) // attributes, unused
	p = binary.AppendVarint(p, timestamp-b.first)
	p = binary.AppendVarint(p, int64(offsetDelta))
	p = appendBytes(p, key)
	p = appendBytes(p, value)
	p = binary.AppendVarint(p, int64(len(headers)))
	for i := range headers {
		p = binary.AppendVarint(p, int64(len(headers[i].Key)))
		p = append(p, headers[i].Key...)
		p = appendBytes(p, headers[i].Value)
	}
	b.records = p
}

// NumRecords is how many records were added.
func (b *Builder) NumRecords() int { return int(b.count) }

// Size is the length of the batch so far, without compression.
func (b *Builder) Size() int { return HeaderLen + len(b.records) }

// SetLastOffsetDelta extends the batch beyond its last record, as compaction keeps the range of a batch.
func (b *Builder) SetLastOffsetDelta(delta int32) { b.last = max(b.last, delta) }

// Build makes the batch. It is valid until the next Reset.
func (b *Builder) Build() (Batch, error) {
	p := append(b.out[:0], make([]byte, HeaderLen)...)
	p, err := appendCompressed(p, b.o.Codec, DefaultLevel, b.records)
	if err != nil {
		return nil, fmt.Errorf("build batch: %w", err)
	}
	b.out = p
	batch := Batch(p)
	b.fillHeader(batch)
	return batch, nil
}

func (b *Builder) fillHeader(p Batch) {
	be := binary.BigEndian
	p.SetBaseOffset(b.o.BaseOffset)
	be.PutUint32(p[offLength:], uint32(len(p)-logOverhead))
	p.SetLeaderEpoch(b.o.LeaderEpoch)
	p[offMagic] = Magic
	be.PutUint16(p[offAttributes:], uint16(b.attributes()))
	be.PutUint32(p[offLastOffsetDelta:], uint32(max(b.last, 0)))
	be.PutUint64(p[offFirstTimestamp:], uint64(b.first))
	be.PutUint64(p[offMaxTimestamp:], uint64(b.max))
	id, epoch, sequence := NoProducerID, NoProducerEpoch, NoSequence
	if b.o.HasProducer {
		id, epoch, sequence = b.o.ProducerID, b.o.ProducerEpoch, b.o.BaseSequence
	}
	be.PutUint64(p[offProducerID:], uint64(id))
	be.PutUint16(p[offProducerEpoch:], uint16(epoch))
	be.PutUint32(p[offBaseSequence:], uint32(sequence))
	be.PutUint32(p[offNumRecords:], uint32(b.count))
	p.SetCRC()
}

func (b *Builder) attributes() int16 {
	a := int16(b.o.Codec)
	if b.o.TimestampType == LogAppendTime {
		a |= attrLogAppendTime
	}
	if b.o.Transactional {
		a |= attrTransactional
	}
	if b.o.control {
		a |= attrControl
	}
	return a
}

// Recompress gives a copy of the batch with its records under another codec; offsets, times, producer and flags stay.
// level is the codec's, as Kafka numbers it. At most maxBytes (0: [DefaultMaxBytes]) are decompressed.
func Recompress(b Batch, c Codec, level Level, maxBytes int) (Batch, error) {
	raw, release, err := b.decompress(maxBytes)
	if err != nil {
		return nil, err
	}
	defer release()
	p := append(make([]byte, 0, len(b)), b[:HeaderLen]...)
	p, err = appendCompressed(p, c, level, raw)
	if err != nil {
		return nil, fmt.Errorf("recompress batch: %w", err)
	}
	out := Batch(p)
	binary.BigEndian.PutUint32(out[offLength:], uint32(len(out)-logOverhead))
	binary.BigEndian.PutUint16(out[offAttributes:], uint16(b.Attributes()&^attrCodecMask|int16(c)))
	out.SetCRC()
	return out, nil
}

func varintLen(v int64) int {
	u := uint64(v)<<1 ^ uint64(v>>63)
	n := 1
	for u >= 0x80 {
		u >>= 7
		n++
	}
	return n
}

func bytesLen(p []byte) int {
	if p == nil {
		return 1
	}
	return varintLen(int64(len(p))) + len(p)
}

func appendBytes(dst, p []byte) []byte {
	if p == nil {
		return append(dst, 1) // -1 in zig-zag
	}
	dst = binary.AppendVarint(dst, int64(len(p)))
	return append(dst, p...)
}
