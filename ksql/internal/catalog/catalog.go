package catalog

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/types"
)

// Catalog is an immutable set of definitions. The zero Catalog is empty.
type Catalog struct {
	sources map[string]*Source
	types   map[string]types.Type
	queries map[string]*Query
}

// Source returns a stream or table by its name in final case.
func (c *Catalog) Source(name string) (*Source, bool) {
	s, ok := c.sources[name]
	return s, ok
}

// Sources returns all streams and tables by name.
func (c *Catalog) Sources() []*Source {
	return sorted(c.sources, func(s *Source) string { return s.Name })
}

// Type returns a named type.
func (c *Catalog) Type(name string) (types.Type, bool) {
	t, ok := c.types[name]
	return t, ok
}

// Types returns the names of all named types in order.
func (c *Catalog) Types() []string { return slices.Sorted(maps.Keys(c.types)) }

// Query returns a persistent query by its id.
func (c *Catalog) Query(id string) (*Query, bool) {
	q, ok := c.queries[id]
	return q, ok
}

// Queries returns all persistent queries by id.
func (c *Catalog) Queries() []*Query {
	return sorted(c.queries, func(q *Query) string { return q.ID })
}

func sorted[V any](m map[string]V, key func(V) string) []V {
	out := slices.Collect(maps.Values(m))
	sort.Slice(out, func(i, j int) bool { return key(out[i]) < key(out[j]) })
	return out
}

// Readers returns the ids of the queries that read a source; Writers those that write it.
func (c *Catalog) Readers(name string) []string {
	return c.queryIDs(func(q *Query) bool { return slices.Contains(q.Sources, name) })
}

// Writers returns the ids of the queries that write a source.
func (c *Catalog) Writers(name string) []string {
	return c.queryIDs(func(q *Query) bool { return q.Sink == name })
}

func (c *Catalog) queryIDs(match func(*Query) bool) []string {
	ids := []string{}
	for _, q := range c.Queries() {
		if match(q) {
			ids = append(ids, q.ID)
		}
	}
	return ids
}

// WithSource returns the catalog with s added, or put in the place of an older definition. CheckCreate says whether that is allowed.
func (c *Catalog) WithSource(s *Source) *Catalog {
	out := *c
	out.sources = with(c.sources, s.Name, s)
	return &out
}

// WithoutSource returns the catalog without a stream or table.
func (c *Catalog) WithoutSource(name string) *Catalog {
	out := *c
	out.sources = without(c.sources, name)
	return &out
}

// WithQuery returns the catalog with a persistent query.
func (c *Catalog) WithQuery(q *Query) *Catalog {
	out := *c
	out.queries = with(c.queries, q.ID, q)
	return &out
}

// WithoutQuery returns the catalog without a persistent query.
func (c *Catalog) WithoutQuery(id string) *Catalog {
	out := *c
	out.queries = without(c.queries, id)
	return &out
}

// WithType returns the catalog with a named type.
func (c *Catalog) WithType(name string, t types.Type) *Catalog {
	out := *c
	out.types = with(c.types, name, t)
	return &out
}

// WithoutType returns the catalog without a named type.
func (c *Catalog) WithoutType(name string) *Catalog {
	out := *c
	out.types = without(c.types, name)
	return &out
}

func with[V any](m map[string]V, key string, value V) map[string]V {
	out := make(map[string]V, len(m)+1)
	maps.Copy(out, m)
	out[key] = value
	return out
}

func without[V any](m map[string]V, key string) map[string]V {
	out := maps.Clone(m)
	delete(out, key)
	return out
}

