package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func newProfile(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "profile",
		Short: "Show named client configurations",
		Long: `Show named client configurations: which there are, and what a command would use.

A profile is a properties file NAME.properties, with the keys of Kafka's clients,
in the folder chortal of the user's configuration (~/.config/chortal on Linux).
--profile NAME or CHORTAL_PROFILE selects one; default.properties is read where
neither does. Flags win over -X, -X over the environment, the environment over
--command-config, that over the profile.`,
		Example: `  chortal profile list
  chortal profile print --profile produccion`,
	}
	c.AddCommand(newProfileList(s), newProfilePrint(s))
	return c
}

func newProfileList(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the profiles of this user",
		Long:    "List the profiles of this user and their files.",
		Example: `  chortal profile list
  chortal profile list -o json`,
		RunE: func(*cobra.Command, []string) error {
			dir, err := profileFolder()
			if err != nil {
				return err
			}
			entries, err := os.ReadDir(dir)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("profiles: %w", err)
			}
			var rows [][]any
			for _, e := range entries {
				if name, ok := strings.CutSuffix(e.Name(), ".properties"); ok {
					rows = append(rows, []any{name, filepath.Join(dir, e.Name())})
				}
			}
			return s.rows(s.out, []column{{"PROFILE", "profile"}, {"FILE", "file"}}, rows)
		},
	}
	s.outputFlag(c, formats()...)
	return c
}

func newProfilePrint(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "print",
		Short: "Print the client configuration that commands use, and where each key comes from",
		Long:  "Print the client configuration that commands use, and where each key comes from. Passwords and keys are masked.",
		Example: `  chortal profile print
  chortal profile print -X client.id=caja -o json`,
		RunE: func(*cobra.Command, []string) error {
			var rows [][]any
			for _, k := range sortedKeys(s.props) {
				v := s.props[k]
				if strings.Contains(k, "password") || strings.Contains(k, "jaas") || k == "ssl.keystore.key" {
					v = "********"
				}
				rows = append(rows, []any{k, v, s.origin[k]})
			}
			if _, set := s.props["bootstrap.servers"]; !set {
				rows = append([][]any{{"bootstrap.servers", defaultBroker, "default"}}, rows...)
			}
			return s.rows(s.out, []column{{"KEY", "key"}, {"VALUE", "value"}, {"ORIGIN", "origin"}}, rows)
		},
	}
	s.outputFlag(c, formats()...)
	return c
}
