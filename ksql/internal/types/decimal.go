package types

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// DECIMAL values are an unscaled integer and a scale. Up to 64 bits the integer lives in the slot and arithmetic
// stays in machine words; beyond that it is an apd.BigInt.

var pow10 = [19]int64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
}

func bigPow10(n int) *apd.BigInt {
	return new(apd.BigInt).Exp(apd.NewBigInt(10), apd.NewBigInt(int64(n)), nil)
}

func newBigDecimal(u *apd.BigInt, scale int32) Value {
	if u.IsInt64() {
		return NewDecimal(u.Int64(), int(scale))
	}
	v := Value{kind: KindDecimal, scale: scale}
	v.setBig(u)
	return v
}

// Scale returns the number of decimals of a DECIMAL value.
func (v Value) Scale() int { return int(v.scale) }

// Unscaled returns the unscaled integer of a DECIMAL, if it fits 64 bits.
func (v Value) Unscaled() (int64, bool) { return int64(v.bits), v.ref == nil }

// UnscaledBytes returns the unscaled integer of a DECIMAL as big-endian two's complement, as Avro writes it.
func (v Value) UnscaledBytes() []byte {
	u := v.unscaled()
	n := u.BitLen()/8 + 1
	out := make([]byte, n)
	if u.Sign() < 0 {
		u = new(apd.BigInt).Add(u, new(apd.BigInt).Lsh(apd.NewBigInt(1), uint(8*n)))
	}
	u.FillBytes(out)
	for len(out) > 1 && (out[0] == 0 && out[1] < 0x80 || out[0] == 0xff && out[1] >= 0x80) {
		out = out[1:]
	}
	return out
}

// DecimalFromUnscaledBytes is the inverse of UnscaledBytes.
func DecimalFromUnscaledBytes(b []byte, scale int) Value {
	u := new(apd.BigInt).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		u.Sub(u, new(apd.BigInt).Lsh(apd.NewBigInt(1), uint(8*len(b))))
	}
	return newBigDecimal(u, int32(scale))
}

func (v Value) unscaled() *apd.BigInt {
	if b := v.big(); b != nil {
		return b
	}
	return apd.NewBigInt(int64(v.bits))
}

// ParseDecimal reads decimal text with an optional exponent, such as -12.50 or 1E3. The scale is that of the
// text, at least 0.
func ParseDecimal(s string) (Value, error) {
	if v, ok := parseSmallDecimal(s); ok {
		return v, nil
	}
	if len(s) > 2*MaxPrecision || s == "" || strings.TrimLeft(s, "+-0123456789.eE") != "" {
		return Null, fmt.Errorf("invalid decimal: %q", clip(s))
	}
	d, _, err := apd.NewFromString(s)
	if err != nil || d.Form != apd.Finite {
		return Null, fmt.Errorf("invalid decimal: %q", clip(s))
	}
	u := new(apd.BigInt).Set(&d.Coeff)
	if d.Negative {
		u.Neg(u)
	}
	if d.Exponent > MaxPrecision || d.Exponent < -MaxPrecision {
		if u.Sign() == 0 {
			return NewDecimal(0, 0), nil
		}
		return Null, fmt.Errorf("decimal out of range: %q", clip(s))
	}
	if d.Exponent > 0 {
		return newBigDecimal(u.Mul(u, bigPow10(int(d.Exponent))), 0), nil
	}
	return newBigDecimal(u, -d.Exponent), nil
}

// parseSmallDecimal reads plain decimal text of up to 18 digits.
func parseSmallDecimal(s string) (Value, bool) {
	i, neg := 0, false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	var u int64
	digits, point := 0, -1
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if digits++; digits > 18 {
				return Null, false
			}
			u = u*10 + int64(c-'0')
		case c == '.' && point < 0:
			point = digits
		default:
			return Null, false
		}
	}
	if digits == 0 {
		return Null, false
	}
	if neg {
		u = -u
	}
	scale := 0
	if point >= 0 {
		scale = digits - point
	}
	return NewDecimal(u, scale), true
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

// DecimalFromFloat returns the shortest decimal that reads back as f, as Java's BigDecimal.valueOf does.
func DecimalFromFloat(f float64) (Value, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Null, fmt.Errorf("%s is no decimal", JavaDouble(f))
	}
	v, err := ParseDecimal(JavaDouble(f))
	return v, err
}

