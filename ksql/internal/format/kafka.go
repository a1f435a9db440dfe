package format

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/chortal/chortal/ksql/internal/types"
)

// KAFKA is the format of Kafka's own serializers: one column, big-endian numbers, UTF-8 text.

type kafkaDecoder struct{ columns []Column }

func newKafkaDecoder(columns []Column) (Decoder, error) {
	if err := check(Kafka, columns); err != nil {
		return nil, err
	}
	return kafkaDecoder{columns}, nil
}

func (d kafkaDecoder) Decode(b []byte, row types.Row) error {
	if b == nil || len(d.columns) == 0 {
		setNull(d.columns, row)
		return nil
	}
	c := d.columns[0]
	if c.Slot < 0 {
		return nil
	}
	v, err := decodeKafka(c, b)
	row[c.Slot] = v
	return err
}

func decodeKafka(c Column, b []byte) (types.Value, error) {
	want := 8
	switch c.Type.Kind() {
	case types.KindString:
		return types.NewString(text(b)), nil
	case types.KindBytes:
		return types.NewBytes(b), nil
	case types.KindInteger:
		want = 4
	}
	if len(b) != want {
		return types.Null, &Error{c.Name, fmt.Sprintf("Size of data received for %s is %d bytes, not %d", c.Type, len(b), want)}
	}
	switch c.Type.Kind() {
	case types.KindInteger:
		return types.NewInteger(int32(binary.BigEndian.Uint32(b))), nil
	case types.KindBigint:
		return types.NewBigint(int64(binary.BigEndian.Uint64(b))), nil
	}
	return types.NewDouble(math.Float64frombits(binary.BigEndian.Uint64(b))), nil
}

// text returns b as a string without copying; bytes that are no UTF-8 become U+FFFD.
func text(b []byte) string {
	s := unsafe.String(unsafe.SliceData(b), len(b))
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

type kafkaEncoder struct{ columns []Column }

func newKafkaEncoder(columns []Column) (Encoder, error) {
	if err := check(Kafka, columns); err != nil {
		return nil, err
	}
	return kafkaEncoder{columns}, nil
}

func (e kafkaEncoder) Encode(dst []byte, row types.Row) ([]byte, bool, error) {
	if len(e.columns) == 0 {
		return dst, true, nil
	}
	v := e.columns[0].get(row)
	switch e.columns[0].Type.Kind() {
	case types.KindInteger:
		if !v.IsNull() {
			dst = binary.BigEndian.AppendUint32(dst, uint32(v.Integer()))
		}
	case types.KindBigint:
		if !v.IsNull() {
			dst = binary.BigEndian.AppendUint64(dst, uint64(v.Bigint()))
		}
	case types.KindDouble:
		if !v.IsNull() {
			dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(v.Double()))
		}
	case types.KindString:
		if !v.IsNull() {
			dst = append(dst, v.Str()...)
		}
	case types.KindBytes:
		if !v.IsNull() {
			dst = append(dst, v.Bytes()...)
		}
	}
	return dst, v.IsNull(), nil
}
