package analyze

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/format"
	"github.com/chortal/chortal/ksql/internal/types"
)

// Properties is a WITH clause. Pointers are nil and texts empty where the clause does not say.
type Properties struct {
	Topic           string
	Partitions      *int
	Replicas        *int
	RetentionMs     *int64
	CleanupPolicy   string
	KeyFormat       string
	ValueFormat     string
	KeyDelimiter    string
	ValueDelimiter  string
	Timestamp       string
	TimestampFormat string
	WrapSingleValue *bool
	WindowType      string
	WindowSize      string
	QueryID         string
	KeySchemaID     bool
	ValueSchemaID   bool
	// other settings that only formats of a schema registry know, by their key in messages
	keyConfigs, valueConfigs []string
	places                   map[string]ast.Pos
}

// At is the place of the first of the named properties that the clause has; otherwise the unknown place.
func (p *Properties) At(names ...string) ast.Pos {
	for _, name := range names {
		if at, ok := p.places[name]; ok {
			return at
		}
	}
	return ast.Pos{}
}

// propertyRow says how a property of WITH is read and where it may stand.
type propertyRow struct {
	create, as, insert bool
	set                func(*Properties, string) error
}

func text(f func(*Properties) *string) func(*Properties, string) error {
	return func(p *Properties, v string) error { *f(p) = v; return nil }
}

func number[T int | int64](f func(*Properties, *T)) func(*Properties, string) error {
	return func(p *Properties, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return api.Errorf("%q is no whole number", v)
		}
		t := T(n)
		f(p, &t)
		return nil
	}
}

func config(name string, key, value bool) func(*Properties, string) error {
	return func(p *Properties, v string) error {
		if key {
			p.keyConfigs = append(p.keyConfigs, name)
		}
		if value {
			p.valueConfigs = append(p.valueConfigs, name)
		}
		return nil
	}
}

func propertyRows() map[string]propertyRow {
	return map[string]propertyRow{
		"KAFKA_TOPIC":    {true, true, false, text(func(p *Properties) *string { return &p.Topic })},
		"PARTITIONS":     {true, true, false, number(func(p *Properties, n *int) { p.Partitions = n })},
		"REPLICAS":       {true, true, false, number(func(p *Properties, n *int) { p.Replicas = n })},
		"RETENTION_MS":   {true, true, false, number(func(p *Properties, n *int64) { p.RetentionMs = n })},
		"CLEANUP_POLICY": {true, true, false, text(func(p *Properties) *string { return &p.CleanupPolicy })},
		"FORMAT": {true, true, false, func(p *Properties, v string) error {
			p.KeyFormat, p.ValueFormat = v, v
			return nil
		}},
		"KEY_FORMAT":       {true, true, false, text(func(p *Properties) *string { return &p.KeyFormat })},
		"VALUE_FORMAT":     {true, true, false, text(func(p *Properties) *string { return &p.ValueFormat })},
		"KEY_DELIMITER":    {true, true, false, text(func(p *Properties) *string { return &p.KeyDelimiter })},
		"VALUE_DELIMITER":  {true, true, false, text(func(p *Properties) *string { return &p.ValueDelimiter })},
		"TIMESTAMP":        {true, true, false, text(func(p *Properties) *string { return &p.Timestamp })},
		"TIMESTAMP_FORMAT": {true, true, false, text(func(p *Properties) *string { return &p.TimestampFormat })},
		"WRAP_SINGLE_VALUE": {true, true, false, func(p *Properties, v string) error {
			b, ok := types.ParseBoolean(v)
			if !ok {
				return api.Errorf("%q is no boolean", v)
			}
			p.WrapSingleValue = &b
			return nil
		}},
		"WINDOW_TYPE":                            {true, false, false, text(func(p *Properties) *string { return &p.WindowType })},
		"WINDOW_SIZE":                            {true, false, false, text(func(p *Properties) *string { return &p.WindowSize })},
		"QUERY_ID":                               {false, false, true, text(func(p *Properties) *string { return &p.QueryID })},
		"KEY_SCHEMA_ID":                          {true, true, false, func(p *Properties, _ string) error { p.KeySchemaID = true; return nil }},
		"VALUE_SCHEMA_ID":                        {true, true, false, func(p *Properties, _ string) error { p.ValueSchemaID = true; return nil }},
		"KEY_SCHEMA_FULL_NAME":                   {true, true, false, config("fullSchemaName", true, false)},
		"VALUE_SCHEMA_FULL_NAME":                 {true, true, false, config("fullSchemaName", false, true)},
		"VALUE_AVRO_SCHEMA_FULL_NAME":            {true, true, false, config("fullSchemaName", false, true)},
		"KEY_PROTOBUF_NULLABLE_REPRESENTATION":   {true, true, false, config("nullableRepresentation", true, false)},
		"VALUE_PROTOBUF_NULLABLE_REPRESENTATION": {true, true, false, config("nullableRepresentation", false, true)},
		"SOURCED_BY_CONNECTOR":                   {true, false, false, func(*Properties, string) error { return nil }},
	}
}

