package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func newQuota(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "quota",
		Aliases: []string{"quotas"},
		Short:   "Set, remove and list client quotas",
		Long: `Set, remove and list client quotas: producer_byte_rate, consumer_byte_rate,
request_percentage and controller_mutation_rate of users and client ids, and
connection_creation_rate of IP addresses.`,
		Example: `  chortal quota list
  chortal quota set --of-user ana producer_byte_rate=1048576`,
	}
	c.AddCommand(newQuotaList(s), newQuotaSet(s), newQuotaRemove(s))
	return c
}

// quotaEntity are the flags that name whom a quota binds.
type quotaEntity struct {
	user, client, ip                      string
	defaultUser, defaultClient, defaultIP bool
}

func (e *quotaEntity) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&e.user, "of-user", "", "a user")
	f.StringVar(&e.client, "of-client", "", "a client id")
	f.StringVar(&e.ip, "of-ip", "", "an IP address")
	f.BoolVar(&e.defaultUser, "default-user", false, "users without a quota of their own")
	f.BoolVar(&e.defaultClient, "default-client", false, "client ids without a quota of their own")
	f.BoolVar(&e.defaultIP, "default-ip", false, "IP addresses without a quota of their own")
	c.MarkFlagsMutuallyExclusive("of-user", "default-user")
	c.MarkFlagsMutuallyExclusive("of-client", "default-client")
	c.MarkFlagsMutuallyExclusive("of-ip", "default-ip")
}

// entity lists the parts of whom the flags name; the name of a default is nil.
func (e *quotaEntity) entity() kadm.ClientQuotaEntity {
	var all kadm.ClientQuotaEntity
	for _, part := range []struct {
		kind, name string
		byDefault  bool
	}{{"user", e.user, e.defaultUser}, {"client-id", e.client, e.defaultClient}, {"ip", e.ip, e.defaultIP}} {
		switch {
		case part.byDefault:
			all = append(all, kadm.ClientQuotaEntityComponent{Type: part.kind})
		case part.name != "":
			all = append(all, kadm.ClientQuotaEntityComponent{Type: part.kind, Name: &part.name})
		}
	}
	return all
}

func newQuotaList(s *settings) *cobra.Command {
	var e quotaEntity
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls", "describe"},
		Short:   "List client quotas",
		Long:    "List client quotas: all, or those of exactly the user, client id or address that the flags name.",
		Example: `  chortal quota list
  chortal quota list --of-user ana -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			var filter []kadm.DescribeClientQuotaComponent
			for _, part := range e.entity() {
				m := kadm.DescribeClientQuotaComponent{Type: part.Type, MatchName: part.Name, MatchType: kmsg.QuotasMatchTypeExact}
				if part.Name == nil {
					m.MatchType = kmsg.QuotasMatchTypeDefault
				}
				filter = append(filter, m)
			}
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				quotas, err := adm.DescribeClientQuotas(ctx, len(filter) > 0, filter)
				if err != nil {
					return fmt.Errorf("list quotas: %w", err)
				}
				return s.rows(s.out, []column{{"USER", "user"}, {"CLIENT-ID", "client_id"}, {"IP", "ip"}, {"QUOTA", "quota"}, {"VALUE", "value"}}, quotaRows(quotas))
			})
		},
	}
	e.flags(c)
	s.outputFlag(c, formats()...)
	return c
}

// quotaRows has one row per value; a default is shown as <default>.
func quotaRows(quotas kadm.DescribedClientQuotas) [][]any {
	byText := map[string][]any{}
	for _, q := range quotas {
		row := []any{nil, nil, nil}
		for _, part := range q.Entity {
			name := "<default>"
			if part.Name != nil {
				name = *part.Name
			}
			switch part.Type {
			case "user":
				row[0] = name
			case "client-id":
				row[1] = name
			case "ip":
				row[2] = name
			}
		}
		for _, v := range q.Values {
			full := append(append([]any{}, row...), v.Key, v.Value)
			byText[fmt.Sprint(full...)] = full
		}
	}
	var rows [][]any
	for _, k := range sortedKeys(byText) {
		rows = append(rows, byText[k])
	}
	return rows
}

func newQuotaSet(s *settings) *cobra.Command {
	var e quotaEntity
	c := &cobra.Command{
		Use:   "set QUOTA=VALUE...",
		Short: "Set client quotas",
		Long:  "Set client quotas of a user, a client id, both together, or an IP address.",
		Example: `  chortal quota set --of-user ana producer_byte_rate=1048576 consumer_byte_rate=2097152
  chortal quota set --of-user ana --of-client caja request_percentage=20
  chortal quota set --default-ip connection_creation_rate=50`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var ops []kadm.AlterClientQuotaOp
			for _, kv := range args {
				k, v, ok := strings.Cut(kv, "=")
				n, err := strconv.ParseFloat(v, 64)
				if !ok || err != nil || n < 0 {
					return usage(c, fmt.Errorf("%s: want quota=number", kv))
				}
				ops = append(ops, kadm.AlterClientQuotaOp{Key: k, Value: n})
			}
			return s.alterQuota(c, e, ops)
		},
	}
	e.flags(c)
	return c
}

func newQuotaRemove(s *settings) *cobra.Command {
	var e quotaEntity
	c := &cobra.Command{
		Use:     "remove QUOTA...",
		Aliases: []string{"delete", "rm"},
		Short:   "Remove client quotas",
		Long:    "Remove client quotas of a user, a client id, both together, or an IP address.",
		Example: `  chortal quota remove --of-user ana producer_byte_rate
  chortal quota remove --default-client request_percentage`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var ops []kadm.AlterClientQuotaOp
			for _, k := range args {
				ops = append(ops, kadm.AlterClientQuotaOp{Key: k, Remove: true})
			}
			return s.alterQuota(c, e, ops)
		},
	}
	e.flags(c)
	return c
}

func (s *settings) alterQuota(c *cobra.Command, e quotaEntity, ops []kadm.AlterClientQuotaOp) error {
	entity := e.entity()
	if len(entity) == 0 {
		return usage(c, errors.New("a quota of whom? want --of-user, --of-client, --of-ip, or a --default flag"))
	}
	return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
		if err := alterQuotas(ctx, adm, entity, ops); err != nil {
			return err
		}
		fmt.Fprintf(s.out, "altered %v\n", entity)
		return nil
	})
}

func alterQuotas(ctx context.Context, adm *kadm.Client, entity kadm.ClientQuotaEntity, ops []kadm.AlterClientQuotaOp) error {
	done, err := adm.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{Entity: entity, Ops: ops}})
	if err != nil {
		return fmt.Errorf("alter quotas of %v: %w", entity, err)
	}
	for _, q := range done {
		if q.Err != nil && q.ErrMessage != "" {
			return fmt.Errorf("alter quotas of %v: %w", entity, &operate.BrokerError{Message: q.ErrMessage, Cause: q.Err})
		} else if q.Err != nil {
			return fmt.Errorf("alter quotas of %v: %w", entity, q.Err)
		}
	}
	return nil
}
