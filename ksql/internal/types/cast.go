package types

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// CastFunc converts one value. NULL gives NULL. An error means that this value cannot be converted.
type CastFunc func(Value) (Value, error)

// Cast returns the conversion CAST(x AS to) for values of type from, or an error if the types do not allow it.
func Cast(from, to Type) (CastFunc, error) {
	f := castFunc(from, to)
	if f == nil {
		return nil, fmt.Errorf("Cast of %s to %s is not supported", from, to)
	}
	return func(v Value) (Value, error) {
		if v.IsNull() {
			return Null, nil
		}
		return f(v)
	}, nil
}

// Coerce converts a value to a type that FitsInto accepted; others are an error. It is for values whose type is not
// known in advance, such as literals.
func Coerce(v Value, from, to Type) (Value, error) {
	if v.IsNull() {
		return Null, nil
	}
	f := castFunc(from, to)
	if f == nil {
		return Null, fmt.Errorf("Cast of %s to %s is not supported", from, to)
	}
	return f(v)
}

func same(v Value) (Value, error) { return v, nil }

// castFunc returns nil for casts that do not exist. The functions it returns never see NULL.
func castFunc(from, to Type) CastFunc {
	switch {
	case from.kind == KindNull, from.Equal(to):
		return same
	case to.kind == KindString:
		return castToString(from)
	case from.kind == KindString:
		return castFromString(to)
	case from.kind.IsNumeric() && to.kind.IsNumeric():
		return castNumber(to)
	case from.kind == KindTimestamp && to.kind == KindDate:
		return func(v Value) (Value, error) { return NewDate(DaysOf(v.Millis())), nil }
	case from.kind == KindTimestamp && to.kind == KindTime:
		return func(v Value) (Value, error) { return NewTime(TimeOf(v.Millis())), nil }
	case from.kind == KindDate && to.kind == KindTimestamp:
		return func(v Value) (Value, error) { return NewTimestamp(int64(v.Days()) * msPerDay), nil }
	case from.kind == KindArray && to.kind == KindArray:
		return castArray(from, to)
	case from.kind == KindMap && to.kind == KindMap:
		return castMap(from, to)
	case from.kind == KindStruct && to.kind == KindStruct:
		return castStruct(from, to)
	}
	return nil
}

func castToString(from Type) CastFunc {
	switch from.kind {
	case KindLambda, KindGeneric, KindAny, KindUnit, KindBytes:
		return nil
	}
	return func(v Value) (Value, error) { return NewString(Text(v, from)), nil }
}

func castNumber(to Type) CastFunc {
	switch to.kind {
	case KindInteger:
		return func(v Value) (Value, error) { return NewInteger(v.Int32()), nil }
	case KindBigint:
		return func(v Value) (Value, error) { return NewBigint(v.Int64()), nil }
	case KindDouble:
		return func(v Value) (Value, error) { return NewDouble(v.Float64()), nil }
	}
	if to.precision == 0 {
		return Value.AsDecimal
	}
	return func(v Value) (Value, error) { return FitDecimal(v, to) }
}

func castFromString(to Type) CastFunc {
	switch to.kind {
	case KindBoolean, KindInteger, KindBigint, KindDouble, KindDecimal, KindBytes, KindDate, KindTime, KindTimestamp:
		return func(v Value) (Value, error) { return ParseText(v.Str(), to) }
	}
	return nil
}

