package ksql

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/chortal/chortal/ksql/internal/analyze"
	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/exec"
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/ksql/internal/types"
)

// show answers the statements that only look; ok is false for others.
func (e *Engine) show(ctx context.Context, st ast.Statement, s *session) (entity Entity, ok bool, err error) {
	switch st := st.(type) {
	case *ast.Show:
		entity, err = e.showList(ctx, st, s)
	case *ast.Describe:
		entity, err = e.describe(ctx, st)
	case *ast.DescribeAll:
		entity, err = e.describeAll(ctx, st)
	case *ast.DescribeFunction:
		entity, err = e.describeFunction(st)
	case *ast.Explain:
		entity, err = e.explain(st, s)
	case *ast.AssertTopic:
		entity, err = e.assertTopic(ctx, st)
	default:
		return Entity{}, false, nil
	}
	return entity, true, err
}

func (e *Engine) showList(ctx context.Context, st *ast.Show, s *session) (Entity, error) {
	cat := e.catalog.Load()
	switch st.What {
	case ast.ShowStreams, ast.ShowTables:
		kind, typ := catalog.Stream, api.TypeStreams
		if st.What == ast.ShowTables {
			kind, typ = catalog.Table, api.TypeTables
		}
		if st.Extended {
			return e.describeAll(ctx, &ast.DescribeAll{Kind: astKind(kind), Extended: true})
		}
		list := []api.SourceInfo{}
		for _, src := range cat.Sources() {
			if src.Kind == kind {
				list = append(list, sourceInfo(src))
			}
		}
		if kind == catalog.Table {
			return Entity{Type: typ, Tables: list}, nil
		}
		return Entity{Type: typ, Streams: list}, nil
	case ast.ShowQueries:
		return Entity{Type: api.TypeQueries, Queries: e.queryInfos()}, nil
	case ast.ShowTopics:
		return e.showTopics(ctx, st)
	case ast.ShowFunctions:
		list := []api.FunctionName{}
		for _, name := range e.functions.Names() {
			d, _ := e.functions.Describe(name)
			list = append(list, api.FunctionName{Name: d.Name, Type: d.Class.String(), Category: strings.ToUpper(d.Category)})
		}
		return Entity{Type: api.TypeFunctions, Functions: list}, nil
	case ast.ShowTypes:
		all := map[string]api.TypeInfo{}
		for _, name := range cat.Types() {
			t, _ := cat.Type(name)
			all[name] = typeInfo(t)
		}
		return Entity{Type: api.TypeTypes, Types: all}, nil
	case ast.ShowVariables:
		list := []api.Variable{}
		for k, v := range s.vars {
			list = append(list, api.Variable{Name: k, Value: v})
		}
		sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
		return Entity{Type: api.TypeVariables, Variables: list}, nil
	case ast.ShowProperties:
		return Entity{Type: api.TypeProperties, Properties: e.showProperties(e.properties(s.props)), OverwrittenProps: []string{}, DefaultProps: []string{}}, nil
	}
	return Entity{}, notSupported(st)
}

func astKind(k catalog.Kind) ast.SourceKind {
	if k == catalog.Table {
		return ast.TableSource
	}
	return ast.Stream
}

func sourceInfo(s *catalog.Source) api.SourceInfo {
	return api.SourceInfo{
		Type: s.Kind.String(), Name: s.Name, Topic: s.Topic, KeyFormat: s.Formats.Key.Name, ValueFormat: s.Formats.Value.Name, IsWindowed: s.Windowed(),
	}
}

