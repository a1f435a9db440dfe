package metadata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The file, all integers big-endian (docs/formats/metadata-log.md):
//
//	header: magic "chmd" | version u8 | zero 3 | snapshot offset i64 | snapshot frames u32 | crc32c u32
//	frame:  length u32 | crc32c u32 | first offset i64 | count u32 | count × (length uvarint, record)
//
// length counts what follows the frame's crc, and the crc covers it. The first
// "snapshot frames" frames are the snapshot: their records all stand at the
// snapshot offset. Every later frame is one Propose.
const (
	magic         = "chmd"
	fileVersion   = 1
	headerBytes   = 24
	frameHead     = 8              // length and crc
	frameMin      = frameHead + 12 // an empty frame
	maxFrameBytes = 64 << 20
	// snapshotFrameBytes is where a frame of a snapshot ends.
	snapshotFrameBytes = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errTorn = errors.New("frame is cut off or its checksum is wrong")

func appendFrame(dst []byte, first int64, recs []Record) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, frameHead)...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(first))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(recs)))
	var buf []byte
	for _, rec := range recs {
		buf = appendRecord(buf[:0], rec)
		dst = binary.AppendUvarint(dst, uint64(len(buf)))
		dst = append(dst, buf...)
	}
	body := dst[at+frameHead:]
	binary.BigEndian.PutUint32(dst[at:], uint32(len(body)))
	binary.BigEndian.PutUint32(dst[at+4:], crc32.Checksum(body, castagnoli))
	return dst
}

// readFrame returns the first frame of src and its size in bytes, or errTorn.
// Any other error is a whole frame that we do not understand.
func readFrame(src []byte) (first int64, recs []Record, size int, err error) {
	if len(src) < frameMin {
		return 0, nil, 0, errTorn
	}
	length := int(binary.BigEndian.Uint32(src))
	if length < frameMin-frameHead || length > maxFrameBytes || length > len(src)-frameHead {
		return 0, nil, 0, errTorn
	}
	body := src[frameHead : frameHead+length]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(src[4:]) {
		return 0, nil, 0, errTorn
	}
	first = int64(binary.BigEndian.Uint64(body))
	recs, err = readRecords(body[12:], int(binary.BigEndian.Uint32(body[8:])))
	if err != nil {
		return 0, nil, 0, fmt.Errorf("frame of offset %d: %w", first, err)
	}
	return first, recs, frameHead + length, nil
}

func readRecords(src []byte, count int) ([]Record, error) {
	if count > len(src)/3 { // a length and two bytes each, at least
		return nil, fmt.Errorf("%d records in %d bytes", count, len(src))
	}
	recs := make([]Record, 0, count)
	for range count {
		length, n := binary.Uvarint(src)
		if n <= 0 || length > uint64(len(src)-n) {
			return nil, errors.New("record is longer than its frame")
		}
		rec, err := decodeRecord(src[n : n+int(length)])
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
		src = src[n+int(length):]
	}
	if len(src) != 0 {
		return nil, fmt.Errorf("%d bytes after the last record", len(src))
	}
	return recs, nil
}

type header struct {
	offset int64 // of the snapshot; -1: there is none
	frames uint32
}

func appendHeader(dst []byte, h header) []byte {
	at := len(dst)
	dst = append(dst, magic...)
	dst = append(dst, fileVersion, 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.offset))
	dst = binary.BigEndian.AppendUint32(dst, h.frames)
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

func readHeader(src []byte) (header, error) {
	if len(src) < headerBytes || string(src[:4]) != magic {
		return header{}, errors.New("file does not begin as a metadata log")
	}
	if src[4] != fileVersion {
		return header{}, fmt.Errorf("file has version %d, this program knows %d", src[4], fileVersion)
	}
	if crc32.Checksum(src[:headerBytes-4], castagnoli) != binary.BigEndian.Uint32(src[headerBytes-4:]) {
		return header{}, errors.New("checksum of the header is wrong")
	}
	return header{int64(binary.BigEndian.Uint64(src[8:])), binary.BigEndian.Uint32(src[16:])}, nil
}

// replay builds the image of a whole file. end is where its last whole frame
// ends: less than the file's size if a crash tore the last one.
func replay(src []byte) (img *Image, end int64, err error) {
	h, err := readHeader(src)
	if err != nil {
		return nil, 0, err
	}
	b := newBuilder(Empty())
	at := headerBytes
	for n := range h.frames {
		first, recs, size, err := readFrame(src[at:])
		if err == nil && first != h.offset {
			err = fmt.Errorf("frame has offset %d", first)
		}
		if err == nil {
			err = b.replay(recs, first, 0)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("frame %d of the snapshot of offset %d, at byte %d: %w", n, h.offset, at, err)
		}
		at += size
	}
	next := h.offset + 1
	for at < len(src) {
		first, recs, size, err := readFrame(src[at:])
		if errors.Is(err, errTorn) {
			if later := findFrame(src[at+1:], next); later >= 0 {
				return nil, 0, fmt.Errorf("damage at byte %d, before the whole frame at byte %d", at, at+1+later)
			}
			break
		}
		if err == nil && first != next {
			err = fmt.Errorf("frame of offset %d where %d should be", first, next)
		}
		if err == nil {
			err = b.replay(recs, first, 1)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("at byte %d: %w", at, err)
		}
		at += size
		next = first + int64(len(recs))
	}
	b.next.offset = next - 1
	return b.build().Next, int64(at), nil
}

// replay applies records whose offsets grow by step.
func (b *builder) replay(recs []Record, first, step int64) error {
	for i, rec := range recs {
		b.next.offset = first + step*int64(i)
		if err := rec.apply(b); err != nil {
			return fmt.Errorf("offset %d: %w", b.next.offset, err)
		}
	}
	return nil
}

// findFrame returns where a whole frame with an offset of at least from
// begins, or -1. A torn write is the last thing in a file, for the next one
// only begins when it is durable: a frame behind it means damage.
func findFrame(src []byte, from int64) int {
	for at := 0; at+frameMin <= len(src); at++ {
		first := int64(binary.BigEndian.Uint64(src[at+frameHead:]))
		if first < from || first > from+1<<32 {
			continue
		}
		if _, _, _, err := readFrame(src[at:]); !errors.Is(err, errTorn) {
			return at
		}
	}
	return -1
}
