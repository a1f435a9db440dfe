package txn

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// Describe tells what is known of a transactional id.
func (m *Machine) Describe(out *coordinator.Out, id string, reply Reply[kmsg.DescribeTransactionsResponseTransactionState]) {
	d := kmsg.NewDescribeTransactionsResponseTransactionState()
	d.TransactionalID = id
	t, ok := m.byID[id]
	switch {
	case id == "":
		answer(out, reply, d, fmt.Errorf("transactional id is empty: %w", kerr.InvalidRequest))
		return
	case !ok:
		answer(out, reply, d, fmt.Errorf("transactional id %q: %w", id, kerr.TransactionalIDNotFound))
		return
	}
	d.State, d.TimeoutMillis, d.StartTimestamp = t.state.String(), t.timeoutMs, t.started
	d.ProducerID, d.ProducerEpoch = t.producerID, t.producerEpoch
	for _, topic := range topicsOf(t.partitions) {
		dt := kmsg.NewDescribeTransactionsResponseTransactionStateTopic()
		dt.Topic, dt.Partitions = topic.Topic, topic.Partitions
		d.Topics = append(d.Topics, dt)
	}
	answer(out, reply, d, nil)
}

// Filter says which transactional ids to list. What is empty lets all pass.
type Filter struct {
	States      []State
	ProducerIDs []int64
	// Duration lets those pass whose transaction began longer ago. Negative: all.
	Duration time.Duration
	// ID must match the whole transactional id (KIP-1152).
	ID *regexp.Regexp
	// Nothing lets none pass: the states that were asked for do not exist.
	Nothing bool
}

func (f *Filter) passes(t *transaction, now time.Time) bool {
	switch {
	case f.Nothing,
		len(f.ProducerIDs) > 0 && !slices.Contains(f.ProducerIDs, t.producerID),
		len(f.States) > 0 && !slices.Contains(f.States, t.state),
		f.Duration >= 0 && now.UnixMilli()-t.started <= f.Duration.Milliseconds(),
		f.ID != nil && !f.ID.MatchString(t.id):
		return false
	}
	return true
}

// List names the transactional ids that pass the filter, sorted.
func (m *Machine) List(now time.Time, out *coordinator.Out, f Filter, reply Reply[[]kmsg.ListTransactionsResponseTransactionState]) {
	var list []kmsg.ListTransactionsResponseTransactionState
	for _, id := range m.ids() {
		if t := m.byID[id]; f.passes(t, now) {
			s := kmsg.NewListTransactionsResponseTransactionState()
			s.TransactionalID, s.ProducerID, s.TransactionState = id, t.producerID, t.state.String()
			list = append(list, s)
		}
	}
	answer(out, reply, list, nil)
}
