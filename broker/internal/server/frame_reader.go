package server

import (
	"io"
	"net"
)

// frameReader takes frames out of a connection. Small frames are found many at a time in one read; the body of a large
// one is read to its place. While it waits for a frame it holds no buffer, where the system can do that.
type frameReader struct {
	nc   net.Conn
	raw  *rawSource // nil: plain reads
	pool *buffers
	buf  *buffer // nil: nothing is buffered
	at   int     // bytes of buf that are taken
}

// buffered is the number of bytes that are there without a read.
func (r *frameReader) buffered() int {
	if r.buf == nil {
		return 0
	}
	return len(r.buf.b) - r.at
}

// peek returns the next n bytes and leaves them there. wait is called before each read that may block.
func (r *frameReader) peek(n int, wait func() error) ([]byte, error) {
	for r.buffered() < n {
		if err := wait(); err != nil {
			return nil, err
		}
		if err := r.fill(); err != nil {
			if err == io.EOF && r.buffered() > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return r.buf.b[r.at : r.at+n], nil
}

// fill reads once, behind what is buffered.
func (r *frameReader) fill() error {
	if r.buffered() == 0 {
		r.release()
		if r.raw != nil {
			buf, err := r.raw.read()
			r.buf = buf
			return err
		}
		r.buf = r.pool.get(readBufferLen)
		r.buf.b = r.buf.b[:0]
	}
	if r.at > 0 {
		r.buf.b = r.buf.b[:copy(r.buf.b, r.buf.b[r.at:])]
		r.at = 0
	}
	have := len(r.buf.b)
	n, err := r.nc.Read(r.buf.b[have:cap(r.buf.b)])
	r.buf.b = r.buf.b[:have+n]
	if n > 0 {
		return nil
	}
	return err
}

// skip passes n buffered bytes.
func (r *frameReader) skip(n int) {
	r.at += n
	if r.buffered() == 0 {
		r.release()
	}
}

// release gives the buffer back; what it holds is lost.
func (r *frameReader) release() {
	r.pool.put(r.buf)
	r.buf, r.at = nil, 0
}

// read fills dst, from the buffer first.
func (r *frameReader) read(dst []byte) (int, error) {
	n := copy(dst, r.rest())
	if n > 0 {
		r.skip(n)
		return n, nil
	}
	return r.nc.Read(dst)
}

func (r *frameReader) rest() []byte {
	if r.buf == nil {
		return nil
	}
	return r.buf.b[r.at:]
}
