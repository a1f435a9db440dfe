package fs

import (
	"bytes"
	"io"
	"slices"
	"time"
)

// memFile is an open file of a [Mem].
type memFile struct {
	fs   *Mem
	node *memNode
	name string
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	n := f.node.data.readAt(p, off)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.change("write", f.name)
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.data.writeAt(p, off)
	f.node.mtime = time.Now()
	if f.fs.crashable && len(p) > 0 {
		f.node.pending = append(f.node.pending, memWrite{offset: off, data: bytes.Clone(p)})
	}
	return len(p), nil
}

func (f *memFile) Truncate(size int64) error {
	f.fs.change("truncate", f.name)
	f.truncate(size)
	return nil
}

func (f *memFile) truncate(size int64) {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	if f.node.data.size == size {
		return
	}
	f.node.data.truncate(size)
	if f.fs.crashable {
		f.node.pending = append(f.node.pending, memWrite{offset: size})
	}
}

func (f *memFile) Size() (int64, error) {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	return f.node.data.size, nil
}

func (f *memFile) Sync() error {
	f.fs.change("sync", f.name)
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	for _, w := range f.node.pending {
		w.apply(&f.node.durable)
	}
	f.node.pending = nil
	return nil
}

func (f *memFile) Preallocate(int64, int64) error { return nil }

func (f *memFile) Close() error { return nil }

// memChunk is the length of the pieces in which memory files grow.
const memChunk = 64 << 10

// memData is the content of a file: pieces of memChunk bytes of which the last may be short, a missing byte is zero.
type memData struct {
	chunks [][]byte
	size   int64
}

func (d *memData) readAt(p []byte, off int64) int {
	if off >= d.size {
		return 0
	}
	p = p[:min(int64(len(p)), d.size-off)]
	for read := 0; read < len(p); {
		at := off + int64(read)
		chunk := d.chunks[at/memChunk]
		part := p[read:min(len(p), read+memChunk-int(at%memChunk))]
		n := 0
		if start := int(at % memChunk); start < len(chunk) {
			n = copy(part, chunk[start:])
		}
		clear(part[n:])
		read += len(part)
	}
	return len(p)
}

func (d *memData) writeAt(p []byte, off int64) {
	d.grow(off + int64(len(p)))
	for len(p) > 0 {
		i, start := off/memChunk, int(off%memChunk)
		n := min(len(p), memChunk-start)
		if need := start + n - len(d.chunks[i]); need > 0 {
			d.chunks[i] = append(d.chunks[i], make([]byte, need)...)
		}
		copy(d.chunks[i][start:], p[:n])
		p, off = p[n:], off+int64(n)
	}
}

func (d *memData) grow(size int64) {
	if size <= d.size {
		return
	}
	d.size = size
	for int64(len(d.chunks))*memChunk < size {
		d.chunks = append(d.chunks, nil)
	}
}

func (d *memData) truncate(size int64) {
	if size > d.size {
		d.grow(size)
		return
	}
	d.size = size
	keep := int((size + memChunk - 1) / memChunk)
	d.chunks = slices.Delete(d.chunks, keep, len(d.chunks))
	if keep > 0 {
		last := int(size - int64(keep-1)*memChunk)
		d.chunks[keep-1] = d.chunks[keep-1][:min(last, len(d.chunks[keep-1]))]
	}
}

func (d *memData) clone() memData {
	c := memData{size: d.size, chunks: make([][]byte, len(d.chunks))}
	for i := range d.chunks {
		c.chunks[i] = bytes.Clone(d.chunks[i])
	}
	return c
}
