package logdump

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

var errShort = errors.New("record is cut short")

// maxDepth bounds structures inside structures; Kafka's have four.
const maxDepth = 16

// decoder reads one message of a schema and writes it as JSON.
type decoder struct {
	in       []byte
	version  int16
	flexible bool
	out      strings.Builder
	// special replaces the JSON of a bytes field by another; ok is false where it does not.
	special func(name string, value []byte) (text string, ok bool)
}

// decode writes a message as JSON. What stands behind it is an error.
func (s *schema) decode(in []byte, version int16, special func(string, []byte) (string, bool)) (string, error) {
	if version < s.min || version > s.max {
		return "", fmt.Errorf("%s has version %d, known are %d to %d", s.name, version, s.min, s.max)
	}
	d := &decoder{in: in, version: version, flexible: version >= s.flexible, special: special}
	if err := d.message(s.fields, 0); err != nil {
		return "", fmt.Errorf("%s: %w", s.name, err)
	}
	if len(d.in) > 0 {
		return "", fmt.Errorf("%s: %d bytes behind the record", s.name, len(d.in))
	}
	return d.out.String(), nil
}

func (d *decoder) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.in) {
		return nil, errShort
	}
	p := d.in[:n]
	d.in = d.in[n:]
	return p, nil
}

func (d *decoder) uvarint() (uint64, error) {
	v, n := binary.Uvarint(d.in)
	if n <= 0 || v > math.MaxUint32 {
		return 0, errShort
	}
	d.in = d.in[n:]
	return v, nil
}

