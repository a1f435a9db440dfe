package commitlog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/internal/recordbatch"
)

// ErrMapTooSmall: the keys of one batch do not fit the offset map.
var ErrMapTooSmall = errors.New("offset map is too small for a batch")

// Dirt tells how much a log would gain from cleaning.
type Dirt struct {
	// UpTo is where what may be cleaned ends: the active segment, what is not stable and what is too young stays.
	UpTo                   int64
	CleanBytes, DirtyBytes int64
	// Overdue says that a record waits longer than max.compaction.lag.ms.
	Overdue bool
}

// Ratio is the part that is dirty, 0 to 1.
func (d Dirt) Ratio() float64 {
	if d.DirtyBytes == 0 {
		return 0
	}
	return float64(d.DirtyBytes) / float64(d.CleanBytes+d.DirtyBytes)
}

// Dirt looks at the log, of which everything before from is clean and everything from stable on must stay. Segments
// with a record younger than minLag (0: none) stay too. maxLag is when a record is overdue (negative or the largest
// duration: never).
func (l *Log) Dirt(from, stable int64, minLag, maxLag time.Duration) (d Dirt, err error) {
	l.mu.Lock()
	segments := l.sealedUpTo(stable)
	d.UpTo = l.start
	l.mu.Unlock()
	now := l.now()
	for _, s := range segments {
		if s.next <= from {
			d.CleanBytes += s.size
			d.UpTo = s.next
			continue
		}
		if minLag > 0 {
			_, largest, err := l.timeIndex(s.segment)
			if errors.Is(err, errSegmentGone) || err == nil && largest > now.Add(-minLag).UnixMilli() {
				break
			}
			if err != nil {
				return d, err
			}
		}
		if maxLag >= 0 && maxLag < math.MaxInt64 && !d.Overdue {
			first, err := l.firstTime(s)
			if errors.Is(err, errSegmentGone) {
				break
			}
			if err != nil {
				return d, err
			}
			d.Overdue = first >= 0 && first < now.Add(-maxLag).UnixMilli()
		}
		d.DirtyBytes += s.size
		d.UpTo = s.next
	}
	return d, nil
}

// firstTime is the time of the segment's first batch, -1 if there is none.
func (l *Log) firstTime(s source) (ts int64, err error) {
	ts = -1
	if s.size == 0 {
		return ts, nil
	}
	f, err := s.acquire()
	if err != nil {
		return ts, err
	}
	defer s.release()
	err = scanHeaders(f, 0, s.size, func(h recordbatch.Batch, _ int64) bool {
		ts = h.MaxTimestamp()
		return false
	})
	return ts, err
}

// source is a sealed segment as it was when its cleaning began.
type source struct {
	*segment
	size, next int64
}

// sealedUpTo lists the segments before the active one that end at stable or before. mu is held.
func (l *Log) sealedUpTo(stable int64) (list []source) {
	for _, s := range l.segments[:len(l.segments)-1] {
		if s.next > stable {
			break
		}
		list = append(list, source{s, s.size, s.next})
	}
	return list
}

// LastBatch is what must stay of a producer, so that its next batch is known to follow: its last data batch, or where it
// has none its marker of that epoch.
type LastBatch struct {
	Offset int64 // the last offset of the batch, -1 if there is none
	Epoch  int16
}

// CleanOptions qualify a cleaning.
type CleanOptions struct {
	// From is where the dirty part begins: no key has two records before it.
	From int64
	// UpTo, from [Dirt], is where it ends. Everything before it must be durable, and the next recovery must not begin
	// before it.
	UpTo int64
	// DeleteRetention is how long tombstones, and markers of empty transactions, stay after they were first seen.
	DeleteRetention time.Duration
	Map             *OffsetMap
	// Producers are those whose last batch stays, by id.
	Producers map[int64]LastBatch
}

