package group

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// Reply gives the answer to a request, exactly once. err is not nil if what the answer
// rests on could not be made durable, or if the machine is unloaded: the answer is not
// valid then.
type Reply[P any] func(resp P, err error)

// Client is who sent a request, as DescribeGroups shows it.
type Client struct {
	// ID is the client.id of the request's header.
	ID string
	// Host is the address the request came from, in Kafka's form: "/127.0.0.1".
	Host string
	// Sees says whether a subscription by pattern may show the client a topic. Nil: all.
	Sees func(topic string) bool
}

// same says whether records of two clients would be the same.
func (c Client) same(o Client) bool { return c.ID == o.ID && c.Host == o.Host }

// Machine is the groups of one partition of __consumer_offsets.
type Machine struct {
	cfg     Config
	groups  map[string]group
	offsets offsets
	timers  timers
	live    bool      // the log is read
	cleanup time.Time // when expired offsets are looked for next
}

var _ coordinator.TransactionalMachine = (*Machine)(nil)

// New returns a machine without groups.
func New(cfg Config) *Machine {
	return &Machine{cfg: cfg.withDefaults(), groups: make(map[string]group), offsets: newOffsets()}
}

// group is what all kinds of groups have in common. Offsets belong to a group of any
// kind, and so do the requests that only look at groups or delete them.
type group interface {
	name() string
	kind() Kind
	protocolType() string
	state() State
	// commitAllowed says whether the sender may commit offsets; prolonging its session
	// is part of it where the protocol has it so.
	commitAllowed(m *Machine, c *commit) error
	// fetchAllowed says whether a sender that names itself may fetch offsets.
	fetchAllowed(memberID *string, epoch int32) error
	// idle says whether the group has no members and expects none.
	idle() bool
	// deleteAllowed says whether the group may be deleted.
	deleteAllowed() error
	// offsetDeleteAllowed says whether offsets of topics without subscriber may go.
	offsetDeleteAllowed() error
	subscribedTo(topic string) bool
	// offsetAge is from when on the retention of a topic's offset counts, in
	// milliseconds since the epoch; false means that the offset is in use.
	offsetAge(topic string, committed int64) (int64, bool)
	// snapshot are the records that rebuild the group, without its offsets.
	snapshot() []coordinator.Record
	// size is about how many they are.
	size() int
	// tombstones are the records that undo those.
	tombstones() []coordinator.Record
	// loaded begins the sessions of members read from the log.
	loaded(m *Machine, now time.Time, out *coordinator.Out)
	// noteSilence writes for how long members have not been heard of since the log was
	// read, and says whether there are such. more is the time since the last note.
	noteSilence(more time.Duration, out *coordinator.Out) bool
	// drop answers everyone who waits with err and cancels all timers.
	drop(m *Machine, err error)
}

// Kind is the protocol of a group.
type Kind string

// The kinds of groups, as ListGroups names them.
const (
	Classic  Kind = "classic"
	Consumer Kind = "consumer"
)

// State is where a group stands. The names are Kafka's.
type State string

// States of groups. Assigning and Reconciling are only of the consumer protocol,
// PreparingRebalance and CompletingRebalance only of the classic one.
const (
	Empty               State = "Empty"
	PreparingRebalance  State = "PreparingRebalance"
	CompletingRebalance State = "CompletingRebalance"
	Assigning           State = "Assigning"
	Reconciling         State = "Reconciling"
	Stable              State = "Stable"
	Dead                State = "Dead"
)

// Replay applies one record of the log.
func (m *Machine) Replay(r coordinator.Record) error {
	version, err := keyVersion(r.Key)
	if err != nil {
		return err
	}
	switch version {
	case keyOffsetCommitV0, keyOffsetCommit:
		return m.replayOffset(r)
	case keyGroupMetadata:
		return m.replayClassic(r)
	case keyConsumerGroup, keyConsumerTopics, keyConsumerMember, keyConsumerTargetEpoch, keyConsumerTarget, keyConsumerCurrent, keyConsumerPattern:
		return m.replayConsumer(version, r)
	}
	return fmt.Errorf("record of unknown kind %d", version)
}

// ReplayPending applies a record of an open transaction. Only offsets are ever written
// in one.
func (m *Machine) ReplayPending(p coordinator.Producer, r coordinator.Record) error {
	version, err := keyVersion(r.Key)
	if err != nil {
		return err
	}
	if version != keyOffsetCommitV0 && version != keyOffsetCommit {
		return fmt.Errorf("record of kind %d in a transaction", version)
	}
	return m.replayPendingOffset(p, r)
}

// ReplayMarker ends the transaction of p: its offsets count from now on, or never did.
func (m *Machine) ReplayMarker(p coordinator.Producer, commit bool) error {
	m.offsets.endTransaction(p.ID, commit)
	m.offsets.endedBy(p)
	return nil
}

// Loaded begins the sessions of all members. A simple group whose offsets are all gone
// left no trace in the log, so it is forgotten.
func (m *Machine) Loaded(now time.Time, out *coordinator.Out) {
	m.live = true
	m.cleanup = now.Add(m.cfg.OffsetsRetentionCheck)
	for _, name := range m.names() {
		g := m.groups[name]
		if g.loaded(m, now, out); g.idle() && len(g.tombstones()) == 0 && !m.hasOffsets(name) {
			m.forget(g, out)
		}
	}
	m.listen(now)
}

// Expire removes members that have been silent for too long, ends phases that have
// lasted too long, and drops offsets that nobody has used for the retention time.
func (m *Machine) Expire(now time.Time, out *coordinator.Out) {
	m.timers.expire(now, out)
	if !m.cleanup.After(now) {
		m.cleanup = now.Add(m.cfg.OffsetsRetentionCheck)
		m.expireOffsets(now, out)
		m.offsets.forgetProducers()
	}
}

// Deadline is when Expire has something to do next; zero while there is no group.
func (m *Machine) Deadline() time.Time {
	if len(m.groups) == 0 {
		return time.Time{}
	}
	if next := m.timers.next(); !next.IsZero() && next.Before(m.cleanup) {
		return next
	}
	return m.cleanup
}

// Snapshot gives the records that rebuild the groups and offsets, in the groups' order
// of names. It is false while offsets are pending, for those belong to a transaction
// whose marker is still to come.
func (m *Machine) Snapshot() ([]coordinator.Record, bool) {
	if m.offsets.anyPending() {
		return nil, false
	}
	var records []coordinator.Record
	for _, name := range m.names() {
		records = append(records, m.groups[name].snapshot()...)
		records = append(records, m.offsets.snapshot(name)...)
	}
	return records, true
}

// Len is about how many records Snapshot would give.
func (m *Machine) Len() int {
	n := m.offsets.len()
	for _, g := range m.groups {
		n += g.size()
	}
	return n
}

// Unload answers all who wait with err.
func (m *Machine) Unload(err error) {
	for _, name := range m.names() {
		m.groups[name].drop(m, err)
	}
}

// names are those of all groups, sorted: whatever goes through all groups does so in
// an order that can be told beforehand.
func (m *Machine) names() []string {
	names := make([]string, 0, len(m.groups))
	for name := range m.groups {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// remove forgets a group, whose records are gone already.
func (m *Machine) remove(g group) {
	g.drop(m, kerr.UnknownMemberID)
	delete(m.groups, g.name())
}

// errorCode is the code that Kafka's protocol has for err.
func errorCode(err error) int16 {
	if err == nil {
		return 0
	}
	if ke, ok := errors.AsType[*kerr.Error](err); ok {
		return ke.Code
	}
	return kerr.UnknownServerError.Code
}
