package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func newGroup(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "group",
		Aliases: []string{"groups", "g"},
		Short:   "List, describe, reset and delete consumer groups",
		Long:    "List, describe, reset and delete consumer groups: who is in them, how far they have read, and what is left.",
		Example: `  chortal group list
  chortal group describe facturas
  chortal group reset facturas --topic ventas --to-earliest`,
	}
	c.AddCommand(newGroupList(s), newGroupDescribe(s), newGroupLag(s), newGroupReset(s), newGroupDelete(s), newGroupDeleteOffsets(s))
	return c
}

// kafka calls fn with a client of the brokers and a context that ends at --timeout.
func (s *settings) kafka(ctx context.Context, fn func(context.Context, *kgo.Client, *kadm.Client) error) error {
	cl, err := s.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := s.ping(ctx, cl); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return fn(ctx, cl, kadm.NewClient(cl))
}

func newGroupList(s *settings) *cobra.Command {
	var types, states []string
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List groups",
		Long:    "List groups with their type and state. --type and --state choose among them; several values are joined by or.",
		Example: `  chortal group list
  chortal group list --type consumer --state stable,empty -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, _ *kadm.Client) error {
				groups, err := operate.ListGroups(ctx, cl, types, states)
				if err != nil {
					return err
				}
				var rows [][]any
				for _, g := range groups {
					rows = append(rows, []any{g.Group, orNil(g.Type), g.State, g.ProtocolType, g.Coordinator})
				}
				return s.rows(s.out, []column{{"GROUP", "group"}, {"TYPE", "type"}, {"STATE", "state"}, {"PROTOCOL-TYPE", "protocol_type"}, {"COORDINATOR", "coordinator"}}, rows)
			})
		},
	}
	c.Flags().StringSliceVar(&types, "type", nil, "classic, consumer, share, streams")
	c.Flags().StringSliceVar(&states, "state", nil, "empty, stable, assigning, reconciling, preparingrebalance, completingrebalance, dead")
	s.outputFlag(c, formats()...)
	return c
}

// orNil is nil for an empty text, so that tables show - and JSON null.
func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func newGroupDescribe(s *settings) *cobra.Command {
	var members, state bool
	c := &cobra.Command{
		Use:   "describe GROUP...",
		Short: "Describe groups: members, offsets, lag",
		Long: `Describe groups of the classic and of the consumer protocol: every partition with its
committed offset, what is left, and the member that reads it. --members shows one
line per member with its assignment instead, --state one line per group.`,
		Example: `  chortal group describe facturas
  chortal group describe facturas --members
  chortal group describe facturas -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeGroups,
		RunE: func(c *cobra.Command, names []string) error {
			show := s.showPositions
			switch {
			case members && state:
				return usage(c, errors.New("--members does not go with --state"))
			case members:
				show = s.showMembers
			case state:
				show = s.showState
			}
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, adm *kadm.Client) error {
				return s.each(names, func(name string) error {
					g, err := s.findGroup(ctx, cl, adm, name)
					if err != nil {
						return err
					}
					return show(ctx, adm, g)
				})
			})
		},
	}
	c.Flags().BoolVar(&members, "members", false, "the members and what they read")
	c.Flags().BoolVar(&state, "state", false, "coordinator, state and epochs only")
	s.outputFlag(c, formats()...)
	return c
}

// findGroup describes a group; for an unknown name it looks for one that is spelled nearly so.
func (s *settings) findGroup(ctx context.Context, cl *kgo.Client, adm *kadm.Client, name string) (*operate.Group, error) {
	g, err := operate.DescribeGroup(ctx, adm, name)
	if err == nil || !errors.Is(err, kerr.GroupIDNotFound) {
		return g, err
	}
	groups, err := operate.ListGroups(ctx, cl, nil, nil)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, g := range groups {
		names = append(names, g.Group)
	}
	if like := nearest(name, names); like != "" && like != name {
		return nil, fmt.Errorf("group %q not found (did you mean %q?): %w", name, like, kerr.GroupIDNotFound)
	}
	return nil, withHint(fmt.Errorf("group %q not found: %w", name, kerr.GroupIDNotFound), "`chortal group list` names the groups that exist")
}