// ParseText reads the text of a BOOLEAN, number, date or BYTES (base64) as CAST does.
func ParseText(s string, to Type) (Value, error) {
	switch to.kind {
	case KindString:
		return NewString(s), nil
	case KindBoolean:
		b, ok := ParseBoolean(strings.TrimSpace(s))
		return NewBoolean(ok && b), nil
	case KindInteger:
		i, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
		return NewInteger(int32(i)), inputError(err, to, s)
	case KindBigint:
		i, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		return NewBigint(i), inputError(err, to, s)
	case KindDouble:
		f, err := ParseDouble(strings.TrimSpace(s))
		return NewDouble(f), inputError(err, to, s)
	case KindDecimal:
		d, err := ParseDecimal(strings.TrimSpace(s))
		if err != nil || to.precision == 0 {
			return d, inputError(err, to, s)
		}
		return FitDecimal(d, to)
	case KindBytes:
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return Null, fmt.Errorf("String does not represent BYTES in base64: %q", clip(s))
		}
		return NewBytes(b), nil
	case KindDate:
		ms, err := ParseTimestampText(s)
		if err != nil {
			return Null, err
		}
		if TimeOf(ms) != 0 {
			return Null, fmt.Errorf("Date contains a time component: %s", clip(s))
		}
		return NewDate(DaysOf(ms)), nil
	case KindTime:
		ms, err := ParseTimeText(s)
		return NewTime(ms), err
	case KindTimestamp:
		ms, err := ParseTimestampText(s)
		return NewTimestamp(ms), err
	}
	return Null, fmt.Errorf("Cast of STRING to %s is not supported", to)
}

func inputError(err error, to Type, s string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("invalid input syntax for type %s: %q", to.kind, clip(s))
}

// ParseBoolean reads true, false, yes, no and their prefixes in any case; ok is false for other text.
func ParseBoolean(s string) (b, ok bool) {
	if s == "" || len(s) > 5 {
		return false, false
	}
	s = strings.ToLower(s)
	switch {
	case strings.HasPrefix("true", s), strings.HasPrefix("yes", s):
		return true, true
	case strings.HasPrefix("false", s), strings.HasPrefix("no", s):
		return false, true
	}
	return false, false
}

// ParseDouble reads a decimal floating-point number, NaN or Infinity with Java's spelling.
func ParseDouble(s string) (float64, error) {
	switch strings.TrimLeft(s, "+-") {
	case "NaN", "Infinity":
		return strconv.ParseFloat(s, 64)
	}
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, strconv.ErrSyntax
	}
	f, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrRange) && (math.IsInf(f, 0) || f == 0) {
		return f, nil
	}
	return f, err
}

func castArray(from, to Type) CastFunc {
	f := castFunc(from.Elem(), to.Elem())
	if f == nil {
		return nil
	}
	return func(v Value) (Value, error) {
		out, err := castAll(v.Array(), f)
		return NewArray(out), err
	}
}

func castAll(in []Value, f CastFunc) ([]Value, error) {
	out := make([]Value, len(in))
	for i, e := range in {
		if e.IsNull() {
			continue
		}
		var err error
		if out[i], err = f(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func castMap(from, to Type) CastFunc {
	fk, fv := castFunc(from.Key(), to.Key()), castFunc(from.Elem(), to.Elem())
	if fk == nil || fv == nil {
		return nil
	}
	return func(v Value) (Value, error) {
		m := NewMapValue(v.Map().Len())
		for _, e := range v.Map().Entries() {
			pair, err := castPair(e, fk, fv)
			if err != nil {
				return Null, err
			}
			m.Put(pair.Key, pair.Value)
		}
		return NewMap(m), nil
	}
}

func castPair(e MapEntry, fk, fv CastFunc) (out MapEntry, err error) {
	if !e.Key.IsNull() {
		if out.Key, err = fk(e.Key); err != nil {
			return out, err
		}
	}
	if !e.Value.IsNull() {
		out.Value, err = fv(e.Value)
	}
	return out, err
}

func castStruct(from, to Type) CastFunc {
	type step struct {
		from int
		f    CastFunc
	}
	steps := make([]step, len(to.Fields()))
	for i, field := range to.Fields() {
		j, t, ok := from.Field(field.Name)
		if !ok {
			steps[i] = step{from: -1}
			continue
		}
		f := castFunc(t, field.Type)
		if f == nil {
			return nil
		}
		steps[i] = step{j, f}
	}
	return func(v Value) (Value, error) {
		in, out := v.Struct(), make([]Value, len(steps))
		for i, s := range steps {
			if s.from < 0 || s.from >= len(in) || in[s.from].IsNull() {
				continue
			}
			var err error
			if out[i], err = s.f(in[s.from]); err != nil {
				return Null, err
			}
		}
		return NewStruct(out), nil
	}
}
