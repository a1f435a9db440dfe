package statestore

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A stored value is a version byte, the timestamp (8 bytes) and the value's own bytes. Version 2 will add headers.
const (
	valueVersion     = 1
	valueHeaderBytes = 1 + 8
)

var errValueHeader = errors.New("value has no valid header")

// appendValueHeader begins a stored value with timestamp ts.
func appendValueHeader(dst []byte, ts int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, valueVersion), uint64(ts))
}

// splitValue returns the timestamp and the plain bytes of a stored value.
func splitValue(b []byte) (ts int64, value []byte, err error) {
	if len(b) < valueHeaderBytes || b[0] != valueVersion {
		return 0, nil, fmt.Errorf("%w: %d bytes", errValueHeader, len(b))
	}
	return int64(binary.BigEndian.Uint64(b[1:])), b[valueHeaderBytes:], nil
}
