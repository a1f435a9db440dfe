//go:build unix && !linux

package server

import "golang.org/x/sys/unix"

// readNow reads from a socket what is there.
func readNow(fd uintptr, p []byte) (int, error) { return unix.Read(int(fd), p) }

// writeNow writes to a socket what it takes.
func writeNow(fd uintptr, p []byte) (int, error) { return unix.Write(int(fd), p) }
