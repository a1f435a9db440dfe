package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func newGroup(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "group",
		Aliases: []string{"groups", "g"},
		Short:   "List and describe consumer groups",
		Long:    "List and describe consumer groups: who is in them, how far they have read, and what is left.",
		Example: `  chortal group list
  chortal group describe facturas`,
	}
	c.AddCommand(newGroupList(s), newGroupDescribe(s))
	return c
}

func newGroupList(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List consumer groups",
		Long:    "List consumer groups with their state.",
		Example: `  chortal group list
  chortal group list -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.admin(c.Context(), func(ctx context.Context, adm *kadm.Client) error {
				groups, err := adm.ListGroups(ctx)
				if err != nil {
					return fmt.Errorf("list groups: %w", err)
				}
				var rows [][]any
				for _, g := range groups.Sorted() {
					rows = append(rows, []any{g.Group, g.State, g.ProtocolType, g.Coordinator})
				}
				return s.rows(s.out, []column{{"GROUP", "group"}, {"STATE", "state"}, {"PROTOCOL-TYPE", "protocol_type"}, {"COORDINATOR", "coordinator"}}, rows)
			})
		},
	}
	s.outputFlag(c, "table", "json")
	return c
}

func newGroupDescribe(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "describe GROUP...",
		Short: "Describe consumer groups: members, offsets, lag",
		Long:  "Describe consumer groups: for every partition the committed offset, the end of the log, the difference, and the member that reads it.",
		Example: `  chortal group describe facturas
  chortal group describe facturas resumen -o json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, names []string) error {
			return s.admin(c.Context(), func(ctx context.Context, adm *kadm.Client) error {
				return s.each(names, func(name string) error { return s.describeGroup(ctx, adm, name) })
			})
		},
	}
	s.outputFlag(c, "table", "json")
	return c
}

func (s *settings) describeGroup(ctx context.Context, adm *kadm.Client, name string) error {
	groups, err := adm.ListGroups(ctx)
	if err != nil {
		return fmt.Errorf("list groups: %w", err)
	}
	if _, ok := groups[name]; !ok {
		text := fmt.Sprintf("group %q not found", name)
		if like := nearest(name, groups.Groups()); like != "" {
			text += fmt.Sprintf(" (did you mean %q?)", like)
		}
		return fmt.Errorf("%s: %w", text, kerr.GroupIDNotFound)
	}
	lags, err := adm.Lag(ctx, name)
	if err != nil {
		return fmt.Errorf("describe group %q: %w", name, err)
	}
	lag := lags[name]
	if err := lag.Error(); err != nil {
		return fmt.Errorf("describe group %q: %w", name, err)
	}
	if s.output != "json" {
		fmt.Fprintf(s.out, "Group: %s  State: %s  Protocol: %s  Members: %d  Lag: %d\n", name, lag.State, lag.Protocol, len(lag.Members), lag.Lag.Total())
	}
	var rows [][]any
	for _, p := range lag.Lag.Sorted() {
		rows = append(rows, groupRow(name, p))
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
	return s.rows(s.out, columns, slices.Clip(rows))
}

// groupRow is one partition of a group; nil stands for what is not known.
func groupRow(group string, p kadm.GroupMemberLag) []any {
	row := []any{group, p.Topic, p.Partition, nil, p.End.Offset, nil, nil, nil, nil}
	if p.Commit.At >= 0 {
		row[3] = p.Commit.At
	}
	if p.Lag >= 0 {
		row[5] = p.Lag
	}
	if m := p.Member; m != nil {
		row[6], row[7], row[8] = m.MemberID, m.ClientHost, m.ClientID
	}
	return row
}
