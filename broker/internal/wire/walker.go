package wire

import (
	"encoding/binary"
	"fmt"
)

// walker steps through the bytes of a request without decoding them. The first error stays; after it every step does
// nothing and every number is zero.
type walker struct {
	b    []byte
	at   int
	cost int64 // bytes that kmsg will allocate for what was passed
	tags int   // unknown tagged fields so far
	all  int   // elements of arrays so far
	err  error
}

func (w *walker) left() int { return len(w.b) - w.at }

func (w *walker) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("at byte %d: "+format+": %w", append(append([]any{w.at}, args...), ErrMalformed)...)
		w.at = len(w.b)
	}
}

// skip passes n bytes.
func (w *walker) skip(n int) {
	if n > w.left() {
		w.fail("%d bytes needed, %d left", n, w.left())
		return
	}
	w.at += n
}

func (w *walker) int16() int16 {
	if w.left() < 2 {
		w.fail("2 bytes needed, %d left", w.left())
		return 0
	}
	v := binary.BigEndian.Uint16(w.b[w.at:])
	w.at += 2
	return int16(v)
}

func (w *walker) int32() int32 {
	if w.left() < 4 {
		w.fail("4 bytes needed, %d left", w.left())
		return 0
	}
	v := binary.BigEndian.Uint32(w.b[w.at:])
	w.at += 4
	return int32(v)
}

// uvarint reads an unsigned number of at most 32 bits in at most five bytes.
func (w *walker) uvarint() uint32 {
	if w.at < len(w.b) && w.b[w.at] < 0x80 { // nearly all are this short
		w.at++
		return uint32(w.b[w.at-1])
	}
	return w.longUvarint()
}

func (w *walker) longUvarint() uint32 {
	var v uint64
	for i := range 5 {
		if w.at == len(w.b) {
			w.fail("a varint is cut short")
			return 0
		}
		c := w.b[w.at]
		w.at++
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if v > 1<<32-1 {
				w.fail("a varint exceeds 32 bits")
				return 0
			}
			return uint32(v)
		}
	}
	w.fail("a varint is longer than five bytes")
	return 0
}

// nullableString16 passes a string with a length of 16 bits. ok is false if it is null.
func (w *walker) nullableString16() (s []byte, ok bool) {
	n := int(w.int16())
	if n < 0 {
		if n < -1 {
			w.fail("string of %d bytes", n)
		}
		return nil, false
	}
	from := w.at
	if w.skip(n); w.err != nil {
		return nil, false
	}
	return w.b[from:w.at], true
}

// span passes n bytes that were announced by a length field; -1 is null.
func (w *walker) span(n int64, nullable bool) {
	switch {
	case n == -1 && nullable:
	case n < 0:
		w.fail("length %d", n)
	case n > int64(w.left()):
		w.fail("length %d, %d bytes left", n, w.left())
	default:
		w.at += int(n)
	}
}

// count checks the number of elements of an array against the bytes that are left: each element takes at least min.
func (w *walker) count(n int64, min int, nullable bool) int {
	switch {
	case w.err != nil:
		return 0
	case n == -1 && nullable:
		return 0
	case n < 0:
		w.fail("array of %d", n)
		return 0
	case n > int64(w.left()/min):
		w.fail("array of %d elements of at least %d bytes, %d bytes left", n, min, w.left())
		return 0
	}
	if w.all += int(n); w.all > maxElements {
		w.fail("more than %d elements of arrays", maxElements)
		return 0
	}
	return int(n)
}

// unknownTags passes a section of tagged fields of which none is known. Each costs kmsg an entry of a map.
func (w *walker) unknownTags(most int) {
	n := w.uvarint()
	if n == 0 {
		return
	}
	if int64(n) > int64(w.left()/2) || int64(n) > int64(most) {
		w.fail("%d tagged fields, %d bytes left", n, w.left())
		return
	}
	for range n {
		w.uvarint()
		w.span(int64(w.uvarint()), false)
	}
}

// tagMapCost is what kmsg's map of unknown tags costs with its first field, measured and rounded up. It is counted for
// each field, because each may be the first of its structure.
const tagMapCost = 400
