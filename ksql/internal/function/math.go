package function

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/chortal/chortal/ksql/internal/types"
)

func mathFunctions() []Scalar {
	D := types.Double
	list := []Scalar{
		fn("pi", "Returns the number pi.", D, func([]types.Value) (types.Value, error) { return types.NewDouble(math.Pi), nil }),
		volatile(fn("random", "Returns a random number from 0 up to 1.", D, func([]types.Value) (types.Value, error) {
			return types.NewDouble(rand.Float64()), nil
		})),
	}
	for _, f := range []struct {
		name, doc string
		f         func(float64) float64
	}{
		{"acos", "Returns the angle, in radians, whose cosine is given.", math.Acos},
		{"asin", "Returns the angle, in radians, whose sine is given.", math.Asin},
		{"atan", "Returns the angle, in radians, whose tangent is given.", math.Atan},
		{"cbrt", "Returns the cube root.", math.Cbrt},
		{"cos", "Returns the cosine of an angle in radians.", math.Cos},
		{"cosh", "Returns the hyperbolic cosine.", math.Cosh},
		{"cot", "Returns the cotangent of an angle in radians.", func(x float64) float64 { return 1 / math.Tan(x) }},
		{"degrees", "Turns radians into degrees.", func(x float64) float64 { return x * (180 / math.Pi) }},
		{"exp", "Returns e to a power.", math.Exp},
		{"ln", "Returns the natural logarithm.", math.Log},
		{"log", "Returns the natural logarithm.", math.Log},
		{"radians", "Turns degrees into radians.", func(x float64) float64 { return x / 180 * math.Pi }},
		{"sin", "Returns the sine of an angle in radians.", math.Sin},
		{"sinh", "Returns the hyperbolic sine.", math.Sinh},
		{"sqrt", "Returns the square root.", math.Sqrt},
		{"tan", "Returns the tangent of an angle in radians.", math.Tan},
		{"tanh", "Returns the hyperbolic tangent.", math.Tanh},
	} {
		for _, t := range []types.Type{types.Integer, types.Bigint, D} {
			list = append(list, fn(f.name, f.doc, D, func(a []types.Value) (types.Value, error) { return types.NewDouble(f.f(a[0].Float64())), nil }, p("value", t)))
		}
	}
	for _, f := range []struct {
		name, doc, x, y string
		f               func(x, y float64) float64
	}{
		{"atan2", "Returns the angle, in radians, of a point given by its y and x.", "y", "x", math.Atan2},
		{"log", "Returns the logarithm to a base.", "base", "value", logBase},
		{"power", "Returns the base to the power of the exponent.", "base", "exponent", math.Pow},
	} {
		for _, t := range []types.Type{types.Integer, types.Bigint, D} {
			list = append(list, fn(f.name, f.doc, D, func(a []types.Value) (types.Value, error) {
				return types.NewDouble(f.f(a[0].Float64(), a[1].Float64())), nil
			}, p(f.x, t), p(f.y, t)))
		}
	}
	list = append(list, roundingFunctions()...)
	list = append(list, extremes("greatest", "Returns the greatest of the values that are not NULL.", 1)...)
	list = append(list, extremes("least", "Returns the least of the values that are not NULL.", -1)...)
	return category("MATHEMATICAL", list...)
}

func logBase(base, x float64) float64 {
	if base <= 0 || base == 1 {
		return math.NaN()
	}
	return math.Log(x) / math.Log(base)
}

