package catalog_test

import (
	"strings"
	"testing"

	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/types"
)

func source(name string, kind catalog.Kind) *catalog.Source {
	return &catalog.Source{
		Name: name, Kind: kind, Topic: name, Schema: types.MustSchema(types.Column{Name: "A", Type: types.Integer}),
		Formats: catalog.Formats{Key: catalog.Format{Name: "KAFKA"}, Value: catalog.Format{Name: "JSON"}},
	}
}

func TestSnapshotsDoNotChange(t *testing.T) {
	empty := &catalog.Catalog{}
	one := empty.WithSource(source("S", catalog.Stream)).WithType("T", types.Date)
	two := one.WithoutSource("S").WithoutType("T")
	for name, c := range map[string]*catalog.Catalog{"empty": empty, "two": two} {
		if len(c.Sources()) != 0 || len(c.Types()) != 0 {
			t.Errorf("%s has %v %v", name, c.Sources(), c.Types())
		}
	}
	if len(one.Sources()) != 1 || len(one.Types()) != 1 {
		t.Errorf("one has %v %v", one.Sources(), one.Types())
	}
}

func TestCreateAndDropRules(t *testing.T) {
	made := source("T", catalog.Table)
	made.CreatedBy = "CTAS_T_1"
	cat := (&catalog.Catalog{}).WithSource(source("S", catalog.Stream)).WithSource(made).
		WithQuery(&catalog.Query{ID: "CTAS_T_1", Sources: []string{"S"}, Sink: "T"})
	says := func(err error, want string) {
		t.Helper()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("says %v, want %q", err, want)
		}
	}
	create := func(s *catalog.Source, replace, ifNot bool, wantExists bool, want string) {
		t.Helper()
		exists, err := cat.CheckCreate(s, replace, ifNot)
		if exists != wantExists {
			t.Errorf("exists is %v", exists)
		}
		says(err, want)
	}
	wider := source("S", catalog.Stream)
	wider.Schema = types.MustSchema(types.Column{Name: "A", Type: types.Integer}, types.Column{Name: "B", Type: types.Integer})
	other := source("S", catalog.Stream)
	other.Schema = types.MustSchema(types.Column{Name: "A", Type: types.String})
	create(source("NEW", catalog.Stream), false, false, false, "")
	create(source("S", catalog.Stream), false, false, false, "Cannot add stream 'S': A stream with the same name already exists")
	create(source("T", catalog.Stream), false, false, false, "A table with the same name already exists")
	create(source("S", catalog.Stream), false, true, true, "")
	create(wider, true, false, false, "")
	create(other, true, false, false, "The following columns are changed, missing or reordered: [`A` INTEGER]")
	create(source("S", catalog.Table), true, false, false, "has type STREAM which cannot be upgraded to TABLE")

	drop := func(name string, kind catalog.Kind, ifExists, wantExists bool, want string) {
		t.Helper()
		exists, err := cat.CheckDrop(name, kind, ifExists, false)
		if exists != wantExists {
			t.Errorf("exists is %v", exists)
		}
		says(err, want)
	}
	drop("S", catalog.Stream, false, false, "The following queries read from this source: [CTAS_T_1]")
	drop("T", catalog.Table, false, true, "") // its own query ends with it
	drop("T", catalog.Stream, false, false, "Incompatible data source type is TABLE, but statement was DROP STREAM")
	drop("X", catalog.Stream, false, false, "Stream X does not exist.")
	drop("X", catalog.Stream, true, false, "")
}
