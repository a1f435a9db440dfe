package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type consumeFlags struct {
	offset        string
	format        string
	group         string
	partitions    []int32
	count         int
	regex         bool
	toEnd         bool
	readCommitted bool
}

func newTopicConsume(s *settings) *cobra.Command {
	var f consumeFlags
	c := &cobra.Command{
		Use:   "consume TOPIC...",
		Short: "Read topics",
		Long: `Read topics until Ctrl-C, until -n records were read, or with -e until the end.

Where to begin (-o): start, end, a number, -N for the last N records of each
partition, or @T for the first record at or after T: a time (2026-03-02,
2026-03-02T10:00:00Z) or milliseconds since 1970.

On a terminal a record is a line of metadata and its value; elsewhere it is a
JSON object a line. -f formats it: %v value, %k key, %t topic, %p partition,
%o offset, %d timestamp, %h headers, \n line end.`,
		Example: `  chortal topic consume ventas -o start -n 10
  chortal topic consume ventas -e -f '%p/%o %v\n'
  chortal topic consume ventas -g facturas`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeTopics,
		RunE: func(c *cobra.Command, topics []string) error {
			return s.consume(c, topics, f)
		},
	}
	c.Flags().StringVarP(&f.offset, "offset", "o", "start", "where to begin")
	c.Flags().StringVarP(&f.format, "format", "f", "", "how a record is written")
	c.Flags().StringVarP(&f.group, "group", "g", "", "read as a member of this consumer group, and commit")
	c.Flags().Int32SliceVarP(&f.partitions, "partitions", "p", nil, "only these partitions")
	c.Flags().IntVarP(&f.count, "num", "n", 0, "stop after this many records; 0 never")
	c.Flags().BoolVarP(&f.regex, "regex", "r", false, "topics are regular expressions")
	c.Flags().BoolVarP(&f.toEnd, "end", "e", false, "stop at the end that each partition has now")
	c.Flags().BoolVar(&f.readCommitted, "read-committed", false, "only records of committed transactions")
	return c
}

// parseOffset reads -o.
func parseOffset(text string) (kgo.Offset, error) {
	o := kgo.NewOffset()
	switch {
	case text == "start" || text == "beginning" || text == "earliest":
		return o.AtStart(), nil
	case text == "end" || text == "latest":
		return o.AtEnd(), nil
	case strings.HasPrefix(text, "@"):
		ms, err := parseMillis(text[1:])
		return o.AfterMilli(ms), err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return o, fmt.Errorf("--offset %s: want start, end, a number, -N or @TIME", text)
	case n < 0:
		return o.AtEnd().Relative(n), nil
	}
	return o.At(n), nil
}

func parseMillis(text string) (int64, error) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms >= 0 {
		return ms, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMilli(), nil
		}
	}
	return 0, fmt.Errorf("--offset @%s: want a time such as 2026-03-02T10:00:00Z, or milliseconds since 1970", text)
}

func (f consumeFlags) options(topics []string) ([]kgo.Opt, error) {
	offset, err := parseOffset(f.offset)
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{kgo.ConsumeResetOffset(offset), kgo.ConsumeStartOffset(offset)}
	switch {
	case len(f.partitions) > 0 && (f.group != "" || f.regex):
		return nil, errors.New("--partitions does not go with --group or --regex")
	case len(f.partitions) > 0:
		at := map[string]map[int32]kgo.Offset{}
		for _, t := range topics {
			at[t] = map[int32]kgo.Offset{}
			for _, p := range f.partitions {
				at[t][p] = offset
			}
		}
		opts = append(opts, kgo.ConsumePartitions(at))
	default:
		opts = append(opts, kgo.ConsumeTopics(topics...))
	}
	if f.group != "" {
		opts = append(opts, kgo.ConsumerGroup(f.group), kgo.DisableAutoCommit())
	}
	if f.regex {
		opts = append(opts, kgo.ConsumeRegex())
	}
	if f.readCommitted {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	} else {
		opts = append(opts, kgo.KeepControlRecords())
	}
	return opts, nil
}

func (s *settings) consume(c *cobra.Command, topics []string, f consumeFlags) error {
	if f.toEnd && (f.group != "" || f.regex) {
		return usage(c, errors.New("--end does not go with --group or --regex"))
	}
	opts, err := f.options(topics)
	if err != nil {
		return usage(c, err)
	}
	write, err := s.recordWriter(f.format)
	if err != nil {
		return usage(c, err)
	}
	cl, err := s.client(opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := s.ping(c.Context(), cl); err != nil {
		return err
	}
	left := map[string]map[int32]int64{}
	if !f.regex {
		if left, err = s.remaining(c.Context(), cl, topics, f); err != nil {
			return err
		}
	}
	return s.consumeLoop(c.Context(), cl, f, left, write)
}

// remaining checks that the topics exist. With --end it returns the end offset
// of every partition that has something to read.
func (s *settings) remaining(ctx context.Context, cl *kgo.Client, topics []string, f consumeFlags) (map[string]map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	adm := kadm.NewClient(cl)
	left := map[string]map[int32]int64{}
	for _, t := range topics {
		detail, err := s.findTopic(ctx, adm, t)
		if err != nil {
			return nil, err
		}
		for _, p := range f.partitions {
			if _, ok := detail.Partitions[p]; !ok {
				return nil, fmt.Errorf("topic %q has no partition %d, but 0 to %d", t, p, len(detail.Partitions)-1)
			}
		}
	}
	if !f.toEnd {
		return left, nil
	}
	begin, err := s.beginOffsets(ctx, adm, topics, f.offset)
	if err != nil {
		return nil, err
	}
	end, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("end offsets: %w", err)
	}
	end.Each(func(o kadm.ListedOffset) {
		if len(f.partitions) > 0 && !contains(f.partitions, o.Partition) {
			return
		}
		if from, _ := begin.Lookup(o.Topic, o.Partition); from.Offset < o.Offset {
			if left[o.Topic] == nil {
				left[o.Topic] = map[int32]int64{}
			}
			left[o.Topic][o.Partition] = o.Offset
		}
	})
	return left, nil
}

