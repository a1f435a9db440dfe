package ast

import (
	"fmt"
	"strings"
)

func (s *CreateSource) String() string {
	b := createHead(s.OrReplace, s.Source, s.Kind, s.IfNotExists, s.Name)
	if s.Columns != nil {
		b += " (" + columnDefs(s.Columns) + ")"
	}
	return b + with(s.With)
}

func (s *CreateAs) String() string {
	return createHead(s.OrReplace, false, s.Kind, s.IfNotExists, s.Name) + with(s.With) + " AS " + s.Query.String()
}

func createHead(orReplace, source bool, kind SourceKind, ifNotExists bool, name string) string {
	return "CREATE " + opt(orReplace, "OR REPLACE ") + opt(source, "SOURCE ") + kind.String() + " " +
		opt(ifNotExists, "IF NOT EXISTS ") + QuoteName(name)
}

func opt(on bool, s string) string {
	if on {
		return s
	}
	return ""
}

func columnDefs(cols []ColumnDef) string {
	parts := make([]string, len(cols))
	for i, c := range cols {
		parts[i] = c.String()
	}
	return strings.Join(parts, ", ")
}

// String returns the declaration as SQL text.
func (c ColumnDef) String() string {
	s := QuoteName(c.Name) + " " + c.Type.String()
	switch c.Constraint {
	case KeyColumn:
		s += " KEY"
	case PrimaryKeyColumn:
		s += " PRIMARY KEY"
	case HeadersColumn:
		s += " HEADERS"
	case HeaderColumn:
		s += " HEADER(" + QuoteString(c.HeaderKey) + ")"
	}
	return s
}

func with(props []Property) string {
	if len(props) == 0 {
		return ""
	}
	parts := make([]string, len(props))
	for i, p := range props {
		parts[i] = propertyName(p.Name) + "=" + p.Value.String()
	}
	return " WITH (" + strings.Join(parts, ", ") + ")"
}

func propertyName(name string) string {
	if strings.ContainsAny(name, ".-") {
		return QuoteString(name)
	}
	return QuoteName(name)
}

func (s *InsertInto) String() string {
	return "INSERT INTO " + QuoteName(s.Target) + with(s.With) + " " + s.Query.String()
}

func (s *InsertValues) String() string {
	return "INSERT INTO " + QuoteName(s.Target) + names(s.Columns) + " VALUES (" + exprs(s.Values) + ")"
}

func names(list []string) string {
	if list == nil {
		return ""
	}
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = QuoteName(n)
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func exprs(list []Expr) string {
	var b strings.Builder
	writeList(&b, list)
	return b.String()
}

func (s *Select) String() string { return s.Query.String() }

func (s *DropSource) String() string {
	return "DROP " + s.Kind.String() + " " + opt(s.IfExists, "IF EXISTS ") + QuoteName(s.Name) +
		opt(s.DeleteTopic, " DELETE TOPIC")
}

func (s *AlterSource) String() string {
	parts := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		parts[i] = "ADD COLUMN " + c.String()
	}
	return "ALTER " + s.Kind.String() + " " + QuoteName(s.Name) + " " + strings.Join(parts, ", ")
}

func (s *CreateType) String() string {
	return "CREATE TYPE " + opt(s.IfNotExists, "IF NOT EXISTS ") + QuoteName(s.Name) + " AS " + s.Type.String()
}

func (s *DropType) String() string {
	return "DROP TYPE " + opt(s.IfExists, "IF EXISTS ") + QuoteName(s.Name)
}

func (s *Control) String() string {
	if s.QueryID == "" {
		return s.Action.String() + " ALL"
	}
	return s.Action.String() + " " + QuoteName(s.QueryID)
}

func (s *Explain) String() string {
	head := "EXPLAIN " + opt(s.Analyze, "ANALYZE ")
	if s.Statement != nil {
		return head + s.Statement.String()
	}
	return head + QuoteName(s.QueryID)
}

func (s *Show) String() string {
	return "SHOW " + opt(s.All, "ALL ") + connector(s.Connector) + s.What.String() + opt(s.Extended, " EXTENDED")
}

func connector(k ConnectorKind) string {
	return opt(k == SourceConnector, "SOURCE ") + opt(k == SinkConnector, "SINK ")
}

func (s *Describe) String() string {
	return "DESCRIBE " + QuoteName(s.Name) + opt(s.Extended, " EXTENDED")
}

func (s *DescribeAll) String() string {
	return "DESCRIBE " + s.Kind.String() + "S" + opt(s.Extended, " EXTENDED")
}

func (s *DescribeFunction) String() string { return "DESCRIBE FUNCTION " + QuoteName(s.Name) }

func (s *DescribeConnector) String() string { return "DESCRIBE CONNECTOR " + QuoteName(s.Name) }

func (s *CreateConnector) String() string {
	return "CREATE " + connector(s.Kind) + "CONNECTOR " + opt(s.IfNotExists, "IF NOT EXISTS ") + QuoteName(s.Name) +
		with(s.With)
}

func (s *DropConnector) String() string {
	return "DROP CONNECTOR " + opt(s.IfExists, "IF EXISTS ") + QuoteName(s.Name)
}

func (s *Print) String() string {
	return "PRINT " + QuoteString(s.Topic) + opt(s.FromBeginning, " FROM BEGINNING") + count(" INTERVAL ", s.Interval) +
		count(" LIMIT ", s.Limit)
}

func count(head string, n *int64) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(head, *n)
}

func (s *SetProperty) String() string {
	if s.System {
		return "ALTER SYSTEM " + QuoteString(s.Name) + "=" + QuoteString(s.Value)
	}
	return "SET " + QuoteString(s.Name) + "=" + QuoteString(s.Value)
}

func (s *UnsetProperty) String() string { return "UNSET " + QuoteString(s.Name) }

func (s *DefineVariable) String() string {
	return "DEFINE " + QuoteName(s.Name) + "=" + QuoteString(s.Value)
}

func (s *UndefineVariable) String() string { return "UNDEFINE " + QuoteName(s.Name) }

func (s *AssertTopic) String() string {
	return "ASSERT " + opt(s.NotExists, "NOT EXISTS ") + "TOPIC " + QuoteString(s.Topic) + with(s.With) + timeout(s.Timeout)
}

func timeout(i *Interval) string {
	if i == nil {
		return ""
	}
	return " TIMEOUT " + i.String()
}

func (s *AssertSchema) String() string {
	return "ASSERT " + opt(s.NotExists, "NOT EXISTS ") + "SCHEMA" + opt(s.Subject != "", " SUBJECT "+QuoteString(s.Subject)) +
		count(" ID ", s.ID) + timeout(s.Timeout)
}

func (s *AssertValues) String() string {
	if s.Tombstone {
		return "ASSERT NULL VALUES " + QuoteName(s.Source) + names(s.Columns) + " KEY (" + exprs(s.Values) + ")"
	}
	return "ASSERT VALUES " + QuoteName(s.Source) + names(s.Columns) + " VALUES (" + exprs(s.Values) + ")"
}

func (s *AssertSource) String() string {
	return "ASSERT " + s.Kind.String() + " " + QuoteName(s.Name) + opt(s.Columns != nil, " ("+columnDefs(s.Columns)+")") +
		with(s.With)
}

func (s *RunScript) String() string { return "RUN SCRIPT " + QuoteString(s.File) }
