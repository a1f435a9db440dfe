package types

import (
	"math"
	"unsafe"

	"github.com/cockroachdb/apd/v3"
)

// Value is one SQL value in a slot of 24 bytes. The zero Value is NULL.
//
// Accessors do not check the kind: call the one that fits the type of the column. Values of different numeric
// kinds are read alike through Int64 and Float64.
type Value struct {
	bits  uint64         // number, or length of what ref points to
	ref   unsafe.Pointer // string or byte data, first of the nested values, *MapValue, *apd.BigInt, *LambdaFunc
	scale int32          // of a DECIMAL
	kind  Kind
}

// LambdaFunc is a lambda expression as a function gets it: it is evaluated once for each set of arguments.
type LambdaFunc func(args ...Value) (Value, error)

// Null is the NULL value.
var Null Value

// NewBoolean returns a BOOLEAN.
func NewBoolean(b bool) Value {
	v := Value{kind: KindBoolean}
	if b {
		v.bits = 1
	}
	return v
}

// NewInteger returns an INTEGER.
func NewInteger(i int32) Value { return Value{kind: KindInteger, bits: uint64(int64(i))} }

// NewBigint returns a BIGINT.
func NewBigint(i int64) Value { return Value{kind: KindBigint, bits: uint64(i)} }

// NewDouble returns a DOUBLE.
func NewDouble(f float64) Value { return Value{kind: KindDouble, bits: math.Float64bits(f)} }

// NewString returns a STRING; the bytes of s are kept, not copied.
func NewString(s string) Value {
	return Value{kind: KindString, bits: uint64(len(s)), ref: unsafe.Pointer(unsafe.StringData(s))}
}

// NewBytes returns a BYTES; b is kept, not copied, and must not change any more.
func NewBytes(b []byte) Value {
	return Value{kind: KindBytes, bits: uint64(len(b)), ref: unsafe.Pointer(unsafe.SliceData(b))}
}

// NewDate returns a DATE from days since 1970-01-01.
func NewDate(days int32) Value { return Value{kind: KindDate, bits: uint64(int64(days))} }

// NewTime returns a TIME from milliseconds of the day.
func NewTime(ms int32) Value { return Value{kind: KindTime, bits: uint64(int64(ms))} }

// NewTimestamp returns a TIMESTAMP from milliseconds since 1970-01-01T00:00Z.
func NewTimestamp(ms int64) Value { return Value{kind: KindTimestamp, bits: uint64(ms)} }

// NewDecimal returns the DECIMAL unscaled * 10^-scale.
func NewDecimal(unscaled int64, scale int) Value {
	return Value{kind: KindDecimal, bits: uint64(unscaled), scale: int32(scale)}
}

// NewArray returns an ARRAY; the slice is kept.
func NewArray(elems []Value) Value {
	return Value{kind: KindArray, bits: uint64(len(elems)), ref: unsafe.Pointer(unsafe.SliceData(elems))}
}

// NewStruct returns a STRUCT with its fields in the order of the type; the slice is kept.
func NewStruct(fields []Value) Value {
	return Value{kind: KindStruct, bits: uint64(len(fields)), ref: unsafe.Pointer(unsafe.SliceData(fields))}
}

// NewMap returns a MAP; m is kept and must not change once it is shared.
func NewMap(m *MapValue) Value { return Value{kind: KindMap, ref: unsafe.Pointer(m)} }

// NewLambda returns a lambda argument.
func NewLambda(f LambdaFunc) Value { return Value{kind: KindLambda, ref: unsafe.Pointer(&f)} }

// Kind returns the kind of the value, KindNull for NULL.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether v is NULL.
func (v Value) IsNull() bool { return v.kind == KindNull }

// Boolean returns a BOOLEAN; false for NULL.
func (v Value) Boolean() bool { return v.bits != 0 }

// Integer returns an INTEGER.
func (v Value) Integer() int32 { return int32(v.bits) }

