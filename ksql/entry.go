package ksql

import (
	"encoding/json"
	"fmt"
	"sort"

	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/parse"
	"github.com/chortal/chortal/ksql/internal/plan"
	"github.com/chortal/chortal/ksql/internal/types"
)

// The versions of the command log's records. A record carries the version that first had its kind.
const (
	entryVersion    = 2 // the newest that this engine reads
	objectVersion   = 1
	droppingVersion = 2
)

// entry is the value of a record of the command log: one object and the statement that defined it. The key names the
// object, so that compaction keeps the last definition; a null value removes it.
type entry struct {
	Version int `json:"version"`
	// Engine is the version of the engine that wrote the entry.
	Engine string `json:"engine"`
	// Epoch is that of the writer; see commandLog.
	Epoch int64 `json:"epoch"`
	// Sequence orders objects by their first definition: what an object refers to has a smaller one.
	Sequence   int64             `json:"sequence"`
	Statement  string            `json:"statement,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
	Source     *sourceEntry      `json:"source,omitempty"`
	Plan       *plan.Plan        `json:"plan,omitempty"`
	Type       *typeEntry        `json:"type,omitempty"`
	// Dropping is the id of a query that is being dropped: its topics, its group and its state are still to be deleted.
	Dropping string `json:"dropping,omitempty"`
	// Owner is set in the one record that says who writes.
	Owner string `json:"owner,omitempty"`
}

type sourceEntry struct {
	Name      string             `json:"name"`
	Kind      string             `json:"kind"`
	Topic     string             `json:"topic"`
	Schema    plan.Schema        `json:"schema"`
	Formats   catalog.Formats    `json:"formats"`
	Timestamp *catalog.Timestamp `json:"timestamp,omitempty"`
	ReadOnly  bool               `json:"readOnly,omitempty"`
	CreatedBy string             `json:"createdBy,omitempty"`
}

type typeEntry struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func sourceKey(name string) string { return "source/" + name }
func queryKey(id string) string    { return "query/" + id }
func typeKey(name string) string   { return "type/" + name }

// droppingKey is the key of the record that says that a query is being dropped.
func droppingKey(id string) string { return "dropping/" + id }

func droppingEntry(id string) *entry {
	return &entry{Version: droppingVersion, Engine: Version, Dropping: id}
}

func newEntry(c statementContext, src *catalog.Source, p *plan.Plan) *entry {
	e := &entry{Version: objectVersion, Engine: Version, Sequence: c.sequence, Statement: c.text, Properties: c.props, Plan: p}
	if src != nil {
		e.Statement = src.Statement
		e.Source = &sourceEntry{
			Name: src.Name, Kind: src.Kind.String(), Topic: src.Topic, Schema: plan.Schema{Schema: src.Schema}, Formats: src.Formats,
			Timestamp: src.Timestamp, ReadOnly: src.ReadOnly, CreatedBy: src.CreatedBy,
		}
	}
	return e
}

func (s *sourceEntry) source(statement string) *catalog.Source {
	kind := catalog.Stream
	if s.Kind == catalog.Table.String() {
		kind = catalog.Table
	}
	return &catalog.Source{
		Name: s.Name, Kind: kind, Topic: s.Topic, Schema: s.Schema.Schema, Formats: s.Formats, Timestamp: s.Timestamp,
		ReadOnly: s.ReadOnly, CreatedBy: s.CreatedBy, Statement: statement,
	}
}

// decodeEntry reads a record of the command log.
func decodeEntry(key string, value []byte) (*entry, error) {
	var e entry
	if err := json.Unmarshal(value, &e); err != nil {
		return nil, fmt.Errorf("command log record %q: %w", key, err)
	}
	if e.Version > entryVersion {
		return nil, fmt.Errorf("command log record %q has version %d; this engine knows %d at most", key, e.Version, entryVersion)
	}
	return &e, nil
}

// foldEntries builds the catalog of the live entries and the queries to start, in the order of definition.
func foldEntries(entries map[string]*entry) (*catalog.Catalog, []*entry, error) {
	list := make([]*entry, 0, len(entries))
	for _, e := range entries {
		list = append(list, e)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Sequence < list[j].Sequence })
	cat := &catalog.Catalog{}
	var queries []*entry
	for _, e := range list {
		if e.Type != nil {
			ref, err := parse.Type(e.Type.Type)
			if err != nil {
				return nil, nil, fmt.Errorf("type %s of the command log: %w", e.Type.Name, err)
			}
			var t types.Type
			if t, err = ref.Resolve(nil); err != nil {
				return nil, nil, fmt.Errorf("type %s of the command log: %w", e.Type.Name, err)
			}
			cat = cat.WithType(e.Type.Name, t)
		}
		if e.Source != nil {
			cat = cat.WithSource(e.Source.source(e.Statement))
		}
		if e.Plan != nil {
			q := &catalog.Query{ID: e.Plan.QueryID, Statement: e.Statement, Sources: e.Plan.Sources}
			if e.Plan.Sink != nil {
				q.Sink = e.Plan.Sink.Name
			}
			q.Insert = e.Source == nil
			cat = cat.WithQuery(q)
			queries = append(queries, e)
		}
	}
	return cat, queries, nil
}
