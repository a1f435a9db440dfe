package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func newTopic(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "topic",
		Aliases: []string{"topics", "t"},
		Short:   "Create, list, describe, alter, trim, delete, write and read topics",
		Long:    "Create, list, describe, alter, trim, delete, write and read topics of any broker that speaks the Kafka protocol.",
		Example: `  chortal topic create ventas -p 4
  chortal topic consume ventas -o start -n 10`,
	}
	c.AddCommand(newTopicCreate(s), newTopicList(s), newTopicDescribe(s), newTopicAlter(s), newTopicOffsets(s), newTopicTrim(s), newTopicDelete(s), newTopicProduce(s), newTopicConsume(s))
	return c
}

func newTopicCreate(s *settings) *cobra.Command {
	var (
		partitions int32
		replicas   int16
		configs    []string
		ifMissing  bool
	)
	c := &cobra.Command{
		Use:   "create TOPIC...",
		Short: "Create topics",
		Long:  "Create topics, all with the same number of partitions and the same configuration.",
		Example: `  chortal topic create ventas -p 4
  chortal topic create ventas clientes -p 4 -c cleanup.policy=compact --if-not-exists`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, names []string) error {
			settings := map[string]*string{}
			for _, kv := range configs {
				k, v, ok := strings.Cut(kv, "=")
				if !ok {
					return usage(c, fmt.Errorf("--config %s: want key=value", kv))
				}
				settings[k] = &v
			}
			return s.admin(c.Context(), func(ctx context.Context, adm *kadm.Client) error {
				return s.each(names, func(name string) error {
					r, err := adm.CreateTopic(ctx, partitions, replicas, settings, name)
					if err == nil {
						err = r.Err
					}
					switch {
					case err == kerr.TopicAlreadyExists && ifMissing:
						return nil
					case err != nil && r.ErrMessage != "":
						return fmt.Errorf("create topic %q: %s: %w", name, r.ErrMessage, err)
					case err != nil:
						return fmt.Errorf("create topic %q: %w", name, err)
					}
					fmt.Fprintf(s.out, "created %s\n", name)
					return nil
				})
			})
		},
	}
	c.Flags().Int32VarP(&partitions, "partitions", "p", -1, "number of partitions; -1 takes the broker's default")
	c.Flags().Int16VarP(&replicas, "replicas", "r", -1, "replication factor; -1 takes the broker's default")
	c.Flags().StringArrayVarP(&configs, "config", "c", nil, "topic configuration as key=value, repeatable")
	c.Flags().BoolVar(&ifMissing, "if-not-exists", false, "no error for a topic that is there already")
	return c
}

