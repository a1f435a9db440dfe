package recordbatch

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// HeaderLen is the length of a batch's header in bytes: the records follow.
const HeaderLen = 61

// Magic is the only record format that is spoken.
const Magic = 2

// NoProducerID, NoProducerEpoch, NoSequence and NoTimestamp are what a batch says when it has none.
const (
	NoProducerID    int64 = -1
	NoProducerEpoch int16 = -1
	NoSequence      int32 = -1
	NoTimestamp     int64 = -1
)

const (
	offBaseOffset      = 0
	offLength          = 8
	offLeaderEpoch     = 12
	offMagic           = 16
	offCRC             = 17
	offAttributes      = 21
	offLastOffsetDelta = 23
	offFirstTimestamp  = 27
	offMaxTimestamp    = 35
	offProducerID      = 43
	offProducerEpoch   = 51
	offBaseSequence    = 53
	offNumRecords      = 57

	// logOverhead is what the length field does not count: itself and the base offset.
	logOverhead = 12
)

const (
	attrCodecMask     = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
	attrDeleteHorizon = 0x40
)

// TimestampType says who set the timestamps of a batch.
type TimestampType int8

// CreateTime is the producer's clock, LogAppendTime the broker's.
const (
	CreateTime    TimestampType = 0
	LogAppendTime TimestampType = 1
)

// String gives the name as message.timestamp.type spells it.
func (t TimestampType) String() string {
	if t == LogAppendTime {
		return "LogAppendTime"
	}
	return "CreateTime"
}

// castagnoli is CRC-32C, the checksum of record batches.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is the bytes of one whole record batch, header included. See the package comment for the layout.
type Batch []byte

// BaseOffset is the offset of the first record (or of where it was before compaction).
func (b Batch) BaseOffset() int64 { return int64(binary.BigEndian.Uint64(b[offBaseOffset:])) }

// LastOffset is the offset of the last record.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// NextOffset is the offset after the last record.
func (b Batch) NextOffset() int64 { return b.LastOffset() + 1 }

// Size is the length of the whole batch in bytes, as its length field says.
func (b Batch) Size() int64 {
	return int64(int32(binary.BigEndian.Uint32(b[offLength:]))) + logOverhead
}

// LeaderEpoch is the epoch of the leader that appended the batch, -1 before it was appended.
func (b Batch) LeaderEpoch() int32 { return int32(binary.BigEndian.Uint32(b[offLeaderEpoch:])) }

// MagicByte is the format version; only [Magic] is understood.
func (b Batch) MagicByte() int8 { return int8(b[offMagic]) }

// CRC is the stored checksum.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[offCRC:]) }

// Attributes are the flag bits, see the package comment.
func (b Batch) Attributes() int16 { return int16(binary.BigEndian.Uint16(b[offAttributes:])) }

// Codec is the compression of the records.
func (b Batch) Codec() Codec { return Codec(b.Attributes() & attrCodecMask) }

// TimestampType says who set the timestamps.
func (b Batch) TimestampType() TimestampType {
	if b.Attributes()&attrLogAppendTime != 0 {
		return LogAppendTime
	}
	return CreateTime
}

// IsTransactional reports whether the batch is part of a transaction.
func (b Batch) IsTransactional() bool { return b.Attributes()&attrTransactional != 0 }

// IsControl reports whether the batch holds a control record, such as a transaction marker.
func (b Batch) IsControl() bool { return b.Attributes()&attrControl != 0 }

// HasDeleteHorizon reports whether the base timestamp is the time at which tombstones may go.
func (b Batch) HasDeleteHorizon() bool { return b.Attributes()&attrDeleteHorizon != 0 }

// LastOffsetDelta is the distance from the base offset to the last one.
func (b Batch) LastOffsetDelta() int32 { return int32(binary.BigEndian.Uint32(b[offLastOffsetDelta:])) }

// FirstTimestamp is the base timestamp in ms since 1970.
func (b Batch) FirstTimestamp() int64 { return int64(binary.BigEndian.Uint64(b[offFirstTimestamp:])) }

