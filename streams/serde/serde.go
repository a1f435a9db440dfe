// Package serde turns keys and values into the bytes of Kafka records and back. The formats are those of Kafka's own
// serializers.
package serde

// Serde turns values of type T into bytes and back. A Serde is safe for use by several goroutines.
type Serde[T any] interface {
	// Append appends the bytes of v to dst and returns the longer slice.
	Append(dst []byte, v T) ([]byte, error)
	// Decode returns the value of b. The result may refer to b only where the serde says so ([Bytes]).
	Decode(b []byte) (T, error)
}
