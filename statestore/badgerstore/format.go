package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/chortal/chortal/statestore"
)

// The first byte of a key in Badger, and the second of our own keys.
const (
	metaPrefix = 0x00
	dataPrefix = 0x01

	metaClosed = 'c'
	metaOffset = 'o'
)

// dataKey is the key in Badger of an entry.
func dataKey(key []byte) []byte {
	k := make([]byte, 0, 1+len(key))
	return append(append(k, dataPrefix), key...)
}

const (
	sealVersion = 1
	sealBytes   = 4 + 1
)

var (
	castagnoli      = crc32.MakeTable(crc32.Castagnoli)
	errSeal         = errors.New("value is too short")
	errChecksum     = errors.New("checksum does not match")
	errSealVersion  = errors.New("value has an unknown version")
	errOffsetLength = errors.New("offset has a wrong length")
)

// seal puts the checksum and the version before a value.
func seal(value []byte) []byte {
	b := make([]byte, sealBytes, sealBytes+len(value))
	b[4] = sealVersion
	b = append(b, value...)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

// open returns the value of a sealed one, which it is a part of.
func open(sealed []byte) ([]byte, error) {
	switch {
	case len(sealed) < sealBytes:
		return nil, fmt.Errorf("%w: %d bytes", errSeal, len(sealed))
	case crc32.Checksum(sealed[4:], castagnoli) != binary.BigEndian.Uint32(sealed):
		return nil, errChecksum
	case sealed[4] != sealVersion:
		return nil, fmt.Errorf("%w: %d", errSealVersion, sealed[4])
	}
	return sealed[sealBytes:], nil
}

// offsetKey is the key of a changelog offset.
func offsetKey(tp statestore.TopicPartition) []byte {
	k := binary.BigEndian.AppendUint32([]byte{metaPrefix, metaOffset}, uint32(tp.Partition))
	return append(k, tp.Topic...)
}

func splitOffsetKey(key []byte) (tp statestore.TopicPartition, err error) {
	if len(key) < 6 {
		return tp, fmt.Errorf("%w: key of %d bytes", errOffsetLength, len(key))
	}
	return statestore.TopicPartition{Topic: string(key[6:]), Partition: int32(binary.BigEndian.Uint32(key[2:]))}, nil
}

const offsetBytes = 8 + 4 + 16 + 8

// encodeOffset is next(8) leader epoch(4) topic id(16) time in ms(8).
func encodeOffset(o statestore.Offset) []byte {
	b := make([]byte, 0, offsetBytes)
	b = binary.BigEndian.AppendUint64(b, uint64(o.Next))
	b = binary.BigEndian.AppendUint32(b, uint32(o.LeaderEpoch))
	b = append(b, o.TopicID[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(o.At.UnixMilli()))
}

func decodeOffset(b []byte) (o statestore.Offset, err error) {
	if len(b) != offsetBytes {
		return o, fmt.Errorf("%w: %d bytes", errOffsetLength, len(b))
	}
	o.Next = int64(binary.BigEndian.Uint64(b))
	o.LeaderEpoch = int32(binary.BigEndian.Uint32(b[8:]))
	copy(o.TopicID[:], b[12:])
	o.At = time.UnixMilli(int64(binary.BigEndian.Uint64(b[28:])))
	return o, nil
}
