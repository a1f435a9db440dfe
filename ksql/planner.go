package ksql

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chortal/chortal/ksql/internal/analyze"
	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/exec"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/ksql/internal/types"
)

// planner decides what a statement changes. It is pure: what it needs to know of topics is asked of topics, what it
// decides is applied by the engine, or by the runner of test cases.
type planner struct {
	functions *function.Registry
	topics    topicLookup
}

// topicLookup knows the topics of the cluster.
type topicLookup interface {
	// lookup returns the number of partitions and replicas of a topic; ok is false if there is none.
	lookup(topic string) (partitions, replicas int, ok bool, err error)
}

// topicSpec is a topic to be created.
type topicSpec struct {
	name       string
	partitions int
	replicas   int
	configs    map[string]string
}

// change is what a statement does.
type change struct {
	catalog *catalog.Catalog
	// key and entry are the record for the command log; a nil entry removes the object.
	key   string
	entry *entry
	// more are further objects that change with the same statement.
	more map[string]*entry

	createTopic *topicSpec
	deleteTopic string
	start       *plan.Plan
	stop        []string // ids of queries
	none        bool     // there is nothing to do

	commandID string
	queryID   string
	message   string
}

// context is what a statement is planned in.
type statementContext struct {
	catalog  *catalog.Catalog
	text     string // as it was sent
	props    map[string]string
	sequence int64 // of the command, unique
}

func defaultsOf(props map[string]string) analyze.Defaults {
	return analyze.Defaults{
		KeyFormat:   props["ksql.persistence.default.format.key"],
		ValueFormat: props["ksql.persistence.default.format.value"],
	}
}

// plan decides what a statement that changes something does; ok is false for all others.
func (p *planner) plan(st ast.Statement, c statementContext) (ch *change, ok bool, err error) {
	switch st := st.(type) {
	case *ast.CreateSource:
		ch, err = p.createSource(st, c)
	case *ast.CreateAs:
		ch, err = p.createAs(st, c)
	case *ast.InsertInto:
		ch, err = p.insertInto(st, c)
	case *ast.DropSource:
		ch, err = p.dropSource(st, c)
	case *ast.AlterSource:
		ch, err = p.alterSource(st, c)
	case *ast.CreateType:
		ch, err = p.createType(st, c)
	case *ast.DropType:
		ch, err = p.dropType(st, c)
	default:
		return nil, false, nil
	}
	return ch, true, err
}

func kindOf(k ast.SourceKind) catalog.Kind {
	if k == ast.TableSource {
		return catalog.Table
	}
	return catalog.Stream
}

func objectID(kind, name, action string) string { return kind + "/`" + name + "`/" + action }

func (p *planner) createSource(st *ast.CreateSource, c statementContext) (*change, error) {
	src, props, err := analyze.CreateSource(st, c.catalog, defaultsOf(c.props))
	if err != nil {
		return nil, err
	}
	src.Statement = c.text
	ch := &change{key: sourceKey(src.Name), commandID: objectID(src.Kind.Lower(), src.Name, "create"), message: src.Kind.Title() + " created"}
	exists, err := c.catalog.CheckCreate(src, st.OrReplace, st.IfNotExists)
	if err != nil {
		return nil, err
	}
	if exists {
		return alreadyThere(ch, c, src), nil
	}
	if ch.createTopic, err = p.sourceTopic(src, props); err != nil {
		return nil, err
	}
	ch.catalog = c.catalog.WithSource(src)
	ch.entry = newEntry(c, src, nil)
	if src.ReadOnly && src.Kind == catalog.Table && !src.Windowed() {
		return p.materialize(ch, src, c)
	}
	return ch, nil
}

func alreadyThere(ch *change, c statementContext, src *catalog.Source) *change {
	ch.catalog, ch.none = c.catalog, true
	ch.message = fmt.Sprintf("Cannot add %s %s: A %s with the same name already exists.", src.Kind.Lower(), types.Quote(src.Name), src.Kind.Lower())
	return ch
}

