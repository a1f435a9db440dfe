package exec

import (
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/ksql/internal/types"
	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
)

// sink writes rows to the topic of a persistent query.
func (b *builder) sink(s *plan.Step, in *node) (*node, error) {
	stream := in.stream
	if stream == nil {
		stream = in.table.toStream(name(s.Context) + "-ToStream")
	}
	keys := in.schema.Key()
	key, err := NewKeySerde(*s.Formats, keys)
	if err != nil {
		return nil, err
	}
	value, err := NewValueSerde(*s.Formats, in.schema.Value(), len(keys), in.schema.Len(), nil)
	if err != nil {
		return nil, err
	}
	out := &sinkShape{keyed: len(keys) > 0, value: value.(valueSerde), bare: -1}
	if nullIsNull(out.value, in.schema.Len()) && len(in.schema.Value()) == 1 {
		out.bare = len(keys)
	}
	if s.Timestamp != nil {
		i := in.schema.Find(s.Timestamp.Column)
		read, err := timeReader(s.Timestamp, in.schema.At(i).Type, b.Functions, b.Env)
		if err != nil {
			return nil, err
		}
		out.time = func(r types.Row) (int64, error) { return read(r[i]) }
	}
	shaped := streams.Process(stream, func() processor.Processor[Key, types.Row, Key, types.Row] {
		return &sinkNode{shape: out, fail: func(err error) { b.fail(s.Context, err) }}
	}, streams.Name(name(s.Context)+"-Output"))
	shaped.To(s.Topic, streams.Name(name(s.Context)), streams.KeySerde(key), streams.ValueSerde(value))
	return &node{stream: shaped, state: in.state}, nil
}

// nullIsNull reports whether a row of NULLs is a null on the wire.
func nullIsNull(s valueSerde, size int) bool {
	if s.encoder == nil {
		return false
	}
	_, null, err := s.encoder.Encode(nil, make(types.Row, size))
	return err == nil && null
}

// sinkShape is what a record has to be to be written.
type sinkShape struct {
	keyed bool
	bare  int // the column that is the whole value, whose NULL is a null value; -1 without
	value valueSerde
	time  func(types.Row) (int64, error)
}

// sinkNode sets the time of records that have a column for it, and takes keys and values away that are null on the wire.
type sinkNode struct {
	shape *sinkShape
	fail  func(error)
	ctx   *processor.Context[Key, types.Row]
	out   processor.Record[Key, types.Row]
}

// Init implements processor.Processor.
func (n *sinkNode) Init(c *processor.Context[Key, types.Row]) error {
	n.ctx = c
	return nil
}

// Close implements processor.Processor.
func (n *sinkNode) Close() error { return nil }

// Process implements processor.Processor.
func (n *sinkNode) Process(r *processor.Record[Key, types.Row]) error {
	n.out = *r
	n.out.Headers = processor.Headers{}
	if !n.shape.keyed {
		n.out.Key, n.out.KeyNull = nil, true
	}
	if r.Value != nil && n.shape.time != nil {
		ms, err := n.shape.time(r.Value)
		if err != nil || ms < 0 {
			n.fail(err)
			return nil
		}
		n.out.Timestamp = ms
	}
	if r.Value != nil && (n.shape.value.encoder == nil || n.shape.bare >= 0 && r.Value[n.shape.bare].IsNull()) {
		n.out.Value, n.out.ValueNull = nil, true
	}
	return n.ctx.Forward(&n.out)
}

// answer gives the rows of a query without a sink to its reader.
func (b *builder) answer(n *node) {
	stream := n.stream
	if stream == nil {
		stream = n.table.toStream("Answer-ToStream")
	}
	streams.Process(stream, func() processor.Processor[Key, types.Row, Key, types.Row] { return &answerNode{output: b.Output} },
		streams.Name("Answer"))
}

type answerNode struct{ output func(Record) }

// Init implements processor.Processor.
func (n *answerNode) Init(*processor.Context[Key, types.Row]) error { return nil }

// Close implements processor.Processor.
func (n *answerNode) Close() error { return nil }

// Process implements processor.Processor.
func (n *answerNode) Process(r *processor.Record[Key, types.Row]) error {
	if n.output != nil {
		n.output(Record{Key: r.Key, Row: r.Value, Timestamp: r.Timestamp})
	}
	return nil
}
