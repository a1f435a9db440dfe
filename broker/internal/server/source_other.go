//go:build !unix

package server

import "net"

// rawSource is not to be had on this system: connections hold their read buffer while they wait.
type rawSource struct{}

func newRawSource(net.Conn, *buffers) *rawSource { return nil }

func (*rawSource) read() (*buffer, error) { panic("rawSource without a file descriptor") }
