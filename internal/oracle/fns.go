package main

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/chortal/chortal/streams/processor"
)

// The registry of named functions. A function that fails panics with an error: the library turns that into a processing
// error like any other.

type (
	mapper     func(k, v any) any
	predicate  func(k, v any) bool
	flatMapper func(k, v any) []any
	joiner     func(k, a, b any) any
	aggregator func(k, v, agg any) any
)

// boom is the error of the failIf functions.
type boom string

func (b boom) Error() string { return "boom: " + string(b) }

func failIf(v any, bad string) any {
	if s(v) == bad {
		panic(boom(bad))
	}
	return v
}

func atoi(t string) int64 {
	n, err := strconv.ParseInt(t, 10, 64)
	if err != nil {
		notYet("number %q", t)
	}
	return n
}

// notNull makes a mapper that leaves null alone.
func notNull(f func(v any) any) mapper {
	return func(_, v any) any {
		if v == nil {
			return nil
		}
		return f(v)
	}
}

func mapperOf(spec string) mapper {
	if a, b, ok := strings.Cut(spec, "|"); ok {
		f, g := mapperOf(a), mapperOf(b)
		return func(k, v any) any { return g(k, f(k, v)) }
	}
	if rest, ok := strings.CutPrefix(spec, "k."); ok {
		f := mapperOf(rest)
		return func(k, _ any) any { return f(k, k) }
	}
	name, arg, _ := strings.Cut(spec, ":")
	switch name {
	case "val":
		return func(_, v any) any { return v }
	case "key":
		return func(k, _ any) any { return k }
	case "null":
		return func(_, _ any) any { return nil }
	case "const":
		return func(_, _ any) any { return arg }
	case "constInt":
		n := atoi(arg)
		return func(_, _ any) any { return n }
	case "upper":
		return notNull(func(v any) any { return strings.ToUpper(s(v)) })
	case "lower":
		return notNull(func(v any) any { return strings.ToLower(s(v)) })
	case "toString":
		return notNull(func(v any) any { return s(v) })
	case "len":
		return notNull(func(v any) any { return int64(javaLen(s(v))) })
	case "prefix":
		return func(_, v any) any { return arg + s(v) }
	case "suffix":
		return func(_, v any) any { return s(v) + arg }
	case "kv":
		return func(k, v any) any { return s(k) + arg + s(v) }
	case "vk":
		return func(k, v any) any { return s(v) + arg + s(k) }
	case "first":
		n := int(atoi(arg))
		return notNull(func(v any) any { return firstChars(s(v), n) })
	case "part":
		sep, n := arg[:1], int(atoi(arg[1:]))
		return notNull(func(v any) any {
			parts := strings.Split(s(v), sep)
			if n >= len(parts) {
				return nil
			}
			return parts[n]
		})
	case "add":
		n := atoi(arg)
		return notNull(func(v any) any { return calc(v, n, '+') })
	case "mul":
		n := atoi(arg)
		return notNull(func(v any) any { return calc(v, n, '*') })
	case "mod":
		n := atoi(arg)
		return notNull(func(v any) any { return calc(v, n, '%') })
	case "toInt64":
		return notNull(func(v any) any { return num(v).asInt() })
	case "toInt32":
		return notNull(func(v any) any { return int32(num(v).asInt()) })
	case "toDouble":
		return notNull(func(v any) any { return num(v).asFloat() })
	case "field":
		return notNull(func(v any) any { return fieldOf(v.(jsonValue), arg) })
	case "wrap":
		return func(_, v any) any { return jsonValue{map[string]any{arg: show(v)}} }
	case "nullIf":
		return func(_, v any) any {
			if s(v) == arg {
				return nil
			}
			return v
		}
	case "failIf":
		return func(_, v any) any { return failIf(v, arg) }
	case "wkey":
		return func(_, v any) any { return v.(window).Key }
	case "wstart":
		return func(_, v any) any { return v.(window).Start }
	case "wend":
		return func(_, v any) any { return v.(window).End }
	default:
		notYet("mapper %s", spec)
		return nil
	}
}

// javaLen is the length in UTF-16 units.
func javaLen(t string) int { return len(utf16.Encode([]rune(t))) }

