package serde

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// encoder is the state of encoding one value.
type encoder struct{ depth int }

// encodeFunc appends the JSON of the value at p, which is of the function's type.
type encodeFunc func(e *encoder, dst []byte, p unsafe.Pointer) ([]byte, error)

// encoderKey: a type with methods on its pointer is written with them only where it has an address, as in encoding/json.
type encoderKey struct {
	typ         reflect.Type
	addressable bool
}

var errFloat = errors.New("number has no JSON form")

// encoder returns the function of a type.
func (p *plans) encoder(t reflect.Type, addressable bool) encodeFunc {
	key := encoderKey{t, addressable}
	if f, ok := p.encoders[key]; ok {
		return func(e *encoder, dst []byte, at unsafe.Pointer) ([]byte, error) { return (*f)(e, dst, at) }
	}
	f := new(encodeFunc)
	p.encoders[key] = f
	*f = p.makeEncoder(t, addressable)
	return *f
}

func (p *plans) makeEncoder(t reflect.Type, addressable bool) encodeFunc {
	switch {
	case t.Implements(jsonMarshaler), t.Implements(textMarshaler), t == jsonNumber:
		return foreignEncoder(t, false)
	case addressable && (reflect.PointerTo(t).Implements(jsonMarshaler) || reflect.PointerTo(t).Implements(textMarshaler)):
		return foreignEncoder(t, true)
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(_ *encoder, dst []byte, at unsafe.Pointer) ([]byte, error) {
			return strconv.AppendBool(dst, *(*bool)(at)), nil
		}
	case reflect.String:
		return func(_ *encoder, dst []byte, at unsafe.Pointer) ([]byte, error) {
			return appendQuoted(dst, *(*string)(at)), nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intEncoder(t.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return uintEncoder(t.Bits())
	case reflect.Float32:
		return func(_ *encoder, dst []byte, at unsafe.Pointer) ([]byte, error) {
			return appendFloat(dst, float64(*(*float32)(at)), 32)
		}
	case reflect.Float64:
		return func(_ *encoder, dst []byte, at unsafe.Pointer) ([]byte, error) {
			return appendFloat(dst, *(*float64)(at), 64)
		}
	case reflect.Struct:
		return p.structEncoder(t, addressable)
	case reflect.Pointer:
		return p.pointerEncoder(t)
	case reflect.Slice:
		return p.sliceEncoder(t)
	case reflect.Array:
		return p.arrayEncoder(t, addressable)
	case reflect.Map:
		return p.mapEncoder(t)
	}
	return foreignEncoder(t, false) // interfaces, and what JSON cannot hold
}

// foreignEncoder leaves a value, or the pointer to it, to encoding/json.
func foreignEncoder(t reflect.Type, pointer bool) encodeFunc {
	return func(_ *encoder, dst []byte, at unsafe.Pointer) ([]byte, error) {
		v := reflect.NewAt(t, at)
		if !pointer {
			v = v.Elem()
		}
		b, err := json.Marshal(v.Interface())
		return append(dst, b...), err
	}
}

func intEncoder(bits int) encodeFunc {
	return func(_ *encoder, dst []byte, at unsafe.Pointer) ([]byte, error) {
		var v int64
		switch bits {
		case 8:
			v = int64(*(*int8)(at))
		case 16:
			v = int64(*(*int16)(at))
		case 32:
			v = int64(*(*int32)(at))
		default:
			v = *(*int64)(at)
		}
		return strconv.AppendInt(dst, v, 10), nil
	}
}

func uintEncoder(bits int) encodeFunc {
	return func(_ *encoder, dst []byte, at unsafe.Pointer) ([]byte, error) {
		var v uint64
		switch bits {
		case 8:
			v = uint64(*(*uint8)(at))
		case 16:
			v = uint64(*(*uint16)(at))
		case 32:
			v = uint64(*(*uint32)(at))
		default:
			v = *(*uint64)(at)
		}
		return strconv.AppendUint(dst, v, 10), nil
	}
}

// appendFloat writes the shortest decimal that reads back as v; very large and very small ones with an exponent.
func appendFloat(dst []byte, v float64, bits int) ([]byte, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return dst, fmt.Errorf("%w: %v", errFloat, v)
	}
	format := byte('f')
	if abs := math.Abs(v); abs != 0 {
		if bits == 64 && (abs < 1e-6 || abs >= 1e21) || bits == 32 && (float32(abs) < 1e-6 || float32(abs) >= 1e21) {
			format = 'e'
		} else if n := int64(v); bits == 64 && abs < 1<<53 && float64(n) == v {
			return strconv.AppendInt(dst, n, 10), nil
		}
	}
	dst = strconv.AppendFloat(dst, v, format, -1, bits)
	if n := len(dst); format == 'e' && n >= 4 && dst[n-4] == 'e' && (dst[n-3] == '-' || dst[n-3] == '+') && dst[n-2] == '0' {
		dst[n-2] = dst[n-1] // e-09 is written e-9
		dst = dst[:n-1]
	}
	return dst, nil
}

const hexDigits = "0123456789abcdef"

// plainASCII says which bytes stand for themselves in a string.
var plainASCII = func() (plain [utf8.RuneSelf]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return plain
}()

// appendQuoted writes a string. Characters that would end a script in an HTML page are escaped.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if plainASCII[c] {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = appendEscaped(dst, c)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(append(dst, s[start:i]...), `\ufffd`...)
			start = i + n
		case r == '\u2028', r == '\u2029':
			dst = append(append(dst, s[start:i]...), `\u202`...)
			dst = append(dst, hexDigits[r&0xf])
			start = i + n
		}
		i += n
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

