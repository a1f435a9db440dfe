package runtime

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// offsetMetadata is what Kafka Streams puts beside a committed offset: base64 of
//
//	magic(1) = 2, partition time(8), and, if there is any, a count(4) of length(4) node name, time(8)
//
// with all numbers big-endian.
type offsetMetadata struct {
	partitionTime int64
	emitted       map[string]int64
}

const offsetMetadataMagic = 2

var errOffsetMetadata = errors.New("offset metadata is not valid")

func (m offsetMetadata) encode() string {
	b := binary.BigEndian.AppendUint64([]byte{offsetMetadataMagic}, uint64(m.partitionTime))
	if len(m.emitted) > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(len(m.emitted)))
		for node, at := range m.emitted {
			b = binary.BigEndian.AppendUint32(b, uint32(len(node)))
			b = append(b, node...)
			b = binary.BigEndian.AppendUint64(b, uint64(at))
		}
	}
	return base64.StdEncoding.EncodeToString(b)
}

// decodeOffsetMetadata reads what encode or Kafka Streams has written. Text from anybody else is an error.
func decodeOffsetMetadata(text string) (m offsetMetadata, err error) {
	m.partitionTime = -1
	if text == "" {
		return m, nil
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) < 9 || b[0] < 1 || b[0] > offsetMetadataMagic {
		return m, fmt.Errorf("%w: %q", errOffsetMetadata, text)
	}
	m.partitionTime = int64(binary.BigEndian.Uint64(b[1:]))
	b = b[9:]
	if len(b) == 0 {
		return m, nil
	}
	if len(b) < 4 || binary.BigEndian.Uint32(b) > uint32(len(b)/12) {
		return m, fmt.Errorf("%w: %q", errOffsetMetadata, text)
	}
	n := binary.BigEndian.Uint32(b)
	b = b[4:]
	m.emitted = make(map[string]int64, n)
	for range n {
		if len(b) < 4 {
			return m, fmt.Errorf("%w: %q", errOffsetMetadata, text)
		}
		size := binary.BigEndian.Uint32(b)
		if size > math.MaxInt16 || uint64(len(b)) < 4+uint64(size)+8 {
			return m, fmt.Errorf("%w: %q", errOffsetMetadata, text)
		}
		name := string(b[4 : 4+size])
		m.emitted[name] = int64(binary.BigEndian.Uint64(b[4+size:]))
		b = b[4+size+8:]
	}
	return m, nil
}