// Cleaned is what a cleaning did.
type Cleaned struct {
	// Next is where the dirty part begins now; before UpTo if the map was full.
	Next                    int64
	ReadBytes, WrittenBytes int64
	ReadRecords, Kept       int64
	Segments, Into          int
	MapLoad                 float64 // the part of the map's memory that was used
}

// Clean removes the records that have a successor of the same key, those of aborted transactions, tombstones and markers
// whose time is over, and joins small segments. What stays keeps offset, order and bytes. A crash at any moment leaves
// the old or the new segments of a group. Only one cleaning of a log may run at a time; others (appends, reads,
// retention) go on meanwhile.
func (l *Log) Clean(ctx context.Context, o CleanOptions) (Cleaned, error) {
	l.mu.Lock()
	all := l.sealedUpTo(min(o.UpTo, l.flushed))
	l.mu.Unlock()
	c := &cleaning{l: l, ctx: ctx, o: o, now: l.now().UnixMilli(), latest: o.From - 1, done: Cleaned{Next: o.From}}
	if len(all) == 0 || all[len(all)-1].next <= o.From {
		return c.done, nil
	}
	err := c.run(all)
	if err != nil {
		err = fmt.Errorf("clean %s: %w", l.o.Dir, err)
	}
	return c.done, err
}

// cleaning is one run of Clean.
type cleaning struct {
	l      *Log
	ctx    context.Context
	o      CleanOptions
	now    int64 // ms
	latest int64 // the map covers the dirty part up to it
	end    int64 // nothing from here on goes
	walk   *txnWalk
	done   Cleaned
	since  int // bytes since the last yield

	records, kept, shifted, out []byte // scratch
}

func (c *cleaning) run(all []source) error {
	first := 0
	for first < len(all) && all[first].next <= c.o.From {
		first++
	}
	if err := c.fill(all[first:]); err != nil {
		return err
	}
	if c.latest < c.o.From {
		return ErrMapTooSmall
	}
	c.end = c.latest + 1
	n := len(all)
	for n > first+1 && all[n-1].base >= c.end {
		n--
	}
	aborted, err := c.l.Aborted(all[0].base, c.end)
	if err != nil {
		return err
	}
	c.walk = newTxnWalk(aborted)
	for _, group := range c.l.groups(all[:n]) {
		if err := c.rewrite(group); err != nil {
			return err
		}
	}
	c.done.Next = c.end
	return nil
}

// groups puts neighbours together that fit one segment.
func (l *Log) groups(all []source) (groups [][]source) {
	l.mu.Lock()
	most := min(l.cfg.SegmentBytes, math.MaxInt32, l.cfg.IndexBytes/offsetEntryLen*max(l.cfg.IndexInterval, 1))
	l.mu.Unlock()
	for len(all) > 0 {
		n, size := 1, all[0].size
		for n < len(all) && size+all[n].size <= most && all[n].next-1-all[0].base <= math.MaxInt32 {
			size += all[n].size
			n++
		}
		groups = append(groups, all[:n:n])
		all = all[n:]
	}
	return groups
}

// fill takes the keys of the dirty segments into the map, as far as it goes.
func (c *cleaning) fill(dirty []source) error {
	last := dirty[len(dirty)-1].next
	c.o.Map.reset()
	aborted, err := c.l.Aborted(dirty[0].base, last)
	if err != nil {
		return err
	}
	walk := newTxnWalk(aborted)
	full := errors.New("map is full")
	for _, s := range dirty {
		err := c.read(s, func(b recordbatch.Batch) error {
			more, err := c.fillBatch(walk, b)
			if err == nil && !more {
				err = full
			}
			return err
		})
		if errors.Is(err, full) {
			break
		}
		if err != nil {
			return err
		}
		c.latest = max(c.latest, s.next-1)
	}
	c.done.MapLoad = float64(c.o.Map.count*slotBytes) / float64(max(c.o.Map.budget, 1))
	return nil
}

