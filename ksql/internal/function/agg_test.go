package function_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/types"
)

// fold runs an aggregate over rows: a row that starts with "undo" is taken back, a "merge" goes on in a second state that is merged at the
// end. It returns the result after the last row.
func fold(t *testing.T, name string, init []any, rows ...[]any) string {
	t.Helper()
	var formal []function.Arg
	var first []any
	for _, r := range rows {
		r = values(r)
		if first == nil {
			first = make([]any, len(r))
		}
		for i := range first {
			if first[i] == nil {
				first[i] = r[i]
			}
		}
	}
	for _, v := range first {
		formal = append(formal, function.Arg{Type: typeOf(val(v)), Text: "COL"})
	}
	for _, c := range init {
		v := val(c)
		formal = append(formal, function.Arg{Type: typeOf(v), Const: &v})
	}
	c, err := builtins.ResolveAggregate(name, formal)
	if err != nil {
		return "error: " + strings.SplitN(err.Error(), "\n", 2)[0]
	}
	a, err := c.Bind(env)
	if err != nil {
		return "error: " + err.Error()
	}
	if !a.Type.Equal(c.Type) || c.Def.Tables != (a.Undo != nil) {
		t.Errorf("%s: type %s and %s, tables %v", name, a.Type, c.Type, c.Def.Tables)
	}
	state, other, merging := a.Init(), types.Null, false
	for _, r := range rows {
		undo := len(r) > 0 && r[0] == "undo"
		if len(r) > 0 && r[0] == "merge" && !merging {
			other, state, merging = state, a.Init(), true
		}
		var in []types.Value
		for i, v := range values(r) {
			x, err := types.Coerce(val(v), typeOf(val(v)), c.Args[i])
			if err != nil {
				t.Fatal(err)
			}
			in = append(in, x)
		}
		f := a.Add
		if undo {
			f = a.Undo
		}
		if state, err = f(state, in); err != nil {
			return "error: " + err.Error()
		}
		// The state survives its codec.
		decoded, rest, err := types.DecodeValue(types.AppendValue(nil, state))
		if err != nil || len(rest) > 0 || !types.Equal(decoded, state) {
			t.Errorf("%s: state %s became %s, %v", name, state, decoded, err)
		}
	}
	if merging {
		if state, err = a.Merge(other, state); err != nil {
			return "error: " + err.Error()
		}
	}
	out, err := a.Result(state)
	if err != nil {
		return "error: " + err.Error()
	}
	return types.Text(out, c.Type)
}

func values(r []any) []any {
	if len(r) > 0 && (r[0] == "undo" || r[0] == "merge") {
		return r[1:]
	}
	return r
}

func TestAggregates(t *testing.T) {
	r := func(v ...any) []any { return v }
	undo := func(v ...any) []any { return append([]any{"undo"}, v...) }
	merge := func(v ...any) []any { return append([]any{"merge"}, v...) }
	f := func(want, name string, init []any, rows ...[]any) {
		t.Helper()
		if got := fold(t, name, init, rows...); got != want {
			t.Errorf("%s(%v) of %v: got %s, want %s", name, init, rows, got, want)
		}
	}
	f("2", "COUNT", nil, r(), r(), r(), undo())
	f("1", "COUNT", nil, r("a"), r(nil), r("b"), undo("b"))
	f("3", "COUNT", nil, r("a"), merge("b"), merge("c"))
	f("5", "SUM", nil, r(2), r(nil), r(4), undo(1))
	f("-2147483648", "SUM", nil, r(2147483647), r(1))
	f("6.5", "SUM", nil, r(2.5), merge(4.0))
	f("3.75", "SUM", nil, r("d'2.50"), r("d'1.25"))
	f("error: Numeric field overflow: A field with precision 3 and scale 2 must round to an absolute value less than 10^1. Got 10.00", "SUM", nil, r("d'5.00"), r("d'5.00"))
	f("1.6666666666666667", "AVG", nil, r(1), r(2), r(2), r(nil))
	f("2.0", "AVG", nil, r(1), r(3), r(9), undo(9))
	f("0.0", "AVG", nil, r(1), undo(1))
	f("2.0", "AVG", nil, r(int64(1)), merge(int64(3)))
	f("c", "MAX", nil, r("a"), r("c"), r(nil), r("b"))
	f("-1", "MIN", nil, r(3), r(nil), merge(-1))
	f("2.50", "MAX", nil, r("d'2.50"), r("d'1.25"))
	f("[1, null, 1]", "COLLECT_LIST", nil, r(1), r(2), r(nil), r(1), undo(2))
	f("[1, 2, 3]", "COLLECT_LIST", nil, r(1), merge(2), merge(3))
	f("[1, null, 2]", "COLLECT_SET", nil, r(1), r(nil), r(1), merge(2), merge(1))
	f("b", "LATEST_BY_OFFSET", nil, r("a"), r("b"), r(nil))
	f("null", "LATEST_BY_OFFSET", []any{false}, r("a"), r(nil))
	f("[b, c]", "LATEST_BY_OFFSET", []any{2}, r("a"), r("b"), r(nil), r("c"))
	f("[null, c]", "LATEST_BY_OFFSET", []any{2, false}, r("a"), r(nil), r("c"))
	f("a", "EARLIEST_BY_OFFSET", nil, r(nil), r("a"), r("b"))
	f("[a, b]", "EARLIEST_BY_OFFSET", []any{2}, r("a"), merge("b"), merge("c"))
	f("b", "LATEST_BY_OFFSET", nil, r("a"), merge("b"))
	f("error: EARLIEST_BY_OFFSET takes between 1 and 100000 values, but was asked for 0", "EARLIEST_BY_OFFSET", []any{0}, r("a"))
	f("[9, 5]", "TOPK", []any{2}, r(1), r(9), r(nil), r(5))
	f("[9, 9]", "TOPK", []any{2}, r(9), merge(9), merge(1))
	f("[9, 5]", "TOPKDISTINCT", []any{2}, r(9), r(9), r(5), r(1))
	f("[Struct{sort_col=9,col0=b,col1=true}, Struct{sort_col=5,col0=c,col1=false}]", "TOPK", []any{2}, r(1, "a", true), r(9, "b", true), r(5, "c", false))
	f("{a=2, b=1}", "HISTOGRAM", nil, r("a"), r("b"), r("a"), r("c"), undo("c"))
	f("{a=2, null=1}", "HISTOGRAM", nil, r("a"), merge("a"), merge(nil))
	f("x", "ATTR", nil, r("x"), r("y"), r("x"), undo("y"))
	f("null", "ATTR", nil, r("x"), merge("y"))
	f("1.0", "CORRELATION", nil, r(1, 2), r(2, 4), r(3, 6))
	f("-1.0", "CORRELATION", nil, r(1.0, 3.0), r(2.0, 2.0), r(9.0, 9.0), undo(9.0, 9.0), merge(3.0, 1.0))
	f("1.0", "STDDEV_SAMPLE", nil, r(1), r(2), r(3))
	f("4.0", "STDDEV_SAMP", nil, r(2.0), r(4.0), r(6.0))
	f("1.0", "STDDEV_SAMPLE", nil, r(1), r(2), r(7), undo(7), merge(3))
	f("6", "SUM_LIST", nil, r([]any{1, 2}), r([]any{3, nil}), r(nil))
	f("2", "COUNT_DISTINCT", nil, r("a"), r("b"), r("a"), r(nil))
	f("3", "COUNT_DISTINCT", nil, r("a"), r("b"), merge("a"), merge("c"))
	f("error: Function 'SUM' does not accept parameters (STRING).", "SUM", nil, r("a"))
}

