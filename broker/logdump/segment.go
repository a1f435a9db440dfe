package logdump

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/chortal/chortal/internal/recordbatch"
)

// segment writes the batches of a .log file, or of a snapshot of the metadata.
func (d *Dumper) segment(in *input) error {
	base, err := in.base()
	if err != nil {
		return err
	}
	if strings.HasSuffix(in.name, ".checkpoint") {
		fmt.Fprintf(d.out, "Snapshot end offset: %d\n", base)
	} else {
		fmt.Fprintf(d.out, "Log starting offset: %d\n", base)
	}
	decode := d.decoderOf(in)
	last := int64(-1)
	scan := scanner{in: in, max: d.o.MaxBatchBytes}
	for d.o.MaxBytes == 0 || scan.at < d.o.MaxBytes {
		position := scan.at
		b, err := scan.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if zeros, ok := errors.AsType[*zeroTailError](err); ok {
			fmt.Fprintf(d.out, "%d bytes at the end of %s are preallocated\n", zeros.n, in.name)
			return nil
		}
		if err != nil {
			fmt.Fprintf(d.out, "Found %d invalid bytes at the end of %s\n", in.size-position, in.name)
			return fmt.Errorf("batch at byte %d: %w", position, err)
		}
		valid := d.batch(b, position)
		if !d.o.DeepIteration && !d.o.PrintData {
			continue
		}
		if !valid {
			d.problem("Batches whose checksum is wrong in "+in.name, "offset %d at byte %d", b.BaseOffset(), position)
			continue
		}
		if last, err = d.records(in.name, b, decode, last); err != nil {
			return fmt.Errorf("batch of offset %d at byte %d: %w", b.BaseOffset(), position, err)
		}
	}
	return nil
}

// scanner reads the batches of a segment one after the other.
type scanner struct {
	in  *input
	at  int64
	max int
	buf []byte
}

// zeroTailError says that there are only zeros to the end: space that a broker reserved.
type zeroTailError struct{ n int64 }

func (e *zeroTailError) Error() string { return fmt.Sprintf("%d zeros at the end", e.n) }

// next returns the next batch, valid until the next call; io.EOF at the end.
func (s *scanner) next() (recordbatch.Batch, error) {
	left := s.in.size - s.at
	if left == 0 {
		return nil, io.EOF
	}
	head := make([]byte, min(left, recordbatch.HeaderLen))
	if _, err := s.in.ReadAt(head, s.at); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if left >= 12 && binary.BigEndian.Uint32(head[8:]) == 0 || left < 12 {
		if n, ok := s.zeros(left); ok {
			return nil, &zeroTailError{n}
		}
	}
	if left < recordbatch.HeaderLen {
		return nil, fmt.Errorf("only %d bytes are left, a batch has at least %d", left, recordbatch.HeaderLen)
	}
	if magic := head[16]; magic != 2 {
		return nil, fmt.Errorf("magic byte is %d, known is 2", magic)
	}
	size := 12 + int64(int32(binary.BigEndian.Uint32(head[8:])))
	switch {
	case size < recordbatch.HeaderLen:
		return nil, fmt.Errorf("size is %d, a batch has at least %d bytes", size, recordbatch.HeaderLen)
	case size > left:
		return nil, fmt.Errorf("size is %d, but only %d bytes are left", size, left)
	case size > int64(s.max):
		return nil, fmt.Errorf("size is %d, more than %d", size, s.max)
	}
	if int64(cap(s.buf)) < size {
		s.buf = make([]byte, size)
	}
	b := s.buf[:size]
	if _, err := s.in.ReadAt(b, s.at); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	s.at += size
	return recordbatch.Batch(b), nil
}

