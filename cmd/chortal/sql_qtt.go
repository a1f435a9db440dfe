package main

import (
	"bufio"
	"fmt"
	"regexp"
	"time"

	"github.com/chortal/chortal/ksql"
	"github.com/spf13/cobra"
)

func newSQLQTT(s *settings) *cobra.Command {
	var jobs int
	var timeout time.Duration
	var filter string
	c := &cobra.Command{
		Use:   "qtt PATH...",
		Short: "Run query-validation tests without a broker",
		Long: `Run files of ksqlDB's query-validation tests: each case on a fresh engine over
topics in memory, without a network. A path is a file, or a folder whose *.json
are run by name. Each case gives one line of JSON on standard output, in the
order of the input, with what the statements gave; what the files expect has no
influence.

The exit code is 1 if a case crashed or took too long, and 2 if a file cannot
be read.`,
		Example: `  chortal sql qtt tests/ > actual.jsonl
  chortal sql qtt --filter '^joins - ' --jobs 1 tests/joins.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg := ksql.QTTConfig{Jobs: jobs, CaseTimeout: timeout, Log: s.err}
			if jobs < 0 {
				return usage(c, fmt.Errorf("--jobs %d: want a positive number", jobs))
			}
			if timeout <= 0 {
				return usage(c, fmt.Errorf("--case-timeout %s: want a positive time", timeout))
			}
			if filter != "" {
				re, err := regexp.Compile(filter)
				if err != nil {
					return usage(c, fmt.Errorf("--filter: %w", err))
				}
				cfg.Filter = re
			}
			return s.sqlQTT(c, cfg, args)
		},
	}
	c.Flags().IntVar(&jobs, "jobs", 0, "cases that run at a time (default the number of CPUs)")
	c.Flags().DurationVar(&timeout, "case-timeout", 10*time.Second, "longest time for one case")
	c.Flags().StringVar(&filter, "filter", "", "only cases whose \"<file> - <name>[ - FORMAT][ - property=config]\" matches this `regexp`")
	return c
}

func (s *settings) sqlQTT(c *cobra.Command, cfg ksql.QTTConfig, paths []string) error {
	out := bufio.NewWriterSize(s.out, 1<<20)
	result, err := ksql.RunQTT(c.Context(), cfg, paths, out)
	if flushErr := out.Flush(); err == nil && flushErr != nil {
		return flushErr
	}
	switch {
	case err != nil && result.Cases == 0:
		return usage(c, err) // a file that cannot be read
	case err != nil:
		return err
	case c.Context().Err() != nil:
		return c.Context().Err()
	case result.Broken > 0:
		return fmt.Errorf("%d of %d cases crashed or took too long", result.Broken, result.Cases)
	}
	return nil
}
