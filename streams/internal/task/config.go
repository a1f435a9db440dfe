package task

import (
	"log/slog"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/processor"
)

// Collector takes what a task produces.
type Collector interface {
	// Send takes an output or changelog record; its bytes and headers are valid during the call only. An error ends the
	// task.
	Send(r *processor.OutRecord) error
	// Partitions returns the number of partitions of a topic.
	Partitions(topic string) (int32, error)
}

// Response is what an exception handler decides.
type Response int

const (
	// Fail ends the task.
	Fail Response = iota
	// Continue drops the record and goes on.
	Continue
)

// Failure is what an exception handler is asked about.
type Failure struct {
	Task processor.TaskID
	// Node is where it happened.
	Node string
	// Meta is the origin of the record; the topic is empty in a punctuator.
	Meta processor.RecordMetadata
	// Raw is the input record, nil if there is none.
	Raw *processor.RawRecord
	// Topic is the topic that a record was on its way to, for production failures.
	Topic string
	Err   error
}

// Handler decides what happens after a failure. Nil means Fail.
type Handler func(f *Failure) Response

// Config describes a task. Plan, Subtopology, Collector and OpenEngine are required.
type Config struct {
	ApplicationID string
	ID            processor.TaskID
	Subtopology   *processor.Subtopology
	Collector     Collector
	// OpenEngine opens the task's engine for stores in memory, or for those on disk. It is called at most once for each,
	// and the task closes what it opened.
	OpenEngine func(inMemory bool) (statestore.Engine, error)
	// Caching holds results of caching stores back until a commit, as a cache size above zero does in Kafka Streams.
	Caching bool
	// StoreBytes is the memory budget of each store, zero for the default.
	StoreBytes int64
	// Global are the global stores, by name.
	Global map[string]statestore.Store
	// Extractor is the default timestamp extractor; nil is FailOnInvalidTimestamp.
	Extractor processor.DefaultExtractor
	// EmitInterval throttles emission when windows close, in milliseconds of wall-clock time.
	EmitInterval int64
	// MaxTaskIdle is max.task.idle.ms: how long an empty queue with records on the broker is waited for; -1 never waits.
	MaxTaskIdle int64

	Deserialization, Processing, Production Handler
	// DeadLetterTopic gets what the handlers are asked about; empty for none.
	DeadLetterTopic string

	// Logger, nil for none.
	Logger *slog.Logger
}

// State is what a task carries from one owner to the next in the metadata of its committed offsets.
type State struct {
	// PartitionTimes are the largest timestamps by topic.
	PartitionTimes map[string]int64
	// Emitted are the times up to which windows were emitted, by node.
	Emitted map[string]int64
}

// Commit is what a flush has made ready to be committed.
type Commit struct {
	// Offsets are the next offsets to read, by topic; only topics that moved since the last commit.
	Offsets map[string]int64
	// State goes into the metadata of the offsets.
	State State
}

// Changelog is a topic that a store is restored from.
type Changelog struct {
	Store string
	Topic string
	// Partition is the task's.
	Partition int32
	// Checkpoint is how far the engine has applied it, if Known.
	Checkpoint statestore.Offset
	Known      bool
	// Source says that the topic is a source topic of the application, not a changelog of its own.
	Source bool
}
