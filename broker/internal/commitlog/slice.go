package commitlog

import (
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/chortal/chortal/broker/internal/fs"
)

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

// memSlice lies in chunks of the tail cache.
type memSlice struct {
	cache  *Cache
	chunks []*chunk
	skip   int // where in the first chunk it begins
	length int64
}

func (s *memSlice) Len() int64 { return s.length }

func (s *memSlice) Buffers(dst [][]byte) ([][]byte, bool) {
	left, skip := s.length, s.skip
	for _, k := range s.chunks {
		n := min(left, int64(cacheChunk-skip))
		dst = append(dst, k.data[skip:skip+int(n)])
		left, skip = left-n, 0
	}
	return dst, true
}

func (s *memSlice) WriteTo(w io.Writer) (int64, error) {
	pieces, _ := s.Buffers(make([][]byte, 0, len(s.chunks)))
	b := net.Buffers(pieces)
	return b.WriteTo(w)
}

func (s *memSlice) AppendTo(dst []byte) ([]byte, error) {
	pieces, _ := s.Buffers(make([][]byte, 0, len(s.chunks)))
	for _, p := range pieces {
		dst = append(dst, p...)
	}
	return dst, nil
}

func (s *memSlice) Release() {
	chunks := s.chunks
	s.chunks, s.length = nil, 0
	s.cache.release(chunks)
}

// sendfileMin is the length from which the kernel's copy is cheaper than a read and a write.
const sendfileMin = 64 << 10

const copyBuffer = 128 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// fileSlice lies in a segment's file, which it keeps open.
type fileSlice struct {
	seg    *segment
	file   fs.File
	pos    int64
	length int64
}

func (s *fileSlice) Len() int64 { return s.length }

func (s *fileSlice) Buffers(dst [][]byte) ([][]byte, bool) { return dst, false }

func (s *fileSlice) WriteTo(w io.Writer) (int64, error) {
	if c, ok := w.(*net.TCPConn); ok && s.length >= sendfileMin {
		if sender, ok := s.file.(fs.Sender); ok {
			n, err := sender.SendTo(c, s.pos, s.length)
			if err != nil {
				return n, fmt.Errorf("send segment %d: %w", s.seg.base, err)
			}
			return n, nil
		}
	}
	return s.copyTo(w)
}

func (s *fileSlice) copyTo(w io.Writer) (sent int64, err error) {
	buf := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buf)
	for sent < s.length {
		part := buf[:min(int64(len(buf)), s.length-sent)]
		if err := readFull(s.file, part, s.pos+sent); err != nil {
			return sent, fmt.Errorf("segment %d: %w", s.seg.base, err)
		}
		n, err := w.Write(part)
		sent += int64(n)
		if err != nil {
			return sent, fmt.Errorf("send segment %d: %w", s.seg.base, err)
		}
	}
	return sent, nil
}

func (s *fileSlice) AppendTo(dst []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, make([]byte, s.length)...)
	if err := readFull(s.file, dst[start:], s.pos); err != nil {
		return nil, fmt.Errorf("segment %d: %w", s.seg.base, err)
	}
	return dst, nil
}

func (s *fileSlice) Release() {
	if s.file != nil {
		s.file = nil
		s.seg.release()
	}
}
