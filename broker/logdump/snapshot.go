package logdump

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// snapshot writes the producers of a .snapshot file (docs/formats/producer-snapshot.md).
func (d *Dumper) snapshot(in *input) error {
	data, err := in.all()
	if err != nil {
		return err
	}
	if len(data) < 10 {
		return fmt.Errorf("has %d bytes, a snapshot at least 10", len(data))
	}
	if v := binary.BigEndian.Uint16(data); v != 1 {
		return fmt.Errorf("version is %d, known is 1", v)
	}
	if crc32.Checksum(data[6:], castagnoli()) != binary.BigEndian.Uint32(data[2:]) {
		return errors.New("the checksum is wrong")
	}
	const entry = 46
	count := int(binary.BigEndian.Uint32(data[6:]))
	rest := data[10:]
	if count < 0 || count > len(rest)/entry {
		return fmt.Errorf("%d producers in %d bytes", count, len(rest))
	}
	for i := range count {
		p := rest[i*entry:]
		id, epoch := int64(binary.BigEndian.Uint64(p)), int16(binary.BigEndian.Uint16(p[8:]))
		sequence, last := int32(binary.BigEndian.Uint32(p[10:])), int64(binary.BigEndian.Uint64(p[14:]))
		delta, stamp := int32(binary.BigEndian.Uint32(p[22:])), int64(binary.BigEndian.Uint64(p[26:]))
		coordinator, open := int32(binary.BigEndian.Uint32(p[34:])), int64(binary.BigEndian.Uint64(p[38:]))
		txn := "OptionalLong.empty"
		if open >= 0 {
			txn = fmt.Sprintf("OptionalLong[%d]", open)
		}
		fmt.Fprintf(d.out, "producerId: %d producerEpoch: %d coordinatorEpoch: %d currentTxnFirstOffset: %s lastTimestamp: %d", id, epoch, coordinator, txn, stamp)
		if sequence >= 0 {
			fmt.Fprintf(d.out, " firstSequence: %d lastSequence: %d lastOffset: %d offsetDelta: %d timestamp: %d", sequenceBefore(sequence, delta), sequence, last, delta, stamp)
		}
		fmt.Fprintln(d.out)
	}
	return nil
}

// sequenceBefore goes n sequence numbers back, around the end of the numbers.
func sequenceBefore(sequence, n int32) int32 {
	if sequence >= n {
		return sequence - n
	}
	return math.MaxInt32 - (n - sequence) + 1
}

// metadataLog writes the records of our metadata.log (docs/formats/metadata-log.md).
func (d *Dumper) metadataLog(in *input) error {
	data, err := in.all()
	if err != nil {
		return err
	}
	torn, err := metadata.Walk(data, func(offset int64, snapshot bool, r metadata.Record) error {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		where := ""
		if snapshot {
			where = " snapshot"
		}
		_, err = fmt.Fprintf(d.out, "| offset: %d%s type: %s data: %s\n", offset, where, metadata.RecordName(r), unescapeHTML(text))
		return err
	})
	if err == nil && torn > 0 {
		fmt.Fprintf(d.out, "Found %d invalid bytes at the end of %s\n", torn, in.name)
		err = fmt.Errorf("the last %d bytes are no whole frame, as after a crash: the broker cuts them off", torn)
	}
	return err
}