func (e *Engine) queryInfos() []api.QueryInfo {
	out := []api.QueryInfo{}
	cat := e.catalog.Load()
	for _, q := range cat.Queries() {
		out = append(out, e.queryInfo(cat, q))
	}
	e.state.RLock()
	defer e.state.RUnlock()
	ids := make([]string, 0, len(e.push))
	for id := range e.push {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	for _, id := range ids {
		out = append(out, api.QueryInfo{ID: id, QueryType: "PUSH", State: stateRunning, StatusCount: map[string]int{stateRunning: 1}, Sinks: []string{}, SinkKafkaTopics: []string{}})
	}
	return out
}

func (e *Engine) queryInfo(cat *catalog.Catalog, q *catalog.Query) api.QueryInfo {
	info := api.QueryInfo{QueryString: q.Statement, ID: q.ID, QueryType: "PERSISTENT", Sinks: []string{}, SinkKafkaTopics: []string{}, State: stateStarting}
	if sink, ok := cat.Source(q.Sink); ok {
		info.Sinks, info.SinkKafkaTopics = []string{sink.Name}, []string{sink.Topic}
	}
	e.state.RLock()
	running := e.queries[q.ID]
	e.state.RUnlock()
	if running != nil {
		state, failures := running.status()
		info.State = state
		if state == stateError && len(failures) > 0 {
			info.Error = failures[0].message
		}
	}
	info.StatusCount = map[string]int{info.State: 1}
	return info
}

// showTopics lists topics without those of the engine itself, unless ALL is said.
func (e *Engine) showTopics(ctx context.Context, st *ast.Show) (Entity, error) {
	topics, err := e.cluster.list(ctx)
	if err != nil {
		return Entity{}, err
	}
	list := []api.TopicInfo{}
	for _, t := range topics {
		if !st.All && (t.internal || strings.HasPrefix(t.name, "_")) {
			continue
		}
		info := api.TopicInfo{Name: t.name, ReplicaInfo: make([]int, t.partitions)}
		for i := range info.ReplicaInfo {
			info.ReplicaInfo[i] = t.replicas
		}
		list = append(list, info)
	}
	if !st.Extended {
		return Entity{Type: api.TypeTopics, Topics: list}, nil
	}
	consumers, groups, err := e.cluster.readers(ctx)
	if err != nil {
		return Entity{}, err
	}
	for i := range list {
		c, g := consumers[list[i].Name], groups[list[i].Name]
		list[i].ConsumerCount, list[i].ConsumerGroupCount = &c, &g
	}
	return Entity{Type: api.TypeTopicsExtended, Topics: list}, nil
}

func (e *Engine) describe(ctx context.Context, st *ast.Describe) (Entity, error) {
	cat := e.catalog.Load()
	src, ok := cat.Source(st.Name)
	if !ok {
		return Entity{}, unknownSource(cat, st.Name)
	}
	d, err := e.sourceDescription(ctx, cat, src, st.Extended)
	if err != nil {
		return Entity{}, err
	}
	return Entity{Type: api.TypeSourceDescription, SourceDescription: &d}, nil
}

func unknownSource(cat *catalog.Catalog, name string) error {
	err := api.Errorf("Could not find STREAM/TABLE '%s' in the Metastore", name)
	return nearSource(cat, name, err)
}

func (e *Engine) describeAll(ctx context.Context, st *ast.DescribeAll) (Entity, error) {
	cat := e.catalog.Load()
	list := []api.SourceDescription{}
	for _, src := range cat.Sources() {
		if src.Kind != kindOf(st.Kind) {
			continue
		}
		d, err := e.sourceDescription(ctx, cat, src, st.Extended)
		if err != nil {
			return Entity{}, err
		}
		list = append(list, d)
	}
	return Entity{Type: api.TypeSourceDescriptions, SourceDescriptions: list}, nil
}

func (e *Engine) sourceDescription(ctx context.Context, cat *catalog.Catalog, src *catalog.Source, extended bool) (api.SourceDescription, error) {
	d := api.SourceDescription{
		Name: src.Name, Type: src.Kind.String(), KeyFormat: src.Formats.Key.Name, ValueFormat: src.Formats.Value.Name, Topic: src.Topic,
		Fields: fields(src.Schema, src.Kind), ReadQueries: []api.QueryInfo{}, WriteQueries: []api.QueryInfo{}, QueryOffsets: []api.QueryOffsets{},
		SourceConstraints: []string{}, ClusterStatistics: []any{}, ClusterErrors: []any{}, Extended: extended, Statement: src.Statement,
	}
	if w := src.Formats.Window; w != nil {
		t := string(w.Type)
		d.WindowType = &t
	}
	if src.Timestamp != nil {
		d.Timestamp = src.Timestamp.Column
	}
	for _, id := range cat.Readers(src.Name) {
		q, _ := cat.Query(id)
		d.ReadQueries = append(d.ReadQueries, e.queryInfo(cat, q))
	}
	for _, id := range cat.Writers(src.Name) {
		q, _ := cat.Query(id)
		d.WriteQueries = append(d.WriteQueries, e.queryInfo(cat, q))
	}
	if !extended {
		return d, nil
	}
	info, ok, err := e.cluster.topic(ctx, src.Topic)
	if err != nil {
		return d, err
	}
	if ok {
		d.Partitions, d.Replication = info.partitions, info.replicas
	}
	for _, q := range d.WriteQueries {
		offsets, err := e.cluster.groupOffsets(ctx, applicationID(e.cfg.ServiceID, q.ID))
		if err != nil {
			return d, err
		}
		d.QueryOffsets = append(d.QueryOffsets, offsets)
	}
	return d, nil
}

func fields(schema types.Schema, kind catalog.Kind) []api.Field {
	out := []api.Field{}
	for _, c := range schema.Columns() {
		f := api.Field{Name: c.Name, Schema: typeInfo(c.Type)}
		switch {
		case c.Namespace == types.InKey && kind == catalog.Table:
			f.Type = "KEY"
		case c.Namespace == types.InKey:
			f.Type = "KEY"
		case c.Namespace == types.InHeaders:
			f.Type = "HEADER"
			if c.HeaderKey != nil {
				f.HeaderKey = *c.HeaderKey
			}
		}
		out = append(out, f)
	}
	return out
}

func typeInfo(t types.Type) api.TypeInfo {
	info := api.TypeInfo{Type: t.Kind().String()}
	switch t.Kind() {
	case types.KindDecimal:
		info.Parameters = map[string]int{"precision": t.Precision(), "scale": t.Scale()}
	case types.KindArray, types.KindMap:
		m := typeInfo(t.Elem())
		info.MemberSchema = &m
	case types.KindStruct:
		info.Fields = []api.Field{}
		for _, f := range t.Fields() {
			info.Fields = append(info.Fields, api.Field{Name: f.Name, Schema: typeInfo(f.Type)})
		}
	}
	return info
}

func (e *Engine) describeFunction(st *ast.DescribeFunction) (Entity, error) {
	d, ok := e.functions.Describe(st.Name)
	if !ok {
		return Entity{}, api.Errorf("%s", e.functions.UnknownError(st.Name))
	}
	info := &api.FunctionInfo{Name: d.Name, Description: d.Doc, Author: "chortal", Path: "internal", Type: d.Class.String(), Category: strings.ToUpper(d.Category)}
	for _, o := range d.Overloads {
		v := api.FunctionOverload{ReturnType: o.Type, Description: o.Doc, Arguments: []api.FunctionArgument{}}
		for _, a := range o.Args {
			v.Arguments = append(v.Arguments, api.FunctionArgument{Name: a.Name, Type: a.Type.String(), Description: a.Doc, IsVariadic: a.Variadic})
		}
		info.Variations = append(info.Variations, v)
	}
	return Entity{Type: api.TypeFunction, FunctionInfo: info}, nil
}

// explain describes a running query, or plans a statement without running it.
func (e *Engine) explain(st *ast.Explain, s *session) (Entity, error) {
	if st.Analyze {
		return Entity{}, &Error{Code: CodeBadStatement, Message: "EXPLAIN ANALYZE is not supported yet.", Hint: "use EXPLAIN"}
	}
	if st.QueryID != "" {
		return e.explainQuery(st)
	}
	p, pull, err := e.planOnly(st.Statement, s)
	if err != nil {
		return Entity{}, err
	}
	if pull != nil {
		return Entity{Type: api.TypeQueryDescription, QueryDescription: &api.QueryDescription{
			StatementText: st.Statement.String(), Fields: pull.fields(), QueryType: "PULL", ExecutionPlan: pull.describe(),
			Sources: []string{pull.source.Name}, Sinks: []string{}, QueryErrors: []api.QueryError{}, OverriddenProperties: map[string]string{},
		}}, nil
	}
	built, err := exec.Build(p, e.buildOptions("explain", e.properties(s.props), 0, nil))
	if err != nil {
		return Entity{}, err
	}
	d := describePlan(p, built.Schema, built.Topology.Describe())
	d.StatementText = st.Statement.String()
	d.OverriddenProperties = s.props
	return Entity{Type: api.TypeQueryDescription, QueryDescription: d}, nil
}

func (e *Engine) explainQuery(st *ast.Explain) (Entity, error) {
	id := st.QueryID
	e.state.RLock()
	q := e.queries[id]
	e.state.RUnlock()
	if q == nil {
		return Entity{}, e.unknownQuery(st.QueryAt, id, "Query with id:%s does not exist, use SHOW QUERIES to view the full set of queries.")
	}
	var schema types.Schema
	if q.plan.Sink != nil {
		schema = q.plan.Sink.Schema.Schema
	}
	d := describePlan(q.plan, schema, q.topology())
	d.ID, d.StatementText, d.OverriddenProperties = id, q.statement, q.props
	state, failures := q.status()
	d.State = &state
	for _, f := range failures {
		d.QueryErrors = append(d.QueryErrors, api.QueryError{Timestamp: f.at.UnixMilli(), ErrorMessage: f.message, Type: f.kind})
	}
	return Entity{Type: api.TypeQueryDescription, QueryDescription: d}, nil
}

// unknownQuery is the error about a query that does not run; the text takes its id.
func (e *Engine) unknownQuery(at ast.Pos, id, text string) error {
	err := api.Errorf(text, id)
	var ids []string
	for _, q := range e.queryInfos() {
		ids = append(ids, q.ID)
	}
	if near := analyze.Nearest(id, ids); near != "" {
		err.Hint = "did you mean " + near + "?"
	} else {
		err.Hint = "SHOW QUERIES; lists the queries"
	}
	return analyze.At(at, err)
}

// planOnly plans a statement without running it; a pull query has a plan of its own kind.
func (e *Engine) planOnly(st ast.Statement, s *session) (*plan.Plan, *pullPlan, error) {
	cat := e.catalog.Load()
	if sel, ok := st.(*ast.Select); ok {
		if sel.Query.Emit == ast.EmitNone {
			pull, err := e.preparePull(sel.Query, e.properties(s.props))
			return nil, pull, err
		}
		a, err := analyze.Query(sel.Query, analyze.Options{Catalog: cat, Functions: e.functions})
		if err != nil {
			return nil, nil, err
		}
		p, err := plan.Build(plan.Input{Analysis: a, Functions: e.functions, Catalog: cat, QueryID: "explain"})
		return p, nil, err
	}
	planner := planner{functions: e.functions, topics: clusterTopics{e.runCtx, e.cluster}}
	ch, ok, err := planner.plan(st, statementContext{catalog: cat, text: st.String(), props: e.properties(s.props)})
	if err != nil {
		return nil, nil, err
	}
	if !ok || ch.start == nil {
		return nil, nil, api.Errorf("The provided statement does not run a ksql query")
	}
	return ch.start, nil, nil
}

// fields are the columns of a pull query's result.
func (p *pullPlan) fields() []api.Field {
	out := make([]api.Field, len(p.columns))
	for i, name := range p.columns {
		out[i] = api.Field{Name: name, Schema: typeInfo(p.types[i])}
	}
	return out
}

// describe says how a pull query reaches its rows.
func (p *pullPlan) describe() string {
	access := "table scan"
	if p.keys != nil {
		access = fmt.Sprintf("key lookup (%d)", len(p.keys))
	}
	if p.source.Windowed() && (p.from > 0 || p.to < 1<<62) {
		access += ", window range"
	}
	return fmt.Sprintf(" > [ PULL ] %s of %s, maintained by %s", access, p.source.Name, p.queryID)
}

func describePlan(p *plan.Plan, schema types.Schema, topology string) *api.QueryDescription {
	d := &api.QueryDescription{
		ID: p.QueryID, Fields: fields(schema, catalog.Stream), Sources: slices.Clone(p.Sources), Sinks: []string{}, Topology: topology,
		ExecutionPlan: planText(p.Physical, 0), QueryErrors: []api.QueryError{}, OverriddenProperties: map[string]string{}, QueryType: "PUSH",
	}
	if p.Sink != nil {
		d.QueryType, d.Sinks = "PERSISTENT", []string{p.Sink.Name}
		if w := p.Sink.Formats.Window; w != nil {
			t := string(w.Type)
			d.WindowType = &t
		}
	}
	return d
}

// planText draws the steps, the last one first.
func planText(s *plan.Step, depth int) string {
	if s == nil {
		return ""
	}
	detail := ""
	switch {
	case s.Filter != nil:
		detail = " " + s.Filter.String()
	case len(s.Select) > 0:
		parts := make([]string, len(s.Select))
		for i, c := range s.Select {
			parts[i] = c.Expr.String() + " AS " + ast.QuoteName(c.Name)
		}
		detail = " " + strings.Join(parts, ", ")
	case len(s.Calls) > 0:
		detail = " " + exprTexts(s.Calls)
	case len(s.Keys) > 0:
		detail = " " + exprTexts(s.Keys)
	case s.Topic != "":
		detail = " topic " + s.Topic
	}
	out := strings.Repeat("\t", depth) + " > [ " + strings.ToUpper(stepName(s.Kind)) + " ]" + detail + " | " + s.Context + "\n"
	for _, in := range []*plan.Step{s.Source, s.Left, s.Right} {
		out += planText(in, depth+1)
	}
	return out
}

func exprTexts(list []plan.Expr) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = e.String()
	}
	return strings.Join(parts, ", ")
}

