package serde

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
)

// The serdes of Kafka's own types.
var (
	// String is UTF-8. Bytes that are no UTF-8 are passed through as they are.
	String Serde[string] = stringSerde{}
	// Bytes are the bytes themselves. Decode returns its argument, not a copy.
	Bytes Serde[[]byte] = bytesSerde{}
	// Int64 is Kafka's LongSerializer: 8 bytes, big-endian.
	Int64 Serde[int64] = int64Serde{}
	// Int32 is Kafka's IntegerSerializer: 4 bytes, big-endian.
	Int32 Serde[int32] = int32Serde{}
	// Float64 is Kafka's DoubleSerializer: IEEE 754, big-endian.
	Float64 Serde[float64] = float64Serde{}
	// UUID is Kafka's UUIDSerializer: the 36 characters of the canonical text.
	UUID Serde[[16]byte] = uuidSerde{}
	// Void is Kafka's VoidSerializer: no bytes at all.
	Void Serde[struct{}] = voidSerde{}
)

type stringSerde struct{}

func (stringSerde) Append(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }
func (stringSerde) Decode(b []byte) (string, error)             { return string(b), nil }

type bytesSerde struct{}

func (bytesSerde) Append(dst, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (bytesSerde) Decode(b []byte) ([]byte, error)      { return b, nil }

type int64Serde struct{}

func (int64Serde) Append(dst []byte, v int64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
}

func (int64Serde) Decode(b []byte) (int64, error) {
	if len(b) != 8 {
		return 0, sizeError("int64", 8, len(b))
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

type int32Serde struct{}

func (int32Serde) Append(dst []byte, v int32) ([]byte, error) {
	return binary.BigEndian.AppendUint32(dst, uint32(v)), nil
}

func (int32Serde) Decode(b []byte) (int32, error) {
	if len(b) != 4 {
		return 0, sizeError("int32", 4, len(b))
	}
	return int32(binary.BigEndian.Uint32(b)), nil
}

type float64Serde struct{}

func (float64Serde) Append(dst []byte, v float64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v)), nil
}

func (float64Serde) Decode(b []byte) (float64, error) {
	if len(b) != 8 {
		return 0, sizeError("float64", 8, len(b))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
}

type voidSerde struct{}

func (voidSerde) Append(dst []byte, _ struct{}) ([]byte, error) { return dst, nil }

func (voidSerde) Decode(b []byte) (struct{}, error) {
	if len(b) != 0 {
		return struct{}{}, sizeError("void", 0, len(b))
	}
	return struct{}{}, nil
}

type uuidSerde struct{}

// uuidTextLen is the length of the canonical text.
const uuidTextLen = 36

func (uuidSerde) Append(dst []byte, v [16]byte) ([]byte, error) {
	dst = hex.AppendEncode(dst, v[0:4])
	for _, group := range [...][2]int{{4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		dst = append(dst, '-')
		dst = hex.AppendEncode(dst, v[group[0]:group[1]])
	}
	return dst, nil
}

func (uuidSerde) Decode(b []byte) (v [16]byte, err error) {
	if len(b) != uuidTextLen {
		return v, sizeError("uuid", uuidTextLen, len(b))
	}
	text := make([]byte, 0, 32)
	for i, c := range b {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') {
			return v, fmt.Errorf("decode uuid %q: misplaced dash at %d", b, i)
		}
		if !dash {
			text = append(text, c)
		}
	}
	if _, err := hex.Decode(v[:], text); err != nil {
		return [16]byte{}, fmt.Errorf("decode uuid %q: %w", b, err)
	}
	return v, nil
}

func sizeError(what string, want, got int) error {
	return fmt.Errorf("decode %s: %d bytes instead of %d", what, got, want)
}
