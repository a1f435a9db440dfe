package function_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/types"
)

// typeOf infers the type of a test value.
func typeOf(v types.Value) types.Type {
	switch v.Kind() {
	case types.KindBoolean:
		return types.Boolean
	case types.KindInteger:
		return types.Integer
	case types.KindBigint:
		return types.Bigint
	case types.KindDouble:
		return types.Double
	case types.KindDecimal:
		return types.DecimalTypeOf(v)
	case types.KindString:
		return types.String
	case types.KindBytes:
		return types.Bytes
	case types.KindDate:
		return types.Date
	case types.KindTime:
		return types.Time
	case types.KindTimestamp:
		return types.Timestamp
	case types.KindArray:
		t := types.NullType
		for _, e := range v.Array() {
			t, _ = types.Common(t, typeOf(e))
		}
		return types.Array(t)
	case types.KindMap:
		k, t := types.NullType, types.NullType
		for _, e := range v.Map().Entries() {
			k, _ = types.Common(k, typeOf(e.Key))
			t, _ = types.Common(t, typeOf(e.Value))
		}
		return types.Map(k, t)
	}
	return types.NullType
}

type unit string

// val turns a Go value into a SQL one: int is INTEGER, int64 BIGINT, a string with d' in front is a DECIMAL.
func val(x any) types.Value {
	switch x := x.(type) {
	case nil:
		return types.Null
	case types.Value:
		return x
	case unit:
		return types.NewString(string(x))
	case bool:
		return types.NewBoolean(x)
	case int:
		return types.NewInteger(int32(x))
	case int64:
		return types.NewBigint(x)
	case float64:
		return types.NewDouble(x)
	case []byte:
		return types.NewBytes(x)
	case []any:
		out := make([]types.Value, len(x))
		for i, e := range x {
			out[i] = val(e)
		}
		return types.NewArray(out)
	case map[string]any:
		m := types.NewMapValue(0)
		for _, k := range sortedKeys(x) {
			m.Put(types.NewString(k), val(x[k]))
		}
		return types.NewMap(m)
	case string:
		if d, ok := strings.CutPrefix(x, "d'"); ok {
			v, err := types.ParseDecimal(d)
			if err != nil {
				panic(err)
			}
			return v
		}
		return types.NewString(x)
	}
	panic(fmt.Sprintf("%T", x))
}

func sortedKeys(m map[string]any) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	for i := range keys {
		for j := i; j > 0 && keys[j] < keys[j-1]; j-- {
			keys[j], keys[j-1] = keys[j-1], keys[j]
		}
	}
	return keys
}

// lambda is a test lambda with its result type.
type lambda struct {
	params int
	typ    func(in []types.Type) types.Type
	f      types.LambdaFunc
}

var builtins = function.Builtins()

var env = function.Env{Now: func() time.Time { return time.UnixMilli(1_700_000_000_123) }}

func eval(name string, args ...any) string {
	var formal []function.Arg
	var values []types.Value
	for _, a := range args {
		switch x := a.(type) {
		case lambda:
			formal = append(formal, function.Arg{LambdaParams: x.params, Lambda: func(in []types.Type) (types.Type, error) { return x.typ(in), nil }})
			values = append(values, types.NewLambda(x.f))
		case unit:
			formal = append(formal, function.Arg{Type: types.IntervalUnit})
			values = append(values, val(x))
		default:
			v := val(a)
			formal = append(formal, function.Arg{Type: typeOf(v), Const: &v})
			values = append(values, v)
		}
	}
	c, err := builtins.ResolveScalar(name, formal)
	if err != nil {
		return "error: " + strings.SplitN(err.Error(), "\n", 2)[0]
	}
	f, err := c.Bind(env)
	if err != nil {
		return "error: " + err.Error()
	}
	for i, v := range values {
		if formal[i].Lambda == nil && formal[i].Type.Kind() != types.KindUnit {
			if values[i], err = types.Coerce(v, formal[i].Type, c.Args[i]); err != nil {
				return "error: " + err.Error()
			}
		}
	}
	out, err := f(values)
	if err != nil {
		return "error: " + err.Error()
	}
	if !out.IsNull() && c.Type.Kind() != out.Kind() {
		return fmt.Sprintf("%s is %s, not %s", out, out.Kind(), c.Type)
	}
	return types.Text(out, c.Type)
}

