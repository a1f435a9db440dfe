package fs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
)

// osFS is a folder of the operating system. Every open goes through an os.Root, so neither ".." nor a symbolic link
// leads out of it.
type osFS struct {
	root *os.Root
	path string
	slow slowWrites
}

// NewOS makes the folder if it is missing and opens it. The returned FS stays open for the life of the process.
func NewOS(dir string) (FS, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	return &osFS{root: root, path: dir}, nil
}

func (s *osFS) open(name string, flag int) (File, error) {
	f, err := s.root.OpenFile(filepath.FromSlash(name), flag, 0o644)
	if err != nil {
		return nil, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &osFile{f: f, raw: raw, slow: &s.slow}, nil
}

func (s *osFS) Create(name string) (File, error) {
	return s.open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (s *osFS) Open(name string) (File, error) { return s.open(name, os.O_RDONLY) }

func (s *osFS) OpenReadWrite(name string) (File, error) {
	return s.open(name, os.O_RDWR|os.O_CREATE)
}

func (s *osFS) Remove(name string) error { return s.root.Remove(filepath.FromSlash(name)) }

func (s *osFS) RemoveAll(name string) error { return s.root.RemoveAll(filepath.FromSlash(name)) }

func (s *osFS) Rename(oldName, newName string) error {
	return s.root.Rename(filepath.FromSlash(oldName), filepath.FromSlash(newName))
}

func (s *osFS) List(dir string) ([]string, error) {
	d, err := s.root.Open(filepath.FromSlash(dir))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

func (s *osFS) Stat(name string) (Info, error) {
	fi, err := s.root.Stat(filepath.FromSlash(name))
	if err != nil {
		return Info{}, err
	}
	return Info{Size: fi.Size(), ModTime: fi.ModTime(), IsDir: fi.IsDir()}, nil
}

func (s *osFS) MkdirAll(dir string) error { return s.root.MkdirAll(filepath.FromSlash(dir), 0o755) }

func (s *osFS) SyncDir(dir string) error {
	d, err := s.root.Open(filepath.FromSlash(dir))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

func (s *osFS) Lock(name string) (io.Closer, error) {
	f, err := s.root.OpenFile(filepath.FromSlash(name), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", filepath.Join(s.path, name), err), f.Close())
	}
	return f, nil
}

func (s *osFS) Usage() (Usage, error) { return diskUsage(s.path) }

// slowWrites remembers when a short write to the volume last took long: unix nanoseconds, 0 for never.
type slowWrites struct{ at atomic.Int64 }

// osFile is an open file of the operating system.
type osFile struct {
	f    *os.File
	raw  syscall.RawConn
	slow *slowWrites // of the FS
}

func (f *osFile) ReadAt(p []byte, off int64) (int, error)  { return f.f.ReadAt(p, off) }
func (f *osFile) WriteAt(p []byte, off int64) (int, error) { return writeAt(f, p, off) }
func (f *osFile) Close() error                             { return f.f.Close() }
func (f *osFile) Truncate(size int64) error                { return f.f.Truncate(size) }

func (f *osFile) Size() (int64, error) {
	fi, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}

func (f *osFile) Sync() error { return dataSync(f.f) }

func (f *osFile) Preallocate(offset, length int64) error { return preallocate(f.f, offset, length) }