// Bigint returns a BIGINT, or any whole number as 64 bits.
func (v Value) Bigint() int64 { return int64(v.bits) }

// Double returns a DOUBLE.
func (v Value) Double() float64 { return math.Float64frombits(v.bits) }

// Days returns a DATE as days since 1970-01-01.
func (v Value) Days() int32 { return int32(v.bits) }

// Millis returns a TIME or a TIMESTAMP in milliseconds.
func (v Value) Millis() int64 { return int64(v.bits) }

// Str returns a STRING.
func (v Value) Str() string {
	if v.bits == 0 {
		return ""
	}
	return unsafe.String((*byte)(v.ref), int(v.bits))
}

// Bytes returns a BYTES; it must not be changed.
func (v Value) Bytes() []byte {
	if v.bits == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(v.ref), int(v.bits))
}

// Array returns the elements of an ARRAY; they must not be changed.
func (v Value) Array() []Value {
	if v.bits == 0 {
		return nil
	}
	return unsafe.Slice((*Value)(v.ref), int(v.bits))
}

// Struct returns the fields of a STRUCT in the order of its type; they must not be changed.
func (v Value) Struct() []Value { return v.Array() }

// Map returns a MAP; it must not be changed.
func (v Value) Map() *MapValue { return (*MapValue)(v.ref) }

// Lambda returns a lambda argument.
func (v Value) Lambda() LambdaFunc { return *(*LambdaFunc)(v.ref) }

// big returns the unscaled value of a DECIMAL that does not fit 64 bits, nil for others.
func (v Value) big() *apd.BigInt { return (*apd.BigInt)(v.ref) }

// MapEntry is one entry of a MAP.
type MapEntry struct{ Key, Value Value }

// mapIndexFrom is the size from which a MapValue keeps an index; below it a scan is faster.
const mapIndexFrom = 9

// MapValue is a MAP that keeps the order in which keys were first put. It is built by one goroutine and then
// only read.
type MapValue struct {
	entries []MapEntry
	index   map[string]int // by AppendKey of the key; nil while small
}

// NewMapValue returns an empty map with room for n entries.
func NewMapValue(n int) *MapValue { return &MapValue{entries: make([]MapEntry, 0, n)} }

// Len returns the number of entries.
func (m *MapValue) Len() int { return len(m.entries) }

// Entries returns the entries in order; they must not be changed.
func (m *MapValue) Entries() []MapEntry { return m.entries }

// Get returns the value of a key.
func (m *MapValue) Get(key Value) (Value, bool) {
	if i := m.find(key); i >= 0 {
		return m.entries[i].Value, true
	}
	return Null, false
}

// Put sets the value of a key.
func (m *MapValue) Put(key, value Value) {
	if i := m.find(key); i >= 0 {
		m.entries[i].Value = value
		return
	}
	m.entries = append(m.entries, MapEntry{key, value})
	switch {
	case m.index != nil:
		m.index[indexKey(key)] = len(m.entries) - 1
	case len(m.entries) >= mapIndexFrom:
		m.index = make(map[string]int, 2*len(m.entries))
		for i := range m.entries {
			m.index[indexKey(m.entries[i].Key)] = i
		}
	}
}

func (m *MapValue) find(key Value) int {
	if m.index != nil {
		if i, ok := m.index[indexKey(key)]; ok {
			return i
		}
		return -1
	}
	for i := range m.entries {
		if Equal(m.entries[i].Key, key) {
			return i
		}
	}
	return -1
}

func indexKey(v Value) string {
	if v.kind == KindString {
		return v.Str()
	}
	return string(AppendValue(nil, v))
}

// Row is the values of a row in the order of its Schema.
type Row []Value

// Clone returns a copy of the row that shares strings and nested values.
func (r Row) Clone() Row { return append(make(Row, 0, len(r)), r...) }

func (v *Value) setBig(u *apd.BigInt) { v.ref = unsafe.Pointer(u) }
