package format_test

import (
	"math"
	"strings"
	"testing"

	"github.com/chortal/chortal/ksql/internal/format"
	"github.com/chortal/chortal/ksql/internal/types"
)

func columns(list ...any) []format.Column {
	var out []format.Column
	for i := 0; i < len(list); i += 2 {
		out = append(out, format.Column{Name: list[i].(string), Type: list[i+1].(types.Type), Slot: i / 2})
	}
	return out
}

// text shows a row as the texts of its values.
func text(cols []format.Column, row types.Row) string {
	var parts []string
	for i, c := range cols {
		parts = append(parts, types.Text(row[i], c.Type))
	}
	return strings.Join(parts, "|")
}

func decode(t *testing.T, spec format.Spec, cols []format.Column, in string) string {
	t.Helper()
	d, err := format.NewDecoder(spec, cols)
	if err != nil {
		t.Fatal(err)
	}
	row := make(types.Row, len(cols))
	for i := range row {
		row[i] = types.NewInteger(99) // must be overwritten
	}
	if err := d.Decode([]byte(in), row); err != nil {
		return "error: " + err.Error()
	}
	return text(cols, row)
}

var all = columns("B", types.Boolean, "I", types.Integer, "L", types.Bigint, "D", types.Double, "N", types.Decimal(6, 2), "S", types.String,
	"Y", types.Bytes, "DT", types.Date, "TM", types.Time, "TS", types.Timestamp)

