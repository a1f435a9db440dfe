package function

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/chortal/chortal/ksql/internal/types"
)

// Positions and lengths count UTF-16 code units, as in Java. Text without characters beyond ASCII takes a short way.

func stringFunctions() []Scalar {
	S, I, B := types.String, types.Integer, types.Bytes
	return category("STRING",
		fn("chr", "Returns the character with a Unicode code point.", S, chrCode, p("decimalCode", I)),
		fn("chr", "Returns the characters that a Java escape such as \\u004b stands for.", S, chrEscape, p("utf16Code", S)),
		fnNull("concat", "Joins strings; NULL arguments are left out.", S, concatStrings, more("inputs", S)),
		fnNull("concat", "Joins bytes; NULL arguments are left out.", B, concatBytes, more("inputs", B)),
		fnNull("concat_ws", "Joins strings with a separator between them; NULL arguments are left out, a NULL separator gives NULL.", S, concatWS,
			p("separator", S), more("inputs", S)),
		fnNull("concat_ws", "Joins bytes with a separator between them; NULL arguments are left out, a NULL separator gives NULL.", B, concatBytesWS,
			p("separator", B), more("inputs", B)),
		fnNull("elt", "Returns the n-th of the strings, counted from 1, or NULL.", S, elt, p("pos", I), more("inputs", S)),
		fnNull("field", "Returns the position of a string among the others, counted from 1, or 0.", I, field, p("str", S), more("inputs", S)),
		fn("encode", "Reads text in one encoding and writes its bytes in another: hex, utf8, ascii or base64.", S, encode,
			p("str", S), p("inputEncoding", S), p("outputEncoding", S)),
		fn("from_bytes", "Writes bytes as text in the encoding hex, utf8, ascii or base64.", S, fromBytes, p("value", B), p("encoding", S)),
		fn("to_bytes", "Reads text in the encoding hex, utf8, ascii or base64 as bytes.", B, toBytes, p("value", S), p("encoding", S)),
		fn("initcap", "Makes the first letter of each word upper case and the others lower case.", S, initcap, p("str", S)),
		fn("instr", "Returns the position of a substring, counted from 1, or 0.", I, instr, p("str", S), p("substring", S)),
		fn("instr", "Returns the position of a substring from a position on; a negative one counts from the end and searches backwards.", I, instr,
			p("str", S), p("substring", S), p("position", I)),
		fn("instr", "Returns the position of the n-th occurrence of a substring from a position on.", I, instr,
			p("str", S), p("substring", S), p("position", I), p("occurrence", I)),
		fn("lcase", "Returns the string in lower case.", S, func(a []types.Value) (types.Value, error) { return str(strings.ToLower(a[0].Str())) }, p("input", S)),
		fn("ucase", "Returns the string in upper case.", S, func(a []types.Value) (types.Value, error) { return str(strings.ToUpper(a[0].Str())) }, p("input", S)),
		fn("len", "Returns the number of characters.", I, func(a []types.Value) (types.Value, error) { return types.NewInteger(int32(length16(a[0].Str()))), nil }, p("input", S)),
		fn("len", "Returns the number of bytes.", I, func(a []types.Value) (types.Value, error) { return types.NewInteger(int32(len(a[0].Bytes()))), nil }, p("input", B)),
		fn("lpad", "Pads a string on the left to a length; a longer one is cut.", S, padString(true), p("input", S), p("targetLen", I), p("padding", S)),
		fn("lpad", "Pads bytes on the left to a length; longer ones are cut.", B, padBytes(true), p("input", B), p("targetLen", I), p("padding", B)),
		fn("rpad", "Pads a string on the right to a length; a longer one is cut.", S, padString(false), p("input", S), p("targetLen", I), p("padding", S)),
		fn("rpad", "Pads bytes on the right to a length; longer ones are cut.", B, padBytes(false), p("input", B), p("targetLen", I), p("padding", B)),
		fn("md5", "Returns the MD5 sum of the UTF-8 text in hex.", S, md5Sum, p("s", S)),
		fn("replace", "Replaces all occurrences of a substring.", S, func(a []types.Value) (types.Value, error) {
			return str(strings.ReplaceAll(a[0].Str(), a[1].Str(), a[2].Str()))
		}, p("str", S), p("oldStr", S), p("newStr", S)),
		fn("split", "Splits a string at a delimiter; an empty delimiter splits between characters.", stringArray, splitString, p("string", S), p("delimiter", S)),
		fn("split", "Splits bytes at a delimiter; an empty delimiter splits between bytes.", types.Array(B), splitBytes, p("bytes", B), p("delimiter", B)),
		fn("split_to_map", "Splits a string into entries and each entry into a key and a value.", types.Map(S, S), splitToMap,
			p("input", S), p("entryDelimiter", S), p("kvDelimiter", S)),
		fn("substring", "Returns the string from a position on, counted from 1; a negative one counts from the end.", S, substring, p("value", S), p("pos", I)),
		fn("substring", "Returns as many characters from a position on, counted from 1; a negative one counts from the end.", S, substring,
			p("value", S), p("pos", I), p("length", I)),
		fn("substring", "Returns the bytes from a position on, counted from 1.", B, subbytes, p("value", B), p("pos", I)),
		fn("substring", "Returns as many bytes from a position on, counted from 1.", B, subbytes, p("value", B), p("pos", I), p("length", I)),
		fn("trim", "Removes spaces and control characters from both ends.", S, func(a []types.Value) (types.Value, error) {
			return str(strings.TrimFunc(a[0].Str(), func(r rune) bool { return r <= ' ' }))
		}, p("input", S)),
		volatile(fn("uuid", "Returns a new random UUID.", S, newUUID)),
		fn("uuid", "Returns the UUID of 16 bytes, or NULL for other lengths.", S, uuidOf, p("bytes", B)),
	)
}

