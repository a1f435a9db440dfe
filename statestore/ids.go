package statestore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Keys of an engine begin with the id of the store that they belong to, two bytes. Id 0 is the package's own:
//
//	0x0000 'n' name       the id of the store of that name (2 bytes, from 1 on) and its layout (9 bytes)
//	0x0000 't' id         the stream time of the window store with that id (8 bytes)
//
// docs/formats/state-store.md has the whole layout.
const (
	storeIDBytes  = 2
	metaName      = 'n'
	metaTime      = 't'
	maxStoreID    = math.MaxUint16
	firstStoreID  = 1
	metaKeyPrefix = "\x00\x00"
)

// layout is how the keys of a store lie in an engine: the schema and the span of a segment, 0 without segments.
type layout struct {
	kind     byte
	interval int64
}

// The kinds of layout.
const (
	keyValueLayout      = 1
	windowLayout        = 2
	windowByTimeLayout  = 3
	storeEntryBytes     = storeIDBytes + 1 + 8
	storeEntryByteLimit = 1 << 10 // of a store's name
)

var errLayout = errors.New("store was written with another layout")

// storeID returns the id of the store called name in e, and gives it one if it has none. State of another layout is as
// good as corrupt: it has to be restored.
func storeID(e Engine, name string, l layout) (uint16, error) {
	if len(name) > storeEntryByteLimit {
		return 0, fmt.Errorf("open store %.20s...: %w: its name has %d bytes", name, ErrTooLarge, len(name))
	}
	key := append([]byte(metaKeyPrefix+string(rune(metaName))), name...)
	value, ok, err := e.Get(key)
	if err != nil {
		return 0, fmt.Errorf("look up id of store %s: %w", name, err)
	}
	if ok {
		if len(value) != storeEntryBytes {
			return 0, &CorruptionError{Key: key, Err: fmt.Errorf("store id of %d bytes", len(value))}
		}
		if got := (layout{value[storeIDBytes], int64(binary.BigEndian.Uint64(value[storeIDBytes+1:]))}); got != l {
			return 0, &CorruptionError{Key: key, Err: fmt.Errorf("%w: %+v instead of %+v", errLayout, got, l)}
		}
		return binary.BigEndian.Uint16(value), nil
	}
	highest, err := highestStoreID(e)
	if err != nil {
		return 0, fmt.Errorf("look up id of store %s: %w", name, err)
	}
	if highest == maxStoreID {
		return 0, fmt.Errorf("open store %s: %w: an engine holds at most %d stores", name, ErrTooLarge, maxStoreID)
	}
	id := max(highest+1, firstStoreID)
	value = append(binary.BigEndian.AppendUint16(nil, id), l.kind)
	value = binary.BigEndian.AppendUint64(value, uint64(l.interval))
	var b Batch
	b.Put(key, value)
	if err := e.Apply(&b); err != nil {
		return 0, fmt.Errorf("name store %s: %w", name, err)
	}
	return id, nil
}

func highestStoreID(e Engine) (highest uint16, err error) {
	from := []byte(metaKeyPrefix + string(rune(metaName)))
	to := []byte(metaKeyPrefix + string(rune(metaName+1)))
	for entry, err := range e.Scan(from, to, Ascending) {
		if err != nil {
			return 0, err
		}
		if len(entry.Value) == storeEntryBytes {
			highest = max(highest, binary.BigEndian.Uint16(entry.Value))
		}
	}
	return highest, nil
}

// timeKey is the key of the stream time of the window store id.
func timeKey(id uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte(metaKeyPrefix+string(rune(metaTime))), id)
}
