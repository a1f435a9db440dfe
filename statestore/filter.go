package statestore

// filter tells which keys an engine may hold although the cache does not: those that were there when the store was opened
// and those that left the cache since. It is a chain of Bloom filters, each four times as large as the one before, at about 10
// bits and 6 probes a key: about one look-up in a hundred for an absent key goes to the engine in vain. All probes of a
// key lie in one 64-byte block.
type filter struct {
	layers []filterLayer
}

type filterLayer struct {
	blocks [][8]uint64
	keys   int
	room   int
}

const (
	filterFirstKeys  = 1 << 9
	filterBitsPerKey = 10
	filterProbes     = 6
	filterBlockBits  = 512
	filterProbeBits  = 9 // of the hash, for a position in a block
)

// add notes that a key with hash h may be in the engine.
func (f *filter) add(h uint64) {
	if f.has(h) {
		return
	}
	if n := len(f.layers); n == 0 || f.layers[n-1].keys >= f.layers[n-1].room {
		room := filterFirstKeys
		if n > 0 {
			room = 4 * f.layers[n-1].room
		}
		f.layers = append(f.layers, filterLayer{
			blocks: make([][8]uint64, room*filterBitsPerKey/filterBlockBits+1),
			room:   room,
		})
	}
	f.layers[len(f.layers)-1].add(h)
}

// has says whether a key with hash h may be in the engine; false is certain.
func (f *filter) has(h uint64) bool {
	if f == nil {
		return false
	}
	for i := range f.layers {
		if f.layers[i].has(h) {
			return true
		}
	}
	return false
}

// bytes returns the memory that f holds.
func (f *filter) bytes() (n int64) {
	for i := range f.layers {
		n += int64(len(f.layers[i].blocks)) * filterBlockBits / 8
	}
	return n
}

func (l *filterLayer) add(h uint64) {
	block, bits := l.locate(h)
	for range filterProbes {
		bit := bits & (filterBlockBits - 1)
		block[bit>>6] |= 1 << (bit & 63)
		bits >>= filterProbeBits
	}
	l.keys++
}

func (l *filterLayer) has(h uint64) bool {
	block, bits := l.locate(h)
	for range filterProbes {
		bit := bits & (filterBlockBits - 1)
		if block[bit>>6]&(1<<(bit&63)) == 0 {
			return false
		}
		bits >>= filterProbeBits
	}
	return true
}

// locate returns the block of a hash and the bits that its probes are taken from.
func (l *filterLayer) locate(h uint64) (block *[8]uint64, bits uint64) {
	i := (h >> 32) * uint64(len(l.blocks)) >> 32
	return &l.blocks[i], h * 0x9e3779b97f4a7c15
}
