package fs

import (
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Short writes. One to the page cache takes a microsecond or two: it is made without telling the scheduler, which would
// wake its monitor thread for a call that is over before that looks, at twice the price of the write. A write that does
// block (the kernel holds writers back when too much is dirty) then keeps a processor from other goroutines; so after one
// that took long the scheduler is told of all writes for a while.
const (
	shortWrite = 16 << 10
	slowWrite  = 10 * time.Millisecond
	slowFor    = 2 * time.Second
)

// writeAt is pwrite.
func writeAt(f *osFile, p []byte, off int64) (int, error) {
	if len(p) == 0 || len(p) > shortWrite || off < 0 {
		return f.f.WriteAt(p, off)
	}
	began := time.Now()
	if at := f.slow.at.Load(); at != 0 && began.UnixNano()-at < int64(slowFor) {
		return f.f.WriteAt(p, off)
	}
	w := writes.Get().(*write)
	w.p, w.off, w.n = p, off, 0
	err := f.raw.Control(w.step)
	n := w.n
	w.p = nil
	writes.Put(w)
	if time.Since(began) > slowWrite {
		f.slow.at.Store(began.UnixNano())
	}
	if err == nil && n == len(p) {
		return n, nil
	}
	// The file is closed, the disk full, a signal came: os says it in its words, or writes the rest.
	m, err := f.f.WriteAt(p[n:], off+int64(n))
	return n + m, err
}

// write is one call of pwrite; its closure is made once.
type write struct {
	step func(fd uintptr)
	p    []byte
	off  int64
	n    int
}

var writes = sync.Pool{New: func() any {
	w := &write{}
	w.step = w.now
	return w
}}

func (w *write) now(fd uintptr) {
	n, _, errno := unix.RawSyscall6(unix.SYS_PWRITE64, fd, uintptr(unsafe.Pointer(unsafe.SliceData(w.p))), uintptr(len(w.p)), uintptr(w.off), 0, 0)
	if errno == 0 {
		w.n = int(n)
	}
}
