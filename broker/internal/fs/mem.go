package fs

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mem keeps files in memory. One made by [NewMem] simply is a fast file system; one made by [NewCrashMem] also
// remembers what was not synced, so that [Mem.Crash] can lose it.
type Mem struct {
	crashable bool
	// hook is called before every operation that changes something, see OnChange.
	hook func(what string)

	mu      sync.Mutex
	names   map[string]*memNode // guarded by mu; all but "."
	durable map[string]*memNode // guarded by mu; the names after a power loss, if crashable
	pending []nameOp            // guarded by mu; changes of names since, in order
	locks   map[string]bool     // guarded by mu
}

// memNode is a file or folder without its name.
type memNode struct {
	dir bool

	mu      sync.Mutex
	data    memData
	durable memData    // what a power loss leaves, if crashable
	pending []memWrite // changes since, in order
	mtime   time.Time
}

// memWrite is a write (data at offset) or, with nil data, a truncation to offset.
type memWrite struct {
	offset int64
	data   []byte
}

// nameOp is a change of names: node came to name (or went, if nil) and from vanished (rename).
type nameOp struct {
	name, from string
	node       *memNode
}

// NewMem makes an empty file system in memory, for brokers without a disk.
func NewMem() *Mem {
	return &Mem{names: map[string]*memNode{}, durable: map[string]*memNode{}, locks: map[string]bool{}}
}

// NewCrashMem makes one that can lose power.
func NewCrashMem() *Mem {
	m := NewMem()
	m.crashable = true
	return m
}

// OnChange makes hook run before every operation that changes or syncs something; it may call Crash. Set it before
// the file system is used by several goroutines.
func (m *Mem) OnChange(hook func(what string)) { m.hook = hook }

func (m *Mem) change(op, name string) {
	if m.hook != nil {
		m.hook(op + " " + name)
	}
}

// Crash gives the file system as a power loss at this moment would leave it; m itself goes on unharmed, so many
// outcomes of one moment can be looked at. For every write since the file's last Sync choose(3) decides: 0 it is
// lost, 1 it is whole, 2 it is torn in the middle. For every change of names since the folder's last SyncDir
// choose(2) decides: 0 lost, 1 kept. The order of questions is deterministic.
func (m *Mem) Crash(choose func(n int) int) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := NewCrashMem()
	names := maps.Clone(m.durable)
	for _, op := range m.pending {
		if choose(2) == 1 {
			op.apply(names)
		}
	}
	fresh := map[*memNode]*memNode{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if parent := path.Dir(name); parent != "." && after.names[parent] == nil {
			continue // its folder did not make it
		}
		n := names[name]
		if fresh[n] == nil {
			fresh[n] = n.crash(choose)
		}
		after.names[name] = fresh[n]
		after.durable[name] = fresh[n]
	}
	return after
}

func (n *memNode) crash(choose func(int) int) *memNode {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.durable.clone()
	for _, w := range n.pending {
		switch choose(3) {
		case 1:
			w.apply(&d)
		case 2:
			if w.data != nil {
				w.data = w.data[:len(w.data)/2]
				w.apply(&d)
			}
		}
	}
	return &memNode{dir: n.dir, data: d, durable: d.clone(), mtime: n.mtime}
}

func (w memWrite) apply(d *memData) {
	if w.data == nil {
		d.truncate(w.offset)
		return
	}
	d.writeAt(w.data, w.offset)
}

func (op nameOp) apply(names map[string]*memNode) {
	if op.from != "" {
		moveTree(names, op.from, op.name)
		return
	}
	if op.node == nil {
		delete(names, op.name)
		return
	}
	names[op.name] = op.node
}

// moveTree renames from, and all below it, to to.
func moveTree(names map[string]*memNode, from, to string) {
	if n := names[from]; n != nil {
		delete(names, from)
		names[to] = n
	}
	prefix := from + "/"
	for _, name := range slices.Collect(maps.Keys(names)) {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			names[to+"/"+rest] = names[name]
			delete(names, name)
		}
	}
}

func clean(name string) (string, error) {
	c := path.Clean(name)
	if !iofs.ValidPath(c) {
		return "", fmt.Errorf("name %q leaves the folder: %w", name, iofs.ErrInvalid)
	}
	return c, nil
}

func pathError(op, name string, err error) error {
	return &iofs.PathError{Op: op, Path: name, Err: err}
}

// noteLocked records a change of names for a later crash. m.mu is held.
func (m *Mem) noteLocked(op nameOp) {
	op.apply(m.names)
	if m.crashable {
		m.pending = append(m.pending, op)
	}
}

