package statestore

import (
	"errors"
	"fmt"
	"reflect"
)

// table is the write-behind cache of decoded values over an engine: what all typed stores have in common. What differs
// between them is the schema of their keys.
//
// An entry that was put is dirty until its change was sent (downstream and to the changelog), and pending until it is in
// the engine. Without caching it is sent at once, and so never dirty. Only an entry that is neither may leave memory.
type table[K, V any] struct {
	cfg    Config[K, V]
	schema schema[K]
	id     uint16

	slab        slab[V]
	sides       []side[V] // of dirty entries
	freeSides   []int32
	dirtyHead   int32
	dirtyTail   int32
	dirtyCount  int
	pending     []int32
	cachedBytes int64 // of all entries
	sweepHand   int32
	resumeSweep int64 // cachedBytes below which a sweep would find nothing

	// filters tell by segment which keys the engine may hold though the cache does not; a segment without filter has none.
	filters map[int64]*filter

	slotBytes int64 // of one entry
	indirect  bool  // values refer to memory outside their slot
	valueLen  int   // running average of the encoded length

	key, engineKey, topicKey, value []byte // scratch
}

// schema says how keys of type K lie in the cache, the engine and the changelog. The cache key is the form all others
// are made from.
type schema[K any] interface {
	// appendKey appends the cache key of k.
	appendKey(dst []byte, k K) ([]byte, error)
	// decodeKey returns the key of a cache key, which it may keep references to.
	decodeKey(key []byte) (K, error)
	// appendEngineKey appends the key in the engine of a cache key.
	appendEngineKey(dst, key []byte) []byte
	// cacheKey appends the cache key of an engine key.
	cacheKey(dst, engineKey []byte) ([]byte, error)
	// appendTopicKey appends the key in the changelog of a cache key.
	appendTopicKey(dst, key []byte) []byte
	// fromTopic appends the cache key of a changelog key.
	fromTopic(dst, topicKey []byte) ([]byte, error)
	// segment returns the segment of a cache key; stores without segments have only segment 0.
	segment(key []byte) int64
}

// side is what is known of a dirty entry besides its value.
type side[V any] struct {
	old     V
	hasOld  bool
	known   bool // old and hasOld are right; otherwise the engine knows
	context any
}

var errRequired = errors.New("Name, Engine, Keys and Values are required")

func newTable[K, V any](cfg Config[K, V], l layout, makeSchema func(id uint16) schema[K]) (*table[K, V], error) {
	if cfg.Name == "" || cfg.Engine == nil || cfg.Values == nil {
		return nil, fmt.Errorf("open store %q: %w", cfg.Name, errRequired)
	}
	id, err := storeID(cfg.Engine, cfg.Name, l)
	if err != nil {
		return nil, err
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = DefaultMaxBytes
	}
	t := &table[K, V]{
		cfg: cfg, schema: makeSchema(id), id: id,
		slab: newSlab[V](), dirtyHead: -1, dirtyTail: -1,
		filters:   make(map[int64]*filter),
		slotBytes: entryBytes[V](),
		indirect:  hasPointers(reflect.TypeFor[V]()),
		valueLen:  32,
	}
	if err := t.loadFilters(); err != nil {
		return nil, fmt.Errorf("open store %s: %w", cfg.Name, err)
	}
	return t, nil
}

// loadFilters notes all keys that the engine holds.
func (t *table[K, V]) loadFilters() error {
	from, to := t.bounds()
	for e, err := range t.cfg.Engine.Scan(from, to, Ascending) {
		if err != nil {
			return err
		}
		if t.key, err = t.schema.cacheKey(t.key[:0], e.Key); err != nil {
			return &CorruptionError{Key: append([]byte(nil), e.Key...), Err: err}
		}
		t.noteInEngine(t.key)
	}
	return nil
}

// bounds are those of the store's keys in the engine.
func (t *table[K, V]) bounds() (from, to []byte) {
	from = []byte{byte(t.id >> 8), byte(t.id)}
	if t.id == maxStoreID {
		return from, nil
	}
	return from, []byte{byte((t.id + 1) >> 8), byte(t.id + 1)}
}

// Name implements Store.
func (t *table[K, V]) Name() string { return t.cfg.Name }

// Caching implements Store.
func (t *table[K, V]) Caching() bool { return t.cfg.Caching }

