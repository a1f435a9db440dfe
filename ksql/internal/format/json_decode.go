package format

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"github.com/chortal/chortal/ksql/internal/types"
)

// maxJSONDepth bounds the nesting of JSON text.
const maxJSONDepth = 512

// node is the plan to decode one value.
type node struct {
	typ    types.Type
	kind   types.Kind
	path   string // such as $.F[*], for errors
	column string
	elem   *node   // of arrays and maps
	object *object // of structs
}

func newNode(t types.Type, column, path string) *node {
	n := &node{typ: t, kind: t.Kind(), path: path, column: column}
	switch n.kind {
	case types.KindArray:
		n.elem = newNode(t.Elem(), column, path+"[*]")
	case types.KindMap:
		n.elem = newNode(t.Elem(), column, path+"[*]")
	case types.KindStruct:
		var fields []Column
		for i, f := range t.Fields() {
			fields = append(fields, Column{f.Name, f.Type, i})
		}
		n.object = newObject(fields, column, path)
	}
	return n
}

// object is the plan to decode the fields of an object. A field matches by its exact name, else by its name in upper case; the
// exact one wins if both are there.
type object struct {
	nodes []*node
	slots []int
	index map[string]int
	// order remembers which field stood where in the last object, because the next one mostly looks the same.
	order []seenField
	upper []byte
}

type seenField struct {
	name  string
	field int // -1 if no column has the name
	exact bool
}

const maxSeenFields = 256

func newObject(columns []Column, column, path string) *object {
	o := &object{index: make(map[string]int, len(columns))}
	for _, c := range columns {
		if c.Slot < 0 {
			continue
		}
		name := column
		if name == "" {
			name = c.Name
		}
		o.index[c.Name] = len(o.nodes)
		o.nodes = append(o.nodes, newNode(c.Type, name, path+"."+c.Name))
		o.slots = append(o.slots, c.Slot)
	}
	return o
}

// find returns the field of a name that is the i-th of its object.
func (o *object) find(i int, name []byte) seenField {
	if i < len(o.order) && o.order[i].name == string(name) {
		return o.order[i]
	}
	f := seenField{field: -1}
	if k, ok := o.index[string(name)]; ok {
		f.field, f.exact = k, true
	} else if k, ok := o.index[string(o.fold(name))]; ok {
		f.field = k
	}
	if i < maxSeenFields && len(name) < 128 {
		f.name = string(name)
		if i < len(o.order) {
			o.order[i] = f
		} else if i == len(o.order) {
			o.order = append(o.order, f)
		}
	}
	return f
}

func (o *object) fold(name []byte) []byte {
	o.upper = o.upper[:0]
	for _, c := range name {
		if c >= utf8.RuneSelf {
			return append(o.upper[:0], strings.ToUpper(string(name))...)
		}
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		o.upper = append(o.upper, c)
	}
	return o.upper
}

type jsonDecoder struct {
	columns []Column
	object  *object // of a wrapped side
	single  *node   // of an unwrapped side
	scan    scanner
}

func newJSONDecoder(spec Spec, columns []Column) (Decoder, error) {
	if err := check(JSON, columns); err != nil {
		return nil, err
	}
	d := &jsonDecoder{columns: columns}
	if spec.unwrapped(len(columns)) {
		d.single = newNode(columns[0].Type, columns[0].Name, "$")
	} else {
		d.object = newObject(columns, "", "$")
	}
	return d, nil
}

func (d *jsonDecoder) Decode(b []byte, row types.Row) error {
	setNull(d.columns, row)
	if b == nil {
		return nil
	}
	d.scan = scanner{b: b}
	err := d.decode(row)
	d.scan.b = nil
	return err
}

func (d *jsonDecoder) decode(row types.Row) error {
	s := &d.scan
	s.space()
	if d.single != nil {
		v, err := s.value(d.single, 0)
		if err != nil {
			return err
		}
		if slot := d.columns[0].Slot; slot >= 0 {
			row[slot] = v
		}
		return s.end()
	}
	switch {
	case s.i < len(s.b) && s.b[s.i] == '{':
		if err := s.object(d.object, row, 0); err != nil {
			return err
		}
	case s.literal("null"):
	default:
		if s.i == len(s.b) {
			return s.unexpected()
		}
		return &Error{"", fmt.Sprintf("Can't convert type. sourceType: %s, requiredType: STRUCT, path: $", s.nodeType())}
	}
	return s.end()
}

// scanner walks over JSON text.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\n', '\t', '\r':
			s.i++
		default:
			return
		}
	}
}

func (s *scanner) end() error {
	s.space()
	if s.i < len(s.b) {
		return &Error{"", fmt.Sprintf("invalid JSON: text after the value at byte %d", s.i)}
	}
	return nil
}

