package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A path in the architecture page that is written as code and names a file or
// folder of the tree must exist.
func TestPathsNamedInArchitectureExist(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, m := range regexp.MustCompile("`([a-z][a-zA-Z0-9_./-]*)`").FindAllStringSubmatch(string(page), -1) {
		path := m[1]
		top, _, nested := strings.Cut(path, "/")
		if !nested || strings.Contains(path, "...") {
			continue
		}
		if _, err := os.Stat(filepath.Join("../..", top)); err != nil {
			continue // an import path or a file of the data directory
		}
		seen++
		if _, err := os.Stat(filepath.Join("../..", path)); err != nil {
			t.Errorf("ARCHITECTURE.md names %s, which does not exist", path)
		}
	}
	if seen < 5 {
		t.Errorf("only %d paths found in ARCHITECTURE.md: has its form changed?", seen)
	}
}

// Links between the pages lead somewhere.
func TestRelativeLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s,]+)(#[^)\s]*)?\)`)
	for _, page := range markdown(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, m[1])
			}
		}
	}
}

func markdown(t *testing.T) []string {
	t.Helper()
	var pages []string
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || strings.HasPrefix(d.Name(), ".chortal")) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}
