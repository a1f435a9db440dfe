package ksql

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/exec"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/parse"
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/ksql/internal/types"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/streamstest"
)

// qttServiceID is the service id that shows in the names of internal topics.
const qttServiceID = "some.ksql.service.id"

// qttNow is the clock of functions: a fixed day, so that results do not change.
func qttNow() time.Time { return time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC) }

// qttPartitions is the number of partitions of topics that are not described.
const qttPartitions = 4

// qttRun is a case while it runs.
type qttRun struct {
	c         *qttCase
	planner   *planner
	catalog   *catalog.Catalog
	props     map[string]string
	topics    map[string]*qttTopicState
	order     []string // of topics
	queries   []*plan.Plan
	nextQuery int64
	status    string
	err       *qttError
	starts    []int // first lines of the statements
}

type qttTopicState struct {
	partitions int
	replicas   int
	records    []processor.RawRecord
}

func newQTTRun(c *qttCase) *qttRun {
	r := &qttRun{c: c, catalog: &catalog.Catalog{}, topics: map[string]*qttTopicState{}, props: c.properties, status: "ok"}
	r.planner = &planner{functions: qttFunctions(), topics: r}
	return r
}

// qttFunctions are the built-in functions.
func qttFunctions() *function.Registry { return function.Builtins() }

// lookup implements topicLookup.
func (r *qttRun) lookup(topic string) (partitions, replicas int, ok bool, err error) {
	t := r.topics[topic]
	if t == nil {
		return 0, 0, false, nil
	}
	return t.partitions, t.replicas, true, nil
}

func (r *qttRun) topic(name string, partitions int) *qttTopicState {
	t := r.topics[name]
	if t == nil {
		t = &qttTopicState{partitions: partitions, replicas: 1}
		r.topics[name] = t
		r.order = append(r.order, name)
	}
	return t
}

func (r *qttRun) run(ctx context.Context) {
	for _, t := range r.c.test.Topics {
		n := 1
		if t.Partitions != nil {
			n = *t.Partitions
		}
		r.topic(t.Name, n)
		if t.Replicas != nil {
			r.topics[t.Name].replicas = *t.Replicas
		}
	}
	statements := r.statements()
	if r.err != nil {
		return
	}
	for _, in := range r.c.test.Inputs {
		r.topic(in.Topic, qttPartitions)
	}
	for _, st := range statements {
		if err := ctx.Err(); err != nil {
			r.fail("timeout", "runtime", err, st.index)
			return
		}
		if err := r.execute(st); err != nil {
			r.reject(err, st.index)
			return
		}
	}
	r.pipe(ctx)
}

type qttStatement struct {
	parse.Parsed
	index int // from 1
}

// statements parses the case, up to the first statement that does not parse, and makes the topics that CREATE
// statements name. The statements are one script, a line break between them, so places in messages count from its start.
func (r *qttRun) statements() []qttStatement {
	starts := make([]int, len(r.c.test.Statements)) // first line of each
	line := 1
	for i, text := range r.c.test.Statements {
		starts[i] = line
		line += strings.Count(text, "\n") + 1
	}
	r.starts = starts
	script := strings.Join(r.c.test.Statements, "\n")
	if r.c.format != "" {
		script = strings.ReplaceAll(script, "{FORMAT}", r.c.format)
	}
	list, err := parse.Script(script, parse.Options{})
	var out []qttStatement
	for _, p := range list {
		out = append(out, qttStatement{p, r.indexOf(p.Pos.Line)})
		r.declared(p.Statement)
	}
	if err == nil {
		return out
	}
	// What comes before is run all the same: it may be refused first.
	for _, st := range out {
		if err := r.execute(st); err != nil {
			r.reject(err, st.index)
			return nil
		}
	}
	index := len(starts)
	if se, ok := errors.AsType[*parse.Error](err); ok && se.Line > 0 {
		index = r.indexOf(se.Line)
	}
	r.fail("rejected", "parse", err, index)
	return nil
}

// indexOf returns the number of the statement that a line belongs to.
func (r *qttRun) indexOf(line int) int {
	n := 0
	for n < len(r.starts) && r.starts[n] <= line {
		n++
	}
	return max(n, 1)
}

