package types

import (
	"fmt"
	"strings"
)

// Kind is the base of a SQL type.
type Kind uint8

// The kinds. KindNull is the type of the literal NULL and the kind of a null Value. The kinds after KindStruct
// occur in function signatures only, except KindLambda, which is also the kind of a lambda argument.
const (
	KindNull Kind = iota
	KindBoolean
	KindInteger
	KindBigint
	KindDecimal
	KindDouble
	KindString
	KindBytes
	KindDate
	KindTime
	KindTimestamp
	KindArray
	KindMap
	KindStruct
	KindLambda
	KindGeneric
	KindAny
	KindUnit
)

var kindNames = [...]string{
	KindNull: "null", KindBoolean: "BOOLEAN", KindInteger: "INTEGER", KindBigint: "BIGINT", KindDecimal: "DECIMAL",
	KindDouble: "DOUBLE", KindString: "STRING", KindBytes: "BYTES", KindDate: "DATE", KindTime: "TIME",
	KindTimestamp: "TIMESTAMP", KindArray: "ARRAY", KindMap: "MAP", KindStruct: "STRUCT", KindLambda: "LAMBDA",
	KindGeneric: "GENERIC", KindAny: "ANY", KindUnit: "INTERVALUNIT",
}

// String returns the name of the kind, such as BIGINT.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// IsNumeric reports whether the kind is INTEGER, BIGINT, DECIMAL or DOUBLE.
func (k Kind) IsNumeric() bool { return k >= KindInteger && k <= KindDouble }

// IsTime reports whether the kind is DATE, TIME or TIMESTAMP.
func (k Kind) IsTime() bool { return k >= KindDate && k <= KindTimestamp }

// IsNested reports whether the kind is ARRAY, MAP or STRUCT.
func (k Kind) IsNested() bool { return k >= KindArray && k <= KindStruct }

// MaxPrecision bounds the precision of a DECIMAL, so that arithmetic on outside types stays cheap.
const MaxPrecision = 4096

// Type is a SQL type. It is a small value; compare with Equal. The zero Type is the type of NULL.
type Type struct {
	kind             Kind
	precision, scale int32
	more             *detail
}

type detail struct {
	name   string  // of a generic
	key    Type    // of a map; result of a lambda
	elem   Type    // of an array or map
	fields []Field // of a struct
	params []Type  // of a lambda
}

// Field is a named member of a STRUCT. Its name is in its final case.
type Field struct {
	Name string
	Type Type
}

// The types without parameters. They are never assigned to.
var (
	NullType     = Type{}
	Boolean      = Type{kind: KindBoolean}
	Integer      = Type{kind: KindInteger}
	Bigint       = Type{kind: KindBigint}
	Double       = Type{kind: KindDouble}
	String       = Type{kind: KindString}
	Bytes        = Type{kind: KindBytes}
	Date         = Type{kind: KindDate}
	Time         = Type{kind: KindTime}
	Timestamp    = Type{kind: KindTimestamp}
	Any          = Type{kind: KindAny}
	IntervalUnit = Type{kind: KindUnit}
	// AnyDecimal is DECIMAL of any precision and scale, in function signatures.
	AnyDecimal = Type{kind: KindDecimal}
)

// Decimal returns DECIMAL(precision, scale). Use CheckDecimal on outside numbers first.
func Decimal(precision, scale int) Type {
	return Type{kind: KindDecimal, precision: int32(precision), scale: int32(scale)}
}

// CheckDecimal says why DECIMAL(precision, scale) is no type, or nil.
func CheckDecimal(precision, scale int) error {
	switch {
	case precision < 1:
		return fmt.Errorf("DECIMAL precision must be >= 1: DECIMAL(%d,%d)", precision, scale)
	case precision > MaxPrecision:
		return fmt.Errorf("DECIMAL precision must be <= %d: DECIMAL(%d,%d)", MaxPrecision, precision, scale)
	case scale < 0:
		return fmt.Errorf("DECIMAL scale must be >= 0: DECIMAL(%d,%d)", precision, scale)
	case precision < scale:
		return fmt.Errorf("DECIMAL precision must be >= scale: DECIMAL(%d,%d)", precision, scale)
	}
	return nil
}

// Array returns ARRAY<elem>.
func Array(elem Type) Type { return Type{kind: KindArray, more: &detail{elem: elem}} }

// Map returns MAP<key, value>.
func Map(key, value Type) Type { return Type{kind: KindMap, more: &detail{key: key, elem: value}} }

// Struct returns STRUCT<fields...>. The slice is kept.
func Struct(fields ...Field) Type { return Type{kind: KindStruct, more: &detail{fields: fields}} }

// Generic returns the type variable of that name, in function signatures.
func Generic(name string) Type { return Type{kind: KindGeneric, more: &detail{name: name}} }

// Lambda returns the type of a function parameter, in function signatures.
func Lambda(result Type, params ...Type) Type {
	return Type{kind: KindLambda, more: &detail{key: result, params: params}}
}