func newTopicList(s *settings) *cobra.Command {
	var internal bool
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List topics",
		Long:    "List topics with their partitions and replicas.",
		Example: `  chortal topic list
  chortal topic list --internal -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.admin(c.Context(), func(ctx context.Context, adm *kadm.Client) error {
				list, err := adm.ListTopicsWithInternal(ctx)
				if err != nil {
					return fmt.Errorf("list topics: %w", err)
				}
				var rows [][]any
				for _, t := range list.Sorted() {
					if !t.IsInternal || internal {
						rows = append(rows, []any{t.Topic, len(t.Partitions), t.Partitions.NumReplicas()})
					}
				}
				return s.rows(s.out, []column{{"TOPIC", "topic"}, {"PARTITIONS", "partitions"}, {"REPLICAS", "replicas"}}, rows)
			})
		},
	}
	c.Flags().BoolVar(&internal, "internal", false, "internal topics as well")
	s.outputFlag(c, formats()...)
	return c
}

func newTopicDescribe(s *settings) *cobra.Command {
	var underReplicated, unavailable bool
	c := &cobra.Command{
		Use:   "describe [TOPIC...]",
		Short: "Describe topics: partitions, offsets, configuration",
		Long: `Describe topics: the leader, replicas and offsets of every partition, and the
configuration that differs from the default. Without names: all topics.
--under-replicated and --unavailable show only the partitions that are.`,
		Example: `  chortal topic describe ventas
  chortal topic describe ventas -o json
  chortal topic describe --under-replicated`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: s.completeTopics,
		RunE: func(c *cobra.Command, names []string) error {
			keep := func(p kadm.PartitionDetail) bool {
				return !underReplicated && !unavailable || underReplicated && len(p.ISR) < len(p.Replicas) || unavailable && p.Leader < 0
			}
			return s.admin(c.Context(), func(ctx context.Context, adm *kadm.Client) error {
				if len(names) == 0 {
					all, err := adm.ListTopicsWithInternal(ctx)
					if err != nil {
						return fmt.Errorf("list topics: %w", err)
					}
					names = all.Names()
				}
				return s.each(names, func(name string) error {
					return s.describeTopic(ctx, adm, name, keep, underReplicated || unavailable)
				})
			})
		},
	}
	c.Flags().BoolVar(&underReplicated, "under-replicated", false, "only partitions with replicas that are not in sync")
	c.Flags().BoolVar(&unavailable, "unavailable", false, "only partitions without a leader")
	s.outputFlag(c, formats()...)
	return c
}

// describeTopic shows the partitions that keep takes; with quiet a topic without such a partition is not mentioned.
func (s *settings) describeTopic(ctx context.Context, adm *kadm.Client, name string, keep func(kadm.PartitionDetail) bool, quiet bool) error {
	detail, err := s.findTopic(ctx, adm, name)
	if err != nil {
		return err
	}
	shown := slices.DeleteFunc(detail.Partitions.Sorted(), func(p kadm.PartitionDetail) bool { return !keep(p) })
	if quiet && len(shown) == 0 {
		return nil
	}
	start, err := adm.ListStartOffsets(ctx, name)
	if err != nil {
		return fmt.Errorf("start offsets of %q: %w", name, err)
	}
	end, err := adm.ListEndOffsets(ctx, name)
	if err != nil {
		return fmt.Errorf("end offsets of %q: %w", name, err)
	}
	configs, err := changedConfigs(ctx, adm, name)
	if err != nil {
		return err
	}
	if s.output == "table" {
		fmt.Fprintf(s.out, "Topic: %s  TopicId: %s  PartitionCount: %d  ReplicationFactor: %d  Configs: %s\n",
			name, topicID(detail.ID), len(detail.Partitions), detail.Partitions.NumReplicas(), strings.Join(configs, ","))
	}
	var rows [][]any
	for _, p := range shown {
		first, _ := start.Lookup(name, p.Partition)
		last, _ := end.Lookup(name, p.Partition)
		row := []any{p.Partition, p.Leader, p.LeaderEpoch, p.Replicas, p.ISR, first.Offset, last.Offset}
		if s.output != "table" {
			row = append([]any{name, topicID(detail.ID)}, row...)
		}
		rows = append(rows, row)
	}
	columns := []column{
		{"PARTITION", "partition"},
		{"LEADER", "leader"},
		{"EPOCH", "leader_epoch"},
		{"REPLICAS", "replicas"},
		{"ISR", "isr"},
		{"LOG-START-OFFSET", "log_start_offset"},
		{"LOG-END-OFFSET", "log_end_offset"},
	}
	if s.output != "table" {
		columns = append([]column{{"TOPIC", "topic"}, {"TOPIC-ID", "topic_id"}}, columns...)
	}
	return s.rows(s.out, columns, rows)
}

// topicID writes an id as Kafka's tools do.
func topicID(id kadm.TopicID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// findTopic returns a topic's metadata; for an unknown name it looks for one that is spelled nearly so.
func (s *settings) findTopic(ctx context.Context, adm *kadm.Client, name string) (kadm.TopicDetail, error) {
	all, err := adm.ListTopicsWithInternal(ctx)
	if err != nil {
		return kadm.TopicDetail{}, fmt.Errorf("list topics: %w", err)
	}
	if d, ok := all[name]; ok && d.Err == nil {
		return d, nil
	}
	if like := nearest(name, all.Names()); like != "" {
		return kadm.TopicDetail{}, fmt.Errorf("topic %q not found (did you mean %q?): %w", name, like, kerr.UnknownTopicOrPartition)
	}
	return kadm.TopicDetail{}, withHint(fmt.Errorf("topic %q not found: %w", name, kerr.UnknownTopicOrPartition), "`chortal topic list` names the topics that exist")
}

// changedConfigs lists a topic's settings that were made for it, as key=value.
func changedConfigs(ctx context.Context, adm *kadm.Client, name string) ([]string, error) {
	resources, err := adm.DescribeTopicConfigs(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("configuration of %q: %w", name, err)
	}
	changed := map[string]string{}
	for _, r := range resources {
		if r.Err != nil {
			return nil, fmt.Errorf("configuration of %q: %w", name, r.Err)
		}
		for _, kv := range r.Configs {
			if kv.Source.String() == "DYNAMIC_TOPIC_CONFIG" {
				changed[kv.Key] = kv.MaybeValue()
			}
		}
	}
	var list []string
	for _, k := range slices.Sorted(maps.Keys(changed)) {
		list = append(list, k+"="+changed[k])
	}
	return list, nil
}

func newTopicDelete(s *settings) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:     "delete TOPIC...",
		Aliases: []string{"rm"},
		Short:   "Delete topics and all their records",
		Long:    "Delete topics and all their records. Asks on a terminal; elsewhere --yes is needed.",
		Example: `  chortal topic delete ventas
  chortal topic delete ventas clientes --yes`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeTopics,
		RunE: func(c *cobra.Command, names []string) error {
			if !yes {
				if err := s.confirm(c, fmt.Sprintf("Delete %s with all records?", strings.Join(names, ", "))); err != nil {
					return err
				}
			}
			return s.admin(c.Context(), func(ctx context.Context, adm *kadm.Client) error {
				return s.each(names, func(name string) error {
					if _, err := s.findTopic(ctx, adm, name); err != nil {
						return err
					}
					r, err := adm.DeleteTopic(ctx, name)
					if err == nil {
						err = r.Err
					}
					if err != nil {
						return fmt.Errorf("delete topic %q: %w", name, err)
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

// confirm asks a person; where nobody can be asked it is a usage error.
func (s *settings) confirm(c *cobra.Command, question string) error {
	if !isTerminal(s.in) || !isTerminal(s.err) {
		return usage(c, fmt.Errorf("this deletes data: say --yes where nobody can be asked"))
	}
	fmt.Fprintf(s.err, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(s.in).ReadString('\n')
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return fmt.Errorf("nothing was deleted")
	}
	return nil
}

// completeTopics completes topic names in the shell.
func (s *settings) completeTopics(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if err := s.resolve(c); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	err := s.admin(c.Context(), func(ctx context.Context, adm *kadm.Client) error {
		all, err := adm.ListTopics(ctx)
		names = all.Names()
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// nearest returns the candidate within two edits of name, "" if none is.
func nearest(name string, candidates []string) string {
	best, found := 3, ""
	for _, c := range candidates {
		if d := editDistance(name, c); d < best {
			best, found = d, c
		}
	}
	return found
}

// editDistance counts the insertions, deletions and replacements between two names.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