// declared makes the topic of a CREATE statement with columns.
func (r *qttRun) declared(st ast.Statement) {
	create, ok := st.(*ast.CreateSource)
	if !ok {
		return
	}
	topic, partitions := create.Name, qttPartitions
	for _, p := range create.With {
		switch strings.ToUpper(p.Name) {
		case "KAFKA_TOPIC":
			topic = types.Text(p.Value.Value, p.Value.Type)
		case "PARTITIONS":
			if n, err := strconv.Atoi(types.Text(p.Value.Value, p.Value.Type)); err == nil {
				partitions = n
			}
		}
	}
	r.topic(topic, partitions)
}

func (r *qttRun) fail(status, class string, err error, statement int) {
	e := &qttError{Class: class, Message: err.Error(), Statement: statement}
	switch x := err.(type) { //nolint:errorlint // both are returned as they are
	case *api.Error:
		e.Line, e.Col = x.Line, x.Column
	case *parse.Error:
		e.Line, e.Col = x.Line, x.Column
	}
	if e.Line > 0 && statement > 0 && statement <= len(r.starts) {
		e.Line -= r.starts[statement-1] - 1
	}
	r.status, r.err = status, e
}

// reject says why a statement was refused, or that this version cannot do it.
func (r *qttRun) reject(err error, statement int) {
	if e, ok := errors.AsType[*api.Error](err); ok {
		if e.Code == api.CodeNoSchemaRegistry || errors.Is(e, exec.NotYetError) {
			r.fail("unsupported", "statement", e, statement)
			return
		}
		r.fail("rejected", "statement", e, statement)
		return
	}
	r.fail("rejected", "statement", err, statement)
}

func (r *qttRun) execute(st qttStatement) error {
	switch s := st.Statement.(type) {
	case *ast.SetProperty:
		r.props[s.Name] = s.Value
		return nil
	case *ast.UnsetProperty:
		delete(r.props, s.Name)
		return nil
	case *ast.InsertValues:
		return r.insert(s)
	}
	ch, ok, err := r.planner.plan(st.Statement, statementContext{catalog: r.catalog, text: st.Text, props: r.props, sequence: r.nextQuery})
	switch {
	case err != nil:
		return err
	case !ok:
		return api.Errorf("Unsupported statement in a test: %s", st.Text)
	case ch.none:
		return nil
	}
	if ch.start != nil && ch.start.Sink != nil {
		if err := r.addQuery(ch.start); err != nil {
			return err
		}
	}
	r.catalog = ch.catalog
	r.queries = slices.DeleteFunc(r.queries, func(p *plan.Plan) bool { return slices.Contains(ch.stop, p.QueryID) })
	if t := ch.createTopic; t != nil {
		r.topic(t.name, t.partitions)
	}
	return nil
}

// addQuery keeps a query, after its plan has gone through JSON and has been built once, as a server does.
func (r *qttRun) addQuery(p *plan.Plan) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	again, err := plan.Decode(text)
	if err != nil {
		return err
	}
	if _, err := exec.Build(again, r.options()); err != nil {
		return err
	}
	r.queries = append(r.queries, again)
	r.nextQuery++
	return nil
}

func (r *qttRun) env() function.Env {
	return function.Env{Now: qttNow, Limit: functionLimits(r.props)}
}

func (r *qttRun) options() exec.Options {
	return exec.Options{Functions: r.planner.functions, Env: r.env(), FailOnTimestamp: r.props["ksql.timestamp.throw.on.invalid"] == "true"}
}

func (r *qttRun) insert(st *ast.InsertValues) error {
	in, err := prepareInsert(st, r.catalog, r.planner.functions, r.env(), 0)
	if err != nil {
		return err
	}
	r.write(in.topic, processor.RawRecord{Key: in.key, Value: in.value, Timestamp: in.timestamp})
	return nil
}

func (r *qttRun) write(topic string, rec processor.RawRecord) {
	t := r.topic(topic, qttPartitions)
	rec.Offset = int64(len(t.records))
	t.records = append(t.records, rec)
}

// pipe runs the queries one after the other.
func (r *qttRun) pipe(ctx context.Context) {
	inputs, err := r.inputs()
	if err != nil {
		r.fail("runtime_error", "runtime", err, 0)
		return
	}
	fromInputs := map[string]bool{}
	for _, in := range inputs {
		fromInputs[in.topic] = true
	}
	for _, q := range r.queries {
		if err := r.pipeQuery(ctx, q, inputs, fromInputs); err != nil {
			status := "runtime_error"
			if ctx.Err() != nil {
				status = "timeout"
			}
			r.fail(status, "runtime", err, 0)
			return
		}
	}
}

