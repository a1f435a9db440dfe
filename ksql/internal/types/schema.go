package types

import (
	"fmt"
	"slices"
	"strings"
)

// Namespace says where the data of a column lives.
type Namespace uint8

// The namespaces of columns.
const (
	InValue   Namespace = iota // in the record's value
	InKey                      // in the record's key
	InHeaders                  // in the record's headers
)

// The pseudo columns, which every source has beside its declared columns (the window bounds only when its key is
// windowed).
const (
	RowTime      = "ROWTIME"
	RowPartition = "ROWPARTITION"
	RowOffset    = "ROWOFFSET"
	WindowStart  = "WINDOWSTART"
	WindowEnd    = "WINDOWEND"
)

// PseudoColumn returns the type of a pseudo column by its name, window bounds included.
func PseudoColumn(name string) (Type, bool) {
	switch name {
	case RowTime, RowOffset, WindowStart, WindowEnd:
		return Bigint, true
	case RowPartition:
		return Integer, true
	}
	return Type{}, false
}

// IsWindowBound reports whether name is WINDOWSTART or WINDOWEND.
func IsWindowBound(name string) bool { return name == WindowStart || name == WindowEnd }

// HeadersType is the type of a column declared HEADERS.
var HeadersType = Array(Struct(Field{"KEY", String}, Field{"VALUE", Bytes}))

// Column is a named, typed column of a Schema.
type Column struct {
	Name      string // in its final case
	Type      Type
	Namespace Namespace
	// HeaderKey is the key of a column declared HEADER('key'); nil for HEADERS and other columns.
	HeaderKey *string
}

// String returns the column as SHOW and errors write it, such as `ID` BIGINT KEY.
func (c Column) String() string {
	s := Quote(c.Name) + " " + c.Type.String()
	switch {
	case c.Namespace == InKey:
		s += " KEY"
	case c.Namespace == InHeaders && c.HeaderKey != nil:
		s += " HEADER('" + strings.ReplaceAll(*c.HeaderKey, "'", "''") + "')"
	case c.Namespace == InHeaders:
		s += " HEADERS"
	}
	return s
}

// Schema is an ordered list of columns. It is immutable; the zero Schema has no column.
type Schema struct {
	columns []Column
}

// NewSchema returns a schema of the columns in their order. A name may occur once in each namespace group: keys,
// and values with headers.
func NewSchema(columns ...Column) (Schema, error) {
	for i, c := range columns {
		for _, d := range columns[:i] {
			if c.Name == d.Name && (c.Namespace == InKey) == (d.Namespace == InKey) {
				kind := "value"
				if c.Namespace == InKey {
					kind = "key"
				}
				return Schema{}, fmt.Errorf("Duplicate %s columns found in schema: %s", kind, c)
			}
		}
	}
	return Schema{columns: slices.Clone(columns)}, nil
}

// MustSchema is NewSchema for columns known to be right; it panics on an error.
func MustSchema(columns ...Column) Schema {
	s, err := NewSchema(columns...)
	if err != nil {
		panic(err)
	}
	return s
}

// Len returns the number of columns.
func (s Schema) Len() int { return len(s.columns) }

// Columns returns all columns in order; callers must not change them.
func (s Schema) Columns() []Column { return s.columns }

// At returns the column at a position.
func (s Schema) At(i int) Column { return s.columns[i] }

// Key returns the key columns in order.
func (s Schema) Key() []Column { return s.in(InKey) }

// Value returns the value columns in order, without those from headers.
func (s Schema) Value() []Column { return s.in(InValue) }

// Headers returns the columns that come from headers, in order.
func (s Schema) Headers() []Column { return s.in(InHeaders) }

func (s Schema) in(ns Namespace) []Column {
	var out []Column
	for _, c := range s.columns {
		if c.Namespace == ns {
			out = append(out, c)
		}
	}
	return out
}

// Find returns the position of a column by its exact name, in any namespace, or -1.
func (s Schema) Find(name string) int {
	return slices.IndexFunc(s.columns, func(c Column) bool { return c.Name == name })
}

// FindIn returns the position of a column by its exact name in one namespace, or -1.
func (s Schema) FindIn(ns Namespace, name string) int {
	return slices.IndexFunc(s.columns, func(c Column) bool { return c.Name == name && c.Namespace == ns })
}

// Equal reports whether both have the same columns in the same order.
func (s Schema) Equal(t Schema) bool {
	return slices.EqualFunc(s.columns, t.columns, func(a, b Column) bool { return a.String() == b.String() })
}

// String returns the columns separated by commas: `ID` BIGINT KEY, `F` STRING.
func (s Schema) String() string {
	parts := make([]string, len(s.columns))
	for i, c := range s.columns {
		parts[i] = c.String()
	}
	return strings.Join(parts, ", ")
}
