package torture

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Anomaly is a promise that was broken.
type Anomaly struct {
	Name string
	Text string
}

func (a Anomaly) String() string { return a.Name + ": " + a.Text }

// Check decides which promises the broker broke. The names are those of Jepsen's Kafka test where it has one:
//
//	inconsistent-offsets  two values at one offset of a partition, in whatever was read or acknowledged
//	duplicate             one value at two offsets
//	lost-write            an acknowledged record, or one of a committed transaction, that final readers did not get
//	aborted-read          (G1a) a read_committed reader got a record of an aborted or fenced transaction
//	dirty-read            a read_committed reader got a record before its transaction's commit was asked for. Because all
//	                      events have the time of one clock, this also covers every cycle of reads (G1c)
//	torn-txn              final readers got a part of a transaction
//	fenced-commit         a transaction was committed by a producer after it had been fenced
//	order                 one record was acknowledged before another was sent, yet has the higher offset
//	nonmonotonic-send     the records of one producer are not in the order in which he sent them
//	nonmonotonic-poll     a reader went backwards
//	poll-skip             a reader passed over a record that others got
//	hole                  an offset that holds neither a record nor a marker, in a topic that is not compacted
//	regress               log start, high watermark or last stable offset went back, or stood in the wrong order
//	hanging-txn           after all was healed the last stable offset stays behind the high watermark
//	offset-regress        a group's committed offset was below one that had been acknowledged, or was never committed
//	group-skip            a group committed past a record that no member of it got
//	copy                  the copy of a topic lacks records, has them twice or in another order
//	compaction            the last value of a key is not what final readers got
//	topic-lost            a topic, its id or its config is not what was acknowledged
//	topic-resurrected     a deleted topic is there
//
// Anomalies that a workload notes itself (KindBroken) are added by their own names: bytes (a value's checksum, topic or
// partition is wrong), crash, slow-restart, slow-stop, stuck (no progress after all was healed), producer-state-lost.
func Check(h History) []Anomaly {
	c := newChecker(h)
	c.checkBroken()
	sorted := slices.SortedFunc(maps.Keys(c.partitions), compareTP)
	for _, tp := range sorted {
		c.checkValues(tp, c.partitions[tp])
	}
	for _, tp := range sorted {
		p := c.partitions[tp]
		c.checkLost(tp, p)
		c.checkOrder(tp, p)
		c.checkReaders(tp, p)
		c.checkDense(tp, p)
		c.checkMarks(tp, p)
		if c.history.Topics[tp.topic].Compacted {
			c.checkCompacted(tp, p)
		}
		if source := c.history.Topics[tp.topic].CopyOf; source != "" {
			c.checkCopy(tp, p, c.partitions[topicPartition{source, tp.partition}])
		}
	}
	c.checkTxns()
	c.checkGroups()
	c.checkTopics()
	return c.found
}

type topicPartition struct {
	topic     string
	partition int32
}

func (tp topicPartition) String() string { return fmt.Sprintf("%s-%d", tp.topic, tp.partition) }

func compareTP(a, b topicPartition) int {
	return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
}

// send is a call to produce one record.
type send struct {
	Event
	done   int64 // when it was completed
	phase  Phase
	offset int64
}

// txn is a transaction.
type txn struct {
	Event
	phase     Phase
	commit    int64 // when its commit was first asked for, 0: never
	fenced    bool  // it had failed before it was committed
	sends     []*send
	committed int // how many sends are visible at the end
	missing   int // how many are not
}

// state is what an acknowledged txn means for a record: visible, invisible or either.
func (t *txn) state() Phase {
	if t == nil {
		return OK
	}
	return t.phase
}

// partitionLog is all that is known of one partition.
type partitionLog struct {
	sends    []*send
	values   map[int64]int64 // offset to value, of acks and reads
	offsets  map[int64]int64 // value to offset
	sessions map[int64][]Event
	marks    []Event
	all      map[int64]Event // what final read_uncommitted readers got, by offset
	visible  map[int64]Event // the same for read_committed
	order    []int64         // offsets of the records in visible
	finals   int             // bits: 1 all is known, 2 visible is known
	trimmed  int64           // below this, records may have been deleted on request
}

