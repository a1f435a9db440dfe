package processor

import (
	"reflect"
	"unsafe"
)

// Record is a key and a value on their way through a topology. Records are passed by pointer: an operator that leaves its
// record alone (a filter, a peek, a branch) costs no copy, and one that changes it fills a record of its own, for about what
// a copy by value would cost (BenchmarkForwardPointer, BenchmarkForwardValue). Whoever receives a record may read it until
// it returns, and must not keep it.
type Record[K, V any] struct {
	Key   K
	Value V
	// Timestamp in milliseconds since the epoch.
	Timestamp int64
	// Headers of the record. They are copied on write: changing those of one record does not change another's.
	Headers Headers
	// KeyNull and ValueNull are Kafka's nulls. The field Key or Value is then the zero value of its type.
	KeyNull, ValueNull bool
}

// Header is one header of a record; a nil Value is Kafka's null.
type Header struct {
	Key   string
	Value []byte
}

// Headers are the headers of a record, in order. A copy of a Headers is cheap and independent.
type Headers struct{ list []Header }

// NewHeaders returns headers made of list, which must not be changed any more.
func NewHeaders(list ...Header) Headers { return Headers{list: list} }

// List returns the headers, which must not be changed.
func (h Headers) List() []Header { return h.list }

// Len returns the number of headers.
func (h Headers) Len() int { return len(h.list) }

// Add appends a header.
func (h *Headers) Add(key string, value []byte) {
	n := len(h.list)
	h.list = append(h.list[:n:n], Header{key, value})
}

// Remove deletes all headers of that key.
func (h *Headers) Remove(key string) {
	kept := make([]Header, 0, len(h.list))
	for _, x := range h.list {
		if x.Key != key {
			kept = append(kept, x)
		}
	}
	h.list = kept
}

// Last returns the value of the last header of that key.
func (h Headers) Last(key string) (value []byte, ok bool) {
	for i := len(h.list) - 1; i >= 0; i-- {
		if h.list[i].Key == key {
			return h.list[i].Value, true
		}
	}
	return nil, false
}

// Nil knows whether values of a type can be nil, and tells which are. The zero Nil is for types that cannot.
type Nil[T any] struct{ has bool }

// NilOf returns the Nil of T.
func NilOf[T any]() Nil[T] {
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return Nil[T]{has: true}
	default:
		return Nil[T]{}
	}
}

// Possible says whether T has a nil.
func (n Nil[T]) Possible() bool { return n.has }

// Is says whether *v is nil. The first word of every type with a nil is zero exactly if the value is nil.
func (n Nil[T]) Is(v *T) bool { return n.has && *(*uintptr)(unsafe.Pointer(v)) == 0 }
