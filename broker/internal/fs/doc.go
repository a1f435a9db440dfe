// Package fs is the broker's only door to the disk.
//
// An [FS] is a folder: every name is a slash-separated path below it, and no name can leave it. Three kinds exist:
// [NewOS] opens files through os.Root, [NewMem] keeps them in memory and loses (or tears) what was not synced when
// [Mem.Crash] is called, and [NewFaulty] wraps another FS and makes chosen operations break.
//
// Rules that callers rely on:
//
//   - bytes written are durable after [File.Sync]; a name (created, renamed, removed) is durable after [FS.SyncDir] of
//     its folder. Nothing else is promised after a power loss.
//   - an error for a missing file satisfies errors.Is(err, io/fs.ErrNotExist).
//   - a File may be read and written from several goroutines; offsets are always explicit.
package fs
