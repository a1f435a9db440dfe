package group

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// Keys of the records of the consumer protocol, by Kafka's numbers; the definitions are
// ConsumerGroup*Key.json and ConsumerGroup*Value.json of Kafka's group coordinator. All
// values are of version 0, which is flexible.
const (
	keyConsumerGroup       = 3  // group: epoch, hash of the topics
	keyConsumerTopics      = 4  // group: topics; not written since Kafka 4.1
	keyConsumerMember      = 5  // group, member: what it says of itself
	keyConsumerTargetEpoch = 6  // group: epoch of the target
	keyConsumerTarget      = 7  // group, member: what it is to have
	keyConsumerCurrent     = 8  // group, member: epoch, and what it has
	keyConsumerPattern     = 16 // group, regular expression: topics
)

func consumerKey(kind int16, parts ...string) []byte {
	w := writer{}
	w.int16(kind)
	for _, p := range parts {
		w.string(p)
	}
	return w.buf
}

func consumerGroupRecord(group string, epoch int32, hash int64) coordinator.Record {
	w := newValue()
	w.int32(epoch)
	if hash == 0 {
		w.uvarint(0)
	} else {
		w.tag8(uint64(hash))
	}
	return coordinator.Record{Key: consumerKey(keyConsumerGroup, group), Value: w.buf}
}

// consumerTargetEpochRecord also says when the target was computed (KIP-1263), in
// milliseconds since the epoch; 0 if that is not known.
func consumerTargetEpochRecord(group string, epoch int32, at int64) coordinator.Record {
	w := newValue()
	w.int32(epoch)
	if at == 0 {
		w.uvarint(0)
	} else {
		w.tag8(uint64(at))
	}
	return coordinator.Record{Key: consumerKey(keyConsumerTargetEpoch, group), Value: w.buf}
}

func consumerMemberRecord(group string, mb *consumerMember) coordinator.Record {
	w := newValue()
	w.compactNullable(mb.instanceID)
	w.compactNullable(mb.rackID)
	w.compactString(mb.client.ID)
	w.compactString(mb.client.Host)
	w.compactStrings(mb.topics)
	w.compactNullable(mb.pattern)
	w.int32(int32(mb.rebalanceTimeout.Milliseconds()))
	w.compactNullable(mb.assignor)
	w.memberTags(mb)
	return coordinator.Record{Key: consumerKey(keyConsumerMember, group, mb.id), Value: w.buf}
}

// memberTags are the tagged fields of a member: Kafka's ClassicMemberMetadata, and our
// silence, which Kafka does not read.
func (w *writer) memberTags(mb *consumerMember) {
	n := 0
	if mb.classic != nil {
		n++
	}
	if mb.silent > 0 {
		n++
	}
	if w.uvarint(n); mb.classic != nil {
		w.tag(0, mb.classic.encode())
	}
	if mb.silent > 0 {
		w.tag(silenceTag, mb.silence.encode())
	}
}

func (c *classicPart) encode() []byte {
	w := writer{}
	w.int32(int32(c.sessionTimeout.Milliseconds()))
	w.uvarint(len(c.protocols) + 1)
	for _, p := range c.protocols {
		w.compactString(p.Name)
		w.compactString(string(p.Metadata))
		w.uvarint(0)
	}
	w.uvarint(0)
	return w.buf
}

func decodeClassicPart(b []byte) (*classicPart, error) {
	r := reader{src: b}
	c := &classicPart{sessionTimeout: time.Duration(r.int32()) * time.Millisecond}
	for range r.compactCount(3) {
		c.protocols = append(c.protocols, kmsg.JoinGroupRequestProtocol{Name: r.compactString(), Metadata: []byte(r.compactString())})
		r.tags(func(int, []byte) {})
	}
	r.tags(func(int, []byte) {})
	return c, r.err()
}

func consumerTargetRecord(group, member string, target assignment) coordinator.Record {
	w := newValue()
	w.assignment(target)
	w.uvarint(0)
	return coordinator.Record{Key: consumerKey(keyConsumerTarget, group, member), Value: w.buf}
}

func consumerCurrentRecord(group string, mb *consumerMember) coordinator.Record {
	w := newValue()
	w.int32(mb.epoch)
	w.int32(mb.previousEpoch)
	w.buf = append(w.buf, byte(mb.state))
	w.held(mb.assigned, mb.since)
	w.held(mb.revoking, mb.since)
	w.uvarint(0)
	return coordinator.Record{Key: consumerKey(keyConsumerCurrent, group, mb.id), Value: w.buf}
}

func consumerPatternRecord(group, pattern string, r resolution) coordinator.Record {
	w := newValue()
	w.compactStrings(r.topics)
	w.int64(r.version)
	w.int64(r.timestamp)
	w.uvarint(0)
	return coordinator.Record{Key: consumerKey(keyConsumerPattern, group, pattern), Value: w.buf}
}

