package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
)

// Insert writes rows, each a map from column name to value, into a stream or table and returns when the server has
// acknowledged all of them. The first refused row ends it with its *Error.
func (c *Client) Insert(ctx context.Context, target string, rows ...map[string]any) error {
	return c.InsertAll(ctx, target, slices.Values(rows))
}

// InsertAll is Insert for rows that come one at a time; they are sent as they come.
func (c *Client) InsertAll(ctx context.Context, target string, rows iter.Seq[map[string]any]) error {
	var body bytes.Buffer
	head, err := json.Marshal(map[string]string{"target": target})
	if err != nil {
		return fmt.Errorf("encode the target: %w", err)
	}
	body.Write(append(head, '\n'))
	count := 0
	for row := range rows {
		line, err := json.Marshal(row)
		if err != nil {
			return fmt.Errorf("encode row %d: %w", count, err)
		}
		body.Write(append(line, '\n'))
		count++
		if body.Len() < 1<<20 {
			continue
		}
		if err := c.insertBatch(ctx, &body, count); err != nil {
			return err
		}
		body.Reset()
		body.Write(append(head, '\n'))
		count = 0
	}
	if count == 0 {
		return nil
	}
	return c.insertBatch(ctx, &body, count)
}

// insertBatch sends one request and reads an acknowledgement per row.
func (c *Client) insertBatch(ctx context.Context, body *bytes.Buffer, rows int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/inserts-stream", bytes.NewReader(bytes.Clone(body.Bytes())))
	if err != nil {
		return fmt.Errorf("request %s/inserts-stream: %w", c.base, err)
	}
	req.Header.Set("Content-Type", "application/vnd.ksqlapi.delimited.v1")
	resp, err := c.do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	acked := 0
	scan := bufio.NewScanner(resp.Body)
	scan.Buffer(make([]byte, 0, 4096), 1<<20)
	for scan.Scan() {
		if len(bytes.TrimSpace(scan.Bytes())) == 0 {
			continue
		}
		var ack struct {
			Status string `json:"status"`
			wireError
		}
		if err := json.Unmarshal(scan.Bytes(), &ack); err != nil {
			return fmt.Errorf("decode an acknowledgement: %w", err)
		}
		if ack.Status != "ok" {
			return ack.toError()
		}
		acked++
	}
	if err := scan.Err(); err != nil {
		return fmt.Errorf("read the acknowledgements: %w", err)
	}
	if acked < rows {
		return fmt.Errorf("server acknowledged %d of %d rows: %w", acked, rows, io.ErrUnexpectedEOF)
	}
	return nil
}
