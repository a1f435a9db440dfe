package analyze

import (
	"slices"
	"strings"

	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/format"
	"github.com/chortal/chortal/ksql/internal/types"
)

// Defaults are the formats of sources whose WITH clause names none.
type Defaults struct{ KeyFormat, ValueFormat string }

// kindOf translates the parser's kind.
func kindOf(k ast.SourceKind) catalog.Kind {
	if k == ast.TableSource {
		return catalog.Table
	}
	return catalog.Stream
}

// CreateSource returns the source that CREATE STREAM or TABLE declares, and its WITH clause.
func CreateSource(st *ast.CreateSource, cat *catalog.Catalog, defaults Defaults) (*catalog.Source, *Properties, error) {
	kind := kindOf(st.Kind)
	columns, err := Columns(st.Columns, kind, cat)
	if err != nil {
		return nil, nil, err
	}
	p, err := ParseProperties(st.With, InCreate)
	if err != nil {
		return nil, nil, err
	}
	s := &catalog.Source{Name: st.Name, Kind: kind, Topic: p.Topic, ReadOnly: st.Source}
	if s.Topic == "" {
		s.Topic = st.Name
	}
	if err := p.sourceFormats(s, st, columns, defaults); err != nil {
		return nil, nil, err
	}
	if s.Schema, err = types.NewSchema(columns...); err != nil {
		return nil, nil, errorAt(st.At(), "%s", err)
	}
	if err := checkSource(s, st, p); err != nil {
		return nil, nil, err
	}
	return s, p, nil
}

// sourceFormats reads the formats and windows and refuses what they cannot do.
func (p *Properties) sourceFormats(s *catalog.Source, st *ast.CreateSource, columns []types.Column, defaults Defaults) error {
	keyName, valueName := p.KeyFormat, p.ValueFormat
	if keyName == "" {
		keyName = defaults.KeyFormat
	}
	if valueName == "" {
		valueName = defaults.ValueFormat
	}
	if keyName == "" {
		keyName = format.Kafka.String()
	}
	if valueName == "" {
		return errorAt(st.At(), "Statement is missing the 'VALUE_FORMAT' property from the WITH clause. Either provide one or set a default via the 'ksql.persistence.default.format.value' config.")
	}
	var err error
	if s.Formats.Key, err = p.side(keyName, p.KeyDelimiter, true, nil); err != nil {
		return err
	}
	if s.Formats.Value, err = p.side(valueName, p.ValueDelimiter, false, nil); err != nil {
		return err
	}
	if s.Formats.Window, err = p.window(); err != nil {
		return At(p.At("WINDOW_TYPE", "WINDOW_SIZE"), err)
	}
	if err := p.checkSchemaIDs(s, len(columns) > 0); err != nil {
		return err
	}
	keyInferring, valueInferring := infers(s.Formats.Key), infers(s.Formats.Value)
	if len(columns) == 0 && !keyInferring && !valueInferring {
		return errorAt(st.At(), "No columns supplied.")
	}
	if err := available(s.Formats.Value); err != nil {
		return At(p.formatAt(false), err)
	}
	return At(p.formatAt(true), available(s.Formats.Key))
}

func (p *Properties) checkSchemaIDs(s *catalog.Source, columns bool) error {
	for _, side := range []struct {
		given bool
		name  string
		f     catalog.Format
	}{{p.KeySchemaID, "KEY", s.Formats.Key}, {p.ValueSchemaID, "VALUE", s.Formats.Value}} {
		switch {
		case side.given && !infers(side.f):
			return api.Errorf("%s_FORMAT should support schema inference when %s_SCHEMA_ID is provided. Current format is %s.", side.name, side.name, side.f.Name)
		case side.given && columns:
			return api.Errorf("Table elements and %s_SCHEMA_ID cannot both exist for create statement.", side.name)
		}
	}
	return nil
}

func infers(f catalog.Format) bool {
	parsed, err := format.Parse(f.Name)
	return err == nil && slices.Contains(inferring, parsed)
}

