package fs

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path"
	"time"
)

// FS is one folder and all that lies below it. Names are slash-separated and relative to it.
type FS interface {
	// Create makes the file, or empties it if it exists, and opens it for reading and writing.
	Create(name string) (File, error)
	// Open opens an existing file for reading.
	Open(name string) (File, error)
	// OpenReadWrite opens the file for reading and writing, and creates it if it is missing.
	OpenReadWrite(name string) (File, error)
	// Remove deletes a file or an empty folder.
	Remove(name string) error
	// RemoveAll deletes name and what lies below it; a missing name is no error.
	RemoveAll(name string) error
	// Rename moves a file or folder, replacing a file of the new name.
	Rename(oldName, newName string) error
	// List gives the names (without folder) of what lies directly in dir, sorted. "." is the FS's own folder.
	List(dir string) ([]string, error)
	// Stat describes a file or folder.
	Stat(name string) (Info, error)
	// MkdirAll makes dir and its missing parents.
	MkdirAll(dir string) error
	// SyncDir makes the entries of dir durable.
	SyncDir(dir string) error
	// Lock takes an exclusive lock on the file until the closer is closed or the process dies. It does not wait:
	// a lock held by another gives an error that satisfies errors.Is(err, ErrLocked).
	Lock(name string) (io.Closer, error)
	// Usage tells the size of the volume.
	Usage() (Usage, error)
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size is the length in bytes.
	Size() (int64, error)
	// Truncate cuts or extends (with zeros) the file.
	Truncate(size int64) error
	// Sync makes the bytes written so far, and the file's length, durable.
	Sync() error
	// Preallocate reserves disk blocks for the range without changing the length. It is advice: a file system that
	// cannot do it returns nil.
	Preallocate(offset, length int64) error
}

// Sender is a File that can copy a range of itself to a TCP connection inside the kernel.
type Sender interface {
	// SendTo copies length bytes from offset on to c and returns how many went.
	SendTo(c *net.TCPConn, offset, length int64) (int64, error)
}

// Info describes a file or folder.
type Info struct {
	Size    int64
	ModTime time.Time
	IsDir   bool
}

// Usage is the size of the volume that an FS lies on, in bytes.
type Usage struct{ TotalBytes, FreeBytes int64 }

// ErrLocked says that somebody else holds the lock.
var ErrLocked = errors.New("locked by another process")

// ReadFile reads the whole file, but no more than limit bytes: a longer file is an error.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("read %s: %d bytes exceed the limit of %d", name, size, limit)
	}
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); err != nil && !(errors.Is(err, io.EOF) && n == len(b)) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}

// WriteFileAtomic replaces the file so that, whatever happens, either the old or the new content is there, and
// returns when the new one is durable.
func WriteFileAtomic(fsys FS, name string, data []byte) error {
	tmp := name + ".tmp"
	if err := writeFile(fsys, tmp, data); err != nil {
		return err
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return fmt.Errorf("replace %s: %w", name, err)
	}
	if err := fsys.SyncDir(path.Dir(name)); err != nil {
		return fmt.Errorf("sync folder of %s: %w", name, err)
	}
	return nil
}

func writeFile(fsys FS, name string, data []byte) (err error) {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("close %s: %w", name, cerr)
		}
	}()
	if _, err := f.WriteAt(data, 0); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", name, err)
	}
	return nil
}
