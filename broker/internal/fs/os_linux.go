package fs

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// control runs fn with the file's descriptor, again while a signal interrupts it.
func control(f *os.File, fn func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	err = raw.Control(func(fd uintptr) {
		for {
			if ferr = fn(int(fd)); ferr != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return ferr
}

func dataSync(f *os.File) error {
	if err := control(f, unix.Fdatasync); err != nil {
		return fmt.Errorf("fdatasync %s: %w", f.Name(), err)
	}
	return nil
}

// preallocate keeps the file's length, so that nobody who reads the file meets zeros.
func preallocate(f *os.File, offset, length int64) error {
	err := control(f, func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, offset, length)
	})
	switch err {
	case nil, unix.EOPNOTSUPP, unix.ENOSYS:
		return nil
	}
	return fmt.Errorf("preallocate %s: %w", f.Name(), err)
}

func diskUsage(dir string) (Usage, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Usage{}, fmt.Errorf("statfs %s: %w", dir, err)
	}
	return Usage{TotalBytes: int64(st.Blocks) * st.Bsize, FreeBytes: int64(st.Bavail) * st.Bsize}, nil
}

// maxSendfile bounds one system call, so that a slow reader does not keep a thread in the kernel for long.
const maxSendfile = 4 << 20

// SendTo copies with sendfile from an explicit offset, so any number of readers share one descriptor.
func (f *osFile) SendTo(c *net.TCPConn, offset, length int64) (int64, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	src, err := f.f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var sent int64
	var serr error
	cerr := src.Control(func(in uintptr) {
		err = raw.Write(func(out uintptr) bool {
			var again bool
			sent, again, serr = sendfile(int(out), int(in), offset, length, sent)
			return !again
		})
	})
	for _, e := range []error{cerr, err, serr} {
		if e != nil {
			return sent, fmt.Errorf("send %s: %w", f.f.Name(), e)
		}
	}
	return sent, nil
}

func sendfile(out, in int, offset, length, sent int64) (now int64, again bool, err error) {
	for sent < length {
		at := offset + sent
		n, err := unix.Sendfile(out, in, &at, int(min(length-sent, maxSendfile)))
		if n > 0 {
			sent += int64(n)
		}
		switch {
		case err == unix.EAGAIN:
			return sent, true, nil
		case err == unix.EINTR:
		case err != nil:
			return sent, false, os.NewSyscallError("sendfile", syscall.Errno(err.(unix.Errno)))
		case n == 0:
			return sent, false, io.ErrUnexpectedEOF
		}
	}
	return sent, false, nil
}
