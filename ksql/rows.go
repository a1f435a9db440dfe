package ksql

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"iter"
	"math"
	"sync"
	"unicode/utf8"

	"github.com/chortal/chortal/ksql/internal/types"
)

// Rows is the result of a query. One goroutine reads it with Next and Row, or with All; Close may be called from any.
type Rows struct {
	queryID string
	columns []string
	types   []types.Type
	print   bool

	ready     []types.Row      // rows of a result that was computed whole
	queue     <-chan types.Row // rows that come one at a time; closed at the end
	row       types.Row
	closed    chan struct{}
	closeOnce sync.Once
	onClose   func()
	finish    func() (message string, err error) // read after the queue is closed
	message   string
	err       error
}

// newRows returns a result that is there whole.
func newRows(columns []string, columnTypes []types.Type, rows []types.Row) *Rows {
	return &Rows{columns: columns, types: columnTypes, ready: rows, closed: make(chan struct{})}
}

// QueryID names the query; empty for pull queries.
func (r *Rows) QueryID() string { return r.queryID }

// Columns are the names of the result's columns.
func (r *Rows) Columns() []string { return r.columns }

// Types are the types of the result's columns as SQL writes them.
func (r *Rows) Types() []string {
	out := make([]string, len(r.types))
	for i, t := range r.types {
		out[i] = t.String()
	}
	return out
}

// IsPrint reports whether the rows are the lines of PRINT.
func (r *Rows) IsPrint() bool { return r.print }

// Buffered reports whether Next would return at once.
func (r *Rows) Buffered() bool { return len(r.ready) > 0 || len(r.queue) > 0 }

// Next waits for the next row and reports whether there is one.
func (r *Rows) Next(ctx context.Context) bool {
	if r.err != nil {
		return false
	}
	if len(r.ready) > 0 {
		r.row, r.ready = r.ready[0], r.ready[1:]
		return true
	}
	if r.queue == nil {
		return false
	}
	select {
	case row, ok := <-r.queue:
		if ok {
			r.row = row
			return true
		}
		if r.finish != nil {
			r.message, r.err = r.finish()
			r.finish = nil
		}
	case <-r.closed:
	case <-ctx.Done():
		r.err = ctx.Err()
	}
	return false
}

// Row is the row that Next read. Values are nil, bool, int32, int64, float64, string, json.Number (DECIMAL), []any and
// map[string]any; TIMESTAMP, DATE and TIME are text as ksqlDB writes it, BYTES are base64. It stays valid.
func (r *Rows) Row() []any {
	out := make([]any, len(r.row))
	for i, v := range r.row {
		out[i] = goValue(v, r.types[i])
	}
	return out
}

// AppendJSON appends the row that Next read as a JSON array.
func (r *Rows) AppendJSON(dst []byte) []byte {
	dst = append(dst, '[')
	for i, v := range r.row {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSONValue(dst, v, r.types[i])
	}
	return append(dst, ']')
}

// Tombstone reports whether the row that Next read says that its key was deleted.
func (r *Rows) Tombstone() bool { return false }

// FinalMessage is the sentence that ksqlDB ends a result with, such as "Limit Reached"; it is known after Next
// returned false.
func (r *Rows) FinalMessage() string { return r.message }

// Err is what ended the result; nil at its regular end.
func (r *Rows) Err() error { return r.err }

// All iterates over the remaining rows and closes the result. A failure comes last, with a nil row.
func (r *Rows) All(ctx context.Context) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		defer r.Close()
		for r.Next(ctx) {
			if !yield(r.Row(), nil) {
				return
			}
		}
		if r.err != nil {
			yield(nil, r.err)
		}
	}
}

// Close ends the query and frees what it holds.
func (r *Rows) Close() error {
	r.closeOnce.Do(func() {
		close(r.closed)
		if r.onClose != nil {
			r.onClose()
		}
	})
	return nil
}

// goValue is a value as the language of the embedding program has it.
func goValue(v types.Value, t types.Type) any {
	switch v.Kind() {
	case types.KindNull:
		return nil
	case types.KindBoolean:
		return v.Boolean()
	case types.KindInteger:
		return v.Integer()
	case types.KindBigint:
		return v.Bigint()
	case types.KindDouble:
		return v.Double()
	case types.KindDecimal:
		return json.Number(v.String())
	case types.KindArray:
		out := make([]any, len(v.Array()))
		for i, e := range v.Array() {
			out[i] = goValue(e, t.Elem())
		}
		return out
	case types.KindMap:
		out := make(map[string]any, v.Map().Len())
		for _, e := range v.Map().Entries() {
			out[types.Text(e.Key, t.Key())] = goValue(e.Value, t.Elem())
		}
		return out
	case types.KindStruct:
		out := make(map[string]any, len(v.Struct()))
		for i, f := range t.Fields() {
			out[f.Name] = goValue(v.Struct()[i], f.Type)
		}
		return out
	case types.KindTime:
		return string(appendClock(nil, v))
	}
	return types.Text(v, t)
}

// appendClock writes a TIME with seconds at least, as ksqlDB's REST API does.
func appendClock(dst []byte, v types.Value) []byte {
	start := len(dst)
	dst = types.AppendTime(dst, int32(v.Millis()))
	if len(dst)-start == len("15:04") {
		dst = append(dst, ":00"...)
	}
	return dst
}

// appendJSONValue writes a value as ksqlDB's REST API does.
func appendJSONValue(dst []byte, v types.Value, t types.Type) []byte {
	switch v.Kind() {
	case types.KindNull:
		return append(dst, "null"...)
	case types.KindDouble:
		return appendJSONDouble(dst, v.Double())
	case types.KindString:
		return appendJSONString(dst, v.Str())
	case types.KindBytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes())
		return append(dst, '"')
	case types.KindDate, types.KindTimestamp:
		dst = append(dst, '"')
		dst = types.AppendText(dst, v, t)
		return append(dst, '"')
	case types.KindTime:
		return append(appendClock(append(dst, '"'), v), '"')
	case types.KindArray:
		dst = append(dst, '[')
		for i, e := range v.Array() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSONValue(dst, e, t.Elem())
		}
		return append(dst, ']')
	case types.KindMap:
		dst = append(dst, '{')
		for i, e := range v.Map().Entries() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendJSONString(dst, types.Text(e.Key, t.Key())), ':')
			dst = appendJSONValue(dst, e.Value, t.Elem())
		}
		return append(dst, '}')
	case types.KindStruct:
		return appendJSONStruct(dst, v, t)
	}
	return types.AppendText(dst, v, t)
}

func appendJSONStruct(dst []byte, v types.Value, t types.Type) []byte {
	dst = append(dst, '{')
	for i, f := range t.Fields() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendJSONString(dst, f.Name), ':')
		dst = appendJSONValue(dst, v.Struct()[i], f.Type)
	}
	return append(dst, '}')
}

// appendJSONDouble writes a DOUBLE; JSON has no NaN and no infinity, which are text then.
func appendJSONDouble(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(types.AppendJavaDouble(append(dst, '"'), f), '"')
	}
	return types.AppendJavaDouble(dst, f)
}

const hexDigits = "0123456789abcdef"

func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), `\ufffd`...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// text is a row of one STRING, as PRINT gives it.
func text(s string) types.Row { return types.Row{types.NewString(s)} }
