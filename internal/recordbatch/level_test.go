package recordbatch_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/chortal/chortal/internal/recordbatch"
)

// A higher level makes smaller batches, and every level can be read.
func TestLevels(t *testing.T) {
	var text bytes.Buffer
	for i := range 4000 {
		fmt.Fprintf(&text, "venta %d de la tienda %d por %d pesos; ", i*i%977, i%31, i*7919%1009)
	}
	b := build(t, recordbatch.Options{}, rec{Value: text.Bytes()})
	f := func(c recordbatch.Codec, low, high recordbatch.Level) {
		t.Helper()
		var sizes []int
		for _, level := range []recordbatch.Level{low, high} {
			out, err := recordbatch.Recompress(b, c, level, 0)
			if err != nil {
				t.Fatal(err)
			}
			back, err := out.Decompress(nil, 0)
			if err != nil || !bytes.Equal(back, b.RawRecords()) {
				t.Errorf("%v at level %d is not read back: %v", c, level, err)
			}
			sizes = append(sizes, len(out))
		}
		if sizes[1] >= sizes[0] {
			t.Errorf("%v: %d bytes at level %d, %d at level %d", c, sizes[0], low, sizes[1], high)
		}
	}
	f(recordbatch.Gzip, 1, 9)
	f(recordbatch.LZ4, 9, 12) // 9 is the fast way
	f(recordbatch.LZ4, recordbatch.DefaultLevel, 17)
	f(recordbatch.Zstd, 1, 19)
	f(recordbatch.Zstd, -131072, 22)
}