// materialize adds the hidden query that makes a SOURCE TABLE one that can be asked.
func (p *planner) materialize(ch *change, src *catalog.Source, c statementContext) (*change, error) {
	id := catalog.HiddenQueryPrefix + src.Name + "_" + strconv.FormatInt(c.sequence, 10)
	query := &ast.Query{Select: []ast.SelectItem{{Star: true}}, From: &ast.Table{Name: src.Name}, Emit: ast.EmitChanges}
	a, err := analyze.Query(query, analyze.Options{Catalog: ch.catalog, Functions: p.functions})
	if err != nil {
		return nil, err
	}
	if ch.start, err = plan.Build(plan.Input{Analysis: a, Functions: p.functions, Catalog: ch.catalog, QueryID: id}); err != nil {
		return nil, err
	}
	if err := p.dryBuild(ch.start, c); err != nil {
		return nil, err
	}
	ch.catalog = ch.catalog.WithQuery(&catalog.Query{ID: id, Statement: c.text, Sources: []string{src.Name}})
	ch.queryID, ch.entry.Plan = id, ch.start
	return ch, nil
}

// sourceTopic says which topic has to be created for a declared source.
func (p *planner) sourceTopic(src *catalog.Source, props *analyze.Properties) (*topicSpec, error) {
	partitions, replicas, ok, err := p.topics.lookup(src.Topic)
	switch {
	case err != nil:
		return nil, err
	case !ok && props.Partitions == nil:
		e := api.Errorf("Topic '%s' does not exist. If you want to create a new topic for the stream/table please re-run the statement providing the required 'PARTITIONS' configuration in the WITH clause (and optionally 'REPLICAS'). For example: CREATE %s %s WITH (KAFKA_TOPIC='%s', PARTITIONS=1, ...);", src.Topic, src.Kind, ast.QuoteName(src.Name), src.Topic)
		e.Hint = "WITH (..., PARTITIONS=1)"
		return nil, analyze.At(props.At("KAFKA_TOPIC"), e)
	case !ok:
		return newTopic(src.Topic, *props.Partitions, props, src.Kind == catalog.Table, src.Windowed()), nil
	}
	return nil, analyze.At(props.At("PARTITIONS", "REPLICAS"), sameTopic(src.Topic, partitions, replicas, props))
}

func sameTopic(topic string, partitions, replicas int, props *analyze.Properties) error {
	if props.Partitions != nil && *props.Partitions != partitions || props.Replicas != nil && *props.Replicas != replicas {
		want := partitions
		if props.Partitions != nil {
			want = *props.Partitions
		}
		wantReplicas := replicas
		if props.Replicas != nil {
			wantReplicas = *props.Replicas
		}
		return api.Errorf("A Kafka topic with the name '%s' already exists, with different partition/replica configuration than required. KSQL expects %d partitions (topic has %d), and %d replication factor (topic has %d).",
			topic, want, partitions, wantReplicas, replicas)
	}
	return nil
}

func newTopic(name string, partitions int, props *analyze.Properties, table, windowed bool) *topicSpec {
	t := &topicSpec{name: name, partitions: partitions, configs: map[string]string{}}
	if props.Replicas != nil {
		t.replicas = *props.Replicas
	}
	switch {
	case table && windowed:
		t.configs["cleanup.policy"] = "compact,delete"
	case table:
		t.configs["cleanup.policy"] = "compact"
	}
	if props.CleanupPolicy != "" {
		t.configs["cleanup.policy"] = strings.ToLower(strings.ReplaceAll(props.CleanupPolicy, "_", ","))
	}
	if props.RetentionMs != nil {
		t.configs["retention.ms"] = strconv.FormatInt(*props.RetentionMs, 10)
	}
	return t
}

