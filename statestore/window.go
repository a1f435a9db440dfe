package statestore

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"
)

// Window is a store of timestamped values by key and window start.
//
// Its stream time is the largest window start ever put. Rows that begin before stream time less Retention are hidden from
// reads at once, and removed a segment at a time. With caching, rows that are in the cache are not hidden, as in Kafka
// Streams.
type Window[K, V any] struct {
	*table[WindowKey[K], V]
	schema     windowSchema[K]
	retention  int64 // ms
	exact      bool
	hold       func() int64
	onExpired  func()
	streamTime int64 // ms; -1 before the first put
	savedTime  int64 // the stream time that Prepare added last
	swept      int64 // segments below this one are gone from cache and engine
}

// WindowEntry is an entry of a window store.
type WindowEntry[K, V any] struct {
	Key       K
	Start     int64 // start of the window, in milliseconds
	Value     V
	Timestamp int64
}

const minSegmentInterval = time.Minute

// errWindowStart is returned for windows that begin before the epoch: there are none.
var errWindowStart = errors.New("window start is negative")

// NewWindow opens the store that c describes.
func NewWindow[K, V any](c WindowConfig[K, V]) (*Window[K, V], error) {
	if c.KeySerde == nil || c.Retention < time.Millisecond {
		return nil, fmt.Errorf("open store %q: %w, and KeySerde and Retention", c.Name, errRequired)
	}
	interval := c.SegmentInterval
	if interval == 0 {
		interval = max(c.Retention/2, minSegmentInterval)
	}
	s := &Window[K, V]{
		schema:    windowSchema[K]{keys: c.KeySerde, interval: max(interval.Milliseconds(), 1), timeFirst: c.TimeOrdered},
		retention: c.Retention.Milliseconds(), exact: c.ExactRetention, hold: c.Hold, onExpired: c.OnExpired,
		streamTime: -1, savedTime: -1,
	}
	l := layout{kind: windowLayout, interval: s.schema.interval}
	if c.TimeOrdered {
		l.kind = windowByTimeLayout
	}
	t, err := newTable(c.Config, l, func(id uint16) schema[WindowKey[K]] {
		s.schema.id = id
		return s.schema
	})
	if err != nil {
		return nil, err
	}
	s.table = t
	saved, ok, err := c.Engine.Get(timeKey(t.id))
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", c.Name, err)
	}
	if ok && len(saved) == 8 {
		s.streamTime = int64(binary.BigEndian.Uint64(saved))
		s.savedTime = s.streamTime
	}
	return s, nil
}

// StreamTime returns the largest window start ever put, -1 if there was none.
func (s *Window[K, V]) StreamTime() int64 { return s.streamTime }

// Get returns the value of key in the window that begins at start.
func (s *Window[K, V]) Get(key K, start int64) (v V, ts int64, ok bool, err error) {
	if k := (WindowKey[K]{key, start}); start >= s.visibleFrom() || s.cached(k) {
		return s.get(k)
	}
	return v, 0, false, nil
}

// Put sets the value of key in the window that begins at start. A put past retention changes nothing, but is counted with
// WindowConfig.OnExpired, logged and sent downstream, as in Kafka Streams.
func (s *Window[K, V]) Put(key K, start int64, v V, ts int64) error {
	return s.write(WindowKey[K]{key, start}, v, ts, true)
}

// Delete removes key's value in the window that begins at start.
func (s *Window[K, V]) Delete(key K, start, ts int64) error {
	var none V
	return s.write(WindowKey[K]{key, start}, none, ts, false)
}

func (s *Window[K, V]) write(k WindowKey[K], v V, ts int64, has bool) error {
	if k.Start < 0 {
		return fmt.Errorf("put into store %s at %d: %w", s.cfg.Name, k.Start, errWindowStart)
	}
	s.streamTime = max(s.streamTime, k.Start)
	if s.expired(k.Start) {
		return s.refuse(k, v, ts, has)
	}
	return s.put(k, v, ts, has)
}

// refuse passes on a put that the store does not take.
func (s *Window[K, V]) refuse(k WindowKey[K], v V, ts int64, has bool) (err error) {
	if s.onExpired != nil {
		s.onExpired()
	}
	if s.key, err = s.schema.appendKey(s.key[:0], k); err != nil {
		return fmt.Errorf("encode key of store %s: %w", s.cfg.Name, err)
	}
	if has {
		if err := s.encode(v, ts); err != nil {
			return err
		}
	}
	slot := s.insert(s.key, s.slab.hash(s.key), 0)
	defer s.table.remove(slot)
	e := s.slab.at(slot)
	e.value, e.ts = v, ts
	if has {
		e.state |= present
	}
	return s.sendNow(slot, Change[WindowKey[K], V]{Key: k, New: v, HasNew: has, Timestamp: ts})
}

