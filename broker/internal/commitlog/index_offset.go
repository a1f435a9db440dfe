package commitlog

import "encoding/binary"

// offsetEntryLen is the length of an entry of a .index file: the last offset of a batch relative to the segment's
// base (int32), and the position at which that batch begins (int32).
const offsetEntryLen = 8

type offsetEntry struct {
	offset   int64 // absolute
	position int64
}

func appendOffsetEntry(dst []byte, base int64, e offsetEntry) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(e.offset-base))
	return binary.BigEndian.AppendUint32(dst, uint32(e.position))
}

func parseOffsetEntry(p []byte, base int64) offsetEntry {
	return offsetEntry{
		offset:   base + int64(binary.BigEndian.Uint32(p)),
		position: int64(binary.BigEndian.Uint32(p[4:])),
	}
}

// soundOffsetIndex gives how many leading bytes of an index can be trusted for a log of the given size: entries
// that rise and lie inside.
func soundOffsetIndex(p []byte, base, size int64) int {
	last := offsetEntry{offset: base - 1, position: -1}
	n := 0
	for ; n+offsetEntryLen <= len(p); n += offsetEntryLen {
		e := parseOffsetEntry(p[n:], base)
		if e.offset <= last.offset || e.position <= last.position || e.position >= size {
			break
		}
		last = e
	}
	return n
}
