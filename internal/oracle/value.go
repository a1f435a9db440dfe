package main

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// window is a windowed key of any type.
type window = streams.Windowed[any]

// jsonValue is a value under the json serde.
type jsonValue struct{ v any }

// text returns compact JSON with sorted keys.
func (j jsonValue) text() string {
	b, err := marshal(j.v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func marshal(v any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

// s is the text of a value.
func s(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case int32:
		return strconv.FormatInt(int64(v), 10)
	case []byte:
		return hex.EncodeToString(v)
	case jsonValue:
		return v.text()
	case window:
		return fmt.Sprintf("[%s@%d/%d]", s(v.Key), v.Start, v.End)
	default:
		return fmt.Sprint(v)
	}
}

// number is an int64 or a float64.
type number struct {
	i     int64
	f     float64
	float bool
}

func (n number) value() any {
	if n.float {
		return n.f
	}
	return n.i
}

func (n number) asFloat() float64 {
	if n.float {
		return n.f
	}
	return float64(n.i)
}

func (n number) asInt() int64 {
	if n.float {
		return int64(n.f)
	}
	return n.i
}

// num is the number of a value; it panics where there is none, which is an error of the function.
func num(v any) number {
	switch v := v.(type) {
	case nil:
		return number{}
	case int64:
		return number{i: v}
	case int32:
		return number{i: int64(v)}
	case float64:
		return number{f: v, float: true}
	case jsonValue:
		n, ok := v.v.(json.Number)
		if !ok {
			return number{float: true}
		}
		if i, err := n.Int64(); err == nil {
			return number{i: i}
		}
		f, _ := n.Float64()
		return number{f: f, float: true}
	default:
		i, err := strconv.ParseInt(s(v), 10, 64)
		if err != nil {
			panic(err)
		}
		return number{i: i}
	}
}

func calc(a, b any, op byte) any {
	x, y := num(a), num(b)
	if x.float || y.float {
		p, q := x.asFloat(), y.asFloat()
		switch op {
		case '+':
			return p + q
		case '-':
			return p - q
		case '*':
			return p * q
		default:
			return math.Mod(p, q)
		}
	}
	switch op {
	case '+':
		return x.i + y.i
	case '-':
		return x.i - y.i
	case '*':
		return x.i * y.i
	default:
		return x.i % y.i
	}
}

func compare(a, b any) int {
	x, y := num(a), num(b)
	if x.float || y.float {
		p, q := x.asFloat(), y.asFloat()
		switch {
		case p < q:
			return -1
		case p > q:
			return 1
		}
		return 0
	}
	switch {
	case x.i < y.i:
		return -1
	case x.i > y.i:
		return 1
	}
	return 0
}

// show turns a value into the JSON of a case file.
func show(v any) any {
	switch v := v.(type) {
	case []byte:
		return hex.EncodeToString(v)
	case jsonValue:
		return v.v
	case window:
		return map[string]any{"k": show(v.Key), "start": v.Start, "end": v.End}
	default:
		return v
	}
}

// value turns the JSON of a case file into a value under a serde.
func value(v any, spec string) any {
	if v == nil {
		return nil
	}
	name, arg, _ := strings.Cut(spec, ":")
	switch name {
	case "string", "failSer", "failDes":
		return v.(string)
	case "int32":
		i, _ := v.(json.Number).Int64()
		return int32(i)
	case "int64":
		i, _ := v.(json.Number).Int64()
		return i
	case "double":
		f, _ := v.(json.Number).Float64()
		return f
	case "bytes":
		b, err := hex.DecodeString(v.(string))
		if err != nil {
			panic(err)
		}
		return b
	case "json":
		return jsonValue{v}
	case "timeWindowed", "sessionWindowed":
		inner, _, _ := strings.Cut(arg, ":")
		o := object(v.(map[string]any))
		return window{Key: value(o["k"], inner), Start: o.num("start", 0), End: o.num("end", 0)}
	default:
		notYet("values under serde %s", spec)
		return nil
	}
}

// anySerde is a serde of values of any type.
type anySerde struct {
	spec   string
	append func(dst []byte, v any) ([]byte, error)
	decode func(b []byte) (any, error)
}

// Append implements serde.Serde.
func (a *anySerde) Append(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return dst, nil
	}
	return a.append(dst, v)
}

// Decode implements serde.Serde.
func (a *anySerde) Decode(b []byte) (any, error) { return a.decode(b) }

// typedSerde makes an anySerde of a typed one; values of another type do not serialize.
func typedSerde[T any](spec string, s serde.Serde[T]) *anySerde {
	return &anySerde{
		spec: spec,
		append: func(dst []byte, v any) ([]byte, error) {
			t, ok := v.(T)
			if !ok {
				return dst, fmt.Errorf("a %T is not what %s takes", v, spec)
			}
			return s.Append(dst, t)
		},
		decode: func(b []byte) (any, error) {
			t, err := s.Decode(b)
			return t, err
		},
	}
}

// serdeOf returns the serde of that name, nil for none.
func serdeOf(spec string) serde.Serde[any] {
	if spec == "" {
		return nil
	}
	return newSerde(spec)
}

func newSerde(spec string) *anySerde {
	name, arg, _ := strings.Cut(spec, ":")
	switch name {
	case "string":
		return typedSerde(spec, serde.String)
	case "int32":
		return typedSerde(spec, serde.Int32)
	case "int64":
		return typedSerde(spec, serde.Int64)
	case "double":
		return typedSerde(spec, serde.Float64)
	case "bytes":
		return typedSerde(spec, serde.Bytes)
	case "json":
		return typedSerde(spec, serde.Func(
			func(dst []byte, v jsonValue) ([]byte, error) { return append(dst, v.text()...), nil },
			func(b []byte) (v jsonValue, err error) {
				err = decodeJSON(b, &v.v)
				return v, err
			}))
	case "void":
		return &anySerde{
			spec:   spec,
			append: func(dst []byte, _ any) ([]byte, error) { return dst, errors.New("void takes only null") },
			decode: func(b []byte) (any, error) { return nil, errors.New("void has no bytes") },
		}
	case "failSer":
		return typedSerde(spec, serde.Func(func(dst []byte, v string) ([]byte, error) {
			if v == arg {
				return dst, fmt.Errorf("will not serialize %s", v)
			}
			return append(dst, v...), nil
		}, serde.String.Decode))
	case "failDes":
		return typedSerde(spec, serde.Func(serde.String.Append, func(b []byte) (string, error) {
			if string(b) == arg {
				return "", fmt.Errorf("will not deserialize %s", b)
			}
			return string(b), nil
		}))
	case "timeWindowed", "sessionWindowed":
		return typedSerde(spec, windowSerde(spec))
	default:
		notYet("serde %s", spec)
		return nil
	}
}

// windowSerde returns the serde of windowed keys of that name.
func windowSerde(spec string) serde.Serde[window] {
	name, arg, _ := strings.Cut(spec, ":")
	inner, size, sized := strings.Cut(arg, ":")
	if name == "sessionWindowed" {
		return streams.SessionWindowedSerde(serdeOf(inner))
	}
	ms := int64(math.MaxInt64)
	if sized {
		ms, _ = strconv.ParseInt(size, 10, 64)
	}
	return timeWindowSerde{serdeOf(inner), ms}
}

// timeWindowSerde is the serde of time-windowed keys with a window size in milliseconds.
type timeWindowSerde struct {
	key  serde.Serde[any]
	size int64
}

func (t timeWindowSerde) Append(dst []byte, w window) ([]byte, error) {
	dst, err := t.key.Append(dst, w.Key)
	return binary.BigEndian.AppendUint64(dst, uint64(w.Start)), err
}

func (t timeWindowSerde) Decode(b []byte) (w window, err error) {
	if len(b) < 8 {
		return w, errors.New("too short for a windowed key")
	}
	at := len(b) - 8
	w.Start, w.End = int64(binary.BigEndian.Uint64(b[at:])), math.MaxInt64
	if end := w.Start + t.size; end >= w.Start {
		w.End = end
	}
	w.Key, err = t.key.Decode(b[:at])
	return w, err
}

func hexOrNil(b []byte) any {
	if b == nil {
		return nil
	}
	return hex.EncodeToString(b)
}

// masked are headers whose text is the library's own.
var masked = []string{"__streams.errors.exception", "__streams.errors.message", "__streams.errors.stacktrace"}

func showHeaders(list []processor.Header) []any {
	var a []any
	for _, h := range list {
		var v any
		switch {
		case slices.Contains(masked, h.Key):
			v = "*"
		case h.Value != nil:
			v = textOrHex(h.Value)
		}
		a = append(a, []any{h.Key, v})
	}
	return a
}

func textOrHex(b []byte) string {
	t := string(b)
	control := strings.ContainsFunc(t, func(r rune) bool { return r < 32 })
	if utf8.ValidString(t) && !control && !strings.HasPrefix(t, "hex:") {
		return t
	}
	return "hex:" + hex.EncodeToString(b)
}

func parseHeaders(v any) []processor.Header {
	var list []processor.Header
	a, _ := v.([]any)
	for _, x := range a {
		pair := x.([]any)
		h := processor.Header{Key: pair[0].(string)}
		if t, ok := pair[1].(string); ok {
			h.Value = []byte(t)
			if after, is := strings.CutPrefix(t, "hex:"); is {
				h.Value, _ = hex.DecodeString(after)
			}
		}
		list = append(list, h)
	}
	return list
}
