package memstore

import (
	"bytes"
	"slices"
	"sort"
)

// maxItems is the most entries of a leaf, and the most children of an inner node.
const maxItems = 64

// tree is a B+tree. Nodes of an older generation than the tree's belong to snapshots too, and are copied before they are
// changed. Deleting leaves nodes less than half full and removes only empty ones: state stores refill them.
type tree struct {
	root       *node
	generation uint64
}

// node is a leaf (kids is nil) or an inner node. lows[i] is a lower bound of the keys below kids[i] and an upper bound of
// those below kids[i-1]; lows[0] is not looked at.
type node struct {
	generation uint64
	items      []item
	lows       [][]byte
	kids       []*node
}

type item struct{ key, value []byte }

// freeze returns the root as it is now; later changes leave it alone.
func (t *tree) freeze() *node {
	t.generation++
	return t.root
}

// put sets key to value; both belong to the tree from now on.
func (t *tree) put(key, value []byte) {
	if t.root == nil {
		t.root = &node{generation: t.generation}
	}
	t.root = t.own(t.root)
	right, low := t.insert(t.root, item{key, value})
	if right != nil {
		t.root = &node{generation: t.generation, lows: [][]byte{nil, low}, kids: []*node{t.root, right}}
	}
}

// insert puts it below n, which the tree owns. If n overflows, it keeps the left part and returns the right one with its
// lower bound.
func (t *tree) insert(n *node, it item) (right *node, low []byte) {
	if n.kids == nil {
		return t.insertLeaf(n, it)
	}
	i := n.child(it.key)
	n.kids[i] = t.own(n.kids[i])
	split, splitLow := t.insert(n.kids[i], it)
	if split == nil {
		return nil, nil
	}
	n.kids = slices.Insert(n.kids, i+1, split)
	n.lows = slices.Insert(n.lows, i+1, splitLow)
	if len(n.kids) <= maxItems {
		return nil, nil
	}
	at := splitPoint(len(n.kids), i+1)
	right = &node{generation: t.generation, lows: slices.Clone(n.lows[at:]), kids: slices.Clone(n.kids[at:])}
	low = n.lows[at]
	clear(n.kids[at:])
	clear(n.lows[at:])
	n.kids, n.lows = n.kids[:at], n.lows[:at]
	return right, low
}

func (t *tree) insertLeaf(n *node, it item) (right *node, low []byte) {
	i, found := n.find(it.key)
	if found {
		n.items[i] = it
		return nil, nil
	}
	n.items = slices.Insert(n.items, i, it)
	if len(n.items) <= maxItems {
		return nil, nil
	}
	at := splitPoint(len(n.items), i)
	right = &node{generation: t.generation, items: slices.Clone(n.items[at:])}
	clear(n.items[at:])
	n.items = n.items[:at]
	return right, right.items[0].key
}

// splitPoint says where a node of n elements is split after one was inserted at i: in the middle, or, when keys arrive in
// order, at the end, which leaves full nodes behind.
func splitPoint(n, i int) int {
	if i == n-1 {
		return n - 1
	}
	return n / 2
}

// delete removes key, if it is there.
func (t *tree) delete(key []byte) {
	if _, ok := t.root.get(key); !ok {
		return
	}
	t.root = t.own(t.root)
	t.remove(t.root, key)
	for t.root != nil && t.root.kids != nil && len(t.root.kids) <= 1 {
		if len(t.root.kids) == 0 {
			t.root = nil
		} else {
			t.root = t.root.kids[0]
		}
	}
}

// remove deletes key, which exists, below n, which the tree owns.
func (t *tree) remove(n *node, key []byte) {
	if n.kids == nil {
		i, _ := n.find(key)
		n.items = slices.Delete(n.items, i, i+1)
		return
	}
	i := n.child(key)
	kid := t.own(n.kids[i])
	n.kids[i] = kid
	t.remove(kid, key)
	if len(kid.items) == 0 && len(kid.kids) == 0 {
		n.kids = slices.Delete(n.kids, i, i+1)
		n.lows = slices.Delete(n.lows, i, i+1)
	}
}

// own returns n if only the tree uses it, else a copy.
func (t *tree) own(n *node) *node {
	if n.generation == t.generation {
		return n
	}
	return &node{generation: t.generation, items: slices.Clone(n.items), lows: slices.Clone(n.lows), kids: slices.Clone(n.kids)}
}

// get returns the value of key below n, which may be nil.
func (n *node) get(key []byte) ([]byte, bool) {
	if n == nil {
		return nil, false
	}
	for n.kids != nil {
		if len(n.kids) == 0 {
			return nil, false
		}
		n = n.kids[n.child(key)]
	}
	i, found := n.find(key)
	if !found {
		return nil, false
	}
	return n.items[i].value, true
}

// find returns the position of the first item of a leaf that is not below key.
func (n *node) find(key []byte) (int, bool) {
	return slices.BinarySearchFunc(n.items, key, func(it item, key []byte) int { return bytes.Compare(it.key, key) })
}

// child returns the child whose range holds key.
func (n *node) child(key []byte) int {
	return sort.Search(len(n.lows)-1, func(i int) bool { return bytes.Compare(n.lows[i+1], key) > 0 })
}

// ascend calls visit for the items from <= key < to in order until it returns false; nil bounds are open. It returns
// false if the walk is over.
func (n *node) ascend(from, to []byte, visit func(item) bool) bool {
	if n == nil {
		return true
	}
	if n.kids == nil {
		i := 0
		if from != nil {
			i, _ = n.find(from)
		}
		for _, it := range n.items[i:] {
			if to != nil && bytes.Compare(it.key, to) >= 0 || !visit(it) {
				return false
			}
		}
		return true
	}
	i := 0
	if from != nil && len(n.kids) > 0 {
		i = n.child(from)
	}
	for _, kid := range n.kids[i:] {
		if !kid.ascend(from, to, visit) {
			return false
		}
	}
	return true
}

// descend is ascend from the last item to the first.
func (n *node) descend(from, to []byte, visit func(item) bool) bool {
	if n == nil {
		return true
	}
	if n.kids == nil {
		end := len(n.items)
		if to != nil {
			end, _ = n.find(to)
		}
		for _, it := range slices.Backward(n.items[:end]) {
			if from != nil && bytes.Compare(it.key, from) < 0 || !visit(it) {
				return false
			}
		}
		return true
	}
	end := len(n.kids)
	if to != nil && end > 0 {
		end = n.child(to) + 1
	}
	for _, kid := range slices.Backward(n.kids[:end]) {
		if !kid.descend(from, to, visit) {
			return false
		}
	}
	return true
}
