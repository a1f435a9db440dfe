package server

import "time"

// Hooks tells an observer, usually metrics, what happens. All methods are called from connection goroutines and must
// not block.
type Hooks interface {
	// ConnOpened is called when a connection of the listener was accepted, ConnClosed when it ended.
	ConnOpened(listener string)
	ConnClosed(listener string)
	// ConnRefused is called when a limit closed a connection at once. reason is one of a few constants.
	ConnRefused(listener, reason string)
	// Request is called when a request was read; bytes is the whole frame.
	Request(key, version int16, bytes int)
	// Answered is called when the answer was handed to the socket: total is the time since the request was read whole,
	// local the part until the handler gave the answer.
	Answered(key int16, total, local time.Duration, bytes int64)
	// BadRequest is called when a connection was closed for what it sent. reason is one of a few constants.
	BadRequest(reason string)
	// Panicked is called when a handler panicked.
	Panicked(key int16)
	// Throttled is called when the server stopped reading a connection because too many bytes are in flight.
	Throttled(waited time.Duration)
}

// noHooks is the observer that looks away.
type noHooks struct{}

func (noHooks) ConnOpened(string)                                   {}
func (noHooks) ConnClosed(string)                                   {}
func (noHooks) ConnRefused(string, string)                          {}
func (noHooks) Request(int16, int16, int)                           {}
func (noHooks) Answered(int16, time.Duration, time.Duration, int64) {}
func (noHooks) BadRequest(string)                                   {}
func (noHooks) Panicked(int16)                                      {}
func (noHooks) Throttled(time.Duration)                             {}
