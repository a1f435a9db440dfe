package group

import (
	"fmt"
	"maps"
	"slices"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// offset is what was committed for a partition.
type offset struct {
	offset      int64
	leaderEpoch int32 // -1: not known
	metadata    string
	committed   int64    // milliseconds since the epoch
	expires     int64    // milliseconds since the epoch, as old clients ask; -1: by retention
	topicID     [16]byte // zero: not known
}

type topicPartition struct {
	topic     string
	partition int32
}

// offsets are the committed offsets of all groups, and those of open transactions.
type offsets struct {
	byGroup map[string]map[string]map[int32]offset // group, topic, partition
	count   int
	// pending are offsets of transactions whose marker is still to come, by producer id.
	pending map[int64]map[string]map[topicPartition]offset
	// unstable counts the open transactions that have an offset of a partition pending.
	unstable map[string]map[topicPartition]int
	// producers are those of transactions, by id; see GuardTxn.
	producers map[int64]*txnProducer
	markers   uint64 // of transactions, so far
}

func newOffsets() offsets {
	return offsets{
		byGroup:  make(map[string]map[string]map[int32]offset),
		pending:  make(map[int64]map[string]map[topicPartition]offset),
		unstable: make(map[string]map[topicPartition]int),

		producers: make(map[int64]*txnProducer),
	}
}

func (o *offsets) len() int { return o.count }

func (o *offsets) get(group, topic string, partition int32) (offset, bool) {
	v, ok := o.byGroup[group][topic][partition]
	return v, ok
}

func (o *offsets) set(group, topic string, partition int32, v offset) {
	topics := o.byGroup[group]
	if topics == nil {
		topics = make(map[string]map[int32]offset)
		o.byGroup[group] = topics
	}
	partitions := topics[topic]
	if partitions == nil {
		partitions = make(map[int32]offset)
		topics[topic] = partitions
	}
	before := len(partitions)
	partitions[partition] = v
	o.count += len(partitions) - before
}

func (o *offsets) remove(group, topic string, partition int32) {
	topics := o.byGroup[group]
	partitions := topics[topic]
	if _, ok := partitions[partition]; !ok {
		return
	}
	o.count--
	if delete(partitions, partition); len(partitions) > 0 {
		return
	}
	if delete(topics, topic); len(topics) == 0 {
		delete(o.byGroup, group)
	}
}

// each calls f for all offsets of a group, sorted by topic and partition.
func (o *offsets) each(group string, f func(topic string, partition int32, v offset)) {
	topics := o.byGroup[group]
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		for _, partition := range slices.Sorted(maps.Keys(topics[topic])) {
			f(topic, partition, topics[topic][partition])
		}
	}
}

func (o *offsets) snapshot(group string) []coordinator.Record {
	var records []coordinator.Record
	o.each(group, func(topic string, partition int32, v offset) {
		records = append(records, offsetRecord(group, topic, partition, v))
	})
	return records
}

func (o *offsets) anyPending() bool { return len(o.pending) > 0 }

// isPending says whether a transaction that is still open has committed an offset.
func (o *offsets) isPending(group, topic string, partition int32) bool {
	return o.unstable[group][topicPartition{topic, partition}] > 0
}

func (o *offsets) setPending(producer int64, group string, tp topicPartition, v offset) {
	groups := o.pending[producer]
	if groups == nil {
		groups = make(map[string]map[topicPartition]offset)
		o.pending[producer] = groups
	}
	if groups[group] == nil {
		groups[group] = make(map[topicPartition]offset)
	}
	if _, again := groups[group][tp]; !again {
		o.addUnstable(group, tp, 1)
	}
	groups[group][tp] = v
}

func (o *offsets) addUnstable(group string, tp topicPartition, by int) {
	if o.unstable[group] == nil {
		o.unstable[group] = make(map[topicPartition]int)
	}
	if o.unstable[group][tp] += by; o.unstable[group][tp] > 0 {
		return
	}
	if delete(o.unstable[group], tp); len(o.unstable[group]) == 0 {
		delete(o.unstable, group)
	}
}

// endTransaction has the pending offsets of a producer count, or drops them.
func (o *offsets) endTransaction(producer int64, commit bool) {
	for group, offsets := range o.pending[producer] {
		for tp, v := range offsets {
			o.addUnstable(group, tp, -1)
			if commit {
				o.set(group, tp.topic, tp.partition, v)
			}
		}
	}
	delete(o.pending, producer)
}

// dropPending forgets the pending offsets of a partition: its topic was deleted.
func (o *offsets) dropPending(topic string) {
	for _, groups := range o.pending {
		for group, offsets := range groups {
			for tp := range offsets {
				if tp.topic == topic {
					delete(offsets, tp)
					o.addUnstable(group, tp, -1)
				}
			}
		}
	}
}

// replayOffset applies a committed offset. The offset of a group that is not known makes
// a simple one.
func (m *Machine) replayOffset(r coordinator.Record) error {
	key, err := decodeOffsetKey(r.Key)
	if err != nil {
		return err
	}
	if r.Value == nil {
		m.offsets.remove(key.Group, key.Topic, key.Partition)
		return nil
	}
	v, err := decodeOffset(r.Value)
	if err != nil {
		return fmt.Errorf("offset of %s for %s-%d: %w", key.Group, key.Topic, key.Partition, err)
	}
	m.ensureGroup(key.Group)
	m.offsets.set(key.Group, key.Topic, key.Partition, v)
	return nil
}

func (m *Machine) replayPendingOffset(p coordinator.Producer, r coordinator.Record) error {
	key, err := decodeOffsetKey(r.Key)
	if err != nil {
		return err
	}
	v, err := decodeOffset(r.Value)
	if err != nil {
		return fmt.Errorf("offset of %s for %s-%d: %w", key.Group, key.Topic, key.Partition, err)
	}
	m.ensureGroup(key.Group)
	m.offsets.pendingFrom(p)
	m.offsets.setPending(p.ID, key.Group, topicPartition{key.Topic, key.Partition}, v)
	return nil
}

// ensureGroup makes a simple group where there is none.
func (m *Machine) ensureGroup(name string) group {
	if g, ok := m.groups[name]; ok {
		return g
	}
	return m.newClassic(name)
}
