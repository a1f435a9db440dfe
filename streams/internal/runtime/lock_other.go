//go:build !unix

package runtime

import (
	"io"
	"os"
)

// lockFile opens a file; there are no locks here that end with the process. Each engine has one of its own.
func lockFile(name string) (io.Closer, error) {
	return os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
}
