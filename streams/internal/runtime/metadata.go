package runtime

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// offsetMetadata is what Kafka Streams puts beside a committed offset: base64 of
//
//	magic(1) = 2, partition time(8), and, if there is any, a count(4) of length(4) node name, time(8)
//
// with all numbers big-endian. The halves of the topic's id are among the times, under names that no node has.
type offsetMetadata struct {
	partitionTime int64
	emitted       map[string]int64
	topicID       [16]byte
}

// idKeys are the names of the halves of the topic's id.
func idKeys() [2]string { return [2]string{"topic.id.high", "topic.id.low"} }

// isOf says whether the offset may be of the topic with that id. Where one is not known, it is.
func (m offsetMetadata) isOf(topicID [16]byte) bool {
	return m.topicID == topicID || m.topicID == [16]byte{} || topicID == [16]byte{}
}

const offsetMetadataMagic = 2

var errOffsetMetadata = errors.New("offset metadata is not valid")

func (m offsetMetadata) encode() string {
	b := binary.BigEndian.AppendUint64([]byte{offsetMetadataMagic}, uint64(m.partitionTime))
	n := len(m.emitted)
	known := m.topicID != [16]byte{}
	if known {
		n += 2 // idKeys
	}
	if n == 0 {
		return base64.StdEncoding.EncodeToString(b)
	}
	put := func(name string, value uint64) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
		b = append(b, name...)
		b = binary.BigEndian.AppendUint64(b, value)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	for node, at := range m.emitted {
		put(node, uint64(at))
	}
	if known {
		for half, key := range idKeys() {
			put(key, binary.BigEndian.Uint64(m.topicID[8*half:]))
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
	keys := idKeys()
	for range n {
		if len(b) < 4 {
			return m, fmt.Errorf("%w: %q", errOffsetMetadata, text)
		}
		size := binary.BigEndian.Uint32(b)
		if size > math.MaxInt16 || uint64(len(b)) < 4+uint64(size)+8 {
			return m, fmt.Errorf("%w: %q", errOffsetMetadata, text)
		}
		name := string(b[4 : 4+size])
		value := b[4+size : 4+size+8]
		b = b[4+size+8:]
		if half := slices.Index(keys[:], name); half >= 0 {
			copy(m.topicID[8*half:], value)
			continue
		}
		m.emitted[name] = int64(binary.BigEndian.Uint64(value))
	}
	return m, nil
}