// Kind returns the base of the type.
func (t Type) Kind() Kind { return t.kind }

// IsNull reports whether t is the type of the literal NULL.
func (t Type) IsNull() bool { return t.kind == KindNull }

// Precision returns the number of digits of a DECIMAL; 0 means any.
func (t Type) Precision() int { return int(t.precision) }

// Scale returns the number of decimals of a DECIMAL.
func (t Type) Scale() int { return int(t.scale) }

// Elem returns the element type of an ARRAY or the value type of a MAP, and the zero Type for others.
func (t Type) Elem() Type {
	if t.kind != KindArray && t.kind != KindMap {
		return Type{}
	}
	return t.more.elem
}

// Key returns the key type of a MAP, and the zero Type for others.
func (t Type) Key() Type {
	if t.kind != KindMap {
		return Type{}
	}
	return t.more.key
}

// Fields returns the fields of a STRUCT; callers must not change them.
func (t Type) Fields() []Field {
	if t.kind != KindStruct {
		return nil
	}
	return t.more.fields
}

// Field returns the position and type of a field of a STRUCT by its exact name.
func (t Type) Field(name string) (index int, ft Type, ok bool) {
	for i, f := range t.Fields() {
		if f.Name == name {
			return i, f.Type, true
		}
	}
	return 0, Type{}, false
}

// Params returns the parameter types of a lambda.
func (t Type) Params() []Type {
	if t.kind != KindLambda {
		return nil
	}
	return t.more.params
}

// Result returns the result type of a lambda.
func (t Type) Result() Type {
	if t.kind != KindLambda {
		return Type{}
	}
	return t.more.key
}

// Name returns the name of a type variable.
func (t Type) Name() string {
	if t.kind != KindGeneric {
		return ""
	}
	return t.more.name
}

// Equal reports whether both are the same type, field names and DECIMAL parameters included.
func (t Type) Equal(u Type) bool {
	if t.kind != u.kind || t.precision != u.precision || t.scale != u.scale {
		return false
	}
	if t.more == u.more {
		return true
	}
	if t.more == nil || u.more == nil {
		return false
	}
	a, b := t.more, u.more
	if a.name != b.name || !a.key.Equal(b.key) || !a.elem.Equal(b.elem) ||
		len(a.fields) != len(b.fields) || len(a.params) != len(b.params) {
		return false
	}
	for i := range a.fields {
		if a.fields[i].Name != b.fields[i].Name || !a.fields[i].Type.Equal(b.fields[i].Type) {
			return false
		}
	}
	for i := range a.params {
		if !a.params[i].Equal(b.params[i]) {
			return false
		}
	}
	return true
}

// Contains reports whether the type is of that kind or contains it anywhere inside.
func (t Type) Contains(k Kind) bool {
	if t.kind == k {
		return true
	}
	switch t.kind {
	case KindArray:
		return t.more.elem.Contains(k)
	case KindMap:
		return t.more.key.Contains(k) || t.more.elem.Contains(k)
	case KindStruct:
		for _, f := range t.more.fields {
			if f.Type.Contains(k) {
				return true
			}
		}
	case KindLambda:
		for _, p := range t.more.params {
			if p.Contains(k) {
				return true
			}
		}
		return t.more.key.Contains(k)
	}
	return false
}

// String returns the type as ksqlDB writes it: STRUCT<`F` ARRAY<DECIMAL(4, 2)>>. All field names are quoted.
func (t Type) String() string { return t.Text(Quote) }

// Text is String with another way to write field names.
func (t Type) Text(name func(string) string) string {
	var b strings.Builder
	t.write(&b, name)
	return b.String()
}

func (t Type) write(b *strings.Builder, name func(string) string) {
	switch t.kind {
	case KindDecimal:
		b.WriteString("DECIMAL")
		if t.precision > 0 {
			fmt.Fprintf(b, "(%d, %d)", t.precision, t.scale)
		}
	case KindArray:
		b.WriteString("ARRAY<")
		t.more.elem.write(b, name)
		b.WriteByte('>')
	case KindMap:
		b.WriteString("MAP<")
		t.more.key.write(b, name)
		b.WriteString(", ")
		t.more.elem.write(b, name)
		b.WriteByte('>')
	case KindStruct:
		b.WriteString("STRUCT<")
		for i, f := range t.more.fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(name(f.Name))
			b.WriteByte(' ')
			f.Type.write(b, name)
		}
		b.WriteByte('>')
	case KindGeneric:
		b.WriteString(t.more.name)
	case KindLambda:
		b.WriteString("LAMBDA (")
		for i, p := range t.more.params {
			if i > 0 {
				b.WriteString(", ")
			}
			p.write(b, name)
		}
		b.WriteString(") => ")
		t.more.key.write(b, name)
	default:
		b.WriteString(t.kind.String())
	}
}
