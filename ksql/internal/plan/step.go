package plan

import (
	"encoding/json"
	"fmt"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/parse"
	"github.com/chortal/chortal/ksql/internal/types"
)

// FormatVersion is the version of a Plan's JSON.
const FormatVersion = 1

// Plan is a query ready to be built.
type Plan struct {
	Version int    `json:"version"`
	QueryID string `json:"queryId,omitempty"`
	// Sources are the names of the streams and tables that the query reads.
	Sources  []string `json:"sources"`
	Sink     *Sink    `json:"sink,omitempty"`
	Physical *Step    `json:"physicalPlan"`
}

// Sink is what a persistent query writes.
type Sink struct {
	Name      string             `json:"name"`
	Kind      string             `json:"kind"`
	Topic     string             `json:"topic"`
	Formats   catalog.Formats    `json:"formats"`
	Schema    Schema             `json:"schema"`
	Timestamp *catalog.Timestamp `json:"timestamp,omitempty"`
}

// The kinds of steps.
const (
	StreamSource          = "streamSourceV1"
	WindowedStreamSource  = "windowedStreamSourceV1"
	TableSource           = "tableSourceV2"
	WindowedTableSource   = "windowedTableSourceV2"
	StreamFilter          = "streamFilterV1"
	StreamSelect          = "streamSelectV1"
	StreamSelectKey       = "streamSelectKeyV2"
	StreamFlatMap         = "streamFlatMapV1"
	StreamGroupBy         = "streamGroupByV1"
	StreamGroupByKey      = "streamGroupByKeyV1"
	StreamAggregate       = "streamAggregateV1"
	StreamWindowAggregate = "streamWindowedAggregateV1"
	StreamStreamJoin      = "streamStreamJoinV1"
	StreamTableJoin       = "streamTableJoinV1"
	StreamSink            = "streamSinkV1"
	TableFilter           = "tableFilterV1"
	TableSelect           = "tableSelectV1"
	TableSelectKey        = "tableSelectKeyV1"
	TableGroupBy          = "tableGroupByV1"
	TableAggregate        = "tableAggregateV1"
	TableSuppress         = "tableSuppressV1"
	TableTableJoin        = "tableTableJoinV1"
	ForeignKeyJoin        = "fkTableTableJoinV1"
	TableSink             = "tableSinkV1"
)

// Step is one step of a plan. Kind says which of the fields are set.
type Step struct {
	Kind string `json:"@type"`
	// Context names the step, slashes between its parts; stores and internal topics are named after it.
	Context string `json:"queryContext"`
	// Pos is the clause of the statement that the step comes from, where a refusal would point; unknown in stored plans.
	Pos    ast.Pos `json:"-"`
	Source *Step   `json:"source,omitempty"`
	Left   *Step   `json:"leftSource,omitempty"`
	Right  *Step   `json:"rightSource,omitempty"`

	// sources and sinks
	Topic     string             `json:"topicName,omitempty"`
	Formats   *catalog.Formats   `json:"formats,omitempty"`
	Timestamp *catalog.Timestamp `json:"timestampColumn,omitempty"`
	Schema    Schema             `json:"sourceSchema,omitzero"`
	// SourceName is the stream or table that is read.
	SourceName string `json:"sourceName,omitempty"`

	Filter   *Expr    `json:"filterExpression,omitempty"`     // filters
	KeyNames []string `json:"keyColumnNames,omitempty"`       // select, select key, join: names of the key columns
	Select   []Column `json:"selectExpressions,omitempty"`    // select
	Keys     []Expr   `json:"keyExpressions,omitempty"`       // select key, group by
	Retained []string `json:"nonAggregateColumns,omitempty"`  // aggregate: columns beside the aggregates
	Calls    []Expr   `json:"aggregationFunctions,omitempty"` // aggregate
	Tables   []Expr   `json:"tableFunctions,omitempty"`       // flat map
	Window   *Window  `json:"windowExpression,omitempty"`     // aggregate

	// joins
	JoinType string `json:"joinType,omitempty"`
	BeforeMs int64  `json:"beforeMillis,omitempty"`
	AfterMs  int64  `json:"afterMillis,omitempty"`
	GraceMs  *int64 `json:"graceMillis,omitempty"`
	// LeftKey is the expression of the left side of a foreign-key join.
	LeftKey *Expr `json:"leftJoinExpression,omitempty"`
}