func TestAggregateConstants(t *testing.T) {
	_, err := builtins.ResolveAggregate("EARLIEST_BY_OFFSET", []function.Arg{{Type: types.String, Text: "F1"}, {Type: types.Integer, Text: "F0"}})
	if err == nil || err.Error() != "Parameter 2 passed to function EARLIEST_BY_OFFSET must be a literal constant, but was expression: 'F0'" {
		t.Error(err)
	}
}

func TestCountDistinctMany(t *testing.T) {
	const n = 50_000
	c, err := builtins.ResolveAggregate("COUNT_DISTINCT", []function.Arg{{Type: types.String}})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := c.Bind(env)
	left, right := a.Init(), a.Init()
	for i := range n {
		v := []types.Value{types.NewString(fmt.Sprint(i))}
		left, _ = a.Add(left, v)
		if i%2 == 0 {
			right, _ = a.Add(right, v)
		}
	}
	both, _ := a.Merge(left, right)
	out, _ := a.Result(both)
	if got := out.Bigint(); got < n*95/100 || got > n*105/100 {
		t.Errorf("got %d", got)
	}
}

func BenchmarkSum(b *testing.B) {
	c, _ := builtins.ResolveAggregate("SUM", []function.Arg{{Type: types.Double}})
	a, _ := c.Bind(env)
	state, args := a.Init(), []types.Value{types.NewDouble(1.5)}
	b.ReportAllocs()
	for b.Loop() {
		state, _ = a.Add(state, args)
	}
}

func BenchmarkSumDecimal(b *testing.B) {
	c, _ := builtins.ResolveAggregate("SUM", []function.Arg{{Type: types.Decimal(18, 2)}})
	a, _ := c.Bind(env)
	state, args := a.Init(), []types.Value{types.NewDecimal(1, 2)}
	b.ReportAllocs()
	for b.Loop() {
		state, _ = a.Add(state, args)
	}
}

func BenchmarkAvg(b *testing.B) {
	c, _ := builtins.ResolveAggregate("AVG", []function.Arg{{Type: types.Double}})
	a, _ := c.Bind(env)
	state, args := a.Init(), []types.Value{types.NewDouble(1.5)}
	b.ReportAllocs()
	for b.Loop() {
		state, _ = a.Add(state, args)
	}
}

func benchScalar(b *testing.B, name string, args ...types.Value) {
	var formal []function.Arg
	for _, a := range args {
		formal = append(formal, function.Arg{Type: typeOf(a)})
	}
	c, err := builtins.ResolveScalar(name, formal)
	if err != nil {
		b.Fatal(err)
	}
	f, _ := c.Bind(env)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = f(args)
	}
}

func BenchmarkSubstring(b *testing.B) {
	benchScalar(b, "SUBSTRING", types.NewString("hello world"), types.NewInteger(3), types.NewInteger(4))
}

func BenchmarkFormatTimestamp(b *testing.B) {
	benchScalar(b, "FORMAT_TIMESTAMP", types.NewTimestamp(1526075913000), types.NewString("yyyy-MM-dd HH:mm:ss"))
}

func BenchmarkParseDate(b *testing.B) {
	benchScalar(b, "PARSE_DATE", types.NewString("2018-05-11"), types.NewString("yyyy-MM-dd"))
}

func BenchmarkExtractJSONField(b *testing.B) {
	benchScalar(b, "EXTRACTJSONFIELD", types.NewString(`{"a": {"b": [1, {"c": "x"}]}}`), types.NewString("$.a.b[1].c"))
}
