package streams_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/serde"
)

// Window must stay a function: as a method of Grouped, with Table.ToStream and Stream.GroupByKey, it would make the compiler
// instantiate Grouped[Windowed[Windowed[...]]] without end, and this package would not compile any more.
func TestWindowIsNoMethod(t *testing.T) {
	typ := reflect.TypeFor[*streams.Grouped[string, string]]()
	for i := range typ.NumMethod() {
		if name := typ.Method(i).Name; strings.Contains(name, "Window") {
			t.Errorf("Grouped has the method %s", name)
		}
	}
	var _ func(*streams.Grouped[string, string], streams.Windows) *streams.TimeWindowed[string, string] = streams.Window[string, string]
}

func TestErrorsOfTheProgram(t *testing.T) {
	str := serde.String
	for text, build := range map[string]func(b *streams.Builder){
		"is already there": func(b *streams.Builder) {
			s := streams.From(b, "a", str, str)
			s.Filter(nil, streams.Name("x"))
			s.Filter(nil, streams.Name("x"))
		},
		"already read by source": func(b *streams.Builder) {
			streams.From(b, "a", str, str)
			streams.TableFrom(b, "a", str, str)
		},
		"other than letters": func(b *streams.Builder) { streams.From(b, "a", str, str, streams.Name("a b")) },
		"option Store is a": func(b *streams.Builder) {
			streams.From(b, "a", str, str).GroupByKey().Count(streams.Store("n", serde.String))
		},
		"below the window size": func(b *streams.Builder) {
			streams.Window(streams.From(b, "a", str, str).GroupByKey(), streams.Tumbling(time.Hour)).Count(streams.Retention(time.Minute))
		},
		"not above zero": func(b *streams.Builder) {
			streams.Window(streams.From(b, "a", str, str).GroupByKey(), streams.Tumbling(0)).Count()
		},
		"needs a serde": func(b *streams.Builder) {
			streams.MapValues(streams.From(b, "a", str, str), func(string) any { return nil }).To("b")
		},
	} {
		b := streams.NewBuilder()
		build(b)
		if err := b.Build().Err(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error is %v, want one about %q", err, text)
		}
	}
}

func TestExplicitNames(t *testing.T) {
	build := func(opts ...streams.Option) error {
		b := streams.NewBuilder(streams.Explicit())
		streams.From(b, "a", serde.String, serde.String).GroupByKey().Count(opts...)
		return b.Build().Err()
	}
	if err := build(); err == nil || !strings.Contains(err.Error(), "KSTREAM-AGGREGATE-STATE-STORE-0000000001") {
		t.Errorf("unnamed store: %v", err)
	}
	if err := build(streams.StoreName("n")); err != nil {
		t.Errorf("named store: %v", err)
	}
}
