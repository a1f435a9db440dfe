package exec

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/chortal/chortal/ksql/internal/analyze"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/format"
	"github.com/chortal/chortal/ksql/internal/types"
	"github.com/chortal/chortal/streams/serde"
)

// Key is the key of a record: the values of its key columns, and behind them the start and end of its window where the
// key has one. The nil Key is Kafka's null.
type Key = types.Row

// columnsAt returns columns for a format with slots that begin at first.
func columnsAt(columns []types.Column, first int) []format.Column {
	out := make([]format.Column, len(columns))
	for i, c := range columns {
		out[i] = format.Column{Name: c.Name, Type: c.Type, Slot: first + i}
	}
	return out
}

// keySerde reads and writes keys in a format, with the window as Kafka Streams writes it.
type keySerde struct {
	n       int // key columns
	decoder format.Decoder
	encoder format.Encoder
	window  *catalog.Window
}

// NewKeySerde returns the serde of the keys of a topic.
func NewKeySerde(f catalog.Formats, columns []types.Column) (serde.Serde[Key], error) {
	s := keySerde{n: len(columns), window: f.Window}
	if s.n == 0 {
		return s, nil
	}
	spec, err := analyze.Spec(f, true)
	if err != nil {
		return nil, err
	}
	list := columnsAt(columns, 0)
	if s.decoder, err = newDecoder(spec, list); err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	s.encoder, err = newEncoder(spec, list)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return s, nil
}

// AppendBase appends the key without its window, which decides on the partition.
func (s keySerde) AppendBase(dst []byte, k Key) ([]byte, error) {
	if s.n == 0 {
		return dst, nil
	}
	out, null, err := s.encoder.Encode(dst, k[:s.n])
	if null {
		return dst, err
	}
	return out, err
}

// Append implements serde.Serde.
func (s keySerde) Append(dst []byte, k Key) ([]byte, error) {
	dst, err := s.AppendBase(dst, k)
	if err != nil || s.window == nil || len(k) < s.n+2 {
		return dst, err
	}
	start, end := k[s.n].Bigint(), k[s.n+1].Bigint()
	if s.window.Type == catalog.Session {
		dst = binary.BigEndian.AppendUint64(dst, uint64(end))
	}
	return binary.BigEndian.AppendUint64(dst, uint64(start)), nil
}

// Decode implements serde.Serde.
func (s keySerde) Decode(b []byte) (Key, error) {
	if s.n == 0 {
		return nil, nil
	}
	if s.window == nil {
		k := make(Key, s.n)
		return k, s.decoder.Decode(append([]byte{}, b...), k)
	}
	k := make(Key, s.n+2)
	size := 8
	if s.window.Type == catalog.Session {
		size = 16
	}
	at := len(b) - size
	if at < 0 {
		return nil, fmt.Errorf("decode windowed key: %d bytes are too few", len(b))
	}
	start := int64(binary.BigEndian.Uint64(b[len(b)-8:]))
	end := int64(math.MaxInt64)
	switch {
	case s.window.Type == catalog.Session:
		end = int64(binary.BigEndian.Uint64(b[at:]))
	case s.window.Size > 0 && start+s.window.Size.Milliseconds() > start:
		end = start + s.window.Size.Milliseconds()
	}
	k[s.n], k[s.n+1] = types.NewBigint(start), types.NewBigint(end)
	return k, s.decoder.Decode(append([]byte{}, b[:at]...), k[:s.n])
}

// codecVersion is the first byte of a row in a store or an internal topic.
const codecVersion = 1

// rowSerde writes rows for stores and internal topics: a version byte and the values, each with its kind.
type rowSerde struct{ n int }

// Append implements serde.Serde.
func (s rowSerde) Append(dst []byte, r types.Row) ([]byte, error) {
	return types.AppendRow(append(dst, codecVersion), r), nil
}

// Decode implements serde.Serde.
func (s rowSerde) Decode(b []byte) (types.Row, error) {
	if len(b) == 0 || b[0] != codecVersion {
		return nil, fmt.Errorf("decode row of %d bytes: unknown version", len(b))
	}
	r := make(types.Row, s.n)
	return r, types.DecodeRow(append([]byte{}, b[1:]...), r)
}

// rowKeySerde is rowSerde for keys inside a query, whose bytes no one else reads.
func rowKeySerde(n int) serde.Serde[Key] { return rowSerde{n} }
