package server

import (
	"math/bits"
	"sync"
)

// The sizes of pooled buffers: powers of two from 4 KiB to 16 MiB. A larger buffer is made and left to the collector.
const (
	minPooledBits = 12
	maxPooledBits = 24
	readBufferLen = 64 << 10
)

// buffers is a pool of byte slices in size classes.
type buffers struct {
	classes [maxPooledBits - minPooledBits + 1]sync.Pool
}

// buffer is a slice of a pool. Its zero value holds nothing.
type buffer struct {
	b []byte
}

// get returns a buffer of length n.
func (p *buffers) get(n int) *buffer {
	if buf := p.take(n); buf != nil {
		return buf
	}
	class := classOf(n)
	if class >= len(p.classes) {
		return &buffer{b: make([]byte, n)}
	}
	return &buffer{b: make([]byte, n, 1<<(class+minPooledBits))}
}

// take returns a buffer of length n that was used before, nil if there is none.
func (p *buffers) take(n int) *buffer {
	class := classOf(n)
	if class >= len(p.classes) {
		return nil
	}
	v := p.classes[class].Get()
	if v == nil {
		return nil
	}
	buf := v.(*buffer)
	buf.b = buf.b[:n]
	return buf
}

// put takes a buffer back. A buffer that grew beyond its class goes to the class that it fills now; one of no class is
// left to the collector.
func (p *buffers) put(buf *buffer) {
	if buf == nil {
		return
	}
	c := cap(buf.b)
	if c < 1<<minPooledBits || c > 1<<maxPooledBits {
		return
	}
	p.classes[bits.Len(uint(c))-1-minPooledBits].Put(buf)
}

// classOf is the smallest class whose buffers hold n bytes.
func classOf(n int) int {
	if n <= 1<<minPooledBits {
		return 0
	}
	return bits.Len(uint(n-1)) - minPooledBits
}