// fillBatch reports whether all of the batch did fit.
func (c *cleaning) fillBatch(walk *txnWalk, b recordbatch.Batch) (bool, error) {
	if b.IsControl() {
		if b.NumRecords() > 0 {
			if _, _, err := walk.marker(b); err != nil {
				return false, err
			}
		}
	} else if !walk.batch(b) && b.LastOffset() >= c.o.From {
		records, err := c.uncompressed(b)
		if err != nil {
			return false, err
		}
		r := recordbatch.NewRawReader(b, records)
		var rec recordbatch.RawRecord
		for {
			ok, err := r.Next(&rec)
			if err != nil {
				return false, err
			}
			if !ok {
				break
			}
			offset := b.BaseOffset() + int64(rec.OffsetDelta)
			if rec.Key != nil && offset >= c.o.From && !c.o.Map.put(rec.Key, offset) {
				return false, nil
			}
		}
	}
	c.latest = max(c.latest, b.LastOffset())
	return true, nil
}

// yieldBytes is how much is worked on until others get the processor and the context is asked.
const yieldBytes = 1 << 20

// read visits the batches of a segment; damaged ones are an error.
func (c *cleaning) read(s source, fn func(recordbatch.Batch) error) error {
	if s.size == 0 {
		return nil
	}
	f, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	err = scanBatches(f, 0, s.size, func(b recordbatch.Batch, pos int64) error {
		if err := errors.Join(recordbatch.ValidateHeader(b), recordbatch.CheckCRC(b)); err != nil {
			return fmt.Errorf("batch at position %d: %w: %w", pos, err, ErrCorrupt)
		}
		c.done.ReadBytes += int64(len(b))
		if c.since += len(b); c.since >= yieldBytes {
			c.since = 0
			if err := c.ctx.Err(); err != nil {
				return err
			}
			runtime.Gosched()
		}
		return fn(b)
	})
	if err != nil {
		return fmt.Errorf("segment %d: %w", s.base, err)
	}
	return nil
}

func (c *cleaning) uncompressed(b recordbatch.Batch) ([]byte, error) {
	if b.Codec() == recordbatch.None {
		return b.RawRecords(), nil
	}
	records, err := b.Decompress(c.records[:0], 0)
	if err != nil {
		return nil, fmt.Errorf("%v: %w: %w", b, err, ErrCorrupt)
	}
	c.records = records
	return records, nil
}

// rewrite makes one new segment of a group and puts it in its place.
func (c *cleaning) rewrite(group []source) error {
	w, err := c.l.newCleaned(group)
	if err != nil {
		return err
	}
	last := group[len(group)-1].next
	for _, s := range group {
		before := c.done
		err = c.read(s, func(b recordbatch.Batch) error { return c.keep(w, b, last) })
		if err != nil {
			c.done = before
			break
		}
	}
	if err == nil {
		err = w.finish()
	}
	if err != nil {
		return errors.Join(err, w.discard())
	}
	replaced, err := c.l.replace(group, w)
	if err != nil || !replaced {
		return errors.Join(err, w.discard())
	}
	c.done.WrittenBytes += w.seg.size
	c.done.Segments += len(group)
	c.done.Into++
	return nil
}

// keep writes what stays of a batch. groupEnd is where the group's offsets end: its last batch stays at least empty, so
// that a group is known to reach so far and the log's end is never lost.
func (c *cleaning) keep(w *cleanedWriter, b recordbatch.Batch, groupEnd int64) error {
	if b.LastOffset() >= c.end {
		return w.write(b)
	}
	discard, emptyTxn, err := c.discards(w, b)
	if err != nil {
		return err
	}
	survivors, whole, err := c.filter(b, discard, emptyTxn)
	switch {
	case err != nil:
		return err
	case whole:
		c.done.Kept += int64(b.NumRecords())
		return w.write(b)
	case survivors.Count > 0:
		c.done.Kept += int64(survivors.Count)
		if c.out, err = b.AppendFiltered(c.out[:0], survivors); err != nil {
			return err
		}
		return w.write(c.out)
	case c.mustStay(b) || b.NextOffset() == groupEnd:
		c.out = b.AppendEmpty(c.out[:0])
		return w.write(c.out)
	}
	return nil
}

