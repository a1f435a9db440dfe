package torture

import (
	"cmp"
	"slices"
)

// checkValues finds offsets with two values and values with two offsets.
func (c *checker) checkValues(tp topicPartition, p *partitionLog) {
	note := func(offset, value int64, who string) {
		if old, ok := p.values[offset]; ok && old != value {
			c.report("inconsistent-offsets", "%v offset %d is value %d, and %d %s", tp, offset, old, value, who)
			return
		}
		p.values[offset] = value
		if value == 0 {
			return // a marker
		}
		if old, ok := p.offsets[value]; ok && old != offset {
			c.report("duplicate", "%v value %d is at offset %d, and at %d %s", tp, value, old, offset, who)
			return
		}
		p.offsets[value] = offset
	}
	for _, s := range p.sends {
		if s.phase == OK {
			note(s.offset, s.Value, "as acknowledged")
		}
	}
	for _, reads := range p.sessions {
		for _, e := range reads {
			note(e.Offset, e.Value, "as read")
			switch s := c.byValue[e.Value]; {
			case e.Control:
			case s == nil:
				c.report("bytes", "%v offset %d is value %d, which nobody sent", tp, e.Offset, e.Value)
			case s.Topic != tp.topic || s.Partition != tp.partition:
				c.report("bytes", "%v offset %d is value %d, which was sent to %s-%d", tp, e.Offset, e.Value, s.Topic, s.Partition)
			}
		}
	}
}

// checkLost looks for acknowledged records in what final readers got.
func (c *checker) checkLost(tp topicPartition, p *partitionLog) {
	compacted := c.history.Topics[tp.topic].Compacted
	for _, s := range p.sends {
		t := c.txns[s.Txn]
		offset, known := s.offset, s.phase == OK
		if !known {
			offset, known = p.offsets[s.Value]
		}
		if known && offset < p.trimmed || compacted {
			continue
		}
		if _, ok := p.all[offset]; p.finals&1 != 0 && s.phase == OK && !ok {
			c.report("lost-write", "%v offset %d, value %d, acknowledged to worker %d at %s, is gone", tp, offset, s.Value, s.Worker, seconds(s.done))
		}
		if p.finals&2 == 0 {
			continue
		}
		_, visible := p.visible[offset]
		visible = visible && known
		switch {
		case t == nil:
			if s.phase == OK && !visible {
				c.report("lost-write", "%v offset %d, value %d, acknowledged to worker %d, is invisible", tp, offset, s.Value, s.Worker)
			}
		case visible:
			t.committed++
		case s.phase == OK:
			t.missing++
		}
	}
}

// checkOrder compares offsets with the order of calls.
func (c *checker) checkOrder(tp topicPartition, p *partitionLog) {
	acked := slices.DeleteFunc(slices.Clone(p.sends), func(s *send) bool { return s.phase != OK })
	byDone := slices.SortedFunc(slices.Values(acked), func(a, b *send) int { return cmp.Compare(a.done, b.done) })
	slices.SortFunc(acked, func(a, b *send) int { return cmp.Compare(a.At, b.At) })
	var before *send // of those that were acknowledged before, the one with the highest offset
	i := 0
	last := map[int]*send{}
	for _, s := range acked {
		for ; i < len(byDone) && byDone[i].done < s.At; i++ {
			if before == nil || byDone[i].offset > before.offset {
				before = byDone[i]
			}
		}
		if before != nil && before.offset > s.offset {
			c.report("order", "%v value %d was acknowledged at offset %d before value %d was sent, which has offset %d", tp, before.Value, before.offset, s.Value, s.offset)
		}
		if l := last[s.Worker]; l != nil && l.offset > s.offset {
			c.report("nonmonotonic-send", "%v worker %d sent value %d before %d, their offsets are %d and %d", tp, s.Worker, l.Value, s.Value, l.offset, s.offset)
		}
		last[s.Worker] = s
	}
}

// checkReaders looks at every reader's way through the partition.
func (c *checker) checkReaders(tp topicPartition, p *partitionLog) {
	compacted := c.history.Topics[tp.topic].Compacted
	all := recordOffsets(p.all)
	for session, reads := range p.sessions {
		for i, e := range reads {
			if e.Committed {
				c.checkVisible(tp, e)
			}
			if i == 0 || e.Group != "" {
				continue // a member of a group begins again where the group had committed
			}
			before := reads[i-1].Offset
			truth, known := all, p.finals&1 != 0
			if e.Committed {
				truth, known = p.order, p.finals&2 != 0
			}
			switch {
			case e.Offset <= before:
				c.report("nonmonotonic-poll", "%v session %d got offset %d after %d", tp, session, e.Offset, before)
			case known && !compacted && !e.Final:
				if at, _ := slices.BinarySearch(truth, max(before+1, p.trimmed)); at < len(truth) && truth[at] < e.Offset {
					c.report("poll-skip", "%v session %d got offset %d after %d and passed over %d", tp, session, e.Offset, before, truth[at])
				}
			}
		}
	}
}

