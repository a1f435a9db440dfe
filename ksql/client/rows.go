package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxRowBytes bounds one row of a result.
const maxRowBytes = 16 << 20

// Rows is the result of a query. Read it with Next and Row, or with All, and Close it; a push query ends with its
// LIMIT, with Close or with the context of Query.
type Rows struct {
	// QueryID names a push query on the server; empty for pull queries.
	QueryID string
	// Columns and Types are the result's schema; types as SQL writes them.
	Columns, Types []string

	body io.ReadCloser
	scan *bufio.Scanner
	row  []any
	err  error
	ctx  context.Context //nolint:containedctx // tells a cancelled query from a broken connection
}

// Query runs a pull or push query, or PRINT. Rows of PRINT have one column, the line.
func (c *Client) Query(ctx context.Context, sql string, opts Options) (*Rows, error) {
	req := statementRequest{SQL: sql, Properties: opts.Properties, SessionVariables: opts.Variables}
	resp, err := c.post(ctx, "/query-stream", "application/vnd.ksqlapi.delimited.v1", req)
	if err != nil {
		return nil, err
	}
	r := &Rows{body: resp.Body, scan: bufio.NewScanner(resp.Body), ctx: ctx}
	r.scan.Buffer(make([]byte, 0, 64<<10), maxRowBytes)
	if err := r.readHeader(); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return r, nil
}

func (r *Rows) readHeader() error {
	if !r.scan.Scan() {
		if err := r.scan.Err(); err != nil {
			return fmt.Errorf("read the header of the result: %w", err)
		}
		return fmt.Errorf("read the header of the result: %w", io.ErrUnexpectedEOF)
	}
	var header struct {
		QueryID     string   `json:"queryId"`
		ColumnNames []string `json:"columnNames"`
		ColumnTypes []string `json:"columnTypes"`
		wireError
	}
	if err := json.Unmarshal(r.scan.Bytes(), &header); err != nil {
		return fmt.Errorf("decode the header of the result: %w", err)
	}
	if header.Message != "" {
		return header.toError()
	}
	r.QueryID, r.Columns, r.Types = header.QueryID, header.ColumnNames, header.ColumnTypes
	return nil
}

// Next reads the next row and reports whether there is one.
func (r *Rows) Next() bool {
	for r.err == nil && r.scan.Scan() {
		line := bytes.TrimSpace(r.scan.Bytes())
		if len(line) == 0 {
			continue
		}
		if line[0] == '{' {
			r.err = decodeFailure(line)
			return false
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		r.row = r.row[:0:0]
		if err := d.Decode(&r.row); err != nil {
			r.err = fmt.Errorf("decode a row: %w", err)
			return false
		}
		return true
	}
	if r.err == nil {
		r.err = r.scan.Err()
	}
	if r.err != nil && r.ctx.Err() != nil {
		r.err = r.ctx.Err()
	}
	return false
}

func decodeFailure(line []byte) error {
	var w wireError
	if err := json.Unmarshal(line, &w); err != nil || w.Message == "" {
		return fmt.Errorf("unexpected line in a result: %.200s", line)
	}
	return w.toError()
}

// Row is the row that Next read: nil, bool, string, json.Number, []any or map[string]any per column. It stays valid.
func (r *Rows) Row() []any { return r.row }

// Err is what ended the result: nil at its regular end, the context's error after a cancellation.
func (r *Rows) Err() error { return r.err }

// All iterates over the remaining rows and closes the result. A failure comes last, with a nil row.
func (r *Rows) All() iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		defer r.Close()
		for r.Next() {
			if !yield(r.row, nil) {
				return
			}
		}
		if err := r.Err(); err != nil && !errors.Is(err, context.Canceled) {
			yield(nil, err)
		}
	}
}

// Close ends the query. It is safe to call it twice and from another goroutine than Next's.
func (r *Rows) Close() error { return r.body.Close() }
