package ast

// SourceKind says whether a source is a stream or a table.
type SourceKind uint8

// The kinds of sources.
const (
	Stream SourceKind = iota
	TableSource
)

// String returns STREAM or TABLE.
func (k SourceKind) String() string {
	if k == TableSource {
		return "TABLE"
	}
	return "STREAM"
}

// Property is one entry of a WITH clause. Its name is in upper case unless it was quoted.
type Property struct {
	Pos
	Name  string
	Value *Literal
}

// ColumnConstraint says what a declared column stands for.
type ColumnConstraint uint8

// The constraints of columns.
const (
	NoConstraint ColumnConstraint = iota
	KeyColumn
	PrimaryKeyColumn
	HeadersColumn // HEADERS
	HeaderColumn  // HEADER('key')
)

// ColumnDef declares a column.
type ColumnDef struct {
	Pos
	Name       string
	Type       *TypeRef
	Constraint ColumnConstraint
	HeaderKey  string // of HEADER('key')
}

// CreateSource is CREATE STREAM or TABLE over a topic.
type CreateSource struct {
	Pos
	Kind        SourceKind
	OrReplace   bool
	Source      bool // SOURCE: read-only
	IfNotExists bool
	Name        string
	Columns     []ColumnDef
	With        []Property
}

// CreateAs is CREATE STREAM or TABLE AS SELECT.
type CreateAs struct {
	Pos
	Kind        SourceKind
	OrReplace   bool
	IfNotExists bool
	Name        string
	With        []Property
	Query       *Query
}

// InsertInto is INSERT INTO ... SELECT.
type InsertInto struct {
	Pos
	Target string
	With   []Property
	Query  *Query
}

// InsertValues is INSERT INTO ... VALUES.
type InsertValues struct {
	Pos
	Target  string
	Columns []string // nil for all, in order
	Values  []Expr
}

// Select is a query that stands alone: push or pull.
type Select struct {
	Pos
	Query *Query
}

// DropSource is DROP STREAM or TABLE.
type DropSource struct {
	Pos
	Kind        SourceKind
	IfExists    bool
	Name        string
	DeleteTopic bool
}

// AlterSource is ALTER STREAM or TABLE ... ADD COLUMN.
type AlterSource struct {
	Pos
	Kind    SourceKind
	Name    string
	Columns []ColumnDef
}

// CreateType is CREATE TYPE.
type CreateType struct {
	Pos
	IfNotExists bool
	Name        string
	Type        *TypeRef
}

// DropType is DROP TYPE.
type DropType struct {
	Pos
	IfExists bool
	Name     string
}

// QueryAction is what Control does to queries.
type QueryAction uint8

// The actions on queries.
const (
	TerminateQuery QueryAction = iota
	PauseQuery
	ResumeQuery
)

var actionText = [...]string{"TERMINATE", "PAUSE", "RESUME"}

// String returns the action as SQL writes it.
func (a QueryAction) String() string { return actionText[a] }

// Control is TERMINATE, PAUSE or RESUME of one query or ALL.
type Control struct {
	Pos
	Action  QueryAction
	QueryID string // "" for ALL
	QueryAt Pos    // of QueryID
}

// Explain is EXPLAIN of a statement or of a running query. Analyze is EXPLAIN ANALYZE.
type Explain struct {
	Pos
	Analyze   bool
	Statement Statement // nil if QueryID is set
	QueryID   string
	QueryAt   Pos // of QueryID
}

// ShowKind is what SHOW lists.
type ShowKind uint8

// The lists of SHOW.
const (
	ShowProperties ShowKind = iota
	ShowTopics
	ShowStreams
	ShowTables
	ShowQueries
	ShowFunctions
	ShowConnectors
	ShowConnectorPlugins
	ShowTypes
	ShowVariables
)

var showText = [...]string{
	"PROPERTIES", "TOPICS", "STREAMS", "TABLES", "QUERIES", "FUNCTIONS", "CONNECTORS", "CONNECTOR PLUGINS", "TYPES",
	"VARIABLES",
}

// String returns the list as SQL names it.
func (k ShowKind) String() string { return showText[k] }

