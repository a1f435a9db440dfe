package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func newUser(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "user",
		Aliases: []string{"users"},
		Short:   "Manage the SCRAM credentials of users",
		Long:    "Create, change, delete and list the SCRAM credentials with which users log in.",
		Example: `  chortal user list
  chortal user create ana --new-password-file clave.txt`,
	}
	c.AddCommand(newUserList(s), newUserSet(s, "create", "Create a user with SCRAM credentials"), newUserSet(s, "alter", "Give a user another password"), newUserDelete(s))
	return c
}

func newUserList(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "list [USER...]",
		Aliases: []string{"ls", "describe"},
		Short:   "List users with SCRAM credentials",
		Long:    "List users with SCRAM credentials: the mechanisms and iterations, never the secrets.",
		Example: `  chortal user list
  chortal user list ana -o json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, names []string) error {
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				users, err := adm.DescribeUserSCRAMs(ctx, names...)
				if err != nil {
					return fmt.Errorf("list users: %w", err)
				}
				var (
					rows [][]any
					errs []error
				)
				for _, u := range users.Sorted() {
					if u.Err != nil {
						errs = append(errs, fmt.Errorf("user %q: %w", u.User, u.Err))
					}
					for _, cred := range u.CredInfos {
						rows = append(rows, []any{u.User, cred.Mechanism.String(), cred.Iterations})
					}
				}
				if len(errs) > 0 && len(rows) == 0 {
					return errs[0]
				}
				return errors.Join(append(errs, s.rows(s.out, []column{{"USER", "user"}, {"MECHANISM", "mechanism"}, {"ITERATIONS", "iterations"}}, rows))...)
			})
		},
	}
	s.outputFlag(c, formats()...)
	return c
}

// newUserSet makes create, which refuses a user that is there, and alter, which refuses one that is not.
func newUserSet(s *settings, verb, short string) *cobra.Command {
	var (
		mechanisms     []string
		iterations     int32
		password, file string
	)
	c := &cobra.Command{
		Use:   verb + " USER",
		Short: short,
		Long: short + `. The password comes from --new-password-file, from the first line of
standard input, or from --new-password, which other users of this computer may see.`,
		Example: "  chortal user " + verb + " ana --new-password-file clave.txt\n  chortal user " + verb + " ana --mechanism SCRAM-SHA-256 --mechanism SCRAM-SHA-512 <clave.txt",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			secret, err := s.newPassword(password, file)
			if err != nil {
				return usage(c, err)
			}
			var upserts []kadm.UpsertSCRAM
			for _, m := range mechanisms {
				mech, err := parseMechanism(m)
				if err != nil {
					return usage(c, err)
				}
				upserts = append(upserts, kadm.UpsertSCRAM{User: args[0], Mechanism: mech, Iterations: iterations, Password: secret})
			}
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				users, err := adm.DescribeUserSCRAMs(ctx, args[0])
				if err != nil {
					return fmt.Errorf("user %q: %w", args[0], err)
				}
				u, known := users[args[0]]
				exists := known && u.Err == nil && len(u.CredInfos) > 0
				if verb == "create" && exists {
					return withHint(fmt.Errorf("user %q exists already: %w", args[0], kerr.DuplicateResource), "`chortal user alter %s` gives it another password", args[0])
				}
				if verb == "alter" && !exists {
					return withHint(fmt.Errorf("user %q: %w", args[0], kerr.ResourceNotFound), "`chortal user create %s` makes it", args[0])
				}
				for _, up := range upserts { // one a request: Kafka takes a user once
					if err := alterUser(ctx, adm, nil, []kadm.UpsertSCRAM{up}); err != nil {
						return err
					}
				}
				fmt.Fprintf(s.out, "%s %s\n", map[string]string{"create": "created", "alter": "altered"}[verb], args[0])
				return nil
			})
		},
	}
	c.Flags().StringArrayVarP(&mechanisms, "mechanism", "m", []string{"SCRAM-SHA-256"}, "SCRAM-SHA-256 or SCRAM-SHA-512; repeatable")
	c.Flags().Int32Var(&iterations, "iterations", 8192, "rounds of hashing, 4096 to 16384")
	c.Flags().StringVar(&password, "new-password", "", "the password")
	c.Flags().StringVar(&file, "new-password-file", "", "file with the password in its first line")
	return c
}

// newPassword reads the password of a user that is made.
func (s *settings) newPassword(password, file string) (string, error) {
	if password != "" {
		return password, nil
	}
	in := s.in
	if file != "" {
		f, err := openFile(file)
		if err != nil {
			return "", fmt.Errorf("--new-password-file: %w", err)
		}
		defer f.Close()
		in = f
	} else if isTerminal(s.in) {
		return s.askPassword()
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("the password is empty: want --new-password-file, or the password on standard input")
	}
	return line, nil
}

func parseMechanism(name string) (kadm.ScramMechanism, error) {
	for _, m := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} {
		if strings.EqualFold(name, m.String()) {
			return m, nil
		}
	}
	return 0, fmt.Errorf("mechanism %q: want SCRAM-SHA-256 or SCRAM-SHA-512", name)
}

func alterUser(ctx context.Context, adm *kadm.Client, del []kadm.DeleteSCRAM, up []kadm.UpsertSCRAM) error {
	done, err := adm.AlterUserSCRAMs(ctx, del, up)
	if err != nil {
		return fmt.Errorf("alter users: %w", err)
	}
	for _, u := range done.Sorted() {
		if u.Err != nil && u.ErrMessage != "" {
			return fmt.Errorf("user %q: %w", u.User, &operate.BrokerError{Message: u.ErrMessage, Cause: u.Err})
		} else if u.Err != nil {
			return fmt.Errorf("user %q: %w", u.User, u.Err)
		}
	}
	return nil
}

func newUserDelete(s *settings) *cobra.Command {
	var (
		mechanisms []string
		yes        bool
	)
	c := &cobra.Command{
		Use:     "delete USER...",
		Aliases: []string{"rm"},
		Short:   "Delete the SCRAM credentials of users",
		Long: `Delete the SCRAM credentials of users, of all mechanisms or of those of --mechanism. Asks on a
terminal; elsewhere --yes is needed.`,
		Example: `  chortal user delete ana
  chortal user delete ana --mechanism SCRAM-SHA-512 --yes`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, names []string) error {
			var only []kadm.ScramMechanism
			for _, m := range mechanisms {
				mech, err := parseMechanism(m)
				if err != nil {
					return usage(c, err)
				}
				only = append(only, mech)
			}
			if !yes {
				if err := s.confirm(c, fmt.Sprintf("Delete the credentials of %s?", strings.Join(names, ", "))); err != nil {
					return err
				}
			}
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				return s.each(names, func(name string) error {
					users, err := adm.DescribeUserSCRAMs(ctx, name)
					if err != nil {
						return fmt.Errorf("user %q: %w", name, err)
					}
					found := false
					for _, cred := range users[name].CredInfos {
						if len(only) > 0 && !slices.Contains(only, cred.Mechanism) {
							continue
						}
						found = true
						if err := alterUser(ctx, adm, []kadm.DeleteSCRAM{{User: name, Mechanism: cred.Mechanism}}, nil); err != nil {
							return err
						}
					}
					if !found {
						return fmt.Errorf("user %q has no such credentials: %w", name, kerr.ResourceNotFound)
					}
					fmt.Fprintf(s.out, "deleted %s\n", name)
					return nil
				})
			})
		},
	}
	c.Flags().StringArrayVarP(&mechanisms, "mechanism", "m", nil, "SCRAM-SHA-256 or SCRAM-SHA-512; repeatable")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}
