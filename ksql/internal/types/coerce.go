package types

import (
	"fmt"
	"slices"
)

// FitsInto reports whether a value of type from can stand where to is wanted without a CAST: the same type, a wider
// number, NULL anywhere.
func FitsInto(from, to Type) bool {
	switch {
	case from.kind == KindNull, from.Equal(to):
		return true
	case to.kind == KindAny:
		return true
	case from.kind == KindDecimal && to.kind == KindDecimal:
		return to.precision == 0 ||
			from.scale <= to.scale && from.precision-from.scale <= to.precision-to.scale
	case to.kind == KindDecimal && to.precision > 0 && (from.kind == KindInteger || from.kind == KindBigint):
		return FitsInto(DecimalType(from), to)
	case from.kind.IsNumeric() && to.kind.IsNumeric():
		return from.kind <= to.kind
	case from.kind == KindArray && to.kind == KindArray:
		return FitsInto(from.Elem(), to.Elem())
	case from.kind == KindMap && to.kind == KindMap:
		return FitsInto(from.Key(), to.Key()) && FitsInto(from.Elem(), to.Elem())
	case from.kind == KindStruct && to.kind == KindStruct:
		for _, f := range from.Fields() {
			if _, t, ok := to.Field(f.Name); !ok || !FitsInto(f.Type, t) {
				return false
			}
		}
		return true
	}
	return false
}

// Common returns the narrowest type that both fit into: the wider number, the DECIMAL that holds both, ARRAY and MAP
// by element, the STRUCT with the fields of both. ok is false if there is none.
func Common(a, b Type) (t Type, ok bool) {
	switch {
	case a.kind == KindNull:
		return b, true
	case b.kind == KindNull, a.Equal(b):
		return a, true
	case a.kind.IsNumeric() && b.kind.IsNumeric():
		return commonNumber(a, b), true
	case a.kind != b.kind:
		return Type{}, false
	case a.kind == KindArray:
		e, ok := Common(a.Elem(), b.Elem())
		return Array(e), ok
	case a.kind == KindMap:
		k, ok1 := Common(a.Key(), b.Key())
		v, ok2 := Common(a.Elem(), b.Elem())
		return Map(k, v), ok1 && ok2
	case a.kind == KindStruct:
		return commonStruct(a, b)
	}
	return Type{}, false
}

func commonNumber(a, b Type) Type {
	if a.kind == KindDouble || b.kind == KindDouble {
		return Double
	}
	if a.kind != KindDecimal && b.kind != KindDecimal {
		return Bigint
	}
	a, b = DecimalType(a), DecimalType(b)
	s := max(a.scale, b.scale)
	return Decimal(int(s+max(a.precision-a.scale, b.precision-b.scale)), int(s))
}

func commonStruct(a, b Type) (Type, bool) {
	fields := slices.Clone(a.Fields())
	for _, f := range b.Fields() {
		i := slices.IndexFunc(fields, func(g Field) bool { return g.Name == f.Name })
		if i < 0 {
			fields = append(fields, f)
			continue
		}
		t, ok := Common(fields[i].Type, f.Type)
		if !ok {
			return Type{}, false
		}
		fields[i].Type = t
	}
	return Struct(fields...), true
}

// ArithmeticType returns the type of l op r, or the error that names both types.
func ArithmeticType(op Op, l, r Type) (Type, error) {
	switch {
	case l.kind == KindString && r.kind == KindString && op == Add:
		return String, nil
	case !l.kind.IsNumeric() || !r.kind.IsNumeric():
		return Type{}, fmt.Errorf("Unsupported arithmetic types. %s %s", describe(l), describe(r))
	case l.kind == KindDouble || r.kind == KindDouble:
		return Double, nil
	case l.kind == KindDecimal || r.kind == KindDecimal:
		t := decimalResult(op, DecimalType(l), DecimalType(r))
		return t, CheckDecimal(t.Precision(), t.Scale())
	case l.kind == KindBigint || r.kind == KindBigint:
		return Bigint, nil
	}
	return Integer, nil
}

func describe(t Type) string { return t.kind.String() }

// Arithmetic computes l op r, whose type t ArithmeticType gave. NULL gives NULL; whole numbers wrap around; division of
// whole numbers or decimals by zero is ErrDivideByZero.
func Arithmetic(op Op, l, r Value, t Type) (Value, error) {
	if l.IsNull() || r.IsNull() {
		return Null, nil
	}
	switch t.kind {
	case KindInteger:
		i, err := wholeArithmetic(op, int64(l.Int32()), int64(r.Int32()))
		return NewInteger(int32(i)), err
	case KindBigint:
		i, err := wholeArithmetic(op, l.Bigint(), r.Bigint())
		return NewBigint(i), err
	case KindDouble:
		return NewDouble(FloatArithmetic(op, l.Float64(), r.Float64())), nil
	case KindDecimal:
		a, err := l.AsDecimal()
		if err != nil {
			return Null, err
		}
		b, err := r.AsDecimal()
		if err != nil {
			return Null, err
		}
		return DecimalArithmetic(op, a, b, t)
	case KindString:
		return NewString(l.Str() + r.Str()), nil
	}
	return Null, fmt.Errorf("no arithmetic on %s", t)
}

func wholeArithmetic(op Op, a, b int64) (int64, error) {
	switch op {
	case Add:
		return a + b, nil
	case Subtract:
		return a - b, nil
	case Multiply:
		return a * b, nil
	}
	if b == 0 {
		return 0, ErrDivideByZero
	}
	if b == -1 { // math.MinInt64 / -1 traps on some machines
		if op == Modulo {
			return 0, nil
		}
		return -a, nil
	}
	if op == Modulo {
		return a % b, nil
	}
	return a / b, nil
}