func volatile(s Scalar) Scalar {
	s.Volatile = true
	return s
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func length16(s string) int {
	if isASCII(s) {
		return len(s)
	}
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

func units16(s string) []uint16     { return utf16.Encode([]rune(s)) }
func fromUnits16(u []uint16) string { return string(utf16.Decode(u)) }

func chrCode(a []types.Value) (types.Value, error) {
	c := a[0].Integer()
	if c < 0 || c > unicode.MaxRune {
		return null()
	}
	return str(string(rune(c)))
}

func chrEscape(a []types.Value) (types.Value, error) {
	s := a[0].Str()
	var u []uint16
	for len(s) >= 6 && s[0] == '\\' && s[1] == 'u' {
		c, err := strconv.ParseUint(s[2:6], 16, 16)
		if err != nil {
			return null()
		}
		u = append(u, uint16(c))
		s = s[6:]
	}
	if len(u) == 0 || s != "" {
		return null()
	}
	return str(fromUnits16(u))
}

func concatStrings(a []types.Value) (types.Value, error) {
	n := 0
	for i := range a {
		if !a[i].IsNull() {
			n += len(a[i].Str())
		}
	}
	var b strings.Builder
	b.Grow(n)
	for i := range a {
		if !a[i].IsNull() {
			b.WriteString(a[i].Str())
		}
	}
	return str(b.String())
}

func concatBytes(a []types.Value) (types.Value, error) {
	var b []byte
	for i := range a {
		if !a[i].IsNull() {
			b = append(b, a[i].Bytes()...)
		}
	}
	return types.NewBytes(b), nil
}

func concatWS(a []types.Value) (types.Value, error) {
	if a[0].IsNull() {
		return null()
	}
	var parts []string
	for _, v := range a[1:] {
		if !v.IsNull() {
			parts = append(parts, v.Str())
		}
	}
	return str(strings.Join(parts, a[0].Str()))
}

func concatBytesWS(a []types.Value) (types.Value, error) {
	if a[0].IsNull() {
		return null()
	}
	var parts [][]byte
	for _, v := range a[1:] {
		if !v.IsNull() {
			parts = append(parts, v.Bytes())
		}
	}
	return types.NewBytes(bytes.Join(parts, a[0].Bytes())), nil
}

func elt(a []types.Value) (types.Value, error) {
	if a[0].IsNull() || a[0].Integer() < 1 || int(a[0].Integer()) >= len(a) {
		return null()
	}
	return a[a[0].Integer()], nil
}

func field(a []types.Value) (types.Value, error) {
	if !a[0].IsNull() {
		for i, v := range a[1:] {
			if !v.IsNull() && v.Str() == a[0].Str() {
				return types.NewInteger(int32(i + 1)), nil
			}
		}
	}
	return types.NewInteger(0), nil
}

func encode(a []types.Value) (types.Value, error) {
	b, err := decodeText(a[0].Str(), a[1].Str())
	if err != nil {
		return types.Null, err
	}
	s, err := encodeBytes(b, a[2].Str())
	return types.NewString(s), err
}

func fromBytes(a []types.Value) (types.Value, error) {
	s, err := encodeBytes(a[0].Bytes(), a[1].Str())
	return types.NewString(s), err
}

func toBytes(a []types.Value) (types.Value, error) {
	b, err := decodeText(a[0].Str(), a[1].Str())
	return types.NewBytes(b), err
}

func unknownEncoding(name string) error {
	return fmt.Errorf("Unknown encoding type '%s'. Supported formats are 'hex', 'utf8', 'ascii', and 'base64'", name)
}

func decodeText(s, encoding string) ([]byte, error) {
	switch strings.ToLower(encoding) {
	case "hex":
		switch {
		case len(s) >= 3 && (s[:2] == "X'" || s[:2] == "x'") && s[len(s)-1] == '\'':
			s = s[2 : len(s)-1]
		case len(s) >= 2 && s[:2] == "0x":
			s = s[2:]
		}
		if len(s)%2 == 1 {
			s = "0" + s
		}
		return hex.DecodeString(s)
	case "utf8":
		return []byte(s), nil
	case "ascii":
		b := make([]byte, 0, len(s))
		for _, r := range s {
			if r >= 0x80 {
				r = '?'
			}
			b = append(b, byte(r))
		}
		return b, nil
	case "base64":
		return decodeBase64(s)
	}
	return nil, unknownEncoding(encoding)
}

func encodeBytes(b []byte, encoding string) (string, error) {
	switch strings.ToLower(encoding) {
	case "hex":
		return hex.EncodeToString(b), nil
	case "utf8":
		return strings.ToValidUTF8(string(b), "\uFFFD"), nil
	case "ascii":
		var s strings.Builder
		for _, c := range b {
			if c >= 0x80 {
				s.WriteRune('\uFFFD')
			} else {
				s.WriteByte(c)
			}
		}
		return s.String(), nil
	case "base64":
		return encodeBase64(b), nil
	}
	return "", unknownEncoding(encoding)
}

func initcap(a []types.Value) (types.Value, error) {
	start := true
	return str(strings.Map(func(r rune) rune {
		defer func() { start = unicode.IsSpace(r) }()
		if start {
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	}, a[0].Str()))
}

func instr(a []types.Value) (types.Value, error) {
	s, sub := units16(a[0].Str()), units16(a[1].Str())
	position, occurrence := 1, 1
	if len(a) > 2 {
		position = int(a[2].Integer())
	}
	if len(a) > 3 {
		occurrence = int(a[3].Integer())
	}
	if occurrence < 1 || position == 0 {
		return types.NewInteger(0), nil
	}
	step, i := 1, position-1
	if position < 0 {
		step, i = -1, len(s)+position
	}
	for ; i >= 0 && i < len(s); i += step {
		if i+len(sub) <= len(s) && equal16(s[i:i+len(sub)], sub) {
			if occurrence--; occurrence == 0 {
				return types.NewInteger(int32(i + 1)), nil
			}
		}
	}
	return types.NewInteger(0), nil
}

func equal16(a, b []uint16) bool {
	for i := range b {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// maxText bounds the length of text that functions make out of little, such as LPAD.
const maxText = 16 << 20

func padString(left bool) Eval {
	return func(a []types.Value) (types.Value, error) {
		target, padding := int(a[1].Integer()), units16(a[2].Str())
		if target < 0 || len(padding) == 0 {
			return null()
		}
		if target > maxText {
			return types.Null, errTooLong
		}
		return str(fromUnits16(pad(units16(a[0].Str()), target, padding, left)))
	}
}

var errTooLong = fmt.Errorf("the result would be longer than %d characters", maxText)

func padBytes(left bool) Eval {
	return func(a []types.Value) (types.Value, error) {
		target, padding := int(a[1].Integer()), a[2].Bytes()
		if target < 0 || len(padding) == 0 {
			return null()
		}
		if target > maxText {
			return types.Null, errTooLong
		}
		return types.NewBytes(pad(a[0].Bytes(), target, padding, left)), nil
	}
}

func pad[T any](in []T, target int, padding []T, left bool) []T {
	if len(in) >= target {
		return in[:target]
	}
	out := make([]T, 0, target)
	if !left {
		out = append(out, in...)
	}
	for n := target - len(in); n > 0; {
		k := min(n, len(padding))
		out = append(out, padding[:k]...)
		n -= k
	}
	if left {
		out = append(out, in...)
	}
	return out
}

func md5Sum(a []types.Value) (types.Value, error) {
	sum := md5.Sum([]byte(a[0].Str()))
	return str(hex.EncodeToString(sum[:]))
}

func splitString(a []types.Value) (types.Value, error) {
	return stringsValue(strings.Split(a[0].Str(), a[1].Str())), nil
}

func stringsValue(list []string) types.Value {
	out := make([]types.Value, len(list))
	for i, s := range list {
		out[i] = types.NewString(s)
	}
	return types.NewArray(out)
}

func splitBytes(a []types.Value) (types.Value, error) {
	b, delim := a[0].Bytes(), a[1].Bytes()
	var parts [][]byte
	if len(delim) == 0 {
		for i := range b {
			parts = append(parts, b[i:i+1])
		}
	} else {
		parts = bytes.Split(b, delim)
	}
	out := make([]types.Value, len(parts))
	for i, s := range parts {
		out[i] = types.NewBytes(s)
	}
	return types.NewArray(out), nil
}

func splitToMap(a []types.Value) (types.Value, error) {
	input, entry, kv := a[0].Str(), a[1].Str(), a[2].Str()
	if entry == "" || kv == "" {
		return null()
	}
	m := types.NewMapValue(4)
	for _, e := range strings.Split(input, entry) {
		if parts := strings.Split(e, kv); len(parts) > 1 {
			m.Put(types.NewString(parts[0]), types.NewString(parts[1]))
		}
	}
	return types.NewMap(m), nil
}

// bounds turns a position from 1, or from the end, and a length into a range of n elements.
func bounds(a []types.Value, n int) (from, to int) {
	pos := int(a[1].Integer())
	if pos < 0 {
		from = max(n+pos, 0)
	} else {
		from = max(min(pos-1, n), 0)
	}
	to = n
	if len(a) > 2 {
		to = max(min(from+int(a[2].Integer()), n), from)
	}
	return from, to
}

func substring(a []types.Value) (types.Value, error) {
	s := a[0].Str()
	if isASCII(s) {
		from, to := bounds(a, len(s))
		return str(s[from:to])
	}
	u := units16(s)
	from, to := bounds(a, len(u))
	return str(fromUnits16(u[from:to]))
}

func subbytes(a []types.Value) (types.Value, error) {
	b := a[0].Bytes()
	from, to := bounds(a, len(b))
	return types.NewBytes(b[from:to]), nil
}

func newUUID([]types.Value) (types.Value, error) {
	var u [16]byte
	_, _ = rand.Read(u[:])
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return str(uuidText(u[:]))
}

func uuidOf(a []types.Value) (types.Value, error) {
	b := a[0].Bytes()
	if len(b) != 16 {
		return null()
	}
	return str(uuidText(b))
}

func uuidText(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
