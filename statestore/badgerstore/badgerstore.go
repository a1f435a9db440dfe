// Package badgerstore is a state store engine on disk, over Badger.
package badgerstore

import (
	"log/slog"

	"github.com/chortal/chortal/statestore"
)

// Options tune an engine; the zero value is right for a task of ordinary size.
type Options struct {
	// MemTableBytes is the size of a memtable; zero means 16 MiB. Values may be as large as a tenth of it.
	MemTableBytes int64
	// MinFreeBytes is the room that must be free on the disk before each write; zero means 256 MiB or twice the
	// memtables, whichever is more.
	MinFreeBytes int64
	// Logger receives Badger's warnings and errors; nil drops them.
	Logger *slog.Logger
}

// Open opens the engine in dir, which it creates if need be. It returns a *statestore.CorruptionError if the folder holds
// an engine that cannot be trusted: the caller calls Destroy and opens it again, empty.
func Open(dir string, o Options) (statestore.Engine, error) { panic("api") }

// Destroy deletes the closed engine in dir, broken or not.
func Destroy(dir string) error { panic("api") }
