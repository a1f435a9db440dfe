package task

import (
	"fmt"
	"runtime/debug"
	"strconv"

	"github.com/chortal/chortal/streams/processor"
)

// host is the Task as its nodes see it.
type host Task

var _ processor.Runtime = (*host)(nil)

// Send implements processor.Runtime.
func (h *host) Send(r *processor.OutRecord) error { return h.cfg.Collector.Send(r) }

// Partitions implements processor.Runtime.
func (h *host) Partitions(topic string) (int32, error) { return h.cfg.Collector.Partitions(topic) }

// Schedule implements processor.Runtime.
func (h *host) Schedule(s *processor.Schedule) {
	h.schedules[s.Type] = append(h.schedules[s.Type], s)
}

// RequestCommit implements processor.Runtime.
func (h *host) RequestCommit() { h.requested = true }

// Emitted implements processor.Runtime.
func (h *host) Emitted(node string) (int64, bool) {
	at, ok := h.emitted[node]
	return at, ok
}

// SetEmitted implements processor.Runtime.
func (h *host) SetEmitted(node string, at int64) { h.emitted[node] = at }

// Failed implements processor.Runtime.
func (h *host) Failed(node string, err error) error {
	t := (*Task)(h)
	f := &Failure{Task: t.cfg.ID, Node: node, Meta: t.env.Meta, Raw: t.env.Raw, Err: err}
	if e := t.ask(t.cfg.Processing, f, t.env.Timestamp, t.env.Headers.List()); e != nil {
		return &processor.ProcessingError{Node: node, Meta: f.Meta, Err: err}
	}
	t.env.Dropped++
	return nil
}

// Unsent implements processor.Runtime.
func (h *host) Unsent(node, topic string, err error) error {
	t := (*Task)(h)
	f := &Failure{Task: t.cfg.ID, Node: node, Meta: t.env.Meta, Raw: t.env.Raw, Topic: topic, Err: err}
	if e := t.ask(t.cfg.Production, f, t.env.Timestamp, t.env.Headers.List()); e != nil {
		return &processor.FatalError{Err: fmt.Errorf("send to %s in node %s: %w", topic, node, err)}
	}
	t.env.Dropped++
	return nil
}

// ask consults a handler, after the dead letter is written. Nil means that processing goes on.
func (t *Task) ask(h Handler, f *Failure, ts int64, headers []processor.Header) error {
	response := Fail
	if h != nil {
		response = h(f)
	}
	if t.cfg.DeadLetterTopic != "" {
		if err := t.deadLetter(f, ts, headers); err != nil {
			return err
		}
	}
	if response != Continue {
		return &processor.FatalError{Err: f.Err}
	}
	t.cfg.Logger.Warn("record dropped by exception handler", "task", f.Task, "node", f.Node, "topic", f.Meta.Topic,
		"partition", f.Meta.Partition, "offset", f.Meta.Offset, "err", f.Err)
	return nil
}

// deadLetter sends the input record of a failure to the dead letter topic, with headers that tell what happened.
func (t *Task) deadLetter(f *Failure, ts int64, headers []processor.Header) error {
	out := processor.OutRecord{Topic: t.cfg.DeadLetterTopic, Partition: processor.AnyPartition, Timestamp: ts}
	if f.Raw != nil {
		out.Key, out.Value = f.Raw.Key, f.Raw.Value
	}
	var topic []byte
	if f.Meta.Topic != "" {
		topic = []byte(f.Meta.Topic)
	}
	out.Headers = append(append([]processor.Header(nil), headers...),
		processor.Header{Key: "__streams.errors.exception", Value: fmt.Appendf(nil, "%T", f.Err)},
		processor.Header{Key: "__streams.errors.message", Value: []byte(f.Err.Error())},
		processor.Header{Key: "__streams.errors.stacktrace", Value: debug.Stack()},
		processor.Header{Key: "__streams.errors.topic", Value: topic},
		processor.Header{Key: "__streams.errors.partition", Value: strconv.AppendInt(nil, int64(f.Meta.Partition), 10)},
		processor.Header{Key: "__streams.errors.offset", Value: strconv.AppendInt(nil, f.Meta.Offset, 10)},
	)
	if err := t.cfg.Collector.Send(&out); err != nil {
		return &processor.FatalError{Err: fmt.Errorf("send dead letter to %s: %w", out.Topic, err)}
	}
	return nil
}
