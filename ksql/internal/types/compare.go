package types

import (
	"bytes"
	"fmt"
	"math"
	"strings"
)

// Equal reports whether two values are the same: nested values member by member, MAPs in any order, numbers by value
// whatever their kind, NULL only to NULL.
func Equal(a, b Value) bool {
	if a.kind != b.kind {
		if a.kind.IsNumeric() && b.kind.IsNumeric() {
			return Compare(a, b) == 0
		}
		return false
	}
	switch a.kind {
	case KindNull:
		return true
	case KindString:
		return a.Str() == b.Str()
	case KindBytes:
		return bytes.Equal(a.Bytes(), b.Bytes())
	case KindDouble:
		return a.Double() == b.Double() || a.Double() != a.Double() && b.Double() != b.Double()
	case KindDecimal:
		return compareDecimal(a, b) == 0
	case KindArray, KindStruct:
		x, y := a.Array(), b.Array()
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !Equal(x[i], y[i]) {
				return false
			}
		}
		return true
	case KindMap:
		x, y := a.Map(), b.Map()
		if x.Len() != y.Len() {
			return false
		}
		for _, e := range x.entries {
			if v, ok := y.Get(e.Key); !ok || !Equal(e.Value, v) {
				return false
			}
		}
		return true
	}
	return a.bits == b.bits
}

// Compare orders two values that are not NULL: -1, 0 or 1. Numbers of different kinds compare by value, a DATE with a
// TIMESTAMP as its midnight; strings compare by UTF-16 code units as in Java; DOUBLE NaN is above everything.
// ARRAYs and STRUCTs compare member by member with NULL first.
func Compare(a, b Value) int {
	if a.kind != b.kind {
		return compareMixed(a, b)
	}
	switch a.kind {
	case KindString:
		return CompareStrings(a.Str(), b.Str())
	case KindBytes:
		return bytes.Compare(a.Bytes(), b.Bytes())
	case KindDouble:
		return compareFloat(a.Double(), b.Double())
	case KindDecimal:
		return compareDecimal(a, b)
	case KindArray, KindStruct:
		x, y := a.Array(), b.Array()
		for i := range min(len(x), len(y)) {
			if c := compareNullFirst(x[i], y[i]); c != 0 {
				return c
			}
		}
		return sign64(int64(len(x) - len(y)))
	}
	return compareInt(int64(a.bits), int64(b.bits))
}

func compareNullFirst(a, b Value) int {
	switch {
	case a.IsNull() && b.IsNull():
		return 0
	case a.IsNull():
		return -1
	case b.IsNull():
		return 1
	}
	return Compare(a, b)
}

func compareMixed(a, b Value) int {
	switch {
	case a.kind.IsNumeric() && b.kind.IsNumeric():
		switch {
		case a.kind == KindDouble || b.kind == KindDouble:
			return compareWithDouble(a, b)
		case a.kind == KindDecimal || b.kind == KindDecimal:
			x, _ := a.AsDecimal()
			y, _ := b.AsDecimal()
			return compareDecimal(x, y)
		}
		return compareInt(int64(a.bits), int64(b.bits))
	case a.kind == KindDate && b.kind == KindTimestamp:
		return compareInt(int64(a.bits)*msPerDay, int64(b.bits))
	case a.kind == KindTimestamp && b.kind == KindDate:
		return compareInt(int64(a.bits), int64(b.bits)*msPerDay)
	}
	return compareInt(int64(a.kind), int64(b.kind))
}

func compareWithDouble(a, b Value) int {
	if a.kind == KindDecimal || b.kind == KindDecimal {
		x, errX := a.AsDecimal()
		y, errY := b.AsDecimal()
		if errX == nil && errY == nil {
			return compareDecimal(x, y)
		}
	}
	return compareFloat(a.Float64(), b.Float64())
}

