// Package statestore keeps the state of stream processors: an ordered byte engine, and the typed stores that sit on it.
//
// An [Engine] is an ordered map from bytes to bytes that takes atomic batches and remembers how far each changelog has
// been applied. Package memstore keeps one in memory, package badgerstore on disk; package storetest is the suite that
// both must pass.
//
// [KeyValue] and [Window] are typed stores: key schemas over one engine with a write-behind cache of decoded values in
// front. Operators work on the cached values; encoding, the changelog record and the write to the engine happen once per
// dirty key, when the store is flushed or an entry has to leave memory. A task owns its stores: no method of a typed store
// may be called by two goroutines at once.
//
// # Order of a commit
//
// The owner of the stores commits in this order, and no other:
//
//  1. [Store.Flush] of every store in the order of registration: deferred changes go downstream and to the changelog;
//  2. changelog and output are acknowledged, the input offsets committed;
//  3. [Store.Prepare] of every store fills one [Batch], [Batch.SetOffset] adds the changelog offsets;
//  4. [Engine.Apply] writes it, and [Store.Applied] lets the stores forget that the entries were pending.
//
// If the process dies between 2 and 4, the engine is behind the changelog, and the changelog from the engine's recorded
// offset on is replayed with [Store.Restore]. Replaying a record twice is harmless.
package statestore