// writer encodes in Kafka's primitive types.
type writer struct{ buf []byte }

// newValue begins a value of version 0.
func newValue() *writer { return &writer{buf: make([]byte, 2, 64)} }

func (w *writer) int16(v int16)   { w.buf = binary.BigEndian.AppendUint16(w.buf, uint16(v)) }
func (w *writer) int32(v int32)   { w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(v)) }
func (w *writer) int64(v int64)   { w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(v)) }
func (w *writer) uvarint(v int)   { w.buf = binary.AppendUvarint(w.buf, uint64(v)) }
func (w *writer) string(s string) { w.int16(int16(len(s))); w.buf = append(w.buf, s...) }

func (w *writer) compactString(s string) {
	w.uvarint(len(s) + 1)
	w.buf = append(w.buf, s...)
}

func (w *writer) compactNullable(s *string) {
	if s == nil {
		w.uvarint(0)
		return
	}
	w.compactString(*s)
}

func (w *writer) compactStrings(list []string) {
	w.uvarint(len(list) + 1)
	for _, s := range list {
		w.compactString(s)
	}
}

// tag8 writes one tagged field, number 0, of 8 bytes.
func (w *writer) tag8(v uint64) {
	w.buf = append(w.buf, 1, 0, 8)
	w.buf = binary.BigEndian.AppendUint64(w.buf, v)
}

func (w *writer) tag(number int, value []byte) {
	w.uvarint(number)
	w.uvarint(len(value))
	w.buf = append(w.buf, value...)
}

// assignment writes the array of topic id and partitions that several values have.
func (w *writer) assignment(a assignment) {
	w.uvarint(len(a) + 1)
	for _, id := range a.ids() {
		w.partitions(id, a[id])
		w.uvarint(0)
	}
}

// held is an assignment with the epoch of each partition, a tagged field (KIP-1251).
func (w *writer) held(a assignment, since map[slot]int32) {
	w.uvarint(len(a) + 1)
	for _, id := range a.ids() {
		w.partitions(id, a[id])
		epochs := writer{}
		epochs.uvarint(len(a[id]) + 1)
		for _, p := range a[id] {
			epochs.int32(since[slot{id, p}])
		}
		w.uvarint(1)
		w.tag(0, epochs.buf)
	}
}

func (w *writer) partitions(id TopicID, partitions []int32) {
	w.buf = append(w.buf, id[:]...)
	w.uvarint(len(partitions) + 1)
	for _, p := range partitions {
		w.int32(p)
	}
}

// compactCount reads the length of a compact array with elements of at least size bytes.
func (r *reader) compactCount(size int) int {
	n := r.uvarint() - 1
	if n > len(r.src)/size {
		r.bad, r.src = true, nil
		return 0
	}
	return max(n, 0)
}

func (r *reader) compactNullable() *string {
	n := r.uvarint() - 1
	if n < 0 {
		return nil
	}
	return new(string(r.span(n)))
}

func (r *reader) compactStrings() []string {
	n := r.compactCount(1)
	list := make([]string, 0, n)
	for range n {
		list = append(list, r.compactString())
	}
	return list
}

func (r *reader) assignment() assignment {
	a, _ := r.held(0)
	return a
}

// held reads an assignment, and into since the epochs of its partitions; those that the
// record does not say are the epoch given.
func (r *reader) held(other int32) (assignment, map[slot]int32) {
	a, since := assignment{}, make(map[slot]int32)
	for range r.compactCount(18) {
		var id TopicID
		copy(id[:], r.span(len(id)))
		partitions := r.compactInts()
		epochs := []int32(nil)
		r.tags(func(tag int, b []byte) {
			if tag == 0 {
				epochs = (&reader{src: b}).compactInts()
			}
		})
		for i, p := range partitions {
			if since[slot{id, p}] = max(other, 0); len(epochs) == len(partitions) {
				since[slot{id, p}] = epochs[i]
			}
		}
		slices.Sort(partitions)
		if partitions = slices.Compact(partitions); len(partitions) > 0 {
			a[id] = partitions
		}
	}
	return a, since
}

func (r *reader) compactInts() []int32 {
	n := r.compactCount(4)
	list := make([]int32, 0, n)
	for range n {
		list = append(list, r.int32())
	}
	return list
}

