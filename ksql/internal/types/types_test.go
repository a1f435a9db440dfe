package types_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chortal/chortal/ksql/internal/types"
)

func dec(s string) types.Value {
	v, err := types.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return v
}

func TestTypeText(t *testing.T) {
	f := func(typ types.Type, want string) {
		t.Helper()
		if got := typ.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(types.Decimal(4, 2), "DECIMAL(4, 2)")
	f(types.AnyDecimal, "DECIMAL")
	f(types.Map(types.String, types.Array(types.Integer)), "MAP<STRING, ARRAY<INTEGER>>")
	f(types.Struct(types.Field{Name: "F", Type: types.Bigint}, types.Field{Name: "a`b", Type: types.Timestamp}), "STRUCT<`F` BIGINT, `a``b` TIMESTAMP>")
	f(types.Lambda(types.Boolean, types.Generic("T")), "LAMBDA (T) => BOOLEAN")
	f(types.NullType, "null")
}

func TestSchema(t *testing.T) {
	k := "k'"
	s := types.MustSchema(
		types.Column{Name: "ID", Type: types.Bigint, Namespace: types.InKey}, types.Column{Name: "F", Type: types.String},
		types.Column{Name: "H", Type: types.HeadersType, Namespace: types.InHeaders}, types.Column{Name: "B", Type: types.Bytes, Namespace: types.InHeaders, HeaderKey: &k})
	want := "`ID` BIGINT KEY, `F` STRING, `H` ARRAY<STRUCT<`KEY` STRING, `VALUE` BYTES>> HEADERS, `B` BYTES HEADER('k''')"
	if got := s.String(); got != want {
		t.Errorf("got %s", got)
	}
	if len(s.Key()) != 1 || len(s.Value()) != 1 || len(s.Headers()) != 2 || s.Find("F") != 1 || s.FindIn(types.InKey, "F") != -1 {
		t.Error("namespaces")
	}
	_, err := types.NewSchema(types.Column{Name: "A", Type: types.Bigint}, types.Column{Name: "A", Type: types.Bigint})
	if err == nil || err.Error() != "Duplicate value columns found in schema: `A` BIGINT" {
		t.Error(err)
	}
}

func TestJavaDouble(t *testing.T) {
	f := func(x float64, want string) {
		t.Helper()
		if got := types.JavaDouble(x); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(0, "0.0")
	f(math.Copysign(0, -1), "-0.0")
	f(5, "5.0")
	f(1234567.5, "1234567.5")
	f(1e7, "1.0E7")
	f(1e10, "1.0E10")
	f(-1.5e-7, "-1.5E-7")
	f(0.001, "0.001")
	f(0.0009, "9.0E-4")
	f(math.MaxFloat64, "1.7976931348623157E308")
	f(math.SmallestNonzeroFloat64, "5.0E-324")
	f(math.NaN(), "NaN")
	f(math.Inf(-1), "-Infinity")
}

func TestText(t *testing.T) {
	f := func(v types.Value, typ types.Type, want string) {
		t.Helper()
		if got := types.Text(v, typ); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(types.NewDate(-719529), types.Date, "-0001-12-31")
	f(types.NewDate(2932897), types.Date, "+10000-01-01")
	f(types.NewTime(0), types.Time, "00:00")
	f(types.NewTime(3661001), types.Time, "01:01:01.001")
	f(types.NewTimestamp(-1), types.Timestamp, "1969-12-31T23:59:59.999")
	m := types.NewMapValue(1)
	m.Put(types.NewString("a"), types.Null)
	f(types.NewArray([]types.Value{types.NewMap(m), types.Null}), types.Array(types.Map(types.String, types.Integer)), "[{a=null}, null]")
	st := types.Struct(types.Field{Name: "F0", Type: types.Integer}, types.Field{Name: "f1", Type: types.String})
	f(types.NewStruct([]types.Value{types.NewInteger(1), types.Null}), st, "Struct{F0=1}")
	f(dec("-0.050"), types.Decimal(4, 3), "-0.050")
	f(dec("1e3"), types.Decimal(4, 0), "1000")
	f(dec("123456789012345678901234567890.5"), types.Decimal(31, 1), "123456789012345678901234567890.5")
}

func TestCast(t *testing.T) {
	f := func(v types.Value, from, to types.Type, want string) {
		t.Helper()
		c, err := types.Cast(from, to)
		if err == nil {
			if v, err = c(v); err == nil {
				if !v.IsNull() && v.Kind() != to.Kind() {
					t.Errorf("kind %s, want %s", v.Kind(), to.Kind())
				}
				if got := types.Text(v, to); got != want {
					t.Errorf("%s to %s: got %s, want %s", from, to, got, want)
				}
				return
			}
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s to %s: got %v, want %s", from, to, err, want)
		}
	}
	S, I, L, D := types.String, types.Integer, types.Bigint, types.Double
	s := types.NewString
	f(types.Null, S, I, "null")
	f(s(" 12 "), S, I, "12")
	f(s("x"), S, I, `invalid input syntax for type INTEGER: "x"`)
	f(s("2147483648"), S, I, "invalid input syntax")
	f(s("1.5"), S, D, "1.5")
	f(s("0x1p3"), S, D, "invalid input syntax")
	f(s("yes"), S, types.Boolean, "true")
	f(s("F"), S, types.Boolean, "false")
	f(s("what"), S, types.Boolean, "false")
	f(s("1.25"), S, types.Decimal(3, 1), "1.3")
	f(s("123.4"), S, types.Decimal(3, 1), "Numeric field overflow")
	f(s("2020-02"), S, types.Date, "2020-02-01")
	f(s("2020-02-30"), S, types.Date, "Failed to parse")
	f(s("10:11"), S, types.Time, "10:11")
	f(s("2020-02-03T10:11:12.1234+0100"), S, types.Timestamp, "2020-02-03T09:11:12.123")
	f(s("2020-02-03T10:11Z"), S, types.Timestamp, "2020-02-03T10:11:00.000")
	f(s("foo"), S, types.Timestamp, "Failed to parse timestamp 'foo'")
	f(s("YWI="), S, types.Bytes, "YWI=")
	f(types.NewBigint(2147483648), L, I, "-2147483648")
	f(types.NewDouble(1e20), D, I, "2147483647")
	f(types.NewDouble(math.NaN()), D, L, "0")
	f(types.NewDouble(-1e20), D, L, "-9223372036854775808")
	f(types.NewDouble(1.005), D, types.Decimal(3, 2), "1.01")
	f(dec("12.99"), types.Decimal(4, 2), I, "12")
	f(types.NewTimestamp(86400001), types.Timestamp, types.Date, "1970-01-02")
	f(types.NewTimestamp(-1), types.Timestamp, types.Time, "23:59:59.999")
	f(types.NewDate(1), types.Date, types.Timestamp, "1970-01-02T00:00:00.000")
	f(types.NewDouble(1e10), D, S, "1.0E10")
	f(types.NewArray([]types.Value{types.NewBigint(1), types.Null}), types.Array(L), types.Array(S), "[1, null]")
	f(s("x"), S, types.Array(I), "Cast of STRING to ARRAY<INTEGER> is not supported")
	f(types.NewBoolean(true), types.Boolean, I, "Cast of BOOLEAN to INTEGER is not supported")
	from := types.Struct(types.Field{Name: "A", Type: I}, types.Field{Name: "B", Type: I})
	to := types.Struct(types.Field{Name: "B", Type: S}, types.Field{Name: "C", Type: I})
	f(types.NewStruct([]types.Value{types.NewInteger(1), types.NewInteger(2)}), from, to, "Struct{B=2}")
}

func TestArithmetic(t *testing.T) {
	f := func(op types.Op, l, r types.Value, lt, rt types.Type, wantType, want string) {
		t.Helper()
		typ, err := types.ArithmeticType(op, lt, rt)
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Error(err)
			}
			return
		}
		got := typ.String()
		v, err := types.Arithmetic(op, l, r, typ)
		text := types.Text(v, typ)
		if err != nil {
			text = err.Error()
		}
		if got != wantType || text != want {
			t.Errorf("%s %s %s: got %s %s, want %s %s", l, op, r, got, text, wantType, want)
		}
	}
	I, L, D := types.Integer, types.Bigint, types.Double
	f(types.Add, types.NewInteger(math.MaxInt32), types.NewInteger(1), I, I, "INTEGER", "-2147483648")
	f(types.Multiply, types.NewBigint(math.MaxInt64), types.NewInteger(2), L, I, "BIGINT", "-2")
	f(types.Divide, types.NewInteger(7), types.NewInteger(-2), I, I, "INTEGER", "-3")
	f(types.Divide, types.NewInteger(7), types.NewInteger(0), I, I, "INTEGER", "/ by zero")
	f(types.Modulo, types.NewBigint(math.MinInt64), types.NewBigint(-1), L, L, "BIGINT", "0")
	f(types.Divide, types.NewDouble(1), types.NewInteger(0), D, I, "DOUBLE", "Infinity")
	f(types.Add, types.NewInteger(1), types.Null, I, I, "INTEGER", "null")
	f(types.Add, dec("1.50"), dec("2.5"), types.Decimal(3, 2), types.Decimal(2, 1), "DECIMAL(4, 2)", "4.00")
	f(types.Subtract, types.NewInteger(1), dec("2.5"), I, types.Decimal(2, 1), "DECIMAL(12, 1)", "-1.5")
	f(types.Multiply, dec("1.50"), dec("2.5"), types.Decimal(3, 2), types.Decimal(2, 1), "DECIMAL(6, 3)", "3.750")
	f(types.Divide, dec("1.00"), dec("3.0"), types.Decimal(3, 2), types.Decimal(2, 1), "DECIMAL(8, 6)", "0.333333")
	f(types.Divide, dec("-2.00"), dec("3.0"), types.Decimal(3, 2), types.Decimal(2, 1), "DECIMAL(8, 6)", "-0.666667")
	f(types.Divide, dec("1.00"), dec("0.0"), types.Decimal(3, 2), types.Decimal(2, 1), "DECIMAL(8, 6)", "/ by zero")
	f(types.Modulo, dec("7.50"), dec("2.0"), types.Decimal(3, 2), types.Decimal(2, 1), "DECIMAL(3, 2)", "1.50")
	f(types.Add, types.NewString("a"), types.NewString("b"), types.String, types.String, "STRING", "ab")
	f(types.Add, types.NewString("a"), types.NewInteger(1), types.String, I, "", "Unsupported arithmetic types. STRING INTEGER")
}

func TestCommonAndFits(t *testing.T) {
	f := func(a, b types.Type, want string) {
		t.Helper()
		c, ok := types.Common(a, b)
		got := c.String()
		if !ok {
			got = "none"
		}
		if got != want {
			t.Errorf("%s and %s: got %s, want %s", a, b, got, want)
		}
	}
	f(types.Integer, types.Bigint, "BIGINT")
	f(types.NullType, types.String, "STRING")
	f(types.Decimal(4, 2), types.Integer, "DECIMAL(12, 2)")
	f(types.Decimal(4, 3), types.Decimal(4, 1), "DECIMAL(6, 3)")
	f(types.Decimal(4, 2), types.Double, "DOUBLE")
	f(types.String, types.Integer, "none")
	f(types.Array(types.Integer), types.Array(types.Double), "ARRAY<DOUBLE>")
	f(types.Struct(types.Field{Name: "A", Type: types.Integer}), types.Struct(types.Field{Name: "B", Type: types.String}, types.Field{Name: "A", Type: types.Bigint}),
		"STRUCT<`A` BIGINT, `B` STRING>")
	for _, c := range []struct {
		from, to types.Type
		want     bool
	}{
		{types.Integer, types.Double, true},
		{types.Double, types.Integer, false},
		{types.Integer, types.Decimal(9, 0), false},
		{types.Integer, types.Decimal(10, 0), true},
		{types.Decimal(4, 2), types.Decimal(5, 2), true},
		{types.Decimal(4, 2), types.Decimal(5, 1), false},
		{types.NullType, types.Date, true},
		{types.String, types.Date, false},
		{types.Array(types.Integer), types.Array(types.Bigint), true},
	} {
		if got := types.FitsInto(c.from, c.to); got != c.want {
			t.Errorf("%s into %s: %v", c.from, c.to, got)
		}
	}
}

func TestCompare(t *testing.T) {
	f := func(a, b types.Value, want int) {
		t.Helper()
		if got := types.Compare(a, b); got != want {
			t.Errorf("%s and %s: got %d, want %d", a, b, got, want)
		}
		if got := types.Compare(b, a); got != -want {
			t.Errorf("%s and %s: not antisymmetric", a, b)
		}
	}
	f(types.NewInteger(2), types.NewBigint(3), -1)
	f(types.NewInteger(2), dec("2.00"), 0)
	f(types.NewDouble(0.1), dec("0.1"), 0)
	f(types.NewDouble(math.NaN()), types.NewDouble(math.Inf(1)), 1)
	f(types.NewString("B2"), types.NewString("b2"), -1)
	f(types.NewString("\uFFFD"), types.NewString("😀"), 1) // UTF-16 order
	f(types.NewString("a"), types.NewString("ab"), -1)
	f(types.NewDate(1), types.NewTimestamp(86400000), 0)
	f(types.NewArray([]types.Value{types.Null}), types.NewArray([]types.Value{types.NewInteger(1)}), -1)
	f(dec("12345678901234567890.1"), dec("12345678901234567890.05"), 1)
	if !types.Comparable(types.String, types.OpLess, types.Date) || types.Comparable(types.Boolean, types.OpLess, types.Boolean) ||
		types.Comparable(types.Array(types.Integer), types.OpEqual, types.Array(types.Bigint)) {
		t.Error("comparable")
	}
	err := types.CompareError("A", types.Integer, types.OpGreater, "'x'", types.String)
	if err.Error() != "Cannot compare A (INTEGER) to 'x' (STRING) with GREATER_THAN." {
		t.Error(err)
	}
}

func TestMap(t *testing.T) {
	m := types.NewMapValue(0)
	for i := range int32(100) {
		m.Put(types.NewInteger(i%50), types.NewInteger(i))
	}
	if m.Len() != 50 {
		t.Error(m.Len())
	}
	for i := range int32(50) {
		if v, ok := m.Get(types.NewInteger(i)); !ok || v.Integer() != i+50 || m.Entries()[i].Key.Integer() != i {
			t.Errorf("%d: %s", i, v)
		}
	}
	if _, ok := m.Get(types.NewInteger(99)); ok {
		t.Error("99 is there")
	}
}

// TestDecimalModel holds DECIMAL arithmetic against rational numbers.
func TestDecimalModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gen := func(label string) (types.Value, *big.Rat) {
			digits := rapid.StringMatching(`[0-9]{1,25}`).Draw(t, label)
			scale := rapid.IntRange(0, 12).Draw(t, label+" scale")
			s := digits
			if scale > 0 {
				s = "0" + strings.Repeat("0", scale) + digits
				s = s[:len(s)-scale] + "." + s[len(s)-scale:]
			}
			if rapid.Bool().Draw(t, label+" sign") {
				s = "-" + s
			}
			r, _ := new(big.Rat).SetString(s)
			return dec(s), r
		}
		a, x := gen("a")
		b, y := gen("b")
		op := types.Op(rapid.IntRange(0, 3).Draw(t, "op"))
		if op == types.Divide && y.Sign() == 0 {
			return
		}
		typ, err := types.ArithmeticType(op, types.DecimalTypeOf(a), types.DecimalTypeOf(b))
		if err != nil {
			t.Fatal(err)
		}
		got, err := types.Arithmetic(op, a, b, typ)
		if err != nil {
			t.Fatalf("%s %s %s: %v", a, op, b, err)
		}
		want := new(big.Rat)
		switch op {
		case types.Add:
			want.Add(x, y)
		case types.Subtract:
			want.Sub(x, y)
		case types.Multiply:
			want.Mul(x, y)
		case types.Divide:
			want.Quo(x, y)
		}
		if s := want.FloatString(typ.Scale()); s != got.String() && strings.Trim(s, "-0.") != "" {
			t.Fatalf("%s %s %s: got %s, want %s", a, op, b, got, s)
		}
		if c := types.Compare(a, b); c != x.Cmp(y) {
			t.Fatalf("compare %s %s: %d", a, b, c)
		}
		if u := types.DecimalFromUnscaledBytes(a.UnscaledBytes(), a.Scale()); !types.Equal(u, a) {
			t.Fatalf("%s became %s", a, u)
		}
	})
}