// Column is an expression with the name of the column that it makes.
type Column struct {
	Name string `json:"name"`
	Expr Expr   `json:"expression"`
}

// Window is the windows of an aggregation, in milliseconds.
type Window struct {
	Type        catalog.WindowType `json:"type"`
	SizeMs      int64              `json:"sizeMillis"` // the gap of sessions
	AdvanceMs   int64              `json:"advanceMillis,omitempty"`
	GraceMs     *int64             `json:"graceMillis,omitempty"`
	RetentionMs *int64             `json:"retentionMillis,omitempty"`
	// Final says that only the result of a closed window is sent.
	Final bool `json:"final,omitempty"`
}

// Info is the window that the keys of the aggregation's result carry.
func (w *Window) Info() *catalog.Window {
	info := &catalog.Window{Type: w.Type}
	if w.Type != catalog.Session {
		info.Size = msDuration(w.SizeMs)
	}
	return info
}

// IsTable reports whether the step gives a table.
func (s *Step) IsTable() bool {
	switch s.Kind {
	case TableSource, WindowedTableSource, TableFilter, TableSelect, TableSelectKey, TableAggregate, TableSuppress,
		TableTableJoin, ForeignKeyJoin, TableSink, StreamAggregate, StreamWindowAggregate:
		return true
	}
	return false
}

// Expr is an expression, text in JSON.
type Expr struct{ ast.Expr }

// MarshalJSON writes the expression's text.
func (e Expr) MarshalJSON() ([]byte, error) { return json.Marshal(e.Expr.String()) }

// UnmarshalJSON parses the expression.
func (e *Expr) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	x, err := parse.Expression(text)
	if err != nil {
		return fmt.Errorf("expression %q of a plan: %w", text, err)
	}
	e.Expr = x
	return nil
}

// Schema is a schema, a list of columns in JSON.
type Schema struct{ types.Schema }

// IsZero reports whether there is no column.
func (s Schema) IsZero() bool { return s.Len() == 0 }

type jsonColumn struct {
	Name      string  `json:"name"`
	Type      string  `json:"type"`
	In        string  `json:"in,omitempty"`
	HeaderKey *string `json:"headerKey,omitempty"`
}

// MarshalJSON writes the columns.
func (s Schema) MarshalJSON() ([]byte, error) {
	out := make([]jsonColumn, s.Len())
	for i, c := range s.Columns() {
		out[i] = jsonColumn{Name: c.Name, Type: c.Type.String(), HeaderKey: c.HeaderKey}
		switch c.Namespace {
		case types.InKey:
			out[i].In = "key"
		case types.InHeaders:
			out[i].In = "headers"
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads the columns.
func (s *Schema) UnmarshalJSON(b []byte) error {
	var list []jsonColumn
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	columns := make([]types.Column, len(list))
	for i, c := range list {
		ref, err := parse.Type(c.Type)
		if err != nil {
			return fmt.Errorf("type %q of column %s of a plan: %w", c.Type, c.Name, err)
		}
		t, err := ref.Resolve(nil)
		if err != nil {
			return fmt.Errorf("type %q of column %s of a plan: %w", c.Type, c.Name, err)
		}
		columns[i] = types.Column{Name: c.Name, Type: t, HeaderKey: c.HeaderKey}
		switch c.In {
		case "key":
			columns[i].Namespace = types.InKey
		case "headers":
			columns[i].Namespace = types.InHeaders
		}
	}
	schema, err := types.NewSchema(columns...)
	s.Schema = schema
	return err
}

// Decode reads a plan.
func Decode(b []byte) (*Plan, error) {
	var p Plan
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("read a plan: %w", err)
	}
	if p.Version > FormatVersion {
		return nil, fmt.Errorf("read a plan: version %d is newer than this engine's %d", p.Version, FormatVersion)
	}
	return &p, nil
}