// MaxTimestamp is the largest timestamp of the records, in ms since 1970.
func (b Batch) MaxTimestamp() int64 { return int64(binary.BigEndian.Uint64(b[offMaxTimestamp:])) }

// ProducerID is the idempotent producer's id, or [NoProducerID].
func (b Batch) ProducerID() int64 { return int64(binary.BigEndian.Uint64(b[offProducerID:])) }

// ProducerEpoch is the idempotent producer's epoch, or [NoProducerEpoch].
func (b Batch) ProducerEpoch() int16 { return int16(binary.BigEndian.Uint16(b[offProducerEpoch:])) }

// BaseSequence is the sequence number of the first record, or [NoSequence].
func (b Batch) BaseSequence() int32 { return int32(binary.BigEndian.Uint32(b[offBaseSequence:])) }

// LastSequence is the sequence number of the last record, or [NoSequence]. Sequences wrap from MaxInt32 to 0.
func (b Batch) LastSequence() int32 {
	base := b.BaseSequence()
	if base == NoSequence {
		return NoSequence
	}
	return AddSequence(base, b.LastOffsetDelta())
}

// NumRecords is the number of records that the header claims.
func (b Batch) NumRecords() int32 { return int32(binary.BigEndian.Uint32(b[offNumRecords:])) }

// RawRecords is what follows the header: the records, compressed by [Batch.Codec].
func (b Batch) RawRecords() []byte { return b[HeaderLen:] }

// AddSequence adds n to a sequence number, wrapping from MaxInt32 to 0 as Kafka does.
func AddSequence(sequence, n int32) int32 {
	if sequence > math.MaxInt32-n {
		return n - (math.MaxInt32 - sequence) - 1
	}
	return sequence + n
}

// SetBaseOffset moves the batch to another offset. The CRC stays right.
func (b Batch) SetBaseOffset(offset int64) {
	binary.BigEndian.PutUint64(b[offBaseOffset:], uint64(offset))
}

// SetLeaderEpoch sets the epoch of the appending leader. The CRC stays right.
func (b Batch) SetLeaderEpoch(epoch int32) {
	binary.BigEndian.PutUint32(b[offLeaderEpoch:], uint32(epoch))
}

// SetLogAppendTime gives all records the broker's time (ms) and makes the CRC anew.
func (b Batch) SetLogAppendTime(ms int64) {
	binary.BigEndian.PutUint16(b[offAttributes:], uint16(b.Attributes())|attrLogAppendTime)
	binary.BigEndian.PutUint64(b[offMaxTimestamp:], uint64(ms))
	b.SetCRC()
}

// SetProducer stamps producer id, epoch and base sequence and makes the CRC anew.
func (b Batch) SetProducer(id int64, epoch int16, baseSequence int32) {
	binary.BigEndian.PutUint64(b[offProducerID:], uint64(id))
	binary.BigEndian.PutUint16(b[offProducerEpoch:], uint16(epoch))
	binary.BigEndian.PutUint32(b[offBaseSequence:], uint32(baseSequence))
	b.SetCRC()
}

// SetCRC computes and stores the checksum.
func (b Batch) SetCRC() { binary.BigEndian.PutUint32(b[offCRC:], b.computeCRC()) }

func (b Batch) computeCRC() uint32 { return crc32.Checksum(b[offAttributes:], castagnoli) }

// String describes the header in a line, for logs and test failures.
func (b Batch) String() string {
	if len(b) < HeaderLen {
		return fmt.Sprintf("batch of %d bytes", len(b))
	}
	return fmt.Sprintf("batch [%d, %d] epoch %d, %d records, %v, %d bytes, producer %d/%d/%d",
		b.BaseOffset(), b.LastOffset(), b.LeaderEpoch(), b.NumRecords(), b.Codec(), len(b), b.ProducerID(), b.ProducerEpoch(), b.BaseSequence())
}
