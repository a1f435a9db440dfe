package statestore

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Keys of an engine begin with the id of the store that they belong to, two bytes. Id 0 is the package's own:
//
//	0x0000 'n' name       the id of the store of that name (2 bytes, from 1 on)
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

// storeID returns the id of the store called name in e, and gives it one if it has none.
func storeID(e Engine, name string) (uint16, error) {
	key := append([]byte(metaKeyPrefix+string(rune(metaName))), name...)
	value, ok, err := e.Get(key)
	if err != nil {
		return 0, fmt.Errorf("look up id of store %s: %w", name, err)
	}
	if ok {
		if len(value) != storeIDBytes {
			return 0, &CorruptionError{Key: key, Err: fmt.Errorf("store id of %d bytes", len(value))}
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
	var b Batch
	b.Put(key, binary.BigEndian.AppendUint16(nil, id))
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
		if len(entry.Value) == storeIDBytes {
			highest = max(highest, binary.BigEndian.Uint16(entry.Value))
		}
	}
	return highest, nil
}

// timeKey is the key of the stream time of the window store id.
func timeKey(id uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte(metaKeyPrefix+string(rune(metaTime))), id)
}