func (p *planner) createAs(st *ast.CreateAs, c statementContext) (*change, error) {
	kind := kindOf(st.Kind)
	prefix := "CSAS_"
	if kind == catalog.Table {
		prefix = "CTAS_"
	}
	id := prefix + st.Name + "_" + strconv.FormatInt(c.sequence, 10)
	ch := &change{
		key: sourceKey(st.Name), commandID: objectID(kind.Lower(), st.Name, "create"), queryID: id,
		message: "Created query with ID " + id,
	}
	if old, taken := c.catalog.Source(st.Name); taken {
		src := &catalog.Source{Name: st.Name, Kind: kind}
		switch {
		case st.IfNotExists:
			ch.queryID = ""
			return alreadyThere(ch, c, src), nil
		case st.OrReplace:
			e := api.Errorf("CREATE OR REPLACE %s AS SELECT of %s '%s', which exists, is not supported yet.", kind, old.Kind.Lower(), st.Name)
			e.Hint = "DROP " + old.Kind.String() + " " + ast.QuoteName(st.Name) + "; and create it again"
			return nil, e
		}
		_, err := c.catalog.CheckCreate(src, false, false)
		return nil, err
	}
	props, err := analyze.ParseProperties(st.With, analyze.InCreateAs)
	if err != nil {
		return nil, err
	}
	target := &plan.Target{Name: st.Name, Kind: kind, Props: props, Defaults: defaultsOf(c.props)}
	built, err := p.persistent(st.Query, target, id, c, st)
	if err != nil {
		return nil, err
	}
	src := &catalog.Source{
		Name: st.Name, Kind: kind, Schema: built.Sink.Schema.Schema, Topic: built.Sink.Topic, Formats: built.Sink.Formats,
		Timestamp: built.Sink.Timestamp, CreatedBy: id, Statement: c.text,
	}
	if ch.createTopic, err = p.sinkTopic(src, props, c.catalog, built); err != nil {
		return nil, err
	}
	if err := p.dryBuild(built, c); err != nil {
		return nil, err
	}
	ch.start = built
	ch.catalog = c.catalog.WithSource(src).WithQuery(&catalog.Query{ID: id, Statement: c.text, Sources: built.Sources, Sink: st.Name})
	ch.entry = newEntry(c, src, built)
	return ch, nil
}

// persistent analyses and plans the query of CREATE AS or INSERT INTO.
func (p *planner) persistent(q *ast.Query, target *plan.Target, id string, c statementContext, st ast.Statement) (*plan.Plan, error) {
	if q.Limit != nil {
		return nil, api.Errorf("Persistent queries do not support the LIMIT clause.")
	}
	a, err := analyze.Query(q, analyze.Options{Catalog: c.catalog, Functions: p.functions, Persistent: true, SinkKind: target.Kind})
	if err != nil {
		return nil, err
	}
	target.Statement = formatted(st, a)
	return plan.Build(plan.Input{Analysis: a, Functions: p.functions, Catalog: c.catalog, QueryID: id, Target: target})
}

// dryBuild builds the query once, so that what cannot run is refused before anything is made for it.
func (p *planner) dryBuild(built *plan.Plan, c statementContext) error {
	_, err := exec.Build(built, exec.Options{Functions: p.functions, Env: function.Env{Now: time.Now, Limit: functionLimits(c.props)}})
	return err
}

// formatted is the statement with its names resolved, as some messages quote it.
func formatted(st ast.Statement, a *analyze.Analysis) string {
	q := *a.Query
	q.Select = nil
	for _, item := range a.Items {
		q.Select = append(q.Select, ast.SelectItem{Expr: countStar(item.Expr), Alias: item.Alias})
	}
	q.Where = a.Where
	if a.Grouped {
		q.GroupBy = &ast.GroupBy{Exprs: a.GroupBy}
	}
	q.PartitionBy, q.Having = a.PartitionBy, a.Having
	if t, ok := q.From.(*ast.Table); ok {
		q.From = &ast.Table{Pos: t.Pos, Name: t.Name, Alias: t.SourceAlias()}
	}
	if q.Emit == ast.EmitNone {
		q.Emit = ast.EmitChanges
	}
	switch st := st.(type) {
	case *ast.CreateAs:
		s := *st
		s.Query = &q
		return s.String()
	case *ast.InsertInto:
		s := *st
		s.Query = &q
		return s.String()
	}
	return st.String()
}

// countStar shows COUNT of ROWTIME as what it was written as.
func countStar(e ast.Expr) ast.Expr {
	return ast.Rewrite(e, func(x ast.Expr) ast.Expr {
		call, ok := x.(*ast.Call)
		if !ok || call.Name != "COUNT" || len(call.Args) != 1 {
			return nil
		}
		if ref, ok := call.Args[0].(*ast.ColumnRef); ok && ref.Name == types.RowTime {
			return &ast.Call{Name: call.Name, Star: true}
		}
		return nil
	})
}