// cached says whether the cache shows a window that retention hides.
func (s *Window[K, V]) cached(k WindowKey[K]) bool {
	if !s.cfg.Caching {
		return false
	}
	slot, _, err := s.find(k)
	return err == nil && slot >= 0
}

// expired says whether a window that begins at start is not taken any more.
func (s *Window[K, V]) expired(start int64) bool {
	if s.exact {
		return start <= s.streamTime-s.retention
	}
	return start/s.schema.interval < s.liveSegment()
}

// liveSegment is the first segment that retention has not passed.
func (s *Window[K, V]) liveSegment() int64 {
	return max(s.streamTime-s.retention, 0) / s.schema.interval
}

// visibleFrom is the first window start that reads show. Kafka's time-ordered store shows one more.
func (s *Window[K, V]) visibleFrom() int64 {
	if s.schema.timeFirst {
		return max(s.streamTime-s.retention, 0)
	}
	return max(s.streamTime-s.retention+1, 0)
}

// visible says whether reads show a row.
func (s *Window[K, V]) visible(key []byte, start int64) bool {
	return start >= s.visibleFrom() || s.cfg.Caching && s.slab.find(key, s.slab.hash(key)) >= 0
}

// readFrom is the first window start that any read can show.
func (s *Window[K, V]) readFrom() int64 {
	if s.cfg.Caching {
		return s.swept * s.schema.interval
	}
	return s.visibleFrom()
}

// Fetch walks the windows of key with from <= start <= to (milliseconds) in order of their starts.
func (s *Window[K, V]) Fetch(key K, from, to int64, order Order) iter.Seq2[WindowEntry[K, V], error] {
	return func(yield func(WindowEntry[K, V], error) bool) {
		plain, err := s.schema.keys.Append([]byte{}, key)
		if err != nil {
			yield(WindowEntry[K, V]{}, fmt.Errorf("encode key of store %s: %w", s.cfg.Name, err))
			return
		}
		from, to := max(from, s.readFrom()), min(to, s.streamTime)
		if from > to {
			return
		}
		match := func(key []byte, start int64) bool {
			return start >= from && start <= to && bytes.Equal(key[:len(key)-startBytes], plain) && s.visible(key, start)
		}
		first, last, step := from/s.schema.interval, to/s.schema.interval, int64(1)
		if order == Descending {
			first, last, step = last, first, -1
		}
		for segment := first; ; segment += step {
			low, high := s.schema.keyBounds(segment, plain, from, to)
			if !s.walk(low, high, order, match, yield) || segment == last {
				return
			}
		}
	}
}

// FetchKeys walks the windows with from <= start <= to of the keys low <= key <= high (as encoded); nil means no bound.
// The order is that of Kafka Streams' persistent store: segment, key, start. With WindowConfig.TimeOrdered or
// ExactRetention it is start, key.
func (s *Window[K, V]) FetchKeys(low, high *K, from, to int64, order Order) iter.Seq2[WindowEntry[K, V], error] {
	return func(yield func(WindowEntry[K, V], error) bool) {
		lowKey, err := s.appendBound(low)
		highKey, highErr := s.appendBound(high)
		if err = errors.Join(err, highErr); err != nil {
			yield(WindowEntry[K, V]{}, fmt.Errorf("encode key of store %s: %w", s.cfg.Name, err))
			return
		}
		from, to := max(from, s.readFrom()), min(to, s.streamTime)
		if from > to {
			return
		}
		match := func(key []byte, start int64) bool {
			plain := key[:len(key)-startBytes]
			return start >= from && start <= to && s.visible(key, start) &&
				(lowKey == nil || bytes.Compare(plain, lowKey) >= 0) && (highKey == nil || bytes.Compare(plain, highKey) <= 0)
		}
		lowEngine, highEngine := s.schema.timeBounds(from, to)
		if s.exact && !s.schema.timeFirst {
			s.walkByTime(lowEngine, highEngine, order, match, yield)
			return
		}
		s.walk(lowEngine, highEngine, order, match, yield)
	}
}

// Closed walks the windows with from <= start <= to in order of start and key, also those that retention hides and Hold
// keeps. It needs WindowConfig.TimeOrdered.
func (s *Window[K, V]) Closed(from, to int64) iter.Seq2[WindowEntry[K, V], error] {
	return func(yield func(WindowEntry[K, V], error) bool) {
		from, to := max(from, 0), min(to, s.streamTime)
		if !s.schema.timeFirst {
			yield(WindowEntry[K, V]{}, fmt.Errorf("scan store %s: %w", s.cfg.Name, errNotTimeOrdered))
			return
		}
		if from > to {
			return
		}
		low, high := s.schema.timeBounds(from, to)
		s.walk(low, high, Ascending, func(_ []byte, start int64) bool { return start >= from && start <= to }, yield)
	}
}

