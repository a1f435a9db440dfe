package txn

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// State is where the transaction of an id stands. The numbers are those of Kafka's log.
type State int8

// The states. Dead and PrepareEpochFence are never in the log: Kafka has them in memory
// while a record is on its way.
const (
	Empty             State = 0
	Ongoing           State = 1
	PrepareCommit     State = 2
	PrepareAbort      State = 3
	CompleteCommit    State = 4
	CompleteAbort     State = 5
	Dead              State = 6
	PrepareEpochFence State = 7
)

// stateNames are Kafka's names of the states, by number.
var stateNames = [...]string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence"}

// String is the state as ListTransactions names it.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "Unknown"
	}
	return stateNames[s]
}

// ParseState finds a state by its name.
func ParseState(name string) (State, bool) {
	i := slices.Index(stateNames[:], name)
	return State(i), i >= 0
}

// preparing says that the end is decided, and markers are being written.
func (s State) preparing() bool { return s == PrepareCommit || s == PrepareAbort }

// idle says that no transaction is open.
func (s State) idle() bool { return s == Empty || s == CompleteCommit || s == CompleteAbort }

// TopicPartition names a partition that takes part in a transaction.
type TopicPartition struct {
	Topic     string
	Partition int32
}

func compareTopicPartitions(a, b TopicPartition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

const (
	noProducerID int64 = -1
	noEpoch      int16 = -1
	noTime       int64 = -1

	// lastEpoch is the last epoch that a producer is given. The one after it is kept for
	// the end of its transaction.
	lastEpoch int16 = math.MaxInt16 - 1
)

// epochBump is the version of the protocol since which the end of a transaction raises the
// epoch (transaction.version 2, KIP-890).
const epochBump = 2

// durable is what the log says of a transactional id. Times are in milliseconds since the
// epoch.
type durable struct {
	producerID, prevProducerID, nextProducerID int64
	producerEpoch                              int16
	timeoutMs                                  int32
	state                                      State
	partitions                                 []TopicPartition // sorted
	started                                    int64            // -1: never
	updated                                    int64
	version                                    int16 // transaction.version that the client uses
}

// transaction is a transactional id, with its transaction if there is one.
type transaction struct {
	id string
	durable
	// lastProducerEpoch is the epoch before the last bump, by which a repeated request is
	// known; -1 if it is not known, as after a restart.
	lastProducerEpoch int16
	waiting           []waiter // for the end of the transaction, in order of until
	cancel            func()   // ends the sending of markers

	dueAt    time.Time
	dueIndex int // in Machine.due; -1 outside
}

// waiter is a request that comes while the last transaction is being completed.
type waiter struct {
	until  time.Time
	run    func(now time.Time, out *coordinator.Out)
	refuse func(error)
}

func newTransaction(id string) *transaction {
	return &transaction{
		id: id, dueIndex: -1, lastProducerEpoch: noEpoch,
		durable: durable{producerID: noProducerID, prevProducerID: noProducerID, nextProducerID: noProducerID, producerEpoch: noEpoch, started: noTime},
	}
}

func (t *transaction) record() coordinator.Record {
	return coordinator.Record{Key: encodeKey(t.id), Value: t.encode()}
}

// deadline is when the open transaction is aborted.
func (t *transaction) deadline() time.Time {
	return time.UnixMilli(t.started).Add(time.Duration(t.timeoutMs) * time.Millisecond)
}

// exhausted says that the producer id has no epoch left to give.
func (d *durable) exhausted() bool { return d.producerEpoch >= lastEpoch }

func (d *durable) has(p TopicPartition) bool {
	_, ok := slices.BinarySearchFunc(d.partitions, p, compareTopicPartitions)
	return ok
}

func (d *durable) hasAll(ps []TopicPartition) bool {
	return !slices.ContainsFunc(ps, func(p TopicPartition) bool { return !d.has(p) })
}

// with are the partitions of d and more, sorted.
func (d *durable) with(more []TopicPartition) []TopicPartition {
	all := slices.Concat(d.partitions, more)
	slices.SortFunc(all, compareTopicPartitions)
	return slices.Compact(all)
}