// Float64 returns the value of any number as a float64.
func (v Value) Float64() float64 {
	switch v.kind {
	case KindDouble:
		return v.Double()
	case KindDecimal:
		if v.ref == nil && v.scale >= 0 && v.scale < int32(len(pow10)) && abs64(int64(v.bits)) < 1<<53 && v.scale <= 22 {
			return float64(int64(v.bits)) / float64(pow10[v.scale])
		}
		f, _ := strconv.ParseFloat(v.decimalText(), 64)
		return f
	}
	return float64(int64(v.bits))
}

// Int64 returns the value of any number as 64 bits with Java's rules: a DOUBLE saturates and NaN is 0, a DECIMAL loses its
// fraction and wraps around.
func (v Value) Int64() int64 {
	switch v.kind {
	case KindDouble:
		return saturate(v.Double(), math.MinInt64, math.MaxInt64)
	case KindDecimal:
		w := v.Rescale(0, RoundDown)
		if i, ok := w.Unscaled(); ok {
			return i
		}
		u := w.unscaled()
		low := new(apd.BigInt).And(u, new(apd.BigInt).SetUint64(math.MaxUint64))
		return int64(low.Uint64())
	}
	return int64(v.bits)
}

// Int32 returns the value of any number as 32 bits with Java's rules: a DOUBLE saturates, the others wrap around.
func (v Value) Int32() int32 {
	if v.kind == KindDouble {
		return int32(saturate(v.Double(), math.MinInt32, math.MaxInt32))
	}
	return int32(v.Int64())
}

func saturate(f float64, low, high int64) int64 {
	switch {
	case f != f:
		return 0
	case f <= float64(low):
		return low
	case f >= float64(high):
		return high
	}
	return int64(f)
}

func abs64(i int64) uint64 {
	if i < 0 {
		return uint64(-i)
	}
	return uint64(i)
}

// AsDecimal returns any number as a DECIMAL value with its natural scale.
func (v Value) AsDecimal() (Value, error) {
	switch v.kind {
	case KindDecimal:
		return v, nil
	case KindDouble:
		return DecimalFromFloat(v.Double())
	}
	return NewDecimal(int64(v.bits), 0), nil
}

// Rounding says how Rescale drops digits, in Java's words.
type Rounding uint8

// The roundings.
const (
	RoundHalfUp  Rounding = iota // to nearest, ties away from zero
	RoundDown                    // towards zero
	RoundFloor                   // towards negative infinity
	RoundCeiling                 // towards positive infinity
)

// Rescale returns a DECIMAL with another number of decimals; scale may be negative.
func (v Value) Rescale(scale int, how Rounding) Value {
	d := scale - int(v.scale)
	switch {
	case d == 0:
		return v
	case d > 0:
		if v.ref == nil && d < len(pow10) {
			if p, ok := mul64(int64(v.bits), pow10[d]); ok {
				return NewDecimal(p, scale)
			}
		}
		return newBigDecimal(new(apd.BigInt).Mul(v.unscaled(), bigPow10(d)), int32(scale))
	case v.ref == nil && -d < len(pow10):
		u, p := int64(v.bits), pow10[-d]
		q, r := u/p, u%p
		return NewDecimal(q+adjust(sign64(u), r != 0, cmpHalf64(r, p), how), scale)
	}
	u, p := v.unscaled(), bigPow10(-d)
	q, r := new(apd.BigInt), new(apd.BigInt)
	q.QuoRem(u, p, r)
	r2 := new(apd.BigInt).Abs(r)
	r2.Add(r2, r2)
	q.Add(q, apd.NewBigInt(adjust(u.Sign(), r.Sign() != 0, r2.Cmp(p), how)))
	return newBigDecimal(q, int32(scale))
}

// adjust says what to add to a quotient that was cut: half compares twice the remainder with the divisor.
func adjust(sign int, inexact bool, half int, how Rounding) int64 {
	switch {
	case !inexact, how == RoundDown:
		return 0
	case how == RoundHalfUp && half >= 0:
		return int64(sign)
	case how == RoundFloor && sign < 0:
		return -1
	case how == RoundCeiling && sign > 0:
		return 1
	}
	return 0
}

