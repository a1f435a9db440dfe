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

func newACL(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "acl",
		Aliases: []string{"acls"},
		Short:   "List, add and remove access rules",
		Long:    "List, add and remove access rules. They count where the brokers have an authorizer (authorizer.class.name).",
		Example: `  chortal acl list
  chortal acl add --allow-principal User:ana --operation read --topic ventas
  chortal acl add --allow-principal User:caja --producer --topic ventas`,
	}
	c.AddCommand(newACLList(s), newACLAdd(s), newACLRemove(s))
	return c
}

// aclFlags are the flags that name resources, principals and operations.
type aclFlags struct {
	topics, groups, txnIDs, tokens, users []string
	cluster, idempotent                   bool
	producer, consumer                    bool
	pattern                               string
	allow, deny                           []string
	allowHosts, denyHosts                 []string
	operations                            []string
	yes                                   bool
}

func (f *aclFlags) resources(c *cobra.Command, pattern string) {
	fl := c.Flags()
	fl.StringArrayVar(&f.topics, "topic", nil, "topic, or * for all; repeatable")
	fl.StringArrayVar(&f.groups, "group", nil, "group, or * for all; repeatable")
	fl.StringArrayVar(&f.txnIDs, "transactional-id", nil, "transactional id, or * for all; repeatable")
	fl.StringArrayVar(&f.tokens, "delegation-token", nil, "delegation token, or * for all; repeatable")
	fl.StringArrayVar(&f.users, "user-principal", nil, "user whose tokens are managed, or * for all; repeatable")
	fl.BoolVar(&f.cluster, "cluster", false, "the cluster itself")
	fl.StringVar(&f.pattern, "resource-pattern-type", pattern, "literal or prefixed; to list and remove also any and match")
}

func (f *aclFlags) subjects(c *cobra.Command) {
	fl := c.Flags()
	fl.StringArrayVar(&f.allow, "allow-principal", nil, "principal that is allowed, as User:name; repeatable")
	fl.StringArrayVar(&f.deny, "deny-principal", nil, "principal that is refused, as User:name; repeatable")
	fl.StringArrayVar(&f.allowHosts, "allow-host", nil, "host from which it is allowed; default all")
	fl.StringArrayVar(&f.denyHosts, "deny-host", nil, "host from which it is refused; default all")
	fl.StringArrayVar(&f.operations, "operation", nil, "read, write, create, delete, alter, describe, cluster_action, describe_configs, alter_configs, idempotent_write, create_tokens, describe_tokens, all; default all")
	fl.BoolVar(&f.producer, "producer", false, "what a producer needs: write, describe and create on --topic, and on --transactional-id")
	fl.BoolVar(&f.consumer, "consumer", false, "what a consumer needs: read and describe on --topic, read on --group")
	fl.BoolVar(&f.idempotent, "idempotent", false, "with --producer: idempotent_write on the cluster, which brokers before 3.0 need")
}

// set turns the flags into what the operate package expands.
func (f *aclFlags) set() operate.ACLSet {
	return operate.ACLSet{
		Topics: f.topics, Groups: f.groups, TransactionalIDs: f.txnIDs, Tokens: f.tokens, Users: f.users, Cluster: f.cluster, Pattern: f.pattern,
		Allow: f.allow, Deny: f.deny, AllowHosts: f.allowHosts, DenyHosts: f.denyHosts, Operations: f.operations,
		Producer: f.producer, Consumer: f.consumer, Idempotent: f.idempotent,
	}
}

func aclColumns() []column {
	return []column{
		{"PRINCIPAL", "principal"},
		{"HOST", "host"},
		{"PERMISSION", "permission"},
		{"OPERATION", "operation"},
		{"RESOURCE", "resource_type"},
		{"NAME", "resource_name"},
		{"PATTERN", "pattern_type"},
	}
}

func aclRow(a operate.ACL) []any {
	return []any{*a.Principal, *a.Host, a.Permission, a.Operation, a.Type, *a.Name, a.Pattern}
}

