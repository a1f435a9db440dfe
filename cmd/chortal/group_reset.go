package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

type resetFlags struct {
	topics                    []string
	allTopics                 bool
	earliest, latest, current bool
	offset, shift             int64
	datetime, duration, file  string
	execute, dryRun, export   bool
}

func newGroupReset(s *settings) *cobra.Command {
	var f resetFlags
	c := &cobra.Command{
		Use:     "reset GROUP",
		Aliases: []string{"seek", "reset-offsets"},
		Short:   "Set the offsets of a group that is not active",
		Long: `Set the offsets of a group that is not active. Without --execute it only shows what
would be committed. --topic takes TOPIC or TOPIC:0,1; --all-topics takes every topic
of which the group has offsets. An offset outside a partition is moved to its nearest
end. --export writes topic,partition,offset lines that --from-file reads.`,
		Example: `  chortal group reset facturas --topic ventas --to-earliest
  chortal group reset facturas --topic ventas:0,1 --shift-by -10 --execute
  chortal group reset facturas --all-topics --to-datetime 2026-03-02T00:00:00Z --execute
  chortal group reset facturas --all-topics --to-current --export`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.completeGroups,
		RunE: func(c *cobra.Command, args []string) error {
			r, err := f.target(c)
			if err != nil {
				return usage(c, err)
			}
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				return s.resetGroup(ctx, adm, args[0], f, r)
			})
		},
	}
	fl := c.Flags()
	fl.StringArrayVarP(&f.topics, "topic", "t", nil, "topic, or topic:partition,partition; repeatable")
	fl.BoolVar(&f.allTopics, "all-topics", false, "every topic of which the group has offsets")
	fl.BoolVar(&f.earliest, "to-earliest", false, "to the first record")
	fl.BoolVar(&f.latest, "to-latest", false, "to the end")
	fl.BoolVar(&f.current, "to-current", false, "to what is committed now")
	fl.Int64Var(&f.offset, "to-offset", 0, "to this offset")
	fl.Int64Var(&f.shift, "shift-by", 0, "forward by so many records, or back by a negative number")
	fl.StringVar(&f.datetime, "to-datetime", "", "to the first record at or after a time, such as 2026-03-02T10:00:00Z")
	fl.StringVar(&f.duration, "by-duration", "", "to the first record of so long ago, such as PT1H or 90m")
	fl.StringVar(&f.file, "from-file", "", "to the offsets of a CSV file of topic,partition,offset")
	fl.BoolVar(&f.execute, "execute", false, "commit the offsets")
	fl.BoolVar(&f.dryRun, "dry-run", false, "only show them (the default)")
	fl.BoolVar(&f.export, "export", false, "write them as CSV")
	c.MarkFlagsMutuallyExclusive("execute", "dry-run")
	c.MarkFlagsMutuallyExclusive("topic", "all-topics")
	s.outputFlag(c, formats()...)
	return c
}

// target reads which of the flags says where to.
func (f resetFlags) target(c *cobra.Command) (r operate.Reset, err error) {
	given := 0
	for _, name := range []string{"to-earliest", "to-latest", "to-current", "to-offset", "shift-by", "to-datetime", "by-duration", "from-file"} {
		if c.Flags().Changed(name) {
			given++
		}
	}
	if given != 1 {
		return r, errors.New("want one of --to-earliest, --to-latest, --to-current, --to-offset, --shift-by, --to-datetime, --by-duration, --from-file")
	}
	if f.file == "" && len(f.topics) == 0 && !f.allTopics {
		return r, errors.New("which topics? want --topic or --all-topics")
	}
	r = operate.Reset{Earliest: f.earliest, Latest: f.latest, Current: f.current}
	switch {
	case c.Flags().Changed("to-offset"):
		r.Offset = &f.offset
	case c.Flags().Changed("shift-by"):
		r.Shift = &f.shift
	case f.datetime != "":
		ms, err := parseMillis(f.datetime)
		if err != nil {
			return r, fmt.Errorf("--to-datetime %s: want a time such as 2026-03-02T10:00:00Z", f.datetime)
		}
		at := time.UnixMilli(ms)
		r.Since = &at
	case f.duration != "":
		d, err := time.ParseDuration(f.duration)
		if err != nil {
			if d, err = operate.ParseISODuration(f.duration); err != nil {
				return r, fmt.Errorf("--by-duration: %w", err)
			}
		}
		at := time.Now().Add(-d)
		r.Since = &at
	case f.file != "":
		r.Exact, err = readOffsetFile(f.file)
	}
	return r, err
}

func readOffsetFile(path string) (kadm.Offsets, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--from-file: %w", err)
	}
	defer file.Close()
	byGroup, err := operate.ReadOffsets(file)
	if err != nil {
		return nil, fmt.Errorf("--from-file %s: %w", path, err)
	}
	all := kadm.Offsets{}
	for _, offsets := range byGroup {
		offsets.Each(func(o kadm.Offset) { all.Add(o) })
	}
	return all, nil
}

func (s *settings) resetGroup(ctx context.Context, adm *kadm.Client, name string, f resetFlags, r operate.Reset) error {
	g, err := operate.DescribeGroup(ctx, adm, name)
	switch {
	case err == nil && g.Active():
		return withHint(fmt.Errorf("reset group %q: it is %s with %d members: %w", name, g.State, len(g.Members), kerr.NonEmptyGroup), "stop its members first, or wait until their sessions have ended")
	case err != nil && !errors.Is(err, kerr.GroupIDNotFound):
		return err
	}
	var partitions kadm.TopicsSet
	if f.allTopics {
		committed, err := adm.FetchOffsets(ctx, name)
		if err != nil {
			return fmt.Errorf("offsets of group %q: %w", name, err)
		}
		partitions = committed.Offsets().TopicsSet()
	} else if partitions, err = operate.ParseTopics(ctx, adm, f.topics); err != nil {
		return err
	}
	plan, err := r.Plan(ctx, adm, name, partitions)
	if err != nil {
		return fmt.Errorf("reset group %q: %w", name, err)
	}
	for _, w := range plan.Warnings {
		fmt.Fprintf(s.err, "%s %s\n", s.paint("warning:", bold), w)
	}
	if f.execute {
		if err := plan.Commit(ctx, adm); err != nil {
			return err
		}
	} else if !f.export && !s.quiet {
		fmt.Fprintln(s.err, "nothing was committed: --execute does it")
	}
	return s.showPlan(plan, f.export)
}

func (s *settings) showPlan(plan operate.Planned, export bool) error {
	if export {
		out := csv.NewWriter(s.out)
		for _, o := range plan.Offsets {
			if err := out.Write([]string{o.Topic, strconv.Itoa(int(o.Partition)), strconv.FormatInt(o.At, 10)}); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	}
	var rows [][]any
	for _, o := range plan.Offsets {
		rows = append(rows, []any{plan.Group, o.Topic, o.Partition, o.At})
	}
	return s.rows(s.out, []column{{"GROUP", "group"}, {"TOPIC", "topic"}, {"PARTITION", "partition"}, {"NEW-OFFSET", "new_offset"}}, rows)
}