func cmpHalf64(r, p int64) int {
	a := abs64(r)
	switch b := uint64(p) - a; {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func sign64(i int64) int {
	switch {
	case i < 0:
		return -1
	case i > 0:
		return 1
	}
	return 0
}

func mul64(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(abs64(a), abs64(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

// digits returns the number of digits of the unscaled integer, 1 for 0.
func (v Value) digits() int {
	if v.ref == nil {
		n := 1
		for u := abs64(int64(v.bits)); u >= 10; u /= 10 {
			n++
		}
		return n
	}
	return len(new(apd.BigInt).Abs(v.unscaled()).String())
}

// FitDecimal rounds any number HALF_UP to DECIMAL(precision, scale); an error if it does not fit.
func FitDecimal(v Value, t Type) (Value, error) {
	d, err := v.AsDecimal()
	if err != nil {
		return Null, err
	}
	d = d.Rescale(t.Scale(), RoundHalfUp)
	if d.digits() > t.Precision() {
		return Null, fmt.Errorf("Numeric field overflow: A field with precision %d and scale %d must round to an absolute value less than 10^%d. Got %s",
			t.Precision(), t.Scale(), t.Precision()-t.Scale(), v.String())
	}
	return d, nil
}

// Op is an arithmetic operator.
type Op uint8

// The arithmetic operators.
const (
	Add Op = iota
	Subtract
	Multiply
	Divide
	Modulo
)

var (
	opText = [...]string{"+", "-", "*", "/", "%"}
	opName = [...]string{"ADD", "SUBTRACT", "MULTIPLY", "DIVIDE", "MODULUS"}
)

// String returns the operator's sign.
func (o Op) String() string { return opText[o] }

// Name returns the operator as error messages name it, such as ADD.
func (o Op) Name() string { return opName[o] }

// DecimalType returns the type that INTEGER, BIGINT or DECIMAL has as a DECIMAL.
func DecimalType(t Type) Type {
	switch t.kind {
	case KindInteger:
		return Decimal(10, 0)
	case KindBigint:
		return Decimal(19, 0)
	}
	return t
}

// decimalResult returns the type of l op r for two DECIMALs.
func decimalResult(op Op, l, r Type) Type {
	p1, s1, p2, s2 := int(l.precision), int(l.scale), int(r.precision), int(r.scale)
	switch op {
	case Add, Subtract:
		s := max(s1, s2)
		return Decimal(s+max(p1-s1, p2-s2)+1, s)
	case Multiply:
		return Decimal(p1+p2+1, s1+s2)
	case Divide:
		s := max(6, s1+p2+1)
		return Decimal(p1-s1+s2+s, s)
	}
	s := max(s1, s2)
	return Decimal(min(p1-s1, p2-s2)+s, s)
}

// ErrDivideByZero is the error of a division of whole numbers or decimals by zero, in Java's words.
var ErrDivideByZero = fmt.Errorf("/ by zero")

// DecimalArithmetic computes a op b for two DECIMAL values and fits the result to t.
func DecimalArithmetic(op Op, a, b Value, t Type) (Value, error) {
	var out Value
	switch op {
	case Add, Subtract:
		out = addDecimal(a, b, op == Subtract)
	case Multiply:
		out = mulDecimal(a, b)
	case Divide:
		q, err := divDecimal(a, b, t.Scale())
		if err != nil {
			return Null, err
		}
		out = q
	case Modulo:
		r, err := modDecimal(a, b)
		if err != nil {
			return Null, err
		}
		out = r
	}
	return FitDecimal(out, t)
}

func addDecimal(a, b Value, subtract bool) Value {
	s := max(a.Scale(), b.Scale())
	a, b = a.Rescale(s, RoundDown), b.Rescale(s, RoundDown)
	if a.ref == nil && b.ref == nil {
		x, y := int64(a.bits), int64(b.bits)
		if subtract {
			if z := x - y; (x^y)&(x^z) >= 0 {
				return NewDecimal(z, s)
			}
		} else if z := x + y; (x^z)&(y^z) >= 0 {
			return NewDecimal(z, s)
		}
	}
	u := new(apd.BigInt)
	if subtract {
		u.Sub(a.unscaled(), b.unscaled())
	} else {
		u.Add(a.unscaled(), b.unscaled())
	}
	return newBigDecimal(u, int32(s))
}

func mulDecimal(a, b Value) Value {
	s := a.scale + b.scale
	if a.ref == nil && b.ref == nil {
		if p, ok := mul64(int64(a.bits), int64(b.bits)); ok {
			return NewDecimal(p, int(s))
		}
	}
	return newBigDecimal(new(apd.BigInt).Mul(a.unscaled(), b.unscaled()), s)
}

func divDecimal(a, b Value, scale int) (Value, error) {
	d := b.unscaled()
	if d.Sign() == 0 {
		return Null, ErrDivideByZero
	}
	// a / b with `scale` decimals: (ua * 10^(scale - sa + sb)) / ub.
	n := new(apd.BigInt).Set(a.unscaled())
	if e := scale - a.Scale() + b.Scale(); e >= 0 {
		n.Mul(n, bigPow10(e))
	} else {
		d = new(apd.BigInt).Mul(d, bigPow10(-e))
	}
	q, r := new(apd.BigInt), new(apd.BigInt)
	q.QuoRem(n, d, r)
	r2 := new(apd.BigInt).Abs(r)
	r2.Add(r2, r2)
	sign := n.Sign() * d.Sign()
	q.Add(q, apd.NewBigInt(adjust(sign, r.Sign() != 0, r2.Cmp(new(apd.BigInt).Abs(d)), RoundHalfUp)))
	return newBigDecimal(q, int32(scale)), nil
}

func modDecimal(a, b Value) (Value, error) {
	s := max(a.Scale(), b.Scale())
	a, b = a.Rescale(s, RoundDown), b.Rescale(s, RoundDown)
	if b.unscaled().Sign() == 0 {
		return Null, ErrDivideByZero
	}
	if a.ref == nil && b.ref == nil {
		return NewDecimal(int64(a.bits)%int64(b.bits), s), nil
	}
	return newBigDecimal(new(apd.BigInt).Rem(a.unscaled(), b.unscaled()), int32(s)), nil
}

// Negate returns -v for any number; whole numbers wrap around.
func Negate(v Value) Value {
	switch v.kind {
	case KindInteger:
		return NewInteger(-int32(v.bits))
	case KindBigint:
		return NewBigint(-int64(v.bits))
	case KindDouble:
		return NewDouble(-v.Double())
	case KindDecimal:
		if v.ref == nil && int64(v.bits) != math.MinInt64 {
			return NewDecimal(-int64(v.bits), int(v.scale))
		}
		return newBigDecimal(new(apd.BigInt).Neg(v.unscaled()), v.scale)
	}
	return Null
}

// Sign returns -1, 0 or 1 for any number; 0 for NaN.
func (v Value) Sign() int {
	switch v.kind {
	case KindDouble:
		f := v.Double()
		switch {
		case f < 0:
			return -1
		case f > 0:
			return 1
		}
		return 0
	case KindDecimal:
		return v.unscaled().Sign()
	}
	return sign64(int64(v.bits))
}

func (v Value) decimalText() string { return string(appendDecimalText(nil, v)) }

// appendDecimalText writes plain digits with exactly Scale decimals.
func appendDecimalText(dst []byte, v Value) []byte {
	var digits []byte
	neg := false
	if v.ref == nil {
		u := int64(v.bits)
		neg = u < 0
		var buf [20]byte
		digits = strconv.AppendUint(buf[:0], abs64(u), 10)
	} else {
		u := v.unscaled()
		neg = u.Sign() < 0
		digits = []byte(new(apd.BigInt).Abs(u).String())
	}
	if neg {
		dst = append(dst, '-')
	}
	s := int(v.scale)
	if s <= 0 {
		dst = append(dst, digits...)
		if len(digits) > 1 || digits[0] != '0' {
			for range -s {
				dst = append(dst, '0')
			}
		}
		return dst
	}
	if len(digits) <= s {
		dst = append(dst, '0', '.')
		for range s - len(digits) {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	dst = append(dst, digits[:len(digits)-s]...)
	dst = append(dst, '.')
	return append(dst, digits[len(digits)-s:]...)
}

// DecimalTypeOf returns the DECIMAL that a value of that kind has as a literal: its digits, and for values between -1 and 1 one
// more than its decimals.
func DecimalTypeOf(v Value) Type {
	s := max(v.Scale(), 0)
	if v.digits() <= s {
		return Decimal(s+1, s)
	}
	return Decimal(v.digits(), s)
}
