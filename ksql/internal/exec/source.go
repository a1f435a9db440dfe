package exec

import (
	"fmt"
	"slices"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/ksql/internal/types"
	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
)

// neededColumns says which columns of the sources the expressions of a plan can refer to, so that decoders skip the
// others. A name counts wherever it occurs.
func neededColumns(root *plan.Step) func(string) bool {
	names := map[string]bool{}
	collect := func(e ast.Expr) {
		ast.Walk(e, func(x ast.Expr) bool {
			if ref, ok := x.(*ast.ColumnRef); ok {
				names[ref.Name] = true
			}
			return true
		})
	}
	var visit func(s *plan.Step)
	visit = func(s *plan.Step) {
		if s == nil {
			return
		}
		for _, c := range s.Select {
			collect(c.Expr.Expr)
		}
		for _, list := range [][]plan.Expr{s.Keys, s.Calls, s.Tables} {
			for _, e := range list {
				collect(e.Expr)
			}
		}
		for _, e := range []*plan.Expr{s.Filter, s.LeftKey} {
			if e != nil {
				collect(e.Expr)
			}
		}
		if s.Timestamp != nil {
			names[s.Timestamp.Column] = true
		}
		visit(s.Source)
		visit(s.Left)
		visit(s.Right)
	}
	visit(root)
	return func(name string) bool { return names[name] }
}

// streamSource reads a topic as a stream of rows of the source's schema.
func (b *builder) streamSource(s *plan.Step, schema types.Schema) (*node, error) {
	stream, err := b.read(s, schema)
	if err != nil {
		return nil, err
	}
	return &node{stream: stream, window: s.Formats.Window}, nil
}

// read reads a topic and fills in what does not come from the value.
func (b *builder) read(s *plan.Step, schema types.Schema) (*streams.Stream[Key, types.Row], error) {
	key, err := NewKeySerde(*s.Formats, s.Schema.Key())
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", s.SourceName, err)
	}
	f, err := newFiller(s, schema)
	if err != nil {
		return nil, err
	}
	value, err := NewValueSerde(*s.Formats, f.columns, len(f.keys), schema.Len(), b.needed)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", s.SourceName, err)
	}
	opts := []streams.Option{streams.Name(name(s.Context)), streams.Reset(b.Reset)}
	if s.Timestamp != nil {
		extract, err := b.extractor(s.Timestamp, schema)
		if err != nil {
			return nil, err
		}
		opts = append(opts, streams.Timestamps[Key, types.Row](func(r *processor.Record[Key, types.Row], m processor.RecordMetadata, _ int64) (int64, error) {
			return extract(r, m)
		}))
	}
	raw := streams.From(b.b, s.Topic, key, value, opts...)
	return streams.ProcessValues(raw, func() processor.Processor[Key, types.Row, Key, types.Row] { return &fill{filler: f} },
		streams.Name(name(s.Context)+"-Columns")), nil
}

// filler knows where the parts of a record go in a row: the key columns, the value columns (decoded in place), then
// columns from headers and the pseudo columns.
type filler struct {
	keys    []types.Column
	columns []types.Column // of the value, those from headers between them
	headers []headerSlot

	rowTime, partition, offset,
	start, end int
}

type headerSlot struct {
	slot int
	key  *string
}

func newFiller(s *plan.Step, schema types.Schema) (*filler, error) {
	f := &filler{keys: s.Schema.Key()}
	for _, c := range s.Schema.Columns() {
		if c.Namespace == types.InValue {
			f.columns = append(f.columns, c)
		}
	}
	if len(s.Schema.Headers()) > 0 && !valuesFirst(s.Schema.Schema) {
		return nil, fmt.Errorf("source %s: header columns have to stand behind the value columns", s.SourceName)
	}
	for _, c := range s.Schema.Headers() {
		f.headers = append(f.headers, headerSlot{slot: schema.Find(c.Name), key: c.HeaderKey})
	}
	f.rowTime, f.partition, f.offset = schema.Find(types.RowTime), schema.Find(types.RowPartition), schema.Find(types.RowOffset)
	f.start, f.end = schema.Find(types.WindowStart), schema.Find(types.WindowEnd)
	return f, nil
}

func valuesFirst(s types.Schema) bool {
	header := false
	for _, c := range s.Columns() {
		switch c.Namespace {
		case types.InHeaders:
			header = true
		case types.InValue:
			if header {
				return false
			}
		}
	}
	return true
}

// fill is the processor that completes the rows of a source.
type fill struct {
	*filler
	ctx *processor.Context[Key, types.Row]
}

