package ksql

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/function"

	"github.com/chortal/chortal/streams/processor"
)

// Version is the version of the engine, as /info tells it.
const Version = "0.1.0"

// Engine runs SQL over a Kafka cluster. It is safe for concurrent use.
//
// One statement at a time changes the catalog; queries read a snapshot of it. The order of a change is: topic, command
// log, catalog, query. After a crash in between, a topic may be there that no statement knows; the statement can be
// sent again and finds it.
type Engine struct {
	cfg       Config
	log       *slog.Logger
	functions *function.Registry
	cluster   *cluster
	planner   *planner
	clusterID atomic.Pointer[string]
	instance  string // of the state folder, for static group membership; empty without one
	catalog   atomic.Pointer[catalog.Catalog]
	ready     chan struct{}
	stopped   chan struct{}
	malformed atomic.Int64
	transient atomic.Int64
	metrics   *metrics
	pulls     pullCache
	work      sync.WaitGroup // goroutines of queries

	mu       sync.Mutex // held by the statement that changes something
	commands *commandLog
	runCtx   context.Context //nolint:containedctx // of Run: queries end with it

	state    sync.RWMutex                // never held while waiting
	queries  map[string]*persistentQuery // guarded by state
	push     map[string]*Rows            // guarded by state
	statuses map[string]CommandStatus    // guarded by state
}

// New returns an engine. It does not connect: Run does.
func New(cfg Config) (*Engine, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("ksql: no brokers configured")
	}
	if cfg.ServiceID == "" {
		cfg.ServiceID = "default_"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.MaxQueries == 0 {
		cfg.MaxQueries = 10_000
	}
	if cfg.MaxPushQueries == 0 {
		cfg.MaxPushQueries = 1_000
	}
	if cfg.CommitInterval == 0 {
		cfg.CommitInterval = 2 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	for name := range cfg.Properties {
		if err := CheckProperty(name); err != nil {
			return nil, fmt.Errorf("ksql: configuration: %w", err)
		}
	}
	instance, err := instanceID(cfg.StateDir)
	if err != nil {
		return nil, fmt.Errorf("ksql: %w", err)
	}
	c, err := newCluster(cfg)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, log: cfg.Logger, functions: function.Builtins(), cluster: c, instance: instance,
		ready: make(chan struct{}), stopped: make(chan struct{}), queries: map[string]*persistentQuery{}, push: map[string]*Rows{}, statuses: map[string]CommandStatus{},
	}
	e.planner = &planner{functions: e.functions}
	e.catalog.Store(&catalog.Catalog{})
	e.metrics = newMetrics(cfg.Registerer, e)
	return e, nil
}

// Run replays the command log, resumes the persistent queries and keeps them running until ctx ends. It returns nil
// then, after all queries have committed and stopped; ErrSuperseded when another engine with the same service id has
// started.
func (e *Engine) Run(ctx context.Context) error {
	defer e.cluster.close()
	defer close(e.stopped)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	from, epoch, err := e.open(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("ksql: %w", err)
	}
	warmUp()
	close(e.ready)
	e.log.Info("sql engine is ready", "service_id", e.cfg.ServiceID, "queries", len(e.queries))
	err = e.commands.watch(ctx, from, epoch, e.restoreEntry)
	cancel()
	e.closePushQueries()
	e.work.Wait()
	if err != nil {
		return fmt.Errorf("ksql: %w", err)
	}
	return nil
}