func (s *scanner) unexpected() error {
	if s.i >= len(s.b) {
		return &Error{"", "invalid JSON: unexpected end of text"}
	}
	r, _ := utf8.DecodeRune(s.b[s.i:])
	return &Error{"", fmt.Sprintf("invalid JSON: unexpected %q at byte %d", r, s.i)}
}

func (s *scanner) literal(word string) bool {
	if len(s.b)-s.i >= len(word) && string(s.b[s.i:s.i+len(word)]) == word {
		s.i += len(word)
		return true
	}
	return false
}

// nodeType names what stands at the place, as ksqlDB does.
func (s *scanner) nodeType() string {
	if s.i >= len(s.b) {
		return "MissingNode"
	}
	switch c := s.b[s.i]; {
	case c == '"':
		return "TextNode"
	case c == '{':
		return "ObjectNode"
	case c == '[':
		return "ArrayNode"
	case c == 't' || c == 'f':
		return "BooleanNode"
	case c == 'n':
		return "NullNode"
	}
	return "NumericNode"
}

// object decodes the fields of an object into the slots of row.
func (s *scanner) object(o *object, row []types.Value, depth int) error {
	if depth > maxJSONDepth {
		return errTooDeep
	}
	s.i++ // {
	var exact [4]uint64
	for i := 0; ; i++ {
		s.space()
		if s.i < len(s.b) && s.b[s.i] == '}' && i == 0 {
			s.i++
			return nil
		}
		name, err := s.key()
		if err != nil {
			return err
		}
		f := o.find(i, name)
		if err := s.colon(); err != nil {
			return err
		}
		// A field that differs in case does not overwrite the exact one.
		skip := f.field < 0
		if !skip && f.field < 256 {
			word, bit := f.field>>6, uint64(1)<<(f.field&63)
			if f.exact {
				exact[word] |= bit
			} else if exact[word]&bit != 0 {
				skip = true
			}
		}
		if skip {
			err = s.skip(depth + 1)
		} else {
			var v types.Value
			v, err = s.value(o.nodes[f.field], depth+1)
			row[o.slots[f.field]] = v
		}
		if err != nil {
			return err
		}
		done, err := s.comma('}')
		if done || err != nil {
			return err
		}
	}
}

var errTooDeep = &Error{"", fmt.Sprintf("invalid JSON: nested deeper than %d levels", maxJSONDepth)}

// key reads the name of a field; it shares the text unless it has escapes.
func (s *scanner) key() ([]byte, error) {
	if s.i >= len(s.b) || s.b[s.i] != '"' {
		return nil, s.unexpected()
	}
	raw, escaped, err := s.rawString()
	if err != nil || !escaped {
		return raw, err
	}
	return s.unescape(raw)
}

func (s *scanner) colon() error {
	s.space()
	if s.i >= len(s.b) || s.b[s.i] != ':' {
		return s.unexpected()
	}
	s.i++
	s.space()
	return nil
}

// comma goes on to the next member or past the closing bracket.
func (s *scanner) comma(closing byte) (done bool, err error) {
	s.space()
	if s.i >= len(s.b) {
		return false, s.unexpected()
	}
	switch s.b[s.i] {
	case ',':
		s.i++
		return false, nil
	case closing:
		s.i++
		return true, nil
	}
	return false, s.unexpected()
}

// value decodes the value at the place.
func (s *scanner) value(n *node, depth int) (types.Value, error) {
	if s.i >= len(s.b) {
		return types.Null, s.unexpected()
	}
	switch c := s.b[s.i]; {
	case c == '"':
		return s.fromString(n)
	case c == '{':
		return s.fromObject(n, depth)
	case c == '[':
		return s.fromArray(n, depth)
	case c == '-' || c >= '0' && c <= '9':
		return s.fromNumber(n)
	case c == 'n' && s.literal("null"):
		return types.Null, nil
	case c == 't' && s.literal("true"):
		return s.fromBoolean(n, true)
	case c == 'f' && s.literal("false"):
		return s.fromBoolean(n, false)
	}
	return types.Null, s.unexpected()
}

func (n *node) mismatch(source string) error {
	return &Error{n.column, fmt.Sprintf("Can't convert type. sourceType: %s, requiredType: %s, path: %s", source, n.typ, n.path)}
}

func (n *node) invalid(text string, err error) error {
	return &Error{n.column, fmt.Sprintf("Can't convert type. sourceType: TextNode, requiredType: %s, path: %s, value: %q: %v", n.typ, n.path, clip(text), err)}
}

func (s *scanner) fromBoolean(n *node, b bool) (types.Value, error) {
	switch n.kind {
	case types.KindBoolean:
		return types.NewBoolean(b), nil
	case types.KindString:
		return types.NewString(strconv.FormatBool(b)), nil
	}
	return types.Null, n.mismatch("BooleanNode")
}