func check(t *testing.T, want, name string, args ...any) {
	t.Helper()
	if got := eval(name, args...); got != want {
		t.Errorf("%s(%v): got %s, want %s", name, args, got, want)
	}
}

func TestString(t *testing.T) {
	f := func(want, name string, args ...any) { t.Helper(); check(t, want, name, args...) }
	f("K", "chr", 75)
	f("😀", "chr", 128512)
	f("null", "chr", -1)
	f("K", "chr", `\u004b`)
	f("null", "chr", "x")
	f("ab", "concat", "a", nil, "b")
	f("", "concat", nil, nil, "")
	f("a-b", "concat_ws", "-", "a", nil, "b")
	f("null", "concat_ws", nil, "a")
	f("b", "elt", 2, "a", "b")
	f("null", "elt", 3, "a", "b")
	f("2", "field", "b", "a", "b")
	f("0", "field", nil, "a")
	f("Example!", "encode", "4578616d706C6521", "hex", "ascii")
	f("Example!", "encode", "0x4578616d706C6521", "hex", "utf8")
	f("3f21", "encode", "é!", "ascii", "hex")
	f("error: Unknown encoding type 'x'. Supported formats are 'hex', 'utf8', 'ascii', and 'base64'", "encode", "a", "x", "hex")
	f("ab", "from_bytes", []byte("ab"), "utf8")
	f("YWI=", "to_bytes", "6162", "hex")
	f("The   Quick Br0wn", "initcap", "the   qUICK br0wn")
	f("2", "instr", "corporate floor", "or")
	f("5", "instr", "corporate floor", "or", 3)
	f("14", "instr", "corporate floor", "or", 3, 2)
	f("2", "instr", "corporate floor", "or", -3, 2)
	f("0", "instr", "corporate floor", "x")
	f("äb", "lcase", "ÄB")
	f("ÄB", "ucase", "äb")
	f("2", "len", "😀")
	f("3", "len", []byte("abc"))
	f("xyxab", "lpad", "ab", 5, "xy")
	f("a", "lpad", "ab", 1, "xy")
	f("null", "lpad", "ab", 5, "")
	f("null", "lpad", "ab", -1, "x")
	f("abxyx", "rpad", "ab", 5, "xy")
	f("900150983cd24fb0d6963f7d28e17f72", "md5", "abc")
	f("onocondo", "replace", "anaconda", "a", "o")
	f("null", "replace", "anaconda", nil, "o")
	f("[, a, b, ]", "split", "-a-b-", "-")
	f("[a, b]", "split", "ab", "")
	f("{apple=green, banana=yellow}", "split_to_map", "apple:green//banana:yellow/", "/", ":")
	f("null", "split_to_map", "a", "", ":")
	f("ower", "substring", "lower", 2, 5)
	f("lower", "substring", "lower", 0)
	f("er", "substring", "lower", -2)
	f("", "substring", "s", 5)
	f("é", "substring", "aéb", 2, 1)
	f("Yg==", "substring", []byte("abc"), 2, 1)
	f("with space", "trim", " \twith space\n ")
	f("null", "uuid", []byte("abc"))
	f("00010203-0405-0607-0809-0a0b0c0d0e0f", "uuid", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	if u := eval("uuid"); len(u) != 36 || u == eval("uuid") {
		t.Error(u)
	}
	f("error: the result would be longer than 16777216 characters", "lpad", "a", math.MaxInt32, "b")
}

func TestMask(t *testing.T) {
	f := func(want, name string, args ...any) { t.Helper(); check(t, want, name, args...) }
	f("XxXx-nnn-x", "mask", "AbCd 123#x")
	f("null", "mask", nil)
	f("AzC1", "mask", "AbC1", nil, "z", nil, nil)
	f("Xx3", "mask_left", "Ab3", 2)
	f("Abn", "mask_right", "Ab3", 1)
	f("Axn", "mask_keep_left", "Ab3", 1)
	f("Xx3", "mask_keep_right", "Ab3", 1)
	f("*x3", "mask_left", "Ab3", 2, "*", "x", "n", "-")
	f("null", "mask_left", "Ab3", -1)
	f("Xxn", "mask_left", "Ab3", 99)
}

func TestMath(t *testing.T) {
	f := func(want, name string, args ...any) { t.Helper(); check(t, want, name, args...) }
	f("5", "abs", -5)
	f("5", "abs", int64(-5))
	f("5.5", "abs", -5.5)
	f("5.50", "abs", "d'-5.50")
	f("error: Function 'abs' cannot be resolved due to ambiguous method parameters (null).", "abs", nil)
	f("2.0", "ceil", 1.1)
	f("-1.0", "ceil", "d'-1.7")
	f("-2.0", "floor", "d'-1.7")
	f("3", "floor", 3)
	f("-1", "sign", -2.5)
	f("2", "round", 1.5)
	f("-1", "round", -1.5)
	f("2", "round", "d'1.5")
	f("1.230", "round", "d'1.234", 2)
	f("110.0", "round", 111.0, -1)
	f("1.01", "round", 1.005, 2)
	f("12345678987654320.00", "round", "d'12345678987654321.23", -1)
	f("1", "trunc", 1.7)
	f("-1", "trunc", "d'-1.7")
	f("1.2", "trunc", 1.29, 1)
	f("3.141592653589793", "pi")
	f("2.0", "sqrt", 4)
	f("NaN", "ln", -1)
	f("Infinity", "cot", 0)
	f("2.5649493574615367", "log", 13)
	f("3.0", "log", 2, 8)
	f("NaN", "log", 0, 8)
	f("8.0", "power", 2, 3)
	f("-2.0", "cbrt", -8)
	f("0.5", "radians", 0.5*180/math.Pi)
	f("180.0", "degrees", math.Pi)
	f("5", "greatest", 1, 5, nil)
	f("1", "least", 1, 5, nil)
	f("b", "greatest", "a", "b")
	f("1234567.890000", "greatest", "d'1234567.89", "d'0.123456")
	f("7.0", "greatest", 1, int64(7), "d'1.5", 2.5)
	f("error: Function 'greatest' cannot be resolved due to ambiguous method parameters (INTEGER, BIGINT).", "greatest", 1, int64(2))
	f("error: Function 'greatest' cannot be resolved due to ambiguous method parameters (null, null).", "greatest", nil, nil)
	f("error: Function 'greatest' does not accept parameters ().", "greatest")
	f("error: Function 'greatest' does not accept parameters (STRING, INTEGER).", "greatest", "a", 1)
	f("1970-01-03", "greatest", types.NewDate(1), "1970-01-03")
	if first := eval("random"); first == eval("random") {
		t.Error("random repeats")
	}
}

func TestDate(t *testing.T) {
	f := func(want, name string, args ...any) { t.Helper(); check(t, want, name, args...) }
	ts := types.NewTimestamp(1526075913000) // 2018-05-11T21:58:33Z
	f("1970-01-21", "dateadd", unit("DAYS"), 10, types.NewDate(10))
	f("1970-01-01", "datesub", unit("DAYS"), 10, types.NewDate(10))
	f("2020-02-29", "dateadd", unit("MONTHS"), 1, types.NewDate(18292))
	f("00:00:00.005", "timeadd", unit("MILLISECONDS"), 10, types.NewTime(86399995))
	f("23:59:59", "timesub", unit("SECONDS"), 1, types.NewTime(0))
	f("1970-01-01T00:00:00.010", "timestampadd", unit("MILLISECONDS"), 10, types.NewTimestamp(0))
	f("1969-12-31T00:00:00.000", "timestampsub", unit("DAYS"), 1, types.NewTimestamp(0))
	f("error: Function 'dateadd' does not accept parameters (DATE, INTEGER, DATE).", "dateadd", types.NewDate(1), 5, types.NewDate(1))
	f("1970-01-01T03:00:00.100", "convert_tz", types.NewTimestamp(100), "+0200", "+0500")
	f("1970-01-01T03:00:00.100", "convert_tz", types.NewTimestamp(100), "America/Los_Angeles", "America/New_York")
	f("error: Unknown time-zone ID: Mars", "convert_tz", types.NewTimestamp(100), "UTC", "Mars")
	f("2018-05-11 14:58:33 PDT", "format_timestamp", ts, "yyyy-MM-dd HH:mm:ss zzz", "America/Los_Angeles")
	f("2018-05-11 21:58:33", "format_timestamp", ts, "yyyy-MM-dd HH:mm:ss")
	f("2018-05-11 22:58:33 BST", "timestamptostring", int64(1526075913000), "yyyy-MM-dd HH:mm:ss zzz", "Europe/London")
	f("1970-01-11", "datetostring", 10, "yyyy-MM-dd")
	f("11 January 1970", "format_date", types.NewDate(10), "d MMMM yyyy")
	f("00_01_05_000", "format_time", types.NewTime(65000), "HH_mm_ss_SSS")
	f("002034AAA", "format_time", types.NewTime(1234567), "HHmmss'AAA'")
	f("17662", "stringtodate", "2018-05-11Lit", "yyyy-MM-dd'Lit'")
	f("2019-05-11", "parse_date", "11/05/2019", "dd/MM/yyyy")
	f("2022-01-01", "parse_date", "JAN-2022", "MMM-yyyy")
	f("error: Text '2022' could not be parsed at index 4", "parse_date", "2022", "yyyy-MM")
	f("10:11:12.345", "parse_time", "10:11:12.345", "HH:mm:ss.SSS")
	f("22:00", "parse_time", "10 pm", "h a")
	f("2020-01-01T08:00:00.000", "parse_timestamp", "2020-01-01 00:00", "yyyy-MM-dd HH:mm", "America/Los_Angeles")
	f("1577836800000", "stringtotimestamp", "20200101", "yyyyMMdd")
	f("1577833200000", "stringtotimestamp", "2020-01-01T00:00:00+01:00", "yyyy-MM-dd'T'HH:mm:ssXXX")
	f("1970-01-11", "from_days", 10)
	f("1970-01-01T00:00:00.100", "from_unixtime", int64(100))
	f("10", "unix_date", types.NewDate(10))
	f("100", "unix_timestamp", types.NewTimestamp(100))
	f("1700000000123", "unix_timestamp")
	f("19675", "unix_date")
	f("null", "format_date", nil, "yyyy")
	f("error: Unknown pattern letter: b", "format_date", types.NewDate(1), "b")
}

// TestDatePatterns writes and reads an instant in patterns of many letters.
func TestDatePatterns(t *testing.T) {
	ts := types.NewTimestamp(1583020805678) // 2020-02-29T... in UTC: 2020-03-01T00:00:05.678
	f := func(pattern, want string) {
		t.Helper()
		check(t, want, "format_timestamp", ts, pattern, "Europe/Madrid")
	}
	f("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2020-03-01T01:00:05.678+01:00")
	f("yy y u M MM MMM MMMM MMMMM", "20 2020 2020 3 03 Mar March M")
	f("E EEEE EEEEE e D DDD", "Sun Sunday S 7 61 061")
	f("Q QQQ QQQQ G GGGG", "1 Q1 1st quarter AD Anno Domini")
	f("h hh K k a S SSSSSS n A", "1 01 1 1 AM 6 678000 678000000 3605678")
	f("z zzzz VV O OOOO", "CET Central European Standard Time Europe/Madrid GMT+1 GMT+01:00")
	f("X XX XXX x Z ZZZZ ZZZZZ", "+01 +0100 +01:00 +01 +0100 GMT+01:00 +01:00")
	f("YYYY-'W'ww ''yy'' [HH]", "2020-W09 '20' 01")
	for _, c := range [][3]string{
		{"yyyyMMddHHmmssSSS", "20200301010203004", "2020-03-01T01:02:03.004"},
		{"d/M/yy", "1/3/20", "2020-03-01T00:00:00.000"},
		{"yyyy-DDD", "2020-061", "2020-03-01T00:00:00.000"},
		{"YYYY-'W'ww", "2020-W09", "2020-02-24T00:00:00.000"},
		{"yyyy-MM-dd[ HH:mm]", "2020-03-01", "2020-03-01T00:00:00.000"},
		{"yyyy-MM-dd[ HH:mm]", "2020-03-01 05:06", "2020-03-01T05:06:00.000"},
		{"yyyy-MM-dd", "2021-02-30", "2021-02-28T00:00:00.000"},
		{"EEE, d MMM yyyy HH:mm:ss z", "Sun, 1 mar 2020 00:00:00 PST", "2020-03-01T08:00:00.000"},
		{"yyyy-MM-dd HH:mm VV", "2020-03-01 00:00 Asia/Tokyo", "2020-02-29T15:00:00.000"},
		{"K:mm a", "11:30 PM", "1970-01-01T23:30:00.000"},
		{"yyyy-MM", "2020-13", "error: Text '2020-13' could not be parsed at index 5"},
	} {
		check(t, c[2], "parse_timestamp", c[1], c[0])
	}
}

func TestOtherFamilies(t *testing.T) {
	f := func(want, name string, args ...any) { t.Helper(); check(t, want, name, args...) }
	f("2", "coalesce", nil, 2, 3)
	f("2", "coalesce", nil, 2, int64(3))
	f("null", "coalesce", nil, nil)
	f("x", "ifnull", nil, "x")
	f("null", "nullif", 1, 1)
	f("1", "nullif", 1, 2)
	f("bc", "regexp_extract", "b.", "abcb")
	f("c", "regexp_extract", "b(.)", "abcb", 1)
	f("null", "regexp_extract", "x", "abc")
	f("null", "regexp_extract", "b(.)", "abcb", 2)
	f("[ab, ab]", "regexp_extract_all", "ab", "abxab")
	f("[b, b]", "regexp_extract_all", "a(b)", "abxab", 1)
	f("bacatbcataa", "regexp_replace", "baabbabaa", "(ab)+", "cat")
	f("b-a", "regexp_replace", "ab", "(a)(b)", "$2-$1")
	f("[a, b, ]", "regexp_split_to_array", "a,b;", "[,;]")
	f("error: error parsing regexp: missing closing ): `(`", "regexp_extract", "(", "a")
	f("100", "int_from_bytes", []byte{0, 0, 0, 100})
	f("100", "int_from_bytes", []byte{100, 0, 0, 0}, "LITTLE_ENDIAN")
	f("error: Number of bytes must be equal to 8, but found 2", "bigint_from_bytes", []byte{1, 2})
	f("1.5", "double_from_bytes", []byte{0x3f, 0xf8, 0, 0, 0, 0, 0, 0})
	f("a", "as_value", "a")
	f("8682.459061368269", "geo_distance", 37.4439, -122.1663, 51, 0)
	f("5395.362646987439", "geo_distance", 37.4439, -122.1663, 51, 0, "MILES")
	f("error: Function 'geo_distance' does not accept parameters (DOUBLE, DOUBLE, STRING, INTEGER).", "geo_distance", 1.0, 1.0, "foo", 0)
	f("error: Can't find any functions with the name 'nope'", "nope")
}

func TestArrayMap(t *testing.T) {
	f := func(want, name string, args ...any) { t.Helper(); check(t, want, name, args...) }
	a := func(x ...any) []any { return x }
	f("[1, 2, 2, 3]", "array_concat", a(1, 2), a(2, 3))
	f("[2]", "array_concat", nil, a(2))
	f("true", "array_contains", a(1, nil), nil)
	f("false", "array_contains", a(1), 2)
	f("[1, null, 2]", "array_distinct", a(1, nil, 1, 2, nil))
	f("[0, -1]", "array_except", a(0, 0, 1, 0, -1), a(1, -2))
	f("[0, 1]", "array_intersect", a(0, 0, 1, 0, -1), a(1, -2, 0))
	f("[0, 1, -1, -2]", "array_union", a(0, 0, 1, 0, -1), a(1, -2, 0))
	f("1,null,2", "array_join", a(1, nil, 2))
	f("1.5|2.0", "array_join", a(1.5, 2.0), "|")
	f("12", "array_join", a(1, 2), nil)
	f("2", "array_length", a(1, 2))
	f("3", "array_max", a(1, nil, 3))
	f("a", "array_min", a("b", "a"))
	f("null", "array_max", a())
	f("[bar]", "array_remove", a("foo", "bar", "foo"), "foo")
	f("[1]", "array_remove", a(1, nil), nil)
	f("[-1, 0, 1, null]", "array_sort", a(0, nil, 1, -1))
	f("[1, 0, -1, null]", "array_sort", a(0, nil, 1, -1), "desc")
	f("[1, 2, 3]", "generate_series", 1, 3)
	f("[3, 1]", "generate_series", 3, 0, -2)
	f("[1, 3]", "generate_series", int64(1), int64(4), 2)
	f("error: GENERATE_SERIES step has wrong sign", "generate_series", 1, 3, -1)
	f("error: GENERATE_SERIES would give more than 1000000 elements", "generate_series", 0, math.MaxInt32)
	f("[2, 3]", "slice", a(1, 2, 3), 2, 3)
	f("[1, 2]", "slice", a(1, 2, 3), nil, 2)
	f("null", "slice", a(1), 2, 5)
	m := map[string]any{"a": 1, "b": 2}
	f("{x=1, y=null}", "as_map", a("x", "y"), a(1, nil))
	f("[a, b]", "map_keys", m)
	f("[1, 2]", "map_values", m)
	f("{a=1, b=9, c=3}", "map_union", m, map[string]any{"b": 9, "c": 3})
	f("[Struct{K=a,V=1}, Struct{K=b,V=2}]", "entries", m, true)
}

func TestLambda(t *testing.T) {
	f := func(want, name string, args ...any) { t.Helper(); check(t, want, name, args...) }
	plus := lambda{2, func(in []types.Type) types.Type { return in[0] }, func(a ...types.Value) (types.Value, error) {
		return types.Arithmetic(types.Add, a[0], a[1], types.Integer)
	}}
	text := lambda{1, func([]types.Type) types.Type { return types.String }, func(a ...types.Value) (types.Value, error) {
		return types.NewString(a[0].String() + "!"), nil
	}}
	big := lambda{1, func([]types.Type) types.Type { return types.Boolean }, func(a ...types.Value) (types.Value, error) {
		return types.NewBoolean(a[0].Integer() > 1), nil
	}}
	list := []any{1, 2, 3}
	f("8", "reduce", list, 2, plus)
	f("2", "reduce", nil, 2, plus)
	f("[1!, 2!, 3!]", "transform", list, text)
	f("[2, 3]", "filter", list, big)
	m := map[string]any{"a": 1, "b": 2}
	key := lambda{2, func(in []types.Type) types.Type { return in[0] }, func(a ...types.Value) (types.Value, error) { return a[0], nil }}
	value := lambda{2, func(in []types.Type) types.Type { return in[1] }, func(a ...types.Value) (types.Value, error) {
		return types.NewInteger(a[1].Integer() * 10), nil
	}}
	f("{a=10, b=20}", "transform", m, key, value)
	sum := lambda{3, func(in []types.Type) types.Type { return in[0] }, func(a ...types.Value) (types.Value, error) {
		return types.NewInteger(a[0].Integer() + a[2].Integer()), nil
	}}
	f("3", "reduce", m, 0, sum)
	if got := eval("transform", list, key); !strings.HasPrefix(got, "error: Function 'transform' does not accept parameters") {
		t.Error(got)
	}
}

func TestJSONAndURL(t *testing.T) {
	f := func(want, name string, args ...any) { t.Helper(); check(t, want, name, args...) }
	doc := `{"a": {"b": [1, {"c": "x\ny"}], "@t": null}, "s": "text", "n": 1.50}`
	f("x\ny", "extractjsonfield", doc, "$.a.b[1].c")
	f(`[1,{"c":"x\ny"}]`, "extractjsonfield", doc, "$.a.b")
	f("null", "extractjsonfield", doc, "$.a.@t")
	f("1.50", "extractjsonfield", doc, "$['n']")
	f("null", "extractjsonfield", doc, "$.a.b[7]")
	f("null", "extractjsonfield", "not json", "$.a")
	f("error: Invalid JSON path: 'a'", "extractjsonfield", doc, "a")
	f("true", "is_json_string", "[1]")
	f("false", "is_json_string", "abc")
	f("false", "is_json_string", nil)
	f("true", "json_array_contains", "[1, 2]", 2)
	f("false", "json_array_contains", `["2"]`, 2)
	f("true", "json_array_contains", `[1.0]`, 1.0)
	f("true", "json_array_contains", `[null]`, nil)
	f("3", "json_array_length", "[1, [2], 3]")
	f("null", "json_array_length", "{}")
	f(`{"a":1,"b":3,"c":4}`, "json_concat", `{"a": 1, "b": 2}`, `{"b": 3, "c": 4}`)
	f(`[1,2,{"a":1}]`, "json_concat", "[1, 2]", `{"a": 1}`)
	f("null", "json_concat", "[1]", "x")
	f(`[{"a":1}, "b"]`, "json_items", `[{"a": 1}, "b"]`)
	f("[Red, Green]", "json_keys", `{"Red": 3, "Green": 5}`)
	f("{a=x, b={\"c\":1}}", "json_records", `{"a": "x", "b": {"c": 1}}`)
	f(`[1,null]`, "to_json_string", []any{1, nil})
	f(`{"k":"v\""}`, "to_json_string", map[string]any{"k": `v"`})
	f(`"1970-01-02"`, "to_json_string", types.NewDate(1))
	f("null", "to_json_string", nil)
	f("%3Ffoo+%24bar", "url_encode_param", "?foo $bar")
	f("?foo $bar", "url_decode_param", "%3Ffoo+%24bar")
	u := "http://user@www.test.com:8080/a/path?one=a&two=b%20c&three#frag"
	f("frag", "url_extract_fragment", u)
	f("www.test.com", "url_extract_host", u)
	f("/a/path", "url_extract_path", u)
	f("8080", "url_extract_port", u)
	f("http", "url_extract_protocol", u)
	f("one=a&two=b c&three", "url_extract_query", u)
	f("b c", "url_extract_parameter", u, "two")
	f("", "url_extract_parameter", u, "three")
	f("null", "url_extract_parameter", u, "four")
	f("null", "url_extract_port", "http://a.b")
	f("null", "url_extract_protocol", "www.confluent.io")
}

func TestTables(t *testing.T) {
	f := func(want, name string, arg any) {
		t.Helper()
		v := val(arg)
		c, err := builtins.ResolveTable(name, []function.Arg{{Type: typeOf(v)}})
		if err != nil {
			if err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
			return
		}
		rows, err := c.Def.Eval([]types.Value{v})
		if err != nil {
			t.Fatal(err)
		}
		if got := types.Text(types.NewArray(rows), types.Array(c.Type)); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	f("[1, 2]", "explode", []any{1, 2})
	f("[1.5, 2.5]", "explode", []any{"d'1.5", "d'2.5"})
	f("[[null, null], [null, 2], [1, null], [1, 2]]", "cube_explode", []any{1, 2})
	f("Function 'explode' does not accept parameters (MAP<STRING, INTEGER>).\nValid alternatives are:\nexplode(ARRAY<DECIMAL> input)\nexplode(ARRAY<T> list)\nFor detailed information on a function run: DESCRIBE FUNCTION <Function-Name>;",
		"explode", map[string]any{"a": 1})
}

// TestDocs: every function is documented, and there are as many as there should be.
func TestDocs(t *testing.T) {
	count := map[function.Class]int{}
	for _, name := range builtins.Names() {
		d, ok := builtins.Describe(name)
		if !ok || d.Doc == "" || d.Category == "" {
			t.Errorf("%s: %+v", name, d)
		}
		count[d.Class]++
		for _, o := range d.Overloads {
			if !strings.HasSuffix(o.Doc, ".") {
				t.Errorf("%s has no sentence: %q", o.Signature, o.Doc)
			}
		}
	}
	if count[function.ScalarFunction] != 129 || count[function.AggregateFunction] != 18 || count[function.TableFunction] != 2 {
		t.Errorf("got %v", count)
	}
}

// TestDocsFile: docs/functions.md is what the registry says.
func TestDocsFile(t *testing.T) {
	got, err := os.ReadFile("../../../docs/functions.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != function.Markdown(builtins) {
		t.Error("docs/functions.md is not current: run go generate ./ksql/internal/function")
	}
}