func firstChars(t string, n int) string {
	u := utf16.Encode([]rune(t))
	if n >= len(u) {
		return t
	}
	return string(utf16.Decode(u[:n]))
}

func fieldOf(v jsonValue, name string) any {
	o, ok := v.v.(map[string]any)
	if !ok {
		return nil
	}
	switch f := o[name].(type) {
	case nil:
		return nil
	case string:
		return f
	case bool:
		return strconv.FormatBool(f)
	case map[string]any, []any:
		return jsonValue{f}
	default:
		return num(jsonValue{f}).value()
	}
}

func predicateOf(spec string) predicate {
	if rest, ok := strings.CutPrefix(spec, "k."); ok {
		f := predicateOf(rest)
		return func(k, _ any) bool { return f(k, k) }
	}
	name, arg, _ := strings.Cut(spec, ":")
	onValue := func(f func(v any) bool) predicate {
		return func(_, v any) bool { return v != nil && f(v) }
	}
	switch name {
	case "true":
		return func(_, _ any) bool { return true }
	case "false":
		return func(_, _ any) bool { return false }
	case "eq":
		return func(_, v any) bool { return s(v) == arg }
	case "ne":
		return func(_, v any) bool { return s(v) != arg }
	case "gt":
		n := atoi(arg)
		return onValue(func(v any) bool { return compare(v, n) > 0 })
	case "lt":
		n := atoi(arg)
		return onValue(func(v any) bool { return compare(v, n) < 0 })
	case "even":
		return onValue(func(v any) bool { return num(v).asInt()%2 == 0 })
	case "has":
		return onValue(func(v any) bool { return strings.Contains(s(v), arg) })
	case "starts":
		return onValue(func(v any) bool { return strings.HasPrefix(s(v), arg) })
	case "lenGt":
		n := int(atoi(arg))
		return onValue(func(v any) bool { return javaLen(s(v)) > n })
	case "null":
		return func(_, v any) bool { return v == nil }
	case "notNull":
		return func(_, v any) bool { return v != nil }
	case "failIf":
		return func(_, v any) bool { failIf(v, arg); return true }
	default:
		notYet("predicate %s", spec)
		return nil
	}
}

var errNullList = errors.New("flat function returned null")

func flatOf(spec string) flatMapper {
	name, arg, _ := strings.Cut(spec, ":")
	switch name {
	case "split":
		return func(_, v any) []any {
			if v == nil || s(v) == "" {
				return nil
			}
			var list []any
			for _, p := range strings.Split(s(v), arg) {
				list = append(list, p)
			}
			return list
		}
	case "dup":
		n := int(atoi(arg))
		return func(_, v any) []any {
			list := make([]any, n)
			for i := range list {
				list[i] = v
			}
			return list
		}
	case "none":
		return func(_, _ any) []any { return nil }
	case "null":
		return func(_, _ any) []any { panic(errNullList) }
	default:
		notYet("flat function %s", spec)
		return nil
	}
}

func joinerOf(spec string) joiner {
	name, arg, _ := strings.Cut(spec, ":")
	switch name {
	case "concat":
		return func(_, a, b any) any { return s(a) + arg + s(b) }
	case "kconcat":
		return func(k, a, b any) any { return s(k) + arg + s(a) + arg + s(b) }
	case "left":
		return func(_, a, _ any) any { return a }
	case "right":
		return func(_, _, b any) any { return b }
	case "sum":
		return func(_, a, b any) any { return calc(a, b, '+') }
	case "null":
		return func(_, _, _ any) any { return nil }
	case "nullIf":
		return func(_, a, b any) any {
			if s(b) == arg {
				return nil
			}
			return s(a) + "+" + s(b)
		}
	case "failIf":
		return func(_, a, b any) any {
			failIf(a, arg)
			failIf(b, arg)
			return s(a) + "+" + s(b)
		}
	default:
		notYet("joiner %s", spec)
		return nil
	}
}