func contains(list []int32, n int32) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}

// beginOffsets resolves -o to the first offset that is read in each partition.
func (s *settings) beginOffsets(ctx context.Context, adm *kadm.Client, topics []string, text string) (kadm.ListedOffsets, error) {
	if at, ok := strings.CutPrefix(text, "@"); ok {
		ms, err := parseMillis(at)
		if err != nil {
			return nil, err
		}
		return adm.ListOffsetsAfterMilli(ctx, ms, topics...)
	}
	begin, err := adm.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("start offsets: %w", err)
	}
	end, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("end offsets: %w", err)
	}
	n, isNumber := int64(0), false
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		n, isNumber = v, true
	}
	for t, ps := range begin {
		for p, o := range ps {
			last, _ := end.Lookup(t, p)
			switch {
			case isNumber && n < 0:
				o.Offset = max(o.Offset, last.Offset+n)
			case isNumber:
				o.Offset = max(o.Offset, n)
			case text == "end" || text == "latest":
				o.Offset = last.Offset
			}
			ps[p] = o
		}
	}
	return begin, nil
}

func (s *settings) consumeLoop(ctx context.Context, cl *kgo.Client, f consumeFlags, left map[string]map[int32]int64, write func(*kgo.Record) error) error {
	if f.toEnd && len(left) == 0 {
		return nil
	}
	out := bufio.NewWriter(s.out)
	defer out.Flush()
	buffered := func(r *kgo.Record) error { return write(r) }
	seen := 0
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil // Ctrl-C is the usual way to end this
		}
		for _, e := range fetches.Errors() {
			return fmt.Errorf("read %s-%d: %w", e.Topic, e.Partition, e.Err)
		}
		var processed []*kgo.Record
		for iter := fetches.RecordIter(); !iter.Done(); {
			r := iter.Next()
			if end, limited := left[r.Topic][r.Partition]; f.toEnd && (!limited || r.Offset >= end) {
				continue
			} else if limited && r.Offset == end-1 {
				delete(left[r.Topic], r.Partition)
				if len(left[r.Topic]) == 0 {
					delete(left, r.Topic)
				}
			}
			if !r.Attrs.IsControl() {
				if err := buffered(r); err != nil {
					return ignoreBrokenPipe(err)
				}
				seen++
			}
			processed = append(processed, r)
			if f.count > 0 && seen >= f.count {
				break
			}
		}
		if f.group != "" && len(processed) > 0 {
			if err := cl.CommitRecords(ctx, processed...); err != nil {
				return fmt.Errorf("commit for group %q: %w", f.group, err)
			}
		}
		if f.count > 0 && seen >= f.count || f.toEnd && len(left) == 0 {
			return nil
		}
	}
}

// ignoreBrokenPipe makes `chortal topic consume t | head` end well.
func ignoreBrokenPipe(err error) error {
	if err != nil && strings.Contains(err.Error(), "broken pipe") {
		return nil
	}
	return err
}

// recordWriter returns how records are written: by the format, for a person, or as JSON.
func (s *settings) recordWriter(format string) (func(*kgo.Record) error, error) {
	if format != "" {
		f, err := kgo.NewRecordFormatter(format)
		if err != nil {
			return nil, fmt.Errorf("--format %s: %w", format, err)
		}
		var buf []byte
		return func(r *kgo.Record) error {
			buf = f.AppendRecord(buf[:0], r)
			_, err := s.out.Write(buf)
			return err
		}, nil
	}
	if isTerminal(s.out) {
		return func(r *kgo.Record) error { return humanRecord(s.out, r) }, nil
	}
	return func(r *kgo.Record) error { return jsonRecord(s.out, r) }, nil
}

func humanRecord(w io.Writer, r *kgo.Record) error {
	key := "null"
	if r.Key != nil {
		key = strconv.Quote(string(r.Key))
	}
	value := "null"
	if r.Value != nil {
		value = printable(r.Value)
	}
	_, err := fmt.Fprintf(w, "%s p%d o%d key=%s %s\n", r.Timestamp.UTC().Format(time.RFC3339), r.Partition, r.Offset, key, value)
	return err
}

func printable(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strconv.QuoteToASCII(string(b))
}

type jsonHeader struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

func jsonRecord(w io.Writer, r *kgo.Record) error {
	headers := make([]jsonHeader, 0, len(r.Headers))
	for _, h := range r.Headers {
		headers = append(headers, jsonHeader{h.Key, jsonText(h.Value)})
	}
	line, err := json.Marshal(struct {
		Topic     string       `json:"topic"`
		Partition int32        `json:"partition"`
		Offset    int64        `json:"offset"`
		Timestamp string       `json:"timestamp"`
		Key       any          `json:"key"`
		Value     any          `json:"value"`
		Headers   []jsonHeader `json:"headers"`
	}{r.Topic, r.Partition, r.Offset, r.Timestamp.UTC().Format(time.RFC3339Nano), jsonText(r.Key), jsonText(r.Value), headers})
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// jsonText is text as a string, null as null, and bytes that are no text as {"base64": ...}.
func jsonText(b []byte) any {
	switch {
	case b == nil:
		return nil
	case utf8.Valid(b):
		return string(b)
	}
	return map[string][]byte{"base64": b}
}
