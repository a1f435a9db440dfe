package serde

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// decodeFunc reads the value at d into the memory at p, which holds a value of the function's type.
type decodeFunc func(d *decoder, p unsafe.Pointer) error

// decoder returns the function of a type.
func (p *plans) decoder(t reflect.Type) decodeFunc {
	if f, ok := p.decoders[t]; ok { // it may not be made yet: the type contains itself
		return func(d *decoder, at unsafe.Pointer) error { return (*f)(d, at) }
	}
	f := new(decodeFunc)
	p.decoders[t] = f
	*f = p.makeDecoder(t)
	return *f
}

func (p *plans) makeDecoder(t reflect.Type) decodeFunc {
	if reflect.PointerTo(t).Implements(jsonUnmarshaler) || reflect.PointerTo(t).Implements(textUnmarshaler) || t == jsonNumber {
		return foreignDecoder(t)
	}
	switch t.Kind() {
	case reflect.Bool:
		return decodeBool
	case reflect.String:
		return decodeString
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intDecoder(t.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return uintDecoder(t.Bits())
	case reflect.Float32, reflect.Float64:
		return floatDecoder(t.Bits())
	case reflect.Struct:
		return p.structDecoder(t)
	case reflect.Pointer:
		return p.pointerDecoder(t)
	case reflect.Slice:
		return p.sliceDecoder(t)
	case reflect.Array:
		return p.arrayDecoder(t)
	case reflect.Map:
		return p.mapDecoder(t)
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return decodeAny
		}
	}
	return foreignDecoder(t)
}

// foreignDecoder leaves a value to encoding/json.
func foreignDecoder(t reflect.Type) decodeFunc {
	return func(d *decoder, p unsafe.Pointer) error {
		d.peek()
		start := d.at
		if err := d.skip(); err != nil {
			return err
		}
		return json.Unmarshal(d.data[start:d.at], reflect.NewAt(t, p).Interface())
	}
}

func decodeBool(d *decoder, p unsafe.Pointer) error {
	switch d.peek() {
	case 't':
		*(*bool)(p) = true
		return d.literal("true")
	case 'f':
		*(*bool)(p) = false
		return d.literal("false")
	case 'n':
		return d.literal("null")
	}
	return d.mismatch("bool")
}

func decodeString(d *decoder, p unsafe.Pointer) (err error) {
	switch d.peek() {
	case '"':
		*(*string)(p), err = d.string()
		return err
	case 'n':
		return d.literal("null")
	}
	return d.mismatch("string")
}

// number says whether a number comes; if something else does, err says what to do: nil after a null.
func (d *decoder) number() (is bool, err error) {
	switch c := d.peek(); {
	case c == '-' || c-'0' <= 9:
		return true, nil
	case c == 'n':
		return false, d.literal("null")
	}
	return false, d.mismatch("number")
}

func intDecoder(bits int) decodeFunc {
	return func(d *decoder, p unsafe.Pointer) error {
		if is, err := d.number(); !is {
			return err
		}
		v, err := d.integer(bits)
		if err != nil {
			return err
		}
		switch bits {
		case 8:
			*(*int8)(p) = int8(v)
		case 16:
			*(*int16)(p) = int16(v)
		case 32:
			*(*int32)(p) = int32(v)
		default:
			*(*int64)(p) = v
		}
		return nil
	}
}

func uintDecoder(bits int) decodeFunc {
	return func(d *decoder, p unsafe.Pointer) error {
		if is, err := d.number(); !is {
			return err
		}
		v, err := d.unsigned(bits)
		if err != nil {
			return err
		}
		switch bits {
		case 8:
			*(*uint8)(p) = uint8(v)
		case 16:
			*(*uint16)(p) = uint16(v)
		case 32:
			*(*uint32)(p) = uint32(v)
		default:
			*(*uint64)(p) = v
		}
		return nil
	}
}

func floatDecoder(bits int) decodeFunc {
	return func(d *decoder, p unsafe.Pointer) error {
		if is, err := d.number(); !is {
			return err
		}
		v, err := d.float(bits)
		if err != nil {
			return err
		}
		if bits == 32 {
			*(*float32)(p) = float32(v)
		} else {
			*(*float64)(p) = v
		}
		return nil
	}
}

// member is a field as the decoder of its struct sees it.
type member struct {
	name   string
	offset uintptr
	path   []step // through pointers; nil if the field lies at offset
	decode decodeFunc
}

