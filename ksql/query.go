package ksql

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chortal/chortal/ksql/internal/exec"
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
)

// The states of queries, as SHOW QUERIES gives them.
const (
	stateStarting = "REBALANCING"
	stateRunning  = "RUNNING"
	stateError    = "ERROR"
)

// Restart delays of a query that fails: doubled from the first to the last.
const (
	firstRestart = 250 * time.Millisecond
	lastRestart  = 30 * time.Second
)

// maxQueryErrors is how many failures of a query are remembered.
const maxQueryErrors = 10

// persistentQuery runs a plan until it is stopped; what fails is started again after a while.
type persistentQuery struct {
	plan      *plan.Plan
	statement string
	props     map[string]string
	engine    *Engine
	log       *slog.Logger

	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	state  string         // guarded by mu
	errors []queryFailure // guarded by mu, newest last
	run    *runningQuery  // guarded by mu; nil while there is none
	topo   string         // guarded by mu: the topology's description
	ready  chan struct{}  // closed when the query has run once
	once   sync.Once
}

type queryFailure struct {
	at      time.Time
	message string
	kind    string
}

type runningQuery struct {
	app          *streams.App
	materialized *exec.Materialized
	built        *exec.Built
}

func (e *Engine) newQuery(p *plan.Plan, statement string, props map[string]string) *persistentQuery {
	return &persistentQuery{
		plan: p, statement: statement, props: props, engine: e, log: e.log.With("query", p.QueryID),
		done: make(chan struct{}), ready: make(chan struct{}), state: stateStarting,
	}
}

// start runs the query in a goroutine of the engine.
func (q *persistentQuery) start(ctx context.Context) {
	ctx, q.cancel = context.WithCancel(ctx)
	q.engine.work.Go(func() {
		defer close(q.done)
		q.loop(ctx)
	})
}

// stop ends the query and waits until it has committed.
func (q *persistentQuery) stop() {
	q.cancel()
	<-q.done
}

// loop starts the query again whenever it fails, with growing pauses; an hour of work resets them.
func (q *persistentQuery) loop(ctx context.Context) {
	delay := firstRestart
	for {
		began := time.Now()
		err := q.runOnce(ctx)
		if ctx.Err() != nil {
			if err != nil {
				q.log.Warn("query ended with an error", "err", err)
			}
			return
		}
		if err == nil {
			err = errors.New("query ended by itself")
		}
		q.failed(err)
		if time.Since(began) > time.Minute {
			delay = firstRestart
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
		delay = min(2*delay, lastRestart)
	}
}

func (q *persistentQuery) failed(err error) {
	q.log.Error("query failed and will be restarted", "err", err)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.state, q.run = stateError, nil
	q.remember(queryFailure{time.Now(), err.Error(), "SYSTEM"})
}

// remember keeps the newest failures. The caller holds mu.
func (q *persistentQuery) remember(f queryFailure) {
	q.errors = append(q.errors, f)
	if len(q.errors) > maxQueryErrors {
		q.errors = append([]queryFailure{}, q.errors[len(q.errors)-maxQueryErrors:]...)
	}
}

// runOnce builds and runs the query until it ends.
func (q *persistentQuery) runOnce(ctx context.Context) error {
	built, err := exec.Build(q.plan, q.engine.buildOptions(q.plan.QueryID, q.props, resetOf(q.props, processor.ResetEarliest), nil))
	if err != nil {
		return err
	}
	app, err := streams.New(built.Topology, q.engine.appConfig(q.plan.QueryID, q.props, false))
	if err != nil {
		return err
	}
	q.mu.Lock()
	q.run, q.topo, q.state = &runningQuery{app, built.Materialized, built}, built.Topology.Describe(), stateStarting
	q.mu.Unlock()
	watched, cancel := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case <-app.Ready():
			q.setState(stateRunning)
			q.once.Do(func() { close(q.ready) })
		case <-watched.Done():
		}
	})
	err = app.Run(ctx)
	cancel()
	watcher.Wait()
	return err
}

func (q *persistentQuery) setState(s string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.state = s
}

// status returns the state and the failures, newest first.
func (q *persistentQuery) status() (state string, failures []queryFailure) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := len(q.errors) - 1; i >= 0; i-- {
		failures = append(failures, q.errors[i])
	}
	return q.state, failures
}

func (q *persistentQuery) running() *runningQuery {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.run
}

func (q *persistentQuery) topology() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.topo
}

// buildOptions are what a query is built with.
func (e *Engine) buildOptions(queryID string, props map[string]string, reset processor.OffsetReset, output func(exec.Record)) exec.Options {
	log := e.log.With("query", queryID)
	var failures atomic.Int64
	return exec.Options{
		Functions: e.functions, Env: e.env(props), Output: output, Reset: reset,
		FailOnTimestamp: props["ksql.timestamp.throw.on.invalid"] == "true",
		OnFailure:       func(f exec.Failure) { logFailure(log, &failures, f) },
	}
}

// logFailure writes a row's failure to the log: all of the first hundred, then every thousandth.
func logFailure(log *slog.Logger, failures *atomic.Int64, f exec.Failure) {
	n := failures.Add(1)
	if n <= 100 || n%1000 == 0 {
		log.Warn("row left out or NULL", "node", f.Step, "count", n, "err", f.Err)
	}
}

// appConfig is the configuration of the application behind a query. Transient ones keep no state.
func (e *Engine) appConfig(queryID string, props map[string]string, transient bool) streams.Config {
	cfg := streams.Config{
		ApplicationID: applicationID(e.cfg.ServiceID, queryID), Brokers: e.cfg.Brokers, Dialer: e.cfg.Dialer,
		StateDir: e.cfg.StateDir, InMemory: e.cfg.StateDir == "" || transient, CommitInterval: e.cfg.CommitInterval,
		NoCaching: e.cfg.CacheBytes < 0 || props["cache.max.bytes.buffering"] == "0" || props["ksql.streams.cache.max.bytes.buffering"] == "0",
		Logger:    slog.New(newLimitHandler(e.log.With("query", queryID).Handler())), Now: e.cfg.Now, ReplicationFactor: int16(e.cfg.Replicas),
		Deserialization: e.skipMalformed,
	}
	if !transient {
		cfg.InstanceID = e.instance
	}
	if e.cfg.CacheBytes > 0 {
		cfg.StateMemory = e.cfg.CacheBytes
	}
	if ms, ok := intProperty(props, "commit.interval.ms"); ok {
		cfg.CommitInterval = time.Duration(ms) * time.Millisecond
	}
	return cfg
}

// skipMalformed leaves records out that do not decode. The application logs each with its place.
func (e *Engine) skipMalformed(*streams.Failure) streams.Response {
	e.malformed.Add(1)
	return streams.Continue
}