// discards tells whether all records of a batch go for the sake of its transaction, and whether it is the marker of one
// without records, whose time begins when that is first seen.
func (c *cleaning) discards(w *cleanedWriter, b recordbatch.Batch) (discard, emptyTxn bool, err error) {
	if !b.IsControl() {
		return c.walk.batch(b), false, nil
	}
	if b.NumRecords() == 0 {
		return true, false, nil
	}
	empty, txn, err := c.walk.marker(b)
	if err != nil {
		return false, false, err
	}
	if txn != nil {
		w.aborted = append(w.aborted, *txn)
	}
	horizon, set := b.DeleteHorizon()
	return empty && set && horizon <= c.now, empty, nil
}

func (c *cleaning) mustStay(b recordbatch.Batch) bool {
	if b.ProducerID() < 0 {
		return false
	}
	last, ok := c.o.Producers[b.ProducerID()]
	if !ok {
		return false
	}
	if last.Offset >= 0 {
		return last.Offset == b.LastOffset()
	}
	return b.IsControl() && b.ProducerEpoch() == last.Epoch
}

// filter finds the records that stay; whole says that the batch stays as it is.
func (c *cleaning) filter(b recordbatch.Batch, discard, emptyTxn bool) (s recordbatch.Survivors, whole bool, err error) {
	c.done.ReadRecords += int64(b.NumRecords())
	if discard || b.NumRecords() == 0 {
		return s, false, nil
	}
	records, err := c.uncompressed(b)
	if err != nil {
		return s, false, err
	}
	horizon, hasHorizon := b.DeleteHorizon()
	s = recordbatch.Survivors{BaseTimestamp: b.FirstTimestamp(), Horizon: hasHorizon, MaxTimestamp: recordbatch.NoTimestamp}
	expired := hasHorizon && horizon <= c.now
	tombstones := false
	r := recordbatch.NewRawReader(b, records)
	var rec recordbatch.RawRecord
	c.kept = c.kept[:0]
	for {
		ok, err := r.Next(&rec)
		if err != nil {
			return s, false, fmt.Errorf("%v: %w: %w", b, err, ErrCorrupt)
		}
		if !ok {
			break
		}
		if !b.IsControl() && !c.stays(b.BaseOffset()+int64(rec.OffsetDelta), &rec, expired) {
			continue
		}
		tombstones = tombstones || !rec.HasValue
		c.kept = append(c.kept, rec.Bytes...)
		s.Count++
		s.MaxTimestamp = max(s.MaxTimestamp, s.BaseTimestamp+rec.TimestampDelta)
	}
	newHorizon := (tombstones || emptyTxn) && !hasHorizon
	if s.Count == b.NumRecords() && !newHorizon {
		return s, true, nil
	}
	if b.TimestampType() == recordbatch.LogAppendTime {
		s.MaxTimestamp = b.MaxTimestamp()
	}
	s.Records = c.kept
	if newHorizon && s.Count > 0 {
		return s, false, c.setHorizon(b, &s)
	}
	return s, false, nil
}

// stays is the rule of compaction: the latest record of a key stays, a tombstone until its time is over.
func (c *cleaning) stays(offset int64, rec *recordbatch.RawRecord, expired bool) bool {
	if rec.Key == nil {
		return false
	}
	return offset >= c.o.Map.get(rec.Key) && (rec.HasValue || !expired)
}