// Logging implements Store.
func (t *table[K, V]) Logging() bool { return t.cfg.Log != nil }

// get returns the value of k.
func (t *table[K, V]) get(k K) (v V, ts int64, ok bool, err error) {
	slot, err := t.load(k)
	if err != nil || slot < 0 {
		return v, 0, false, err
	}
	e := t.slab.at(slot)
	e.state |= touched
	if e.state&present == 0 {
		return v, 0, false, nil
	}
	v, ts = e.value, e.ts
	if t.cachedBytes > t.cfg.MaxBytes {
		err = t.evict()
	}
	return v, ts, true, err
}

// load returns the slot of k, fetched from the engine if need be, or -1 if there is no such key. t.key is its cache key.
func (t *table[K, V]) load(k K) (int32, error) {
	slot, h, err := t.find(k)
	if err != nil || slot >= 0 || !t.mayBeInEngine(t.key, h) {
		return slot, err
	}
	return t.fetch(h)
}

// find returns the slot of k, or -1, and the hash of its cache key t.key (0 if it was not needed).
func (t *table[K, V]) find(k K) (slot int32, h uint64, err error) {
	if t.key, err = t.schema.appendKey(t.key[:0], k); err != nil {
		return -1, 0, fmt.Errorf("encode key of store %s: %w", t.cfg.Name, err)
	}
	if t.slab.isLast(t.key) {
		return t.slab.last, 0, nil
	}
	h = t.slab.hash(t.key)
	return t.slab.find(t.key, h), h, nil
}

// fetch caches the entry of t.key, whose hash is h, from the engine. It returns -1 if there is none.
func (t *table[K, V]) fetch(h uint64) (int32, error) {
	t.engineKey = t.schema.appendEngineKey(t.engineKey[:0], t.key)
	stored, ok, err := t.cfg.Engine.Get(t.engineKey)
	if err != nil || !ok {
		return -1, err
	}
	v, ts, err := t.decode(stored)
	if err != nil {
		return -1, err
	}
	slot := t.insert(t.key, h, len(stored))
	e := t.slab.at(slot)
	e.value, e.ts = v, ts
	e.state |= present
	return slot, nil
}

func (t *table[K, V]) decode(stored []byte) (v V, ts int64, err error) {
	ts, plain, err := splitValue(stored)
	if err != nil {
		return v, 0, &CorruptionError{Key: append([]byte(nil), t.engineKey...), Err: err}
	}
	if v, err = t.cfg.Values.Decode(plain); err != nil {
		return v, 0, fmt.Errorf("decode value of store %s: %w", t.cfg.Name, err)
	}
	return v, ts, nil
}

func (t *table[K, V]) insert(key []byte, h uint64, valueLen int) int32 {
	slot := t.slab.insert(key, h)
	e := t.slab.at(slot)
	if t.indirect {
		e.extra = uint32(valueLen)
	}
	if len(key) > inlineKeyBytes {
		e.extra += uint32(len(key)) + 24
	}
	t.cachedBytes += t.slotBytes + int64(e.extra)
	return slot
}

func (t *table[K, V]) remove(slot int32) {
	t.cachedBytes -= t.slotBytes + int64(t.slab.at(slot).extra)
	t.slab.remove(slot)
}

// put sets (or, without has, deletes) the value of k.
func (t *table[K, V]) put(k K, v V, ts int64, has bool) error {
	slot, h, err := t.find(k)
	if err != nil {
		return err
	}
	known := true
	if slot < 0 && t.mayBeInEngine(t.key, h) {
		if t.cfg.OldValues || !has && t.cfg.Caching && t.cfg.OnChange != nil {
			if slot, err = t.fetch(h); err != nil {
				return err
			}
		} else {
			known = false
		}
	}
	if slot < 0 {
		slot = t.insert(t.key, h, t.valueLen)
	}
	return t.update(k, slot, v, ts, has, known)
}

