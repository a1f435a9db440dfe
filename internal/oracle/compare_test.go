package main

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// diff compares an answer with a case's expectation and returns the differences, aspect by aspect.
func diff(c *caseSpec, answer map[string]any) []string {
	got := roundTrip(answer)
	want := object(c.Expect)
	var out []string
	if (want["error"] == nil) != (got["error"] == nil) || fmt.Sprint(want["errorAt"]) != fmt.Sprint(got["errorAt"]) {
		out = append(out, fmt.Sprintf("error: want %v at %v, got %v at %v: %v", want["error"], want["errorAt"], got["error"], got["errorAt"], got["errorText"]))
	}
	for _, aspect := range []string{"describe", "branches", "topics", "copartition", "steps", "stores", "changelog", "dropped"} {
		w, ok := want[aspect]
		if !ok {
			continue
		}
		if d := differs(aspect, w, normalize(aspect, got[aspect]), normalize(aspect, w)); d != "" {
			out = append(out, d)
		}
	}
	return out
}

func differs(path string, raw, got, want any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: want %v, got %v", path, want, got)
		}
		for _, k := range keys(w, g) {
			if k == "h" && empty(w[k]) && empty(g[k]) || k == "t" && w[k] == nil && hasKey(w, k) {
				continue
			}
			if hasKey(w, k) != hasKey(g, k) {
				return fmt.Sprintf("%s.%s: want %v, got %v", path, k, w[k], g[k])
			}
			if d := differs(path+"."+k, raw, g[k], w[k]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s: want %s, got %s", path, text(want), text(got))
		}
		for i := range w {
			if d := differs(fmt.Sprintf("%s[%d]", path, i), raw, g[i], w[i]); d != "" {
				return d
			}
		}
		return ""
	case json.Number:
		g, ok := got.(json.Number)
		if !ok || !sameNumber(w, g) {
			return fmt.Sprintf("%s: want %v, got %v", path, want, got)
		}
		return ""
	case string:
		if w == "*" || w == got {
			return ""
		}
	default:
		if want == got {
			return ""
		}
	}
	return fmt.Sprintf("%s: want %v, got %v", path, want, got)
}

func sameNumber(a, b json.Number) bool {
	x, ok1 := new(big.Rat).SetString(a.String())
	y, ok2 := new(big.Rat).SetString(b.String())
	return ok1 && ok2 && x.Cmp(y) == 0
}

func text(v any) string {
	b, err := marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func keys(a, b map[string]any) []string {
	var list []string
	for k := range a {
		list = append(list, k)
	}
	for k := range b {
		if !hasKey(a, k) {
			list = append(list, k)
		}
	}
	slices.Sort(list)
	return list
}

func hasKey(m map[string]any, k string) bool {
	_, ok := m[k]
	return ok
}

func empty(v any) bool {
	a, _ := v.([]any)
	return len(a) == 0
}

// roundTrip gives an answer the form that it has when it is read back.
func roundTrip(v any) map[string]any {
	b, err := marshal(v)
	if err != nil {
		panic(err)
	}
	m := make(map[string]any)
	if err := decodeJSON(b, &m); err != nil {
		panic(err)
	}
	return m
}

var lists = []*regexp.Regexp{
	regexp.MustCompile(`(?m)(stores: \[)(.*?)(\]\))`), regexp.MustCompile(`(?m)(topics: \[)(.*?)(\]\))`),
	regexp.MustCompile(`(?m)(--> )(.*)()$`), regexp.MustCompile(`(?m)(<-- )(.*)()$`),
}

// normalize sorts what may come in any order.
func normalize(aspect string, v any) any {
	switch aspect {
	case "describe":
		s, ok := v.(string)
		if !ok {
			return v
		}
		for _, re := range lists {
			s = re.ReplaceAllStringFunc(s, func(m string) string {
				p := re.FindStringSubmatch(m)
				names := strings.Split(p[2], ", ")
				slices.Sort(names)
				return p[1] + strings.Join(names, ", ") + p[3]
			})
		}
		return s
	case "changelog":
		m, _ := v.(map[string]any)
		for topic, list := range m {
			a, _ := list.([]any)
			if strings.HasSuffix(topic, "-changelog") {
				slices.SortStableFunc(a, func(x, y any) int {
					return strings.Compare(text(x.(map[string]any)["k"]), text(y.(map[string]any)["k"]))
				})
			}
		}
	}
	return v
}
