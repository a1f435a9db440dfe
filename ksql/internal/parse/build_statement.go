package parse

import (
	"fmt"
	"math"
	"time"

	"github.com/antlr4-go/antlr/v4"

	"github.com/chortal/chortal/grammar/parser"
	"github.com/chortal/chortal/ksql/internal/ast"
)

func (b *builder) statement(c parser.IStatementContext) ast.Statement {
	switch c := c.(type) {
	case *parser.SelectStatementContext:
		return &ast.Select{Pos: at(c), Query: b.query(c.Query())}
	case *parser.CreateSourceContext:
		s := &ast.CreateSource{
			Pos: at(c), Kind: kind(c.SourceKind()), OrReplace: c.REPLACE() != nil, Source: c.SOURCE() != nil,
			IfNotExists: c.IF() != nil, Name: source(c.SourceName()), With: b.properties(c.Properties()),
		}
		if e := c.TableElements(); e != nil {
			s.Columns = b.elements(e)
		}
		return s
	case *parser.CreateAsContext:
		return &ast.CreateAs{
			Pos: at(c), Kind: kind(c.SourceKind()), OrReplace: c.REPLACE() != nil, IfNotExists: c.IF() != nil,
			Name: source(c.SourceName()), With: b.properties(c.Properties()), Query: b.query(c.Query()),
		}
	case *parser.InsertIntoContext:
		return &ast.InsertInto{Pos: at(c), Target: source(c.SourceName()), With: b.properties(c.Properties()), Query: b.query(c.Query())}
	case *parser.InsertValuesContext:
		return &ast.InsertValues{Pos: at(c), Target: source(c.SourceName()), Columns: columns(c.ColumnNames()), Values: b.values(c.Expressions())}
	case *parser.DropSourceContext:
		return &ast.DropSource{Pos: at(c), Kind: kind(c.SourceKind()), IfExists: c.IF() != nil, Name: source(c.SourceName()), DeleteTopic: c.TOPIC() != nil}
	case *parser.AlterSourceContext:
		s := &ast.AlterSource{Pos: at(c), Kind: kind(c.SourceKind()), Name: source(c.SourceName())}
		for _, o := range c.AllAlterOption() {
			s.Columns = append(s.Columns, ast.ColumnDef{Pos: at(o), Name: identifier(o.Identifier()), Type: b.dataType(o.DataType())})
		}
		return s
	case *parser.CreateTypeContext:
		return &ast.CreateType{Pos: at(c), IfNotExists: c.IF() != nil, Name: identifier(c.Identifier()), Type: b.dataType(c.DataType())}
	case *parser.DropTypeContext:
		return &ast.DropType{Pos: at(c), IfExists: c.IF() != nil, Name: identifier(c.Identifier())}
	case *parser.ExplainStatementContext:
		return &ast.Explain{Pos: at(c), Analyze: c.ANALYZE() != nil, Statement: b.statement(c.Statement())}
	case *parser.ExplainQueryContext:
		return &ast.Explain{Pos: at(c), Analyze: c.ANALYZE() != nil, QueryID: identifier(c.Identifier()), QueryAt: at(c.Identifier())}
	}
	if s := b.session(c); s != nil {
		return s
	}
	if s := b.show(c); s != nil {
		return s
	}
	return b.assert(c)
}

// session builds the statements on queries, connectors, properties, variables and topics.
func (b *builder) session(c parser.IStatementContext) ast.Statement {
	switch c := c.(type) {
	case *parser.TerminateContext:
		return &ast.Control{Pos: at(c), Action: ast.TerminateQuery, QueryID: optional(c.Identifier()), QueryAt: optionalAt(c.Identifier())}
	case *parser.PauseContext:
		return &ast.Control{Pos: at(c), Action: ast.PauseQuery, QueryID: optional(c.Identifier()), QueryAt: optionalAt(c.Identifier())}
	case *parser.ResumeContext:
		return &ast.Control{Pos: at(c), Action: ast.ResumeQuery, QueryID: optional(c.Identifier()), QueryAt: optionalAt(c.Identifier())}
	case *parser.SetPropertyContext:
		return &ast.SetProperty{Pos: at(c), Name: unquote(c.STRING(0).GetText()), Value: unquote(c.STRING(1).GetText())}
	case *parser.AlterSystemContext:
		return &ast.SetProperty{Pos: at(c), System: true, Name: unquote(c.STRING(0).GetText()), Value: unquote(c.STRING(1).GetText())}
	case *parser.UnsetPropertyContext:
		return &ast.UnsetProperty{Pos: at(c), Name: unquote(c.STRING().GetText())}
	case *parser.DefineVariableContext:
		return &ast.DefineVariable{Pos: at(c), Name: identifier(c.Identifier()), Value: unquote(c.STRING().GetText())}
	case *parser.UndefineVariableContext:
		return &ast.UndefineVariable{Pos: at(c), Name: identifier(c.Identifier())}
	case *parser.RunScriptContext:
		return &ast.RunScript{Pos: at(c), File: unquote(c.STRING().GetText())}
	case *parser.CreateConnectorContext:
		k := ast.SinkConnector
		if c.SOURCE() != nil {
			k = ast.SourceConnector
		}
		return &ast.CreateConnector{Pos: at(c), Kind: k, IfNotExists: c.IF() != nil, Name: identifier(c.Identifier()), With: b.properties(c.Properties())}
	case *parser.DropConnectorContext:
		return &ast.DropConnector{Pos: at(c), IfExists: c.IF() != nil, Name: identifier(c.Identifier())}
	case *parser.PrintTopicContext:
		return b.print(c)
	}
	return nil
}

