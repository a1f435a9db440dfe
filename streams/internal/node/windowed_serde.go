package node

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/chortal/chortal/streams/serde"
)

// TimeWindowedSerde writes a windowed key as Kafka Streams does: the key and the window's start. The end is not written
// and follows from Size when it is read; a Size of zero means that it is not known.
type TimeWindowedSerde[K any] struct {
	Key  serde.Serde[K]
	Size int64
}

// Append implements serde.Serde.
func (s TimeWindowedSerde[K]) Append(dst []byte, w Windowed[K]) ([]byte, error) {
	dst, err := s.Key.Append(dst, w.Key)
	return binary.BigEndian.AppendUint64(dst, uint64(w.Start)), err
}

// Decode implements serde.Serde.
func (s TimeWindowedSerde[K]) Decode(b []byte) (w Windowed[K], err error) {
	at := len(b) - 8
	if at < 0 {
		return w, fmt.Errorf("decode windowed key: %d bytes are too few", len(b))
	}
	w.Start, w.End = int64(binary.BigEndian.Uint64(b[at:])), math.MaxInt64
	if end := w.Start + s.Size; s.Size > 0 && end > w.Start {
		w.End = end
	}
	w.Key, err = s.Key.Decode(b[:at:at])
	return w, err
}

// AppendBase implements processor.BaseKeySerde: windows of a key go where the key goes.
func (s TimeWindowedSerde[K]) AppendBase(dst []byte, w Windowed[K]) ([]byte, error) {
	return s.Key.Append(dst, w.Key)
}

// SessionWindowedSerde writes a key with a session window as Kafka Streams does: the key, the end and the start.
type SessionWindowedSerde[K any] struct{ Key serde.Serde[K] }

// Append implements serde.Serde.
func (s SessionWindowedSerde[K]) Append(dst []byte, w Windowed[K]) ([]byte, error) {
	dst, err := s.Key.Append(dst, w.Key)
	dst = binary.BigEndian.AppendUint64(dst, uint64(w.End))
	return binary.BigEndian.AppendUint64(dst, uint64(w.Start)), err
}

// Decode implements serde.Serde.
func (s SessionWindowedSerde[K]) Decode(b []byte) (w Windowed[K], err error) {
	at := len(b) - 16
	if at < 0 {
		return w, fmt.Errorf("decode windowed key: %d bytes are too few", len(b))
	}
	w.End = int64(binary.BigEndian.Uint64(b[at:]))
	w.Start = int64(binary.BigEndian.Uint64(b[at+8:]))
	w.Key, err = s.Key.Decode(b[:at:at])
	return w, err
}

// AppendBase implements processor.BaseKeySerde.
func (s SessionWindowedSerde[K]) AppendBase(dst []byte, w Windowed[K]) ([]byte, error) {
	return s.Key.Append(dst, w.Key)
}
