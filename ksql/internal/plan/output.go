package plan

import (
	"slices"
	"strings"

	"github.com/chortal/chortal/ksql/internal/analyze"
	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/types"
)

// output plans the sink of a persistent query.
func (b *builder) output() error {
	t := b.Target
	if t == nil {
		return nil
	}
	schema, err := b.schema()
	if err != nil {
		return err
	}
	table := b.step.IsTable()
	if err := b.checkKind(table); err != nil {
		return err
	}
	sink := &Sink{Name: t.Name, Kind: t.Kind.String(), Schema: Schema{schema}}
	if t.Existing != nil {
		err = b.insertInto(sink, schema)
	} else {
		err = b.create(sink, schema)
	}
	if err != nil {
		return err
	}
	kind := StreamSink
	if table {
		kind = TableSink
	}
	b.step = &Step{Kind: kind, Context: t.Name, Source: b.step, Topic: sink.Topic, Formats: &sink.Formats, Timestamp: sink.Timestamp}
	b.sink = sink
	return nil
}

// checkKind compares what the query gives with what the statement creates.
func (b *builder) checkKind(table bool) error {
	got := catalog.Stream
	if table {
		got = catalog.Table
	}
	if got == b.Target.Kind {
		return nil
	}
	if b.Target.Existing != nil {
		return api.Errorf("Incompatible data sink and query result. Data sink (%s) type is %s but select query result is %s.", b.Target.Name, b.Target.Kind, got)
	}
	err := api.Errorf("Invalid result type. Your SELECT query produces a %s. Please use CREATE %s AS SELECT statement instead.", got, got)
	err.Hint = "CREATE " + got.String() + " " + ast.QuoteName(b.Target.Name) + " AS SELECT ..."
	return err
}

func (b *builder) insertInto(sink *Sink, schema types.Schema) error {
	target := b.Target.Existing
	sink.Topic, sink.Formats, sink.Timestamp = target.Topic, target.Formats, target.Timestamp
	if target.ReadOnly {
		return api.Errorf("Cannot insert into read-only %s: %s", target.Kind.Lower(), target.Name)
	}
	if !compatible(schema, target.Schema) {
		return api.Errorf("Incompatible schema between results and sink.\nResult schema is %s\nSink schema is %s", schema, target.Schema)
	}
	return nil
}

// compatible reports whether the columns are the same in order, apart from names of nothing: names count as well.
func compatible(a, b types.Schema) bool {
	same := func(x, y types.Column) bool { return x.Name == y.Name && types.FitsInto(x.Type, y.Type) }
	return slices.EqualFunc(a.Key(), b.Key(), same) && slices.EqualFunc(a.Value(), b.Value(), same)
}

// create fixes topic and formats of a new source.
func (b *builder) create(sink *Sink, schema types.Schema) error {
	p := b.Target.Props
	sink.Topic = p.Topic
	if sink.Topic == "" {
		sink.Topic = b.Target.Name
	}
	first := b.a.Sources[0]
	keys := schema.Key()
	inherited := first.Formats.Key
	if len(keys) == 0 {
		if p.KeyFormat != "" && !strings.EqualFold(p.KeyFormat, "NONE") {
			return api.Errorf("Key format specified for stream without key columns.")
		}
		inherited = catalog.Format{Name: "NONE"}
	} else if inherited.Name == "NONE" {
		inherited = catalog.Format{Name: "KAFKA"}
		if b.Target.Defaults.KeyFormat != "" {
			inherited = catalog.Format{Name: strings.ToUpper(b.Target.Defaults.KeyFormat)}
		}
	}
	var err error
	if sink.Formats, err = p.SinkFormats(inherited, first.Formats.Value); err != nil {
		return err
	}
	if err := analyze.CheckMapKeys(keys); err != nil {
		return err
	}
	sink.Formats.Window = b.window
	if err := analyze.SetFeatures(&sink.Formats, schema, p.WrapSingleValue); err != nil {
		return err
	}
	if err := analyze.CheckFormats(sink.Formats, schema); err != nil {
		if e, ok := err.(*api.Error); ok && b.Target.Statement != "" { //nolint:errorlint // it was just made
			e.Message += "\nStatement: " + b.Target.Statement
		}
		return err
	}
	sink.Timestamp, err = analyze.TimestampColumn(p, schema)
	return err
}