// sinkTopic says which topic CREATE AS has to create: with as many partitions as its first source has.
func (p *planner) sinkTopic(src *catalog.Source, props *analyze.Properties, cat *catalog.Catalog, built *plan.Plan) (*topicSpec, error) {
	partitions, replicas, ok, err := p.topics.lookup(src.Topic)
	if err != nil {
		return nil, err
	}
	if ok {
		return nil, sameTopic(src.Topic, partitions, replicas, props)
	}
	first, _ := cat.Source(built.Sources[0])
	count, sourceReplicas, ok, err := p.topics.lookup(first.Topic)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, api.Errorf("Topic '%s' of source %s does not exist.", first.Topic, first.Name)
	}
	if props.Partitions != nil {
		count = *props.Partitions
	}
	t := newTopic(src.Topic, count, props, src.Kind == catalog.Table, src.Windowed())
	if t.replicas == 0 {
		t.replicas = sourceReplicas
	}
	return t, nil
}

func (p *planner) insertInto(st *ast.InsertInto, c statementContext) (*change, error) {
	target, ok := c.catalog.Source(st.Target)
	if !ok {
		return nil, nearSource(c.catalog, st.Target, missingSource(st.Target, "INSERT INTO target"))
	}
	props, err := analyze.ParseProperties(st.With, analyze.InInsert)
	if err != nil {
		return nil, err
	}
	if target.ReadOnly {
		return nil, api.Errorf("Cannot insert into read-only %s: %s", target.Kind.Lower(), target.Name)
	}
	if target.Kind == catalog.Table {
		return nil, api.Errorf("INSERT INTO can only be used to insert into a stream. %s is a table.", target.Name)
	}
	id := "INSERTQUERY_" + strconv.FormatInt(c.sequence, 10)
	if props.QueryID != "" {
		id = strings.ToUpper(props.QueryID)
		if !validQueryID(id) {
			return nil, api.Errorf("Query IDs may contain only alphanumeric characters and '_'. Got: '%s'", props.QueryID)
		}
	}
	if _, taken := c.catalog.Query(id); taken {
		return nil, api.Errorf("Query ID '%s' already exists.", id)
	}
	built, err := p.persistent(st.Query, &plan.Target{Name: target.Name, Kind: target.Kind, Props: props, Existing: target}, id, c, st)
	if err != nil {
		return nil, err
	}
	if err := p.dryBuild(built, c); err != nil {
		return nil, err
	}
	ch := &change{
		key: queryKey(id), commandID: objectID("stream", st.Target, "create"), queryID: id, start: built,
		message: "Created query with ID " + id,
	}
	ch.catalog = c.catalog.WithQuery(&catalog.Query{ID: id, Statement: c.text, Sources: built.Sources, Sink: st.Target, Insert: true})
	ch.entry = newEntry(c, nil, built)
	return ch, nil
}

