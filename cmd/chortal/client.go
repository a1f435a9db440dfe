package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/chortal/chortal/cmd/chortal/internal/clientconf"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// metadataMinAge lets a client that lives for one command look again soon
// after its first look.
const metadataMinAge = 100 * time.Millisecond

// client connects to the brokers of the settings.
func (s *settings) client(opts ...kgo.Opt) (*kgo.Client, error) {
	secure, err := clientconf.Options(s.props)
	if err != nil {
		return nil, fmt.Errorf("client configuration: %w", err)
	}
	cl, err := kgo.NewClient(append(append([]kgo.Opt{
		kgo.SeedBrokers(s.brokers...),
		kgo.ClientID(s.clientID()),
		kgo.DialTimeout(s.timeout),
		kgo.RetryTimeout(s.timeout),
		kgo.MetadataMinAge(metadataMinAge),
	}, secure...), opts...)...)
	if err != nil {
		return nil, fmt.Errorf("brokers %s: %w", strings.Join(s.brokers, ","), err)
	}
	return cl, nil
}

// admin calls fn with an admin client and a context that ends at --timeout.
func (s *settings) admin(ctx context.Context, fn func(context.Context, *kadm.Client) error) error {
	cl, err := s.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := cl.Ping(ctx); err != nil {
		return fmt.Errorf("connect to %s: %w", strings.Join(s.brokers, ","), err)
	}
	return fn(ctx, kadm.NewClient(cl))
}

// column is one column of a table of answers: its heading, and its key in JSON.
type column struct{ heading, key string }

// formats are the output formats of a command that answers with rows.
func formats() []string { return []string{"table", "json", "csv"} }

// rows prints answers as an aligned table, as one JSON object a line, or as CSV with a heading.
func (s *settings) rows(w io.Writer, columns []column, rows [][]any) error {
	switch s.output {
	case "json":
		return jsonRows(w, columns, rows)
	case "csv":
		return csvRows(w, columns, rows)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, c := range columns {
		if i > 0 {
			fmt.Fprint(tw, "\t")
		}
		fmt.Fprint(tw, c.heading)
	}
	fmt.Fprintln(tw)
	for _, row := range rows {
		for i, v := range row {
			if i > 0 {
				fmt.Fprint(tw, "\t")
			}
			fmt.Fprint(tw, cell(v, "-"))
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

// cell is the text of a value in a table; missing stands for nil.
func cell(v any, missing string) string {
	switch v := v.(type) {
	case nil:
		return missing
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func csvRows(w io.Writer, columns []column, rows [][]any) error {
	out := csv.NewWriter(w)
	line := make([]string, 0, len(columns))
	for _, c := range columns {
		line = append(line, c.key)
	}
	if err := out.Write(line); err != nil {
		return err
	}
	for _, row := range rows {
		line = line[:0]
		for _, v := range row {
			line = append(line, cell(v, ""))
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func jsonRows(w io.Writer, columns []column, rows [][]any) error {
	for _, row := range rows {
		var b strings.Builder
		b.WriteByte('{')
		for i, v := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			var value bytes.Buffer
			enc := json.NewEncoder(&value)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(v); err != nil {
				return fmt.Errorf("%s: %w", columns[i].key, err)
			}
			fmt.Fprintf(&b, "%q:%s", columns[i].key, bytes.TrimSuffix(value.Bytes(), []byte("\n")))
		}
		b.WriteString("}\n")
		if _, err := io.WriteString(w, b.String()); err != nil {
			return err
		}
	}
	return nil
}

// each runs an action per name, reports each failure, and sums up.
func (s *settings) each(names []string, act func(name string) error) error {
	failed := 0
	var last error
	for _, name := range names {
		if err := act(name); err != nil {
			failed++
			last = err
			if len(names) > 1 {
				fmt.Fprintf(s.err, "%s %s: %s\n", s.paint("error:", red), name, describe(err))
			}
		}
	}
	switch {
	case failed == 0:
		return nil
	case len(names) == 1:
		return last
	}
	return &partialError{failed: failed, all: len(names)}
}
