//go:build unix

package server

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// rawSink writes short answers to a socket. Only one goroutine writes at a time.
type rawSink struct {
	raw  syscall.RawConn
	step func(fd uintptr) bool // made once, a closure for each write would be garbage
	p    []byte                // what step has not written
	err  error
}

// newRawSink returns nil if the connection has no file descriptor to write to.
func newRawSink(nc net.Conn) *rawSink {
	sc, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	s := &rawSink{raw: raw}
	s.step = s.try
	return s
}

// try writes what the socket takes, and returns false if it must wait for room.
func (s *rawSink) try(fd uintptr) bool {
	for len(s.p) > 0 {
		n, err := writeNow(fd, s.p)
		switch err {
		case nil:
			s.p = s.p[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			s.err = err
			return true
		}
	}
	return true
}

// write writes all of p.
func (s *rawSink) write(p []byte) error {
	s.p, s.err = p, nil
	err := s.raw.Write(s.step)
	s.p = nil
	if err == nil {
		err = s.err
	}
	return err
}
