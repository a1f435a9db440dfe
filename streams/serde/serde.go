package serde

// Serde turns values of type T into bytes and back. A Serde is safe for use by several goroutines.
type Serde[T any] interface {
	// Append appends the bytes of v to dst and returns the longer slice.
	Append(dst []byte, v T) ([]byte, error)
	// Decode returns the value of b. The result may refer to b only where the serde says so ([Bytes]).
	Decode(b []byte) (T, error)
}

// Func makes a serde of two functions.
func Func[T any](appendTo func(dst []byte, v T) ([]byte, error), decode func(b []byte) (T, error)) Serde[T] {
	return funcSerde[T]{appendTo, decode}
}

type funcSerde[T any] struct {
	appendTo func([]byte, T) ([]byte, error)
	decode   func([]byte) (T, error)
}

func (s funcSerde[T]) Append(dst []byte, v T) ([]byte, error) { return s.appendTo(dst, v) }
func (s funcSerde[T]) Decode(b []byte) (T, error)             { return s.decode(b) }
