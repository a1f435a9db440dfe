package exec

import (
	"fmt"

	"github.com/chortal/chortal/ksql/internal/analyze"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/format"
	"github.com/chortal/chortal/ksql/internal/types"
	"github.com/chortal/chortal/streams/serde"
)

// valueSerde reads and writes the value columns of a topic. The row it decodes has the size of the source's schema: the
// other columns are filled in later.
type valueSerde struct {
	size    int
	decoder format.Decoder
	encoder format.Encoder
}

// NewValueSerde returns the serde of the values of a topic for rows of size columns, with the value columns in the
// slots that begin at first. Columns that are not needed are skipped; nil needs all.
func NewValueSerde(f catalog.Formats, columns []types.Column, first, size int, needed func(name string) bool) (serde.Serde[types.Row], error) {
	s := valueSerde{size: size}
	if len(columns) == 0 {
		return s, nil
	}
	spec, err := analyze.Spec(f, false)
	if err != nil {
		return nil, err
	}
	list := columnsAt(columns, first)
	if s.encoder, err = newEncoder(spec, list); err != nil {
		return nil, fmt.Errorf("value: %w", err)
	}
	if needed != nil {
		list = columnsAt(columns, first)
		for i := range list {
			if !needed(list[i].Name) {
				list[i].Slot = -1
			}
		}
	}
	if s.decoder, err = newDecoder(spec, list); err != nil {
		return nil, fmt.Errorf("value: %w", err)
	}
	return s, nil
}

// Append implements serde.Serde.
func (s valueSerde) Append(dst []byte, r types.Row) ([]byte, error) {
	if s.encoder == nil {
		return dst, nil
	}
	out, null, err := s.encoder.Encode(dst, r)
	if null {
		return dst, err
	}
	return out, err
}

// Decode implements serde.Serde.
func (s valueSerde) Decode(b []byte) (types.Row, error) {
	r := make(types.Row, s.size)
	if s.decoder == nil {
		return r, nil
	}
	return r, s.decoder.Decode(append([]byte{}, b...), r)
}
