// Package badgerstore is a state store engine on disk, over Badger.
//
// The engine is a spill and a checkpoint, not the truth: the changelog topic is. So nothing is synced to disk, and what a
// crash leaves is an older state with the changelog offsets that belong to it. Every value carries a checksum; bytes that
// fail it are reported as *statestore.CorruptionError, upon which the owner wipes the engine and restores it.
//
// # Files
//
// The folder of an engine holds
//
//	format       "CHST" and a version byte
//	openings     how often the engine was opened since it last proved to work, one byte
//	db/          Badger's files
//
// # Keys
//
//	0x00 'c'                        how the engine was closed: written by Close, removed by Open
//	0x00 'o' partition(4) topic     a changelog offset
//	0x01 key                        an entry
//
// Every value, of whatever key, is a CRC-32C (4 bytes) of all that follows, a version byte, and the value.
// docs/formats/state-store.md has the layouts in full.
package badgerstore
