package badgerstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/chortal/chortal/statestore"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Options tune an engine; the zero value is right for a task of ordinary size.
type Options struct {
	// MemTableBytes is the size of a memtable; zero means 8 MiB, which is the least.
	MemTableBytes int64
	// MinFreeBytes is the room that must be free on the disk before each write; zero means 256 MiB or four times the
	// memtable, whichever is more. On a full disk Badger dies of SIGBUS, which no program can recover from.
	MinFreeBytes int64
	// Logger receives Badger's warnings and errors; nil drops them.
	Logger *slog.Logger
}

const (
	minMemTableBytes = 8 << 20
	numMemTables     = 2
	minFreeBytes     = 256 << 20
	// maxEntryBytes keeps all values in the LSM tree: the value log may lose more than a suffix in a power loss.
	maxEntryBytes = 1<<20 - 1024
	// maxOpenings is how often an engine may be opened without one write or clean close before it is held to be what
	// kills the process.
	maxOpenings = 10
)

// formatMagic is the content of the format file: a magic word and the version of the layout.
var formatMagic = []byte("CHST\x01")

var (
	errFormat   = errors.New("not a state store of a version that this program reads")
	errOpenings = fmt.Errorf("opened %d times in a row without a write", maxOpenings)
)

func formatFile(dir string) string   { return filepath.Join(dir, "format") }
func openingsFile(dir string) string { return filepath.Join(dir, "openings") }
func dbDir(dir string) string        { return filepath.Join(dir, "db") }

// Open opens the engine in dir, which it creates if need be. It returns a *statestore.CorruptionError if the folder holds
// an engine that cannot be trusted: the caller calls Destroy and opens it again, empty.
func Open(dir string, o Options) (statestore.Engine, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.MemTableBytes = max(o.MemTableBytes, minMemTableBytes)
	if o.MinFreeBytes == 0 {
		o.MinFreeBytes = max(minFreeBytes, 2*numMemTables*o.MemTableBytes)
	}
	if err := prepareDir(dir); err != nil {
		return nil, fmt.Errorf("open state store: %w", err)
	}
	if err := checkSpace(dir, uint64(o.MinFreeBytes)); err != nil {
		return nil, err
	}
	if err := countOpening(dir); err != nil {
		return nil, err
	}
	db, err := openBadger(badgerOptions(dbDir(dir), o))
	if err != nil {
		return nil, openError(dir, err)
	}
	e := &engine{
		dir: dir, db: db, minFree: uint64(o.MinFreeBytes), maxSize: maxEntryBytes,
		snapshots: make(map[*snapshot]struct{}),
	}
	e.idle.L = &e.mu
	if err := e.load(o.Logger); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return e, nil
}

// Destroy deletes the closed engine in dir, broken or not.
func Destroy(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("destroy state store: %w", err)
	}
	return nil
}

// badgerOptions: nothing is synced (the changelog is the durability), values stay in the LSM tree, blocks are read from
// mapped files without a cache of our own and checked when they are read.
func badgerOptions(dir string, o Options) badger.Options {
	return badger.DefaultOptions(dir).
		WithSyncWrites(false).
		WithDetectConflicts(false).
		WithMetricsEnabled(false).
		WithNumVersionsToKeep(1).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithMemTableSize(o.MemTableBytes).
		WithNumMemtables(numMemTables).
		WithValueThreshold(1 << 20).
		WithValueLogFileSize(1 << 20).
		WithNumCompactors(2).
		WithCompactL0OnClose(false).
		WithLogger(badgerLog{o.Logger})
}

// openBadger turns a panic over a broken file into an error.
func openBadger(o badger.Options) (db *badger.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return badger.Open(o)
}

// prepareDir creates the folder of an engine, or checks its format.
func prepareDir(dir string) error {
	got, err := os.ReadFile(formatFile(dir))
	switch {
	case err == nil && bytes.Equal(got, formatMagic):
		return nil
	case err == nil:
		return &statestore.CorruptionError{Dir: dir, Err: fmt.Errorf("%w: %q", errFormat, got)}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if _, err := os.Stat(dbDir(dir)); err == nil {
		return &statestore.CorruptionError{Dir: dir, Err: errFormat}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(formatFile(dir), formatMagic, 0o644)
}

// countOpening stops a crash loop: if the process dies again and again after it has opened the engine, the engine is to
// blame.
func countOpening(dir string) error {
	got, err := os.ReadFile(openingsFile(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open state store: %w", err)
	}
	n := byte(0)
	if len(got) == 1 {
		n = got[0]
	}
	if n >= maxOpenings {
		return &statestore.CorruptionError{Dir: dir, Err: errOpenings}
	}
	if err := os.WriteFile(openingsFile(dir), []byte{n + 1}, 0o644); err != nil {
		return fmt.Errorf("open state store: %w", err)
	}
	return nil
}

// openError tells what the environment refuses from what is broken.
func openError(dir string, err error) error {
	for _, environment := range []error{
		fs.ErrPermission, syscall.ENOSPC, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EROFS, syscall.EAGAIN,
	} {
		if errors.Is(err, environment) {
			return fmt.Errorf("open state store %s: %w", dir, err)
		}
	}
	if strings.Contains(err.Error(), "directory lock") {
		return fmt.Errorf("open state store %s: another process uses it: %w", dir, err)
	}
	return &statestore.CorruptionError{Dir: dir, Err: err}
}

// load reads the offsets, and how the engine was closed.
func (e *engine) load(log *slog.Logger) error {
	txn := e.db.NewTransaction(false)
	defer txn.Discard()
	e.offsets = make(statestore.Offsets)
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	prefix := []byte{metaPrefix, metaOffset}
	for it.Seek(prefix); it.ValidForPrefix(prefix); it.Next() {
		key := it.Item().KeyCopy(nil)
		tp, err := splitOffsetKey(key)
		if err != nil {
			return e.corrupt(key, err)
		}
		value, _, err := e.get(txn, key)
		if err != nil {
			return err
		}
		if e.offsets[tp], err = decodeOffset(value); err != nil {
			return e.corrupt(key, err)
		}
	}
	return e.loadClosed(txn, log)
}

// loadClosed says in the log if the engine was not closed: then it may be behind, and after a power loss more so.
func (e *engine) loadClosed(txn *badger.Txn, log *slog.Logger) error {
	key := []byte{metaPrefix, metaClosed}
	_, clean, err := e.get(txn, key)
	if err != nil {
		return err
	}
	if !clean {
		if len(e.offsets) > 0 {
			log.Info("state store was not closed, its changelog's tail will be replayed", "dir", e.dir)
		}
		return nil
	}
	w := writer{db: e.db}
	defer w.discard()
	if err := w.delete(key); err != nil {
		return fmt.Errorf("open state store %s: %w", e.dir, err)
	}
	return w.commit()
}

// bootID identifies the run of the kernel, where it says so.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(id))
}

// badgerLog passes Badger's messages on.
type badgerLog struct{ log *slog.Logger }

func (l badgerLog) Errorf(format string, args ...any)   { l.print(slog.LevelError, format, args) }
func (l badgerLog) Warningf(format string, args ...any) { l.print(slog.LevelWarn, format, args) }
func (l badgerLog) Infof(format string, args ...any)    { l.print(slog.LevelDebug, format, args) }
func (l badgerLog) Debugf(format string, args ...any)   {}

func (l badgerLog) print(level slog.Level, format string, args []any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, "badger", "message", strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
}
