package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chortal/chortal/broker"
	"github.com/spf13/cobra"
)

func newServer(s *settings) *cobra.Command {
	var (
		file   string
		strict bool
	)
	c := &cobra.Command{
		Use:   "server",
		Short: "Run a broker and the SQL server from a configuration file",
		Long: `Run a broker and the SQL server from a file in the form of Kafka's server.properties.

An empty log.dirs is formatted. Our own keys: sql.listeners and admin.listeners
(an empty value switches that part off), state.dir, durability=fsync|none;
process.roles may name broker, controller and sql. Prints a line that begins
with "ready" when all listeners answer; logs go to the error stream.`,
		Example: `  chortal server -c server.properties
  chortal server                      # every key has a default`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := s.loadServer(file, strict)
			if err != nil {
				return err
			}
			return s.serveNode(c.Context(), cfg, func(n *node) {
				fmt.Fprintf(s.out, "ready kafka=%s", n.kafkaAddr())
				if u := n.sqlURL(); u != "" {
					fmt.Fprintf(s.out, " sql=%s", u)
				}
				if u := n.adminURL(); u != "" {
					fmt.Fprintf(s.out, " admin=%s", u)
				}
				fmt.Fprintf(s.out, " in %s\n", time.Since(n.began).Round(time.Millisecond))
			})
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "configuration file")
	c.Flags().BoolVar(&strict, "strict-config", false, "refuse a file with keys that nobody knows")
	return c
}

// loadServer reads a configuration file; without one every key has its default.
func (s *settings) loadServer(file string, strict bool) (nodeConfig, error) {
	var in io.Reader = strings.NewReader("")
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return nodeConfig{}, fmt.Errorf("configuration: %w", err)
		}
		defer f.Close()
		in = f
	}
	cfg, err := s.readServer(in, strict)
	if err != nil && file != "" {
		err = fmt.Errorf("%s: %w", file, err)
	}
	return cfg, err
}

func (s *settings) readServer(in io.Reader, strict bool) (nodeConfig, error) {
	b, rest, err := broker.ParseProperties(in)
	if err != nil {
		return nodeConfig{}, err
	}
	cfg := nodeConfig{broker: b, logger: s.logger()}
	roles := []string{"broker", "controller", "sql"}
	if v, ok := b.Properties[keyRoles]; ok {
		roles = splitList(v)
		b.Properties[keyRoles] = strings.Join(slices.DeleteFunc(splitList(v), func(r string) bool { return r == "sql" }), ",")
	}
	for _, r := range roles {
		if !slices.Contains([]string{"broker", "controller", "sql"}, r) {
			return nodeConfig{}, fmt.Errorf("process.roles names %q: want broker, controller, sql", r)
		}
	}
	if !slices.Contains(roles, "broker") {
		return nodeConfig{}, errors.New("process.roles must name broker: a node without one is not built yet")
	}
	if !slices.Contains(roles, "sql") {
		cfg.logger.Info("the SQL server is off", "reason", "process.roles does not name sql")
	}
	unknown, err := cfg.fromProperties(rest, roles, logDir(b))
	if err != nil {
		return nodeConfig{}, err
	}
	switch {
	case len(unknown) > 0 && strict:
		return nodeConfig{}, fmt.Errorf("unknown keys: %s", strings.Join(unknown, ", "))
	case len(unknown) > 0:
		cfg.logger.Warn("unknown configuration keys are ignored", "keys", strings.Join(unknown, ", "))
	}
	if open := exposed(slices.Concat(cfg.sql, cfg.admin)); len(open) > 0 {
		cfg.logger.Warn("listeners without authentication can be reached from other computers", "listeners", strings.Join(open, ", "))
	}
	return cfg, nil
}

// logDir is the first folder of the records.
func logDir(b broker.Config) string {
	for _, list := range []string{strings.Join(b.LogDirs, ","), b.Properties["log.dirs"], b.Properties["log.dir"]} {
		if dirs := splitList(list); len(dirs) > 0 {
			return dirs[0]
		}
	}
	return broker.DefaultLogDir
}

func splitList(text string) []string {
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// settled is how long after the start nothing of it is still running.
const settled = 250 * time.Millisecond

// serveNode runs a node until ctx ends and calls up once when all of it answers.
func (s *settings) serveNode(ctx context.Context, cfg nodeConfig, up func(*node)) error {
	n, err := newNode(cfg)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	announced := make(chan struct{})
	go func() {
		defer close(announced)
		select {
		case <-n.ready:
			up(n)
		case <-done:
			return
		}
		select {
		case <-time.After(settled):
			if err := releaseCode(); err != nil {
				cfg.logger.Debug("the memory of the start is kept", "err", err)
			}
		case <-done:
		}
	}()
	err = n.Run(ctx)
	close(done)
	<-announced
	return err
}
