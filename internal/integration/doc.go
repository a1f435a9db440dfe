// Package integration tests the chortal binary from outside: real processes on
// loopback, other people's clients, kill -9.
//
// It has no code of its own.
package integration
