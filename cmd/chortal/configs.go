package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func newConfig(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "config",
		Aliases: []string{"configs"},
		Short:   "Get, set and delete configuration, and check a configuration file",
		Long: `Get, set and delete the configuration of topics, brokers, groups and client-metrics
subscriptions of a running cluster, and check a file before a broker reads it.`,
		Example: `  chortal config get topic ventas
  chortal config set broker 1 log.cleaner.threads=2
  chortal config check server.properties`,
	}
	c.AddCommand(newConfigGet(s), newConfigSet(s), newConfigDelete(s), newConfigCheck(s))
	return c
}

// resourceArg reads "topic", "broker" ... and the name, which for the default of brokers is "default".
func resourceArg(kind, name string) (kmsg.ConfigResourceType, string, error) {
	switch strings.TrimSuffix(kind, "s") {
	case "topic":
		return kmsg.ConfigResourceTypeTopic, name, nil
	case "broker":
		if name == "default" {
			name = ""
		}
		return kmsg.ConfigResourceTypeBroker, name, nil
	case "broker-logger":
		return kmsg.ConfigResourceTypeBrokerLogger, name, nil
	case "group":
		return kmsg.ConfigResourceTypeGroupConfig, name, nil
	case "client-metric":
		return kmsg.ConfigResourceTypeClientMetrics, name, nil
	}
	return 0, "", fmt.Errorf("%q: want topic, broker, broker-logger, group or client-metrics", kind)
}

func (s *settings) completeResources(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"topic", "broker", "broker-logger", "group", "client-metrics"}, cobra.ShellCompDirectiveNoFileComp
}

func newConfigGet(s *settings) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:     "get KIND NAME [KEY...]",
		Aliases: []string{"describe", "list"},
		Short:   "Show the configuration of a topic, broker, group or client-metrics subscription",
		Long: `Show the configuration of a topic, broker, group or client-metrics subscription: what was
set for it, or with --all or a KEY also what it has by a file or by default. KIND is topic,
broker, broker-logger, group or client-metrics; the broker named default is that of the whole cluster.`,
		Example: `  chortal config get topic ventas
  chortal config get broker 1 --all -o json
  chortal config get topic ventas retention.ms`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: s.completeResources,
		RunE: func(c *cobra.Command, args []string) error {
			kind, name, err := resourceArg(args[0], args[1])
			if err != nil {
				return usage(c, err)
			}
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, adm *kadm.Client) error {
				if kind == kmsg.ConfigResourceTypeTopic {
					if _, err := s.findTopic(ctx, adm, name); err != nil {
						return err
					}
				}
				entries, err := operate.DescribeConfig(ctx, cl, kind, name)
				if err != nil {
					return err
				}
				return s.showConfig(entries, func(e operate.ConfigEntry) bool {
					return len(args) > 2 && slices.Contains(args[2:], e.Name) || len(args) == 2 && (all || e.Dynamic(kind))
				}, args[2:])
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also what comes from a file or by default")
	s.outputFlag(c, formats()...)
	return c
}

func (s *settings) showConfig(entries []operate.ConfigEntry, keep func(operate.ConfigEntry) bool, keys []string) error {
	var (
		rows  [][]any
		names []string
		found = map[string]bool{}
	)
	for _, e := range entries {
		names = append(names, e.Name)
		if !keep(e) {
			continue
		}
		found[e.Name] = true
		value := any(nil)
		switch {
		case e.Sensitive:
			value = "********"
		case e.Value != nil:
			value = *e.Value
		}
		rows = append(rows, []any{e.Name, value, strings.ToLower(e.Source.String()), e.ReadOnly})
	}
	for _, k := range keys {
		if found[k] {
			continue
		}
		if like := nearest(k, names); like != "" {
			return fmt.Errorf("no key %q (did you mean %q?)", k, like)
		}
		return fmt.Errorf("no key %q", k)
	}
	return s.rows(s.out, []column{{"KEY", "key"}, {"VALUE", "value"}, {"SOURCE", "source"}, {"READ-ONLY", "read_only"}}, rows)
}

func newConfigSet(s *settings) *cobra.Command {
	var validateOnly bool
	c := &cobra.Command{
		Use:     "set KIND NAME KEY=VALUE...",
		Aliases: []string{"alter"},
		Short:   "Set configuration of a topic, broker, group or client-metrics subscription",
		Long: `Set configuration of a topic, broker, group or client-metrics subscription. key+=value adds to
a list, key-=value takes out of it. The broker named default is that of the whole cluster.`,
		Example: `  chortal config set topic ventas retention.ms=86400000 cleanup.policy=compact,delete
  chortal config set broker default log.retention.ms=86400000
  chortal config set group facturas consumer.session.timeout.ms=46000`,
		Args:              cobra.MinimumNArgs(3),
		ValidArgsFunction: s.completeResources,
		RunE: func(c *cobra.Command, args []string) error {
			changes, err := parseChanges(args[2:], nil)
			if err != nil {
				return usage(c, err)
			}
			return s.alterConfig(c, args, changes, validateOnly)
		},
	}
	c.Flags().BoolVar(&validateOnly, "validate-only", false, "only ask whether it would be allowed")
	return c
}

func newConfigDelete(s *settings) *cobra.Command {
	var validateOnly bool
	c := &cobra.Command{
		Use:     "delete KIND NAME KEY...",
		Aliases: []string{"rm", "unset"},
		Short:   "Return configuration to its default",
		Long:    "Return keys of a topic, broker, group or client-metrics subscription to their defaults.",
		Example: `  chortal config delete topic ventas retention.ms
  chortal config delete broker default log.retention.ms`,
		Args:              cobra.MinimumNArgs(3),
		ValidArgsFunction: s.completeResources,
		RunE: func(c *cobra.Command, args []string) error {
			changes, err := parseChanges(nil, args[2:])
			if err != nil {
				return usage(c, err)
			}
			return s.alterConfig(c, args, changes, validateOnly)
		},
	}
	c.Flags().BoolVar(&validateOnly, "validate-only", false, "only ask whether it would be allowed")
	return c
}

func (s *settings) alterConfig(c *cobra.Command, args []string, changes []operate.ConfigChange, validateOnly bool) error {
	kind, name, err := resourceArg(args[0], args[1])
	if err != nil {
		return usage(c, err)
	}
	if len(changes) == 0 {
		return usage(c, errors.New("nothing to change"))
	}
	return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, adm *kadm.Client) error {
		if kind == kmsg.ConfigResourceTypeTopic {
			if _, err := s.findTopic(ctx, adm, name); err != nil {
				return err
			}
		}
		if err := operate.AlterConfig(ctx, cl, kind, name, changes, validateOnly); err != nil {
			return err
		}
		done := "configured"
		if validateOnly {
			done = "could be configured:"
		}
		fmt.Fprintf(s.out, "%s %s %s\n", done, operate.ResourceWord(kind), args[1])
		return nil
	})
}