// Columns resolves declared columns.
func Columns(defs []ast.ColumnDef, kind catalog.Kind, cat *catalog.Catalog) ([]types.Column, error) {
	if len(defs) > MaxColumns {
		return nil, errorAt(defs[MaxColumns].At(), "A source may have at most %d columns.", MaxColumns)
	}
	columns := make([]types.Column, 0, len(defs))
	for i := range defs {
		c, err := column(&defs[i], kind, cat)
		if err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, nil
}

func column(def *ast.ColumnDef, kind catalog.Kind, cat *catalog.Catalog) (types.Column, error) {
	c := types.Column{Name: def.Name}
	if _, reserved := types.PseudoColumn(def.Name); reserved {
		return c, errorAt(def.At(), "'%s' is a reserved column name. You cannot use it as a name for a column.", def.Name)
	}
	t, err := def.Type.Resolve(cat.Type)
	if err != nil {
		if te, ok := err.(*ast.TypeError); ok { //nolint:errorlint // Resolve documents it
			return c, errorAt(te.Pos, "%s", te.Message)
		}
		return c, err
	}
	c.Type = t
	switch def.Constraint {
	case ast.KeyColumn:
		if kind == catalog.Table {
			return c, placed(def.At(), "Column %s is a 'KEY' column: please use 'PRIMARY KEY' for tables.\nTables have PRIMARY KEYs, which are unique and NON NULL.\nStreams have KEYs, which have no uniqueness or NON NULL constraints.", types.Quote(def.Name))
		}
		c.Namespace = types.InKey
	case ast.PrimaryKeyColumn:
		if kind == catalog.Stream {
			return c, placed(def.At(), "Column %s is a 'PRIMARY KEY' column: please use 'KEY' for streams.\nTables have PRIMARY KEYs, which are unique and NON NULL.\nStreams have KEYs, which have no uniqueness or NON NULL constraints.", types.Quote(def.Name))
		}
		c.Namespace = types.InKey
	case ast.HeadersColumn:
		c.Namespace = types.InHeaders
		if !t.Equal(types.HeadersType) {
			return c, placed(def.At(), "Invalid type for HEADERS column: expected %s, got %s", types.HeadersType, t)
		}
	case ast.HeaderColumn:
		c.Namespace, c.HeaderKey = types.InHeaders, &def.HeaderKey
		if t.Kind() != types.KindBytes {
			return c, placed(def.At(), "Invalid type for HEADER('%s') column: expected BYTES, got %s", def.HeaderKey, t)
		}
	}
	return c, nil
}

// checkSource applies the rules on a declared source as a whole.
func checkSource(s *catalog.Source, st *ast.CreateSource, p *Properties) error {
	keys := s.Schema.Key()
	switch {
	case s.Kind == catalog.Table && len(keys) == 0:
		err := errorAt(st.At(), "Tables require a PRIMARY KEY. Please define the PRIMARY KEY.")
		err.Hint = "give one column PRIMARY KEY"
		return err
	case s.Windowed() && len(keys) == 0:
		return errorAt(st.At(), "Windowed sources require a key column.")
	}
	if err := CheckMapKeys(keys); err != nil {
		return err
	}
	if err := SetFeatures(&s.Formats, s.Schema, p.WrapSingleValue); err != nil {
		return err
	}
	if err := CheckFormats(s.Formats, s.Schema); err != nil {
		return err
	}
	var err error
	s.Timestamp, err = TimestampColumn(p, s.Schema)
	return err
}

// CheckMapKeys refuses keys that hold maps.
func CheckMapKeys(keys []types.Column) error {
	for _, c := range keys {
		if c.Type.Contains(types.KindMap) {
			return api.Errorf("Map keys, including types that contain maps, are not supported as they may lead to unexpected behavior due to inconsistent serialization. Key column name: %s. Column type: %s. See https://github.com/confluentinc/ksql/issues/6621 for more.", types.Quote(c.Name), c.Type)
		}
	}
	return nil
}

// wraps says which of the two ways of writing a single column a format knows.
func wraps(name string) (wrap, unwrap bool) {
	f, _ := format.Parse(name)
	switch f {
	case format.JSON, format.JSONSR, format.Avro, format.Protobuf:
		return true, true
	case format.ProtobufNoSR:
		return true, false
	case format.Kafka, format.Delimited:
		return false, true
	}
	return false, false
}

// SetFeatures fixes how single columns are written: a single key column is bare where the format can, a single value
// column as WRAP_SINGLE_VALUE says.
func SetFeatures(f *catalog.Formats, schema types.Schema, wrapValue *bool) error {
	if wrap, unwrap := wraps(f.Key.Name); wrap && unwrap && len(schema.Key()) == 1 {
		f.KeyFeatures = []string{catalog.UnwrapSingles}
	}
	if wrapValue == nil {
		return nil
	}
	wrap, unwrap := wraps(f.Value.Name)
	if *wrapValue && !wrap || !*wrapValue && !unwrap {
		return api.Errorf("Format '%s' does not support 'WRAP_SINGLE_VALUE' set to '%t'.", f.Value.Name, *wrapValue)
	}
	if len(schema.Value()) != 1 {
		return api.Errorf("'WRAP_SINGLE_VALUE' is only valid for single-field value schemas")
	}
	if wrap && unwrap {
		f.ValueFeatures = []string{catalog.UnwrapSingles}
		if *wrapValue {
			f.ValueFeatures = []string{catalog.WrapSingles}
		}
	}
	return nil
}

// Spec returns how one side of a topic is read and written.
func Spec(f catalog.Formats, key bool) (format.Spec, error) {
	side, features := f.Value, f.ValueFeatures
	if key {
		side, features = f.Key, f.KeyFeatures
	}
	parsed, err := format.Parse(side.Name)
	if err != nil {
		return format.Spec{}, api.Errorf("%s", err)
	}
	delimiter, err := Delimiter(side.Properties["delimiter"])
	if err != nil {
		return format.Spec{}, err
	}
	spec := format.Spec{Format: parsed, Key: key, Delimiter: delimiter}
	switch {
	case slices.Contains(features, catalog.WrapSingles):
		spec.Wrapping = format.WrapSingles
	case slices.Contains(features, catalog.UnwrapSingles):
		spec.Wrapping = format.UnwrapSingles
	}
	return spec, nil
}

func formatColumns(columns []types.Column) []format.Column {
	out := make([]format.Column, len(columns))
	for i, c := range columns {
		out[i] = format.Column{Name: c.Name, Type: c.Type, Slot: i}
	}
	return out
}

// CheckFormats says why the formats cannot hold the schema, or nil.
func CheckFormats(f catalog.Formats, schema types.Schema) error {
	for _, side := range []struct {
		key      bool
		name     string
		columns  []types.Column
		features []string
	}{{true, "Key", schema.Key(), f.KeyFeatures}, {false, "Value", schema.Value(), f.ValueFeatures}} {
		if len(side.columns) == 0 {
			continue
		}
		spec, err := Spec(f, side.key)
		if err != nil {
			return err
		}
		if err := format.Check(spec, formatColumns(side.columns)); err != nil {
			texts := make([]string, len(side.columns))
			for i, c := range side.columns {
				texts[i] = c.String()
			}
			reason := err.Error()
			if _, inner, ok := strings.Cut(reason, "\nreason: "); ok {
				reason = inner
			}
			if head, _, ok := strings.Cut(reason, "Got: ["); ok {
				reason = head + "Got: [" + strings.Join(texts, ", ") + "]"
			}
			return api.Errorf("%s format does not support schema.\nformat: %s\nschema: Persistence{columns=[%s], features=[%s]}\nreason: %s",
				side.name, spec.Format, strings.Join(texts, ", "), strings.Join(side.features, ", "), reason)
		}
	}
	return nil
}

// TimestampColumn checks the column that gives records their time.
func TimestampColumn(p *Properties, schema types.Schema) (*catalog.Timestamp, error) {
	if p.Timestamp == "" {
		if p.TimestampFormat != "" {
			return nil, api.Errorf("'TIMESTAMP_FORMAT' needs 'TIMESTAMP'.")
		}
		return nil, nil
	}
	name := identifier(p.Timestamp)
	i := schema.Find(name)
	if i < 0 {
		return nil, api.Errorf("The TIMESTAMP column set in the WITH clause does not exist in the schema: '%s'", name)
	}
	c := schema.At(i)
	switch kind := c.Type.Kind(); {
	case kind == types.KindString && p.TimestampFormat == "":
		return nil, api.Errorf("A String timestamp field has been specified without also specifying the timestamp_format")
	case kind == types.KindString, (kind == types.KindBigint || kind == types.KindTimestamp) && p.TimestampFormat == "":
		return &catalog.Timestamp{Column: name, Format: p.TimestampFormat}, nil
	case kind == types.KindBigint || kind == types.KindTimestamp:
		return nil, api.Errorf("'TIMESTAMP_FORMAT' set in the WITH clause can only be used when the timestamp column is of type STRING.")
	}
	return nil, api.Errorf("Timestamp column, %s(%s), should be LONG(INT64), TIMESTAMP, or a String with a TIMESTAMP_FORMAT specified.", types.Quote(name), c.Type)
}

// identifier reads a name inside a property as SQL reads it.
func identifier(s string) string {
	if len(s) >= 2 && (s[0] == '`' || s[0] == '"') && s[len(s)-1] == s[0] {
		q := s[:1]
		return strings.ReplaceAll(s[1:len(s)-1], q+q, q)
	}
	return types.Upper(s)
}