// written is a field as the encoder of its struct sees it.
type written struct {
	name   []byte // quoted, with the colon, and with a comma before it
	path   []step
	offset uintptr
	direct bool // the field lies at offset
	omit   func(p unsafe.Pointer) bool
	encode encodeFunc
}

func (p *plans) structEncoder(t reflect.Type, addressable bool) encodeFunc {
	fields, ok := structFields(t)
	if !ok {
		return foreignEncoder(t, addressable)
	}
	var list []written
	for _, f := range fields {
		w := written{name: append(appendQuoted([]byte{','}, f.name), ':'), path: f.path, direct: true, omit: omitter(f)}
		reachable := addressable
		for _, s := range f.path {
			w.offset += s.offset
			if s.pointer != nil {
				w.direct, reachable = false, true
			}
		}
		w.encode = p.encoder(f.typ, reachable)
		list = append(list, w)
	}
	return func(e *encoder, dst []byte, at unsafe.Pointer) (_ []byte, err error) {
		if e.depth++; e.depth > maxDepth {
			return dst, errDepth
		}
		start := len(dst)
		for i := range list {
			w := &list[i]
			p := w.at(at)
			if p == nil || w.omit != nil && w.omit(p) {
				continue
			}
			dst = append(dst, w.name...)
			if dst, err = w.encode(e, dst, p); err != nil {
				return dst, err
			}
		}
		e.depth--
		if len(dst) == start {
			return append(dst, '{', '}'), nil
		}
		dst[start] = '{'
		return append(dst, '}'), nil
	}
}

// at returns the memory of the field in the struct at p, nil if an embedded pointer on the way is nil.
func (w *written) at(p unsafe.Pointer) unsafe.Pointer {
	if w.direct {
		return unsafe.Add(p, w.offset)
	}
	for _, s := range w.path {
		p = unsafe.Add(p, s.offset)
		if s.pointer != nil {
			if p = *(*unsafe.Pointer)(p); p == nil {
				return nil
			}
		}
	}
	return p
}

// omitter says when a field is left out, nil for never.
func omitter(f field) func(p unsafe.Pointer) bool {
	empty, zero := func(unsafe.Pointer) bool { return false }, func(unsafe.Pointer) bool { return false }
	if f.omitEmpty {
		empty = func(p unsafe.Pointer) bool { return isEmpty(reflect.NewAt(f.typ, p).Elem()) }
	}
	if f.omitZero {
		zero = zeroFunc(f.typ)
	}
	if !f.omitEmpty && !f.omitZero {
		return nil
	}
	return func(p unsafe.Pointer) bool { return empty(p) || zero(p) }
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	}
	return v.IsZero()
}

