package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Every package says what it is for.
func TestPackagesAreDocumented(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 && !strings.HasSuffix(p.folder(), "grammar/parser") {
			t.Errorf("%s has no package comment", p.folder())
		}
	}
}

// Nine of ten exported names of a package carry a comment, and all of the
// public ones do.
func TestExportedNamesAreDocumented(t *testing.T) {
	isPublic := map[string]bool{}
	for _, f := range public {
		isPublic[f] = true
	}
	for _, p := range packages(t) {
		if p.Name == "main" || strings.HasSuffix(p.folder(), "grammar/parser") {
			continue
		}
		var bare []string
		total := 0
		for _, file := range p.GoFiles {
			b, n := undocumented(t, filepath.Join(p.Dir, file))
			bare, total = append(bare, b...), total+n
		}
		if isPublic[p.folder()] && len(bare) > 0 {
			t.Errorf("%s: without a comment: %s", p.folder(), strings.Join(bare, ", "))
		} else if len(bare)*10 > total {
			t.Errorf("%s: %d of %d exported names without a comment: %s", p.folder(), len(bare), total, strings.Join(bare, ", "))
		}
	}
}

// undocumented lists the exported top-level names of a file that have no
// comment, and counts all of them. A comment on a group covers its members.
func undocumented(t *testing.T, path string) (bare []string, total int) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	note := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if !name.IsExported() {
			return
		}
		total++
		for _, d := range docs {
			if d != nil {
				return
			}
		}
		bare = append(bare, name.Name)
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if exportedReceiver(d) {
				note(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					note(s.Name, s.Doc, s.Comment, d.Doc)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						note(name, s.Doc, s.Comment, d.Doc)
					}
				}
			}
		}
	}
	return bare, total
}

// exportedReceiver reports whether a function is no method, or one of an
// exported type that implements no well-known interface by its name.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	switch d.Name.Name {
	case "Error", "String", "Unwrap", "Is", "Len", "Less", "Swap", "Close", "Write", "Read", "MarshalJSON", "UnmarshalJSON":
		return false
	}
	recv := d.Recv.List[0].Type
	for {
		switch r := recv.(type) {
		case *ast.StarExpr:
			recv = r.X
		case *ast.IndexExpr:
			recv = r.X
		case *ast.IndexListExpr:
			recv = r.X
		case *ast.Ident:
			return r.IsExported()
		default:
			return false
		}
	}
}
