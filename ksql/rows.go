package ksql

import "context"

// Rows is the result of a query. One goroutine reads it with Next and Row, or with All; Close may be called from any.
type Rows struct {
	queryID        string
	columns, types []string
}

// QueryID names the query.
func (r *Rows) QueryID() string { return r.queryID }

// Columns are the names of the result's columns.
func (r *Rows) Columns() []string { return r.columns }

// Types are the types of the result's columns as SQL writes them.
func (r *Rows) Types() []string { return r.types }

// Next waits for the next row and reports whether there is one.
func (r *Rows) Next(ctx context.Context) bool { return false }

// Row is the row that Next read. Values are nil, bool, int32, int64, float64, string, json.Number (DECIMAL), []any and
// map[string]any; TIMESTAMP, DATE and TIME are text as ksqlDB writes it, BYTES are base64. It stays valid.
func (r *Rows) Row() []any { return nil }

// Err is what ended the result; nil at its regular end.
func (r *Rows) Err() error { return nil }

// Close ends the query and frees what it holds.
func (r *Rows) Close() error { return nil }
