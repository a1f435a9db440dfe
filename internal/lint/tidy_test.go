package lint

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tracked lists the files of the repository; outside a checkout (a module
// archive, say) there is nothing to check.
func tracked(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	return strings.Fields(string(out))
}

// Generated Go says so in the form that tools know.
func TestGeneratedParserHasItsHeader(t *testing.T) {
	files, err := filepath.Glob("../../grammar/parser/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no generated parser: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		if !strings.HasPrefix(first, "// Code generated") || !strings.HasSuffix(strings.TrimSpace(first), "DO NOT EDIT.") {
			t.Errorf("%s begins with %q", f, first)
		}
	}
}

// No build result, data directory or profile is ever committed.
func TestNothingBuiltIsTracked(t *testing.T) {
	for _, f := range tracked(t) {
		switch {
		case strings.HasPrefix(f, ".chortal-data/"), strings.HasSuffix(f, ".test"), strings.HasSuffix(f, ".prof"), strings.HasSuffix(f, ".jar"):
			t.Errorf("%s is tracked", f)
		}
	}
}

// The names of folders that say nothing are not used.
func TestFoldersHaveNames(t *testing.T) {
	for _, p := range packages(t) {
		for part := range strings.SplitSeq(p.folder(), "/") {
			switch part {
			case "pkg", "src", "util", "utils", "common", "helpers", "models", "manager":
				t.Errorf("%s: a folder named %q says nothing", p.folder(), part)
			}
		}
	}
}