func TestJSONDecode(t *testing.T) {
	spec := format.Spec{Format: format.JSON}
	f := func(in, want string) {
		t.Helper()
		if got := decode(t, spec, all, in); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
	nulls := strings.TrimSuffix(strings.Repeat("null|", 10), "|")
	f(`{}`, nulls)
	f(` null `, nulls)
	f(`{"b":true,"I":-5,"l":9007199254740993,"d":1.5,"n":12.345,"s":"a\"\u00e9\ud83d\ude00\n","y":"YWI=","dt":1,"tm":1000,"ts":1}`,
		"true|-5|9007199254740993|1.5|12.35|a\"é😀\n|YWI=|1970-01-02|00:00:01|1970-01-01T00:00:00.001")
	f(`{"I":"7","L":"8","D":"9.5","N":"1.10","TS":"5","S":12.50}`, "null|7|8|9.5|1.10|12.50|null|null|null|1970-01-01T00:00:00.005")
	f(`{"I":5.7,"L":1e3,"D":1e400,"N":-0.005}`, "null|5|1000|Infinity|-0.01|null|null|null|null|null")
	f(`{"S":{"a": [1, "x y"]},"extra":{"deep":[1,{"a":null}]},"I":1}`, `null|1|null|null|null|{"a":[1,"x y"]}|null|null|null|null`)
	f(`{"i":1,"I":2}`, "null|2|null|null|null|null|null|null|null|null")
	f(`{"I":2,"i":1}`, "null|2|null|null|null|null|null|null|null|null")
	f(`{"I":1,"I":2}`, "null|2|null|null|null|null|null|null|null|null")
	f(`{"I":[1]}`, "error: column `I`: Can't convert type. sourceType: ArrayNode, requiredType: INTEGER, path: $.I")
	f(`{"I":"x"}`, "error: column `I`: Can't convert type. sourceType: TextNode, requiredType: INTEGER, path: $.I, value: \"x\": invalid input syntax for type INTEGER: \"x\"")
	f(`{"N":12345.6}`, "error: column `N`: Can't convert type. sourceType: TextNode, requiredType: DECIMAL(6, 2), path: $.N, value: \"12345.6\": Numeric field overflow: A field with precision 6 and scale 2 must round to an absolute value less than 10^4. Got 12345.6")
	f(`[1]`, "error: Can't convert type. sourceType: ArrayNode, requiredType: STRUCT, path: $")
	for in, want := range map[string]string{
		``: "unexpected end", `{`: "unexpected end", `{"I":1`: "unexpected end", `{"I":1}x`: "text after the value", `{"I" 1}`: "unexpected '1'", `{"I":01x}`: "unexpected 'x'",
		`{"I":1,}`: "unexpected '}'", `{"S":"a`: "unexpected end", `{"S":"\x"}`: "bad escape", `{"S":"\u12"}`: "bad \\u", `{"S":tru}`: "unexpected 't'",
		`{"X":1.}`: "unexpected '}'", `{"X":-}`: "unexpected '}'", "{\"S\":\"a\nb\"}": "unexpected '\\n'", `{"X":` + strings.Repeat("[", 600): "nested deeper",
	} {
		if got := decode(t, spec, all, in); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestJSONNested(t *testing.T) {
	cols := columns("A", types.Array(types.Decimal(4, 1)), "M", types.Map(types.String, types.Array(types.Integer)),
		"S", types.Struct(types.Field{Name: "X", Type: types.Bigint}, types.Field{Name: "y", Type: types.Map(types.String, types.String)}))
	in := `{"A":[1,null,2.25],"M":{"k":[1],"n":null},"S":{"x":5,"y":{"a":"b"},"Y":1}}`
	if got, want := decode(t, format.Spec{Format: format.JSON}, cols, in), "[1.0, null, 2.3]|{k=[1], n=null}|Struct{X=5,y={a=b}}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := decode(t, format.Spec{Format: format.JSON}, cols, `{"S":{"y":{"a":[1]}}}`); got != "null|null|Struct{y={a=[1]}}" {
		t.Error(got)
	}
	if got := decode(t, format.Spec{Format: format.JSON}, cols, `{"A":[{}]}`); !strings.Contains(got, "path: $.A[*]") {
		t.Error(got)
	}
}

func TestSingles(t *testing.T) {
	f := func(spec format.Spec, typ types.Type, in, want string) {
		t.Helper()
		if got := decode(t, spec, columns("F", typ), in); got != want {
			t.Errorf("%+v %q: got %s, want %s", spec, in, got, want)
		}
	}
	key := format.Spec{Format: format.JSON, Key: true}
	f(key, types.Integer, `12`, "12")
	f(key, types.String, `"x"`, "x")
	f(key, types.Array(types.Integer), `[1]`, "[1]")
	f(format.Spec{Format: format.JSON, Key: true, Wrapping: format.WrapSingles}, types.Integer, `{"f":12}`, "12")
	f(format.Spec{Format: format.JSON}, types.Integer, `{"f":12}`, "12")
	f(format.Spec{Format: format.JSON, Wrapping: format.UnwrapSingles}, types.Integer, `12`, "12")
	kafka := format.Spec{Format: format.Kafka}
	f(kafka, types.Integer, "\xff\xff\xff\xfe", "-2")
	f(kafka, types.Bigint, "\x00\x00\x00\x00\x00\x00\x01\x00", "256")
	f(kafka, types.Double, "\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5")
	f(kafka, types.String, "a\xffb", "a\uFFFDb")
	f(kafka, types.Bytes, "\x00\x01", "AAE=")
	f(kafka, types.Integer, "abc", "error: column `F`: Size of data received for INTEGER is 3 bytes, not 4")
}

func TestDelimited(t *testing.T) {
	spec := format.Spec{Format: format.Delimited}
	f := func(in, want string) {
		t.Helper()
		if got := decode(t, spec, all, in); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
	f(`true,1,2,1.5,3.456,"a,""b""",YWI=,1,1000,1`, `true|1|2|1.5|3.46|a,"b"|YWI=|1970-01-02|00:00:01|1970-01-01T00:00:00.001`)
	f(`,,,,,,,,,`, "null|null|null|null|null|null|null|null|null|null")
	f("false,,,,,x y,,,,\r\n", "false|null|null|null|null|x y|null|null|null|null")
	f(`true,1`, "error: Unexpected field count, csvFields:2 schemaFields:10")
	f(`true,x,,,,,,,,`, "error: column `I`: Error deserializing INTEGER: \"x\": invalid input syntax for type INTEGER: \"x\"")
	f(`true,"1`, "error: the quoted field is not closed")
	f(`"true"x,`, "error: invalid char between encapsulated token and delimiter at position 6")
	if got := decode(t, format.Spec{Format: format.Delimited, Delimiter: '\t'}, columns("A", types.String, "B", types.String), "x\t\"y\tz\""); got != "x|y\tz" {
		t.Error(got)
	}
}

func TestEncode(t *testing.T) {
	f := func(spec format.Spec, cols []format.Column, want string, row ...types.Value) {
		t.Helper()
		e, err := format.NewEncoder(spec, cols)
		if err != nil {
			t.Fatal(err)
		}
		out, null, err := e.Encode([]byte(">"), row)
		got := string(out)
		if null {
			got += "null"
		}
		if err != nil || got != ">"+want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
	row := []types.Value{
		types.NewBoolean(true), types.NewInteger(-1), types.NewBigint(1 << 60), types.NewDouble(1e10), types.NewDecimal(-50, 2), types.NewString("a\"\x01é\n"),
		types.NewBytes([]byte("ab")), types.NewDate(3), types.NewTime(4), types.NewTimestamp(5),
	}
	json, delimited := format.Spec{Format: format.JSON}, format.Spec{Format: format.Delimited}
	f(json, all, `{"B":true,"I":-1,"L":1152921504606846976,"D":10000000000,"N":-0.50,"S":"a\"\u0001é\n","Y":"YWI=","DT":3,"TM":4,"TS":5}`, row...)
	f(delimited, all, "true,-1,1152921504606846976,1.0E10,-0.50,\"a\"\"\x01é\n\",YWI=,3,4,5", row...)
	nulls := make([]types.Value, 10)
	f(delimited, all, ",,,,,,,,,", nulls...)
	f(json, columns("A", types.Integer), `{"A":null}`, types.Null)
	f(format.Spec{Format: format.JSON, Key: true}, columns("A", types.Integer), `null`, types.Null)
	f(format.Spec{Format: format.JSON, Key: true}, columns("A", types.String), `"x"`, types.NewString("x"))
	f(json, columns("A", types.Double, "B", types.Double, "C", types.Double), `{"A":5,"B":1e+21,"C":"NaN"}`, types.NewDouble(5), types.NewDouble(1e21), types.NewDouble(math.NaN()))
	f(delimited, columns("A", types.String, "B", types.String), `"",x`, types.NewString(""), types.NewString("x"))
	f(delimited, columns("A", types.Integer, "B", types.Integer), `"-1",-1`, types.NewInteger(-1), types.NewInteger(-1))
	f(delimited, columns("A", types.String), `null`, types.Null)
	f(format.Spec{Format: format.Kafka}, columns("A", types.Integer), "\x00\x00\x00\x07", types.NewInteger(7))
	f(format.Spec{Format: format.Kafka}, columns("A", types.String), "null", types.Null)
	f(format.Spec{Format: format.None}, nil, "null")
	m := types.NewMapValue(1)
	m.Put(types.NewString("k"), types.NewArray([]types.Value{types.NewInteger(1), types.Null}))
	f(json, columns("M", types.Map(types.String, types.Array(types.Integer)), "S", types.Struct(types.Field{Name: "x", Type: types.Integer})),
		`{"M":{"k":[1,null]},"S":{"x":3}}`, types.NewMap(m), types.NewStruct([]types.Value{types.NewInteger(3)}))
}

func TestCheck(t *testing.T) {
	f := func(spec format.Spec, want string, cols ...any) {
		t.Helper()
		got := "ok"
		if err := format.Check(spec, columns(cols...)); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(format.Spec{Format: format.Kafka, Key: true}, "Key format does not support schema.\nformat: KAFKA\nschema: Persistence{columns=[`A` DECIMAL(2, 1) KEY], features=[]}\nreason: The 'KAFKA' format does not support type 'DECIMAL'", "A", types.Decimal(2, 1))
	f(format.Spec{Format: format.Kafka}, "The 'KAFKA' format only supports a single field. Got: [`A` INTEGER, `B` STRING]", "A", types.Integer, "B", types.String)
	f(format.Spec{Format: format.Delimited}, "The 'DELIMITED' format does not support type 'MAP', column: `A`", "A", types.Map(types.String, types.Integer))
	f(format.Spec{Format: format.JSON}, "JSON only supports MAP types with STRING keys", "A", types.Array(types.Map(types.Integer, types.Integer)))
	f(format.Spec{Format: format.JSON}, "ok", "A", types.Array(types.Map(types.String, types.Integer)))
	if err := format.CheckWrapping(format.Kafka, true); err == nil || err.Error() != "Format 'KAFKA' does not support 'WRAP_SINGLE_VALUE' set to 'true'." {
		t.Error(err)
	}
	if _, err := format.Parse("FOO"); err == nil || err.Error() != "Unknown format: FOO" {
		t.Error(err)
	}
}

// FuzzJSON: any bytes give a row or an error, and a row that was encoded reads back as itself.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"b":true,"I":5,"d":1.5e3,"s":"x\u00e9","A":[[1]],"M":{"k":{"X":1}}}`, `{"S":[1,{"a":"b"}]}`, ``, `null`} {
		f.Add([]byte(s))
	}
	cols := columns("B", types.Boolean, "I", types.Integer, "D", types.Double, "N", types.Decimal(6, 2), "S", types.String, "Y", types.Bytes,
		"A", types.Array(types.Array(types.Bigint)), "M", types.Map(types.String, types.Struct(types.Field{Name: "X", Type: types.Timestamp})))
	f.Fuzz(func(t *testing.T, in []byte) { roundTrip(t, format.Spec{Format: format.JSON}, cols, in) })
}

// FuzzDelimited is FuzzJSON for DELIMITED.
func FuzzDelimited(f *testing.F) {
	f.Add([]byte(`true,1,2,1.5,3.456,"a,""b""",YWI=,1,1000,1`))
	f.Fuzz(func(t *testing.T, in []byte) { roundTrip(t, format.Spec{Format: format.Delimited}, all, in) })
}

func roundTrip(t *testing.T, spec format.Spec, cols []format.Column, in []byte) {
	d, err := format.NewDecoder(spec, cols)
	if err != nil {
		t.Fatal(err)
	}
	e, err := format.NewEncoder(spec, cols)
	if err != nil {
		t.Fatal(err)
	}
	row, again := make(types.Row, len(cols)), make(types.Row, len(cols))
	if d.Decode(in, row) != nil {
		return
	}
	out, _, err := e.Encode(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Decode(out, again); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	for i := range row {
		if !types.Equal(row[i], again[i]) {
			t.Fatalf("%s: %s, then %s of %q", cols[i].Name, row[i], again[i], out)
		}
	}
}

var sale = []byte(`{"que":"café con leche","precio":3.25,"cantidad":2,"a_quien":"Ana","region":"norte","dia":"2026-03-02","pagado":true,"ts":1772409600000}`)

// BenchmarkJSONDecode reads three columns of a sale, as a windowed aggregation does.
func BenchmarkJSONDecode(b *testing.B) {
	bench(b, columns("QUE", types.String, "PRECIO", types.Double, "DIA", types.String))
}

// BenchmarkJSONDecodeAll reads all columns of a sale.
func BenchmarkJSONDecodeAll(b *testing.B) {
	bench(b, columns("QUE", types.String, "PRECIO", types.Decimal(10, 2), "CANTIDAD", types.Integer, "A_QUIEN", types.String, "REGION", types.String,
		"DIA", types.String, "PAGADO", types.Boolean, "TS", types.Bigint))
}

func bench(b *testing.B, cols []format.Column) {
	d, err := format.NewDecoder(format.Spec{Format: format.JSON}, cols)
	if err != nil {
		b.Fatal(err)
	}
	row := make(types.Row, len(cols))
	b.ReportAllocs()
	b.SetBytes(int64(len(sale)))
	for b.Loop() {
		if err := d.Decode(sale, row); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSONEncode(b *testing.B) {
	cols := columns("QUE", types.String, "PRECIO", types.Double, "DIA", types.String)
	e, _ := format.NewEncoder(format.Spec{Format: format.JSON}, cols)
	row := types.Row{types.NewString("café con leche"), types.NewDouble(3.25), types.NewString("2026-03-02")}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _, _ = e.Encode(buf[:0], row)
	}
}

func BenchmarkDelimitedDecode(b *testing.B) {
	cols := columns("QUE", types.String, "PRECIO", types.Double, "DIA", types.String)
	d, _ := format.NewDecoder(format.Spec{Format: format.Delimited}, cols)
	row := make(types.Row, 3)
	in := []byte("cafe con leche,3.25,2026-03-02")
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Decode(in, row); err != nil {
			b.Fatal(err)
		}
	}
}