func (b *builder) print(c *parser.PrintTopicContext) ast.Statement {
	s := &ast.Print{Pos: at(c), FromBeginning: c.BEGINNING() != nil}
	if id := c.Identifier(); id != nil {
		s.Topic = topic(id)
	} else {
		s.Topic = unquote(c.STRING().GetText())
	}
	numbers := c.AllNumber()
	if c.INTERVAL() != nil || c.SAMPLE() != nil {
		n := b.whole(numbers[0])
		s.Interval, numbers = &n, numbers[1:]
	}
	if c.LIMIT() != nil {
		n := b.whole(numbers[0])
		s.Limit = &n
	}
	return s
}

// topic returns a topic's name from an identifier, whose case counts even without quotes.
func topic(c parser.IIdentifierContext) string {
	t := c.GetStart()
	if s := t.GetText(); s[0] != '`' && s[0] != '"' {
		return s
	}
	return name(t)
}

func (b *builder) show(c parser.IStatementContext) ast.Statement {
	switch c := c.(type) {
	case *parser.ShowPropertiesContext:
		return &ast.Show{Pos: at(c), What: ast.ShowProperties}
	case *parser.ShowTopicsContext:
		return &ast.Show{Pos: at(c), What: ast.ShowTopics, All: c.ALL() != nil, Extended: c.EXTENDED() != nil}
	case *parser.ShowStreamsContext:
		return &ast.Show{Pos: at(c), What: ast.ShowStreams, Extended: c.EXTENDED() != nil}
	case *parser.ShowTablesContext:
		return &ast.Show{Pos: at(c), What: ast.ShowTables, Extended: c.EXTENDED() != nil}
	case *parser.ShowQueriesContext:
		return &ast.Show{Pos: at(c), What: ast.ShowQueries, Extended: c.EXTENDED() != nil}
	case *parser.ShowFunctionsContext:
		return &ast.Show{Pos: at(c), What: ast.ShowFunctions}
	case *parser.ShowConnectorsContext:
		s := &ast.Show{Pos: at(c), What: ast.ShowConnectors}
		switch {
		case c.SOURCE() != nil:
			s.Connector = ast.SourceConnector
		case c.SINK() != nil:
			s.Connector = ast.SinkConnector
		}
		return s
	case *parser.ShowConnectorPluginsContext:
		return &ast.Show{Pos: at(c), What: ast.ShowConnectorPlugins}
	case *parser.ShowTypesContext:
		return &ast.Show{Pos: at(c), What: ast.ShowTypes}
	case *parser.ShowVariablesContext:
		return &ast.Show{Pos: at(c), What: ast.ShowVariables}
	case *parser.DescribeSourceContext:
		return &ast.Describe{Pos: at(c), Name: source(c.SourceName()), Extended: c.EXTENDED() != nil}
	case *parser.DescribeStreamsContext:
		return &ast.DescribeAll{Pos: at(c), Kind: ast.Stream, Extended: c.EXTENDED() != nil}
	case *parser.DescribeTablesContext:
		return &ast.DescribeAll{Pos: at(c), Kind: ast.TableSource, Extended: c.EXTENDED() != nil}
	case *parser.DescribeFunctionContext:
		return &ast.DescribeFunction{Pos: at(c), Name: identifier(c.Identifier())}
	case *parser.DescribeConnectorContext:
		return &ast.DescribeConnector{Pos: at(c), Name: identifier(c.Identifier())}
	}
	return nil
}