// ConnectorKind restricts a connector statement.
type ConnectorKind uint8

// The kinds of connectors.
const (
	AnyConnector ConnectorKind = iota
	SourceConnector
	SinkConnector
)

// Show is SHOW or LIST.
type Show struct {
	Pos
	What      ShowKind
	All       bool // ALL TOPICS
	Extended  bool
	Connector ConnectorKind
}

// Describe is DESCRIBE of one source.
type Describe struct {
	Pos
	Name     string
	Extended bool
}

// DescribeAll is DESCRIBE STREAMS or TABLES.
type DescribeAll struct {
	Pos
	Kind     SourceKind
	Extended bool
}

// DescribeFunction is DESCRIBE FUNCTION.
type DescribeFunction struct {
	Pos
	Name string
}

// DescribeConnector is DESCRIBE CONNECTOR.
type DescribeConnector struct {
	Pos
	Name string
}

// CreateConnector is CREATE SOURCE or SINK CONNECTOR.
type CreateConnector struct {
	Pos
	Kind        ConnectorKind
	IfNotExists bool
	Name        string
	With        []Property
}

// DropConnector is DROP CONNECTOR.
type DropConnector struct {
	Pos
	IfExists bool
	Name     string
}

// Print is PRINT of a topic's records.
type Print struct {
	Pos
	Topic         string
	FromBeginning bool
	Interval      *int64 // print every n-th record; nil for all
	Limit         *int64
}

// SetProperty is SET 'name' = 'value', or ALTER SYSTEM with System.
type SetProperty struct {
	Pos
	System      bool
	Name, Value string
}

// UnsetProperty is UNSET 'name'.
type UnsetProperty struct {
	Pos
	Name string
}

// DefineVariable is DEFINE name = 'value'.
type DefineVariable struct {
	Pos
	Name, Value string
}

// UndefineVariable is UNDEFINE name.
type UndefineVariable struct {
	Pos
	Name string
}

// AssertTopic is ASSERT [NOT EXISTS] TOPIC.
type AssertTopic struct {
	Pos
	NotExists bool
	Topic     string
	With      []Property
	Timeout   *Interval
}

// AssertSchema is ASSERT [NOT EXISTS] SCHEMA.
type AssertSchema struct {
	Pos
	NotExists bool
	Subject   string // "" without
	ID        *int64
	Timeout   *Interval
}

// AssertValues is ASSERT VALUES and, with Tombstone, ASSERT NULL VALUES ... KEY: the next record of a source. Test scripts only.
type AssertValues struct {
	Pos
	Tombstone bool
	Source    string
	Columns   []string
	Values    []Expr
}

// AssertSource is ASSERT STREAM or TABLE: its declaration. Test scripts only.
type AssertSource struct {
	Pos
	Kind    SourceKind
	Name    string
	Columns []ColumnDef
	With    []Property
}

// RunScript is RUN SCRIPT 'file'.
type RunScript struct {
	Pos
	File string
}

func (*CreateSource) statement()      {}
func (*CreateAs) statement()          {}
func (*InsertInto) statement()        {}
func (*InsertValues) statement()      {}
func (*Select) statement()            {}
func (*DropSource) statement()        {}
func (*AlterSource) statement()       {}
func (*CreateType) statement()        {}
func (*DropType) statement()          {}
func (*Control) statement()           {}
func (*Explain) statement()           {}
func (*Show) statement()              {}
func (*Describe) statement()          {}
func (*DescribeAll) statement()       {}
func (*DescribeFunction) statement()  {}
func (*DescribeConnector) statement() {}
func (*CreateConnector) statement()   {}
func (*DropConnector) statement()     {}
func (*Print) statement()             {}
func (*SetProperty) statement()       {}
func (*UnsetProperty) statement()     {}
func (*DefineVariable) statement()    {}
func (*UndefineVariable) statement()  {}
func (*AssertTopic) statement()       {}
func (*AssertSchema) statement()      {}
func (*AssertValues) statement()      {}
func (*AssertSource) statement()      {}
func (*RunScript) statement()         {}
