package processor

import (
	"fmt"
)

// TaskID names a task: one partition of one subtopology.
type TaskID struct {
	Subtopology int
	Partition   int32
}

// String returns subtopology_partition, as Kafka Streams writes it.
func (t TaskID) String() string { return fmt.Sprintf("%d_%d", t.Subtopology, t.Partition) }

// Env is what all nodes of one task share. The runtime sets its fields; nodes read them. It belongs to the task's goroutine.
type Env struct {
	ApplicationID string
	TaskID        TaskID
	// StreamTime is the largest timestamp of the task's records, -1 before the first.
	StreamTime int64
	// WallTime is the runtime's clock in milliseconds, as of the last step.
	WallTime int64
	// Meta is the origin of the record being processed, if HasMeta.
	Meta    RecordMetadata
	HasMeta bool
	// Raw is the input record being processed, nil in punctuators and at commit.
	Raw *RawRecord
	// Headers are the headers of the record being processed.
	Headers Headers
	// Timestamp is that of the record being processed, of the punctuation, or of the cached entry being flushed.
	Timestamp int64
	// Dropped counts dropped records, as Kafka's metric dropped-records-total.
	Dropped int64
	// Late counts records that were dropped because their window was closed; they are also in Dropped.
	Late int64
	// DefaultExtractor is used by sources without an extractor.
	DefaultExtractor DefaultExtractor
	// EmitInterval throttles results that are emitted when windows close, in milliseconds of wall-clock time.
	EmitInterval int64
	Runtime      Runtime

	key, value []byte          // scratch of the sinks
	contexts   []RecordContext // for remember, made many at a time
}

// Runtime is what nodes ask of the runtime that drives their task.
type Runtime interface {
	// Send takes an output record; its bytes are valid during the call only.
	Send(r *OutRecord) error
	// Partitions returns the number of partitions of a topic.
	Partitions(topic string) (int32, error)
	// Schedule registers a punctuation.
	Schedule(s *Schedule)
	// RequestCommit asks for a commit after the current record.
	RequestCommit()
	// Emitted returns the time up to which a node has emitted closed windows, as it was committed.
	Emitted(node string) (int64, bool)
	// SetEmitted sets it.
	SetEmitted(node string, at int64)
	// Failed tells the processing exception handler of an error in a node. Nil: the record is dropped from that node on
	// and processing goes on. Otherwise the error that ends the task.
	Failed(node string, err error) error
	// Unsent tells the production exception handler that a record could not be serialized. Nil: the record is dropped.
	Unsent(node, topic string, err error) error
}

// RawRecord is a record as it lies in a topic. A nil Key or Value is Kafka's null.
type RawRecord struct {
	Key, Value []byte
	Headers    []Header
	Offset     int64
	Timestamp  int64 // milliseconds
}

// AnyPartition leaves the choice of the partition to the producer: the record has no key.
const AnyPartition int32 = -1

// OutRecord is a record for the producer.
type OutRecord struct {
	Topic string
	// Partition is AnyPartition where the record has no key and no partitioner.
	Partition  int32
	Key, Value []byte // nil is null
	Timestamp  int64
	Headers    []Header
	// Node is the sink that sends it, empty for a changelog.
	Node string
}

// DefaultExtractor turns the timestamp of a raw record into the one to process it with. A negative result drops the
// record, an error ends the task. partitionTime is the largest timestamp of the partition so far, -1 at first.
type DefaultExtractor func(timestamp, partitionTime int64) (int64, error)

// FailOnInvalidTimestamp ends the task on a negative timestamp; it is the default.
func FailOnInvalidTimestamp(timestamp, _ int64) (int64, error) {
	if timestamp < 0 {
		return 0, fmt.Errorf("input record has invalid (negative) timestamp %d", timestamp)
	}
	return timestamp, nil
}

// LogAndSkipOnInvalidTimestamp drops records with a negative timestamp.
func LogAndSkipOnInvalidTimestamp(timestamp, _ int64) (int64, error) { return timestamp, nil }

// UsePartitionTimeOnInvalidTimestamp replaces a negative timestamp by the partition's largest one, and ends the task if
// there is none.
func UsePartitionTimeOnInvalidTimestamp(timestamp, partitionTime int64) (int64, error) {
	if timestamp >= 0 {
		return timestamp, nil
	}
	if partitionTime < 0 {
		return 0, fmt.Errorf("input record has invalid (negative) timestamp %d, and its partition has no time yet", timestamp)
	}
	return partitionTime, nil
}