func (s *scanner) fromString(n *node) (types.Value, error) {
	raw, escaped, err := s.rawString()
	if err != nil {
		return types.Null, err
	}
	if escaped {
		if raw, err = s.unescape(raw); err != nil {
			return types.Null, err
		}
	}
	if n.kind == types.KindString {
		return types.NewString(text(raw)), nil
	}
	str := text(raw)
	var v types.Value
	switch n.kind {
	case types.KindInteger, types.KindBigint, types.KindDouble, types.KindDecimal:
		v, err = types.ParseText(str, n.typ)
	case types.KindDate, types.KindTime, types.KindTimestamp:
		var i int64
		if i, err = strconv.ParseInt(str, 10, 64); err == nil {
			v = timeValue(n.kind, i)
		}
	case types.KindBytes:
		var b []byte
		b, err = base64.StdEncoding.DecodeString(str)
		v = types.NewBytes(b)
	default:
		return types.Null, n.mismatch("TextNode")
	}
	if err != nil {
		return types.Null, n.invalid(str, err)
	}
	return v, nil
}

// rawString reads a string and returns what is between the quotes.
func (s *scanner) rawString() (raw []byte, escaped bool, err error) {
	start := s.i + 1
	for i := start; i < len(s.b); i++ {
		switch c := s.b[i]; {
		case c == '"':
			s.i = i + 1
			return s.b[start:i:i], escaped, nil
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			s.i = i
			return nil, false, s.unexpected()
		}
	}
	s.i = len(s.b)
	return nil, false, s.unexpected()
}

// unescape returns a copy of raw with its escapes replaced.
func (s *scanner) unescape(raw []byte) ([]byte, error) {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' {
			out = append(out, c)
			continue
		}
		i++
		switch raw[i] {
		case '"', '\\', '/':
			out = append(out, raw[i])
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, ok := hex4(raw, i+1)
			if !ok {
				return nil, &Error{"", "invalid JSON: bad \\u escape"}
			}
			i += 4
			if utf16.IsSurrogate(r) {
				if low, ok := hex4(raw, i+3); ok && i+2 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
					if full := utf16.DecodeRune(r, low); full != utf8.RuneError {
						r = full
						i += 6
					}
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			return nil, &Error{"", fmt.Sprintf("invalid JSON: bad escape \\%c", raw[i])}
		}
	}
	return out, nil
}

func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// number reads a number; simple says that it is at most 18 digits without fraction and exponent, and value is it.
func (s *scanner) number() (raw []byte, value int64, simple bool, err error) {
	start := s.i
	neg := s.b[s.i] == '-'
	if neg {
		s.i++
	}
	digits := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		if s.i-digits < 18 {
			value = value*10 + int64(s.b[s.i]-'0')
		}
		s.i++
	}
	n := s.i - digits
	if n == 0 {
		return nil, 0, false, s.unexpected()
	}
	simple = n <= 18
	if s.i < len(s.b) && s.b[s.i] == '.' {
		simple = false
		if err := s.digits(); err != nil {
			return nil, 0, false, err
		}
	}
	if s.i < len(s.b) && s.b[s.i]|0x20 == 'e' {
		simple = false
		if s.i+1 < len(s.b) && (s.b[s.i+1] == '+' || s.b[s.i+1] == '-') {
			s.i++
		}
		if err := s.digits(); err != nil {
			return nil, 0, false, err
		}
	}
	if neg {
		value = -value
	}
	return s.b[start:s.i:s.i], value, simple, nil
}

// digits goes past one character and at least one digit.
func (s *scanner) digits() error {
	s.i++
	start := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	if s.i == start {
		return s.unexpected()
	}
	return nil
}

func (s *scanner) fromNumber(n *node) (types.Value, error) {
	raw, value, simple, err := s.number()
	if err != nil {
		return types.Null, err
	}
	switch n.kind {
	case types.KindDouble:
		if simple && bits.Len64(uint64(max(value, -value))) <= 53 {
			return types.NewDouble(float64(value)), nil
		}
		f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(raw), len(raw)), 64)
		if err != nil && !math.IsInf(f, 0) {
			return types.Null, n.invalid(string(raw), err)
		}
		return types.NewDouble(f), nil
	case types.KindString:
		return types.NewString(text(raw)), nil
	case types.KindInteger, types.KindBigint, types.KindDate, types.KindTime, types.KindTimestamp:
		if !simple {
			if value, err = wholePart(raw); err != nil {
				return types.Null, n.invalid(string(raw), err)
			}
		}
		switch n.kind {
		case types.KindInteger:
			return types.NewInteger(int32(value)), nil
		case types.KindBigint:
			return types.NewBigint(value), nil
		}
		return timeValue(n.kind, value), nil
	case types.KindDecimal:
		d, err := types.ParseDecimal(unsafe.String(unsafe.SliceData(raw), len(raw)))
		if err == nil {
			d, err = types.FitDecimal(d, n.typ)
		}
		if err != nil {
			return types.Null, n.invalid(string(raw), err)
		}
		return d, nil
	}
	return types.Null, n.mismatch("NumericNode")
}