func compareDecimal(a, b Value) int {
	if a.scale == b.scale && a.ref == nil && b.ref == nil {
		return compareInt(int64(a.bits), int64(b.bits))
	}
	s := max(a.Scale(), b.Scale())
	a, b = a.Rescale(s, RoundDown), b.Rescale(s, RoundDown)
	if a.ref == nil && b.ref == nil {
		return compareInt(int64(a.bits), int64(b.bits))
	}
	return a.unscaled().Cmp(b.unscaled())
}

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	}
	return compareInt(boolInt(math.IsNaN(a)), boolInt(math.IsNaN(b)))
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// CompareStrings orders strings by UTF-16 code units, as Java's String.compareTo does. That differs from byte order
// only between characters beyond the basic plane and those from U+E000 on.
func CompareStrings(a, b string) int {
	n := min(len(a), len(b))
	i := 0
	for i < n && a[i] == b[i] {
		i++
	}
	if i < n && a[i] >= 0xee && b[i] >= 0xee && (a[i] >= 0xf0) != (b[i] >= 0xf0) {
		// Beyond the basic plane text is written with surrogates, which lie below U+E000.
		if a[i] >= 0xf0 {
			return -1
		}
		return 1
	}
	return strings.Compare(a[i:], b[i:])
}

// CompareOp is a comparison operator.
type CompareOp uint8

// The comparison operators.
const (
	OpEqual CompareOp = iota
	OpNotEqual
	OpLess
	OpLessEqual
	OpGreater
	OpGreaterEqual
	OpDistinct    // IS DISTINCT FROM
	OpNotDistinct // IS NOT DISTINCT FROM
)

var (
	compareText = [...]string{"=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"}
	compareName = [...]string{
		"EQUAL", "NOT_EQUAL", "LESS_THAN", "LESS_THAN_OR_EQUAL", "GREATER_THAN", "GREATER_THAN_OR_EQUAL",
		"IS_DISTINCT_FROM", "IS_NOT_DISTINCT_FROM",
	}
)

// String returns the operator as SQL writes it.
func (o CompareOp) String() string { return compareText[o] }

// Name returns the operator as error messages name it, such as GREATER_THAN.
func (o CompareOp) Name() string { return compareName[o] }

// IsEquality reports whether the operator needs no order: =, <> and the DISTINCT forms.
func (o CompareOp) IsEquality() bool {
	return o == OpEqual || o == OpNotEqual || o == OpDistinct || o == OpNotDistinct
}

// Holds says whether the operator holds for the result of Compare.
func (o CompareOp) Holds(c int) bool {
	switch o {
	case OpEqual, OpNotDistinct:
		return c == 0
	case OpNotEqual, OpDistinct:
		return c != 0
	case OpLess:
		return c < 0
	case OpLessEqual:
		return c <= 0
	case OpGreater:
		return c > 0
	}
	return c >= 0
}

// Comparable reports whether values of the two types may be compared with the operator.
func Comparable(l Type, op CompareOp, r Type) bool {
	a, b := l.kind, r.kind
	switch {
	case a == KindNull || b == KindNull:
		return op == OpDistinct || op == OpNotDistinct
	case a.IsNumeric():
		return b.IsNumeric()
	case a == KindString:
		return b == KindString || b.IsTime()
	case a == KindBoolean:
		return b == KindBoolean && op.IsEquality()
	case a == KindBytes:
		return b == KindBytes
	case a == KindTime:
		return b == KindTime || b == KindString
	case a.IsTime():
		return b == KindDate || b == KindTimestamp || b == KindString
	case a.IsNested():
		return l.Equal(r) && op.IsEquality()
	}
	return false
}

// CompareError is the error of a comparison that Comparable refuses; l and r are the texts of the two sides.
func CompareError(l string, lt Type, op CompareOp, r string, rt Type) error {
	return fmt.Errorf("Cannot compare %s (%s) to %s (%s) with %s.", l, lt, r, rt, op.Name())
}

// FloatArithmetic computes a op b with IEEE rules.
func FloatArithmetic(op Op, a, b float64) float64 {
	switch op {
	case Add:
		return a + b
	case Subtract:
		return a - b
	case Multiply:
		return a * b
	case Divide:
		return a / b
	}
	return math.Mod(a, b)
}
