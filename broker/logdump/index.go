package logdump

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/chortal/chortal/internal/recordbatch"
)

// sibling opens the segment that an index belongs to.
func (d *Dumper) sibling(in *input) (*input, error) {
	name := filepath.Base(in.name)
	digits, rest, _ := strings.Cut(name, ".")
	_, mark, marked := strings.Cut(rest, ".")
	log := digits + ".log"
	if marked {
		log += "." + mark
	}
	f, err := d.open(filepath.Join(filepath.Dir(in.name), log))
	if err != nil {
		return nil, fmt.Errorf("the segment of this index: %w", err)
	}
	return f, nil
}

// whole checks that an index has whole entries, and cuts what a broker reserved behind them: entries of nothing but zeros.
func whole(data []byte, size int) ([]byte, error) {
	if len(data)%size != 0 {
		return nil, fmt.Errorf("has %d bytes, which is no multiple of %d: the last entry is cut short", len(data), size)
	}
	for len(data) > size && allZero(data[len(data)-size:]) {
		data = data[:len(data)-size]
	}
	return data, nil
}

func allZero(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

// header reads the batch header at a position of a segment.
func header(log *input, position int64) (recordbatch.Batch, error) {
	if position < 0 || position+recordbatch.HeaderLen > log.size {
		return nil, fmt.Errorf("position %d lies outside the segment's %d bytes", position, log.size)
	}
	head := make([]byte, recordbatch.HeaderLen)
	if _, err := log.ReadAt(head, position); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if head[16] != 2 {
		return nil, fmt.Errorf("no batch begins at byte %d of the segment", position)
	}
	return recordbatch.Batch(head), nil
}

func (d *Dumper) offsetIndex(in *input) error {
	base, err := in.base()
	if err != nil {
		return err
	}
	data, err := in.all()
	if err != nil {
		return err
	}
	const entry = 8
	if data, err = whole(data, entry); err != nil {
		return err
	}
	if d.o.IndexSanity {
		return d.saneOffsets(in, data, base)
	}
	log, err := d.sibling(in)
	if err != nil {
		return err
	}
	defer log.Close()
	for i := 0; i < len(data); i += entry {
		offset := base + int64(binary.BigEndian.Uint32(data[i:]))
		position := int64(binary.BigEndian.Uint32(data[i+4:]))
		b, err := header(log, position)
		switch {
		case err != nil:
			d.problem("Mismatches in :"+in.name, "Index offset: %d, %v", offset, err)
		case b.LastOffset() != offset:
			d.problem("Mismatches in :"+in.name, "Index offset: %d, log offset: %d", offset, b.LastOffset())
		}
		if !d.o.VerifyIndexOnly {
			fmt.Fprintf(d.out, "offset: %d position: %d\n", offset, position)
		}
	}
	return nil
}

// saneOffsets checks that an index rises.
func (d *Dumper) saneOffsets(in *input, data []byte, base int64) error {
	before, at := int64(-1), int64(-1)
	for i := 0; i+8 <= len(data); i += 8 {
		offset, position := int64(binary.BigEndian.Uint32(data[i:])), int64(binary.BigEndian.Uint32(data[i+4:]))
		if offset <= before && i > 0 || position <= at && i > 0 {
			return fmt.Errorf("entry %d (offset %d, position %d) does not lie behind the entry before (offset %d, position %d)", i/8, base+offset, position, base+before, at)
		}
		before, at = offset, position
	}
	fmt.Fprintf(d.out, "%s passed sanity check.\n", in.name)
	return nil
}

func (d *Dumper) timeIndex(in *input) error {
	base, err := in.base()
	if err != nil {
		return err
	}
	data, err := in.all()
	if err != nil {
		return err
	}
	const entry = 12
	if data, err = whole(data, entry); err != nil {
		return err
	}
	if d.o.IndexSanity {
		return d.saneTimes(in, data, base)
	}
	log, err := d.sibling(in)
	if err != nil {
		return err
	}
	defer log.Close()
	before := int64(-1)
	scan := scanner{in: log, max: d.o.MaxBatchBytes}
	for i := 0; i < len(data); i += entry {
		stamp := int64(binary.BigEndian.Uint64(data[i:]))
		offset := base + int64(binary.BigEndian.Uint32(data[i+8:]))
		if err := d.checkTime(in.name, &scan, stamp, offset); err != nil {
			return fmt.Errorf("entry %d: %w", i/entry, err)
		}
		if before >= stamp {
			d.problem("Found out of order timestamp in :"+in.name, "Index timestamp: %d, Previously indexed timestamp: %d", stamp, before)
		}
		before = stamp
		if !d.o.VerifyIndexOnly {
			fmt.Fprintf(d.out, "timestamp: %d offset: %d\n", stamp, offset)
		}
	}
	return nil
}

// checkTime looks for the batch that an entry names. Entries rise, so the segment is read once.
func (d *Dumper) checkTime(name string, scan *scanner, stamp, offset int64) error {
	for {
		b, err := scan.next()
		if _, reserved := errors.AsType[*zeroTailError](err); reserved || errors.Is(err, io.EOF) {
			d.problem("The following indexed offsets are not found in the log.", "Indexed offset: %d, found log offset: none (%s)", offset, name)
			return nil
		}
		if err != nil {
			return fmt.Errorf("batch at byte %d of the segment: %w", scan.at, err)
		}
		switch {
		case b.LastOffset() < offset:
			continue
		case b.BaseOffset() > offset:
			d.problem("The following indexed offsets are not found in the log.", "Indexed offset: %d, found log offset: %d (%s)", offset, b.BaseOffset(), name)
		case b.MaxTimestamp() != stamp:
			d.problem("Found timestamp mismatch in :"+name, "Index timestamp: %d, log timestamp: %d", stamp, b.MaxTimestamp())
		}
		scan.at -= int64(len(b)) // the next entry may name the same batch
		return nil
	}
}

func (d *Dumper) saneTimes(in *input, data []byte, base int64) error {
	before, at := int64(-1), int64(-1)
	for i := 0; i+12 <= len(data); i += 12 {
		stamp, offset := int64(binary.BigEndian.Uint64(data[i:])), int64(binary.BigEndian.Uint32(data[i+8:]))
		if i > 0 && (stamp < before || offset < at) {
			return fmt.Errorf("entry %d (timestamp %d, offset %d) does not lie behind the entry before (timestamp %d, offset %d)", i/12, stamp, base+offset, before, base+at)
		}
		before, at = stamp, offset
	}
	fmt.Fprintf(d.out, "%s passed sanity check.\n", in.name)
	return nil
}

func (d *Dumper) txnIndex(in *input) error {
	data, err := in.all()
	if err != nil {
		return err
	}
	const entry = 34
	for i := 0; i < len(data); i += entry {
		if len(data)-i < entry {
			return fmt.Errorf("entry %d is cut short: %d of %d bytes", i/entry, len(data)-i, entry)
		}
		p := data[i:]
		version := int16(binary.BigEndian.Uint16(p))
		if version != 0 {
			return fmt.Errorf("entry %d has version %d, known is 0", i/entry, version)
		}
		n := func(at int) int64 { return int64(binary.BigEndian.Uint64(p[at:])) }
		if n(10) > n(18) {
			return fmt.Errorf("entry %d begins at offset %d and ends at %d", i/entry, n(10), n(18))
		}
		fmt.Fprintf(d.out, "version: %d producerId: %d firstOffset: %d lastOffset: %d lastStableOffset: %d\n", version, n(2), n(10), n(18), n(26))
	}
	return nil
}