func (s *settings) showPositions(ctx context.Context, adm *kadm.Client, g *operate.Group) error {
	positions, err := operate.Positions(ctx, adm, g)
	if err != nil {
		return err
	}
	if s.output == "table" {
		fmt.Fprintf(s.out, "Group: %s  State: %s  Type: %s  Assignor: %s  Members: %d  Lag: %d\n",
			g.Name, g.State, g.Type, orDash(g.Assignor), len(g.Members), operate.TotalLag(positions))
	}
	var rows [][]any
	for _, p := range positions {
		rows = append(rows, positionRow(g.Name, p))
	}
	columns := []column{
		{"GROUP", "group"},
		{"TOPIC", "topic"},
		{"PARTITION", "partition"},
		{"CURRENT-OFFSET", "current_offset"},
		{"LOG-END-OFFSET", "log_end_offset"},
		{"LAG", "lag"},
		{"CONSUMER-ID", "consumer_id"},
		{"HOST", "host"},
		{"CLIENT-ID", "client_id"},
	}
	return s.rows(s.out, columns, rows)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// positionRow is one partition of a group; nil stands for what is not known.
func positionRow(group string, p operate.Position) []any {
	row := []any{group, p.Topic, p.Partition, nil, nil, nil, nil, nil, nil}
	if p.Committed >= 0 {
		row[3] = p.Committed
	}
	if p.End >= 0 {
		row[4] = p.End
	}
	if n, ok := p.Lag(); ok {
		row[5] = n
	}
	if m := p.Member; m != nil {
		row[6], row[7], row[8] = m.ID, m.Host, m.ClientID
	}
	return row
}

func (s *settings) showMembers(_ context.Context, _ *kadm.Client, g *operate.Group) error {
	var rows [][]any
	for _, m := range g.Members {
		epoch := any(nil)
		if m.Epoch >= 0 {
			epoch = m.Epoch
		}
		subscribed := strings.Join(m.Topics, ",")
		if m.Regex != "" {
			subscribed = "/" + m.Regex + "/"
		}
		rows = append(rows, []any{
			g.Name, m.ID, orNil(m.InstanceID), m.Host, m.ClientID, epoch, len(operate.SortedPartitions(m.Assigned)), topicsText(m.Assigned), orNil(topicsText(m.Target)), orNil(subscribed),
		})
	}
	columns := []column{
		{"GROUP", "group"},
		{"CONSUMER-ID", "consumer_id"},
		{"GROUP-INSTANCE-ID", "group_instance_id"},
		{"HOST", "host"},
		{"CLIENT-ID", "client_id"},
		{"EPOCH", "member_epoch"},
		{"#PARTITIONS", "partitions"},
		{"ASSIGNMENT", "assignment"},
		{"TARGET", "target_assignment"},
		{"SUBSCRIBED", "subscribed"},
	}
	return s.rows(s.out, columns, rows)
}

// topicsText writes partitions as topic:0,1;other:2.
func topicsText(set kadm.TopicsSet) string {
	var parts []string
	for _, t := range set.Sorted() {
		parts = append(parts, t.Topic+":"+strings.Trim(strings.ReplaceAll(fmt.Sprint(t.Partitions), " ", ","), "[]"))
	}
	return strings.Join(parts, ";")
}

func (s *settings) showState(_ context.Context, _ *kadm.Client, g *operate.Group) error {
	epoch, target := any(nil), any(nil)
	if g.Epoch >= 0 {
		epoch, target = g.Epoch, g.TargetEpoch
	}
	coordinator := fmt.Sprintf("%s:%d", g.Coordinator.Host, g.Coordinator.Port)
	columns := []column{
		{"GROUP", "group"},
		{"COORDINATOR", "coordinator"},
		{"ID", "coordinator_id"},
		{"TYPE", "type"},
		{"STATE", "state"},
		{"ASSIGNOR", "assignor"},
		{"EPOCH", "group_epoch"},
		{"TARGET-EPOCH", "target_assignment_epoch"},
		{"#MEMBERS", "members"},
	}
	return s.rows(s.out, columns, [][]any{{g.Name, coordinator, g.Coordinator.NodeID, g.Type, g.State, orNil(g.Assignor), epoch, target, len(g.Members)}})
}

func newGroupLag(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "lag [GROUP...]",
		Short: "Show what groups have not read yet, per topic",
		Long:  "Show what groups have not read yet, summed up per topic. Without names: all groups.",
		Example: `  chortal group lag
  chortal group lag facturas -o json`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: s.completeGroups,
		RunE: func(c *cobra.Command, names []string) error {
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, adm *kadm.Client) error {
				if len(names) == 0 {
					listed, err := operate.ListGroups(ctx, cl, []string{"classic", "consumer"}, nil)
					if err != nil {
						return err
					}
					for _, g := range listed {
						names = append(names, g.Group)
					}
				}
				var rows [][]any
				err := s.each(names, func(name string) error {
					g, err := s.findGroup(ctx, cl, adm, name)
					if err != nil {
						return err
					}
					positions, err := operate.Positions(ctx, adm, g)
					if err != nil {
						return err
					}
					rows = append(rows, lagRows(g, positions)...)
					return nil
				})
				return errors.Join(s.rows(s.out, []column{{"GROUP", "group"}, {"STATE", "state"}, {"TOPIC", "topic"}, {"PARTITIONS", "partitions"}, {"LAG", "lag"}}, rows), err)
			})
		},
	}
	s.outputFlag(c, formats()...)
	return c
}

func lagRows(g *operate.Group, positions []operate.Position) [][]any {
	byTopic := map[string][]operate.Position{}
	for _, p := range positions {
		byTopic[p.Topic] = append(byTopic[p.Topic], p)
	}
	var rows [][]any
	for _, topic := range sortedKeys(byTopic) {
		rows = append(rows, []any{g.Name, g.State, topic, len(byTopic[topic]), operate.TotalLag(byTopic[topic])})
	}
	return rows
}

// completeGroups completes group names in the shell.
func (s *settings) completeGroups(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	if err := s.resolve(c); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	err := s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, _ *kadm.Client) error {
		groups, err := operate.ListGroups(ctx, cl, nil, nil)
		for _, g := range groups {
			names = append(names, g.Group)
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