func (b *builder) assert(c parser.IStatementContext) ast.Statement {
	switch c := c.(type) {
	case *parser.AssertTopicContext:
		s := &ast.AssertTopic{Pos: at(c), NotExists: c.EXISTS() != nil, With: b.properties(c.Properties()), Timeout: b.timeout(c.Timeout())}
		if id := c.Identifier(); id != nil {
			s.Topic = topic(id)
		} else {
			s.Topic = unquote(c.STRING().GetText())
		}
		return s
	case *parser.AssertSchemaContext:
		s := &ast.AssertSchema{Pos: at(c), NotExists: c.EXISTS() != nil, Timeout: b.timeout(c.Timeout())}
		if id := c.Identifier(); id != nil {
			s.Subject = topic(id)
		} else if c.STRING() != nil {
			s.Subject = unquote(c.STRING().GetText())
		}
		if n := c.Number(); n != nil {
			id := b.whole(n)
			s.ID = &id
		}
		return s
	case *parser.AssertValuesContext:
		return &ast.AssertValues{Pos: at(c), Source: source(c.SourceName()), Columns: columns(c.ColumnNames()), Values: b.values(c.Expressions())}
	case *parser.AssertTombstoneContext:
		return &ast.AssertValues{Pos: at(c), Tombstone: true, Source: source(c.SourceName()), Columns: columns(c.ColumnNames()), Values: b.values(c.Expressions())}
	case *parser.AssertSourceContext:
		s := &ast.AssertSource{Pos: at(c), Kind: kind(c.SourceKind()), Name: source(c.SourceName()), With: b.properties(c.Properties())}
		if e := c.TableElements(); e != nil {
			s.Columns = b.elements(e)
		}
		return s
	}
	panic(fmt.Sprintf("unknown statement %T", c))
}

func (b *builder) timeout(c parser.ITimeoutContext) *ast.Interval {
	if c == nil {
		return nil
	}
	return b.intervalRef(c.Interval())
}

func kind(c parser.ISourceKindContext) ast.SourceKind {
	if c.TABLE() != nil {
		return ast.TableSource
	}
	return ast.Stream
}

func source(c parser.ISourceNameContext) string { return identifier(c.Identifier()) }

func optional(c parser.IIdentifierContext) string {
	if c == nil {
		return ""
	}
	return identifier(c)
}

func optionalAt(c parser.IIdentifierContext) ast.Pos {
	if c == nil {
		return ast.Pos{}
	}
	return at(c)
}

func columns(c parser.IColumnNamesContext) []string {
	if c == nil {
		return nil
	}
	var out []string
	for _, id := range c.AllIdentifier() {
		out = append(out, identifier(id))
	}
	return out
}

func (b *builder) values(c parser.IExpressionsContext) []ast.Expr { return b.exprs(c.AllExpression()) }

func (b *builder) elements(c parser.ITableElementsContext) []ast.ColumnDef {
	var out []ast.ColumnDef
	for _, e := range c.AllTableElement() {
		d := ast.ColumnDef{Pos: at(e), Name: identifier(e.Identifier()), Type: b.dataType(e.DataType())}
		if k := e.ColumnConstraint(); k != nil {
			switch {
			case k.PRIMARY() != nil:
				d.Constraint = ast.PrimaryKeyColumn
			case k.KEY() != nil:
				d.Constraint = ast.KeyColumn
			case k.HEADERS() != nil:
				d.Constraint = ast.HeadersColumn
			default:
				d.Constraint, d.HeaderKey = ast.HeaderColumn, unquote(k.STRING().GetText())
			}
		}
		out = append(out, d)
	}
	return out
}

func (b *builder) properties(c parser.IPropertiesContext) []ast.Property {
	if c == nil {
		return nil
	}
	var out []ast.Property
	for _, p := range c.AllProperty() {
		prop := ast.Property{Pos: at(p)}
		if id := p.Identifier(); id != nil {
			prop.Name = identifier(id)
		} else {
			prop.Name = unquote(p.STRING().GetText())
		}
		if n := p.SignedNumber(); n != nil {
			prop.Value = b.number(at(n), n.Number(), n.MINUS() != nil)
		} else {
			prop.Value = b.literal(p.Literal())
		}
		for _, q := range out {
			if q.Name == prop.Name {
				b.fail(prop.Pos, "give each property once", "Duplicate property %s in the WITH clause", prop.Name)
			}
		}
		out = append(out, prop)
	}
	return out
}

func (b *builder) interval(c parser.IIntervalContext) ast.Interval {
	i := ast.Interval{Pos: at(c), N: b.whole(c.Number()), Unit: units[unitName(c.TimeUnit())]}
	d := i.Unit.Duration()
	switch {
	case d == 0:
		b.fail(at(c.TimeUnit()), "use DAYS, HOURS, MINUTES, SECONDS or MILLISECONDS", "%s have no fixed length", i.Unit)
	case i.N > int64(math.MaxInt64/time.Nanosecond)/int64(d):
		b.fail(i.Pos, "", "the interval %s is too long", i)
	}
	return i
}

func unitName(c parser.ITimeUnitContext) string { return name(c.GetStart()) }

func (b *builder) intervalRef(c parser.IIntervalContext) *ast.Interval {
	i := b.interval(c)
	return &i
}

var _ antlr.TokenStream = (*stream)(nil)
