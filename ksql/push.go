package ksql

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chortal/chortal/ksql/internal/analyze"
	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/exec"
	"github.com/chortal/chortal/ksql/internal/parse"
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/ksql/internal/types"
	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
)

// pushBuffer is how many rows of a push query wait for their reader; then the query waits.
const pushBuffer = 1024

// readyTimeout is how long a push query may take to get its partitions.
const readyTimeout = 30 * time.Second

// Query runs one SELECT or PRINT. A push query ends with its LIMIT, with Close or with ctx.
func (e *Engine) Query(ctx context.Context, sql string, opts Options) (*Rows, error) {
	if err := e.checkReady(); err != nil {
		return nil, err
	}
	s, err := newSession(opts)
	if err != nil {
		return nil, err
	}
	if rows, ok, err := e.cachedPull(ctx, sql, s); ok {
		e.metrics.statement(err)
		return rows, err
	}
	pieces, err := parse.Split(sql)
	if err != nil {
		return nil, syntaxError(err, sql, ast.Pos{Line: 1, Column: 1}, 1)
	}
	if len(pieces) == 0 {
		return nil, &Error{Code: CodeBadStatement, Message: "There is no statement.", Statement: sql}
	}
	for i, piece := range pieces {
		st, err := piece.Parse(parse.Options{Variables: s.vars})
		if err != nil {
			return nil, failed(err, piece, i+1, nil)
		}
		if set, ok := st.(*ast.SetProperty); ok && i < len(pieces)-1 {
			if _, err := s.set(set); err != nil {
				return nil, failed(err, piece, i+1, nil)
			}
			continue
		}
		if i < len(pieces)-1 {
			return nil, failed(&Error{Code: CodeBadRequest, Message: fmt.Sprintf("Expected exactly one KSQL statement; found %d instead", len(pieces))}, piece, i+1, nil)
		}
		rows, err := e.query(ctx, st, sql, s)
		e.metrics.statement(err)
		if err != nil {
			return nil, failed(err, piece, i+1, nil)
		}
		return rows, nil
	}
	return nil, nil
}

func (e *Engine) query(ctx context.Context, st ast.Statement, sql string, s *session) (*Rows, error) {
	switch st := st.(type) {
	case *ast.Print:
		return e.print(ctx, st)
	case *ast.Select:
		if l := st.Query.Limit; l != nil && *l < 0 {
			kind := "Push"
			if st.Query.Emit == ast.EmitNone {
				kind = "Pull"
			}
			return nil, api.Errorf("%s queries don't support negative integers in the LIMIT clause. See https://cnfl.io/queries for more info.", kind)
		}
		if st.Query.Emit == ast.EmitNone {
			return e.pull(ctx, st.Query, sql, s)
		}
		return e.pushQuery(ctx, st.Query, s)
	}
	return nil, &Error{Code: CodeBadRequest, Message: "Statement type `" + strings.Fields(st.String())[0] + "` not supported for this resource"}
}

// pushQuery starts a topology of its own for one reader.
func (e *Engine) pushQuery(ctx context.Context, q *ast.Query, s *session) (*Rows, error) {
	cat := e.catalog.Load()
	a, err := analyze.Query(q, analyze.Options{Catalog: cat, Functions: e.functions})
	if err != nil {
		return nil, err
	}
	id := fmt.Sprintf("transient_%s_%s", strings.Join(sourceNames(a), "_"), rand.Text()[:12])
	p, err := plan.Build(plan.Input{Analysis: a, Functions: e.functions, Catalog: cat, QueryID: id})
	if err != nil {
		return nil, err
	}
	run := &pushRun{queue: make(chan types.Row, pushBuffer), done: make(chan struct{}), limit: -1}
	if q.Limit != nil {
		run.limit = *q.Limit
	}
	props := e.properties(s.props)
	built, err := exec.Build(p, e.buildOptions(id, props, resetOf(props, processor.ResetLatest), run.output))
	if err != nil {
		return nil, err
	}
	app, err := streams.New(built.Topology, e.appConfig(id, withoutCache(props), true))
	if err != nil {
		return nil, err
	}
	return e.startPush(ctx, id, app, built, run)
}

func sourceNames(a *analyze.Analysis) []string {
	names := make([]string, len(a.Sources))
	for i, src := range a.Sources {
		names[i] = src.Name
	}
	return names
}

