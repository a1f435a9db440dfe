package types

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"
)

// JavaDouble writes a float as Java's Double.toString does: at least one decimal, and an exponent below 0.001 and
// from ten million on, such as 1.0E10.
func JavaDouble(f float64) string { return string(AppendJavaDouble(nil, f)) }

// AppendJavaDouble is JavaDouble into a buffer.
func AppendJavaDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	if a := math.Abs(f); a == 0 || a >= 1e-3 && a < 1e7 {
		start := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
		for _, c := range dst[start:] {
			if c == '.' {
				return dst
			}
		}
		return append(dst, '.', '0')
	}
	var buf [32]byte
	s := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	e := len(s) - 1
	for s[e] != 'e' {
		e--
	}
	mantissa, exponent := s[:e], s[e+1:]
	dst = append(dst, mantissa...)
	if !strings.Contains(string(mantissa), ".") {
		dst = append(dst, '.', '0')
	}
	dst = append(dst, 'E')
	if exponent[0] == '-' {
		dst = append(dst, '-')
	}
	exponent = exponent[1:]
	for len(exponent) > 1 && exponent[0] == '0' {
		exponent = exponent[1:]
	}
	return append(dst, exponent...)
}

// String returns the value as CAST(v AS STRING) gives it, except that a STRUCT, which does not know its field names,
// shows their positions; use Text where the type is known. NULL is null.
func (v Value) String() string { return Text(v, NullType) }

// Text returns the value of a type as CAST(v AS STRING) gives it, in Java's manner: [1, 2], {a=1}, Struct{F=1}.
func Text(v Value, t Type) string {
	if v.kind == KindString {
		return v.Str()
	}
	return string(AppendText(nil, v, t))
}

// AppendText is Text into a buffer.
func AppendText(dst []byte, v Value, t Type) []byte {
	switch v.kind {
	case KindNull:
		return append(dst, "null"...)
	case KindBoolean:
		return strconv.AppendBool(dst, v.Boolean())
	case KindInteger, KindBigint:
		return strconv.AppendInt(dst, int64(v.bits), 10)
	case KindDecimal:
		return appendDecimalText(dst, v)
	case KindDouble:
		return AppendJavaDouble(dst, v.Double())
	case KindString:
		return append(dst, v.Str()...)
	case KindBytes:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes())
	case KindDate:
		return AppendDate(dst, v.Days())
	case KindTime:
		return AppendTime(dst, int32(v.bits))
	case KindTimestamp:
		return AppendTimestamp(dst, v.Millis())
	case KindArray:
		dst = append(dst, '[')
		for i, e := range v.Array() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = AppendText(dst, e, t.Elem())
		}
		return append(dst, ']')
	case KindMap:
		dst = append(dst, '{')
		for i, e := range v.Map().Entries() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = AppendText(dst, e.Key, t.Key())
			dst = append(dst, '=')
			dst = AppendText(dst, e.Value, t.Elem())
		}
		return append(dst, '}')
	case KindStruct:
		return appendStruct(dst, v, t)
	}
	return append(dst, v.kind.String()...)
}

// appendStruct writes the fields that are not null, as Kafka Connect's Struct does.
func appendStruct(dst []byte, v Value, t Type) []byte {
	dst = append(dst, "Struct{"...)
	fields, first := t.Fields(), true
	for i, f := range v.Struct() {
		if f.IsNull() {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		var ft Type
		if i < len(fields) {
			dst = append(dst, fields[i].Name...)
			ft = fields[i].Type
		} else {
			dst = strconv.AppendInt(dst, int64(i), 10)
		}
		dst = append(dst, '=')
		dst = AppendText(dst, f, ft)
	}
	return append(dst, '}')
}

const (
	msPerDay  = 24 * 60 * 60 * 1000
	secPerDay = 24 * 60 * 60
)

// AppendDate writes days since the epoch as yyyy-MM-dd.
func AppendDate(dst []byte, days int32) []byte {
	y, m, d := time.Unix(int64(days)*secPerDay, 0).UTC().Date()
	dst = appendYear(dst, y)
	dst = append(dst, '-')
	dst = appendPadded(dst, int(m), 2)
	dst = append(dst, '-')
	return appendPadded(dst, d, 2)
}

func appendYear(dst []byte, y int) []byte {
	switch {
	case y > 9999:
		dst = append(dst, '+')
	case y < 0:
		dst = append(dst, '-')
		y = -y
	}
	return appendPadded(dst, y, 4)
}

func appendPadded(dst []byte, n, width int) []byte {
	var buf [20]byte
	s := strconv.AppendInt(buf[:0], int64(n), 10)
	for range width - len(s) {
		dst = append(dst, '0')
	}
	return append(dst, s...)
}

// AppendTime writes milliseconds of the day as HH:mm, HH:mm:ss or HH:mm:ss.SSS, the shortest that loses nothing.
func AppendTime(dst []byte, ms int32) []byte {
	dst = appendPadded(dst, int(ms/3600000), 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, int(ms/60000%60), 2)
	if ms%60000 == 0 {
		return dst
	}
	dst = append(dst, ':')
	dst = appendPadded(dst, int(ms/1000%60), 2)
	if ms%1000 != 0 {
		dst = append(dst, '.')
		dst = appendPadded(dst, int(ms%1000), 3)
	}
	return dst
}

// AppendTimestamp writes milliseconds since the epoch as yyyy-MM-ddTHH:mm:ss.SSS in UTC.
func AppendTimestamp(dst []byte, ms int64) []byte {
	days, of := floorDivMod(ms, msPerDay)
	dst = AppendDate(dst, int32(days))
	dst = append(dst, 'T')
	dst = appendPadded(dst, int(of/3600000), 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, int(of/60000%60), 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, int(of/1000%60), 2)
	dst = append(dst, '.')
	return appendPadded(dst, int(of%1000), 3)
}

func floorDivMod(a, b int64) (q, r int64) {
	q, r = a/b, a%b
	if r < 0 {
		q, r = q-1, r+b
	}
	return q, r
}

// DaysOf returns the DATE of a TIMESTAMP in UTC.
func DaysOf(ms int64) int32 { q, _ := floorDivMod(ms, msPerDay); return int32(q) }

// TimeOf returns the TIME of a TIMESTAMP in UTC, in milliseconds of the day.
func TimeOf(ms int64) int32 { _, r := floorDivMod(ms, msPerDay); return int32(r) }
