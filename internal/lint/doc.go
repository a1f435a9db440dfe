// Package lint holds the rules of ARCHITECTURE.md as tests: who may import
// whom, which package is the door of each outside library, that every path the
// page names exists, and that exported names say what they mean.
//
// It has no code of its own.
package lint
