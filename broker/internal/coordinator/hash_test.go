package coordinator_test

import (
	"testing"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// The hashes are those of Java's String.hashCode.
func TestPartitionFor(t *testing.T) {
	f := func(key string, n, want int32) {
		t.Helper()
		if got := coordinator.PartitionFor(key, n); got != want {
			t.Errorf("PartitionFor(%q, %d) = %d, want %d", key, n, got, want)
		}
	}
	f("", 16, 0)
	f("a", 16, 97%16)
	f("group", 50, 98629247%50)
	f("my-group", 50, 1906497762%50)    // a negative hash
	f("polygenelubricants", 16, 0)      // the least int32 has no absolute value
	f("\U0001F600", 1000, 1772899%1000) // a surrogate pair
}
