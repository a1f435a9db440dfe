package expr_test

import (
	"strings"
	"testing"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/expr"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/parse"
	"github.com/chortal/chortal/ksql/internal/types"
)

var functions = function.Builtins()

func schema() types.Schema {
	col := func(name string, t types.Type) types.Column { return types.Column{Name: name, Type: t} }
	return types.MustSchema(
		col("A", types.Integer), col("B", types.Bigint), col("D", types.Double), col("E", types.Decimal(6, 2)), col("S", types.String),
		col("N", types.Integer), col("T", types.Boolean), col("TS", types.Timestamp), col("L", types.Array(types.Integer)),
		col("M", types.Map(types.String, types.Integer)), col("R", types.Struct(types.Field{Name: "X", Type: types.Integer})),
	)
}

func row() types.Row {
	m := types.NewMapValue(1)
	m.Put(types.NewString("k"), types.NewInteger(9))
	return types.Row{
		types.NewInteger(7), types.NewBigint(40), types.NewDouble(1.5), types.NewDecimal(1234, 2), types.NewString("abc"), types.Null,
		types.NewBoolean(true), types.NewTimestamp(1_600_000_000_000), types.NewArray([]types.Value{types.NewInteger(1), types.NewInteger(2)}),
		types.NewMap(m), types.NewStruct([]types.Value{types.NewInteger(5)}),
	}
}

