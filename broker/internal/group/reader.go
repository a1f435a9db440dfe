package group

import (
	"encoding/binary"
	"errors"
)

var errTruncated = errors.New("truncated or damaged")

// reader decodes bytes that nobody has checked: what members put into the bytes fields
// of their requests, and values of the log. It never allocates more than the bytes that
// are there, and after the first damage it reads zeros.
type reader struct {
	src []byte
	bad bool
}

func (r *reader) span(n int) []byte {
	if r.bad || n < 0 || n > len(r.src) {
		r.bad, r.src = true, nil
		return nil
	}
	b := r.src[:n:n]
	r.src = r.src[n:]
	return b
}

func (r *reader) int16() int16 {
	if b := r.span(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.span(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.span(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *reader) string() string { return string(r.span(int(r.int16()))) }

func (r *reader) uvarint() int {
	v, n := binary.Uvarint(r.src)
	if n <= 0 || n > 5 || v > 1<<31-1 {
		r.bad, r.src = true, nil
		return 0
	}
	r.src = r.src[n:]
	return int(v)
}

func (r *reader) compactString() string { return string(r.span(r.uvarint() - 1)) }

// count reads the length of an array whose elements take at least size bytes each.
func (r *reader) count(size int) int {
	n := int(r.int32())
	if n > len(r.src)/size {
		r.bad, r.src = true, nil
		return 0
	}
	return max(n, 0)
}

// tags calls f for each tagged field.
func (r *reader) tags(f func(tag int, value []byte)) {
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		tag := r.uvarint()
		if value := r.span(r.uvarint()); !r.bad {
			f(tag, value)
		}
	}
}

func (r *reader) err() error {
	if r.bad {
		return errTruncated
	}
	return nil
}
