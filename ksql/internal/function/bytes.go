package function

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

func decodeBase64(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }

func encodeBase64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// bytesFunctions read numbers from bytes.
func bytesFunctions() []Scalar {
	var list []Scalar
	for _, f := range []struct {
		name string
		t    types.Type
		size int
		get  func(binary.ByteOrder, []byte) types.Value
	}{
		{"int_from_bytes", types.Integer, 4, func(o binary.ByteOrder, b []byte) types.Value { return types.NewInteger(int32(o.Uint32(b))) }},
		{"bigint_from_bytes", types.Bigint, 8, func(o binary.ByteOrder, b []byte) types.Value { return types.NewBigint(int64(o.Uint64(b))) }},
		{"double_from_bytes", types.Double, 8, func(o binary.ByteOrder, b []byte) types.Value {
			return types.NewDouble(math.Float64frombits(o.Uint64(b)))
		}},
	} {
		eval := func(a []types.Value) (types.Value, error) {
			order := "BIG_ENDIAN"
			if len(a) > 1 {
				order = a[1].Str()
			}
			b := a[0].Bytes()
			if len(b) != f.size {
				return types.Null, fmt.Errorf("Number of bytes must be equal to %d, but found %d", f.size, len(b))
			}
			switch strings.ToUpper(order) {
			case "BIG_ENDIAN":
				return f.get(binary.BigEndian, b), nil
			case "LITTLE_ENDIAN":
				return f.get(binary.LittleEndian, b), nil
			}
			return types.Null, fmt.Errorf("Byte order must be BIG_ENDIAN or LITTLE_ENDIAN, but was %s", order)
		}
		doc := fmt.Sprintf("Reads %d bytes, the most significant first, as %s.", f.size, f.t)
		list = append(list, fn(f.name, doc, f.t, eval, p("value", types.Bytes)),
			fn(f.name, fmt.Sprintf("Reads %d bytes in the order BIG_ENDIAN or LITTLE_ENDIAN as %s.", f.size, f.t), f.t, eval, p("value", types.Bytes), p("byteOrder", types.String)))
	}
	return category("CONVERSIONS", list...)
}