// Place says which statement a WITH clause belongs to.
type Place uint8

// The places of WITH clauses.
const (
	InCreate Place = iota
	InCreateAs
	InInsert
)

// ParseProperties reads a WITH clause.
func ParseProperties(list []ast.Property, place Place) (*Properties, error) {
	p := &Properties{places: map[string]ast.Pos{}}
	rows := propertyRows()
	given := map[string]bool{}
	for _, prop := range list {
		name := strings.ToUpper(prop.Name)
		row, ok := rows[name]
		if !ok || !(place == InCreate && row.create || place == InCreateAs && row.as || place == InInsert && row.insert) {
			return nil, errorAt(prop.At(), "Invalid config variable(s) in the WITH clause: %s", name)
		}
		if given[name] {
			return nil, errorAt(prop.At(), "Duplicate property in the WITH clause: %s", name)
		}
		given[name], p.places[name] = true, prop.At()
		if err := row.set(p, types.Text(prop.Value.Value, prop.Value.Type)); err != nil {
			return nil, errorAt(prop.At(), "Invalid value for property '%s': %s", name, err)
		}
	}
	for _, side := range []string{"KEY_FORMAT", "VALUE_FORMAT"} {
		if given["FORMAT"] && given[side] {
			return nil, errorAt(list[0].At(), "Cannot supply both '%s' and 'FORMAT' properties, as 'FORMAT' sets both key and value formats.\nEither use just 'FORMAT', or use 'KEY_FORMAT' and 'VALUE_FORMAT'.", side)
		}
	}
	return p, p.check(list)
}

func (p *Properties) check(list []ast.Property) error {
	switch {
	case p.Partitions != nil && *p.Partitions < 1:
		return errorAt(list[0].At(), "Invalid config in the WITH clause: PARTITIONS must be at least 1")
	case p.Replicas != nil && (*p.Replicas < 1 || *p.Replicas > 1<<15-1):
		return errorAt(list[0].At(), "Invalid config in the WITH clause: REPLICAS must be at least 1")
	}
	return nil
}

// inferring are the formats of a schema registry, which give columns by themselves.
var inferring = []format.Format{format.Avro, format.JSONSR, format.Protobuf}

// formatAt is the place where WITH says the format of a side.
func (p *Properties) formatAt(key bool) ast.Pos {
	if key {
		return p.At("KEY_FORMAT", "FORMAT")
	}
	return p.At("VALUE_FORMAT", "FORMAT")
}

// side builds the format of one side from the names in WITH and what it takes over.
func (p *Properties) side(name, delimiter string, key bool, inherited *catalog.Format) (catalog.Format, error) {
	f, err := p.sideFormat(name, delimiter, key, inherited)
	return f, At(p.formatAt(key), err)
}

func (p *Properties) sideFormat(name, delimiter string, key bool, inherited *catalog.Format) (catalog.Format, error) {
	if name == "" && inherited != nil {
		name = inherited.Name
	}
	f, err := format.Parse(name)
	if err != nil {
		e := api.Errorf("%s", err)
		if near := Nearest(name, format.Names()); near != "" {
			e.Hint = "did you mean " + near + "?"
		}
		return catalog.Format{}, e
	}
	out := catalog.Format{Name: f.String()}
	configs := p.valueConfigs
	if key {
		configs = p.keyConfigs
	}
	if len(configs) > 0 && !slices.Contains(inferring, f) {
		return out, api.Errorf("%s does not support the following configs: [%s]", f, strings.Join(configs, ", "))
	}
	if delimiter != "" {
		if f != format.Delimited {
			return out, api.Errorf("%s does not support the following configs: [delimiter]", f)
		}
		if _, err := Delimiter(delimiter); err != nil {
			return out, err
		}
		out.Properties = map[string]string{"delimiter": delimiter}
	} else if inherited != nil && inherited.Name == out.Name {
		out.Properties = inherited.Properties
	}
	return out, nil
}

