//lint:file-ignore SA5008 the odd tags are the point of these tests
//lint:file-ignore U1000 reflection reads the fields

package serde_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chortal/chortal/streams/serde"
)

type sale struct {
	Que    string  `json:"que"`
	Precio float64 `json:"precio"`
	AQuien string  `json:"a_quien"`
	Dia    string  `json:"dia"`
}

type inner struct {
	A int    `json:"a,omitempty"`
	B string // matched in any case
}

// Embedded is promoted.
type Embedded struct {
	Deep   string
	Shadow int
	inner
}

type private struct{ Hidden int }

// Pointed is embedded through a pointer.
type Pointed struct {
	Far    *int
	Shadow string
}

type everything struct {
	Embedded
	*Pointed
	private
	Shadow  bool
	I8      int8
	I16     int16
	I32     int32
	I64     int64
	I       int
	U8      uint8
	U16     uint16
	U32     uint32
	U64     uint64
	U       uint `json:"u,omitzero"`
	F32     float32
	F64     float64
	Bool    bool
	Text    string `json:"text"`
	Bytes   []byte
	Strings []string
	Nested  []inner
	Deeper  [][]int
	Array   [3]int8
	Structs map[string]inner
	Ints    map[int]string
	Uints   map[uint8]*inner
	Ptr     *inner
	PtrPtr  **int
	Any     any
	Time    time.Time
	TimePtr *time.Time `json:",omitempty"`
	Raw     json.RawMessage
	Number  json.Number
	Dash    int `json:"-,"`
	Never   int `json:"-"`
	Empty   struct{}
	Zero    time.Time `json:",omitzero"`
	OmitS   []int     `json:",omitempty"`
	OmitA   [0]int    `json:",omitempty"`
	Self    *everything
	Upper   upper
	UpperP  *upper
	Uppers  []upper
	ByText  map[upper]int
	ſ       int
	Kelvin  int
	Odd     string `json:"ñ&<x>"`
	BadName string `json:"a\"b"`
	same1
	same2
}

type (
	same1 struct{ Twice int }
	same2 struct{ Twice int }
)

// upper has methods on its pointer.
type upper string

func (u *upper) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(*u))), nil }
func (u *upper) UnmarshalText(b []byte) error {
	*u = upper(strings.ToLower(string(b)))
	return nil
}

type quoted struct {
	N int `json:",string"`
	S string
}

// decodeBoth compares the serde of T with encoding/json on one text.
func decodeBoth[T any](t *testing.T, s serde.Serde[T], text []byte) {
	t.Helper()
	var want T
	wantErr := json.Unmarshal(text, &want)
	got, err := s.Decode(text)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("decode %q into %T: %v, encoding/json: %v", text, got, err, wantErr)
	}
	if err != nil {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("decode %q into %T:\n%+v\nencoding/json:\n%+v", text, got, got, want)
	}
	encodeBoth(t, s, got)
}

func encodeBoth[T any](t *testing.T, s serde.Serde[T], v T) {
	t.Helper()
	want, wantErr := json.Marshal(v)
	got, err := s.Append([]byte("before"), v)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("encode %+v: %v, encoding/json: %v", v, err, wantErr)
	}
	if err == nil && string(got) != "before"+string(want) {
		t.Fatalf("encode %+v:\n%s\nencoding/json:\n%s", v, got[len("before"):], want)
	}
}

