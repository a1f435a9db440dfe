package catalog

import (
	"strings"
	"time"

	"github.com/chortal/chortal/ksql/internal/types"
)

// Kind tells streams from tables.
type Kind uint8

// The kinds of sources.
const (
	Stream Kind = iota
	Table
)

// String returns STREAM or TABLE.
func (k Kind) String() string {
	if k == Table {
		return "TABLE"
	}
	return "STREAM"
}

// Lower returns stream or table, as messages write it.
func (k Kind) Lower() string { return strings.ToLower(k.String()) }

// Title returns Stream or Table, as messages begin.
func (k Kind) Title() string {
	if k == Table {
		return "Table"
	}
	return "Stream"
}

// WindowType is the kind of window that a key carries.
type WindowType string

// The types of windows.
const (
	Tumbling WindowType = "TUMBLING"
	Hopping  WindowType = "HOPPING"
	Session  WindowType = "SESSION"
)

// Window describes the windows in the keys of a source. Size is zero for sessions.
type Window struct {
	Type WindowType    `json:"type"`
	Size time.Duration `json:"size,omitempty"`
}

// Format names a serialisation and its settings, such as delimiter.
type Format struct {
	Name       string            `json:"format"`
	Properties map[string]string `json:"properties,omitempty"`
}

// Equal reports whether both are the same format with the same settings.
func (f Format) Equal(g Format) bool {
	if f.Name != g.Name || len(f.Properties) != len(g.Properties) {
		return false
	}
	for k, v := range f.Properties {
		if g.Properties[k] != v {
			return false
		}
	}
	return true
}

// The features of a serialisation that a source fixes.
const (
	WrapSingles   = "WRAP_SINGLES"
	UnwrapSingles = "UNWRAP_SINGLES"
)

// Formats says how records of a topic are written: each side's format and the features that were asked for.
type Formats struct {
	Key           Format   `json:"keyFormat"`
	Value         Format   `json:"valueFormat"`
	KeyFeatures   []string `json:"keyFeatures,omitempty"`
	ValueFeatures []string `json:"valueFeatures,omitempty"`
	Window        *Window  `json:"windowInfo,omitempty"`
}

// Timestamp names the column that gives records their time, and the pattern of a STRING column.
type Timestamp struct {
	Column string `json:"column"`
	Format string `json:"format,omitempty"`
}

// Source is a stream or a table over a topic. It is never changed once it is in a Catalog.
type Source struct {
	Name      string
	Kind      Kind
	Schema    types.Schema
	Topic     string
	Formats   Formats
	Timestamp *Timestamp
	// ReadOnly is set for sources that were declared SOURCE.
	ReadOnly bool
	// CreatedBy is the id of the query that made the source with CREATE ... AS; empty for declared sources.
	CreatedBy string
	// Statement is the text that defined the source.
	Statement string
}

// Windowed reports whether the source's keys carry a window.
func (s *Source) Windowed() bool { return s.Formats.Window != nil }

// Query is a persistent query.
type Query struct {
	ID        string
	Statement string
	Sources   []string // names of sources it reads, in the order of the statement
	Sink      string   // name of the source that it writes; empty for the hidden query of a SOURCE TABLE
	// Insert is set for INSERT INTO ... SELECT, of which a sink can have many.
	Insert bool
}
