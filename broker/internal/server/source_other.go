//go:build !unix

package server

import "net"

// rawSource is not to be had on this system: connections hold their read buffer while they wait.
type rawSource struct{}

func newRawSource(net.Conn, *buffers) *rawSource { return nil }

func (*rawSource) read() (*buffer, error) { panic("rawSource without a file descriptor") }

// rawSink is not to be had either: answers go through the connection.
type rawSink struct{}

func newRawSink(net.Conn) *rawSink { return nil }

func (*rawSink) write([]byte) error { panic("rawSink without a file descriptor") }