// FuzzDecodeValue: any bytes give a value or an error, and what was decoded encodes to a value that is equal.
func FuzzDecodeValue(f *testing.F) {
	m := types.NewMapValue(1)
	m.Put(types.NewString("k"), types.NewArray([]types.Value{types.NewInteger(-1), types.Null}))
	f.Add(types.AppendRow(nil, types.Row{
		types.NewBoolean(true), types.NewBigint(1 << 40), types.NewDouble(1.5), dec("-12345678901234567890.5"), types.NewBytes([]byte{1}), types.NewMap(m),
		types.NewStruct([]types.Value{types.NewDate(1), types.NewTime(2), types.NewTimestamp(3)}),
	}))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, _, err := types.DecodeValue(b)
		if err != nil {
			return
		}
		again, rest, err := types.DecodeValue(types.AppendValue(nil, v))
		if err != nil || len(rest) > 0 || !types.Equal(v, again) {
			t.Fatalf("%s became %s, %v", v, again, err)
		}
	})
}

func TestRow(t *testing.T) {
	row := types.Row{types.NewInteger(-5), types.Null, types.NewString("x"), dec("1.50")}
	got := make(types.Row, 4)
	if err := types.DecodeRow(types.AppendRow(nil, row), got); err != nil {
		t.Fatal(err)
	}
	for i := range row {
		if !types.Equal(row[i], got[i]) || row[i].Kind() != got[i].Kind() {
			t.Errorf("%d: %s", i, got[i])
		}
	}
	if types.DecodeRow([]byte{0, 0}, got[:1]) == nil {
		t.Error("too many bytes pass")
	}
}

func BenchmarkAppendRow(b *testing.B) {
	row := types.Row{types.NewString("café"), types.NewDouble(3.25), types.NewBigint(123456), types.NewDecimal(1250, 2)}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = types.AppendRow(buf[:0], row)
	}
}

func BenchmarkDecodeRow(b *testing.B) {
	buf := types.AppendRow(nil, types.Row{types.NewString("café"), types.NewDouble(3.25), types.NewBigint(123456), types.NewDecimal(1250, 2)})
	row := make(types.Row, 4)
	b.ReportAllocs()
	for b.Loop() {
		_ = types.DecodeRow(buf, row)
	}
}

func BenchmarkDecimalMultiply(b *testing.B) {
	x, y, t := types.NewDecimal(12345, 2), types.NewDecimal(678, 1), types.Decimal(20, 3)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = types.DecimalArithmetic(types.Multiply, x, y, t)
	}
}
