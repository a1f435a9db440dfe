package api

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Table returns the entity as columns and rows, ready for a table or for CSV. Entities that are a sentence rather than
// a list have one column, "Message". The EXTENDED forms, which are pages rather than lists, are given by Text.
func (e Entity) Table() (columns []string, rows [][]string) {
	switch e.Type {
	case TypeStreams:
		return sourceTable("Stream Name", e.Streams)
	case TypeTables:
		return sourceTable("Table Name", e.Tables)
	case TypeQueries:
		return queryTable(e.Queries)
	case TypeTopics, TypeTopicsExtended:
		return topicTable(e.Topics)
	case TypeProperties:
		return propertyTable(e.Properties)
	case TypeFunctions:
		columns = []string{"Function Name", "Category"}
		for _, f := range e.Functions {
			rows = append(rows, []string{f.Name, f.Category})
		}
		return columns, rows
	case TypeTypes:
		return typeTable(e.Types)
	case TypeVariables:
		columns = []string{"Variable Name", "Value"}
		for _, v := range e.Variables {
			rows = append(rows, []string{v.Name, v.Value})
		}
		return columns, rows
	case TypeSourceDescription:
		return fieldTable(e.SourceDescription.Fields)
	case TypeSourceDescriptions:
		columns = []string{"Name", "Field", "Type"}
		for _, d := range e.SourceDescriptions {
			for _, f := range d.Fields {
				rows = append(rows, []string{d.Name, f.Name, f.typeText()})
			}
		}
		return columns, rows
	}
	return []string{"Message"}, [][]string{{e.Message()}}
}

// Message is the entity's sentence: what a command did, or an empty text for lists.
func (e Entity) Message() string {
	switch {
	case e.CommandStatus != nil:
		return e.CommandStatus.Message
	case e.TopicName != "" && e.Exists != nil && *e.Exists:
		return "Topic " + e.TopicName + " exists"
	case e.TopicName != "":
		return "Topic " + e.TopicName + " does not exist"
	}
	return ""
}

// Text returns the page of an entity that describes one thing (DESCRIBE EXTENDED, EXPLAIN, DESCRIBE FUNCTION), and
// false for all others.
func (e Entity) Text() (string, bool) {
	switch {
	case e.FunctionInfo != nil:
		return e.FunctionInfo.text(), true
	case e.QueryDescription != nil:
		return e.QueryDescription.text(), true
	case e.SourceDescription != nil && e.SourceDescription.Extended:
		return e.SourceDescription.text(), true
	}
	return "", false
}

func sourceTable(first string, sources []SourceInfo) ([]string, [][]string) {
	columns := []string{first, "Kafka Topic", "Key Format", "Value Format", "Windowed"}
	rows := make([][]string, len(sources))
	for i, s := range sources {
		rows[i] = []string{s.Name, s.Topic, s.KeyFormat, s.ValueFormat, strconv.FormatBool(s.IsWindowed)}
	}
	return columns, rows
}

func queryTable(queries []QueryInfo) ([]string, [][]string) {
	columns := []string{"Query ID", "Query Type", "Status", "Sink Name", "Sink Kafka Topic", "Query String"}
	rows := make([][]string, len(queries))
	for i, q := range queries {
		text := strings.Join(strings.Fields(q.QueryString), " ")
		rows[i] = []string{q.ID, q.QueryType, q.status(), strings.Join(q.Sinks, ","), strings.Join(q.SinkKafkaTopics, ","), text}
	}
	return columns, rows
}

// status is the query's state, with its error when it has one.
func (q QueryInfo) status() string {
	counts := make([]string, 0, len(q.StatusCount))
	for s, n := range q.StatusCount {
		counts = append(counts, fmt.Sprintf("%s:%d", s, n))
	}
	sort.Strings(counts)
	text := strings.Join(counts, ",")
	if text == "" {
		text = q.State
	}
	if q.Error != "" {
		text += " (" + q.Error + ")"
	}
	return text
}

func topicTable(topics []TopicInfo) ([]string, [][]string) {
	columns := []string{"Kafka Topic", "Partitions", "Partition Replicas"}
	rows := make([][]string, len(topics))
	extended := false
	for i, t := range topics {
		replicas := make([]string, 0, 1)
		for _, r := range t.ReplicaInfo {
			if s := strconv.Itoa(r); len(replicas) == 0 || replicas[0] != s {
				replicas = append(replicas, s)
			}
		}
		rows[i] = []string{t.Name, strconv.Itoa(len(t.ReplicaInfo)), strings.Join(replicas, ", ")}
		if t.ConsumerCount != nil && t.ConsumerGroupCount != nil {
			extended = true
			rows[i] = append(rows[i], strconv.Itoa(*t.ConsumerCount), strconv.Itoa(*t.ConsumerGroupCount))
		}
	}
	if extended {
		columns = append(columns, "Consumers", "ConsumerGroups")
	}
	return columns, rows
}

func propertyTable(properties []Property) ([]string, [][]string) {
	columns := []string{"Property", "Scope", "Value"}
	rows := make([][]string, len(properties))
	for i, p := range properties {
		value := "NULL"
		if p.Value != nil {
			value = *p.Value
		}
		rows[i] = []string{p.Name, p.Scope, value}
	}
	return columns, rows
}

func typeTable(types map[string]TypeInfo) ([]string, [][]string) {
	rows := make([][]string, 0, len(types))
	for name, t := range types {
		rows = append(rows, []string{name, t.String()})
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i][0] < rows[j][0] })
	return []string{"Type Name", "Schema"}, rows
}

func fieldTable(fields []Field) ([]string, [][]string) {
	rows := make([][]string, len(fields))
	for i, f := range fields {
		rows[i] = []string{f.Name, f.typeText()}
	}
	return []string{"Field", "Type"}, rows
}

