// Package types holds the SQL type system: types, values, rows, schemas, and the rules that
// connect them (common types, implicit and explicit casts, comparison, DECIMAL arithmetic, text).
//
// The main types are Type, Value and Schema. A Value is a typed slot of 24 bytes: numbers, dates and
// booleans live in its 64 bits, strings and bytes are a reference whose length lives in the bits, nested values
// are slices and maps of Values. Nothing is boxed, so a row is a plain []Value that can be reused.
//
// Invariants: the zero Value is NULL; a Value of a STRING or BYTES kind never changes after it was made (callers
// that decode into a reused buffer must copy or keep the buffer); nested Values are immutable once shared.
//
// The package owns one binary format, the state codec of codec.go, which starts every value with its kind.
// It is the only importer of the apd decimal library.
package types