// at returns the memory of the field in the struct at p, allocating the embedded structs on the way.
func (m *member) at(p unsafe.Pointer) (unsafe.Pointer, error) {
	if m.path == nil {
		return unsafe.Add(p, m.offset), nil
	}
	for _, s := range m.path {
		p = unsafe.Add(p, s.offset)
		if s.pointer == nil {
			continue
		}
		to := (*unsafe.Pointer)(p)
		if *to == nil {
			if s.private {
				return nil, fmt.Errorf("%w: %v", errEmbedded, s.pointer)
			}
			*to = reflect.New(s.pointer).UnsafePointer()
		}
		p = *to
	}
	return p, nil
}

// structPlan finds the members of a struct by name.
type structPlan struct {
	members []member
	exact   map[string]int
	folded  map[string]int
	// lengths tells by first letter (its lower five bits) of what lengths there are names, modulo 64: most names that no
	// field has need no other look.
	lengths [32]uint64
}

func (p *plans) structDecoder(t reflect.Type) decodeFunc {
	fields, ok := structFields(t)
	if !ok {
		return foreignDecoder(t)
	}
	s := &structPlan{exact: make(map[string]int), folded: make(map[string]int)}
	for i, f := range fields {
		s.members = append(s.members, newMember(f, p.decoder(f.typ)))
		s.exact[f.name] = i
		if folded := string(appendFolded(nil, []byte(f.name))); s.folded[folded] == 0 {
			s.folded[folded] = i + 1 // the first one counts
			if folded != "" {
				s.lengths[folded[0]&31] |= 1 << (len(folded) & 63)
			}
		}
	}
	return s.decode
}

func newMember(f field, decode decodeFunc) member {
	m := member{name: f.name, decode: decode}
	for _, s := range f.path {
		m.offset += s.offset
		if s.pointer != nil {
			m.path = f.path
		}
	}
	return m
}

func (s *structPlan) decode(d *decoder, p unsafe.Pointer) error {
	switch d.peek() {
	case '{':
	case 'n':
		return d.literal("null")
	default:
		return d.mismatch("object")
	}
	if err := d.enter(); err != nil {
		return err
	}
	guess := 0
	for n := 0; ; n++ {
		more, err := d.more(n, '}')
		if err != nil {
			return err
		}
		if !more {
			d.leave()
			return nil
		}
		name, err := d.name()
		if err != nil {
			return err
		}
		// Members mostly come in the order of the fields.
		i := guess
		if i >= len(s.members) || s.members[i].name != string(name) {
			if i = s.find(d, name); i < 0 {
				if err := d.skip(); err != nil {
					return err
				}
				continue
			}
		}
		guess = i + 1
		m := &s.members[i]
		at, err := m.at(p)
		if err != nil {
			return err
		}
		if err := m.decode(d, at); err != nil {
			return err
		}
	}
}

// find returns the member of a name, in any case if need be, or -1.
func (s *structPlan) find(d *decoder, name []byte) int {
	if isASCII(name) && len(name) > 0 && s.lengths[name[0]&31]&(1<<(len(name)&63)) == 0 {
		return -1
	}
	if i, ok := s.exact[string(name)]; ok {
		return i
	}
	d.fold = appendFolded(d.fold[:0], name)
	return s.folded[string(d.fold)] - 1
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (p *plans) pointerDecoder(t reflect.Type) decodeFunc {
	elem, decode := t.Elem(), p.decoder(t.Elem())
	return func(d *decoder, at unsafe.Pointer) error {
		to := (*unsafe.Pointer)(at)
		if null, err := d.null(); null {
			*to = nil
			return err
		}
		if *to == nil {
			*to = reflect.New(elem).UnsafePointer()
		}
		return decode(d, *to)
	}
}

// sliceHeader is the memory of a slice.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

func (p *plans) sliceDecoder(t reflect.Type) decodeFunc {
	elem := t.Elem()
	bytes := elem.Kind() == reflect.Uint8
	decode, size := p.decoder(elem), elem.Size()
	return func(d *decoder, at unsafe.Pointer) error {
		switch c := d.peek(); {
		case c == 'n':
			reflect.NewAt(t, at).Elem().SetZero()
			return d.literal("null")
		case c == '"' && bytes:
			return decodeBase64(d, at)
		case c != '[':
			return d.mismatch("array")
		}
		s := (*sliceHeader)(at)
		n := 0
		err := d.array(func(i int) error {
			if i >= s.cap {
				reflect.NewAt(t, at).Elem().Grow(1)
			}
			s.len = max(s.len, i+1)
			n = i + 1
			return decode(d, unsafe.Add(s.data, uintptr(i)*size))
		})
		if err != nil {
			return err
		}
		s.len = n
		if n == 0 {
			reflect.NewAt(t, at).Elem().Set(reflect.MakeSlice(t, 0, 0))
		}
		return nil
	}
}

func decodeBase64(d *decoder, at unsafe.Pointer) error {
	raw, plain, err := d.rawString()
	if err != nil {
		return err
	}
	if !plain {
		raw = appendUnquoted(nil, raw)
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(raw)))
	n, err := base64.StdEncoding.Decode(b, raw)
	if err != nil {
		return err
	}
	*(*[]byte)(at) = b[:n]
	return nil
}