func (m *Mem) open(name, op string, create, empty bool) (File, error) {
	c, err := clean(name)
	if err != nil {
		return nil, err
	}
	if create {
		m.change(op, c)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[c]
	switch {
	case n != nil && n.dir:
		return nil, pathError(op, c, errors.New("is a folder"))
	case n == nil && !create:
		return nil, pathError(op, c, iofs.ErrNotExist)
	case n == nil:
		if parent := path.Dir(c); parent != "." && m.names[parent] == nil {
			return nil, pathError(op, c, iofs.ErrNotExist)
		}
		n = &memNode{mtime: time.Now()}
		m.noteLocked(nameOp{name: c, node: n})
	}
	f := &memFile{fs: m, node: n, name: c}
	if empty {
		f.truncate(0)
	}
	return f, nil
}

// Create implements [FS].
func (m *Mem) Create(name string) (File, error) { return m.open(name, "create", true, true) }

// Open implements [FS].
func (m *Mem) Open(name string) (File, error) { return m.open(name, "open", false, false) }

// OpenReadWrite implements [FS].
func (m *Mem) OpenReadWrite(name string) (File, error) { return m.open(name, "openrw", true, false) }

func (m *Mem) hasChildrenLocked(dir string) bool {
	for name := range m.names {
		if strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

// Remove implements [FS].
func (m *Mem) Remove(name string) error {
	c, err := clean(name)
	if err != nil {
		return err
	}
	m.change("remove", c)
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[c]
	if n == nil {
		return pathError("remove", c, iofs.ErrNotExist)
	}
	if n.dir && m.hasChildrenLocked(c) {
		return pathError("remove", c, errors.New("folder is not empty"))
	}
	m.noteLocked(nameOp{name: c})
	return nil
}

// RemoveAll implements [FS].
func (m *Mem) RemoveAll(name string) error {
	c, err := clean(name)
	if err != nil {
		return err
	}
	m.change("removeall", c)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(m.names))) {
		if n == c || strings.HasPrefix(n, c+"/") {
			m.noteLocked(nameOp{name: n})
		}
	}
	return nil
}

// Rename implements [FS].
func (m *Mem) Rename(oldName, newName string) error {
	from, err := clean(oldName)
	if err != nil {
		return err
	}
	to, err := clean(newName)
	if err != nil {
		return err
	}
	m.change("rename", from+" "+to)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[from] == nil {
		return pathError("rename", from, iofs.ErrNotExist)
	}
	if n := m.names[to]; n != nil && n.dir && m.hasChildrenLocked(to) {
		return pathError("rename", to, iofs.ErrExist)
	}
	m.noteLocked(nameOp{name: to, from: from})
	return nil
}

// List implements [FS].
func (m *Mem) List(dir string) ([]string, error) {
	c, err := clean(dir)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := m.names[c]; c != "." && (n == nil || !n.dir) {
		return nil, pathError("list", c, iofs.ErrNotExist)
	}
	var names []string
	for name := range m.names {
		if path.Dir(name) == c {
			names = append(names, path.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Stat implements [FS].
func (m *Mem) Stat(name string) (Info, error) {
	c, err := clean(name)
	if err != nil {
		return Info{}, err
	}
	if c == "." {
		return Info{IsDir: true}, nil
	}
	m.mu.Lock()
	n := m.names[c]
	m.mu.Unlock()
	if n == nil {
		return Info{}, pathError("stat", c, iofs.ErrNotExist)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return Info{Size: n.data.size, ModTime: n.mtime, IsDir: n.dir}, nil
}

// MkdirAll implements [FS].
func (m *Mem) MkdirAll(dir string) error {
	c, err := clean(dir)
	if err != nil {
		return err
	}
	m.change("mkdir", c)
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range len(c) + 1 {
		if i < len(c) && c[i] != '/' || c[:i] == "." {
			continue
		}
		switch n := m.names[c[:i]]; {
		case n == nil:
			m.noteLocked(nameOp{name: c[:i], node: &memNode{dir: true, mtime: time.Now()}})
		case !n.dir:
			return pathError("mkdir", c, errors.New("is a file"))
		}
	}
	return nil
}

// SyncDir implements [FS].
func (m *Mem) SyncDir(dir string) error {
	c, err := clean(dir)
	if err != nil {
		return err
	}
	m.change("syncdir", c)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending = slices.DeleteFunc(m.pending, func(op nameOp) bool {
		if path.Dir(op.name) != c && (op.from == "" || path.Dir(op.from) != c) {
			return false
		}
		op.apply(m.durable)
		return true
	})
	return nil
}

// Lock implements [FS].
func (m *Mem) Lock(name string) (io.Closer, error) {
	c, err := clean(name)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[c] {
		return nil, fmt.Errorf("lock %s: %w", c, ErrLocked)
	}
	m.locks[c] = true
	return &memLock{fs: m, name: c}, nil
}

// Usage implements [FS]; memory has no known size.
func (m *Mem) Usage() (Usage, error) { return Usage{TotalBytes: -1, FreeBytes: -1}, nil }

type memLock struct {
	fs   *Mem
	name string
}

func (l *memLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	delete(l.fs.locks, l.name)
	return nil
}
