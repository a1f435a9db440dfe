package recordbatch

import "fmt"

// Codec is the compression of a batch's records, as numbered in its attributes.
type Codec int8

// The codecs of Kafka.
const (
	None Codec = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

var codecNames = [...]string{"none", "gzip", "snappy", "lz4", "zstd"}

// String gives the codec's name as compression.type spells it.
func (c Codec) String() string {
	if c < 0 || int(c) >= len(codecNames) {
		return fmt.Sprintf("codec(%d)", int8(c))
	}
	return codecNames[c]
}

// ParseCodec reads a name of compression.type; "uncompressed" is None. "producer" is no codec.
func ParseCodec(name string) (Codec, error) {
	if name == "uncompressed" {
		return None, nil
	}
	for i, n := range codecNames {
		if n == name {
			return Codec(i), nil
		}
	}
	return None, fmt.Errorf("unknown compression codec %q", name)
}

// Level is how hard a codec tries, in its own numbers: those of compression.gzip.level, compression.lz4.level and
// compression.zstd.level. [DefaultLevel] is the default of each.
type Level int

// DefaultLevel lets the codec choose. So do levels below it, but for zstd's, which mean to be fast.
const DefaultLevel Level = 0

// maxLevel is the highest level of any codec.
const maxLevel = 22

// index is the place of the level's pool. Negative levels of gzip mean the default; those of zstd are faster than any,
// and so is level 1.
func (l Level) index() int {
	switch {
	case l < -1:
		return 1
	case l == -1:
		return 0
	}
	return int(min(l, maxLevel))
}