// typeText is the field's type as DESCRIBE shows it, with its role.
func (f Field) typeText() string {
	text := f.Schema.String()
	switch {
	case f.Type == "KEY":
		text += " (key)"
	case f.Type == "PRIMARY_KEY":
		text += " (primary key)"
	case f.Type == "HEADER" && f.HeaderKey != "":
		text += " (header('" + f.HeaderKey + "'))"
	case f.Type == "HEADER":
		text += " (headers)"
	}
	return text
}

// String is the type as SQL writes it.
func (t TypeInfo) String() string {
	switch t.Type {
	case "STRING":
		return "VARCHAR(STRING)"
	case "DECIMAL":
		return fmt.Sprintf("DECIMAL(%d, %d)", t.Parameters["precision"], t.Parameters["scale"])
	case "ARRAY":
		return "ARRAY<" + t.MemberSchema.String() + ">"
	case "MAP":
		return "MAP<STRING, " + t.MemberSchema.String() + ">"
	case "STRUCT":
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name + " " + f.Schema.String()
		}
		return "STRUCT<" + strings.Join(parts, ", ") + ">"
	}
	return t.Type
}

func (d *SourceDescription) text() string {
	var b strings.Builder
	line := func(k string, v any) { fmt.Fprintf(&b, "%-21s: %v\n", k, v) }
	line("Name", d.Name)
	line("Type", d.Type)
	line("Timestamp field", orNotSet(d.Timestamp))
	line("Key format", d.KeyFormat)
	line("Value format", d.ValueFormat)
	line("Kafka topic", fmt.Sprintf("%s (partitions: %d, replication: %d)", d.Topic, d.Partitions, d.Replication))
	if d.WindowType != nil {
		line("Window type", *d.WindowType)
	}
	line("Statement", d.Statement)
	b.WriteString("\n")
	for _, f := range d.Fields {
		fmt.Fprintf(&b, " %-20s | %s\n", f.Name, f.typeText())
	}
	queries := func(title string, qs []QueryInfo) {
		if len(qs) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", title)
		for _, q := range qs {
			fmt.Fprintf(&b, "%s (%s) : %s\n", q.ID, q.status(), strings.Join(strings.Fields(q.QueryString), " "))
		}
	}
	queries("Queries that read from this "+d.Type, d.ReadQueries)
	queries("Queries that write from this "+d.Type, d.WriteQueries)
	for _, q := range d.QueryOffsets {
		fmt.Fprintf(&b, "\nConsumer group       : %s\n", q.GroupID)
		for _, t := range q.TopicSummaries {
			fmt.Fprintf(&b, "Kafka topic          : %s\n Partition | Start Offset | End Offset | Offset | Lag\n", t.KafkaTopic)
			for _, p := range t.Offsets {
				fmt.Fprintf(&b, " %-9d | %-12d | %-10d | %-6d | %d\n", p.Partition, p.LogStartOffset, p.LogEndOffset, p.ConsumerOffset, p.LogEndOffset-p.ConsumerOffset)
			}
		}
	}
	if d.Statistics != "" {
		fmt.Fprintf(&b, "\nLocal runtime statistics\n%s\n", d.Statistics)
	}
	return strings.TrimRight(b.String(), "\n")
}

func orNotSet(s string) string {
	if s == "" {
		return "Not set - using <ROWTIME>"
	}
	return s
}

func (q *QueryDescription) text() string {
	var b strings.Builder
	line := func(k string, v any) { fmt.Fprintf(&b, "%-21s: %v\n", k, v) }
	if q.ID != "" {
		line("ID", q.ID)
	}
	line("Query Type", q.QueryType)
	line("SQL", q.StatementText)
	if q.State != nil {
		line("Status", *q.State)
	}
	line("Sources", strings.Join(q.Sources, ", "))
	if len(q.Sinks) > 0 {
		line("Sinks", strings.Join(q.Sinks, ", "))
	}
	b.WriteString("\n")
	for _, f := range q.Fields {
		fmt.Fprintf(&b, " %-20s | %s\n", f.Name, f.typeText())
	}
	if q.ExecutionPlan != "" {
		fmt.Fprintf(&b, "\nExecution plan\n--------------\n%s\n", strings.TrimRight(q.ExecutionPlan, "\n"))
	}
	if q.Topology != "" {
		fmt.Fprintf(&b, "\nProcessing topology\n-------------------\n%s\n", strings.TrimRight(q.Topology, "\n"))
	}
	for _, e := range q.QueryErrors {
		fmt.Fprintf(&b, "\nError (%s): %s\n", e.Type, e.ErrorMessage)
	}
	return strings.TrimRight(b.String(), "\n")
}

func (f *FunctionInfo) text() string {
	var b strings.Builder
	line := func(k, v string) {
		if v != "" {
			fmt.Fprintf(&b, "%-12s: %s\n", k, v)
		}
	}
	line("Name", f.Name)
	line("Author", f.Author)
	line("Version", f.Version)
	line("Overview", f.Description)
	line("Type", f.Type)
	line("Category", f.Category)
	b.WriteString("Variations  :\n")
	for _, v := range f.Variations {
		args := make([]string, len(v.Arguments))
		for i, a := range v.Arguments {
			t := a.Type
			if a.IsVariadic {
				t += "[]"
			}
			args[i] = strings.TrimSpace(a.Name + " " + t)
		}
		fmt.Fprintf(&b, "\n\tVariation   : %s(%s)\n\tReturns     : %s\n", f.Name, strings.Join(args, ", "), v.ReturnType)
		if v.Description != "" {
			fmt.Fprintf(&b, "\tDescription : %s\n", v.Description)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}