// zeros reports whether nothing but zeros is left.
func (s *scanner) zeros(left int64) (int64, bool) {
	buf := make([]byte, 64<<10)
	for at := s.at; at < s.in.size; at += int64(len(buf)) {
		n, err := s.in.ReadAt(buf[:min(int64(len(buf)), s.in.size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, false
		}
		for _, c := range buf[:n] {
			if c != 0 {
				return 0, false
			}
		}
	}
	return left, true
}

// checksum is the CRC-32C of what a batch's own covers.
func checksum(b recordbatch.Batch) uint32 { return crc32.Checksum(b[21:], castagnoli()) }

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// batch writes the line of a batch and reports whether its checksum is right.
func (d *Dumper) batch(b recordbatch.Batch, position int64) bool {
	valid := checksum(b) == b.CRC()
	first, last := int64(b.BaseSequence()), int64(b.LastSequence())
	if b.BaseSequence() < 0 {
		first, last = -1, -1
	}
	horizon := "OptionalLong.empty"
	if ms, ok := b.DeleteHorizon(); ok {
		horizon = fmt.Sprintf("OptionalLong[%d]", ms)
	}
	fmt.Fprintf(d.out, "baseOffset: %d lastOffset: %d count: %d baseSequence: %d lastSequence: %d producerId: %d producerEpoch: %d partitionLeaderEpoch: %d isTransactional: %t isControl: %t deleteHorizonMs: %s position: %d %s: %d size: %d magic: 2 compresscodec: %s crc: %d isvalid: %t\n",
		b.BaseOffset(), b.LastOffset(), b.NumRecords(), first, last, b.ProducerID(), b.ProducerEpoch(), b.LeaderEpoch(), b.IsTransactional(), b.IsControl(), horizon,
		position, b.TimestampType(), b.MaxTimestamp(), len(b), b.Codec(), b.CRC(), valid)
	return valid
}

// records writes the records of a batch; last is the offset of the record before. It returns the offset of the last.
func (d *Dumper) records(name string, b recordbatch.Batch, decode recordDecoder, last int64) (int64, error) {
	sequence := int64(b.BaseSequence())
	for r, err := range b.Records(d.o.MaxBatchBytes) {
		if err != nil {
			return last, err
		}
		offset := r.Offset
		if last >= 0 && offset != last+1 {
			d.gap(name, last, offset)
		}
		last = offset
		if !d.o.SkipRecordMetadata || !b.IsControl() {
			d.out.WriteString("|")
		}
		if !d.o.SkipRecordMetadata {
			seq := int64(-1)
			if sequence >= 0 {
				seq = int64(recordbatch.AddSequence(b.BaseSequence(), int32(offset-b.BaseOffset())))
			}
			keys := make([]string, 0, len(r.Headers))
			for _, h := range r.Headers {
				keys = append(keys, string(h.Key))
			}
			fmt.Fprintf(d.out, " offset: %d %s: %d keySize: %d valueSize: %d sequence: %d headerKeys: [%s]",
				offset, b.TimestampType(), r.Timestamp, sizeOf(r.Key), sizeOf(r.Value), seq, strings.Join(keys, ","))
		}
		switch {
		case b.IsControl() && !d.o.SkipRecordMetadata:
			text, err := controlText(r.Key, r.Value)
			if err != nil {
				return last, fmt.Errorf("record of offset %d: %w", offset, err)
			}
			d.out.WriteString(text)
		case d.o.PrintData && !b.IsControl():
			d.out.WriteString(decode(offset, r.Key, r.Value))
		}
		d.out.WriteString("\n")
	}
	return last, nil
}

// gap notes that offsets do not follow each other, which compaction may have done.
func (d *Dumper) gap(name string, before, after int64) {
	bad := d.bad
	d.problem("Non-consecutive offsets in "+name, "%d is followed by %d", before, after)
	d.bad = bad
}

func sizeOf(p []byte) int {
	if p == nil {
		return -1
	}
	return len(p)
}

// recordDecoder is " key: ... payload: ..." of a record.
type recordDecoder func(offset int64, key, value []byte) string

func (d *Dumper) decoderOf(in *input) recordDecoder {
	which := d.o.Decoder
	if which == ByTopic {
		which = map[string]Decoder{"__consumer_offsets": Offsets, "__transaction_state": Transactions, "__cluster_metadata": ClusterMetadata}[in.topic()]
	}
	switch which {
	case Offsets:
		return coordinatorDecoder("group")
	case Transactions:
		return coordinatorDecoder("transaction")
	case ClusterMetadata:
		return func(_ int64, _, value []byte) string {
			text, err := metadataRecord(value)
			if err != nil {
				return fmt.Sprintf(" payload: Error: %v", err)
			}
			return " payload: " + text
		}
	}
	return func(_ int64, key, value []byte) string {
		var text string
		if key != nil {
			text = " key: " + string(key)
		}
		if value != nil {
			text += " payload: " + string(value)
		}
		return text
	}
}

func coordinatorDecoder(family string) recordDecoder {
	return func(offset int64, key, value []byte) string {
		if key == nil {
			return fmt.Sprintf(" payload: Error: the record of offset %d has no key", offset)
		}
		keyText, kindOf, err := coordinatorKey(family, key)
		if err != nil {
			return fmt.Sprintf(" payload: Error: %v at offset %d, skipping it", err, offset)
		}
		valueText, err := coordinatorValue(family, kindOf, value)
		if err != nil {
			return fmt.Sprintf(" key: %s payload: Error: %v at offset %d, skipping it", keyText, err, offset)
		}
		return fmt.Sprintf(" key: %s payload: %s", keyText, valueText)
	}
}