var errNotTimeOrdered = errors.New("store is not time-ordered")

// All walks all windows that retention has not hidden, in the order of FetchKeys.
func (s *Window[K, V]) All(order Order) iter.Seq2[WindowEntry[K, V], error] {
	return s.FetchKeys(nil, nil, 0, math.MaxInt64, order)
}

func (s *Window[K, V]) appendBound(k *K) ([]byte, error) {
	if k == nil {
		return nil, nil
	}
	return s.schema.keys.Append([]byte{}, *k)
}

// walk yields the rows of a range of engine keys for which match holds, given their cache key and start. It returns false
// if the walk is over.
func (s *Window[K, V]) walk(low, high []byte, order Order, match func(key []byte, start int64) bool, yield func(WindowEntry[K, V], error) bool) bool {
	var keyErr error
	more := true
	err := s.scan(low, high, order, func(r row[V]) bool {
		if _, start := splitWindowKey(r.key); !match(r.key, start) {
			return true
		}
		var k WindowKey[K]
		if k, keyErr = s.schema.decodeKey(r.key); keyErr != nil {
			return false
		}
		more = yield(WindowEntry[K, V]{Key: k.Key, Start: k.Start, Value: r.value, Timestamp: r.ts}, nil)
		return more
	})
	if !more {
		return false
	}
	if err = cmp.Or(err, keyErr); err != nil {
		yield(WindowEntry[K, V]{}, fmt.Errorf("scan store %s: %w", s.cfg.Name, err))
		return false
	}
	return true
}

// walkByTime is walk in the order of start and key.
func (s *Window[K, V]) walkByTime(low, high []byte, order Order, match func(key []byte, start int64) bool, yield func(WindowEntry[K, V], error) bool) {
	type found struct {
		key   []byte
		entry WindowEntry[K, V]
	}
	var rows []found
	var keys [][]byte
	remember := func(key []byte, start int64) bool {
		ok := match(key, start)
		if ok {
			keys = append(keys, key)
		}
		return ok
	}
	failed := false
	s.walk(low, high, order, remember, func(e WindowEntry[K, V], err error) bool {
		if failed = err != nil; failed {
			yield(e, err)
			return false
		}
		rows = append(rows, found{keys[len(rows)], e})
		return true
	})
	if failed {
		return
	}
	slices.SortStableFunc(rows, func(x, y found) int {
		if order == Descending {
			x, y = y, x
		}
		return cmp.Or(cmp.Compare(x.entry.Start, y.entry.Start), bytes.Compare(x.key, y.key))
	})
	for _, r := range rows {
		if !yield(r.entry, nil) {
			return
		}
	}
}

// Prepare implements Store.
func (s *Window[K, V]) Prepare(b *Batch) error {
	if s.streamTime > s.savedTime {
		b.Put(timeKey(s.id), binary.BigEndian.AppendUint64(nil, uint64(s.streamTime)))
		s.savedTime = s.streamTime
	}
	return s.table.Prepare(b)
}

// Applied implements Store. It also removes the segments that retention has passed.
func (s *Window[K, V]) Applied() error {
	if err := s.table.Applied(); err != nil {
		return err
	}
	return s.expire()
}

// Restore implements Store.
func (s *Window[K, V]) Restore(b *Batch, r ChangelogRecord) error {
	key, err := s.schema.fromTopic(nil, r.Key)
	if err != nil {
		return fmt.Errorf("restore store %s: %w", s.cfg.Name, err)
	}
	_, start := splitWindowKey(key)
	s.streamTime = max(s.streamTime, start)
	if s.expired(start) {
		return nil
	}
	return s.table.Restore(b, r)
}

// expire removes the segments that retention has passed from the cache and the engine.
func (s *Window[K, V]) expire() error {
	live := s.liveSegment()
	if s.hold != nil {
		live = min(live, max(s.hold(), 0)/s.schema.interval)
	}
	if live <= s.swept {
		return nil
	}
	s.dropCached(live)
	for segment := range s.filters {
		if segment < live {
			delete(s.filters, segment)
		}
	}
	if err := s.cfg.Engine.DeleteRange(s.schema.segmentPrefix(s.swept), s.schema.segmentPrefix(live)); err != nil {
		return fmt.Errorf("expire windows of store %s: %w", s.cfg.Name, err)
	}
	s.swept = live
	return nil
}

// dropCached forgets the cached entries of segments before live. Changes that are still to be sent stay.
func (s *Window[K, V]) dropCached(live int64) {
	kept := s.pending[:0]
	for _, slot := range s.pending {
		e := s.slab.at(slot)
		if e.state&dirty == 0 && s.schema.segment(s.slab.key(e)) < live {
			e.state &^= pending
			continue
		}
		kept = append(kept, slot)
	}
	s.pending = kept
	for slot := range s.slab.next {
		e := s.slab.at(slot)
		if e.state&inUse != 0 && e.state&(pending|dirty) == 0 && s.schema.segment(s.slab.key(e)) < live {
			s.table.remove(slot)
		}
	}
}