func validQueryID(id string) bool {
	for _, r := range id {
		if r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return id != ""
}

func missingSource(name, what string) *api.Error {
	return api.Errorf("%s does not exist: %s", what, name)
}

// nearSource hints at the source that was probably meant where there is none of a name.
func nearSource(cat *catalog.Catalog, name string, err error) error {
	e, ok := errors.AsType[*api.Error](err)
	if _, exists := cat.Source(name); exists || !ok || e.Hint != "" {
		return err
	}
	var names []string
	for _, s := range cat.Sources() {
		names = append(names, s.Name)
	}
	if near := analyze.Nearest(name, names); near != "" {
		e.Hint = "did you mean " + ast.QuoteName(near) + "?"
	}
	return err
}

func (p *planner) dropSource(st *ast.DropSource, c statementContext) (*change, error) {
	kind := kindOf(st.Kind)
	ch := &change{key: sourceKey(st.Name), commandID: objectID(kind.Lower(), st.Name, "drop"), catalog: c.catalog}
	exists, err := c.catalog.CheckDrop(st.Name, kind, st.IfExists, st.DeleteTopic)
	if err != nil {
		return nil, nearSource(c.catalog, st.Name, err)
	}
	if !exists {
		ch.none, ch.message = true, fmt.Sprintf("%s %s does not exist.", kind.Title(), types.Quote(st.Name))
		return ch, nil
	}
	src, _ := c.catalog.Source(st.Name)
	ch.message = fmt.Sprintf("Source %s (topic: %s) was dropped.", types.Quote(src.Name), src.Topic)
	ch.catalog = c.catalog.WithoutSource(st.Name)
	for _, q := range c.catalog.Queries() {
		if q.ID == src.CreatedBy || strings.HasPrefix(q.ID, catalog.HiddenQueryPrefix+src.Name+"_") {
			ch.stop = append(ch.stop, q.ID)
			ch.catalog = ch.catalog.WithoutQuery(q.ID)
		}
	}
	if st.DeleteTopic {
		ch.deleteTopic = src.Topic
	}
	return ch, nil
}

func (p *planner) alterSource(st *ast.AlterSource, c statementContext) (*change, error) {
	kind := kindOf(st.Kind)
	old, ok := c.catalog.Source(st.Name)
	switch {
	case !ok:
		return nil, nearSource(c.catalog, st.Name, api.Errorf("Source %s does not exist.", st.Name))
	case old.Kind != kind:
		return nil, api.Errorf("Incompatible data source type is %s, but statement was ALTER %s", old.Kind, kind)
	case old.CreatedBy != "":
		return nil, api.Errorf("ALTER command is not supported for CREATE ... AS statements.")
	case old.ReadOnly:
		return nil, api.Errorf("Cannot alter %s '%s': ALTER operations are not supported on source %ss.", kind.Lower(), st.Name, kind.Lower())
	}
	added, err := analyze.Columns(st.Columns, kind, c.catalog)
	if err != nil {
		return nil, err
	}
	src := *old
	columns := append(append([]types.Column{}, old.Schema.Columns()...), added...)
	for _, col := range added {
		if old.Schema.Find(col.Name) >= 0 {
			return nil, api.Errorf("Cannot add column %s to schema. A column with the same name already exists.", types.Quote(col.Name))
		}
	}
	if src.Schema, err = types.NewSchema(columns...); err != nil {
		return nil, api.Errorf("%s", err)
	}
	if err := analyze.CheckFormats(src.Formats, src.Schema); err != nil {
		return nil, err
	}
	ch := &change{key: sourceKey(src.Name), commandID: objectID(kind.Lower(), src.Name, "alter"), message: kind.Title() + " altered"}
	ch.catalog = c.catalog.WithSource(&src)
	ch.entry = newEntry(c, &src, nil)
	return ch, nil
}

func (p *planner) createType(st *ast.CreateType, c statementContext) (*change, error) {
	ch := &change{key: typeKey(st.Name), commandID: objectID("type", st.Name, "create"), catalog: c.catalog}
	if _, taken := c.catalog.Type(st.Name); taken {
		if !st.IfNotExists {
			return nil, api.Errorf("Cannot register custom type '%s' since it is already registered with type: %s", st.Name, mustType(c.catalog, st.Name))
		}
		ch.none, ch.message = true, fmt.Sprintf("%s is already registered with type %s", st.Name, mustType(c.catalog, st.Name))
		return ch, nil
	}
	t, err := st.Type.Resolve(c.catalog.Type)
	if err != nil {
		return nil, api.Errorf("%s", err)
	}
	ch.message = fmt.Sprintf("Registered custom type with name '%s' and SQL type %s", st.Name, t)
	ch.catalog = c.catalog.WithType(st.Name, t)
	ch.entry = newEntry(c, nil, nil)
	ch.entry.Type = &typeEntry{Name: st.Name, Type: t.String()}
	return ch, nil
}

func mustType(c *catalog.Catalog, name string) types.Type {
	t, _ := c.Type(name)
	return t
}

func (p *planner) dropType(st *ast.DropType, c statementContext) (*change, error) {
	ch := &change{key: typeKey(st.Name), commandID: objectID("type", st.Name, "drop"), catalog: c.catalog}
	if _, ok := c.catalog.Type(st.Name); !ok {
		if !st.IfExists {
			return nil, api.Errorf("Type %s does not exist.", st.Name)
		}
		ch.none, ch.message = true, fmt.Sprintf("Type '%s' does not exist", st.Name)
		return ch, nil
	}
	ch.message = fmt.Sprintf("Dropped type '%s'", st.Name)
	ch.catalog = c.catalog.WithoutType(st.Name)
	return ch, nil
}