// update gives the entry at slot, whose key is k, a new value. If known is false, its old value is only in the engine. A
// value that cannot be encoded leaves the entry as it was, unless changes are held back: then that shows at Flush.
func (t *table[K, V]) update(k K, slot int32, v V, ts int64, has, known bool) error {
	e := t.slab.at(slot)
	var c Change[K, V]
	if t.cfg.Caching {
		t.markDirty(slot, e, known)
	} else {
		if err := t.encodeNew(slot, v, ts, has); err != nil {
			return err
		}
		c = Change[K, V]{Key: k, New: v, HasNew: has, Old: e.value, HasOld: e.state&present != 0, Timestamp: ts}
	}
	e.value, e.ts = v, ts
	if e.state&pending == 0 {
		t.pending = append(t.pending, slot)
	}
	e.state = e.state&^(present|prepared) | pending | touched
	if has {
		e.state |= present
	}
	if !t.cfg.Caching {
		if err := t.sendNow(slot, c); err != nil {
			return err
		}
	}
	if t.cachedBytes > t.cfg.MaxBytes {
		return t.evict()
	}
	return nil
}

// encodeNew sets t.value to the stored form of a new value for the entry at slot. If that fails, an entry that was made
// for it goes.
func (t *table[K, V]) encodeNew(slot int32, v V, ts int64, has bool) error {
	if !has {
		return nil
	}
	err := t.encode(v, ts)
	if err != nil && t.slab.at(slot).state&(present|pending) == 0 {
		t.remove(slot)
	}
	return err
}

// sendNow sends a change that is not held back. t.value is the stored form of its value.
func (t *table[K, V]) sendNow(slot int32, c Change[K, V]) error {
	if t.cfg.Log != nil {
		if err := t.log(t.slab.at(slot)); err != nil {
			return err
		}
	}
	if t.cfg.OnChange == nil {
		return nil
	}
	if !t.cfg.OldValues {
		var none V
		c.Old, c.HasOld = none, false
	}
	if t.cfg.Context != nil {
		c.Context = t.cfg.Context()
	}
	return t.cfg.OnChange(c)
}

// log writes the changelog record of e, the stored form of whose value is t.value.
func (t *table[K, V]) log(e *entry[V]) error {
	r := ChangelogRecord{Timestamp: e.ts}
	t.topicKey = t.schema.appendTopicKey(t.topicKey[:0], t.slab.key(e))
	r.Key = t.topicKey
	if e.state&present != 0 {
		r.Value = t.value[valueHeaderBytes:]
	}
	return t.cfg.Log(r)
}

// encode sets t.value to the stored form of v.
func (t *table[K, V]) encode(v V, ts int64) (err error) {
	t.value = appendValueHeader(t.value[:0], ts)
	if t.value, err = t.cfg.Values.Append(t.value, v); err != nil {
		return fmt.Errorf("encode value of store %s: %w", t.cfg.Name, err)
	}
	t.valueLen = (15*t.valueLen + len(t.value) + 8) / 16
	return nil
}

// MemoryBytes implements Store.
func (t *table[K, V]) MemoryBytes() int64 {
	n := t.cachedBytes
	for _, f := range t.filters {
		n += f.bytes()
	}
	return n
}

// UncommittedBytes implements Store.
func (t *table[K, V]) UncommittedBytes() int64 {
	if t.slab.len() == 0 {
		return 0
	}
	return t.cachedBytes / int64(t.slab.len()) * int64(len(t.pending))
}

// SetMaxBytes implements Store.
func (t *table[K, V]) SetMaxBytes(n int64) { t.cfg.MaxBytes, t.resumeSweep = n, 0 }

// Close implements Store.
func (t *table[K, V]) Close() error {
	t.slab = newSlab[V]()
	t.sides, t.freeSides, t.pending = nil, nil, nil
	t.dirtyHead, t.dirtyTail, t.dirtyCount, t.cachedBytes = -1, -1, 0, 0
	clear(t.filters)
	return nil
}

// mayBeInEngine says whether the engine may have the cache key, whose hash is h, given that the cache has not.
func (t *table[K, V]) mayBeInEngine(key []byte, h uint64) bool {
	if len(t.filters) == 0 {
		return false
	}
	return t.filters[t.schema.segment(key)].has(h)
}

// noteInEngine notes that the engine holds the cache key.
func (t *table[K, V]) noteInEngine(key []byte) {
	segment := t.schema.segment(key)
	f := t.filters[segment]
	if f == nil {
		f = &filter{}
		t.filters[segment] = f
	}
	f.add(t.slab.hash(key))
}

// hasPointers says whether values of type t refer to memory outside themselves.
func hasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return false
	case reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	default:
		return true
	}
}