// message reads the fields of a structure, and its tagged fields, which stand behind the others but are written in their place.
func (d *decoder) message(fields []field, depth int) error {
	if depth > maxDepth {
		return errors.New("structures are nested too deep")
	}
	texts := make([]string, len(fields))
	for i := range fields {
		f := &fields[i]
		if !f.in(d.version) || f.isTagged(d.version) {
			continue
		}
		inner := d.inside(d.in)
		err := inner.value(f, f.kind, depth)
		d.in, texts[i] = inner.in, inner.out.String()
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if d.flexible {
		if err := d.tags(fields, texts, depth); err != nil {
			return err
		}
	}
	d.out.WriteByte('{')
	comma := ""
	for i, text := range texts {
		if text != "" {
			fmt.Fprintf(&d.out, "%s%q:%s", comma, fields[i].name, text)
			comma = ","
		}
	}
	d.out.WriteByte('}')
	return nil
}

// inside is a decoder of the same message for other bytes.
func (d *decoder) inside(in []byte) *decoder {
	return &decoder{in: in, version: d.version, flexible: d.flexible, special: d.special}
}

// tags fills in the texts of tagged fields that differ from their defaults.
func (d *decoder) tags(fields []field, texts []string, depth int) error {
	bodies, err := d.tagged()
	if err != nil {
		return err
	}
	for i := range fields {
		f := &fields[i]
		body, ok := bodies[f.tag]
		if !ok || !f.in(d.version) || !f.isTagged(d.version) {
			continue
		}
		inner := d.inside(body)
		if err := inner.value(f, f.kind, depth); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if text := inner.out.String(); text != f.byDefault {
			texts[i] = text
		}
	}
	return nil
}

func (d *decoder) tagged() (map[uint32][]byte, error) {
	n, err := d.uvarint()
	if err != nil {
		return nil, err
	}
	if n > uint64(len(d.in)) {
		return nil, errShort
	}
	all := make(map[uint32][]byte, n)
	for range n {
		tag, err := d.uvarint()
		if err != nil {
			return nil, err
		}
		size, err := d.uvarint()
		if err != nil {
			return nil, err
		}
		if all[uint32(tag)], err = d.take(int(size)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// length reads the length of a string, array or bytes; -1 is null.
func (d *decoder) length(k kind) (int, error) {
	switch {
	case d.flexible:
		n, err := d.uvarint()
		return int(n) - 1, err
	case k == stringKind:
		p, err := d.take(2)
		if err != nil {
			return 0, err
		}
		return int(int16(binary.BigEndian.Uint16(p))), nil
	}
	p, err := d.take(4)
	if err != nil {
		return 0, err
	}
	return int(int32(binary.BigEndian.Uint32(p))), nil
}

func (d *decoder) value(f *field, k kind, depth int) error {
	if size := fixedSize(k); size > 0 {
		p, err := d.take(size)
		if err != nil {
			return err
		}
		d.out.WriteString(fixed(k, p))
		return nil
	}
	if k == structKind {
		return d.structure(f, depth)
	}
	n, err := d.length(k)
	if err != nil {
		return err
	}
	if n < 0 {
		if f.nullable == 0 || d.version < f.nullable-1 {
			return errors.New("is null, which it must not be")
		}
		d.out.WriteString("null")
		return nil
	}
	if k == arrayKind {
		return d.array(f, n, depth)
	}
	p, err := d.take(n)
	if err != nil {
		return err
	}
	if k == stringKind {
		text, err := json.Marshal(string(p))
		d.out.Write(unescapeHTML(text))
		return err
	}
	if d.special != nil {
		if text, ok := d.special(f.name, p); ok {
			d.out.WriteString(text)
			return nil
		}
	}
	fmt.Fprintf(&d.out, "%q", base64.StdEncoding.EncodeToString(p))
	return nil
}

func (d *decoder) structure(f *field, depth int) error {
	if f.kind == structKind && f.nullable > 0 && d.version >= f.nullable-1 {
		p, err := d.take(1)
		if err != nil {
			return err
		}
		if int8(p[0]) < 0 || f.isTagged(d.version) && p[0] == 0 {
			d.out.WriteString("null")
			return nil
		}
	}
	return d.message(f.fields, depth+1)
}

func (d *decoder) array(f *field, n, depth int) error {
	if n > len(d.in) {
		return errShort // an element has a byte at least
	}
	d.out.WriteByte('[')
	for i := range n {
		if i > 0 {
			d.out.WriteByte(',')
		}
		if err := d.value(f, f.elem, depth); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	d.out.WriteByte(']')
	return nil
}

func fixedSize(k kind) int {
	switch k {
	case boolKind, int8Kind:
		return 1
	case int16Kind, uint16Kind:
		return 2
	case int32Kind, uint32Kind:
		return 4
	case int64Kind, floatKind:
		return 8
	case uuidKind:
		return 16
	}
	return 0
}

func fixed(k kind, p []byte) string {
	switch k {
	case boolKind:
		return strconv.FormatBool(p[0] != 0)
	case int8Kind:
		return strconv.Itoa(int(int8(p[0])))
	case int16Kind:
		return strconv.Itoa(int(int16(binary.BigEndian.Uint16(p))))
	case uint16Kind:
		return strconv.Itoa(int(binary.BigEndian.Uint16(p)))
	case int32Kind:
		return strconv.Itoa(int(int32(binary.BigEndian.Uint32(p))))
	case uint32Kind:
		return strconv.FormatUint(uint64(binary.BigEndian.Uint32(p)), 10)
	case int64Kind:
		return strconv.FormatInt(int64(binary.BigEndian.Uint64(p)), 10)
	case floatKind:
		return javaDouble(math.Float64frombits(binary.BigEndian.Uint64(p)))
	}
	return strconv.Quote(base64.RawURLEncoding.EncodeToString(p))
}

// javaDouble writes a number as Java does: 1024.0, 1.048576E7.
func javaDouble(f float64) string {
	if abs := math.Abs(f); abs != 0 && (abs < 1e-3 || abs >= 1e7) && !math.IsInf(f, 0) && !math.IsNaN(f) {
		text := strconv.FormatFloat(f, 'E', -1, 64)
		mantissa, exponent, _ := strings.Cut(text, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		n, _ := strconv.Atoi(exponent)
		return mantissa + "E" + strconv.Itoa(n)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// unescapeHTML undoes what encoding/json does for browsers.
func unescapeHTML(p []byte) []byte {
	return []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(p)))
}
