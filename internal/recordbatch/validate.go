package recordbatch

import (
	"fmt"
	"iter"
)

// ValidateHeader checks that b is exactly one batch whose header makes sense: length, magic, codec, counts, offsets.
// It does not compute the CRC. What it checks holds for any batch ever stored, also a compacted one.
func ValidateHeader(b Batch) error {
	if len(b) < HeaderLen {
		return fmt.Errorf("%d bytes are shorter than a header: %w", len(b), ErrCorrupt)
	}
	if b.MagicByte() != Magic {
		return fmt.Errorf("magic %d: %w", b.MagicByte(), ErrMagic)
	}
	if b.Size() != int64(len(b)) {
		return fmt.Errorf("length field says %d bytes, got %d: %w", b.Size(), len(b), ErrCorrupt)
	}
	if b.Codec() > Zstd {
		return fmt.Errorf("%v: %w", b.Codec(), ErrCodec)
	}
	if b.NumRecords() < 0 || b.LastOffsetDelta() < 0 || b.NumRecords()-1 > b.LastOffsetDelta() {
		return fmt.Errorf("%d records with last offset delta %d: %w", b.NumRecords(), b.LastOffsetDelta(), ErrInvalid)
	}
	return nil
}

// CheckCRC compares the stored checksum with the bytes. The header must have been validated.
func CheckCRC(b Batch) error {
	if got := b.computeCRC(); got != b.CRC() {
		return fmt.Errorf("CRC %08x, stored %08x: %w", got, b.CRC(), ErrCorrupt)
	}
	return nil
}

// Validate checks that b is exactly one batch as a producer may send it, or a coordinator write it: header, CRC, dense
// offsets, at least one record, a sequence where there is a producer id (a coordinator's transactional batch has none).
// The records themselves are not looked at.
func Validate(b Batch) error {
	if err := ValidateHeader(b); err != nil {
		return err
	}
	if err := CheckCRC(b); err != nil {
		return err
	}
	switch {
	case b.NumRecords() == 0:
		return fmt.Errorf("no records: %w", ErrInvalid)
	case b.NumRecords() != b.LastOffsetDelta()+1:
		return fmt.Errorf("%d records with last offset delta %d: %w", b.NumRecords(), b.LastOffsetDelta(), ErrInvalid)
	case b.IsControl():
		return validateControl(b)
	case b.ProducerID() >= 0 && (b.BaseSequence() < 0 && !b.IsTransactional() || b.ProducerEpoch() < 0):
		return fmt.Errorf("producer id %d with epoch %d and sequence %d: %w",
			b.ProducerID(), b.ProducerEpoch(), b.BaseSequence(), ErrInvalid)
	case b.ProducerID() < 0 && b.IsTransactional():
		return fmt.Errorf("transactional without a producer id: %w", ErrInvalid)
	}
	return nil
}

// Split iterates the batches that lie one behind the other in p. The header of each is checked, its CRC is not. Rest
// that is no whole batch ends the iteration with an error; a reader of Fetch responses that may be cut uses
// [SplitPrefix].
func Split(p []byte) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for len(p) > 0 {
			b, rest, err := next(p)
			if !yield(b, err) || err != nil {
				return
			}
			p = rest
		}
	}
}

// SplitPrefix is Split that ends without an error where the last batch is cut short, as Kafka may answer a fetch.
func SplitPrefix(p []byte) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for len(p) >= HeaderLen && int64(len(p)) >= Batch(p).Size() {
			b, rest, err := next(p)
			if !yield(b, err) || err != nil {
				return
			}
			p = rest
		}
	}
}

func next(p []byte) (b Batch, rest []byte, err error) {
	if len(p) < HeaderLen {
		return nil, nil, fmt.Errorf("%d bytes are shorter than a header: %w", len(p), ErrCorrupt)
	}
	size := Batch(p).Size()
	if Batch(p).MagicByte() != Magic {
		return nil, nil, fmt.Errorf("magic %d: %w", Batch(p).MagicByte(), ErrMagic)
	}
	if size < HeaderLen || size > int64(len(p)) {
		return nil, nil, fmt.Errorf("length field says %d bytes, %d are left: %w", size, len(p), ErrCorrupt)
	}
	b = Batch(p[:size:size])
	if err := ValidateHeader(b); err != nil {
		return nil, nil, err
	}
	return b, p[size:], nil
}
