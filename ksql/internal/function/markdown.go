package function

import (
	"fmt"
	"slices"
	"strings"
)

//go:generate go run ./gendocs ../../../docs/functions.md

// Markdown writes the documentation of all functions of a registry, by category and name.
func Markdown(r *Registry) string {
	byCategory := make(map[string][]Description)
	for _, name := range r.Names() {
		d, _ := r.Describe(name)
		byCategory[d.Category] = append(byCategory[d.Category], d)
	}
	categories := make([]string, 0, len(byCategory))
	for c := range byCategory {
		categories = append(categories, c)
	}
	slices.Sort(categories)
	var b strings.Builder
	b.WriteString("# SQL functions\n\n")
	b.WriteString("Generated from the function registry by `go generate ./ksql/internal/function`; do not edit.\n\n")
	b.WriteString("`x...` may be repeated. T, K, V, R and S stand for any type, the same wherever the letter stands. A function gives NULL for a\n")
	b.WriteString("NULL argument unless its text says otherwise. Aggregates marked with * can also be used on tables.\n")
	for _, c := range categories {
		fmt.Fprintf(&b, "\n## %s\n", title(c))
		for _, d := range byCategory[c] {
			r.describe(&b, d)
		}
	}
	return b.String()
}

func title(category string) string {
	switch category {
	case "JSON", "URL":
		return category
	}
	return category[:1] + strings.ToLower(category[1:])
}

func (r *Registry) describe(b *strings.Builder, d Description) {
	star := ""
	for _, a := range r.aggregates[d.Name] {
		if a.Tables {
			star = " *"
		}
	}
	fmt.Fprintf(b, "\n### %s%s\n\n", d.Name, star)
	// Overloads with the same text share it.
	var last string
	for _, o := range d.Overloads {
		if o.Doc != last {
			if last != "" {
				b.WriteByte('\n')
			}
			fmt.Fprintf(b, "%s\n\n", o.Doc)
			last = o.Doc
		}
		fmt.Fprintf(b, "- `%s` → `%s`\n", o.Signature, o.Type)
	}
}
