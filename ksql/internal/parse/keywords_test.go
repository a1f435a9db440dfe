package parse_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/parse"
)

// TestKeywords: every keyword is reserved, or a soft keyword of the grammar, or told apart by what follows it.
func TestKeywords(t *testing.T) {
	src, err := os.ReadFile("../../../grammar/Ksql.g4")
	if err != nil {
		t.Fatal(err)
	}
	soft := map[string]int{"ARRAY": 1, "MAP": 1, "STRUCT": 1}
	for _, rule := range []string{"softKeyword", "clauseKeyword"} {
		m := regexp.MustCompile(`(?s)\n` + rule + `\n(.*?);`).FindSubmatch(src)
		words := regexp.MustCompile(`[A-Z]+`).FindAllString(string(m[1]), -1)
		if !slices.IsSorted(words) {
			t.Errorf("%s is not sorted", rule)
		}
		for _, w := range words {
			soft[w]++
		}
	}
	keywords := parse.Keywords()
	for _, w := range keywords {
		if n := soft[w]; ast.IsReserved(w) == (n > 0) || n > 1 {
			t.Errorf("%s: reserved %v, soft %d times", w, ast.IsReserved(w), n)
		}
	}
	for w := range soft {
		if !slices.Contains(keywords, w) {
			t.Errorf("%s is no keyword", w)
		}
	}
	// What is not reserved can be a name.
	for _, w := range keywords {
		_, err := parse.Statement("select "+strings.ToLower(w)+" as "+w+", a."+w+" from "+w, parse.Options{})
		if ast.IsReserved(w) == (err == nil) {
			t.Errorf("%s: reserved %v, error %v", w, ast.IsReserved(w), err)
		}
	}
}
