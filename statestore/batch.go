package statestore

import (
	"bytes"
	"iter"
	"maps"
	"slices"
)

// Batch is a set of writes that an engine applies together. The zero value is an empty batch. Keys and values are copied
// into it.
type Batch struct {
	buf     []byte
	ops     []batchOp
	offsets Offsets
}

// batchOp is one write; its key and value are slices of Batch.buf.
type batchOp struct {
	key, value int // start of the key and of the value in buf
	end        int // end of the value
	delete     bool
}

// Op is one write of a batch.
type Op struct {
	Key, Value []byte
	// Delete says that the key is removed; Value is nil then.
	Delete bool
}

// Put adds key with value.
func (b *Batch) Put(key, value []byte) {
	start := len(b.buf)
	b.buf = append(b.buf, key...)
	mid := len(b.buf)
	b.buf = append(b.buf, value...)
	b.ops = append(b.ops, batchOp{key: start, value: mid, end: len(b.buf)})
}

// Delete adds the removal of key.
func (b *Batch) Delete(key []byte) {
	start := len(b.buf)
	b.buf = append(b.buf, key...)
	b.ops = append(b.ops, batchOp{key: start, value: len(b.buf), end: len(b.buf), delete: true})
}

// SetOffset records that the changelog partition tp is applied up to o with this batch.
func (b *Batch) SetOffset(tp TopicPartition, o Offset) {
	if b.offsets == nil {
		b.offsets = make(Offsets)
	}
	b.offsets[tp] = o
}

// Offsets returns the changelog offsets set in b; the map is b's own.
func (b *Batch) Offsets() Offsets { return b.offsets }

// Len returns the number of writes, offsets not counted.
func (b *Batch) Len() int { return len(b.ops) }

// Size returns the bytes of all keys and values.
func (b *Batch) Size() int { return len(b.buf) }

// Reset empties b and keeps its memory.
func (b *Batch) Reset() {
	b.buf, b.ops = b.buf[:0], b.ops[:0]
	clear(b.offsets)
}

// Sort puts the writes into key order and drops all but the last write of each key. Engines call it before they write:
// sorted writes cost up to half.
func (b *Batch) Sort() {
	slices.SortStableFunc(b.ops, func(x, y batchOp) int { return bytes.Compare(b.key(x), b.key(y)) })
	kept := b.ops[:0]
	for i, op := range b.ops {
		if i+1 < len(b.ops) && bytes.Equal(b.key(op), b.key(b.ops[i+1])) {
			continue
		}
		kept = append(kept, op)
	}
	b.ops = kept
}

// All walks the writes in their order. Keys and values are valid until the batch is changed.
func (b *Batch) All() iter.Seq[Op] {
	return func(yield func(Op) bool) {
		for _, op := range b.ops {
			o := Op{Key: b.key(op), Delete: op.delete}
			if !op.delete {
				o.Value = b.buf[op.value:op.end:op.end]
			}
			if !yield(o) {
				return
			}
		}
	}
}

// Clone returns a copy that shares nothing with b.
func (b *Batch) Clone() *Batch {
	return &Batch{buf: bytes.Clone(b.buf), ops: slices.Clone(b.ops), offsets: maps.Clone(b.offsets)}
}

func (b *Batch) key(op batchOp) []byte { return b.buf[op.key:op.value:op.value] }