// windowSchema lays windows out as
//
//	cache      key start(8)
//	engine     id(2) segment(8) key start(8), or id(2) segment(8) start(8) key
//	changelog  key start(8) sequence(4)
//
// with all numbers big-endian. The sequence number is that of stores with duplicates, and 0 here.
type windowSchema[K any] struct {
	id        uint16
	keys      Serde[K]
	interval  int64 // of a segment, ms
	timeFirst bool
}

const (
	startBytes    = 8
	segmentBytes  = 8
	sequenceBytes = 4
)

var errWindowKey = errors.New("key is too short for a window key")

func (s windowSchema[K]) appendKey(dst []byte, k WindowKey[K]) ([]byte, error) {
	dst, err := s.keys.Append(dst, k.Key)
	return binary.BigEndian.AppendUint64(dst, uint64(k.Start)), err
}

func (s windowSchema[K]) decodeKey(key []byte) (k WindowKey[K], err error) {
	plain, start := splitWindowKey(key)
	k.Start = start
	k.Key, err = s.keys.Decode(plain)
	return k, err
}

func (s windowSchema[K]) appendEngineKey(dst, key []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, s.id)
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.segment(key)))
	if !s.timeFirst {
		return append(dst, key...)
	}
	n := len(key) - startBytes
	return append(append(dst, key[n:]...), key[:n]...)
}

func (s windowSchema[K]) cacheKey(dst, engineKey []byte) ([]byte, error) {
	if len(engineKey) < storeIDBytes+segmentBytes+startBytes {
		return nil, fmt.Errorf("%w: %d bytes", errWindowKey, len(engineKey))
	}
	b := engineKey[storeIDBytes+segmentBytes:]
	if !s.timeFirst {
		return append(dst, b...), nil
	}
	return append(append(dst, b[startBytes:]...), b[:startBytes]...), nil
}

func (s windowSchema[K]) appendTopicKey(dst, key []byte) []byte {
	return append(append(dst, key...), 0, 0, 0, 0)
}

func (s windowSchema[K]) fromTopic(dst, topicKey []byte) ([]byte, error) {
	if len(topicKey) < startBytes+sequenceBytes {
		return nil, fmt.Errorf("%w: %d bytes", errWindowKey, len(topicKey))
	}
	return append(dst, topicKey[:len(topicKey)-sequenceBytes]...), nil
}

func (s windowSchema[K]) segment(key []byte) int64 {
	_, start := splitWindowKey(key)
	return start / s.interval
}

// segmentPrefix is what the engine keys of a segment begin with.
func (s windowSchema[K]) segmentPrefix(segment int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint16(nil, s.id), uint64(segment))
}

// keyBounds are engine keys low <= k < high between which a key's windows with from <= start <= to in a segment lie.
// Windows of other keys may lie there, too.
func (s windowSchema[K]) keyBounds(segment int64, key []byte, from, to int64) (low, high []byte) {
	if s.timeFirst {
		low = binary.BigEndian.AppendUint64(s.segmentPrefix(segment), uint64(max(from, segment*s.interval)))
		return low, s.afterStart(segment, to)
	}
	low = append(s.segmentPrefix(segment), key...)
	high = bytes.Clone(low)
	low = binary.BigEndian.AppendUint64(low, uint64(from))
	high = binary.BigEndian.AppendUint64(high, uint64(to))
	return low, append(high, 0)
}

// timeBounds are engine keys low <= k < high between which all windows with from <= start <= to lie.
func (s windowSchema[K]) timeBounds(from, to int64) (low, high []byte) {
	first, last := from/s.interval, to/s.interval
	if !s.timeFirst {
		return s.segmentPrefix(first), s.segmentPrefix(last + 1)
	}
	return binary.BigEndian.AppendUint64(s.segmentPrefix(first), uint64(from)), s.afterStart(last, to)
}

// afterStart is the first engine key of a time-ordered segment behind the windows that begin at to or before.
func (s windowSchema[K]) afterStart(segment, to int64) []byte {
	if to >= math.MaxInt64-1 || (to+1)/s.interval > segment {
		return s.segmentPrefix(segment + 1)
	}
	return binary.BigEndian.AppendUint64(s.segmentPrefix(segment), uint64(to+1))
}

// splitWindowKey splits a cache key.
func splitWindowKey(key []byte) (plain []byte, start int64) {
	n := len(key) - startBytes
	return key[:n:n], int64(binary.BigEndian.Uint64(key[n:]))
}
