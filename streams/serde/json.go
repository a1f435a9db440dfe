package serde

import (
	"reflect"
	"sync"
	"unsafe"
)

// JSON returns a serde that keeps values of type T as JSON, with the field names, tags and rules of encoding/json: what it
// writes is byte for byte what json.Marshal writes, and what it reads is what json.Unmarshal reads.
//
// The work on the type is done here, once: a serde should be made once, not per record. Decoding and encoding do not go
// through encoding/json, but for types with methods of their own (json.Marshaler, encoding.TextMarshaler and their
// counterparts) and fields with the option "string".
func JSON[T any]() Serde[T] {
	t := reflect.TypeFor[T]()
	p := plans{decoders: make(map[reflect.Type]*decodeFunc), encoders: make(map[encoderKey]*encodeFunc)}
	s := &jsonSerde[T]{decode: p.decoder(t), encode: p.encoder(t, false)}
	alone := countStrings(t, 0) <= 1
	s.pool.New = func() any { return &jsonState[T]{decoder: decoder{alone: alone}} }
	return s
}

// countStrings counts the strings that a value of type t holds; more than a few are many.
func countStrings(t reflect.Type, depth int) int {
	const many = 100
	switch t.Kind() {
	case reflect.String:
		return 1
	case reflect.Pointer:
		if depth < 10 {
			return countStrings(t.Elem(), depth+1)
		}
	case reflect.Struct:
		n := 0
		for i := range t.NumField() {
			if n += countStrings(t.Field(i).Type, depth+1); n > 1 || depth > 10 {
				return many
			}
		}
		return n
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Interface:
		return many
	}
	return 0
}

type jsonSerde[T any] struct {
	decode decodeFunc
	encode encodeFunc
	pool   sync.Pool
}

// jsonState is what one call needs and another may use again: it escapes through the functions that it is given to.
type jsonState[T any] struct {
	decoder decoder
	encoder encoder
	value   T
}

// Append implements Serde.
func (s *jsonSerde[T]) Append(dst []byte, v T) ([]byte, error) {
	st := s.pool.Get().(*jsonState[T])
	st.value, st.encoder.depth = v, 0
	b, err := s.encode(&st.encoder, dst, unsafe.Pointer(&st.value))
	var zero T
	st.value = zero
	s.pool.Put(st)
	if err != nil {
		return dst, err
	}
	return b, nil
}

// Decode implements Serde.
func (s *jsonSerde[T]) Decode(b []byte) (T, error) {
	st := s.pool.Get().(*jsonState[T])
	d := &st.decoder
	d.data, d.at, d.depth = b, 0, 0
	err := s.decode(d, unsafe.Pointer(&st.value))
	if err == nil {
		err = d.end()
	}
	v := st.value
	var zero T
	st.value, d.data, d.text = zero, nil, nil
	s.pool.Put(st)
	if err != nil {
		return zero, err
	}
	return v, nil
}
