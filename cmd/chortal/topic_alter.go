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
	"github.com/twmb/franz-go/pkg/kmsg"
)

func newTopicAlter(s *settings) *cobra.Command {
	var (
		partitions   int
		set, remove  []string
		validateOnly bool
	)
	c := &cobra.Command{
		Use:   "alter TOPIC...",
		Short: "Change the configuration of topics, or give them more partitions",
		Long: `Change the configuration of topics, or give them more partitions. --config sets a key,
--delete-config returns it to its default; key+=value adds to a list, key-=value takes
out of it. Records keep their partition when there are more; keys do not.`,
		Example: `  chortal topic alter ventas --config retention.ms=86400000
  chortal topic alter ventas --delete-config retention.ms
  chortal topic alter ventas --partitions 8`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeTopics,
		RunE: func(c *cobra.Command, names []string) error {
			changes, err := parseChanges(set, remove)
			if err != nil {
				return usage(c, err)
			}
			if len(changes) == 0 && partitions == 0 {
				return usage(c, errors.New("nothing to change: want --config, --delete-config or --partitions"))
			}
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, adm *kadm.Client) error {
				return s.each(names, func(name string) error {
					if _, err := s.findTopic(ctx, adm, name); err != nil {
						return err
					}
					if len(changes) > 0 {
						if err := operate.AlterConfig(ctx, cl, kmsg.ConfigResourceTypeTopic, name, changes, validateOnly); err != nil {
							return err
						}
					}
					if partitions > 0 {
						if err := growTopic(ctx, adm, name, partitions, validateOnly); err != nil {
							return err
						}
					}
					if validateOnly {
						fmt.Fprintf(s.out, "%s could be altered\n", name)
					} else {
						fmt.Fprintf(s.out, "altered %s\n", name)
					}
					return nil
				})
			})
		},
	}
	c.Flags().IntVarP(&partitions, "partitions", "p", 0, "number of partitions to have")
	c.Flags().StringArrayVarP(&set, "config", "c", nil, "key=value, key+=value or key-=value, repeatable")
	c.Flags().StringArrayVar(&remove, "delete-config", nil, "key to return to its default, repeatable")
	c.Flags().BoolVar(&validateOnly, "validate-only", false, "only ask whether it would be allowed")
	return c
}

func growTopic(ctx context.Context, adm *kadm.Client, name string, partitions int, validateOnly bool) error {
	update := adm.UpdatePartitions
	if validateOnly {
		update = adm.ValidateUpdatePartitions
	}
	rs, err := update(ctx, partitions, name)
	if err != nil {
		return fmt.Errorf("partitions of %q: %w", name, err)
	}
	if r := rs[name]; r.Err != nil && r.ErrMessage != "" {
		return fmt.Errorf("partitions of %q: %s: %w", name, r.ErrMessage, r.Err)
	} else if r.Err != nil {
		return fmt.Errorf("partitions of %q: %w", name, r.Err)
	}
	return nil
}

// parseChanges reads key=value, key+=value, key-=value, and the keys to delete.
func parseChanges(set, remove []string) ([]operate.ConfigChange, error) {
	var changes []operate.ConfigChange
	for _, kv := range set {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("%s: want key=value", kv)
		}
		op := kmsg.IncrementalAlterConfigOpSet
		if key, add := strings.CutSuffix(k, "+"); add {
			k, op = key, kmsg.IncrementalAlterConfigOpAppend
		} else if key, sub := strings.CutSuffix(k, "-"); sub {
			k, op = key, kmsg.IncrementalAlterConfigOpSubtract
		}
		changes = append(changes, operate.ConfigChange{Name: k, Op: op, Value: v})
	}
	for _, k := range remove {
		changes = append(changes, operate.ConfigChange{Name: k, Op: kmsg.IncrementalAlterConfigOpDelete})
	}
	return changes, nil
}
