package fs

import (
	"io"
	"sync/atomic"
)

// Op is a kind of operation that a faulty FS can break.
type Op string

// The operations, named after the methods.
const (
	OpCreate      Op = "create"
	OpOpen        Op = "open"
	OpRemove      Op = "remove"
	OpRename      Op = "rename"
	OpList        Op = "list"
	OpMkdir       Op = "mkdir"
	OpSyncDir     Op = "syncdir"
	OpRead        Op = "read"
	OpWrite       Op = "write"
	OpTruncate    Op = "truncate"
	OpSync        Op = "sync"
	OpPreallocate Op = "preallocate"
)

// Faulty is an FS that breaks on demand.
type Faulty struct {
	FS
	inject func(op Op, name string) error
}

// NewFaulty asks inject before every operation on inner: an error makes the operation fail with it. A write that
// fails has written its first half, as on a full disk. inject is called from several goroutines.
func NewFaulty(inner FS, inject func(op Op, name string) error) *Faulty {
	return &Faulty{FS: inner, inject: inject}
}

// FailNth is an inject function whose n-th (from 1) and all later operations of the kinds fail with err; without
// kinds every operation counts.
func FailNth(n int64, err error, kinds ...Op) func(Op, string) error {
	var count atomic.Int64
	return func(op Op, _ string) error {
		if !counts(op, kinds) || count.Add(1) < n {
			return nil
		}
		return err
	}
}

func counts(op Op, kinds []Op) bool {
	for _, k := range kinds {
		if k == op {
			return true
		}
	}
	return len(kinds) == 0
}

func (f *Faulty) file(op Op, name string, open func(string) (File, error)) (File, error) {
	if err := f.inject(op, name); err != nil {
		return nil, pathError(string(op), name, err)
	}
	inner, err := open(name)
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: inner, fs: f, name: name}, nil
}

func (f *Faulty) do(op Op, name string, fn func() error) error {
	if err := f.inject(op, name); err != nil {
		return pathError(string(op), name, err)
	}
	return fn()
}

// Create implements [FS].
func (f *Faulty) Create(name string) (File, error) { return f.file(OpCreate, name, f.FS.Create) }

// Open implements [FS].
func (f *Faulty) Open(name string) (File, error) { return f.file(OpOpen, name, f.FS.Open) }

// OpenReadWrite implements [FS].
func (f *Faulty) OpenReadWrite(name string) (File, error) {
	return f.file(OpOpen, name, f.FS.OpenReadWrite)
}

// Remove implements [FS].
func (f *Faulty) Remove(name string) error {
	return f.do(OpRemove, name, func() error { return f.FS.Remove(name) })
}

// RemoveAll implements [FS].
func (f *Faulty) RemoveAll(name string) error {
	return f.do(OpRemove, name, func() error { return f.FS.RemoveAll(name) })
}

// Rename implements [FS].
func (f *Faulty) Rename(oldName, newName string) error {
	return f.do(OpRename, oldName, func() error { return f.FS.Rename(oldName, newName) })
}

// List implements [FS].
func (f *Faulty) List(dir string) (names []string, err error) {
	err = f.do(OpList, dir, func() (err error) { names, err = f.FS.List(dir); return err })
	return names, err
}

// MkdirAll implements [FS].
func (f *Faulty) MkdirAll(dir string) error {
	return f.do(OpMkdir, dir, func() error { return f.FS.MkdirAll(dir) })
}

// SyncDir implements [FS].
func (f *Faulty) SyncDir(dir string) error {
	return f.do(OpSyncDir, dir, func() error { return f.FS.SyncDir(dir) })
}

// Lock implements [FS]; it never breaks.
func (f *Faulty) Lock(name string) (io.Closer, error) { return f.FS.Lock(name) }

type faultyFile struct {
	File
	fs   *Faulty
	name string
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fs.inject(OpRead, f.name); err != nil {
		return 0, pathError("read", f.name, err)
	}
	return f.File.ReadAt(p, off)
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fs.inject(OpWrite, f.name); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, pathError("write", f.name, err)
	}
	return f.File.WriteAt(p, off)
}

func (f *faultyFile) Truncate(size int64) error {
	return f.fs.do(OpTruncate, f.name, func() error { return f.File.Truncate(size) })
}

func (f *faultyFile) Sync() error { return f.fs.do(OpSync, f.name, f.File.Sync) }

func (f *faultyFile) Preallocate(offset, length int64) error {
	return f.fs.do(OpPreallocate, f.name, func() error { return f.File.Preallocate(offset, length) })
}