func aggregatorOf(spec string) aggregator {
	name, arg, _ := strings.Cut(spec, ":")
	orNull := func(op byte) aggregator {
		return func(_, v, agg any) any {
			x := calc(agg, v, op)
			if num(x).asFloat() == 0 {
				return nil
			}
			return x
		}
	}
	pick := func(sign int) aggregator {
		return func(_, v, agg any) any {
			switch {
			case agg == nil:
				return v
			case v == nil || compare(v, agg)*sign <= 0:
				return agg
			default:
				return v
			}
		}
	}
	switch name {
	case "append":
		return func(_, v, agg any) any { return s(agg) + arg + s(v) }
	case "kappend":
		return func(k, v, agg any) any { return s(agg) + arg + s(k) + "=" + s(v) }
	case "sum":
		return func(_, v, agg any) any { return calc(agg, v, '+') }
	case "sub":
		return func(_, v, agg any) any { return calc(agg, v, '-') }
	case "sumOrNull":
		return orNull('+')
	case "subOrNull":
		return orNull('-')
	case "count":
		return func(_, _, agg any) any { return calc(agg, int64(1), '+') }
	case "uncount":
		return func(_, _, agg any) any { return calc(agg, int64(1), '-') }
	case "min":
		return pick(-1)
	case "max":
		return pick(1)
	case "last":
		return func(_, v, _ any) any { return v }
	case "firstOf":
		return func(_, v, agg any) any {
			if agg == nil {
				return v
			}
			return agg
		}
	case "keep":
		return func(_, _, agg any) any { return agg }
	case "null":
		return func(_, _, _ any) any { return nil }
	case "nullIf":
		return func(_, v, agg any) any {
			if s(v) == arg {
				return nil
			}
			return s(agg) + "+" + s(v)
		}
	case "failIf":
		return func(_, v, agg any) any {
			failIf(v, arg)
			return s(agg) + "+" + s(v)
		}
	default:
		notYet("aggregator %s", spec)
		return nil
	}
}

// extractorOf returns a timestamp extractor of sources.
func extractorOf(spec string) processor.TimestampExtractor[any, any] {
	name, arg, _ := strings.Cut(spec, ":")
	if f := defaultExtractorOf(name); f != nil {
		return func(r *processor.Record[any, any], _ processor.RecordMetadata, partitionTime int64) (int64, error) {
			return f(r.Timestamp, partitionTime)
		}
	}
	of := func(f func(r *processor.Record[any, any], partitionTime int64) int64) processor.TimestampExtractor[any, any] {
		return func(r *processor.Record[any, any], _ processor.RecordMetadata, pt int64) (int64, error) {
			return f(r, pt), nil
		}
	}
	switch name {
	case "value":
		return of(func(r *processor.Record[any, any], _ int64) int64 { return num(r.Value).asInt() })
	case "field":
		return of(func(r *processor.Record[any, any], _ int64) int64 {
			if r.Value == nil {
				return -1
			}
			return num(fieldOf(r.Value.(jsonValue), arg)).asInt()
		})
	case "const":
		n := atoi(arg)
		return of(func(*processor.Record[any, any], int64) int64 { return n })
	case "plus":
		n := atoi(arg)
		return of(func(r *processor.Record[any, any], _ int64) int64 { return r.Timestamp + n })
	case "previous":
		return of(func(_ *processor.Record[any, any], pt int64) int64 { return pt })
	default:
		notYet("extractor %s", spec)
		return nil
	}
}

func defaultExtractorOf(name string) processor.DefaultExtractor {
	switch name {
	case "fail":
		return processor.FailOnInvalidTimestamp
	case "skip":
		return processor.LogAndSkipOnInvalidTimestamp
	case "partitionTime":
		return processor.UsePartitionTimeOnInvalidTimestamp
	default:
		return nil
	}
}

func partitionerOf[K any](spec string) processor.Partitioner[K, any] {
	switch spec {
	case "default":
		return func(string, *processor.Record[K, any], int32) ([]int32, bool) { return nil, false }
	case "zero":
		return func(string, *processor.Record[K, any], int32) ([]int32, bool) { return []int32{0}, true }
	case "drop":
		return func(string, *processor.Record[K, any], int32) ([]int32, bool) { return nil, true }
	case "dropNull":
		return func(_ string, r *processor.Record[K, any], _ int32) ([]int32, bool) {
			if r.ValueNull {
				return nil, true
			}
			return []int32{0}, true
		}
	default:
		notYet("partitioner %s", spec)
		return nil
	}
}