func compile(t testing.TB, text string) (*expr.Program, error) {
	t.Helper()
	e, err := parse.Expression(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return expr.Compile(e, expr.Context{Scope: expr.SchemaScope{Schema: schema()}, Functions: functions})
}

func TestEval(t *testing.T) {
	f := func(text, wantType, want string) {
		t.Helper()
		p, err := compile(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		v, err := p.Eval(&expr.Env{Row: row()})
		got := types.Text(v, p.Type)
		if err != nil {
			got = "error: " + err.Error()
		}
		if p.Type.String() != wantType || got != want {
			t.Errorf("%s is %s %s, want %s %s", text, p.Type, got, wantType, want)
		}
	}
	f("A + B", "BIGINT", "47")
	f("A / 2", "INTEGER", "3")
	f("A * D", "DOUBLE", "10.5")
	f("E + A", "DECIMAL(13, 2)", "19.34")
	f("A % 4 - -1", "INTEGER", "4")
	f("N + 1", "INTEGER", "null")
	f("2147483647 + A", "INTEGER", "-2147483642") // wraps around
	f("A / 0", "INTEGER", "error: "+types.ErrDivideByZero.Error())
	f("A > 5 AND D < 2", "BOOLEAN", "true")
	f("N = 1", "BOOLEAN", "false") // as in ksqlDB: a comparison with NULL is false
	f("NOT (N = 1)", "BOOLEAN", "true")
	f("N IS NULL AND S IS NOT NULL", "BOOLEAN", "true")
	f("N IS DISTINCT FROM 1", "BOOLEAN", "true")
	f("A IS NOT DISTINCT FROM 7", "BOOLEAN", "true")
	f("A BETWEEN 7 AND B", "BOOLEAN", "true")
	f("A NOT BETWEEN 8 AND 9", "BOOLEAN", "true")
	f("A IN (1, '7', B)", "BOOLEAN", "true")
	f("S NOT IN ('x', 'y')", "BOOLEAN", "true")
	f("S LIKE 'a_c'", "BOOLEAN", "true")
	f("S LIKE '%b%' AND S NOT LIKE '%d'", "BOOLEAN", "true")
	f("'a%c' LIKE 'a!%c' ESCAPE '!'", "BOOLEAN", "true")
	f("'abc' LIKE 'a!%c' ESCAPE '!'", "BOOLEAN", "false")
	f("TS > '2020-09-01'", "BOOLEAN", "true")
	f("CASE WHEN A > 10 THEN 'x' WHEN T THEN S END", "STRING", "abc")
	f("CASE A WHEN 1 THEN 1 ELSE B END", "BIGINT", "40")
	f("CASE WHEN FALSE THEN 1 END", "INTEGER", "null")
	f("CAST(S AS INT)", "INTEGER", `error: invalid input syntax for type INTEGER: "abc"`)
	f("CAST(D AS STRING)", "STRING", "1.5")
	f("L[1] + L[-1]", "INTEGER", "3")
	f("L[0]", "INTEGER", "null")
	f("L[3]", "INTEGER", "null")
	f("M['k'] + R->X", "INTEGER", "14")
	f("M['none']", "INTEGER", "null")
	f("ARRAY[1, N, B]", "ARRAY<BIGINT>", "[1, null, 40]")
	f("MAP('a' := A, 'b' := D)", "MAP<STRING, DOUBLE>", "{a=7.0, b=1.5}")
	f("STRUCT(a := A, b := S)->B", "STRING", "abc")
	f("ARRAY[A / 0, 1]", "ARRAY<INTEGER>", "[null, 1]") // a part that fails is NULL
	f("UCASE(S) + 'x'", "STRING", "ABCx")
	f("TRANSFORM(L, x => x * A)", "ARRAY<INTEGER>", "[7, 14]")
	f("REDUCE(L, 0, (s, x) => s + x)", "INTEGER", "3")
	f("FILTER(L, x => x > 1)", "ARRAY<INTEGER>", "[2]")
	f("TRANSFORM(L, x => REDUCE(L, x, (s, y) => s + y))", "ARRAY<INTEGER>", "[4, 5]") // lambdas nest
}

func TestRefused(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := compile(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nsays %v\nwant %s", text, err, want)
		}
	}
	f("NADA", "Unknown column: NADA")
	f("A > S", "Cannot compare A (INTEGER) to S (STRING) with GREATER_THAN.")
	f("A + T", "Unsupported arithmetic types. INTEGER BOOLEAN")
	f("A AND T", "Expected BOOLEAN but got INTEGER")
	f("A IN (1, T)", "operator does not exist: INTEGER = BOOLEAN (T)")
	f("A IN (1, 'x')", `invalid input syntax for type INTEGER: "x"`)
	f("CASE WHEN T THEN NULL END", "All case branches have NULL type")
	f("ARRAY[]", "Array constructor cannot be empty")
	f("ARRAY[NULL]", "Cannot construct an array with all NULL elements")
	f("STRUCT(a := 1, a := 2)", "Duplicate field names found in STRUCT")
	f("R->NADA", "Could not find field 'NADA' in 'R'.")
	f("A->X", "Expected STRUCT type")
	f("A[1]", "Subscript expression do not apply to INTEGER.")
	f("NADA(1)", "Can't find any functions with the name 'NADA'")
	f("SUM(A)", "Aggregate function SUM is not allowed here")
}

// A long chain of ANDs must not take the stack with it, and long INs must stay cheap.
func TestLongLists(t *testing.T) {
	e := ast.Expr(&ast.IsNull{X: &ast.ColumnRef{Name: "N"}})
	for range 50_000 {
		e = &ast.Logical{L: e, R: &ast.IsNull{X: &ast.ColumnRef{Name: "N"}}}
	}
	p, err := expr.Compile(e, expr.Context{Scope: expr.SchemaScope{Schema: schema()}, Functions: functions})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := p.Eval(&expr.Env{Row: row()}); err != nil || !v.Boolean() {
		t.Errorf("a chain of ANDs is %v, %v", v, err)
	}
}

// LIKE with many runs must not branch.
func TestLikeIsPolynomial(t *testing.T) {
	p, err := compile(t, "'"+strings.Repeat("a", 2000)+"b' LIKE '"+strings.Repeat("%a", 200)+"c'")
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := p.Eval(&expr.Env{}); v.Boolean() {
		t.Error("it matches")
	}
}

func BenchmarkEval(b *testing.B) {
	e, err := parse.Expression("D * A * 1.21e0 > 1 AND S <> 'X'")
	if err != nil {
		b.Fatal(err)
	}
	p, err := expr.Compile(e, expr.Context{Scope: expr.SchemaScope{Schema: schema()}, Functions: functions})
	if err != nil {
		b.Fatal(err)
	}
	env := &expr.Env{Row: row()}
	b.ReportAllocs()
	for b.Loop() {
		if v, err := p.Eval(env); err != nil || !v.Boolean() {
			b.Fatal(v, err)
		}
	}
}