type qttInput struct {
	topic string
	rec   processor.RawRecord
}

func (r *qttRun) pipeQuery(ctx context.Context, q *plan.Plan, inputs []qttInput, fromInputs map[string]bool) (err error) {
	built, err := exec.Build(q, r.options())
	if err != nil {
		return err
	}
	driver, err := streamstest.New(built.Topology, streamstest.Config{
		ApplicationID: applicationID(qttServiceID, q.QueryID), OneTask: true, Deserialization: streamstest.LogAndContinue,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, driver.Close()) }()
	sources := sourceTopics(q.Physical, nil)
	before := map[string]int{}
	for _, t := range sources {
		if s := r.topics[t]; s != nil {
			before[t] = len(s.records)
		}
	}
	any := slices.ContainsFunc(sources, func(t string) bool { return fromInputs[t] })
	if any {
		for _, in := range inputs {
			if slices.Contains(sources, in.topic) {
				if err := r.feed(ctx, driver, in.topic, in.rec, sources); err != nil {
					return err
				}
			}
		}
	}
	for _, t := range sources {
		if fromInputs[t] || r.topics[t] == nil {
			continue
		}
		for _, rec := range r.topics[t].records[:before[t]] {
			if err := r.feed(ctx, driver, t, rec, sources); err != nil {
				return err
			}
		}
	}
	return nil
}

// feed gives a query one record and collects what it writes.
func (r *qttRun) feed(ctx context.Context, d *streamstest.Driver, topic string, rec processor.RawRecord, sources []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.Pipe(topic, 0, rec); err != nil {
		return fmt.Errorf("Exception caught in process. topic=%s: %w", topic, err)
	}
	for _, name := range d.Topics() {
		if slices.Contains(sources, name) {
			continue
		}
		for _, out := range d.Drain(name) {
			r.write(name, out.RawRecord)
		}
	}
	return nil
}

// sourceTopics returns the topics that a plan reads, from left to right.
func sourceTopics(s *plan.Step, topics []string) []string {
	if s == nil {
		return topics
	}
	switch s.Kind {
	case plan.StreamSource, plan.WindowedStreamSource, plan.TableSource, plan.WindowedTableSource:
		if !slices.Contains(topics, s.Topic) {
			topics = append(topics, s.Topic)
		}
	}
	topics = sourceTopics(s.Source, topics)
	topics = sourceTopics(s.Left, topics)
	return sourceTopics(s.Right, topics)
}

// sourceOf returns a source over a topic.
func (r *qttRun) sourceOf(topic string) *catalog.Source {
	for _, s := range r.catalog.Sources() {
		if s.Topic == topic {
			return s
		}
	}
	return nil
}

