package processor

import (
	"fmt"
	"regexp"

	"github.com/chortal/chortal/streams/serde"
)

// OffsetReset says where a source begins without a committed offset.
type OffsetReset int

const (
	// ResetDefault is the application's policy, the earliest offset unless it is configured.
	ResetDefault OffsetReset = iota
	// ResetEarliest begins at the oldest record.
	ResetEarliest
	// ResetLatest begins behind the newest record.
	ResetLatest
)

// TimestampExtractor gives the timestamp with which a record is processed. r.Timestamp is that of the topic;
// partitionTime is the largest of the partition so far, -1 at first. A negative result drops the record, an error ends
// the task.
type TimestampExtractor[K, V any] func(r *Record[K, V], m RecordMetadata, partitionTime int64) (int64, error)

// SourceConfig describes a source. Key, Value and either Topics or Pattern are required.
type SourceConfig[K, V any] struct {
	Topics  []string
	Pattern *regexp.Regexp
	Key     serde.Serde[K]
	Value   serde.Serde[V]
	// Extractor, nil for the application's default.
	Extractor TimestampExtractor[K, V]
	Reset     OffsetReset
}

// Source is the instance of a source in a task.
type Source interface {
	Instance
	// NewHead returns a place for the first record of a queue; a source has one queue per topic.
	NewHead() Head
}

// Head holds the decoded first record of a queue.
type Head interface {
	// Load decodes r and returns its timestamp; a negative one drops it. A *DecodeError is for the deserialization
	// handler, other errors end the task.
	Load(r *RawRecord, m RecordMetadata, partitionTime int64) (int64, error)
	// Process pushes the loaded record through the topology.
	Process() error
}

// DecodeError says that a record's bytes do not decode.
type DecodeError struct {
	Node string
	Meta RecordMetadata
	// Key says that the key is at fault, not the value.
	Key bool
	Err error
}

// Error implements error.
func (e *DecodeError) Error() string {
	part := "value"
	if e.Key {
		part = "key"
	}
	return fmt.Sprintf("decode %s of %s-%d@%d in node %s: %v", part, e.Meta.Topic, e.Meta.Partition, e.Meta.Offset, e.Node, e.Err)
}

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

type sourceNode[K, V any] struct {
	ctx Context[K, V]
	cfg *SourceConfig[K, V]
}

func (n *sourceNode[K, V]) Connect(name string, to Instance) error { return n.ctx.connect(name, to) }
func (n *sourceNode[K, V]) Init() error                            { return nil }
func (n *sourceNode[K, V]) Close() error                           { return nil }
func (n *sourceNode[K, V]) NewHead() Head                          { return &sourceHead[K, V]{n: n} }

type sourceHead[K, V any] struct {
	n   *sourceNode[K, V]
	rec Record[K, V]
}

// Load implements Head.
func (h *sourceHead[K, V]) Load(raw *RawRecord, m RecordMetadata, partitionTime int64) (int64, error) {
	n, r := h.n, &h.rec
	var err error
	if err = h.decode(raw, m); err != nil {
		return 0, err
	}
	r.Timestamp = raw.Timestamp
	ts := int64(0)
	if n.cfg.Extractor != nil {
		r.Headers = NewHeaders(raw.Headers...)
		ts, err = n.cfg.Extractor(r, m, partitionTime)
	} else {
		ts, err = n.ctx.env.DefaultExtractor(raw.Timestamp, partitionTime)
	}
	if err != nil {
		return 0, fmt.Errorf("extract timestamp of %s-%d@%d: %w", m.Topic, m.Partition, m.Offset, err)
	}
	r.Timestamp = ts
	return ts, nil
}

func (h *sourceHead[K, V]) decode(raw *RawRecord, m RecordMetadata) (err error) {
	n, r := h.n, &h.rec
	if r.KeyNull = raw.Key == nil; r.KeyNull {
		var zero K
		r.Key = zero
	} else if r.Key, err = n.cfg.Key.Decode(raw.Key); err != nil {
		return &DecodeError{Node: n.ctx.node, Meta: m, Key: true, Err: err}
	} else if n.ctx.keyNil.has {
		r.KeyNull = n.ctx.keyNil.Is(&r.Key)
	}
	if r.ValueNull = raw.Value == nil; r.ValueNull {
		var zero V
		r.Value = zero
	} else if r.Value, err = n.cfg.Value.Decode(raw.Value); err != nil {
		return &DecodeError{Node: n.ctx.node, Meta: m, Err: err}
	} else if n.ctx.valueNil.has {
		r.ValueNull = n.ctx.valueNil.Is(&r.Value)
	}
	return nil
}

// Process implements Head.
func (h *sourceHead[K, V]) Process() error {
	h.rec.Headers = h.n.ctx.env.Headers
	return h.n.ctx.Forward(&h.rec)
}