func newACLList(s *settings) *cobra.Command {
	var (
		f          aclFlags
		principals []string
	)
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List access rules",
		Long: `List access rules: all, or those of resources and principals. --resource-pattern-type match
finds every rule that applies to a name, prefixes and * included.`,
		Example: `  chortal acl list
  chortal acl list --topic ventas --resource-pattern-type match
  chortal acl list --principal User:ana -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			filters, err := f.set().Filters()
			if err != nil {
				return usage(c, err)
			}
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, _ *kadm.Client) error {
				all, err := operate.FindACLs(ctx, cl, filters, principals)
				if err != nil {
					return explainACL(err)
				}
				var rows [][]any
				for _, a := range all {
					rows = append(rows, aclRow(a))
				}
				return s.rows(s.out, aclColumns(), rows)
			})
		},
	}
	f.resources(c, "any")
	c.Flags().StringArrayVar(&principals, "principal", nil, "only rules of this principal, as User:name; repeatable")
	s.outputFlag(c, formats()...)
	return c
}

func newACLAdd(s *settings) *cobra.Command {
	var f aclFlags
	c := &cobra.Command{
		Use:     "add",
		Aliases: []string{"create"},
		Short:   "Add access rules",
		Long: `Add access rules: every principal and host with every operation on every resource that is
named. --producer and --consumer stand for what such a client needs. Prints the rules.`,
		Example: `  chortal acl add --allow-principal User:ana --operation read --operation describe --topic ventas
  chortal acl add --allow-principal User:caja --producer --topic ventas --transactional-id caja
  chortal acl add --deny-principal User:eva --topic ventas- --resource-pattern-type prefixed`,
		RunE: func(c *cobra.Command, _ []string) error {
			rules, err := f.set().Rules()
			if err != nil {
				return usage(c, err)
			}
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, _ *kadm.Client) error {
				errs, err := operate.CreateACLs(ctx, cl, rules)
				if err != nil {
					return explainACL(err)
				}
				var (
					rows   [][]any
					failed []error
				)
				for i, err := range errs {
					if err != nil {
						failed = append(failed, fmt.Errorf("rule of %s on %s %s: %w", *rules[i].Principal, rules[i].Type, *rules[i].Name, err))
						continue
					}
					rows = append(rows, aclRow(rules[i]))
				}
				if len(failed) == len(errs) {
					return explainACL(failed[0])
				}
				err = s.rows(s.out, aclColumns(), rows)
				for _, f := range failed {
					fmt.Fprintf(s.err, "%s %s\n", s.paint("error:", red), describe(f))
				}
				if len(failed) > 0 {
					err = errors.Join(err, &partialError{failed: len(failed), all: len(errs)})
				}
				return err
			})
		},
	}
	f.resources(c, "literal")
	f.subjects(c)
	s.outputFlag(c, formats()...)
	return c
}

func newACLRemove(s *settings) *cobra.Command {
	var f aclFlags
	c := &cobra.Command{
		Use:     "remove",
		Aliases: []string{"delete", "rm"},
		Short:   "Remove access rules",
		Long: `Remove access rules: those that were added with the same flags, or, without principals,
all rules of the resources. Asks on a terminal; elsewhere --yes is needed. Prints what is gone.`,
		Example: `  chortal acl remove --allow-principal User:ana --operation read --topic ventas
  chortal acl remove --topic ventas --yes`,
		RunE: func(c *cobra.Command, _ []string) error {
			set := f.set()
			filters, err := set.RemoveFilters()
			if err != nil {
				return usage(c, err)
			}
			if !f.yes {
				if err := s.confirm(c, "Remove access rules?"); err != nil {
					return err
				}
			}
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, _ *kadm.Client) error {
				gone, err := operate.DeleteACLs(ctx, cl, filters)
				if err != nil {
					return explainACL(err)
				}
				var rows [][]any
				for _, a := range gone {
					rows = append(rows, aclRow(a))
				}
				return s.rows(s.out, aclColumns(), rows)
			})
		},
	}
	f.resources(c, "literal")
	f.subjects(c)
	c.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	s.outputFlag(c, formats()...)
	return c
}

func explainACL(err error) error {
	if strings.Contains(err.Error(), "SECURITY_DISABLED") {
		return withHint(err, "set authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer in the brokers' configuration")
	}
	return err
}