// checkVisible decides whether a read_committed reader might get a record at that time.
func (c *checker) checkVisible(tp topicPartition, e Event) {
	s := c.byValue[e.Value]
	if s == nil || s.Txn == 0 {
		return
	}
	t := c.txns[s.Txn]
	switch {
	case t == nil:
	case t.phase == Fail:
		c.report("aborted-read", "%v offset %d, value %d, was read at %s; its transaction %d did not commit", tp, e.Offset, e.Value, seconds(e.At), t.Op)
	case t.commit == 0 || e.At < t.commit:
		c.report("dirty-read", "%v offset %d, value %d, was read at %s; transaction %d was to commit at %s", tp, e.Offset, e.Value, seconds(e.At), t.Op, seconds(t.commit))
	}
}

// checkDense wants a record or a marker at every offset.
func (c *checker) checkDense(tp topicPartition, p *partitionLog) {
	if p.finals&1 == 0 || c.history.Topics[tp.topic].Compacted {
		return
	}
	first, end := int64(-1), int64(-1)
	for _, m := range p.marks {
		if m.Final && m.High >= 0 {
			first, end = m.Offset, m.High
		}
	}
	for o := max(first, 0); o < end; o++ {
		if _, ok := p.all[o]; !ok {
			c.report("hole", "%v offset %d of [%d, %d) holds nothing", tp, o, first, end)
		}
	}
}

// checkMarks follows what ListOffsets told. A mark is compared with those that were known before it was asked for.
func (c *checker) checkMarks(tp topicPartition, p *partitionLog) {
	asked := slices.SortedStableFunc(slices.Values(p.marks), func(a, b Event) int { return cmp.Compare(a.Since, b.Since) })
	known, first, high, stable := 0, int64(0), int64(0), int64(0)
	for _, m := range asked {
		for ; known < len(p.marks) && p.marks[known].At < m.Since; known++ {
			k := p.marks[known]
			first, high, stable = max(first, k.Offset), max(high, k.High), max(stable, k.Stable)
		}
		at := seconds(m.At)
		if m.Offset >= 0 && m.Offset < first {
			c.report("regress", "%v log start was %d, at %s it is %d", tp, first, at, m.Offset)
		}
		if m.High >= 0 && m.High < high {
			c.report("regress", "%v high watermark was %d, at %s it is %d", tp, high, at, m.High)
		}
		if m.Stable >= 0 && m.Stable < stable {
			c.report("regress", "%v last stable offset was %d, at %s it is %d", tp, stable, at, m.Stable)
		}
		if m.Final && m.High >= 0 && m.Stable >= 0 && m.Stable < m.High {
			c.report("hanging-txn", "%v last stable offset is %d, high watermark %d", tp, m.Stable, m.High)
		}
	}
}

// checkCompacted wants the last value of every key.
func (c *checker) checkCompacted(tp topicPartition, p *partitionLog) {
	if p.finals&1 == 0 {
		return
	}
	type at struct{ offset, value int64 }
	want, got := map[string]at{}, map[string]at{}
	for _, s := range p.sends {
		offset, ok := p.offsets[s.Value]
		if ok && (want[s.Key].value == 0 || offset > want[s.Key].offset) {
			want[s.Key] = at{offset, s.Value}
		}
	}
	for o, e := range p.all {
		if !e.Control && (got[e.Key].value == 0 || o > got[e.Key].offset) {
			got[e.Key] = at{o, e.Value}
		}
	}
	for key, w := range want {
		if g := got[key]; g != w {
			c.report("compaction", "%v key %s is value %d of offset %d, but %d of offset %d is the last", tp, key, g.value, g.offset, w.value, w.offset)
		}
	}
}

// checkCopy compares a partition with the one that it is a copy of.
func (c *checker) checkCopy(tp topicPartition, p, source *partitionLog) {
	if source == nil || p.finals&2 == 0 || source.finals&2 == 0 {
		return
	}
	copied := map[int64]int64{} // source value to offset of its copy
	last := int64(-1)
	for _, o := range p.order {
		e := p.visible[o]
		if old, ok := copied[e.Source]; ok {
			c.report("copy", "%v has value %d of %s twice, at offsets %d and %d", tp, e.Source, "its source", old, o)
		}
		copied[e.Source] = o
		from, ok := source.offsets[e.Source]
		switch {
		case !ok:
			c.report("copy", "%v offset %d is a copy of value %d, which is not in its source", tp, o, e.Source)
		case from < last:
			c.report("copy", "%v offset %d is a copy of offset %d and comes after that of %d", tp, o, from, last)
		}
		last = max(last, from)
	}
	for _, o := range source.order {
		if e := source.visible[o]; !hasCopy(copied, e.Value) {
			c.report("copy", "%v has no copy of value %d, offset %d of its source", tp, e.Value, o)
		}
	}
}

func hasCopy(copied map[int64]int64, value int64) bool { _, ok := copied[value]; return ok }
