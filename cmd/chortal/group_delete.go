package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func newGroupDelete(s *settings) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:     "delete GROUP...",
		Aliases: []string{"rm"},
		Short:   "Delete groups that are empty, with their offsets",
		Long:    "Delete groups that are empty, with their offsets. Asks on a terminal; elsewhere --yes is needed.",
		Example: `  chortal group delete facturas
  chortal group delete facturas avisos --yes`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeGroups,
		RunE: func(c *cobra.Command, names []string) error {
			if !yes {
				if err := s.confirm(c, fmt.Sprintf("Delete %s with all offsets?", strings.Join(names, ", "))); err != nil {
					return err
				}
			}
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, adm *kadm.Client) error {
				return s.each(names, func(name string) error {
					if _, err := s.findGroup(ctx, cl, adm, name); err != nil {
						return err
					}
					r, err := adm.DeleteGroup(ctx, name)
					if err = errors.Join(err, r.Err); err != nil {
						return fmt.Errorf("delete group %q: %w", name, err)
					}
					fmt.Fprintf(s.out, "deleted %s\n", name)
					return nil
				})
			})
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func newGroupDeleteOffsets(s *settings) *cobra.Command {
	var topics []string
	c := &cobra.Command{
		Use:     "delete-offsets GROUP",
		Aliases: []string{"offset-delete"},
		Short:   "Forget the offsets of a group for topics that it does not read",
		Long:    "Forget the offsets of a group for topics that no member subscribes to.",
		Example: `  chortal group delete-offsets facturas --topic ventas
  chortal group delete-offsets facturas --topic ventas:0,1`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.completeGroups,
		RunE: func(c *cobra.Command, args []string) error {
			if len(topics) == 0 {
				return usage(c, errors.New("which topics? want --topic"))
			}
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, adm *kadm.Client) error {
				if _, err := s.findGroup(ctx, cl, adm, args[0]); err != nil {
					return err
				}
				set, err := operate.ParseTopics(ctx, adm, topics)
				if err != nil {
					return err
				}
				done, err := adm.DeleteOffsets(ctx, args[0], set)
				if err != nil {
					return fmt.Errorf("delete offsets of group %q: %w", args[0], err)
				}
				return s.reportPartitions("delete offset of", set, func(tp operate.TopicPartition) (string, error) {
					err, _ := done.Lookup(tp.Topic, tp.Partition)
					return "deleted", err
				})
			})
		},
	}
	c.Flags().StringArrayVarP(&topics, "topic", "t", nil, "topic, or topic:partition,partition; repeatable")
	s.outputFlag(c, formats()...)
	return c
}

// reportPartitions prints what became of each partition of a request, and fails as the rest of the commands do.
func (s *settings) reportPartitions(verb string, set kadm.TopicsSet, result func(operate.TopicPartition) (string, error)) error {
	all := operate.SortedPartitions(set)
	var (
		rows   [][]any
		failed int
		last   error
	)
	for _, tp := range all {
		text, err := result(tp)
		if err != nil {
			failed++
			last = fmt.Errorf("%s %v: %w", verb, tp, err)
			if len(all) > 1 {
				fmt.Fprintf(s.err, "%s %s\n", s.paint("error:", red), describe(last))
			}
			continue
		}
		rows = append(rows, []any{tp.Topic, tp.Partition, text})
	}
	if len(rows) > 0 {
		if err := s.rows(s.out, []column{{"TOPIC", "topic"}, {"PARTITION", "partition"}, {"RESULT", "result"}}, rows); err != nil {
			return err
		}
	}
	switch {
	case failed == 0:
		return nil
	case len(all) == 1:
		return last
	}
	return &partialError{failed: failed, all: len(all)}
}