// Init implements processor.Processor.
func (f *fill) Init(c *processor.Context[Key, types.Row]) error {
	f.ctx = c
	return nil
}

// Close implements processor.Processor.
func (f *fill) Close() error { return nil }

// Process implements processor.Processor. The row was decoded for this record alone, so it is completed in place.
func (f *fill) Process(r *processor.Record[Key, types.Row]) error {
	if r.ValueNull || r.Value == nil {
		return f.ctx.Forward(r)
	}
	row := r.Value
	for i := range f.keys {
		if i < len(r.Key) {
			row[i] = r.Key[i]
		}
	}
	row[f.rowTime] = types.NewBigint(r.Timestamp)
	if m, ok := f.ctx.RecordMetadata(); ok {
		row[f.partition], row[f.offset] = types.NewInteger(m.Partition), types.NewBigint(m.Offset)
	}
	if f.start >= 0 && len(r.Key) == len(f.keys)+2 {
		row[f.start], row[f.end] = r.Key[len(f.keys)], r.Key[len(f.keys)+1]
	}
	for _, h := range f.headers {
		row[h.slot] = headerValue(r.Headers, h.key)
	}
	return f.ctx.Forward(r)
}

// headerValue is one header, or all of them as an array.
func headerValue(h processor.Headers, key *string) types.Value {
	if key != nil {
		v, ok := h.Last(*key)
		if !ok || v == nil {
			return types.Null
		}
		return types.NewBytes(slices.Clone(v))
	}
	list := make([]types.Value, 0, h.Len())
	for _, x := range h.List() {
		v := types.Null
		if x.Value != nil {
			v = types.NewBytes(slices.Clone(x.Value))
		}
		list = append(list, types.NewStruct([]types.Value{types.NewString(x.Key), v}))
	}
	return types.NewArray(list)
}

// extractor reads a record's time from a column. A record whose text does not parse is left out, or ends the query if
// FailOnTimestamp is set.
func (b *builder) extractor(ts *catalog.Timestamp, schema types.Schema) (func(*processor.Record[Key, types.Row], processor.RecordMetadata) (int64, error), error) {
	i := schema.Find(ts.Column)
	if i < 0 {
		return nil, fmt.Errorf("timestamp column %s is not in the schema", ts.Column)
	}
	isKey := schema.At(i).Namespace == types.InKey
	read, err := timeReader(ts, schema.At(i).Type, b.Functions, b.Env)
	if err != nil {
		return nil, err
	}
	return func(r *processor.Record[Key, types.Row], m processor.RecordMetadata) (int64, error) {
		if r.ValueNull || r.Value == nil {
			return r.Timestamp, nil
		}
		v := types.Null
		if isKey && i < len(r.Key) {
			v = r.Key[i]
		} else if !isKey {
			v = r.Value[i]
		}
		ms, err := read(v)
		if err != nil {
			err = fmt.Errorf("Fatal user code error in TimestampExtractor callback for record %s-%d at offset %d: %w", m.Topic, m.Partition, m.Offset, err)
			b.fail("TimestampExtractor", err)
			if b.FailOnTimestamp {
				return 0, err
			}
			return -1, nil // leaves the record out
		}
		return ms, nil
	}, nil
}

// timeReader returns the milliseconds of a BIGINT, a TIMESTAMP or, with a pattern, a STRING.
func timeReader(ts *catalog.Timestamp, t types.Type, functions *function.Registry, env function.Env) (func(types.Value) (int64, error), error) {
	if t.Kind() != types.KindString {
		return func(v types.Value) (int64, error) {
			if v.IsNull() {
				return -1, nil
			}
			return v.Bigint(), nil
		}, nil
	}
	pattern := types.NewString(ts.Format)
	call, err := functions.ResolveScalar("STRINGTOTIMESTAMP", []function.Arg{{Type: types.String}, {Type: types.String, Const: &pattern}})
	if err != nil {
		return nil, fmt.Errorf("timestamp format %q: %w", ts.Format, err)
	}
	parse, err := call.Bind(env)
	if err != nil {
		return nil, fmt.Errorf("timestamp format %q: %w", ts.Format, err)
	}
	return func(v types.Value) (int64, error) {
		if v.IsNull() {
			return -1, nil
		}
		ms, err := parse([]types.Value{v, pattern})
		if err != nil {
			return 0, fmt.Errorf("unable to parse the timestamp %q with the format %q: %w", v.Str(), ts.Format, err)
		}
		return ms.Bigint(), nil
	}, nil
}
