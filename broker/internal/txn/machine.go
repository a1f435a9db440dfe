package txn

import (
	"container/heap"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// Reply gives the answer to a request, exactly once. err wraps a kerr value: what the
// request ran into, or why what the answer rests on could not be made durable.
type Reply[P any] func(resp P, err error)

// Config is what a machine needs from outside. The zero value of a duration is Kafka's
// default.
type Config struct {
	// NewProducerID gives a producer id that was never given before. Required.
	NewProducerID func() (int64, error)
	// Send has the markers of a transaction written to its partitions, again and again
	// until each has one, and [Machine.Complete] called then. cancel ends that: after it
	// has returned no marker is appended any more. Send must not block. Required.
	Send func(Markers) (cancel func())
	// MaxTimeout is the longest transaction timeout that a producer may ask for
	// (transaction.max.timeout.ms). Zero: 15 minutes.
	MaxTimeout time.Duration
	// Expiration is after how long without a transaction an id is forgotten
	// (transactional.id.expiration.ms). Zero: 7 days.
	Expiration time.Duration
	// ExpirationCheck is the time between two searches for ids to forget
	// (transaction.remove.expired.transaction.cleanup.interval.ms). Zero: 1 hour.
	ExpirationCheck time.Duration
}

func (c Config) withDefaults() Config {
	orElse := func(d *time.Duration, other time.Duration) {
		if *d == 0 {
			*d = other
		}
	}
	orElse(&c.MaxTimeout, 15*time.Minute)
	orElse(&c.Expiration, 7*24*time.Hour)
	orElse(&c.ExpirationCheck, time.Hour)
	return c
}

// Machine is the transactional ids of one partition of __transaction_state.
type Machine struct {
	cfg     Config
	byID    map[string]*transaction
	due     dueQueue
	live    bool      // the log is read
	cleanup time.Time // when ids to forget are looked for next
}

var _ coordinator.Machine = (*Machine)(nil)

// New returns a machine that knows no transactional id.
func New(cfg Config) *Machine {
	return &Machine{cfg: cfg.withDefaults(), byID: make(map[string]*transaction)}
}

// Replay applies one record of the log.
func (m *Machine) Replay(r coordinator.Record) error {
	id, err := decodeKey(r.Key)
	if err != nil {
		return err
	}
	if r.Value == nil {
		if t := m.byID[id]; t != nil {
			m.due.remove(t)
			delete(m.byID, id)
		}
		return nil
	}
	d, err := decodeValue(r.Value)
	if err != nil {
		return fmt.Errorf("transactional id %q: %w", id, err)
	}
	t := m.byID[id]
	if t == nil {
		t = newTransaction(id)
		m.byID[id] = t
	}
	t.durable, t.lastProducerEpoch = d, noEpoch
	return nil
}

// Loaded goes on where the last machine was stopped: what was decided is sent to the
// partitions again, and what is open may time out.
func (m *Machine) Loaded(now time.Time, out *coordinator.Out) {
	m.live = true
	m.cleanup = now.Add(m.cfg.ExpirationCheck)
	for _, id := range m.ids() {
		t := m.byID[id]
		if t.state.preparing() {
			m.send(out, t)
		}
		m.schedule(t)
	}
}

// Expire aborts transactions that took too long, answers those who waited too long for the
// end of one, and forgets ids that nobody uses.
func (m *Machine) Expire(now time.Time, out *coordinator.Out) {
	for len(m.due) > 0 && !m.due[0].dueAt.After(now) {
		t := m.due[0]
		m.giveUp(now, out, t)
		if t.state == Ongoing && !t.deadline().After(now) {
			m.fence(now, out, t)
		}
		m.schedule(t)
	}
	if !m.cleanup.After(now) {
		m.cleanup = now.Add(m.cfg.ExpirationCheck)
		m.forget(now, out)
	}
}

// forget drops the ids that had no transaction for the expiration time.
func (m *Machine) forget(now time.Time, out *coordinator.Out) {
	oldest := now.Add(-m.cfg.Expiration).UnixMilli()
	for _, id := range m.ids() {
		if t := m.byID[id]; t.state.idle() && t.updated <= oldest {
			out.Write(coordinator.Record{Key: encodeKey(id)})
		}
	}
}

// Deadline is when Expire has something to do next; zero while no id is known.
func (m *Machine) Deadline() time.Time {
	switch {
	case len(m.byID) == 0:
		return time.Time{}
	case len(m.due) > 0 && m.due[0].dueAt.Before(m.cleanup):
		return m.due[0].dueAt
	}
	return m.cleanup
}

// Snapshot gives one record for each transactional id, in the order of ids.
func (m *Machine) Snapshot() ([]coordinator.Record, bool) {
	records := make([]coordinator.Record, 0, len(m.byID))
	for _, id := range m.ids() {
		records = append(records, m.byID[id].record())
	}
	return records, true
}

// Len is how many records Snapshot would give.
func (m *Machine) Len() int { return len(m.byID) }

// Unload ends the sending of markers, and answers all who wait with err.
func (m *Machine) Unload(err error) {
	m.live = false
	for _, id := range m.ids() {
		t := m.byID[id]
		if t.cancel != nil {
			t.cancel()
			t.cancel = nil
		}
		waiting := t.waiting
		t.waiting = nil
		for _, w := range waiting {
			w.refuse(err)
		}
	}
}

// ids are all transactional ids, sorted: whatever goes through all of them does so in an
// order that can be told beforehand.
func (m *Machine) ids() []string { return slices.Sorted(maps.Keys(m.byID)) }

// write puts the next state of a transaction into the log. It becomes the state at once.
func (m *Machine) write(out *coordinator.Out, t *transaction, next durable) {
	next.prevProducerID = t.producerID
	out.Write(coordinator.Record{Key: encodeKey(t.id), Value: next.encode()})
	m.schedule(m.byID[t.id])
}

// schedule sees to it that Expire looks at t in time.
func (m *Machine) schedule(t *transaction) {
	at := time.Time{}
	if t.state == Ongoing {
		at = t.deadline()
	}
	if len(t.waiting) > 0 && (at.IsZero() || t.waiting[0].until.Before(at)) {
		at = t.waiting[0].until
	}
	m.due.set(t, at)
}

// answer gives the answer to a request when everything that was written is committed.
func answer[P any](out *coordinator.Out, reply Reply[P], resp P, err error) {
	out.Answer(func(lost error) {
		if lost != nil {
			err = lost
		}
		if err != nil {
			var none P
			reply(none, err)
			return
		}
		reply(resp, nil)
	})
}

// find gives the transaction of an id that must exist.
func (m *Machine) find(id string) (*transaction, error) {
	if id == "" {
		return nil, fmt.Errorf("transactional id is empty: %w", kerr.InvalidRequest)
	}
	t := m.byID[id]
	if t == nil {
		return nil, fmt.Errorf("transactional id %q is not known: %w", id, kerr.InvalidProducerIDMapping)
	}
	return t, nil
}

// dueQueue orders transactions by when Expire has to look at them.
type dueQueue []*transaction

func (q *dueQueue) set(t *transaction, at time.Time) {
	switch {
	case at.IsZero():
		q.remove(t)
	case t.dueIndex < 0:
		t.dueAt = at
		heap.Push(q, t)
	case !at.Equal(t.dueAt):
		t.dueAt = at
		heap.Fix(q, t.dueIndex)
	}
}

func (q *dueQueue) remove(t *transaction) {
	if t.dueIndex >= 0 {
		heap.Remove(q, t.dueIndex)
	}
}

// Len is part of heap.Interface.
func (q dueQueue) Len() int { return len(q) }

// Less is part of heap.Interface.
func (q dueQueue) Less(i, j int) bool { return q[i].dueAt.Before(q[j].dueAt) }

// Swap is part of heap.Interface.
func (q dueQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].dueIndex, q[j].dueIndex = i, j
}

// Push is part of heap.Interface.
func (q *dueQueue) Push(x any) {
	t := x.(*transaction)
	t.dueIndex = len(*q)
	*q = append(*q, t)
}

// Pop is part of heap.Interface.
func (q *dueQueue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	t.dueIndex = -1
	return t
}
