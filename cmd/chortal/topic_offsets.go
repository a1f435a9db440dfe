package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func newTopicOffsets(s *settings) *cobra.Command {
	var at string
	c := &cobra.Command{
		Use:   "offsets TOPIC...",
		Short: "Show the first and last offsets of partitions, or those of a time",
		Long: `Show the first and last offsets of the partitions of topics: the log start, the end
of what is committed (last stable offset) and the end. --at shows the offset of the
first record at or after a time instead.`,
		Example: `  chortal topic offsets ventas
  chortal topic offsets ventas:0,1 --at 2026-03-02T10:00:00Z -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeTopics,
		RunE: func(c *cobra.Command, names []string) error {
			ms := int64(-1)
			if at != "" {
				var err error
				if ms, err = parseMillis(at); err != nil {
					return usage(c, fmt.Errorf("--at %s: want a time such as 2026-03-02T10:00:00Z, or milliseconds since 1970", at))
				}
			}
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				set, err := operate.ParseTopics(ctx, adm, names)
				if err != nil {
					return err
				}
				if ms >= 0 {
					return s.offsetsAt(ctx, adm, set, ms)
				}
				return s.offsetsNow(ctx, adm, set)
			})
		},
	}
	c.Flags().StringVar(&at, "at", "", "time, or milliseconds since 1970")
	s.outputFlag(c, formats()...)
	return c
}

func (s *settings) offsetsNow(ctx context.Context, adm *kadm.Client, set kadm.TopicsSet) error {
	start, err := adm.ListStartOffsets(ctx, set.Topics()...)
	if err != nil {
		return fmt.Errorf("start offsets: %w", err)
	}
	stable, err := adm.ListCommittedOffsets(ctx, set.Topics()...)
	if err != nil {
		return fmt.Errorf("stable offsets: %w", err)
	}
	end, err := adm.ListEndOffsets(ctx, set.Topics()...)
	if err != nil {
		return fmt.Errorf("end offsets: %w", err)
	}
	var rows [][]any
	for _, tp := range operate.SortedPartitions(set) {
		first, ok := start.Lookup(tp.Topic, tp.Partition)
		if !ok {
			return fmt.Errorf("topic %q has no partition %d", tp.Topic, tp.Partition)
		}
		middle, _ := stable.Lookup(tp.Topic, tp.Partition)
		last, _ := end.Lookup(tp.Topic, tp.Partition)
		if err := errors.Join(first.Err, middle.Err, last.Err); err != nil {
			return fmt.Errorf("offsets of %v: %w", tp, err)
		}
		rows = append(rows, []any{tp.Topic, tp.Partition, first.Offset, middle.Offset, last.Offset})
	}
	return s.rows(s.out, []column{{"TOPIC", "topic"}, {"PARTITION", "partition"}, {"LOG-START-OFFSET", "log_start_offset"}, {"LAST-STABLE-OFFSET", "last_stable_offset"}, {"LOG-END-OFFSET", "log_end_offset"}}, rows)
}

func (s *settings) offsetsAt(ctx context.Context, adm *kadm.Client, set kadm.TopicsSet, ms int64) error {
	listed, err := adm.ListOffsetsAfterMilli(ctx, ms, set.Topics()...)
	if err != nil {
		return fmt.Errorf("offsets: %w", err)
	}
	var rows [][]any
	for _, tp := range operate.SortedPartitions(set) {
		o, ok := listed.Lookup(tp.Topic, tp.Partition)
		if !ok {
			return fmt.Errorf("topic %q has no partition %d", tp.Topic, tp.Partition)
		}
		if o.Err != nil {
			return fmt.Errorf("offset of %v: %w", tp, o.Err)
		}
		stamp := any(nil)
		if o.Timestamp >= 0 {
			stamp = time.UnixMilli(o.Timestamp).UTC().Format(time.RFC3339Nano)
		}
		rows = append(rows, []any{tp.Topic, tp.Partition, o.Offset, stamp})
	}
	return s.rows(s.out, []column{{"TOPIC", "topic"}, {"PARTITION", "partition"}, {"OFFSET", "offset"}, {"TIMESTAMP", "timestamp"}}, rows)
}

func newTopicTrim(s *settings) *cobra.Command {
	var (
		before, file string
		yes          bool
	)
	c := &cobra.Command{
		Use:     "trim TOPIC...",
		Aliases: []string{"delete-records"},
		Short:   "Delete the oldest records of partitions",
		Long: `Delete the records of partitions below an offset, or older than a time (@TIME), or all of
them (end). A topic may name partitions: ventas:0,1. --from-file takes lines of
topic,partition,offset in place of topics. Asks on a terminal; elsewhere --yes is needed.`,
		Example: `  chortal topic trim ventas --before end
  chortal topic trim ventas:0 --before 1000 --yes
  chortal topic trim ventas --before @2026-03-02T00:00:00Z --yes`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: s.completeTopics,
		RunE: func(c *cobra.Command, names []string) error {
			if (file == "") == (len(names) == 0) || (before == "") == (file == "") {
				return usage(c, errors.New("want topics with --before, or --from-file"))
			}
			r, err := trimTarget(before, file)
			if err != nil {
				return usage(c, err)
			}
			if !yes {
				if err := s.confirm(c, "Delete records of "+strings.Join(append(names, file), " ")+"?"); err != nil {
					return err
				}
			}
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				return s.trim(ctx, adm, names, r)
			})
		},
	}
	c.Flags().StringVar(&before, "before", "", "offset, @TIME, or end")
	c.Flags().StringVar(&file, "from-file", "", "CSV file of topic,partition,offset")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	s.outputFlag(c, formats()...)
	return c
}

func trimTarget(before, file string) (r operate.Reset, err error) {
	switch {
	case file != "":
		f, err := os.Open(file)
		if err != nil {
			return r, fmt.Errorf("--from-file: %w", err)
		}
		defer f.Close()
		byGroup, err := operate.ReadOffsets(f)
		if err != nil {
			return r, fmt.Errorf("--from-file %s: %w", file, err)
		}
		r.Exact = kadm.Offsets{}
		for _, offsets := range byGroup {
			offsets.Each(func(o kadm.Offset) { r.Exact.Add(o) })
		}
	case before == "end":
		r.Latest = true
	case strings.HasPrefix(before, "@"):
		ms, err := parseMillis(before[1:])
		if err != nil {
			return r, fmt.Errorf("--before %s: want a time such as @2026-03-02T10:00:00Z", before)
		}
		at := time.UnixMilli(ms)
		r.Since = &at
	default:
		n, err := strconv.ParseInt(before, 10, 64)
		if err != nil || n < 0 || n == math.MaxInt64 {
			return r, fmt.Errorf("--before %s: want an offset, @TIME or end", before)
		}
		r.Offset = &n
	}
	return r, nil
}

// trim deletes what lies before the target. An offset beyond the end is the broker's to refuse, so the target is not moved to fit.
func (s *settings) trim(ctx context.Context, adm *kadm.Client, names []string, r operate.Reset) error {
	set, err := operate.ParseTopics(ctx, adm, names)
	if err != nil {
		return err
	}
	offsets := r.Exact
	switch {
	case r.Exact != nil:
		set = r.Exact.TopicsSet()
	case r.Offset != nil:
		offsets = kadm.Offsets{}
		set.Each(func(t string, p int32) { offsets.Add(kadm.Offset{Topic: t, Partition: p, At: *r.Offset}) })
	default:
		plan, err := r.Plan(ctx, adm, "", set)
		if err != nil {
			return err
		}
		offsets = kadm.Offsets{}
		for _, o := range plan.Offsets {
			offsets.Add(o)
		}
	}
	done, err := adm.DeleteRecords(ctx, offsets)
	if err != nil {
		return fmt.Errorf("delete records: %w", err)
	}
	return s.reportPartitions("delete records of", set, func(tp operate.TopicPartition) (string, error) {
		r, ok := done.Lookup(tp.Topic, tp.Partition)
		if !ok {
			return "", errors.New("no answer")
		}
		return fmt.Sprintf("begins at %d", r.LowWatermark), r.Err
	})
}
