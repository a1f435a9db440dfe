package repl

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/chortal/chortal/ksql/client"
)

// Rows of a table that are held back to measure its columns: all of a result
// that ends by itself, up to a bound; of a live one those of the moment that
// follows its first row.
const (
	measuredRows = 5_000
	firstMoment  = 250 * time.Millisecond
)

// entity writes the answer to a statement that is no query.
func (r *runner) entity(e client.Entity) error {
	for _, w := range e.Warnings {
		r.note("warning: %s", w.Message)
	}
	if r.cfg.Output == "json" {
		return writeJSON(r.out, e)
	}
	if page, ok := e.Text(); ok {
		_, err := fmt.Fprintln(r.out, page)
		return err
	}
	columns, rows := e.Table()
	if len(columns) == 1 && columns[0] == "Message" {
		_, err := fmt.Fprintln(r.out, e.Message())
		return err
	}
	if r.cfg.Output == "csv" {
		w := csv.NewWriter(r.out)
		_ = w.Write(columns)
		_ = w.WriteAll(rows)
		return w.Error()
	}
	return newTable(r.out, columns, nil).whole(rows)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// result writes the rows of a query as they come.
func (r *runner) result(ctx context.Context, rows *client.Rows) error {
	switch r.cfg.Output {
	case "json":
		return r.jsonRows(rows)
	case "csv":
		return r.csvRows(rows)
	}
	if len(rows.Columns) == 0 {
		return r.plainRows(rows)
	}
	return r.tableRows(ctx, rows)
}

// plainRows writes a result without a heading, as PRINT gives.
func (r *runner) plainRows(rows *client.Rows) error {
	for rows.Next() {
		cells := make([]string, 0, 1)
		for _, v := range rows.Row() {
			cells = append(cells, cell(v))
		}
		if _, err := fmt.Fprintln(r.out, strings.Join(cells, " ")); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (r *runner) jsonRows(rows *client.Rows) error {
	names := make([][]byte, len(rows.Columns))
	for i, c := range rows.Columns {
		name, err := json.Marshal(c)
		if err != nil {
			return err
		}
		names[i] = name
	}
	for rows.Next() {
		var b strings.Builder
		for i, v := range rows.Row() {
			if i == 0 {
				b.WriteByte('{')
			} else {
				b.WriteByte(',')
			}
			if i < len(names) {
				b.Write(names[i])
			} else {
				fmt.Fprintf(&b, `"column%d"`, i)
			}
			b.WriteByte(':')
			var value strings.Builder
			if err := writeJSON(&value, v); err != nil {
				return err
			}
			b.WriteString(strings.TrimSuffix(value.String(), "\n"))
		}
		b.WriteString("}\n")
		if _, err := io.WriteString(r.out, b.String()); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (r *runner) csvRows(rows *client.Rows) error {
	w := csv.NewWriter(r.out)
	if len(rows.Columns) > 0 {
		if err := w.Write(rows.Columns); err != nil {
			return err
		}
		w.Flush()
	}
	for rows.Next() {
		record := make([]string, len(rows.Row()))
		for i, v := range rows.Row() {
			if s, ok := v.(string); ok {
				record[i] = s
			} else if v != nil {
				record[i] = cell(v)
			}
		}
		if err := w.Write(record); err != nil {
			return err
		}
		if w.Flush(); w.Error() != nil {
			return w.Error()
		}
	}
	return rows.Err()
}

// tableRows draws a result. What arrives at once is measured first; a live
// query then goes on line by line, its heading repeated every screen.
func (r *runner) tableRows(ctx context.Context, rows *client.Rows) error {
	incoming := make(chan []string, 256)
	read := make(chan error, 1)
	go func() {
		defer close(incoming)
		for rows.Next() {
			cells := make([]string, len(rows.Row()))
			for i, v := range rows.Row() {
				cells[i] = cell(v)
			}
			select {
			case incoming <- cells:
			case <-ctx.Done():
				read <- ctx.Err()
				return
			}
		}
		read <- rows.Err()
	}()
	began := time.Now()
	count, err := r.draw(rows, incoming)
	if err != nil {
		rows.Close()
		for range incoming { // let the reader end
		}
	}
	readErr := <-read
	if ctx.Err() != nil {
		r.note("%s · %s", plural(count, "row"), time.Since(began).Round(100*time.Millisecond))
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	return readErr
}

func (r *runner) draw(rows *client.Rows, incoming <-chan []string) (count int, err error) {
	live := rows.QueryID != ""
	first, ended := gather(incoming, live)
	if r.expanded {
		return r.drawExpanded(rows.Columns, first, incoming)
	}
	t := newTable(r.out, rows.Columns, rows.Types)
	for _, row := range first {
		t.measure(row)
	}
	if err := t.header(); err != nil {
		return 0, err
	}
	_, height := r.cfg.size()
	write := func(row []string) error {
		if live && height > 8 && count > 0 && count%(height-4) == 0 {
			if err := t.header(); err != nil {
				return err
			}
		}
		count++
		return t.row(row)
	}
	for _, row := range first {
		if err := write(row); err != nil {
			return count, err
		}
	}
	if !ended {
		for row := range incoming {
			if err := write(row); err != nil {
				return count, err
			}
		}
	}
	return count, t.end()
}

func (r *runner) drawExpanded(columns []string, first [][]string, incoming <-chan []string) (count int, err error) {
	for _, row := range first {
		count++
		if err := expanded(r.out, count, columns, row); err != nil {
			return count, err
		}
	}
	for row := range incoming {
		count++
		if err := expanded(r.out, count, columns, row); err != nil {
			return count, err
		}
	}
	return count, nil
}

// gather collects rows to measure. ended is true when there are no more.
func gather(incoming <-chan []string, live bool) (rows [][]string, ended bool) {
	var moment <-chan time.Time
	for len(rows) < measuredRows {
		if live && len(rows) == 1 {
			timer := time.NewTimer(firstMoment)
			defer timer.Stop()
			moment = timer.C
		}
		select {
		case row, ok := <-incoming:
			if !ok {
				return rows, true
			}
			rows = append(rows, row)
		case <-moment:
			return rows, false
		}
	}
	return rows, false
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
