package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is the release this source leads to.
const version = "0.1.0"

func newVersion(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long:  "Print the version, the commit it was built from, and the Go release.",
		Example: `  chortal version
  chortal version -o json`,
		RunE: func(*cobra.Command, []string) error {
			return s.rows(s.out, []column{{"VERSION", "version"}, {"COMMIT", "commit"}, {"GO", "go"}, {"PLATFORM", "platform"}},
				[][]any{{version, commit(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}})
		},
	}
	s.outputFlag(c, "table", "json")
	return c
}

// commit is the source commit that the build recorded, "unknown" without one.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, changed := "unknown", ""
	for _, kv := range info.Settings {
		switch kv.Key {
		case "vcs.revision":
			revision = kv.Value[:min(12, len(kv.Value))]
		case "vcs.modified":
			if kv.Value == "true" {
				changed = "+"
			}
		}
	}
	return fmt.Sprint(revision, changed)
}
