//go:build linux || darwin

package badgerstore

import (
	"fmt"
	"syscall"

	"github.com/chortal/chortal/statestore"
)

// checkSpace returns statestore.ErrNoSpace if less than minFree bytes are free for dir.
func checkSpace(dir string, minFree uint64) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	if free := s.Bavail * uint64(s.Bsize); free < minFree {
		return fmt.Errorf("%s: %w: %d bytes are free, %d must be", dir, statestore.ErrNoSpace, free, minFree)
	}
	return nil
}