// wholePart returns a number without its fraction, wrapped to 64 bits as in Java.
func wholePart(raw []byte) (int64, error) {
	d, err := types.ParseDecimal(string(raw))
	if err != nil {
		return 0, err
	}
	return d.Int64(), nil
}

func (s *scanner) fromArray(n *node, depth int) (types.Value, error) {
	switch {
	case depth > maxJSONDepth:
		return types.Null, errTooDeep
	case n.kind == types.KindString:
		return s.compact(depth)
	case n.kind != types.KindArray:
		return types.Null, n.mismatch("ArrayNode")
	}
	s.i++
	s.space()
	if s.i < len(s.b) && s.b[s.i] == ']' {
		s.i++
		return types.NewArray(nil), nil
	}
	var elems []types.Value
	for {
		s.space()
		v, err := s.value(n.elem, depth+1)
		if err != nil {
			return types.Null, err
		}
		elems = append(elems, v)
		done, err := s.comma(']')
		if err != nil {
			return types.Null, err
		}
		if done {
			return types.NewArray(elems), nil
		}
	}
}

func (s *scanner) fromObject(n *node, depth int) (types.Value, error) {
	switch n.kind {
	case types.KindString:
		return s.compact(depth)
	case types.KindStruct:
		fields := make([]types.Value, len(n.object.nodes))
		err := s.object(n.object, fields, depth)
		return types.NewStruct(fields), err
	case types.KindMap:
		return s.mapValue(n, depth)
	}
	return types.Null, n.mismatch("ObjectNode")
}

func (s *scanner) mapValue(n *node, depth int) (types.Value, error) {
	if depth > maxJSONDepth {
		return types.Null, errTooDeep
	}
	s.i++
	m := types.NewMapValue(4)
	s.space()
	if s.i < len(s.b) && s.b[s.i] == '}' {
		s.i++
		return types.NewMap(m), nil
	}
	for {
		s.space()
		name, err := s.key()
		if err != nil {
			return types.Null, err
		}
		if err := s.colon(); err != nil {
			return types.Null, err
		}
		v, err := s.value(n.elem, depth+1)
		if err != nil {
			return types.Null, err
		}
		m.Put(types.NewString(text(name)), v)
		done, err := s.comma('}')
		if err != nil {
			return types.Null, err
		}
		if done {
			return types.NewMap(m), nil
		}
	}
}

// compact returns the text of an array or object without the space between its tokens, which is its value as a STRING.
func (s *scanner) compact(depth int) (types.Value, error) {
	start := s.i
	if err := s.skip(depth); err != nil {
		return types.Null, err
	}
	raw := s.b[start:s.i]
	out := make([]byte, 0, len(raw))
	quoted := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case quoted && c == '\\':
			out = append(out, c, raw[i+1])
			i++
			continue
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			continue
		}
		out = append(out, c)
	}
	return types.NewString(text(out)), nil
}

// skip goes past a value without decoding it.
func (s *scanner) skip(depth int) error {
	if depth > maxJSONDepth {
		return errTooDeep
	}
	if s.i >= len(s.b) {
		return s.unexpected()
	}
	switch c := s.b[s.i]; {
	case c == '"':
		_, _, err := s.rawString()
		return err
	case c == '{':
		return s.skipMembers('}', depth)
	case c == '[':
		return s.skipMembers(']', depth)
	case c == '-' || c >= '0' && c <= '9':
		_, _, _, err := s.number()
		return err
	case s.literal("null"), s.literal("true"), s.literal("false"):
		return nil
	}
	return s.unexpected()
}

func (s *scanner) skipMembers(closing byte, depth int) error {
	s.i++
	s.space()
	if s.i < len(s.b) && s.b[s.i] == closing {
		s.i++
		return nil
	}
	for {
		s.space()
		if closing == '}' {
			if s.i >= len(s.b) || s.b[s.i] != '"' {
				return s.unexpected()
			}
			if _, _, err := s.rawString(); err != nil {
				return err
			}
			if err := s.colon(); err != nil {
				return err
			}
		}
		if err := s.skip(depth + 1); err != nil {
			return err
		}
		done, err := s.comma(closing)
		if done || err != nil {
			return err
		}
	}
}
