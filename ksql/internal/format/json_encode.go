package format

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/chortal/chortal/ksql/internal/types"
)

// jsonEncoder writes an object with the columns in order, NULL included, or the bare value of a single column.
type jsonEncoder struct {
	columns []Column
	names   [][]byte // each with quotes, colon, and the comma or brace before it
	single  bool
}

func newJSONEncoder(spec Spec, columns []Column) Encoder {
	e := &jsonEncoder{columns: columns, single: spec.unwrapped(len(columns))}
	for i, c := range columns {
		lead := byte(',')
		if i == 0 {
			lead = '{'
		}
		e.names = append(e.names, append(AppendJSONString([]byte{lead}, c.Name), ':'))
	}
	return e
}

func (e *jsonEncoder) Encode(dst []byte, row types.Row) ([]byte, bool, error) {
	if len(e.columns) == 0 {
		return dst, true, nil
	}
	if e.single {
		v := e.columns[0].get(row)
		if v.IsNull() {
			return dst, true, nil
		}
		return AppendJSON(dst, v, e.columns[0].Type), false, nil
	}
	for i, c := range e.columns {
		dst = append(dst, e.names[i]...)
		dst = AppendJSON(dst, c.get(row), c.Type)
	}
	return append(dst, '}'), false, nil
}

// AppendJSON appends a value of a type as JSON: DECIMAL with its exact digits, DATE, TIME and TIMESTAMP as numbers, BYTES in
// base64.
func AppendJSON(dst []byte, v types.Value, t types.Type) []byte {
	switch v.Kind() {
	case types.KindNull:
		return append(dst, "null"...)
	case types.KindBoolean:
		return strconv.AppendBool(dst, v.Boolean())
	case types.KindInteger, types.KindBigint, types.KindDate, types.KindTime, types.KindTimestamp:
		return strconv.AppendInt(dst, v.Bigint(), 10)
	case types.KindDouble:
		return AppendJSONFloat(dst, v.Double())
	case types.KindDecimal:
		return types.AppendText(dst, v, t)
	case types.KindString:
		return AppendJSONString(dst, v.Str())
	case types.KindBytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes())
		return append(dst, '"')
	case types.KindArray:
		dst = append(dst, '[')
		for i, e := range v.Array() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, e, t.Elem())
		}
		return append(dst, ']')
	case types.KindMap:
		return appendJSONMap(dst, v, t)
	case types.KindStruct:
		return appendJSONStruct(dst, v, t)
	}
	return append(dst, "null"...)
}

func appendJSONMap(dst []byte, v types.Value, t types.Type) []byte {
	dst = append(dst, '{')
	for i, e := range v.Map().Entries() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if e.Key.Kind() == types.KindString {
			dst = AppendJSONString(dst, e.Key.Str())
		} else {
			dst = AppendJSONString(dst, types.Text(e.Key, t.Key()))
		}
		dst = append(dst, ':')
		dst = AppendJSON(dst, e.Value, t.Elem())
	}
	return append(dst, '}')
}

func appendJSONStruct(dst []byte, v types.Value, t types.Type) []byte {
	dst = append(dst, '{')
	values := v.Struct()
	for i, f := range t.Fields() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendJSONString(dst, f.Name)
		dst = append(dst, ':')
		if i < len(values) {
			dst = AppendJSON(dst, values[i], f.Type)
		} else {
			dst = append(dst, "null"...)
		}
	}
	return append(dst, '}')
}

// AppendJSONFloat appends the shortest number that reads back as f: without a fraction if it is whole, with an exponent only if it is
// very large or small. What is no number is a string, as in Java.
func AppendJSONFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return AppendJSONString(dst, types.JavaDouble(f))
	}
	if a := math.Abs(f); a == 0 || a >= 1e-6 && a < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'e', -1, 64)
}

const hex = "0123456789abcdef"

// AppendJSONString appends a string with its quotes.
func AppendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += n
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