func (p *plans) arrayDecoder(t reflect.Type) decodeFunc {
	elem, length := t.Elem(), t.Len()
	decode, size := p.decoder(elem), elem.Size()
	return func(d *decoder, at unsafe.Pointer) error {
		switch d.peek() {
		case 'n':
			return d.literal("null")
		case '[':
		default:
			return d.mismatch("array")
		}
		n := 0
		err := d.array(func(i int) error {
			n = i + 1
			if i >= length {
				return d.skip()
			}
			return decode(d, unsafe.Add(at, uintptr(i)*size))
		})
		for i := n; err == nil && i < length; i++ {
			reflect.NewAt(elem, unsafe.Add(at, uintptr(i)*size)).Elem().SetZero()
		}
		return err
	}
}

func (p *plans) mapDecoder(t reflect.Type) decodeFunc {
	key, elem := t.Key(), t.Elem()
	if reflect.PointerTo(key).Implements(textUnmarshaler) || mapKeyDecoder(key) == nil {
		return foreignDecoder(t)
	}
	decodeKey, decode := mapKeyDecoder(key), p.decoder(elem)
	return func(d *decoder, at unsafe.Pointer) error {
		m := reflect.NewAt(t, at).Elem()
		switch d.peek() {
		case 'n':
			m.SetZero()
			return d.literal("null")
		case '{':
		default:
			return d.mismatch("object")
		}
		if m.IsNil() {
			m.Set(reflect.MakeMap(t))
		}
		k, v := reflect.New(key).Elem(), reflect.New(elem)
		return d.object(func() error {
			name, err := d.name()
			if err != nil {
				return err
			}
			k.SetZero()
			if err := decodeKey(k, name); err != nil {
				return err
			}
			v.Elem().SetZero()
			if err := decode(d, v.UnsafePointer()); err != nil {
				return err
			}
			m.SetMapIndex(k, v.Elem())
			return nil
		})
	}
}

// mapKeyDecoder returns what turns a name into a key of type t, nil if encoding/json has to.
func mapKeyDecoder(t reflect.Type) func(k reflect.Value, name []byte) error {
	switch t.Kind() {
	case reflect.String:
		return func(k reflect.Value, name []byte) error {
			k.SetString(string(name))
			return nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(k reflect.Value, name []byte) error {
			n, err := strconv.ParseInt(string(name), 10, t.Bits())
			if err != nil {
				return errors.Join(errRange, err)
			}
			k.SetInt(n)
			return nil
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(k reflect.Value, name []byte) error {
			n, err := strconv.ParseUint(string(name), 10, t.Bits())
			if err != nil {
				return errors.Join(errRange, err)
			}
			k.SetUint(n)
			return nil
		}
	}
	return nil
}

func decodeAny(d *decoder, p unsafe.Pointer) error {
	v, err := d.any()
	if err == nil {
		*(*any)(p) = v
	}
	return err
}

// any reads a value of whatever type it has.
func (d *decoder) any() (any, error) {
	switch d.peek() {
	case '{':
		m := make(map[string]any)
		err := d.object(func() error {
			name, err := d.name()
			if err != nil {
				return err
			}
			key := string(name)
			m[key], err = d.any()
			return err
		})
		return m, err
	case '[':
		list := []any{}
		err := d.array(func(int) error {
			v, err := d.any()
			list = append(list, v)
			return err
		})
		return list, err
	case '"':
		return d.string()
	case 't':
		return true, d.literal("true")
	case 'f':
		return false, d.literal("false")
	case 'n':
		return nil, d.literal("null")
	}
	return d.float(64)
}
