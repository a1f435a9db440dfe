package commitlog

import (
	"fmt"
	"io"
	"sync"

	"github.com/chortal/chortal/internal/recordbatch"
)

const headerBuffer = 8 << 10

// headerBuffers holds the read-ahead of header scans.
var headerBuffers = sync.Pool{New: func() any { return new([headerBuffer]byte) }}

// scanHeaders calls fn with the header (only [recordbatch.HeaderLen] bytes) of every batch between two positions, until
// fn returns false. A header that makes no sense, or a batch that does not end before end, is an error.
func scanHeaders(f io.ReaderAt, pos, end int64, fn func(h recordbatch.Batch, pos int64) bool) error {
	buf := headerBuffers.Get().(*[headerBuffer]byte)
	defer headerBuffers.Put(buf)
	var have []byte // what is read, from position at on
	at := pos
	for pos < end {
		if pos+recordbatch.HeaderLen > end {
			return fmt.Errorf("%d bytes at position %d are no batch: %w", end-pos, pos, ErrCorrupt)
		}
		if pos+recordbatch.HeaderLen > at+int64(len(have)) {
			n := min(int64(len(buf)), end-pos)
			if err := readFull(f, buf[:n], pos); err != nil {
				return err
			}
			have, at = buf[:n], pos
		}
		h := recordbatch.Batch(have[pos-at:][:recordbatch.HeaderLen])
		size := h.Size()
		if h.MagicByte() != recordbatch.Magic || size < recordbatch.HeaderLen || size > end-pos || h.LastOffsetDelta() < 0 {
			return fmt.Errorf("bad batch header at position %d: %w", pos, ErrCorrupt)
		}
		if !fn(h, pos) {
			return nil
		}
		pos += size
	}
	return nil
}

// scanBatches calls fn with every whole batch between two positions, until fn returns an error. Only the header's length
// and magic are checked. The batch is valid during the call.
func scanBatches(f io.ReaderAt, pos, end int64, fn func(b recordbatch.Batch, pos int64) error) error {
	buf := make([]byte, min(end-pos, 1<<20))
	var have []byte
	for pos < end {
		if len(have) < recordbatch.HeaderLen || recordbatch.Batch(have).Size() > int64(len(have)) {
			need := int64(recordbatch.HeaderLen)
			if len(have) >= recordbatch.HeaderLen {
				need = recordbatch.Batch(have).Size()
			}
			if need > end-pos {
				return fmt.Errorf("batch at position %d does not end before %d: %w", pos, end, ErrCorrupt)
			}
			if need > int64(len(buf)) {
				buf = make([]byte, need)
			}
			n := min(int64(len(buf)), end-pos)
			if err := readFull(f, buf[:n], pos); err != nil {
				return err
			}
			have = buf[:n]
		}
		size := recordbatch.Batch(have).Size()
		if recordbatch.Batch(have).MagicByte() != recordbatch.Magic || size < recordbatch.HeaderLen {
			return fmt.Errorf("bad batch header at position %d: %w", pos, ErrCorrupt)
		}
		if size > int64(len(have)) {
			continue
		}
		if err := fn(recordbatch.Batch(have[:size:size]), pos); err != nil {
			return err
		}
		have, pos = have[size:], pos+size
	}
	return nil
}

func readFull(f io.ReaderAt, p []byte, pos int64) error {
	n, err := f.ReadAt(p, pos)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = fmt.Errorf("file ends: %w", ErrCorrupt)
	}
	return fmt.Errorf("read %d bytes at position %d: %w", len(p), pos, err)
}
