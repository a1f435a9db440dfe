package format

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/chortal/chortal/ksql/internal/types"
)

// DELIMITED is one line of CSV: fields in the order of the columns, quoted with " where needed, an empty field is NULL,
// dates and times as numbers, BYTES in base64.

type delimitedDecoder struct {
	columns []Column
	delim   rune
	scratch []byte
}

func newDelimitedDecoder(spec Spec, columns []Column) (Decoder, error) {
	if err := check(Delimited, columns); err != nil {
		return nil, err
	}
	return &delimitedDecoder{columns: columns, delim: delimiter(spec)}, nil
}

func delimiter(spec Spec) rune {
	if spec.Delimiter == 0 {
		return ','
	}
	return spec.Delimiter
}

func (d *delimitedDecoder) Decode(b []byte, row types.Row) error {
	if b == nil {
		setNull(d.columns, row)
		return nil
	}
	rest, n := b, 0
	for more := true; more; n++ {
		var field []byte
		var quoted bool
		var err error
		if field, rest, quoted, more, err = d.field(rest); err != nil {
			return err
		}
		if n >= len(d.columns) {
			continue
		}
		c := d.columns[n]
		if c.Slot < 0 {
			continue
		}
		if quoted && d.shares(field) {
			field = append([]byte(nil), field...)
		}
		if row[c.Slot], err = parseField(c, field); err != nil {
			return err
		}
	}
	if n != len(d.columns) {
		return &Error{"", fmt.Sprintf("Unexpected field count, csvFields:%d schemaFields:%d", n, len(d.columns))}
	}
	return nil
}

func (d *delimitedDecoder) shares(field []byte) bool {
	return len(field) > 0 && len(d.scratch) > 0 && &field[0] == &d.scratch[0]
}

// field cuts the next field off. A quoted field with doubled quotes is assembled in scratch.
func (d *delimitedDecoder) field(b []byte) (field, rest []byte, quoted, more bool, err error) {
	if len(b) == 0 || b[0] != '"' {
		end := bytes.IndexRune(b, d.delim)
		nl := lineEnd(b)
		if end < 0 || nl < end {
			return b[:nl], nil, false, false, nil
		}
		return b[:end], b[end+utf8.RuneLen(d.delim):], false, true, nil
	}
	d.scratch = d.scratch[:0]
	for i := 1; i < len(b); i++ {
		switch {
		case b[i] != '"':
			d.scratch = append(d.scratch, b[i])
		case i+1 < len(b) && b[i+1] == '"':
			d.scratch = append(d.scratch, '"')
			i++
		default:
			rest = b[i+1:]
			if len(rest) == 0 || rest[0] == '\n' || rest[0] == '\r' {
				return d.scratch, nil, true, false, nil
			}
			if r, n := utf8.DecodeRune(rest); r == d.delim {
				return d.scratch, rest[n:], true, true, nil
			}
			return nil, nil, true, false, &Error{"", fmt.Sprintf("invalid char between encapsulated token and delimiter at position %d", i+1)}
		}
	}
	return nil, nil, true, false, &Error{"", "the quoted field is not closed"}
}

// lineEnd returns where the first line ends: a record is one line.
func lineEnd(b []byte) int {
	for i, c := range b {
		if c == '\n' || c == '\r' {
			return i
		}
	}
	return len(b)
}

func parseField(c Column, b []byte) (types.Value, error) {
	if len(b) == 0 {
		return types.Null, nil
	}
	s := text(b)
	bad := func(err error) (types.Value, error) {
		return types.Null, &Error{c.Name, fmt.Sprintf("Error deserializing %s: %q: %v", c.Type, clip(s), err)}
	}
	switch c.Type.Kind() {
	case types.KindString:
		return types.NewString(s), nil
	case types.KindBoolean:
		return types.NewBoolean(strings.EqualFold(strings.TrimSpace(s), "true")), nil
	case types.KindDate, types.KindTime, types.KindTimestamp:
		i, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		if err != nil {
			return bad(err)
		}
		return timeValue(c.Type.Kind(), i), nil
	case types.KindBytes:
		raw, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return bad(err)
		}
		return types.NewBytes(raw), nil
	}
	v, err := types.ParseText(s, c.Type)
	if err != nil {
		return bad(err)
	}
	return v, nil
}

// timeValue makes a DATE, TIME or TIMESTAMP from its number in JSON and DELIMITED.
func timeValue(k types.Kind, i int64) types.Value {
	switch k {
	case types.KindDate:
		return types.NewDate(int32(i))
	case types.KindTime:
		const day = 24 * 60 * 60 * 1000
		return types.NewTime(int32((i%day + day) % day))
	}
	return types.NewTimestamp(i)
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

type delimitedEncoder struct {
	columns []Column
	delim   rune
	scratch []byte
}

func newDelimitedEncoder(spec Spec, columns []Column) (Encoder, error) {
	if err := check(Delimited, columns); err != nil {
		return nil, err
	}
	return &delimitedEncoder{columns: columns, delim: delimiter(spec)}, nil
}

func (e *delimitedEncoder) Encode(dst []byte, row types.Row) ([]byte, bool, error) {
	if len(e.columns) == 0 || len(e.columns) == 1 && e.columns[0].get(row).IsNull() {
		return dst, true, nil
	}
	for i, c := range e.columns {
		if i > 0 {
			dst = utf8.AppendRune(dst, e.delim)
		}
		v := c.get(row)
		if v.IsNull() {
			continue
		}
		e.scratch = appendField(e.scratch[:0], v)
		dst = e.quote(dst, e.scratch, i == 0)
	}
	return dst, false, nil
}

func appendField(dst []byte, v types.Value) []byte {
	switch v.Kind() {
	case types.KindDate:
		return strconv.AppendInt(dst, int64(v.Days()), 10)
	case types.KindTime, types.KindTimestamp:
		return strconv.AppendInt(dst, v.Millis(), 10)
	}
	return types.AppendText(dst, v, types.NullType)
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// quote appends a field, in quotes if it could be misread for what is in it, or if it is the first and starts with no letter or digit, as
// the CSV library of ksqlDB does.
func (e *delimitedEncoder) quote(dst, field []byte, first bool) []byte {
	if !e.needsQuotes(field, first) {
		return append(dst, field...)
	}
	dst = append(dst, '"')
	for _, c := range field {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

func (e *delimitedEncoder) needsQuotes(field []byte, first bool) bool {
	if len(field) == 0 {
		return first
	}
	if field[0] <= '#' || field[len(field)-1] <= ' ' || first && !isAlphanumeric(field[0]) {
		return true
	}
	for _, r := range text(field) {
		if r == '\n' || r == '\r' || r == '"' || r == e.delim {
			return true
		}
	}
	return false
}