// CheckCreate says why a source cannot be created, or nil. Exists reports that the name is taken although the
// statement said IF NOT EXISTS, so that nothing is to be done.
func (c *Catalog) CheckCreate(s *Source, orReplace, ifNotExists bool) (exists bool, err error) {
	old, taken := c.sources[s.Name]
	switch {
	case orReplace && s.ReadOnly:
		return false, api.Errorf("Cannot add %s '%s': CREATE OR REPLACE is not supported on source %ss.", s.Kind.Lower(), s.Name, s.Kind.Lower())
	case !taken:
		return false, nil
	case ifNotExists:
		return true, nil
	case !orReplace:
		return false, api.Errorf("Cannot add %s '%s': A %s with the same name already exists", s.Kind.Lower(), s.Name, old.Kind.Lower())
	case old.ReadOnly || s.ReadOnly:
		return false, api.Errorf("Cannot add %s '%s': CREATE OR REPLACE is not supported on source %ss.", s.Kind.Lower(), s.Name, s.Kind.Lower())
	}
	return false, c.checkReplace(old, s)
}

// checkReplace applies ksqlDB's rule for CREATE OR REPLACE of a declared source: columns may be added at the end, and
// all else stays.
func (c *Catalog) checkReplace(old, s *Source) error {
	prefix := fmt.Sprintf("Cannot add %s '%s': Cannot upgrade data source: ", s.Kind.Lower(), s.Name)
	if old.Kind != s.Kind {
		return api.Errorf("%sDataSource '%s' has type %s which cannot be upgraded to %s.", prefix, types.Quote(s.Name), old.Kind, s.Kind)
	}
	if old.Topic != s.Topic {
		return api.Errorf("%sDataSource '%s' has kafka topic %s which cannot be upgraded to %s.", prefix, types.Quote(s.Name), old.Topic, s.Topic)
	}
	if !old.Formats.Key.Equal(s.Formats.Key) || !old.Formats.Value.Equal(s.Formats.Value) {
		return api.Errorf("%sDataSource '%s' has a format which cannot be changed.", prefix, types.Quote(s.Name))
	}
	return checkColumnsKept(prefix, old, s)
}

func checkColumnsKept(prefix string, old, s *Source) error {
	var missing []string
	for _, col := range old.Schema.Columns() {
		i := s.Schema.FindIn(col.Namespace, col.Name)
		if i < 0 || !s.Schema.At(i).Type.Equal(col.Type) {
			missing = append(missing, col.String())
		}
	}
	if len(missing) > 0 {
		return api.Errorf("%sDataSource '%s' has schema = %s which cannot be upgraded to %s. The following columns are changed, missing or reordered: [%s]",
			prefix, types.Quote(s.Name), old.Schema, s.Schema, strings.Join(missing, ", "))
	}
	return nil
}

// CheckDrop says why a source cannot be dropped, or nil. The query that created it does not count, as it ends with
// its source; exists is false when there is nothing to drop and the statement said IF EXISTS.
func (c *Catalog) CheckDrop(name string, kind Kind, ifExists, deleteTopic bool) (exists bool, err error) {
	s, ok := c.sources[name]
	switch {
	case !ok && ifExists:
		return false, nil
	case !ok:
		return false, api.Errorf("%s %s does not exist.", kind.Title(), name)
	case s.Kind != kind:
		return false, api.Errorf("Incompatible data source type is %s, but statement was DROP %s", s.Kind, kind)
	case deleteTopic && s.ReadOnly:
		return false, api.Errorf("Cannot delete topic for read-only source: %s", name)
	}
	if err := c.checkDependents(s); err != nil {
		return false, err
	}
	return true, nil
}

func (c *Catalog) checkDependents(s *Source) error {
	hidden := HiddenQueryPrefix + s.Name + "_"
	readers := slices.DeleteFunc(c.Readers(s.Name), func(id string) bool { return strings.HasPrefix(id, hidden) })
	writers := slices.DeleteFunc(c.Writers(s.Name), func(id string) bool { return id == s.CreatedBy })
	if len(readers) == 0 && len(writers) == 0 {
		return nil
	}
	err := api.Errorf("Cannot drop %s.\nThe following queries read from this source: [%s].\nThe following queries write into this source: [%s].\nYou need to terminate them before dropping %s.",
		s.Name, strings.Join(readers, ", "), strings.Join(writers, ", "), s.Name)
	err.Hint = "TERMINATE " + append(readers, writers...)[0] + ";"
	return err
}

// HiddenQueryPrefix begins the ids of the queries that materialise SOURCE TABLEs.
const HiddenQueryPrefix = "CST_"
