package partition

import (
	"errors"
	"fmt"
	"time"

	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/twmb/franz-go/pkg/kerr"
)

// maxDecompressed bounds what one batch may become when its records must be looked at.
const maxDecompressed = recordbatch.DefaultMaxBytes

// maxRecordErrors bounds the list of bad records in an answer.
const maxRecordErrors = 1000

// prepare checks a batch before the partition is locked, and compresses it anew if the topic asks for its own codec.
// What it gives back is batch itself, or a copy.
func (p *Partition) prepare(batch []byte, o AppendOptions, c *TopicConfig) (recordbatch.Batch, error) {
	b := recordbatch.Batch(batch)
	if len(b) >= recordbatch.HeaderLen && b.MagicByte() == recordbatch.Magic && b.Size() >= recordbatch.HeaderLen && b.Size() < int64(len(b)) {
		return nil, fmt.Errorf("more than one batch: %w", kerr.InvalidRecord)
	}
	if len(b) > int(c.MaxMessageBytes) {
		return nil, fmt.Errorf("batch of %d bytes, max.message.bytes is %d: %w", len(b), c.MaxMessageBytes, kerr.MessageTooLarge)
	}
	if err := recordbatch.Validate(b); err != nil {
		return nil, batchError(err)
	}
	if o.Origin == Client {
		if err := checkClientBatch(b); err != nil {
			return nil, err
		}
	}
	if b.IsControl() {
		return b, nil
	}
	if !c.ValidateFull { // else each record is looked at
		if err := p.checkTimestamps(b, c); err != nil {
			return nil, err
		}
	}
	if c.Compact || c.ValidateFull {
		if err := p.checkRecords(b, c); err != nil {
			return nil, err
		}
	}
	if c.KeepCodec || b.Codec() == c.Compression {
		return b, nil
	}
	return p.recompress(b, c)
}

func checkClientBatch(b recordbatch.Batch) error {
	switch {
	case b.IsControl():
		return fmt.Errorf("a client must not write control records: %w", kerr.InvalidRecord)
	case b.TimestampType() == recordbatch.LogAppendTime:
		return fmt.Errorf("a client must not set the timestamp type to LogAppendTime: %w", kerr.InvalidTimestamp)
	case b.ProducerID() >= 0 && b.BaseSequence() < 0:
		return fmt.Errorf("producer %d without a sequence: %w", b.ProducerID(), kerr.InvalidRecord)
	}
	return nil
}

// checkTimestamps compares the batch's first and largest timestamp with the bounds: they stand for all records.
func (p *Partition) checkTimestamps(b recordbatch.Batch, c *TopicConfig) error {
	if c.TimestampType == recordbatch.LogAppendTime {
		return nil
	}
	now := p.m.now()
	for _, ms := range [2]int64{b.FirstTimestamp(), b.MaxTimestamp()} {
		if err := checkTimestamp(ms, now, c); err != nil {
			return &RecordErrors{Records: []RecordError{{Index: 0, Message: err.Error()}}, Err: kerr.InvalidTimestamp}
		}
	}
	return nil
}

func checkTimestamp(ms int64, now time.Time, c *TopicConfig) error {
	if ms == recordbatch.NoTimestamp {
		return nil
	}
	if before := c.TimestampBeforeMax; before >= 0 && before != forever && ms < now.Add(-before).UnixMilli() {
		return fmt.Errorf("timestamp %d is more than %v before the broker's time", ms, before)
	}
	if after := c.TimestampAfterMax; after >= 0 && after != forever && ms > now.Add(after).UnixMilli() {
		return fmt.Errorf("timestamp %d is more than %v after the broker's time", ms, after)
	}
	return nil
}

// checkRecords walks the records: all must parse, on a compacted topic have a key, and with ValidateFull have a timestamp
// within the bounds.
func (p *Partition) checkRecords(b recordbatch.Batch, c *TopicConfig) error {
	bad := &RecordErrors{Err: kerr.InvalidRecord}
	index, now := int32(0), p.m.now()
	times := c.ValidateFull && c.TimestampType != recordbatch.LogAppendTime
	for r, err := range b.Records(maxDecompressed) {
		if err != nil {
			return batchError(err)
		}
		if c.Compact && r.Key == nil && len(bad.Records) < maxRecordErrors {
			bad.Records = append(bad.Records, RecordError{index, fmt.Sprintf("Compacted topic cannot accept message without key in topic partition %v.", p.tp)})
		} else if times && len(bad.Records) < maxRecordErrors {
			if err := checkTimestamp(r.Timestamp, now, c); err != nil {
				bad.Records = append(bad.Records, RecordError{index, err.Error()})
				bad.Err = kerr.InvalidTimestamp
			}
		}
		index++
	}
	if len(bad.Records) > 0 {
		return bad
	}
	return nil
}

func (p *Partition) recompress(b recordbatch.Batch, c *TopicConfig) (recordbatch.Batch, error) {
	out, err := recordbatch.Recompress(b, c.Compression, c.Level, maxDecompressed)
	if err != nil {
		return nil, batchError(err)
	}
	if len(out) > int(c.MaxMessageBytes) {
		return nil, fmt.Errorf("batch of %d bytes after compression, max.message.bytes is %d: %w", len(out), c.MaxMessageBytes, kerr.MessageTooLarge)
	}
	return out, nil
}

// batchError names the protocol's error for one of recordbatch's.
func batchError(err error) error {
	for _, m := range []struct{ is, as error }{
		{recordbatch.ErrTooLarge, kerr.MessageTooLarge},
		{recordbatch.ErrCodec, kerr.UnsupportedCompressionType},
		{recordbatch.ErrInvalid, kerr.InvalidRecord},
		{recordbatch.ErrMagic, kerr.InvalidRecord},
	} {
		if errors.Is(err, m.is) {
			return fmt.Errorf("%w: %w", m.as, err)
		}
	}
	return fmt.Errorf("%w: %w", kerr.CorruptMessage, err)
}
