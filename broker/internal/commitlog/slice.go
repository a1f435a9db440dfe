package commitlog

import "io"

// Slice is a run of whole record batches as they are stored, in one file or in the tail cache. It stays readable
// until Release, also when its segment is deleted meanwhile. Release must be called exactly once.
type Slice interface {
	// WriteTo sends the bytes to w; from disk to a *net.TCPConn inside the kernel.
	io.WriterTo
	// Len is the length in bytes.
	Len() int64
	// Buffers appends the pieces of the slice to dst without copying and reports true, or reports false if the slice
	// lies on disk. The pieces are valid until Release.
	Buffers(dst [][]byte) ([][]byte, bool)
	// AppendTo copies the whole slice behind dst.
	AppendTo(dst []byte) ([]byte, error)
	// Release lets go of the file or the memory.
	Release()
}