func roundingFunctions() []Scalar {
	I, L, D, N := types.Integer, types.Bigint, types.Double, types.AnyDecimal
	same := func(a []types.Value) (types.Value, error) { return a[0], nil }
	long := func(a []types.Value) (types.Value, error) { return types.NewBigint(a[0].Bigint()), nil }
	first := func(args []types.Type) (types.Type, error) { return args[0], nil }
	list := []Scalar{
		fn("abs", "Returns the absolute value.", I, absolute, p("val", I)),
		fn("abs", "Returns the absolute value.", L, absolute, p("val", L)),
		fn("abs", "Returns the absolute value.", D, absolute, p("val", D)),
		decimal(fn("abs", "Returns the absolute value.", N, absolute, p("val", N)), first),
		fn("ceil", "Returns the smallest whole number that is not below the value.", I, same, p("value", I)),
		fn("ceil", "Returns the smallest whole number that is not below the value.", L, same, p("value", L)),
		fn("ceil", "Returns the smallest whole number that is not below the value.", D, float(math.Ceil), p("value", D)),
		decimal(fn("ceil", "Returns the smallest whole number that is not below the value.", N, wholeDecimal(types.RoundCeiling), p("value", N)), first),
		fn("floor", "Returns the largest whole number that is not above the value.", I, same, p("val", I)),
		fn("floor", "Returns the largest whole number that is not above the value.", L, same, p("val", L)),
		fn("floor", "Returns the largest whole number that is not above the value.", D, float(math.Floor), p("val", D)),
		decimal(fn("floor", "Returns the largest whole number that is not above the value.", N, wholeDecimal(types.RoundFloor), p("val", N)), first),
	}
	for _, t := range []types.Type{I, L, D} {
		list = append(list, fn("sign", "Returns -1, 0 or 1.", I, func(a []types.Value) (types.Value, error) {
			return types.NewInteger(int32(a[0].Sign())), nil
		}, p("value", t)))
	}
	for _, f := range []struct {
		name, doc string
		whole     func(float64) float64
		how       types.Rounding
	}{
		{"round", "Rounds half up.", func(x float64) float64 { return math.Floor(x + 0.5) }, types.RoundHalfUp},
		{"trunc", "Cuts decimals off.", math.Trunc, types.RoundDown},
	} {
		list = append(list,
			fn(f.name, f.doc, L, long, p("val", L)),
			fn(f.name, f.doc, L, long, p("val", I)),
			fn(f.name, f.doc, L, func(a []types.Value) (types.Value, error) {
				return types.NewBigint(types.NewDouble(f.whole(a[0].Double())).Int64()), nil
			}, p("val", D)),
			fn(f.name, f.doc+" To a number of decimals, which may be negative.", D, roundDouble(f.how), p("val", D), p("decimalPlaces", I)),
			decimal(fn(f.name, f.doc, N, func(a []types.Value) (types.Value, error) { return a[0].Rescale(0, f.how), nil }, p("val", N)), wholeType),
			decimal(fn(f.name, f.doc+" To a number of decimals, which may be negative.", N, roundDecimal(f.how), p("val", N), p("decimalPlaces", I)), first),
		)
	}
	return list
}

// wholeType is the type of a DECIMAL rounded to whole numbers: one digit more than before the point.
func wholeType(args []types.Type) (types.Type, error) {
	return types.Decimal(args[0].Precision()-args[0].Scale()+1, 0), nil
}

func decimal(s Scalar, typeOf func([]types.Type) (types.Type, error)) Scalar {
	s.TypeOf = typeOf
	return s
}

func float(f func(float64) float64) Eval {
	return func(a []types.Value) (types.Value, error) { return types.NewDouble(f(a[0].Double())), nil }
}

func absolute(a []types.Value) (types.Value, error) {
	if a[0].Sign() < 0 {
		return types.Negate(a[0]), nil
	}
	if a[0].Kind() == types.KindDouble {
		return types.NewDouble(math.Abs(a[0].Double())), nil
	}
	return a[0], nil
}

func wholeDecimal(how types.Rounding) Eval {
	return func(a []types.Value) (types.Value, error) {
		return a[0].Rescale(0, how).Rescale(a[0].Scale(), how), nil
	}
}

func roundDecimal(how types.Rounding) Eval {
	return func(a []types.Value) (types.Value, error) {
		places := int(a[1].Integer())
		if places >= a[0].Scale() {
			return a[0], nil
		}
		return a[0].Rescale(max(places, -types.MaxPrecision), how).Rescale(a[0].Scale(), how), nil
	}
}

func roundDouble(how types.Rounding) Eval {
	return func(a []types.Value) (types.Value, error) {
		f := a[0].Double()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return a[0], nil
		}
		d, err := types.DecimalFromFloat(f)
		if err != nil {
			return types.Null, err
		}
		places := max(min(int(a[1].Integer()), 400), -400)
		if places >= d.Scale() {
			return a[0], nil
		}
		return types.NewDouble(d.Rescale(places, how).Float64()), nil
	}
}

// extremes makes GREATEST and LEAST: sign is 1 for the greatest.
func extremes(name, doc string, sign int) []Scalar {
	eval := func(a []types.Value) (types.Value, error) {
		var best types.Value
		for _, v := range a {
			if !v.IsNull() && (best.IsNull() || sign*types.Compare(v, best) > 0) {
				best = v
			}
		}
		return best, nil
	}
	var list []Scalar
	for _, t := range []types.Type{
		types.Integer, types.Bigint, types.Double, types.String, types.Bytes, types.Date, types.Time, types.Timestamp,
	} {
		list = append(list, fnNull(name, doc, t, eval, p("val", t), more("vals", t)))
	}
	d := decimal(fnNull(name, doc, types.AnyDecimal, nil, p("val", types.AnyDecimal), more("vals", types.AnyDecimal)), commonDecimal)
	d.Bind = func(b Binding) (Eval, error) {
		return func(a []types.Value) (types.Value, error) {
			v, err := eval(a)
			if err != nil || v.IsNull() {
				return v, err
			}
			return types.FitDecimal(v, b.Type)
		}, nil
	}
	return append(list, d)
}

func commonDecimal(args []types.Type) (types.Type, error) {
	var t types.Type
	for _, a := range args {
		if a.Kind() == types.KindDecimal && a.Precision() == 0 {
			continue // NULL
		}
		var ok bool
		if t, ok = types.Common(t, a); !ok {
			return t, fmt.Errorf("no common type of %s and %s", t, a)
		}
	}
	return t, nil
}
