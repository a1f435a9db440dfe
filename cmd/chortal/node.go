package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/chortal/chortal/broker"
	"github.com/chortal/chortal/ksql"
	"github.com/chortal/chortal/ksql/server"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
)

// stopWithin bounds an orderly end.
const stopWithin = 5 * time.Second

// nodeConfig is one process: a broker, and beside it the SQL server and the
// admin port where they have an address.
type nodeConfig struct {
	broker   broker.Config
	sql      []string // listeners as host:port; none switches the part off
	admin    []string
	stateDir string // of the SQL engine's queries; empty keeps state in memory
	sqlProps map[string]string
	service  string
	logger   *slog.Logger
}

// node runs the parts of a process and knows where they listen.
type node struct {
	cfg      nodeConfig
	broker   *broker.Broker
	engine   *ksql.Engine
	registry *prometheus.Registry
	sql      []net.Listener
	admin    []net.Listener
	sqlUp    atomic.Bool
	began    time.Time
	ready    chan struct{}
}

// newNode binds the HTTP listeners and opens the broker; Run serves.
func newNode(cfg nodeConfig) (*node, error) {
	n := &node{cfg: cfg, began: time.Now(), ready: make(chan struct{}), registry: prometheus.NewRegistry()}
	n.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var err error
	defer func() {
		if err != nil {
			n.closeListeners()
		}
	}()
	if n.sql, err = listenAll(cfg.sql); err != nil {
		return nil, fmt.Errorf("sql.listeners: %w", err)
	}
	if n.admin, err = listenAll(cfg.admin); err != nil {
		return nil, fmt.Errorf("admin.listeners: %w", err)
	}
	b := cfg.broker
	b.Logger, b.Registerer = cfg.logger, n.registry
	if n.broker, err = broker.New(b); err != nil {
		return nil, err
	}
	return n, nil
}

func listenAll(addrs []string) ([]net.Listener, error) {
	var all []net.Listener
	for _, a := range addrs {
		l, err := net.Listen("tcp", a)
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// components are the parts of the process and whether they serve.
func (n *node) components() []broker.Component {
	all := n.broker.Components()
	if len(n.sql) == 0 {
		return all
	}
	sql := broker.Component{Name: "sql"}
	switch {
	case all[0].Reason != "":
		sql.Reason = "the broker does not serve: " + all[0].Reason
	case !n.sqlUp.Load():
		sql.Reason = "queries are being restored"
	}
	return append(all, sql)
}

func (n *node) closeListeners() {
	for _, l := range slices.Concat(n.sql, n.admin) {
		l.Close()
	}
}

// kafkaAddr is where clients reach the broker.
func (n *node) kafkaAddr() string { return n.broker.Addrs()[0] }

func (n *node) sqlURL() string {
	if len(n.sql) == 0 {
		return ""
	}
	return "http://" + n.sql[0].Addr().String()
}

func (n *node) adminURL() string {
	if len(n.admin) == 0 {
		return ""
	}
	return "http://" + n.admin[0].Addr().String()
}

// Run serves until ctx ends, then stops in order: SQL first, so that queries
// commit to a broker that still answers.
func (n *node) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	brokerCtx, stopBroker := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBroker()
	n.serve(group, ctx, n.admin, (&health{components: n.components, metrics: n.registry}).handler())
	group.Go(func() error { return n.reloadOnHangup(ctx) })
	group.Go(func() error {
		if err := n.broker.Run(brokerCtx); err != nil {
			return fmt.Errorf("broker: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		defer stopBroker()
		select {
		case <-n.broker.Ready():
		case <-ctx.Done():
			return nil
		}
		return n.runSQL(ctx)
	})
	return group.Wait()
}

// reloadOnHangup reads the certificates again at every SIGHUP.
func (n *node) reloadOnHangup(ctx context.Context) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangups:
			if err := n.broker.ReloadCertificates(); err != nil {
				n.cfg.logger.Error("reload certificates", "err", err)
			}
		}
	}
}

