package coordinator

import (
	"fmt"
	"time"
)

// Record is one entry of a coordinator's log. A nil Value is a tombstone: it removes
// what the key stood for.
type Record struct{ Key, Value []byte }

// Machine is the state of one coordinator partition. It is pure: no I/O, no goroutine,
// no clock. Its steps are its own methods; they take now and an [Out].
type Machine interface {
	// Replay applies one record of the log. It alone changes the state that the log
	// makes durable. An error says that the record is damaged or unknown; the record
	// is skipped and reported.
	Replay(r Record) error
	// Loaded ends the replay: sessions of the members that were read back begin now.
	Loaded(now time.Time, out *Out)
	// Expire does whatever is due at now.
	Expire(now time.Time, out *Out)
	// Deadline is when Expire has something to do next; the zero time means never.
	Deadline() time.Time
	// Snapshot gives records that rebuild the state when they are replayed into an
	// empty machine. It is false when the state has parts that records cannot carry
	// at the moment, such as the offsets of open transactions.
	Snapshot() ([]Record, bool)
	// Len is how many records Snapshot would give, or close to it. It is cheap.
	Len() int
	// Unload gives err to everyone whose answer the machine still holds back: it is
	// about to be thrown away.
	Unload(err error)
}

// TransactionalMachine is a machine that also takes records of transactions, which
// count only when their marker follows.
type TransactionalMachine interface {
	Machine
	// ReplayPending applies a record that the transaction of p wrote.
	ReplayPending(p Producer, r Record) error
	// ReplayMarker ends the open transaction of a producer id: commit makes its pending
	// records count, abort drops them.
	ReplayMarker(p Producer, commit bool) error
}

// Producer is the identity under which a transaction writes. ID -1 means none.
type Producer struct {
	ID    int64
	Epoch int16
}

// noProducer marks records that belong to no transaction.
var noProducer = Producer{ID: -1, Epoch: -1}

// Out collects what one step asks of its shell: records to be made durable, and answers
// to be given once they are.
type Out struct {
	machine  Machine
	producer Producer
	records  []Record
	marker   *marker
	replies  []func(error)
}

// marker is the end of a transaction on the machine's partition.
type marker struct {
	coordinatorEpoch int32
	commit           bool
}

// NewOut returns an empty Out for a step of m. The runtime calls it; tests of machines
// may as well.
func NewOut(m Machine) *Out { return &Out{machine: m, producer: noProducer} }

// Write adds records to the step and replays them at once. A machine that cannot replay
// what it has itself written is broken: Write panics.
func (o *Out) Write(records ...Record) {
	for _, r := range records {
		assert(o.machine.Replay(r))
	}
	o.records = append(o.records, records...)
}

// WritePending adds records that count only when the transaction of p is committed. A
// step writes either for one transaction or for none.
func (o *Out) WritePending(p Producer, records ...Record) {
	m, ok := o.machine.(TransactionalMachine)
	if !ok || len(o.records) > 0 && o.producer != p {
		panic("coordinator: a step mixes transactions")
	}
	o.producer = p
	for _, r := range records {
		assert(m.ReplayPending(p, r))
	}
	o.records = append(o.records, records...)
}

// end writes the marker of a transaction instead of records.
func (o *Out) end(p Producer, coordinatorEpoch int32, commit bool) {
	o.producer = p
	o.marker = &marker{coordinatorEpoch: coordinatorEpoch, commit: commit}
	assert(o.machine.(TransactionalMachine).ReplayMarker(p, commit))
}

// Answer has f called when all that was written up to the end of this step is committed:
// with nil then, or with the error that kept it from being so. Answers are given in the
// order in which they were added. f must not block.
func (o *Out) Answer(f func(error)) { o.replies = append(o.replies, f) }

// Records are those written so far.
func (o *Out) Records() []Record { return o.records }

// Commit gives the answers with err. The runtime calls it, once, and so may tests.
func (o *Out) Commit(err error) {
	for _, f := range o.replies {
		f(err)
	}
	o.replies = nil
}

func assert(err error) {
	if err != nil {
		panic(fmt.Sprintf("coordinator: own record cannot be replayed: %v", err))
	}
}