type checker struct {
	history    History
	partitions map[topicPartition]*partitionLog
	txns       map[int64]*txn
	byValue    map[int64]*send
	found      []Anomaly
	counts     map[string]int
}

// reported is how many anomalies of one name are told.
const reported = 10

func (c *checker) report(name, format string, args ...any) {
	if c.counts[name]++; c.counts[name] <= reported {
		c.found = append(c.found, Anomaly{name, fmt.Sprintf(format, args...)})
	}
}

func (c *checker) partition(topic string, partition int32) *partitionLog {
	tp := topicPartition{topic, partition}
	p := c.partitions[tp]
	if p == nil {
		p = &partitionLog{
			values: map[int64]int64{}, offsets: map[int64]int64{}, sessions: map[int64][]Event{},
			all: map[int64]Event{}, visible: map[int64]Event{},
		}
		c.partitions[tp] = p
	}
	return p
}

// newChecker sorts the events by what they are about.
func newChecker(h History) *checker {
	c := &checker{
		history: h, partitions: map[topicPartition]*partitionLog{}, txns: map[int64]*txn{}, byValue: map[int64]*send{},
		counts: map[string]int{},
	}
	sends := map[int64]*send{}
	for name, info := range h.Topics {
		for i := range info.Partitions {
			c.partition(name, i)
		}
	}
	for _, e := range h.Events {
		switch e.Kind {
		case KindSend:
			c.addSend(e, sends)
		case KindTxn:
			c.addTxn(e)
		case KindEnd:
			if t := c.txns[e.Txn]; t != nil && t.commit == 0 {
				t.commit = e.At
			}
		case KindRead:
			c.addRead(e)
		case KindMark:
			p := c.partition(e.Topic, e.Partition)
			p.marks = append(p.marks, e)
			if e.Final {
				if e.High >= 0 {
					p.finals |= 1
				}
				if e.Stable >= 0 {
					p.finals |= 2
				}
			}
		case KindTrim:
			p := c.partition(e.Topic, e.Partition)
			p.trimmed = max(p.trimmed, e.Offset)
		}
	}
	for _, s := range sends {
		if t := c.txns[s.Txn]; t != nil {
			t.sends = append(t.sends, s)
		}
	}
	for _, p := range c.partitions {
		p.order = recordOffsets(p.visible)
	}
	return c
}

// recordOffsets are the offsets that hold a record, sorted.
func recordOffsets(log map[int64]Event) []int64 {
	return slices.Sorted(func(yield func(int64) bool) {
		for o, e := range log {
			if !e.Control && !yield(o) {
				return
			}
		}
	})
}

func (c *checker) addSend(e Event, sends map[int64]*send) {
	if e.Phase == Invoke {
		s := &send{Event: e, phase: Info, offset: -1}
		sends[e.Op], c.byValue[e.Value] = s, s
		p := c.partition(e.Topic, e.Partition)
		p.sends = append(p.sends, s)
		return
	}
	s := sends[e.Op]
	if s == nil {
		return
	}
	s.phase, s.done = e.Phase, e.At
	if e.Phase == OK {
		s.offset = e.Offset
	}
}

func (c *checker) addTxn(e Event) {
	if e.Phase == Invoke {
		c.txns[e.Op] = &txn{Event: e, phase: Info}
		return
	}
	t := c.txns[e.Op]
	if t == nil {
		return
	}
	if t.phase == Fail && e.Phase == OK {
		t.fenced = true
		return
	}
	t.phase = e.Phase
}

func (c *checker) addRead(e Event) {
	p := c.partition(e.Topic, e.Partition)
	p.sessions[e.Session] = append(p.sessions[e.Session], e)
	if !e.Final {
		return
	}
	into := p.all
	if e.Committed {
		into = p.visible
	}
	into[e.Offset] = e
}

func (c *checker) checkBroken() {
	for _, e := range c.history.Events {
		if e.Kind == KindBroken {
			c.report(e.Key, "%s", e.Text)
		}
	}
}
