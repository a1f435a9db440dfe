package ast

import (
	"fmt"
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

// TypeRef is a type as written: a base type, a nested type, or the name of a custom type.
type TypeRef struct {
	Pos
	Name   string // upper case for base types; the custom type's name otherwise
	Params []int  // precision and scale
	Elems  []*TypeRef
	Fields []FieldRef
}

// FieldRef is a field of a STRUCT type as written.
type FieldRef struct {
	Pos
	Name string
	Type *TypeRef
}

// TypeRefOf returns the type as written for a type, so that it can stand in a Cast.
func TypeRefOf(t types.Type) *TypeRef {
	switch t.Kind() {
	case types.KindDecimal:
		return &TypeRef{Name: "DECIMAL", Params: []int{t.Precision(), t.Scale()}}
	case types.KindArray:
		return &TypeRef{Name: "ARRAY", Elems: []*TypeRef{TypeRefOf(t.Elem())}}
	case types.KindMap:
		return &TypeRef{Name: "MAP", Elems: []*TypeRef{TypeRefOf(t.Key()), TypeRefOf(t.Elem())}}
	case types.KindStruct:
		r := &TypeRef{Name: "STRUCT"}
		for _, f := range t.Fields() {
			r.Fields = append(r.Fields, FieldRef{Name: f.Name, Type: TypeRefOf(f.Type)})
		}
		return r
	}
	return &TypeRef{Name: t.String()}
}

var baseTypes = map[string]types.Type{
	"BOOLEAN": types.Boolean, "INTEGER": types.Integer, "INT": types.Integer, "BIGINT": types.Bigint,
	"DOUBLE": types.Double, "STRING": types.String, "VARCHAR": types.String, "BYTES": types.Bytes,
	"DATE": types.Date, "TIME": types.Time, "TIMESTAMP": types.Timestamp,
}

// TypeError is the error of a TypeRef that names no type.
type TypeError struct {
	Pos     Pos
	Message string
}

// Error returns the message.
func (e *TypeError) Error() string { return e.Message }

// Resolve returns the type; custom looks up types made by CREATE TYPE and may be nil. Errors are of type *TypeError.
func (r *TypeRef) Resolve(custom func(name string) (types.Type, bool)) (types.Type, error) {
	fail := func(format string, args ...any) (types.Type, error) {
		return types.Type{}, &TypeError{r.Pos, fmt.Sprintf(format, args...)}
	}
	if t, ok := baseTypes[r.Name]; ok {
		// VARCHAR(10) is accepted and means STRING, as in ksqlDB.
		return t, nil
	}
	switch {
	case r.Name == "DECIMAL" || r.Name == "DEC" || r.Name == "NUMERIC":
		if len(r.Params) != 2 {
			return fail("DECIMAL needs a precision and a scale, such as DECIMAL(10, 2)")
		}
		if err := types.CheckDecimal(r.Params[0], r.Params[1]); err != nil {
			return fail("%s", err)
		}
		return types.Decimal(r.Params[0], r.Params[1]), nil
	case r.Name == "ARRAY" && len(r.Elems) == 1:
		e, err := r.Elems[0].Resolve(custom)
		return types.Array(e), err
	case r.Name == "MAP" && len(r.Elems) == 2:
		k, err := r.Elems[0].Resolve(custom)
		if err != nil {
			return types.Type{}, err
		}
		v, err := r.Elems[1].Resolve(custom)
		return types.Map(k, v), err
	case r.Name == "STRUCT" && len(r.Elems) == 0:
		return r.resolveStruct(custom)
	}
	if custom != nil {
		if t, ok := custom(r.Name); ok {
			return t, nil
		}
	}
	return fail("Cannot resolve unknown type: %s", r.Name)
}

func (r *TypeRef) resolveStruct(custom func(string) (types.Type, bool)) (types.Type, error) {
	fields := make([]types.Field, 0, len(r.Fields))
	seen := make(map[string]bool, len(r.Fields))
	for _, f := range r.Fields {
		if seen[f.Name] {
			return types.Type{}, &TypeError{f.Pos, fmt.Sprintf("Duplicate field names found in STRUCT: '%s'", f.Name)}
		}
		seen[f.Name] = true
		t, err := f.Type.Resolve(custom)
		if err != nil {
			return types.Type{}, err
		}
		fields = append(fields, types.Field{Name: f.Name, Type: t})
	}
	return types.Struct(fields...), nil
}

// String returns the type as SQL text, base types by their canonical names.
func (r *TypeRef) String() string {
	var b strings.Builder
	r.write(&b)
	return b.String()
}

func (r *TypeRef) write(b *strings.Builder) {
	switch {
	case r.Name == "ARRAY" || r.Name == "MAP":
		b.WriteString(r.Name + "<")
		for i, e := range r.Elems {
			if i > 0 {
				b.WriteString(", ")
			}
			e.write(b)
		}
		b.WriteByte('>')
	case r.Name == "STRUCT" && len(r.Elems) == 0:
		b.WriteString("STRUCT<")
		for i, f := range r.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(QuoteName(f.Name))
			b.WriteByte(' ')
			f.Type.write(b)
		}
		b.WriteByte('>')
	default:
		r.writeBase(b)
	}
}

func (r *TypeRef) writeBase(b *strings.Builder) {
	switch t, ok := baseTypes[r.Name]; {
	case ok:
		b.WriteString(t.String())
	case r.Name == "DECIMAL" || r.Name == "DEC" || r.Name == "NUMERIC":
		b.WriteString("DECIMAL")
	default:
		b.WriteString(QuoteName(r.Name))
	}
	if len(r.Params) == 0 {
		return
	}
	b.WriteByte('(')
	for i, p := range r.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(b, p)
	}
	b.WriteByte(')')
}