// zeroFunc: types may say themselves what zero is.
func zeroFunc(t reflect.Type) func(p unsafe.Pointer) bool {
	type isZeroer interface{ IsZero() bool }
	itself := reflect.TypeFor[isZeroer]()
	switch {
	case t.Implements(itself):
		return func(p unsafe.Pointer) bool {
			v := reflect.NewAt(t, p).Elem()
			if (t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface) && v.IsNil() {
				return true
			}
			return v.Interface().(isZeroer).IsZero()
		}
	case reflect.PointerTo(t).Implements(itself):
		return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Interface().(isZeroer).IsZero() }
	}
	return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().IsZero() }
}

func (p *plans) pointerEncoder(t reflect.Type) encodeFunc {
	encode := p.encoder(t.Elem(), true)
	return func(e *encoder, dst []byte, at unsafe.Pointer) ([]byte, error) {
		to := *(*unsafe.Pointer)(at)
		if to == nil {
			return append(dst, "null"...), nil
		}
		if e.depth++; e.depth > maxDepth {
			return dst, errDepth
		}
		dst, err := encode(e, dst, to)
		e.depth--
		return dst, err
	}
}

func (p *plans) sliceEncoder(t reflect.Type) encodeFunc {
	elem := t.Elem()
	if elem.Kind() == reflect.Uint8 && !reflect.PointerTo(elem).Implements(jsonMarshaler) && !reflect.PointerTo(elem).Implements(textMarshaler) {
		return encodeBase64
	}
	encode, size := p.encoder(elem, true), elem.Size()
	return func(e *encoder, dst []byte, at unsafe.Pointer) ([]byte, error) {
		s := (*sliceHeader)(at)
		if s.data == nil {
			return append(dst, "null"...), nil
		}
		return appendElements(e, dst, s.data, s.len, size, encode)
	}
}

func (p *plans) arrayEncoder(t reflect.Type, addressable bool) encodeFunc {
	encode, size, n := p.encoder(t.Elem(), addressable), t.Elem().Size(), t.Len()
	return func(e *encoder, dst []byte, at unsafe.Pointer) ([]byte, error) {
		return appendElements(e, dst, at, n, size, encode)
	}
}

func appendElements(e *encoder, dst []byte, data unsafe.Pointer, n int, size uintptr, encode encodeFunc) (_ []byte, err error) {
	if e.depth++; e.depth > maxDepth {
		return dst, errDepth
	}
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = encode(e, dst, unsafe.Add(data, uintptr(i)*size)); err != nil {
			return dst, err
		}
	}
	e.depth--
	return append(dst, ']'), nil
}

func encodeBase64(_ *encoder, dst []byte, at unsafe.Pointer) ([]byte, error) {
	b := *(*[]byte)(at)
	if b == nil {
		return append(dst, "null"...), nil
	}
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), b)
	return append(dst, '"'), nil
}

func (p *plans) mapEncoder(t reflect.Type) encodeFunc {
	key, elem := t.Key(), t.Elem()
	name := mapKeyName(key)
	if name == nil {
		return foreignEncoder(t, false)
	}
	encode := p.encoder(elem, false)
	type row struct {
		name  string
		value reflect.Value
	}
	return func(e *encoder, dst []byte, at unsafe.Pointer) (_ []byte, err error) {
		m := reflect.NewAt(t, at).Elem()
		if m.IsNil() {
			return append(dst, "null"...), nil
		}
		if e.depth++; e.depth > maxDepth {
			return dst, errDepth
		}
		rows := make([]row, 0, m.Len())
		for k, v := range m.Seq2() {
			rows = append(rows, row{name(k), v})
		}
		slices.SortFunc(rows, func(x, y row) int { return cmp.Compare(x.name, y.name) })
		room := reflect.New(elem)
		dst = append(dst, '{')
		for i, r := range rows {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, r.name), ':')
			room.Elem().Set(r.value)
			if dst, err = encode(e, dst, room.UnsafePointer()); err != nil {
				return dst, err
			}
		}
		e.depth--
		return append(dst, '}'), nil
	}
}

// mapKeyName returns what names the members of a map with keys of type t, nil if encoding/json has to.
func mapKeyName(t reflect.Type) func(reflect.Value) string {
	switch {
	case t.Kind() == reflect.String:
		return func(k reflect.Value) string { return k.String() }
	case t.Implements(textMarshaler):
		return nil
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		return func(k reflect.Value) string { return strconv.FormatInt(k.Int(), 10) }
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uintptr:
		return func(k reflect.Value) string { return strconv.FormatUint(k.Uint(), 10) }
	}
	return nil
}