// inputs serialises the records of the case.
func (r *qttRun) inputs() ([]qttInput, error) {
	out := make([]qttInput, 0, len(r.c.test.Inputs))
	for i, in := range r.c.test.Inputs {
		rec := processor.RawRecord{Timestamp: in.Timestamp}
		src := r.sourceOf(in.Topic)
		var err error
		if src != nil {
			rec.Key, err = qttBytes(in.Key, src.Formats.Key.Name, src.Schema.Key())
			if err == nil {
				rec.Value, err = qttBytes(in.Value, src.Formats.Value.Name, src.Schema.Value())
			}
		} else {
			rec.Key, err = qttBytes(in.Key, "JSON", nil)
			if err == nil {
				rec.Value, err = qttBytes(in.Value, "JSON", nil)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		if w := in.Window; w != nil && rec.Key != nil {
			if strings.EqualFold(w.Type, "session") {
				rec.Key = binary.BigEndian.AppendUint64(rec.Key, uint64(w.End))
			}
			rec.Key = binary.BigEndian.AppendUint64(rec.Key, uint64(w.Start))
		}
		for _, h := range in.Headers {
			header := processor.Header{Key: h.Key}
			if h.Value != nil {
				if header.Value, err = base64.StdEncoding.DecodeString(*h.Value); err != nil {
					return nil, fmt.Errorf("input %d: %w", i, err)
				}
			}
			rec.Headers = append(rec.Headers, header)
		}
		out = append(out, qttInput{in.Topic, rec})
	}
	return out, nil
}

// qttBytes writes a JSON value of a test in a format.
func qttBytes(raw json.RawMessage, format string, columns []types.Column) ([]byte, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	switch format {
	case "JSON":
		return raw, nil
	case "KAFKA":
		if len(columns) == 1 {
			return qttKafka(raw, columns[0].Type)
		}
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []byte(text), nil
	}
	return raw, nil
}

func qttKafka(raw json.RawMessage, t types.Type) ([]byte, error) {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	switch t.Kind() {
	case types.KindInteger, types.KindBigint, types.KindTimestamp, types.KindDate, types.KindTime:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, err
		}
		if t.Kind() == types.KindInteger || t.Kind() == types.KindDate || t.Kind() == types.KindTime {
			return binary.BigEndian.AppendUint32(nil, uint32(n)), nil
		}
		return binary.BigEndian.AppendUint64(nil, uint64(n)), nil
	case types.KindDouble:
		f, err := strconv.ParseFloat(text, 64)
		return binary.BigEndian.AppendUint64(nil, math.Float64bits(f)), err
	}
	return []byte(text), nil
}

// fill puts what the case has come to into its line.
func (r *qttRun) fill(line *qttLine) {
	line.Status, line.Error = r.status, r.err
	for _, s := range r.catalog.Sources() {
		line.Sources = append(line.Sources, qttSourceOf(s))
	}
	for _, name := range r.order {
		t := r.topics[name]
		src := r.sourceOf(name)
		line.Topics = append(line.Topics, qttTopicOf(name, t, src))
		for i, rec := range t.records {
			line.Records = append(line.Records, qttRecordOf(name, i, rec, src))
		}
	}
}

func qttSourceOf(s *catalog.Source) qttSource {
	out := qttSource{
		Name: s.Name, Type: s.Kind.String(), Topic: s.Topic, Schema: s.Schema.String(), KeyFormat: qttKeyFormat{Format: s.Formats.Key.Name},
		ValueFormat: s.Formats.Value.Name, KeyFeatures: nonNil(s.Formats.KeyFeatures), ValueFeatures: nonNil(s.Formats.ValueFeatures), IsSource: s.ReadOnly,
	}
	if w := s.Formats.Window; w != nil {
		out.KeyFormat.WindowType, out.KeyFormat.WindowSize = string(w.Type), w.Size.Milliseconds()
	}
	return out
}

func qttTopicOf(name string, t *qttTopicState, src *catalog.Source) qttOutTopic {
	out := qttOutTopic{Name: name, Partitions: t.partitions}
	if src != nil {
		f := src.Formats
		out.KeyFormat = qttTopicFormat{Format: f.Key.Name, Properties: f.Key.Properties, Features: f.KeyFeatures}
		out.ValueFormat = qttTopicFormat{Format: f.Value.Name, Properties: f.Value.Properties, Features: f.ValueFeatures}
		if f.Window != nil {
			out.KeyFormat.WindowInfo = &qttWindowInfo{Type: string(f.Window.Type), Size: int64(f.Window.Size / time.Second)}
		}
	}
	return out
}

func qttRecordOf(topic string, offset int, rec processor.RawRecord, src *catalog.Source) qttOut {
	out := qttOut{Topic: topic, Offset: int64(offset), Timestamp: rec.Timestamp, Headers: []qttHeader{}}
	key := rec.Key
	if src != nil && src.Formats.Window != nil && len(key) >= 8 {
		w := &qttWindow{Start: int64(binary.BigEndian.Uint64(key[len(key)-8:])), Type: "time"}
		key = key[:len(key)-8]
		w.End = w.Start + src.Formats.Window.Size.Milliseconds()
		if src.Formats.Window.Type == catalog.Session && len(key) >= 8 {
			w.Type, w.End = "session", int64(binary.BigEndian.Uint64(key[len(key)-8:]))
			key = key[:len(key)-8]
		}
		out.Window = w
	}
	out.Key, out.Value = qttText(key), qttText(rec.Value)
	out.KeyRaw, out.ValueRaw = qttBase64(rec.Key), qttBase64(rec.Value)
	for _, h := range rec.Headers {
		out.Headers = append(out.Headers, qttHeader{Key: h.Key, Value: qttBase64(h.Value)})
	}
	return out
}

// qttText shows bytes to people: JSON as it is, other text as a string.
func qttText(b []byte) json.RawMessage {
	switch {
	case b == nil:
		return json.RawMessage("null")
	case json.Valid(b):
		return b
	}
	text, _ := json.Marshal(string(b)) //nolint:errchkjson // a string
	return text
}

func qttBase64(b []byte) *string {
	if b == nil {
		return nil
	}
	s := base64.StdEncoding.EncodeToString(b)
	return &s
}