// runSQL serves SQL where it has an address, says that the node is ready, and
// returns when ctx has ended and the queries have stopped.
func (n *node) runSQL(ctx context.Context) error {
	if len(n.sql) == 0 {
		close(n.ready)
		<-ctx.Done()
		return nil
	}
	engine, err := ksql.New(ksql.Config{
		Brokers:    []string{n.kafkaAddr()},
		Dialer:     n.broker.Dialer(),
		ServiceID:  n.cfg.service,
		StateDir:   n.cfg.stateDir,
		Properties: n.cfg.sqlProps,
		Logger:     n.cfg.logger,
		Registerer: n.registry,
	})
	if err != nil {
		return err
	}
	n.engine = engine
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := engine.Run(ctx); err != nil {
			return fmt.Errorf("sql engine: %w", err)
		}
		return nil
	})
	n.serve(group, ctx, n.sql, server.New(server.Config{Engine: engine, Logger: n.cfg.logger, AllowedHosts: n.hosts()}))
	group.Go(func() error {
		select {
		case <-engine.Ready():
			n.sqlUp.Store(true)
			close(n.ready)
		case <-ctx.Done():
		}
		return nil
	})
	return group.Wait()
}

// hosts are the names by which the SQL server may be called: loopback alone,
// unless it listens elsewhere.
func (n *node) hosts() []string {
	if len(exposed(n.cfg.sql)) > 0 {
		return []string{"*"}
	}
	return nil
}

// serve answers HTTP on the listeners until ctx ends.
func (n *node) serve(group *errgroup.Group, ctx context.Context, listeners []net.Listener, handler http.Handler) {
	for _, l := range listeners {
		srv := server.NewHTTPServer(handler)
		srv.BaseContext = func(net.Listener) context.Context { return ctx }
		group.Go(func() error {
			if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
			return nil
		})
		group.Go(func() error {
			<-ctx.Done()
			stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin/2)
			defer cancel()
			if err := srv.Shutdown(stopping); err != nil {
				return srv.Close()
			}
			return nil
		})
	}
}

// Keys of the configuration file that are not the broker's.
const (
	keySQLListeners   = "sql.listeners"
	keyAdminListeners = "admin.listeners"
	keyStateDir       = "state.dir"
	keyRoles          = "process.roles"
	keyServiceID      = "ksql.service.id"
	streamsPrefix     = "ksql.streams."
)

// Where the parts listen unless they are told.
const (
	defaultSQLListener   = "http://127.0.0.1:8088"
	defaultAdminListener = "http://127.0.0.1:9644"
)

// fromProperties completes a configuration from the keys that the broker gave
// back, and returns those that nobody knows.
func (c *nodeConfig) fromProperties(rest map[string]string, roles []string, logDir string) (unknown []string, err error) {
	c.sqlProps = map[string]string{}
	sql, admin := defaultSQLListener, defaultAdminListener
	c.stateDir = strings.TrimRight(logDir, string(filepath.Separator)) + "-state"
	for k, v := range rest {
		switch {
		case k == keySQLListeners:
			sql = v
		case k == keyAdminListeners:
			admin = v
		case k == keyStateDir:
			c.stateDir = v
		case k == keyServiceID:
			c.service = v
		case strings.HasPrefix(k, streamsPrefix):
			c.sqlProps[strings.TrimPrefix(k, streamsPrefix)] = v
		default:
			unknown = append(unknown, k)
		}
	}
	slices.Sort(unknown)
	if !slices.Contains(roles, "sql") {
		sql = ""
	}
	if c.sql, err = httpAddrs(keySQLListeners, sql); err != nil {
		return nil, err
	}
	if c.admin, err = httpAddrs(keyAdminListeners, admin); err != nil {
		return nil, err
	}
	return unknown, nil
}

// httpAddrs reads a comma-separated list of http://host:port.
func httpAddrs(key, list string) ([]string, error) {
	var addrs []string
	for text := range strings.SplitSeq(list, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" || u.Host == "" || u.Port() == "" || strings.Trim(u.Path, "/") != "" {
			return nil, fmt.Errorf("%s=%s: want http://host:port", key, text)
		}
		addrs = append(addrs, u.Host)
	}
	return addrs, nil
}

// exposed lists the addresses that other computers can reach.
func exposed(addrs []string) []string {
	var open []string
	for _, a := range addrs {
		host, _, err := net.SplitHostPort(a)
		if err != nil {
			continue
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			open = append(open, a)
		}
	}
	return open
}