var texts = []string{
	`{"que":"café","precio":3,"a_quien":"Ana","dia":"2026-03-02"}`,
	` { "que" : "a\"b\\c\/d\b\f\n\r\té\ud83d\ude00" , "precio" : -1.5e3 } `,
	`{"QUE":"x","que":"y","Precio":1,"unknown":{"a":[1,2,{"b":null}]},"dia":null}`,
	`{"que":"\ud800"}`, `{"que":"\ud800\u0041"}`, `{"que":"\udc00\ud800"}`, "{\"que\":\"\xff\xc3\"}", "{\"que\":\"a\x01\"}",
	`{"que":1}`, `{"precio":"1"}`, `{"precio":01}`, `{"precio":-}`, `{"precio":1.}`, `{"precio":1e}`, `{"precio":1e400}`, `{"precio":0.1}`,
	`{"precio":123456789012345678}`, `{"precio":1.7976931348623157e308}`, `{"precio":5e-324}`, `{"precio":-0}`, `{"precio":-0.0}`,
	``, ` `, `null`, `{}`, `[]`, `{"que"}`, `{"que":}`, `{"que":"x",}`, `{,}`, `{"que":"x"`, `{"que":"x"}}`, `{"que":"x"} x`, `{'que':1}`,
	`{"que":"x" "dia":"y"}`, `[1,]`, `[,1]`, `tru`, `nulll`, `"`, `"\u12"`, `"\x"`, `{"a":tru}`, `{"x":nul}`,
	`{"Deep":"d","Shadow":true,"a":5,"b":"bee","Far":7,"Hidden":3,"Twice":1}`,
	`{"I8":127,"I16":-32768,"I32":2147483647,"I64":-9223372036854775808,"U8":255,"U64":18446744073709551615,"u":1}`,
	`{"I8":128}`, `{"I8":-129}`, `{"U8":256}`, `{"U8":-1}`, `{"I64":9223372036854775808}`, `{"I":1.0}`, `{"I":1e2}`, `{"F32":1e39}`, `{"F32":0.1}`,
	`{"Bytes":"aGVsbG8=","Strings":["a",null,""],"Nested":[{"a":1},{},null],"Deeper":[[1],[],null,[2,3]],"Array":[1,2,3,4]}`,
	`{"Bytes":"!"}`, `{"Bytes":null,"Strings":null,"Array":[1]}`, `{"Bytes":[1,2]}`, `{"Strings":[]}`, `{"Strings":{}}`, `{"Array":"x"}`,
	`{"Structs":{"x":{"a":1},"y":null},"Ints":{"-5":"a","07":"b"},"Uints":{"1":{"a":2},"2":null},"Ptr":{"a":1},"PtrPtr":5}`,
	`{"Ints":{"x":"a"}}`, `{"Uints":{"256":null}}`, `{"Ptr":null,"PtrPtr":null}`, `{"Structs":{"x":{"a":1},"x":{"B":"z"}}}`,
	`{"Any":{"a":[1,"x",null,true,{"b":1.5}]},"Raw":{"x": [1, 2]},"Number":1.50,"Time":"2026-03-02T01:02:03.5Z"}`,
	`{"Any":null,"Number":"12"}`, `{"Number":"x"}`, `{"Time":"x"}`, `{"Time":null}`, `{"TimePtr":"2026-03-02T01:02:03Z"}`,
	`{"-":5,"Never":6,"Self":{"Self":{"I":1}},"Upper":"ABC","UpperP":"ABC","Uppers":["A","B"],"ByText":{"AB":1}}`,
	`{"\u017f":1,"Kelvin":2,"KELVIN":3,"Text":"exact","TEXT":"folded","ñ&<x>":"odd","BadName":"b"}`,
	`{"Nested":[{"a":1,"B":"x"},{"a":2}],"Nested":[{"B":"y"}],"Ptr":{"a":1},"Ptr":{"B":"q"},"Strings":["a","b"],"Strings":["c"]}`,
	`{"Text":"<script>&\u2028\u2029\u0000\u001f\u007f"}`, `{"N":"5","S":"x"}`, `{"N":5}`, `5`, `"text"`, `true`, `[1,2,3]`, `{"a":1,"b":2}`,
	strings.Repeat("[", 10001) + strings.Repeat("]", 10001), strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
	`{"x":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `}`, `{"x":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`,
}

var (
	saleSerde       = serde.JSON[sale]()
	everythingSerde = serde.JSON[everything]()
	anySerde        = serde.JSON[any]()
	mapSerde        = serde.JSON[map[string]float64]()
	sliceSerde      = serde.JSON[[]int]()
	stringSerde     = serde.JSON[string]()
	intSerde        = serde.JSON[int]()
	quotedSerde     = serde.JSON[quoted]()
	pointerSerde    = serde.JSON[*sale]()
	arraySerde      = serde.JSON[[2]upper]()
	timeSerde       = serde.JSON[time.Time]()
)

func allTypes(t *testing.T, text []byte) {
	t.Helper()
	decodeBoth(t, saleSerde, text)
	decodeBoth(t, everythingSerde, text)
	decodeBoth(t, anySerde, text)
	decodeBoth(t, mapSerde, text)
	decodeBoth(t, sliceSerde, text)
	decodeBoth(t, stringSerde, text)
	decodeBoth(t, intSerde, text)
	decodeBoth(t, quotedSerde, text)
	decodeBoth(t, pointerSerde, text)
	decodeBoth(t, arraySerde, text)
	decodeBoth(t, timeSerde, text)
}

func TestJSONDecode(t *testing.T) {
	for _, text := range texts {
		allTypes(t, []byte(text))
	}
}

func TestJSONEncode(t *testing.T) {
	for _, f := range []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1e-6, 9.9e-7, 1e-9, 1e20, 1e21, 1e22, 1 << 53, 1<<53 + 2, math.MaxFloat64, math.SmallestNonzeroFloat64, math.NaN(), math.Inf(1), 123456.789} {
		encodeBoth(t, serde.JSON[float64](), f)
		encodeBoth(t, serde.JSON[float32](), float32(f))
		encodeBoth(t, anySerde, any(f))
	}
	u := upper("x")
	encodeBoth(t, everythingSerde, everything{})
	encodeBoth(t, everythingSerde, everything{
		Upper: "top", UpperP: &u, Uppers: []upper{"a"}, Number: "1.5", Raw: json.RawMessage(` {"a": "<" } `),
		Any: map[string]any{"k": []any{1, "x", nil, u, &u, time.Unix(0, 0).UTC()}}, Pointed: &Pointed{},
	})
	encodeBoth(t, everythingSerde, everything{Number: "no number"})
	encodeBoth(t, everythingSerde, everything{Raw: json.RawMessage(`{`)})
	encodeBoth(t, serde.JSON[map[upper]int](), map[upper]int{"b": 1, "a": 2})
	encodeBoth(t, serde.JSON[map[int]upper](), map[int]upper{10: "b", 9: "a", -1: "c"})
	encodeBoth(t, serde.JSON[map[bool]int](), map[bool]int{true: 1})
	encodeBoth(t, serde.JSON[[]any](), []any{func() {}})
	encodeBoth(t, serde.JSON[chan int](), nil)
	encodeBoth(t, serde.JSON[quoted](), quoted{5, "x"})
	encodeBoth(t, stringSerde, "\xff\u2028<>&\x00\b\f\n\r\t\"\\\x7fé😀")
	encodeBoth(t, serde.JSON[[4]byte](), [4]byte{1, 2, 3, 4})
	encodeBoth(t, serde.JSON[struct{}](), struct{}{})
}

// TestJSONDoesNotAlias: what was decoded stays when the input is overwritten.
func TestJSONDoesNotAlias(t *testing.T) {
	text := []byte(texts[0])
	v, err := saleSerde.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	clear(text)
	if want := (sale{"café", 3, "Ana", "2026-03-02"}); v != want {
		t.Errorf("%+v, want %+v", v, want)
	}
}

func TestJSONCycle(t *testing.T) {
	e := &everything{}
	e.Self = e
	if _, err := everythingSerde.Append(nil, *e); err == nil {
		t.Error("a value that contains itself is encoded")
	}
	encodeBoth(t, everythingSerde, everything{Self: &everything{}}) // the encoder is whole afterwards
}

func FuzzJSON(f *testing.F) {
	for _, text := range texts {
		if len(text) < 1000 {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) { allTypes(t, text) })
}

var benchText = []byte(`{"que":"producto-0000413","precio":62291,"a_quien":"cliente-06902 Ana Lopez, calle Mayor 12, 28013 Madrid","dia":"2026-01-01T00:00:00.000Z"}`)

func BenchmarkJSONDecode(b *testing.B) {
	b.Run("serde", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := saleSerde.Decode(benchText); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("two fields", func(b *testing.B) {
		s := serde.JSON[struct {
			Que    string `json:"que"`
			Precio int64  `json:"precio"`
		}]()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Decode(benchText); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v sale
			if err := json.Unmarshal(benchText, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkJSONEncode(b *testing.B) {
	v, _ := saleSerde.Decode(benchText)
	b.Run("serde", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf, _ = saleSerde.Append(buf[:0], v)
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = json.Marshal(v)
		}
	})
}

func TestBasicSerdes(t *testing.T) {
	check := func(name string, got []byte, err error, want string) {
		t.Helper()
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	b, err := serde.Int64.Append(nil, -2)
	check("int64", b, err, "\xff\xff\xff\xff\xff\xff\xff\xfe")
	b, err = serde.Int32.Append(nil, 258)
	check("int32", b, err, "\x00\x00\x01\x02")
	b, err = serde.Float64.Append(nil, 1)
	check("float64", b, err, "\x3f\xf0\x00\x00\x00\x00\x00\x00")
	uuid := [16]byte{0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8}
	b, err = serde.UUID.Append([]byte("x"), uuid)
	check("uuid", b, err, "x12345678-9abc-def0-0102-030405060708")
	if got, err := serde.UUID.Decode(b[1:]); err != nil || got != uuid {
		t.Errorf("uuid: %x, %v", got, err)
	}
	for _, bad := range []string{"", "12345678-9abc-def0-0102-03040506070", "12345678-9abc-def0-0102-03040506070x", "123456789-abc-def0-0102-030405060708"} {
		if _, err := serde.UUID.Decode([]byte(bad)); err == nil {
			t.Errorf("uuid %q decodes", bad)
		}
	}
	for _, bad := range [][]byte{nil, make([]byte, 3), make([]byte, 9)} {
		_, err64 := serde.Int64.Decode(bad)
		_, err32 := serde.Int32.Decode(bad)
		_, errF := serde.Float64.Decode(bad)
		if err64 == nil || err32 == nil || errF == nil {
			t.Errorf("%d bytes decode as a number", len(bad))
		}
	}
	if v, err := serde.Int64.Decode(bytes.Repeat([]byte{0xff}, 8)); v != -1 || err != nil {
		t.Errorf("int64: %d, %v", v, err)
	}
	hex := serde.Func(
		func(dst []byte, v int) ([]byte, error) { return fmt.Appendf(dst, "%x", v), nil },
		func(b []byte) (v int, err error) { _, err = fmt.Sscanf(string(b), "%x", &v); return v, err },
	)
	b, err = hex.Append(nil, 255)
	check("func", b, err, "ff")
}
