package ksql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/parse"
)

// session is what SET and DEFINE change while a script runs.
type session struct {
	props map[string]string // of the request
	vars  map[string]string
}

func newSession(opts Options) (*session, error) {
	s := &session{props: maps.Clone(opts.Properties), vars: maps.Clone(opts.Variables)}
	if s.props == nil {
		s.props = map[string]string{}
	}
	if s.vars == nil {
		s.vars = map[string]string{}
	}
	for name := range s.props {
		if err := CheckProperty(name); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Execute runs a script of statements that are no queries, in order, and returns one entity each. The first refused
// statement ends the script with an *Error, whose Entities are the answers of those before it.
func (e *Engine) Execute(ctx context.Context, sql string, opts Options) ([]Entity, error) {
	if err := e.checkReady(); err != nil {
		return nil, err
	}
	s, err := newSession(opts)
	if err != nil {
		return nil, err
	}
	pieces, err := parse.Split(sql)
	if err != nil {
		return nil, syntaxError(err, sql, ast.Pos{Line: 1, Column: 1}, 1)
	}
	if len(pieces) == 0 {
		return nil, &Error{Code: CodeBadStatement, Message: "There is no statement.", Statement: sql}
	}
	entities := make([]Entity, 0, len(pieces))
	for i, piece := range pieces {
		entity, err := e.executePiece(ctx, piece, s)
		e.metrics.statement(err)
		if err != nil {
			return nil, failed(err, piece, i+1, entities)
		}
		entity.StatementText = piece.Text
		if entity.Warnings == nil {
			entity.Warnings = []api.Warning{}
		}
		entities = append(entities, entity)
	}
	return entities, nil
}

// failed is the error of a statement of a script.
func failed(err error, piece parse.Piece, index int, before []Entity) error {
	if se, ok := errors.AsType[*parse.Error](err); ok {
		out := syntaxError(se, piece.Text, piece.Pos, index)
		out.Entities = before
		return out
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Code: CodeServerError, Message: err.Error(), Cause: err}
	}
	out := *e
	if out.Line == 0 && out.Code/100 < 500 { // the statement as a whole
		out.Line, out.Column = piece.Pos.Line, piece.Pos.Column
	}
	out.Statement, out.Index, out.Entities = piece.Text, index, before
	out.Line, out.Column = within(out.Line, out.Column, piece.Pos)
	return &out
}

// syntaxError is the error of a text that does not parse, with its place counted from the start of the statement.
func syntaxError(err error, text string, start ast.Pos, index int) *Error {
	out := &Error{Code: CodeBadStatement, Message: err.Error(), Statement: text, Index: index, Cause: err}
	if se, ok := errors.AsType[*parse.Error](err); ok {
		out.Hint = se.Hint
		out.Line, out.Column = within(se.Line, se.Column, start)
	}
	return out
}

// within counts a place of a script from the start of one of its statements.
func within(line, column int, start ast.Pos) (int, int) {
	if line == 0 || start.Line == 0 || line < start.Line {
		return line, column
	}
	if line == start.Line {
		column -= start.Column - 1
	}
	return line - start.Line + 1, column
}

func (e *Engine) executePiece(ctx context.Context, piece parse.Piece, s *session) (Entity, error) {
	st, err := piece.Parse(parse.Options{Variables: s.vars})
	if err != nil {
		return Entity{}, err
	}
	switch st := st.(type) {
	case *ast.Select, *ast.Print:
		return Entity{}, &Error{Code: CodeWrongEndpoint, Message: "The following statement types should be issued to the websocket endpoint '/query':\n\t* PRINT\n\t* SELECT"}
	case *ast.SetProperty:
		return s.set(st)
	case *ast.UnsetProperty:
		delete(s.props, st.Name)
		return done("Successfully unset local property '" + st.Name + "'."), nil
	case *ast.DefineVariable:
		s.vars[st.Name] = st.Value
		return done("Variable " + st.Name + " defined."), nil
	case *ast.UndefineVariable:
		if _, ok := s.vars[st.Name]; !ok {
			return Entity{}, api.Errorf("Cannot undefine variable '%s' which was not defined.", st.Name)
		}
		delete(s.vars, st.Name)
		return done("Variable " + st.Name + " undefined."), nil
	case *ast.InsertValues:
		return e.insertValues(ctx, st, s)
	case *ast.Control:
		return e.control(ctx, st)
	}
	if entity, ok, err := e.show(ctx, st, s); ok {
		return entity, err
	}
	entity, ok, err := e.change(ctx, st, piece.Text, s)
	if !ok && err == nil {
		err = notSupported(st)
	}
	return entity, err
}

func (s *session) set(st *ast.SetProperty) (Entity, error) {
	if err := CheckProperty(st.Name); err != nil {
		return Entity{}, err
	}
	s.props[st.Name] = st.Value
	return done(fmt.Sprintf("Successfully changed local property '%s' to '%s'.", st.Name, st.Value)), nil
}

// done is the entity of a statement that only says that it worked.
func done(message string) Entity {
	return Entity{Type: api.TypeCurrentStatus, CommandStatus: &CommandStatus{Status: "SUCCESS", Message: message}}
}

// notSupported refuses, by name, a statement that is parsed but not run.
func notSupported(st ast.Statement) error {
	words := strings.Fields(st.String())
	name := strings.Join(words[:min(2, len(words))], " ")
	hint, verb := "", "is"
	switch st := st.(type) {
	case *ast.Show:
		if st.What == ast.ShowConnectors || st.What == ast.ShowConnectorPlugins {
			name, hint = strings.TrimSuffix(st.String(), ";"), "connectors are not part of this version"
		}
	case *ast.CreateConnector, *ast.DropConnector, *ast.DescribeConnector:
		name, hint, verb = "CONNECTOR statements", "connectors are not part of this version", "are"
	case *ast.RunScript:
		name, hint = "RUN SCRIPT", "run the script with the command line: chortal sql -f FILE"
	case *ast.AssertSchema:
		name, hint = "ASSERT SCHEMA", "there is no schema registry"
	}
	return &Error{Code: CodeBadStatement, Message: name + " " + verb + " not supported yet.", Hint: hint, Line: st.At().Line, Column: st.At().Column}
}

// change runs a statement that changes the catalog.
func (e *Engine) change(ctx context.Context, st ast.Statement, text string, s *session) (Entity, bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := planner{functions: e.functions, topics: clusterTopics{ctx, e.cluster}}
	ch, ok, err := p.plan(st, statementContext{
		catalog: e.catalog.Load(), text: text, props: e.properties(s.props), sequence: e.commands.next,
	})
	if !ok || err != nil {
		return Entity{}, ok, err
	}
	if ch.none {
		return e.currentStatus(ch.commandID, ch.message, ""), true, nil
	}
	if err := e.apply(ctx, ch, text); err != nil {
		return Entity{}, true, err
	}
	return e.currentStatus(ch.commandID, ch.message, ch.queryID), true, nil
}

// currentStatus answers a command. The caller holds mu.
func (e *Engine) currentStatus(id, message, queryID string) Entity {
	status := CommandStatus{Status: "SUCCESS", Message: message}
	if queryID != "" {
		status.QueryID = &queryID
	}
	sequence := e.commands.next - 1
	e.remember(id, status)
	return Entity{Type: api.TypeCurrentStatus, CommandID: id, CommandStatus: &status, CommandSequenceNumber: &sequence}
}

// apply makes a change: topic, command log, catalog, queries. The caller holds mu.
func (e *Engine) apply(ctx context.Context, ch *change, text string) error {
	if err := e.checkReady(); err != nil {
		return err
	}
	if ch.start != nil {
		e.state.RLock()
		n := len(e.queries)
		e.state.RUnlock()
		if n >= e.cfg.MaxQueries {
			return api.Errorf("Not executing statement(s) '%s' as it would cause the number of active, persistent queries to exceed the configured limit. Use the TERMINATE command to terminate existing queries. Current persistent query count: %d. Configured limit: %d.", text, n, e.cfg.MaxQueries)
		}
	}
	if _, pending := e.commands.entries[droppingKey(ch.queryID)]; ch.start != nil && pending {
		if err := e.finishDrop(ctx, ch.queryID); err != nil {
			return fmt.Errorf("an earlier query %s is not dropped completely: %w", ch.queryID, err)
		}
	}
	if t := ch.createTopic; t != nil {
		if err := e.cluster.createTopic(ctx, t.name, t.partitions, t.replicas, t.configs); err != nil {
			return err
		}
	}
	entries := withDrops(map[string]*entry{ch.key: ch.entry}, ch.stop...)
	maps.Copy(entries, ch.more)
	if old := e.commands.entries[ch.key]; old != nil && ch.entry != nil {
		ch.entry.Sequence = old.Sequence // what refers to it keeps its place behind it
	}
	if err := e.commands.write(ctx, entries); err != nil {
		return err
	}
	e.catalog.Store(ch.catalog)
	for _, id := range ch.stop {
		e.stopQuery(ctx, id)
	}
	if ch.deleteTopic != "" {
		if err := e.cluster.deleteTopic(ctx, ch.deleteTopic); err != nil {
			return err
		}
	}
	if ch.start != nil {
		e.startQuery(ch.entry)
	}
	return nil
}

// stopQuery ends a query for good, after the command log has announced that. The caller holds mu.
func (e *Engine) stopQuery(ctx context.Context, id string) {
	e.state.Lock()
	q := e.queries[id]
	delete(e.queries, id)
	e.state.Unlock()
	if q == nil {
		return
	}
	q.stop()
	if err := e.finishDrop(context.WithoutCancel(ctx), id); err != nil {
		e.log.Warn("a query is not dropped completely; the next start tries again", "query", id, "err", err)
	}
}

// control is TERMINATE; PAUSE and RESUME are refused by name.
func (e *Engine) control(ctx context.Context, st *ast.Control) (Entity, error) {
	if st.Action != ast.TerminateQuery {
		return Entity{}, &Error{Code: CodeBadStatement, Message: st.Action.String() + " is not supported yet.", Hint: "TERMINATE ends a query", Line: st.At().Line, Column: st.At().Column}
	}
	if st.QueryID != "" && e.CloseQuery(st.QueryID) {
		return done("Query terminated."), nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	cat := e.catalog.Load()
	var ids []string
	if st.QueryID != "" {
		if _, ok := cat.Query(st.QueryID); !ok {
			return Entity{}, e.unknownQuery(st.QueryAt, st.QueryID, "Unknown queryId: %s")
		}
		ids = []string{st.QueryID}
	} else {
		for _, q := range cat.Queries() {
			ids = append(ids, q.ID)
		}
	}
	for _, id := range ids {
		if err := e.terminate(ctx, id); err != nil {
			return Entity{}, err
		}
	}
	name := st.QueryID
	if name == "" {
		name = "ALL"
	}
	return e.currentStatus("terminate/"+name+"/execute", "Query terminated.", st.QueryID), nil
}

// terminate ends one query; a source that it made stays. The caller holds mu.
func (e *Engine) terminate(ctx context.Context, id string) error {
	cat := e.catalog.Load()
	key, replaced := queryKey(id), (*entry)(nil)
	for k, en := range e.commands.entries {
		if en.Plan != nil && en.Plan.QueryID == id && en.Source != nil {
			kept := *en
			kept.Plan = nil
			key, replaced = k, &kept
		}
	}
	if err := e.commands.write(ctx, withDrops(map[string]*entry{key: replaced}, id)); err != nil {
		return err
	}
	e.catalog.Store(cat.WithoutQuery(id))
	e.stopQuery(ctx, id)
	return nil
}

// TerminateAll ends all persistent queries, removes all definitions and deletes the topics of the sources whose names
// are listed.
func (e *Engine) TerminateAll(ctx context.Context, deleteTopics []string) error {
	if err := e.checkReady(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	cat := e.catalog.Load()
	removed := map[string]*entry{}
	for key, en := range e.commands.entries {
		if en.Dropping == "" {
			removed[key] = nil
		}
		if en.Plan != nil {
			withDrops(removed, en.Plan.QueryID)
		}
	}
	if len(removed) == 0 {
		return nil
	}
	if err := e.commands.write(ctx, removed); err != nil {
		return err
	}
	e.catalog.Store(&catalog.Catalog{})
	for _, q := range cat.Queries() {
		e.stopQuery(ctx, q.ID)
	}
	for _, topic := range deleteTopics {
		if err := e.cluster.deleteTopic(ctx, topic); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) insertValues(ctx context.Context, st *ast.InsertValues, s *session) (Entity, error) {
	in, err := prepareInsert(st, e.catalog.Load(), e.functions, e.env(e.properties(s.props)), e.cfg.Now().UnixMilli())
	if err != nil {
		return Entity{}, err
	}
	if err := e.writeInsertion(ctx, in); err != nil {
		return Entity{}, err
	}
	return done("Inserted 1 row."), nil
}

func (e *Engine) writeInsertion(ctx context.Context, in *insertion) error {
	return e.cluster.produce(ctx, &kgo.Record{Topic: in.topic, Key: in.key, Value: in.value, Timestamp: millis(in.timestamp)})
}

// Insert writes one row, given as column name to value (as encoding/json decodes it, numbers as json.Number or Go
// numbers), into a stream or table, and returns when the broker has it.
func (e *Engine) Insert(ctx context.Context, target string, row map[string]any) error {
	if err := e.checkReady(); err != nil {
		return err
	}
	cat := e.catalog.Load()
	name := target
	if _, ok := cat.Source(name); !ok {
		name = strings.ToUpper(target)
	}
	src, err := insertTarget(cat, strings.Trim(name, "`"))
	if err != nil {
		return err
	}
	in, err := prepareRow(src, row, e.cfg.Now().UnixMilli())
	if err != nil {
		return err
	}
	return e.writeInsertion(ctx, in)
}