// open reads the command log and starts what it defines. It tries again while the brokers cannot be reached.
func (e *Engine) open(ctx context.Context) (from, epoch int64, err error) {
	for {
		if err = e.connect(ctx); err == nil {
			break
		}
		if ctx.Err() != nil {
			return 0, 0, err
		}
		e.log.Warn("brokers cannot be reached yet", "err", err)
		select {
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.runCtx = ctx
	cat, queries, err := foldEntries(e.commands.entries)
	if err != nil {
		return 0, 0, err
	}
	e.catalog.Store(cat)
	e.finishDrops(ctx)
	for _, q := range queries {
		e.startQuery(q)
	}
	return e.commands.next, e.commands.epoch, nil
}

func (e *Engine) connect(ctx context.Context) error {
	attempt, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	id, err := e.cluster.id(attempt)
	if err != nil {
		return err
	}
	e.clusterID.Store(&id)
	host, _ := os.Hostname()
	owner := fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:8])
	log, err := openCommandLog(attempt, e.cluster, commandTopic(e.cfg.ServiceID), owner, e.log)
	if err != nil {
		return err
	}
	e.commands = log
	return nil
}

func (e *Engine) startQuery(en *entry) {
	q := e.newQuery(en.Plan, en.Statement, e.properties(en.Properties))
	e.state.Lock()
	e.queries[en.Plan.QueryID] = q
	e.state.Unlock()
	q.start(e.runCtx)
}

// Ready is closed when the command log is replayed and its queries are started: from then on statements are accepted.
func (e *Engine) Ready() <-chan struct{} { return e.ready }

// checkReady refuses statements before and after the engine's life.
func (e *Engine) checkReady() error {
	select {
	case <-e.stopped:
		return &Error{Code: CodeShuttingDown, Message: "The server is shutting down"}
	default:
	}
	select {
	case <-e.ready:
		return nil
	default:
		return &Error{Code: CodeNotReady, Message: "The server is not ready: the command log is being replayed"}
	}
}

// Info names the engine's version, cluster and service id.
func (e *Engine) Info() ServerInfo {
	info := ServerInfo{Version: Version, KsqlServiceID: e.cfg.ServiceID, ServerStatus: "RUNNING"}
	if id := e.clusterID.Load(); id != nil {
		info.KafkaClusterID = *id
	}
	if e.checkReady() != nil {
		info.ServerStatus = "INITIALIZING"
	}
	return info
}

// CommandStatuses are the outcomes of the commands that this engine has run, by command id.
func (e *Engine) CommandStatuses() map[string]CommandStatus {
	e.state.RLock()
	defer e.state.RUnlock()
	out := make(map[string]CommandStatus, len(e.statuses))
	for k, v := range e.statuses {
		out[k] = v
	}
	return out
}

// maxStatuses bounds the outcomes that are remembered.
const maxStatuses = 10_000

func (e *Engine) remember(id string, s CommandStatus) {
	e.state.Lock()
	defer e.state.Unlock()
	if len(e.statuses) >= maxStatuses {
		clear(e.statuses)
	}
	e.statuses[id] = s
}

// WaitForCommand waits until the command with that sequence number has run.
func (e *Engine) WaitForCommand(ctx context.Context, sequence int64) error {
	deadline := time.After(5 * time.Second)
	for {
		e.mu.Lock()
		done := e.commands != nil && e.commands.next > sequence
		e.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return &Error{Code: api.CodeCommandTimeout, Message: fmt.Sprintf("Timed out while waiting for a previous command to execute. command sequence number: %d", sequence)}
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// properties are those of a request over those of the configuration.
func (e *Engine) properties(request map[string]string) map[string]string {
	out := make(map[string]string, len(e.cfg.Properties)+len(request))
	for k, v := range e.cfg.Properties {
		out[k] = v
	}
	for k, v := range request {
		out[k] = v
	}
	return out
}

func (e *Engine) env(props map[string]string) function.Env {
	return function.Env{Now: e.cfg.Now, Limit: functionLimits(props)}
}

// resetOf reads auto.offset.reset.
func resetOf(props map[string]string, otherwise processor.OffsetReset) processor.OffsetReset {
	for _, name := range []string{"auto.offset.reset", "ksql.streams.auto.offset.reset"} {
		switch strings.ToLower(props[name]) {
		case "earliest":
			return processor.ResetEarliest
		case "latest":
			return processor.ResetLatest
		}
	}
	return otherwise
}