// replayConsumer applies a record of the consumer protocol.
func (m *Machine) replayConsumer(kind int16, r coordinator.Record) error {
	key := reader{src: r.Key[2:]}
	name, second := key.string(), ""
	if kind == keyConsumerMember || kind == keyConsumerTarget || kind == keyConsumerCurrent || kind == keyConsumerPattern {
		second = key.string()
	}
	if err := key.err(); err != nil {
		return fmt.Errorf("decode key of kind %d: %w", kind, err)
	}
	if r.Value == nil {
		m.replayConsumerTombstone(kind, name, second)
		return nil
	}
	v := reader{src: r.Value}
	if version := v.int16(); version != 0 {
		return fmt.Errorf("record of kind %d and unknown version %d", kind, version)
	}
	g := m.ensureConsumer(name)
	switch kind {
	case keyConsumerGroup:
		g.epoch, g.hash, g.written = v.int32(), 0, true
		v.tags(func(tag int, b []byte) {
			if tag == 0 && len(b) == 8 {
				g.hash = int64(binary.BigEndian.Uint64(b))
			}
		})
	case keyConsumerMember:
		g.replayMember(second, &v)
	case keyConsumerTargetEpoch:
		g.targetEpoch, g.targetAt = v.int32(), 0
		v.tags(func(tag int, b []byte) {
			if tag == 0 && len(b) == 8 {
				g.targetAt = int64(binary.BigEndian.Uint64(b))
			}
		})
	case keyConsumerTarget:
		g.target[second] = v.assignment()
	case keyConsumerCurrent:
		g.replayCurrent(second, &v)
	case keyConsumerPattern:
		g.patterns[second] = resolution{topics: v.compactStrings(), version: v.int64(), timestamp: v.int64()}
	}
	if err := v.err(); err != nil {
		return fmt.Errorf("decode value of kind %d: %w", kind, err)
	}
	return nil
}

// ensureConsumer finds the consumer group; a simple group in its place gives way.
func (m *Machine) ensureConsumer(name string) *consumer {
	if g, ok := m.groups[name].(*consumer); ok {
		return g
	}
	return m.newConsumer(name)
}

func (g *consumer) replayMember(id string, v *reader) {
	mb := g.ensureMember(id)
	mb.instanceID, mb.rackID = v.compactNullable(), v.compactNullable()
	mb.client = Client{ID: v.compactString(), Host: v.compactString()}
	mb.topics, mb.pattern = v.compactStrings(), v.compactNullable()
	mb.rebalanceTimeout = time.Duration(v.int32()) * time.Millisecond
	mb.assignor = v.compactNullable()
	g.replayMemberTags(mb, v)
	if mb.instanceID != nil {
		g.static[*mb.instanceID] = id
	}
}

func (g *consumer) replayMemberTags(mb *consumerMember, v *reader) {
	mb.classic, mb.silent = nil, 0
	v.tags(func(tag int, b []byte) {
		switch tag {
		case 0:
			c, err := decodeClassicPart(b)
			if mb.classic = c; err != nil {
				v.bad = true
			}
		case silenceTag:
			mb.silence.decode(b)
		}
	})
}

func (g *consumer) ensureMember(id string) *consumerMember {
	mb, ok := g.members[id]
	if !ok {
		mb = &consumerMember{id: id, assigned: assignment{}, revoking: assignment{}}
		g.members[id] = mb
	}
	return mb
}

func (g *consumer) replayCurrent(id string, v *reader) {
	mb := g.ensureMember(id)
	g.release(mb)
	mb.placed = true
	mb.epoch, mb.previousEpoch = v.int32(), v.int32()
	if b := v.span(1); b != nil {
		mb.state = memberState(b[0])
	}
	mb.assigned, mb.since = v.held(mb.epoch)
	revoking, since := v.held(mb.epoch)
	mb.revoking = revoking
	maps.Copy(mb.since, since)
	for _, a := range []assignment{mb.assigned, mb.revoking} {
		a.each(func(topic TopicID, partition int32) { g.owners[slot{topic, partition}] = id })
	}
}

// release takes from the member's name what it has and gives back.
func (g *consumer) release(mb *consumerMember) {
	for _, a := range []assignment{mb.assigned, mb.revoking} {
		a.each(func(topic TopicID, partition int32) {
			if p := (slot{topic, partition}); g.owners[p] == mb.id {
				delete(g.owners, p)
			}
		})
	}
}

func (m *Machine) replayConsumerTombstone(kind int16, name, second string) {
	g, ok := m.groups[name].(*consumer)
	if !ok {
		return
	}
	switch kind {
	case keyConsumerGroup:
		m.remove(g)
	case keyConsumerMember:
		if mb, ok := g.members[second]; ok {
			g.release(mb)
			mb.stop(m)
			delete(g.members, second)
			if mb.instanceID != nil && g.static[*mb.instanceID] == second {
				delete(g.static, *mb.instanceID)
			}
		}
	case keyConsumerTargetEpoch:
		g.targetEpoch, g.targetAt = 0, 0
	case keyConsumerTarget:
		delete(g.target, second)
	case keyConsumerCurrent:
		if mb, ok := g.members[second]; ok {
			g.release(mb)
			mb.placed, mb.epoch, mb.previousEpoch, mb.state = false, 0, 0, stable
			mb.assigned, mb.revoking, mb.since = assignment{}, assignment{}, nil
		}
	case keyConsumerPattern:
		delete(g.patterns, second)
	}
}
