package format

import (
	"fmt"

	"github.com/chortal/chortal/ksql/internal/types"
)

// NewDecoder compiles a decoder for the columns of one side. Check tells whether the format can hold them.
func NewDecoder(spec Spec, columns []Column) (Decoder, error) {
	switch spec.Format {
	case JSON:
		return newJSONDecoder(spec, columns)
	case Delimited:
		return newDelimitedDecoder(spec, columns)
	case Kafka:
		return newKafkaDecoder(columns)
	case None:
		return noneDecoder{columns}, nil
	}
	return nil, unavailable(spec.Format)
}

// NewEncoder compiles an encoder for the columns of one side.
func NewEncoder(spec Spec, columns []Column) (Encoder, error) {
	switch spec.Format {
	case JSON:
		return newJSONEncoder(spec, columns), nil
	case Delimited:
		return newDelimitedEncoder(spec, columns)
	case Kafka:
		return newKafkaEncoder(columns)
	case None:
		return noneEncoder{}, nil
	}
	return nil, unavailable(spec.Format)
}

func unavailable(f Format) error {
	return fmt.Errorf("format %s is not available: it needs a schema registry", f)
}

// unwrapped reports whether a side is written as the bare value of its single column.
func (s Spec) unwrapped(columns int) bool {
	if columns != 1 {
		return false
	}
	switch s.Wrapping {
	case WrapSingles:
		return false
	case UnwrapSingles:
		return true
	}
	return s.Key
}

func setNull(columns []Column, row types.Row) {
	for _, c := range columns {
		if c.Slot >= 0 {
			row[c.Slot] = types.Null
		}
	}
}

// get returns the value of a column for an encoder.
func (c Column) get(row types.Row) types.Value {
	if c.Slot < 0 {
		return types.Null
	}
	return row[c.Slot]
}

type noneDecoder struct{ columns []Column }

func (d noneDecoder) Decode(_ []byte, row types.Row) error {
	setNull(d.columns, row)
	return nil
}

type noneEncoder struct{}

func (noneEncoder) Encode(dst []byte, _ types.Row) ([]byte, bool, error) { return dst, true, nil }
