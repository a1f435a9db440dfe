package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Ports of `chortal dev`.
const (
	portKafka = 9092
	portSQL   = 8088
	portAdmin = 9644
)

type devFlags struct {
	data      string
	ephemeral bool
	offset    int
	demo      bool
}

func newDev(s *settings) *cobra.Command {
	var f devFlags
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run a broker and the SQL server on this computer",
		Long: `Run a broker and the SQL server on this computer, everything on 127.0.0.1.

A port that is taken is replaced by the next free one. Records and state are
kept in the data folder; with --ephemeral in a temporary one that is deleted.`,
		Example: `  chortal dev
  chortal dev --demo --data ./datos
  chortal dev --ephemeral --port-offset 100`,
		RunE: func(c *cobra.Command, _ []string) error { return s.dev(c.Context(), c, f) },
	}
	c.Flags().StringVar(&f.data, "data", "./.chortal-data", "folder of records and state")
	c.Flags().BoolVar(&f.ephemeral, "ephemeral", false, "keep everything in a temporary folder, deleted at the end")
	c.Flags().IntVar(&f.offset, "port-offset", 0, "added to every port, for a second instance")
	c.Flags().BoolVar(&f.demo, "demo", false, "load the sample sales into topic ventas and go on selling")
	return c
}

func (s *settings) dev(ctx context.Context, c *cobra.Command, f devFlags) error {
	if f.offset < 0 || f.offset > 50_000 {
		return usage(c, fmt.Errorf("--port-offset %d: want 0 to 50000", f.offset))
	}
	if f.ephemeral {
		dir, err := os.MkdirTemp("", "chortal-dev-")
		if err != nil {
			return fmt.Errorf("temporary folder: %w", err)
		}
		defer os.RemoveAll(dir)
		f.data = dir
	}
	cfg, err := s.devConfig(f)
	if err != nil {
		return err
	}
	selling := make(chan error, 1)
	selling <- nil
	err = s.serveNode(ctx, cfg, func(n *node) {
		s.banner(n, f)
		if f.demo {
			<-selling
			go func() { selling <- s.sell(ctx, n) }()
		}
	})
	if sold := <-selling; err == nil && ctx.Err() == nil {
		err = sold
	}
	return err
}

// devConfig is a server.properties made of the flags.
func (s *settings) devConfig(f devFlags) (nodeConfig, error) {
	data, err := filepath.Abs(f.data)
	if err != nil {
		return nodeConfig{}, fmt.Errorf("--data %s: %w", f.data, err)
	}
	var properties strings.Builder
	fmt.Fprintf(&properties, "log.dirs=%s\n", escapeProperty(filepath.Join(data, "log")))
	fmt.Fprintf(&properties, "state.dir=%s\n", escapeProperty(filepath.Join(data, "state")))
	fmt.Fprintln(&properties, "group.initial.rebalance.delay.ms=0")
	for _, l := range []struct {
		key, scheme string
		port        int
	}{
		{"listeners", "PLAINTEXT", portKafka},
		{keySQLListeners, "http", portSQL},
		{keyAdminListeners, "http", portAdmin},
	} {
		port, err := s.freePort(l.port + f.offset)
		if err != nil {
			return nodeConfig{}, err
		}
		fmt.Fprintf(&properties, "%s=%s://127.0.0.1:%d\n", l.key, l.scheme, port)
	}
	return s.readServer(strings.NewReader(properties.String()), true)
}

// escapeProperty writes a value so that a properties file gives it back.
func escapeProperty(v string) string { return strings.ReplaceAll(v, `\`, `\\`) }

// freePort returns the port, or the next one that nobody listens on.
func (s *settings) freePort(port int) (int, error) {
	for p := port; p < port+100 && p < 65_536; p++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		if err != nil {
			continue
		}
		l.Close()
		if p != port {
			fmt.Fprintf(s.err, "port %d is taken, %d is used instead\n", port, p)
		}
		return p, nil
	}
	return 0, fmt.Errorf("no free port from %d to %d on 127.0.0.1", port, port+99)
}

func (s *settings) banner(n *node, f devFlags) {
	kafka, data := n.kafkaAddr(), f.data
	if f.ephemeral {
		data += " (deleted at the end)"
	}
	fmt.Fprintf(s.out, `chortal %s · data %s · ready in %.2f s

  Kafka    %-24s kcat -b %s -L
  SQL      %-24s chortal sql %s
  Metrics  %s/metrics

`, version, data, time.Since(n.began).Seconds(), kafka, kafka, strings.TrimPrefix(n.sqlURL(), "http://"), n.sqlURL(), n.adminURL())
	if f.demo {
		fmt.Fprintf(s.out, "  demo: sales go to topic \"ventas\"\n")
	}
	fmt.Fprintln(s.out, "  Ctrl-C to stop. Nothing leaves this computer: all listeners are on 127.0.0.1.")
}
