package wire_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/chortal/chortal/broker/internal/wire"
)

func prefix(size int32, key, version int16, corr int32) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(size))
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	return binary.BigEndian.AppendUint32(b, uint32(corr))
}

func TestPrefix(t *testing.T) {
	h, rest, err := wire.ParsePrefix(prefix(20, 18, 3, 7), 100)
	if err != nil || h != (wire.Header{Key: 18, Version: 3, CorrelationID: 7}) || rest != 12 {
		t.Fatal(h, rest, err)
	}
	for _, size := range []int32{-1 << 31, -1, 0, 7, 101, 1<<31 - 1} {
		if _, _, err := wire.ParsePrefix(prefix(size, 18, 3, 7), 100); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

func TestRestOfHeader(t *testing.T) {
	f := func(rest string, flexible bool, id, body string) {
		t.Helper()
		var h wire.Header
		got, err := h.ParseRest([]byte(rest), flexible, "old")
		if err != nil || h.ClientID != id || string(got) != body {
			t.Errorf("%q: client id %q, body %q, %v", rest, h.ClientID, got, err)
		}
	}
	f("\x00\x03abcbody", false, "abc", "body")
	f("\x00\x03old", false, "old", "")
	f("\x00\x00", false, "", "")
	f("\xff\xffbody", false, "", "body") // null
	f("\x00\x01a\x00body", true, "a", "body")
	f("\x00\x01a\x01\x05\x02xybody", true, "a", "body") // a tagged field that nobody knows

	bad := func(rest string, flexible bool) {
		t.Helper()
		var h wire.Header
		if _, err := h.ParseRest([]byte(rest), flexible, ""); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%q: %v", rest, err)
		}
	}
	bad("", false)
	bad("\x00", false)
	bad("\x00\x04abc", false)
	bad("\xff\xfe", false)
	bad("\xff\xff", true)
	bad("\xff\xff\xff\xff\xff\x7f", true)
	bad("\xff\xff\x01\x00\xff\xff\xff\xff\x0f", true)
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("\x00\x01a\x01\x05\x02xybody"), true)
	f.Fuzz(func(t *testing.T, rest []byte, flexible bool) {
		var h wire.Header
		body, err := h.ParseRest(rest, flexible, "old")
		if err == nil && len(body)+len(h.ClientID)+2 > len(rest) && h.ClientID != "" {
			t.Fatalf("%d bytes became %q and %d bytes", len(rest), h.ClientID, len(body))
		}
		if err != nil && !errors.Is(err, wire.ErrMalformed) {
			t.Fatal(err)
		}
	})
}
