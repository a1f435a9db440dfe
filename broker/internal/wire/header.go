package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// PrefixLen is the number of bytes that every request begins with, whatever its header version: size, key, version and
// correlation id.
const PrefixLen = 12

// minFrame is the least value of a frame's size field: key, version and correlation id.
const minFrame = PrefixLen - 4

// maxHeaderTags bounds the tagged fields of a request header. Kafka defines none so far.
const maxHeaderTags = 32

// ErrMalformed is wrapped by every error of this package: the client sent bytes that are no request.
var ErrMalformed = errors.New("malformed request")

// Header is the head of a request.
type Header struct {
	Key           int16
	Version       int16
	CorrelationID int32
	ClientID      string // empty if null
}

// ParsePrefix reads the first PrefixLen bytes of b. It returns the number of bytes of the frame after the prefix, and
// an error if the frame claims fewer bytes than the prefix itself has, or more than maxSize.
func ParsePrefix(b []byte, maxSize int32) (h Header, rest int, err error) {
	_ = b[PrefixLen-1]
	size := int32(binary.BigEndian.Uint32(b))
	h.Key = int16(binary.BigEndian.Uint16(b[4:]))
	h.Version = int16(binary.BigEndian.Uint16(b[6:]))
	h.CorrelationID = int32(binary.BigEndian.Uint32(b[8:]))
	switch {
	case size < minFrame:
		return h, 0, fmt.Errorf("frame of %d bytes: %w", size, ErrMalformed)
	case size > maxSize:
		return h, 0, fmt.Errorf("frame of %d bytes, at most %d are allowed: %w", size, maxSize, ErrMalformed)
	}
	return h, int(size) - minFrame, nil
}

// ParseRest reads what follows the prefix: the client id and, if the request is flexible, the tagged fields. It returns
// the body. old is the client id of the request before; it is taken again if it is the same, which saves a string.
func (h *Header) ParseRest(b []byte, flexible bool, old string) (body []byte, err error) {
	w := walker{b: b}
	if id, ok := w.nullableString16(); ok {
		if h.ClientID = old; string(id) != old {
			h.ClientID = string(id)
		}
	}
	if flexible {
		w.unknownTags(maxHeaderTags)
	}
	if w.err != nil {
		return nil, fmt.Errorf("header of API %d version %d: %w", h.Key, h.Version, w.err)
	}
	return w.b[w.at:], nil
}