// setHorizon makes the base timestamp the time at which the batch's tombstones may go.
func (c *cleaning) setHorizon(b recordbatch.Batch, s *recordbatch.Survivors) error {
	at := c.now + c.o.DeleteRetention.Milliseconds()
	r := recordbatch.NewSurvivorReader(b, *s)
	var rec recordbatch.RawRecord
	c.shifted = c.shifted[:0]
	for {
		ok, err := r.Next(&rec)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		c.shifted = rec.AppendShifted(c.shifted, s.BaseTimestamp-at)
	}
	s.Records, s.BaseTimestamp, s.Horizon = c.shifted, at, true
	return nil
}

// cleanedWriter writes a segment under the suffix .cleaned.
type cleanedWriter struct {
	l       *Log
	seg     *segment
	file    fs.File
	buf     []byte
	flushed int64 // bytes that are in the file
	every   int64 // bytes between index entries
	aborted []AbortedTxn
	// hadTxns says that the segment whose name the new one takes has a .txnindex.
	hadTxns bool
}

const cleanBuffer = 1 << 20

func (l *Log) newCleaned(group []source) (*cleanedWriter, error) {
	head := group[0]
	w := &cleanedWriter{l: l, buf: make([]byte, 0, cleanBuffer)}
	l.mu.Lock()
	err := head.loadTxns()
	w.hadTxns, w.every = len(head.aborted) > 0, l.cfg.IndexInterval
	w.seg = &segment{
		fs: l.o.FS, dir: l.o.Dir, base: head.base, next: head.base, first: -1, max: timeEntry{-1, head.base},
		created: group[len(group)-1].created, suffix: suffixCleaned, hasFile: true, hasIndex: true, loadedTxn: true,
		offsets: []byte{}, times: []byte{},
	}
	l.mu.Unlock()
	if err == nil {
		err = w.discard() // what an earlier try has left
	}
	if err == nil {
		w.file, err = l.o.FS.Create(w.seg.name(suffixLog) + suffixCleaned)
	}
	return w, err
}

func (w *cleanedWriter) write(b recordbatch.Batch) error {
	if len(w.buf)+len(b) > cap(w.buf) {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.seg.note(b, w.seg.size, w.every)
	w.buf = append(w.buf, b...)
	return nil
}

func (w *cleanedWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	if _, err := w.file.WriteAt(w.buf, w.flushed); err != nil {
		return fmt.Errorf("write cleaned segment %d: %w", w.seg.base, spaceError(err))
	}
	w.flushed += int64(len(w.buf))
	w.buf = w.buf[:0]
	return nil
}

// spaceError names a full disk.
func spaceError(err error) error {
	if isNoSpace(err) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

// finish makes the files durable; their names are not yet.
func (w *cleanedWriter) finish() error {
	s := w.seg
	s.noteTime()
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("sync cleaned segment %d: %w", s.base, spaceError(err))
	}
	if err := w.close(); err != nil {
		return err
	}
	if err := w.side(suffixIndex, s.offsets); err != nil {
		return err
	}
	if err := w.side(suffixTimeIndex, s.times); err != nil {
		return err
	}
	if len(w.aborted) > 0 || w.hadTxns {
		var p []byte
		for _, t := range w.aborted {
			p = appendTxnEntry(p, t)
		}
		if err := w.side(suffixTxnIndex, p); err != nil {
			return err
		}
	}
	s.aborted = w.aborted
	s.sealed, s.idxChecks = true, true
	s.offsets, s.times = nil, nil
	s.synced, s.allocated = s.size, s.size
	return nil
}

func (w *cleanedWriter) side(suffix string, data []byte) (err error) {
	name := w.seg.name(suffix) + suffixCleaned
	f, err := w.l.o.FS.Create(name)
	if err != nil {
		return spaceError(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(data, 0); err != nil {
		return fmt.Errorf("write %s: %w", name, spaceError(err))
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", name, spaceError(err))
	}
	return nil
}

func (w *cleanedWriter) close() error {
	if w.file == nil {
		return nil
	}
	f := w.file
	w.file = nil
	if err := f.Close(); err != nil {
		return fmt.Errorf("close cleaned segment %d: %w", w.seg.base, spaceError(err))
	}
	return nil
}
