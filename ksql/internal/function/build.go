package function

import (
	"sync/atomic"

	"github.com/chortal/chortal/ksql/internal/types"
)

// Helpers with which the tables of functions are written.

func p(name string, t types.Type) Param { return Param{Name: name, Type: t} }

func more(name string, t types.Type) Param { return Param{Name: name, Type: t, Variadic: true} }

var (
	genericT    = types.Generic("T")
	genericK    = types.Generic("K")
	genericV    = types.Generic("V")
	genericS    = types.Generic("S")
	genericR    = types.Generic("R")
	arrayT      = types.Array(genericT)
	stringArray = types.Array(types.String)
)

// category gives all functions of a list their category.
func category(name string, list ...Scalar) []Scalar {
	for i := range list {
		list[i].Category = name
	}
	return list
}

// fn is a function that gives NULL for NULL.
func fn(name, doc string, t types.Type, eval Eval, args ...Param) Scalar {
	return Scalar{Name: name, Doc: doc, Type: t, Eval: eval, Args: args}
}

// fnNull is a function that sees NULL arguments.
func fnNull(name, doc string, t types.Type, eval Eval, args ...Param) Scalar {
	return Scalar{Name: name, Doc: doc, Type: t, Eval: eval, Args: args, Nulls: true}
}

func str(s string) (types.Value, error) { return types.NewString(s), nil }

func null() (types.Value, error) { return types.Null, nil }

// cache keeps what was made of the last text, such as a compiled pattern: the text is nearly always a literal. It may be used
// by several goroutines.
type cache[T any] struct {
	make func(string) (T, error)
	last atomic.Pointer[cacheEntry[T]]
}

type cacheEntry[T any] struct {
	key   string
	value T
	err   error
}

func newCache[T any](make func(string) (T, error)) *cache[T] { return &cache[T]{make: make} }

func (c *cache[T]) get(key string) (T, error) {
	if e := c.last.Load(); e != nil && e.key == key {
		return e.value, e.err
	}
	e := &cacheEntry[T]{key: key}
	e.value, e.err = c.make(key)
	c.last.Store(e)
	return e.value, e.err
}
