package statestore

// index finds slots by hash: open addressing with linear probing, no pointers. An element is the upper half of a hash and
// a slot plus one; zero is empty.
type index struct {
	cells []uint64
	used  int
}

const indexFirstCells = 64

// tag is the part of a hash that an index keeps; its low bits choose the cell.
func tag(hash uint64) uint32 { return uint32(hash >> 32) }

// add puts a slot in; it must not be there.
func (x *index) add(tag uint32, slot int32) {
	if 4*(x.used+1) > 3*len(x.cells) {
		x.grow()
	}
	x.place(uint64(tag)<<32 | uint64(uint32(slot)+1))
	x.used++
}

func (x *index) place(cell uint64) {
	mask := uint32(len(x.cells) - 1)
	i := uint32(cell>>32) & mask
	for x.cells[i] != 0 {
		i = (i + 1) & mask
	}
	x.cells[i] = cell
}

func (x *index) grow() {
	old := x.cells
	x.cells = make([]uint64, max(indexFirstCells, 2*len(old)))
	for _, cell := range old {
		if cell != 0 {
			x.place(cell)
		}
	}
}

// remove takes a slot out; it must be there. The cells behind it move up, so that no tombstone is left.
func (x *index) remove(tag uint32, slot int32) {
	mask := uint32(len(x.cells) - 1)
	i := tag & mask
	for x.cells[i] != uint64(tag)<<32|uint64(uint32(slot)+1) {
		i = (i + 1) & mask
	}
	x.used--
	for j := (i + 1) & mask; x.cells[j] != 0; j = (j + 1) & mask {
		home := uint32(x.cells[j]>>32) & mask
		if (j-home)&mask >= (j-i)&mask { // the cell may stand at i
			x.cells[i] = x.cells[j]
			i = j
		}
	}
	x.cells[i] = 0
}
