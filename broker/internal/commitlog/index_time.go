package commitlog

import "encoding/binary"

// timeEntryLen is the length of an entry of a .timeindex file: a timestamp in ms (int64) and the offset relative to
// the segment's base (int32). No record at or before the offset has a larger timestamp.
const timeEntryLen = 12

type timeEntry struct {
	timestamp int64
	offset    int64 // absolute
}

func appendTimeEntry(dst []byte, base int64, e timeEntry) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.timestamp))
	return binary.BigEndian.AppendUint32(dst, uint32(e.offset-base))
}

func parseTimeEntry(p []byte, base int64) timeEntry {
	return timeEntry{
		timestamp: int64(binary.BigEndian.Uint64(p)),
		offset:    base + int64(binary.BigEndian.Uint32(p[8:])),
	}
}

// soundTimeIndex gives how many leading bytes can be trusted: entries that rise and lie at most at offset last.
func soundTimeIndex(p []byte, base, last int64) int {
	prev := timeEntry{timestamp: -1, offset: base - 1}
	n := 0
	for ; n+timeEntryLen <= len(p); n += timeEntryLen {
		e := parseTimeEntry(p[n:], base)
		if e.timestamp <= prev.timestamp || e.offset < prev.offset || e.offset > last {
			break
		}
		prev = e
	}
	return n
}
