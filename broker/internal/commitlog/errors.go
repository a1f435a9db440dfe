package commitlog

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrOutOfRange: the offset lies before the log start or after the log end.
	ErrOutOfRange = errors.New("offset out of range")
	// ErrCorrupt: bytes that were durable are damaged. The log refuses to open rather than lose them silently.
	ErrCorrupt = errors.New("corrupt log")
	// ErrClosed: the log was closed or deleted.
	ErrClosed = errors.New("log is closed")
	// ErrNoSpace: the disk is full. Nothing was appended; the log works on and a later append may succeed.
	ErrNoSpace = errors.New("no space left for the log")

	errSegmentGone = errors.New("segment was deleted")
)

// errNothingBehind says at which offset to read on.
type errNothingBehind int64

func (e errNothingBehind) Error() string { return fmt.Sprintf("nothing before offset %d", int64(e)) }

// isNoSpace tells a full disk, which passes, from a broken one, which does not.
func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
