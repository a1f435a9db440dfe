package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// metadataMinAge lets a client that lives for one command look again soon
// after its first look.
const metadataMinAge = 100 * time.Millisecond

// client connects to the brokers of the settings.
func (s *settings) client(opts ...kgo.Opt) (*kgo.Client, error) {
	id := s.clientID
	if id == "" {
		id = "chortal-cli"
	}
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(s.brokers...),
		kgo.ClientID(id),
		kgo.DialTimeout(s.timeout),
		kgo.RetryTimeout(s.timeout),
		kgo.MetadataMinAge(metadataMinAge),
	}, opts...)...)
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

// rows prints answers as an aligned table, or as one JSON object a line.
func (s *settings) rows(w io.Writer, columns []column, rows [][]any) error {
	if s.output == "json" {
		return jsonRows(w, columns, rows)
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
			if v == nil {
				v = "-"
			}
			fmt.Fprint(tw, v)
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

func jsonRows(w io.Writer, columns []column, rows [][]any) error {
	for _, row := range rows {
		var b strings.Builder
		b.WriteByte('{')
		for i, v := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			value, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("%s: %w", columns[i].key, err)
			}
			fmt.Fprintf(&b, "%q:%s", columns[i].key, value)
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
