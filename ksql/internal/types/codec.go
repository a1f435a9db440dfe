package types

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/apd/v3"
)

// The state codec writes a value as its kind (one byte), then its data:
//
//	BOOLEAN                     1 byte
//	INTEGER BIGINT DATE TIME TIMESTAMP   zig-zag varint
//	DOUBLE                      8 bytes, IEEE bits big-endian
//	DECIMAL                     varint scale, zig-zag varint unscaled; with bigFlag on the kind: sign byte, uvarint length, magnitude
//	STRING BYTES                uvarint length, bytes
//	ARRAY STRUCT                uvarint count, values
//	MAP                         uvarint count, key and value in turn
//
// NULL is the kind alone. The codec is part of what stores and command logs keep: kinds are never renumbered.
const bigFlag = 0x80

// maxNesting bounds the depth of decoded values.
const maxNesting = 512

var errShort = errors.New("decode value: unexpected end")

// AppendValue appends v in the state codec.
func AppendValue(dst []byte, v Value) []byte {
	if v.kind == KindDecimal {
		return appendDecimal(dst, v)
	}
	dst = append(dst, byte(v.kind))
	switch v.kind {
	case KindBoolean:
		dst = append(dst, byte(v.bits))
	case KindInteger, KindBigint, KindDate, KindTime, KindTimestamp:
		dst = binary.AppendVarint(dst, int64(v.bits))
	case KindDouble:
		dst = binary.BigEndian.AppendUint64(dst, v.bits)
	case KindString:
		dst = binary.AppendUvarint(dst, v.bits)
		dst = append(dst, v.Str()...)
	case KindBytes:
		dst = binary.AppendUvarint(dst, v.bits)
		dst = append(dst, v.Bytes()...)
	case KindArray, KindStruct:
		dst = binary.AppendUvarint(dst, v.bits)
		for _, e := range v.Array() {
			dst = AppendValue(dst, e)
		}
	case KindMap:
		entries := v.Map().Entries()
		dst = binary.AppendUvarint(dst, uint64(len(entries)))
		for _, e := range entries {
			dst = AppendValue(AppendValue(dst, e.Key), e.Value)
		}
	}
	return dst
}

func appendDecimal(dst []byte, v Value) []byte {
	if b := v.big(); b != nil {
		dst = append(dst, byte(KindDecimal)|bigFlag)
		dst = binary.AppendVarint(dst, int64(v.scale))
		mag := b.Bytes()
		dst = append(dst, byte(b.Sign()&2))
		dst = binary.AppendUvarint(dst, uint64(len(mag)))
		return append(dst, mag...)
	}
	dst = append(dst, byte(KindDecimal))
	dst = binary.AppendVarint(dst, int64(v.scale))
	return binary.AppendVarint(dst, int64(v.bits))
}

// AppendRow appends the values of a row in the state codec, without a count.
func AppendRow(dst []byte, r Row) []byte {
	for _, v := range r {
		dst = AppendValue(dst, v)
	}
	return dst
}

// DecodeRow reads len(into) values. Strings and bytes share b.
func DecodeRow(b []byte, into Row) error {
	var err error
	for i := range into {
		if into[i], b, err = DecodeValue(b); err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
	}
	if len(b) > 0 {
		return fmt.Errorf("decode row: %d bytes too many", len(b))
	}
	return nil
}

// DecodeValue reads one value and returns the bytes after it. Strings and bytes share b.
func DecodeValue(b []byte) (Value, []byte, error) { return decodeValue(b, 0) }

func decodeValue(b []byte, depth int) (Value, []byte, error) {
	if len(b) == 0 {
		return Null, nil, errShort
	}
	if depth > maxNesting {
		return Null, nil, errors.New("decode value: nested too deep")
	}
	kind := Kind(b[0])
	b = b[1:]
	switch kind {
	case KindNull:
		return Null, b, nil
	case KindBoolean:
		if len(b) < 1 {
			return Null, nil, errShort
		}
		return NewBoolean(b[0] != 0), b[1:], nil
	case KindInteger, KindBigint, KindDate, KindTime, KindTimestamp:
		i, n := binary.Varint(b)
		if n <= 0 {
			return Null, nil, errShort
		}
		return Value{kind: kind, bits: uint64(i)}, b[n:], nil
	case KindDouble:
		if len(b) < 8 {
			return Null, nil, errShort
		}
		return NewDouble(math.Float64frombits(binary.BigEndian.Uint64(b))), b[8:], nil
	case KindDecimal, KindDecimal | bigFlag:
		return decodeDecimal(b, kind&bigFlag != 0)
	case KindString, KindBytes:
		data, rest, err := decodeBytes(b)
		if err != nil {
			return Null, nil, err
		}
		v := NewBytes(data)
		v.kind = kind
		return v, rest, nil
	case KindArray, KindStruct:
		n, rest, err := decodeCount(b, 1)
		if err != nil {
			return Null, nil, err
		}
		elems := make([]Value, n)
		for i := range elems {
			if elems[i], rest, err = decodeValue(rest, depth+1); err != nil {
				return Null, nil, err
			}
		}
		v := NewArray(elems)
		v.kind = kind
		return v, rest, nil
	case KindMap:
		n, rest, err := decodeCount(b, 2)
		if err != nil {
			return Null, nil, err
		}
		m := NewMapValue(n)
		for range n {
			var k, v Value
			if k, rest, err = decodeValue(rest, depth+1); err != nil {
				return Null, nil, err
			}
			if v, rest, err = decodeValue(rest, depth+1); err != nil {
				return Null, nil, err
			}
			m.Put(k, v)
		}
		return NewMap(m), rest, nil
	}
	return Null, nil, fmt.Errorf("decode value: unknown kind %d", kind)
}

func decodeDecimal(b []byte, big bool) (Value, []byte, error) {
	scale, n := binary.Varint(b)
	if n <= 0 || scale < -MaxPrecision || scale > 2*MaxPrecision {
		return Null, nil, errShort
	}
	b = b[n:]
	if !big {
		i, n := binary.Varint(b)
		if n <= 0 {
			return Null, nil, errShort
		}
		return NewDecimal(i, int(scale)), b[n:], nil
	}
	if len(b) < 1 {
		return Null, nil, errShort
	}
	negative := b[0] != 0
	mag, rest, err := decodeBytes(b[1:])
	if err != nil {
		return Null, nil, err
	}
	u := new(apd.BigInt).SetBytes(mag)
	if negative {
		u.Neg(u)
	}
	return newBigDecimal(u, int32(scale)), rest, nil
}

func decodeBytes(b []byte) (data, rest []byte, err error) {
	n, b, err := decodeCount(b, 1)
	if err != nil {
		return nil, nil, err
	}
	return b[:n:n], b[n:], nil
}

// decodeCount reads a count of things that take at least size bytes each.
func decodeCount(b []byte, size int) (int, []byte, error) {
	u, n := binary.Uvarint(b)
	if n <= 0 || u > uint64((len(b)-n)/size) {
		return 0, nil, errShort
	}
	return int(u), b[n:], nil
}
