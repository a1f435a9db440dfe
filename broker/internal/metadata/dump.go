package metadata

import (
	"errors"
	"fmt"
	"strings"
)

// Walk calls each with every record of the bytes of a metadata.log, in the file's order, and whether it belongs to the snapshot.
// torn is how many bytes at the end are no whole frame, as after a crash.
func Walk(file []byte, each func(offset int64, snapshot bool, r Record) error) (torn int, err error) {
	h, err := readHeader(file)
	if err != nil {
		return 0, err
	}
	at := headerBytes
	for n := uint32(0); at < len(file); n++ {
		first, recs, size, err := readFrame(file[at:])
		if errors.Is(err, errTorn) && n >= h.frames {
			return len(file) - at, nil
		}
		if err != nil {
			return 0, err
		}
		for i, r := range recs {
			offset := first
			if n >= h.frames {
				offset += int64(i)
			}
			if err := each(offset, n < h.frames, r); err != nil {
				return 0, err
			}
		}
		at += size
	}
	return 0, nil
}

// RecordName is the name of a record's type.
func RecordName(r Record) string {
	name := fmt.Sprintf("%T", r)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// MarshalText writes an id as Kafka's tools do.
func (id TopicID) MarshalText() ([]byte, error) {
	return []byte(id.String()), nil
}
