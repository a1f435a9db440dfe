package coordinator

import (
	"math"
	"unicode/utf16"
)

// PartitionFor says which of n partitions holds the state of key, as Kafka does: Java's
// String.hashCode, its absolute value, modulo n.
func PartitionFor(key string, n int32) int32 {
	var h int32
	for _, r := range key {
		if r <= 0xffff {
			h = 31*h + r
			continue
		}
		high, low := utf16.EncodeRune(r)
		h = 31*(31*h+high) + low
	}
	switch {
	case h == math.MinInt32:
		h = 0
	case h < 0:
		h = -h
	}
	return h % n
}
