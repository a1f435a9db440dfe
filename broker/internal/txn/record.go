package txn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Versions of Kafka's TransactionLogKey and TransactionLogValue. Version 1 of the value is
// flexible: the ids before and after, and the protocol's version, are tagged fields.
const (
	keyVersion       = 0
	valueVersion     = 1
	valueHeadBytes   = 2 + 8 + 2 + 4 + 1 // up to the partitions
	maxRecordedCount = 1 << 24
)

func encodeKey(id string) []byte {
	k := kmsg.TxnMetadataKey{Version: keyVersion, TransactionalID: id}
	return k.AppendTo(make([]byte, 0, 4+len(id)))
}

func decodeKey(key []byte) (string, error) {
	if len(key) < 2 {
		return "", fmt.Errorf("key of %d bytes", len(key))
	}
	if v := int16(binary.BigEndian.Uint16(key)); v != keyVersion {
		return "", fmt.Errorf("key of unknown version %d", v)
	}
	var k kmsg.TxnMetadataKey
	if err := k.ReadFrom(bytes.Clone(key)); err != nil {
		return "", fmt.Errorf("decode key: %w", err)
	}
	return k.TransactionalID, nil
}

func (d *durable) encode() []byte {
	v := kmsg.NewTxnMetadataValue()
	v.Version = valueVersion
	v.ProducerID, v.PreviousProducerID, v.NextProducerID = d.producerID, d.prevProducerID, d.nextProducerID
	v.ProducerEpoch, v.TimeoutMillis = d.producerEpoch, d.timeoutMs
	v.State = kmsg.TransactionState(d.state)
	v.LastUpdateTimestamp, v.StartTimestamp = d.updated, d.started
	v.ClientTransactionVersion = d.version
	if d.state != Empty { // where Kafka writes null
		v.Topics = topicsOf(d.partitions)
	}
	return v.AppendTo(nil)
}

// topicsOf groups partitions, which are sorted, by topic.
func topicsOf(partitions []TopicPartition) []kmsg.TxnMetadataValueTopic {
	topics := []kmsg.TxnMetadataValueTopic{}
	for _, p := range partitions {
		if n := len(topics); n == 0 || topics[n-1].Topic != p.Topic {
			t := kmsg.NewTxnMetadataValueTopic()
			t.Topic = p.Topic
			topics = append(topics, t)
		}
		last := &topics[len(topics)-1]
		last.Partitions = append(last.Partitions, p.Partition)
	}
	return topics
}

// soundValue tells whether the counts of a value fit the bytes that follow them: the decoder trusts those of tagged
// fields, and would loop for as long as they say.
func soundValue(value []byte) bool {
	if int16(binary.BigEndian.Uint16(value)) < 1 {
		return true // no tagged fields
	}
	s := scanner{left: value}
	s.skip(valueHeadBytes)
	for n := s.uvarint(); n > 1 && !s.bad; n-- {
		s.skip(s.uvarint() - 1)       // topic
		s.skip(4 * (s.uvarint() - 1)) // partitions
		s.tags()
	}
	s.skip(16) // times
	s.tags()
	return !s.bad
}

// scanner passes fields; bad is set by the first that does not fit.
type scanner struct {
	left []byte
	bad  bool
}

func (s *scanner) skip(n int) {
	if n < 0 || n > len(s.left) {
		s.left, s.bad = nil, true
		return
	}
	s.left = s.left[n:]
}

func (s *scanner) uvarint() int {
	v, n := binary.Uvarint(s.left)
	if n <= 0 || v > math.MaxInt32 {
		s.left, s.bad = nil, true
		return 0
	}
	s.left = s.left[n:]
	return int(v)
}

func (s *scanner) tags() {
	for n := s.uvarint(); n > 0 && !s.bad; n-- {
		s.uvarint()
		s.skip(s.uvarint())
	}
}

// decodeValue reads all versions of TransactionLogValue that Kafka ever wrote.
func decodeValue(value []byte) (durable, error) {
	if len(value) < valueHeadBytes {
		return durable{}, fmt.Errorf("value of %d bytes", len(value))
	}
	if v := int16(binary.BigEndian.Uint16(value)); v < 0 || v > valueVersion {
		return durable{}, fmt.Errorf("value of unknown version %d", v)
	}
	if !soundValue(value) {
		return durable{}, errors.New("a count in the value cannot be true")
	}
	v := kmsg.NewTxnMetadataValue()
	if err := v.ReadFrom(bytes.Clone(value)); err != nil {
		return durable{}, fmt.Errorf("decode value: %w", err)
	}
	state := State(v.State)
	if state < Empty || state > CompleteAbort {
		return durable{}, fmt.Errorf("state %v in the log", state)
	}
	d := durable{
		producerID: v.ProducerID, prevProducerID: v.PreviousProducerID, nextProducerID: v.NextProducerID,
		producerEpoch: v.ProducerEpoch, timeoutMs: v.TimeoutMillis, state: state,
		started: v.StartTimestamp, updated: v.LastUpdateTimestamp, version: v.ClientTransactionVersion,
	}
	var partitions []TopicPartition
	for _, t := range v.Topics {
		for _, p := range t.Partitions {
			if len(partitions) == maxRecordedCount {
				return durable{}, errors.New("too many partitions")
			}
			partitions = append(partitions, TopicPartition{t.Topic, p})
		}
	}
	d.partitions = d.with(partitions)
	return d, nil
}
