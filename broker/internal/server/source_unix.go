//go:build unix

package server

import (
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// rawSource reads a socket without holding a buffer while it waits: an idle connection costs its goroutine and no
// 64 KiB beside it.
type rawSource struct {
	raw  syscall.RawConn
	pool *buffers
	step func(fd uintptr) bool // made once, a closure for each read would be garbage
	buf  *buffer               // what step borrowed and filled
	n    int
	err  error
}

// newRawSource returns nil if the connection has no file descriptor to wait for.
func newRawSource(nc net.Conn, pool *buffers) *rawSource {
	sc, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	s := &rawSource{raw: raw, pool: pool}
	s.step = s.try
	return s
}

// try reads once. It returns false, and gives its buffer back, if there is nothing to read yet.
func (s *rawSource) try(fd uintptr) bool {
	s.buf = s.pool.get(readBufferLen)
	for {
		s.n, s.err = readNow(fd, s.buf.b)
		if s.err != unix.EINTR {
			break
		}
	}
	if s.err == unix.EAGAIN {
		s.pool.put(s.buf)
		s.buf = nil
		return false
	}
	return true
}

// read waits for bytes and returns them in a borrowed buffer, whose length is the number of bytes.
func (s *rawSource) read() (*buffer, error) {
	err := s.raw.Read(s.step)
	buf := s.buf
	s.buf = nil
	switch {
	case err != nil:
	case s.err != nil:
		err = s.err
	case s.n == 0:
		err = io.EOF
	default:
		buf.b = buf.b[:s.n]
		return buf, nil
	}
	s.pool.put(buf)
	return nil, err
}