// Delimiter reads the name of a delimiter: one character, TAB or SPACE.
func Delimiter(s string) (rune, error) {
	switch s {
	case "":
		return 0, nil
	case "TAB":
		return '\t', nil
	case "SPACE":
		return ' ', nil
	}
	r, size := utf8.DecodeRuneInString(s)
	if size != len(s) || strings.TrimSpace(s) == "" {
		return 0, api.Errorf("Invalid delimiter value: '%s'. Delimiter must be a single character or TAB,SPACE", s)
	}
	return r, nil
}

// available refuses formats that this version cannot read and write, and says so.
func available(f catalog.Format) error {
	parsed, err := format.Parse(f.Name)
	if err != nil || parsed.Available() {
		return err
	}
	e := api.Errorf("Format %s needs a schema registry, which is not available.", f.Name)
	if parsed == format.ProtobufNoSR {
		e = api.Errorf("Format %s is not available.", f.Name)
	}
	e.Code = api.CodeNoSchemaRegistry
	e.Hint = "use JSON, DELIMITED or KAFKA"
	return e
}

// window reads WINDOW_TYPE and WINDOW_SIZE.
func (p *Properties) window() (*catalog.Window, error) {
	if p.WindowType == "" {
		if p.WindowSize != "" {
			return nil, api.Errorf("'WINDOW_SIZE' needs 'WINDOW_TYPE'.")
		}
		return nil, nil
	}
	w := &catalog.Window{Type: catalog.WindowType(strings.ToUpper(p.WindowType))}
	switch w.Type {
	case catalog.Session:
		if p.WindowSize != "" {
			return nil, api.Errorf("'WINDOW_SIZE' should not be set for SESSION windows.")
		}
		return w, nil
	case catalog.Tumbling, catalog.Hopping:
		if p.WindowSize == "" {
			return nil, api.Errorf("%s windows require 'WINDOW_SIZE' to be provided in the WITH clause. For example: 'WINDOW_SIZE'='10 SECONDS'", w.Type)
		}
	default:
		return nil, api.Errorf("Invalid value for property 'WINDOW_TYPE': String must be one of: SESSION, HOPPING, TUMBLING, null")
	}
	var err error
	w.Size, err = parseSize(p.WindowSize)
	return w, err
}

var sizeUnits = map[string]time.Duration{
	"DAY": 24 * time.Hour, "HOUR": time.Hour, "MINUTE": time.Minute, "SECOND": time.Second, "MILLISECOND": time.Millisecond,
}

func parseSize(s string) (time.Duration, error) {
	fields := strings.Fields(s)
	if len(fields) == 2 {
		n, err := strconv.ParseInt(fields[0], 10, 64)
		unit := sizeUnits[strings.TrimSuffix(strings.ToUpper(fields[1]), "S")]
		if err == nil && n > 0 && unit > 0 && n <= int64(1<<62)/int64(unit) {
			return time.Duration(n) * unit, nil
		}
	}
	return 0, api.Errorf("Configuration WINDOW_SIZE is invalid: Invalid duration: '%s'. Example: '10 SECONDS'", s)
}

// SinkFormats returns the formats of what CREATE AS makes: those of WITH, otherwise those of the source.
func (p *Properties) SinkFormats(key, value catalog.Format) (f catalog.Formats, err error) {
	if f.Key, err = p.side(p.KeyFormat, p.KeyDelimiter, true, &key); err != nil {
		return f, err
	}
	if f.Value, err = p.side(p.ValueFormat, p.ValueDelimiter, false, &value); err != nil {
		return f, err
	}
	if err = available(f.Key); err != nil {
		return f, At(p.formatAt(true), err)
	}
	return f, At(p.formatAt(false), available(f.Value))
}