// withoutCache lets every change of a push query through.
func withoutCache(props map[string]string) map[string]string {
	out := map[string]string{"cache.max.bytes.buffering": "0"}
	for k, v := range props {
		out[k] = v
	}
	return out
}

// pushRun takes the rows of a push query from its topology.
type pushRun struct {
	queue chan types.Row
	keys  int
	done  chan struct{} // closed when no more rows are wanted
	once  sync.Once
	limit int64 // -1 for none
	count atomic.Int64
	err   error // set before queue is closed
}

func (r *pushRun) finish() { r.once.Do(func() { close(r.done) }) }

// output gives the reader a row. Tasks call it; when the reader is behind they wait.
func (r *pushRun) output(rec exec.Record) {
	if rec.Row == nil {
		return
	}
	if n := r.count.Add(1); r.limit >= 0 && n > r.limit {
		r.finish()
		return
	}
	select {
	case r.queue <- rec.Row[r.keys:]:
	case <-r.done:
	}
	if r.limit >= 0 && r.count.Load() >= r.limit {
		r.finish()
	}
}

// startPush runs the application until the reader closes the result, the limit is reached or it breaks.
func (e *Engine) startPush(ctx context.Context, id string, app *streams.App, built *exec.Built, run *pushRun) (*Rows, error) {
	run.keys = len(built.Schema.Key())
	rows := &Rows{queryID: id, queue: run.queue, closed: make(chan struct{})}
	for _, c := range built.Schema.Columns()[run.keys:] {
		rows.columns, rows.types = append(rows.columns, c.Name), append(rows.types, c.Type)
	}
	if err := e.admitPush(id, rows); err != nil {
		return nil, err
	}
	runCtx, cancel := context.WithCancel(e.runCtx)
	stop := context.AfterFunc(ctx, cancel)
	ended := make(chan struct{})
	rows.onClose = func() { run.finish(); cancel(); <-ended }
	rows.finish = func() (string, error) {
		if run.err != nil {
			return "", run.err
		}
		if run.limit >= 0 && run.count.Load() >= run.limit {
			return "Limit Reached", nil
		}
		return "", nil
	}
	e.work.Go(func() {
		defer close(ended)
		defer stop()
		watch := context.AfterFunc(runCtx, run.finish)
		defer watch()
		go func() { <-run.done; cancel() }() // ends with finish, which comes at the latest with runCtx
		err := app.Run(runCtx)
		run.finish()
		if err != nil && runCtx.Err() == nil {
			run.err = &Error{Code: CodeServerError, Message: "Query failed: " + err.Error(), Cause: err}
		}
		close(run.queue)
		e.dropPush(id)
		clean, cancelClean := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancelClean()
		if err := e.removeApplication(clean, applicationID(e.cfg.ServiceID, id)); err != nil {
			e.log.Warn("remove what a push query leaves behind", "query", id, "err", err)
		}
	})
	select {
	case <-app.Ready():
		return rows, nil
	case <-ended:
		if run.err != nil {
			return nil, run.err
		}
		return rows, nil
	case <-ctx.Done():
		rows.Close()
		return nil, ctx.Err()
	case <-time.After(readyTimeout):
		rows.Close()
		return nil, &Error{Code: CodeServerError, Message: "The query did not get its partitions in time."}
	}
}

// admitPush registers a push query, unless there are too many.
func (e *Engine) admitPush(id string, rows *Rows) error {
	e.state.Lock()
	defer e.state.Unlock()
	if len(e.push) >= e.cfg.MaxPushQueries {
		return &Error{Code: api.CodeTooManyPushQueries, Message: fmt.Sprintf("Maximum number of push queries exceeded: %d", e.cfg.MaxPushQueries)}
	}
	e.push[id] = rows
	return nil
}

func (e *Engine) dropPush(id string) {
	e.state.Lock()
	defer e.state.Unlock()
	delete(e.push, id)
}

// CloseQuery ends a push query by its id and reports whether there was one.
func (e *Engine) CloseQuery(queryID string) bool {
	e.state.RLock()
	rows := e.push[queryID]
	e.state.RUnlock()
	if rows == nil {
		return false
	}
	rows.Close()
	return true
}

// closePushQueries ends all push queries, when the engine ends.
func (e *Engine) closePushQueries() {
	e.state.RLock()
	list := make([]*Rows, 0, len(e.push))
	for _, r := range e.push {
		list = append(list, r)
	}
	e.state.RUnlock()
	for _, r := range list {
		r.Close()
	}
}