// stepName is the kind of a step without its version, words apart.
func stepName(kind string) string {
	kind = strings.TrimRight(kind, "0123456789")
	kind = strings.TrimSuffix(kind, "V")
	var b strings.Builder
	for i, r := range kind {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (e *Engine) assertTopic(ctx context.Context, st *ast.AssertTopic) (Entity, error) {
	info, ok, err := e.cluster.topic(ctx, st.Topic)
	if err != nil {
		return Entity{}, err
	}
	exists := !st.NotExists
	switch {
	case ok && st.NotExists:
		return Entity{}, &Error{Code: api.CodeAssertionFailed, Message: "Topic " + st.Topic + " exists"}
	case !ok && !st.NotExists:
		return Entity{}, &Error{Code: api.CodeAssertionFailed, Message: "Topic " + st.Topic + " does not exist"}
	}
	for _, p := range st.With {
		want := types.Text(p.Value.Value, p.Value.Type)
		got := ""
		switch p.Name {
		case "PARTITIONS":
			got = fmt.Sprint(info.partitions)
		case "REPLICAS":
			got = fmt.Sprint(info.replicas)
		default:
			return Entity{}, api.Errorf("Cannot assert unknown topic property: %s", p.Name)
		}
		if ok && got != want {
			return Entity{}, &Error{Code: api.CodeAssertionFailed, Message: fmt.Sprintf("Mismatched configuration for topic %s: For config %s, expected %s got %s", st.Topic, strings.ToLower(p.Name), want, got)}
		}
	}
	return Entity{Type: api.TypeAssertTopic, TopicName: st.Topic, Exists: &exists}, nil
}
